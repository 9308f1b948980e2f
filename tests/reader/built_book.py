"""The book that `lesionlib book` has built: its pages, parsed, and a server for them."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

CHROMIUM = "/usr/bin/chromium"
BOOK = Path(os.environ.get("LESIONLIB_BOOK") or Path(__file__).parents[2] / "_build" / "html").resolve()
# What moves on a page, at once where it goes: a test need not wait, and measures no half-way color.
STILL = "*, *::before, *::after { animation: none !important; transition: none !important; }"
# The theme's own pieces of pages stand among its files.
PAGES = sorted(
    path.relative_to(BOOK).as_posix() for path in BOOK.rglob("*.html") if "_static" not in path.relative_to(BOOK).parts
)

needs_book = pytest.mark.skipif(
    "index.html" not in PAGES, reason=f"needs a book at {BOOK}: run `lesionlib book`, or name one in LESIONLIB_BOOK"
)
every_page = pytest.mark.parametrize("page", PAGES or ["none"])


@functools.cache
def parsed(page: str) -> BeautifulSoup:
    return BeautifulSoup((BOOK / page).read_text(encoding="utf-8"), "html.parser")


def content(page: str) -> Tag:
    """Return what the book says on a page, without the bars around it; a page that only leads on says nothing."""
    return parsed(page).select_one("article.bd-article") or parsed(page)


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve the book on a free port of this machine; give the address."""
    handler = functools.partial(_Quiet, directory=str(BOOK))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass
