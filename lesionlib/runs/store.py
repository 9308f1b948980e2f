"""Where runs and results stand, and how a folder of them is put in place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lesionlib
from lesionlib.atomic import writing_to
from lesionlib.errors import InputError

# The executor tells the notebook by these where it records and under which name.
RUN_DIR = "LESIONLIB_RUN_DIR"
RUN_KEY = "LESIONLIB_RUN_KEY"
RUN_PROFILE = "LESIONLIB_RUN_PROFILE"

INTERACTIVE = "interactive"
FAILED = "failed"
CASES = "cases"
VERDICTS = "verdicts.json"
_NOT_CHAPTERS = {INTERACTIVE, FAILED, CASES}


def project_root(start: str | Path | None = None) -> Path | None:
    """Find the book's project: a folder that holds ``_toc.yml`` and ``notebooks/``.

    Parameters
    ----------
    start : path, optional
        Where to begin; the working folder by default.

    Returns
    -------
    Path or None
        The project's folder, at `start` or above it.
    """
    here = Path(start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if _is_project(folder)), None)


def this_project() -> Path:
    """Return the book's project folder at or above the working folder.

    Returns
    -------
    Path
        The project's folder.

    Raises
    ------
    InputError
        There is none.
    """
    found = project_root()
    if found is None:
        raise InputError(
            f"{Path.cwd()}: not in the book's project: go to the folder with _toc.yml and notebooks/, or make one: "
            "`lesionlib init FOLDER`"
        )
    return found


def _is_project(folder: Path) -> bool:
    return (folder / "_toc.yml").is_file() and (folder / "notebooks").is_dir()


def runs_root() -> Path:
    """Return the folder of the runs.

    Returns
    -------
    Path
        ``$LESIONLIB_RUNS``, else ``<project>/runs``, else ``./runs``.
    """
    chosen = os.environ.get("LESIONLIB_RUNS")
    if chosen:
        return Path(chosen).expanduser().resolve()
    return (project_root() or Path.cwd()) / "runs"


def results_root() -> Path | None:
    """Return the folder of the published results.

    Returns
    -------
    Path or None
        ``$LESIONLIB_RESULTS``, else ``<project>/results``, else ``results`` in the installed package. It need not exist
        yet.
    """
    chosen = os.environ.get("LESIONLIB_RESULTS")
    if chosen:
        return Path(chosen).expanduser().resolve()
    project = project_root()
    if project:
        return project / "results"
    packaged = Path(lesionlib.__file__).parent / "results"
    return packaged if packaged.is_dir() else None


def writable_results() -> Path:
    """Return the folder of the published results, for whoever writes there; an InputError where none is known."""
    found = results_root()
    if found is None:
        raise InputError("there is no results folder: run this in the project, or set LESIONLIB_RESULTS")
    return found


def current_folder() -> Path | None:
    """Return the folder of the run that is being executed in this process, or None."""
    chosen = os.environ.get(RUN_DIR)
    return Path(chosen) if chosen else None


def run_folders(root: Path) -> list[Path]:
    """Return the folders ``<root>/<chapter>/<key>``, sorted; no interactive or failed ones."""
    if not root.is_dir():
        return []
    chapters = [c for c in root.iterdir() if c.name not in _NOT_CHAPTERS and not c.name.startswith(".")]
    found = [run for chapter in chapters if chapter.is_dir() for run in chapter.iterdir()]
    return sorted(run for run in found if run.is_dir() and not run.name.startswith("."))


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `target` when the block ends well.

    Raises
    ------
    InputError
        The disk is full or read-only, or the folder may not be written to.
    """
    with writing_to(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield part
            part.chmod(0o755)
            put_in_place(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def put_in_place(part: Path, target: Path) -> None:
    """Rename the folder `part` to `target`; an earlier `target` goes only once ours is ready."""
    target.parent.mkdir(parents=True, exist_ok=True)
    old = part.with_name(f"{part.name}.old")
    if target.exists():
        target.rename(old)
    try:
        part.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
