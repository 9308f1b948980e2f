"""JupyterLab without a window, and a browser that opens a notebook in it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

TOKEN = "t"
CHROMIUM = "/usr/bin/chromium"


@contextlib.contextmanager
def running_lab(root: Path) -> Iterator[str]:
    """Serve `root` on a free port; give the address; stop the server and its kernels at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--allow-root",
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={root}",
        f"--LabApp.workspaces_dir={root / 'workspaces'}",
        f"--LabApp.user_settings_dir={root / 'settings'}",
        "--ServerApp.terminals_enabled=False",
    ]
    # No pop-up that asks about news.
    news = root / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True, exist_ok=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
    log = (root / "lab.log").open("w")
    home = {"JUPYTER_CONFIG_DIR": str(root / "config"), "JUPYTER_RUNTIME_DIR": str(root / "runtime")}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        cwd=root,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, **home, "OMP_NUM_THREADS": "1"},
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(server, f"{address}/api/status?token={TOKEN}", root / "lab.log")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _wait(server: subprocess.Popen, url: str, log: Path) -> None:
    for _ in range(240):
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.5)
    raise RuntimeError(f"JupyterLab does not answer:\n{log.read_text()[-3000:]}")


@contextlib.contextmanager
def browser_page(width: int = 1280, height: int = 900) -> Iterator:
    """Give a page of the system's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(60_000)
            yield page
        finally:
            browser.close()


def open_notebook(page, address: str, name: str) -> None:
    """Open a notebook, alone on the page, and wait until the page has its kernel."""
    page.goto(f"{address}/doc/tree/{name}?token={TOKEN}&reset", wait_until="domcontentloaded")
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=120_000)
    for _ in range(120):
        with urllib.request.urlopen(f"{address}/api/sessions?token={TOKEN}", timeout=10) as answer:
            kernels = [session["kernel"] for session in json.load(answer)]
        if any(kernel["connections"] and kernel["execution_state"] == "idle" for kernel in kernels):
            break
        page.wait_for_timeout(500)
    # The page learns of it a moment later than the server.
    page.wait_for_timeout(1500)


def run_all(page) -> None:
    """Ask for all cells to be run; what they show or write tells when they are done."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
