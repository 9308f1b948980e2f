"""The book: executed notebooks in place of the sources, built with warnings as errors."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from lesionlib.atomic import locked, writing_to
from lesionlib.errors import InputError, LesionlibError
from lesionlib.runs import schema, spec, store
from lesionlib.runs.execution import NOTEBOOK
from lesionlib.runs.repository import PLACEHOLDER, Repository

_BUILDERS = ("jupyter-book", "sphinx", "sphinx-book-theme", "myst-nb")
# What a page says of how to cite the book comes from there.
_CITATION = "CITATION.cff"
_NOT_STAGED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "_build")


class BookFailed(LesionlibError):
    """Jupyter Book found something wrong in the pages."""


def build_book(
    project: Path, executed: Mapping[str, Path], out: Path | None = None, repository: Repository | None = None
) -> bool:
    """Build the book from executed notebooks, unless nothing has changed since it was built last.

    Parameters
    ----------
    project : Path
        The folder with ``_config.yml``, ``_toc.yml``, ``book/`` and ``notebooks/``.
    executed : mapping
        For each chapter the folder of the finished run that becomes its page. A chapter
        without one stands in the book as its source, and its page says so.
    out : Path, optional
        Where the pages go; ``<project>/_build/html`` by default. An earlier book stays until the
        new one is ready.
    repository : Repository, optional
        Where the sources stand for everyone: the pages get buttons that lead there. Without it they have none.

    Returns
    -------
    bool
        Whether it was built; False if nothing had changed.

    Raises
    ------
    LesionlibError
        With the warnings and errors of the build.
    InputError
        A run is not whole, another process builds, or the folder cannot be written.
    """
    out = out or project / "_build" / "html"
    stage, fresh, stamp = (out.with_name(f"{out.name}.{name}") for name in ("stage", "fresh", "stamp"))
    busy = InputError(f"{out} is being built by another process: wait for it")
    with writing_to(stage), locked(out.with_name(f"{out.name}.lock"), busy):
        shutil.rmtree(stage, ignore_errors=True)
        try:
            _stage(project, executed, stage)
            if repository:
                _address(stage, repository)
            digest = _digest(stage, store.results_root() or project / "results")
            if _is_built(out, stamp, digest):
                return False
            _build(stage, fresh)
            store.put_in_place(fresh / "_build" / "html", out)
            stamp.write_text(digest, encoding="utf-8")
            return True
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            shutil.rmtree(fresh, ignore_errors=True)


def _is_built(out: Path, stamp: Path, digest: str) -> bool:
    return (out / "index.html").is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == digest


def _stage(project: Path, executed: Mapping[str, Path], stage: Path) -> None:
    stage.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copyfile(project / name, stage / name)
    if (project / _CITATION).is_file():
        shutil.copyfile(project / _CITATION, stage / _CITATION)
    shutil.copytree(project / "book", stage / "book", ignore=_NOT_STAGED)
    (stage / "notebooks").mkdir()
    pages = {}
    for chapter, source in spec.chapters(project).items():
        target = stage / "notebooks" / f"{chapter}.ipynb"
        folder = executed.get(chapter)
        if folder is None:
            shutil.copyfile(source, target)
            continue
        pages[f"notebooks/{chapter}"] = _about(folder)
        notebook = json.loads((folder / NOTEBOOK).read_text(encoding="utf-8"))
        target.write_text(json.dumps(_published(notebook, project), indent=1), encoding="utf-8")
    (stage / "run_pages.json").write_text(json.dumps(pages, indent=1, sort_keys=True), encoding="utf-8")


def _address(stage: Path, repository: Repository) -> None:
    """Put the repository's address into the staged configuration and into the commands that the pages show."""
    config = stage / "_config.yml"
    content = repository.with_buttons(yaml.safe_load(config.read_text(encoding="utf-8")))
    config.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    for page in (stage / "book").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(PLACEHOLDER, repository.url), encoding="utf-8")


def _about(folder: Path) -> dict[str, Any]:
    run = schema.read(folder / "run.json", schema.RunFile)
    return {
        "key": run.key,
        "profile": run.profile,
        "data": run.data,
        "device": run.device,
        "phantom": run.is_phantom,
        "date": run.started[:10] if run.started else None,
        "seconds": run.seconds,
    }


def _published(notebook: dict[str, Any], project: Path) -> dict[str, Any]:
    """Return a notebook without what tells of the machine: progress on stderr, timings, folders."""
    notebook["metadata"].pop("papermill", None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("papermill", None)
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] != "code":
            continue
        kept = [one for one in cell["outputs"] if one.get("name") != "stderr"]
        cell["outputs"] = [_without_folders(one, project) for one in kept]
        if "injected-parameters" in spec.tags(cell):
            cell["source"] = _without_folders(cell["source"], project)
    return notebook


def _without_folders(content: Any, project: Path) -> Any:
    """Return an output with the project's and the user's folder made short in its texts; pictures stay."""
    if isinstance(content, list):
        return [_without_folders(value, project) for value in content]
    if isinstance(content, dict):
        texts = {name: value for name, value in content.items() if not name.startswith("image/")}
        return content | {name: _without_folders(value, project) for name, value in texts.items()}
    if not isinstance(content, str):
        return content
    for folder, short in ((project.resolve(), ""), (Path.home(), "~/")):
        if folder != Path(folder.anchor):
            content = re.sub(re.escape(str(folder)) + r"(?:[/\\]|(?![\w.-]))", short, content)
    return content


def _digest(stage: Path, results: Path) -> str:
    """Return a digest of all that the pages are made from."""
    digest = hashlib.sha256()
    for name in _BUILDERS:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    # The reference shows its docstrings, the catalog its cards.
    digest.update(json.dumps(spec.library_digests()).encode())
    for root in (stage, results):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build(stage: Path, fresh: Path) -> None:
    shutil.rmtree(fresh, ignore_errors=True)
    # Not by the name of the command: the folder of this Python need not be on the PATH.
    program = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    arguments = ["build", str(stage), "--path-output", str(fresh), "-n", "-W", "--keep-going", "--all", "-q"]
    answer = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    if answer.returncode == 0 and (fresh / "_build" / "html" / "index.html").is_file():
        return
    lines = [line for line in answer.stderr.splitlines() if "WARNING" in line or "ERROR" in line]
    shown = "\n".join(lines) or f"{answer.stdout}\n{answer.stderr}".strip()
    raise BookFailed(f"the book was not built:\n{shown}".replace(f"{stage}/", ""))
