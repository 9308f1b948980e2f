"""Where datasets live on this machine, and how they are found, added and loaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import platformdirs

from lesionlib.atomic import atomic_folder
from lesionlib.datasets import cards
from lesionlib.datasets import phantom as phantoms
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.phantom.truth import with_skin_types
from lesionlib.datasets.readers import READERS
from lesionlib.datasets.schema import LesionDataset, build
from lesionlib.errors import InputError

_PHANTOMS: dict[str, Callable[..., None]] = dict(phantoms.WRITERS)


def cache_root() -> Path:
    """Folder for what the library keeps: ``$LESIONLIB_CACHE``, else the user's cache."""
    chosen = os.environ.get("LESIONLIB_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("lesionlib"))


def find(name: str) -> Path | None:
    """Folder of the dataset `name`: ``$LESIONLIB_DATA/<name>``, else the user's cache; None if neither is there."""
    chosen = os.environ.get("LESIONLIB_DATA")
    places = [Path(chosen) / name] if chosen else []
    return next((place for place in [*places, cache_root() / "data" / name] if place.is_dir()), None)


def catalog() -> pd.DataFrame:
    """List the datasets: name, title, images, classes, modality, license, available (here, on this machine)."""
    rows = []
    for name in cards.names():
        facts = cards.card(name)
        common = {"classes": len(facts.classes), "modality": facts.modality}
        rows.append(
            {
                "name": name,
                "title": facts.title,
                "images": facts.images,
                **common,
                "license": facts.license,
                "available": find(name) is not None,
            }
        )
        if name in _PHANTOMS:
            title = f"drawn lesions in the layout of {name}"
            phantom = {"name": f"phantom:{name}", "title": title, "images": phantoms.images(name), **common}
            rows.append({**phantom, "license": "CC BY 4.0", "available": True})
    return pd.DataFrame(rows)


def load(name: str, root: str | Path | None = None, **phantom: int) -> LesionDataset:
    """Load a dataset by its name in the catalog.

    Parameters
    ----------
    name : str
        For example ``"ham10000"`` or ``"phantom:ham10000"``.
    root : path, optional
        Folder with the official files; else ``$LESIONLIB_DATA/<name>``, else the user's cache.
    **phantom
        For phantoms: `n` images in all (`catalog` says how many otherwise), `size` (128, height in pixels) and
        `seed` (0).

    Raises
    ------
    InputError
        An unknown name, data that is not here, or files that are not as they were published.
    """
    facts = cards.card(name)
    if name.startswith("phantom:"):
        if root is not None:
            raise InputError(f"{name} is drawn into the user's cache: it takes no root (set LESIONLIB_CACHE instead)")
        folder = _phantom_folder(facts.name, **_phantom_parameters(name, phantom))
    elif phantom:
        raise InputError(f"{name}: {', '.join(phantom)} can be chosen for phantoms only")
    else:
        folder = _data_folder(name, root)
    files = ImageFiles(folder)
    rows = READERS[facts.name](files)
    if name.startswith("phantom:"):
        rows = with_skin_types(rows, folder)
    return build(name, rows, facts, files)


def fingerprint(parameters: dict) -> str:
    """Fingerprint of the dataset that a chapter's parameters name (``data``); empty if they name none."""
    name = parameters.get("data")
    return load(name).fingerprint if name else ""


def add(name: str, source: str | Path) -> Path:
    """Take a copy of a dataset that is already on this machine into the user's cache; return its folder.

    The files are read once to see that they are the dataset, then copied whole or not at all.

    Raises
    ------
    InputError
        `source` is not the dataset in its official layout, or a copy is already there.
    """
    facts = cards.card(name)
    if name.startswith("phantom:"):
        raise InputError(f"{name} is drawn when it is first loaded: there is nothing to add")
    source = Path(source)
    load(name, root=source)
    target = cache_root() / "data" / facts.name
    if target.exists():
        raise InputError(f"{name} is already in {target}; remove that folder to add another copy")
    if target.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{source} holds the user's cache too; move the files of {name} to a folder of their own")
    with atomic_folder(target) as part:
        _copy(source, part)
    return target


def _copy(source: Path, target: Path) -> None:
    """Copy what is in `source`; the first error ends it (shutil.copytree would go on, and hide a full disk)."""
    for path in sorted(source.iterdir()):
        if path.is_dir():
            (target / path.name).mkdir()
            _copy(path, target / path.name)
        else:
            shutil.copyfile(path, target / path.name)


def _data_folder(name: str, root: str | Path | None) -> Path:
    folder = Path(root) if root is not None else find(name)
    if folder is None:
        raise InputError(
            f"{name} is not on this machine; run `lesionlib data get {name}` (it downloads, or says what stands in "
            f"between), or `lesionlib data add {name} --from DIR` with a folder that holds its files "
            f"(`lesionlib data card {name}` lists them), or set LESIONLIB_DATA to the folder above {name}/"
        )
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected the official files of {name} there")
    return folder


def _phantom_parameters(name: str, given: dict[str, int]) -> dict[str, int]:
    unknown = sorted(set(given) - {"n", "size", "seed"})
    if unknown:
        raise InputError(f"{name} has no parameter {unknown[0]!r}: expected n, size or seed")
    return given


def _phantom_folder(base: str, n: int | None = None, size: int = 128, seed: int = 0) -> Path:
    if base not in _PHANTOMS:
        raise InputError(f"no phantom of {base} can be drawn; there are {', '.join(_PHANTOMS)}")
    n = phantoms.images(base) if n is None else n
    folder = cache_root() / "phantoms" / f"{base}-n{n}-size{size}-seed{seed}-v{phantoms.VERSIONS[base]}"
    if not folder.is_dir():
        with atomic_folder(folder) as part:
            _PHANTOMS[base](part, n=n, size=size, seed=seed)
    return folder
