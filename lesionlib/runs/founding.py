"""A project of one's own: the book's notebooks, pages and results, copied from where the library is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import lesionlib
from lesionlib.atomic import atomic_folder
from lesionlib.errors import InputError, LesionlibError

PARTS = ("_config.yml", "_toc.yml", "CITATION.cff", "book", "notebooks", "results")
"""What a project is made of. In a checkout they stand beside the library; a wheel carries them (see setup.py)."""
# Notebooks leave .ipynb_checkpoints beside themselves, tools their caches.
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*")


def new_project(folder: str | Path) -> Path:
    """Copy the book's project into a new folder, whole or not at all.

    Parameters
    ----------
    folder : path
        Must not be there yet.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        The folder is there already, or cannot be written.
    LesionlibError
        The installation is not whole.
    """
    target = Path(folder).expanduser().absolute()
    if target.exists():
        raise InputError(f"{target}: is there already: name a folder that is not")
    sources = [_installed(part) for part in PARTS]
    with atomic_folder(target) as begun:
        for source in sources:
            _copy(source, begun / source.name)
    return target


def _installed(part: str) -> Path:
    library = Path(lesionlib.__file__).parent
    places = (library / "project" / part, library / part, library.parent / part)
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise LesionlibError(f"{library}: {part} of the book is missing: install lesionlib again")
    return found


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=_LEFT_OUT)
    else:
        shutil.copyfile(source, target)
