"""Where datasets live on this machine, and how they are found, added and loaded."""

from __future__ import annotations

import os
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pandas as pd
import platformdirs

from lesionlib.atomic import atomic_folder
from lesionlib.datasets import cards, taxonomy
from lesionlib.datasets import phantom as phantoms
from lesionlib.datasets.combining import merge, relabel
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.phantom.truth import with_skin_types
from lesionlib.datasets.readers import READERS
from lesionlib.datasets.schema import LesionDataset, build, digest
from lesionlib.errors import InputError
from lesionlib.numeric import is_whole

# Images of a collection's phantom, for each class of each source: when nobody chose a number, and the fewest.
_PER_CLASS, _FEWEST_PER_CLASS = 40, 20


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
    """List the datasets, and their phantoms.

    Returns
    -------
    DataFrame
        One row a dataset: name, title, images, classes (how many), modality, license, available (here, on this
        machine).
    """
    rows = []
    for name in cards.names():
        facts = cards.card(name)
        row = {
            "name": name,
            "title": facts.title,
            "images": facts.images,
            "classes": len(facts.classes),
            "modality": facts.modality,
            "license": facts.license,
            "available": find(name) is not None,
        }
        rows.append(row)
        if name in phantoms.VERSIONS:
            drawn = {"name": f"phantom:{name}", "title": f"drawn lesions in the layout of {name}"}
            rows.append(row | drawn | {"images": phantoms.images(name), "license": "CC BY 4.0", "available": True})
    return pd.DataFrame(rows)


def load(name: str, root: str | Path | None = None, **phantom: int) -> LesionDataset:
    """Load a dataset by its name in the catalog, or all the sources of a paper as one.

    A label map's name (see `label_maps`) stands for its sources, each in the paper's classes (`relabel`), joined
    (`merge`). Of data, those sources that are on this machine are taken, and a warning names the others. A phantom has
    all of them, each with a share of `n` as large as its share of classes.

    Parameters
    ----------
    name : str
        For example ``"ham10000"``, ``"phantom:ham10000"``, or ``"phantom:mendes2018"`` for phantoms of Dermofit,
        MED-NODE and the atlas images in the twelve classes of mendes2018.
    root : path, optional
        Folder with the official files; else ``$LESIONLIB_DATA/<name>``, else the user's cache.
    **phantom
        For phantoms: `n` images in all (`catalog` says how many otherwise; 40 for each class of each source of a label
        map), `size` (128, height in pixels) and `seed` (0).

    Returns
    -------
    LesionDataset
        One row an image; not split yet, unless the publisher did.

    Raises
    ------
    InputError
        An unknown name, data that is not here, or files that are not as they were published.
    """
    if isinstance(name, str) and name.removeprefix("phantom:") in taxonomy.label_maps():
        return _collection(name, root, phantom)
    facts = cards.card(name)
    _check_phantom_parameters(name, phantom)
    if name.startswith("phantom:"):
        if root is not None:
            raise InputError(f"{name} is drawn into the user's cache: it takes no root (set LESIONLIB_CACHE instead)")
        folder = _phantom_folder(facts.name, **phantom)
    else:
        folder = _data_folder(name, root)
    files = ImageFiles(folder)
    rows = READERS[facts.name](files)
    if name.startswith("phantom:"):
        rows = with_skin_types(rows, folder)
    return build(name, rows, facts, files)


def fingerprint(parameters: dict) -> str:
    """Fingerprint of the data that a chapter's parameters name; empty if they name none.

    Parameters
    ----------
    parameters : dict
        Of them count `data`, the dataset's name; `sources`, the names of others that it is trained with (none, if it
        is not there); and `phantom_n` and `phantom_size`, with which phantoms are drawn, in place of `load`'s own.

    Returns
    -------
    str
        Hexadecimal digits: a digest of files and labels.
    """
    names = [parameters.get("data"), *(parameters.get("sources") or [])]
    prints = [load(name, **drawing(name, parameters)).fingerprint for name in names if name]
    return digest(prints) if len(prints) > 1 else "".join(prints)


def drawing(name: str, parameters: dict) -> dict[str, int]:
    """Give what `load` takes beside the name, if a chapter's parameters are to be followed: see `fingerprint`.

    Parameters
    ----------
    name : str
        Of the dataset.
    parameters : dict
        A chapter's; of them count `phantom_n` and `phantom_size`.

    Returns
    -------
    dict of str to int
        `n` and `size` of a phantom, where they are chosen; empty for real data.
    """
    if not name.startswith("phantom:"):
        return {}
    wanted = {"n": parameters.get("phantom_n"), "size": parameters.get("phantom_size")}
    return {key: value for key, value in wanted.items() if value is not None}


def add(name: str, source: str | Path) -> Path:
    """Take a copy of a dataset that is already on this machine into the user's cache; return its folder.

    The files are read once to see that they are the dataset, then copied whole or not at all.

    Parameters
    ----------
    name : str
        Of the dataset, in the catalog.
    source : path
        The folder that holds its files; it stays as it is.

    Returns
    -------
    Path
        The folder in the cache.

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


def _collection(name: str, root: str | Path | None, phantom: dict[str, int]) -> LesionDataset:
    """Join the sources of a label map in its classes."""
    label_map = taxonomy.label_map(name.removeprefix("phantom:"))
    _check_phantom_parameters(name, phantom)
    if root is not None:
        raise InputError(f"{name} is made of {', '.join(label_map.sources)}: it takes no root (set LESIONLIB_DATA)")
    if name.startswith("phantom:"):
        shares = _shares(name, list(label_map.sources), **phantom)
        parts = [load(f"phantom:{source}", **share) for source, share in shares.items()]
    else:
        parts = [load(source) for source in _sources_here(name, list(label_map.sources))]
    classes = list(label_map.classes)
    return replace(merge([relabel(part, label_map) for part in parts], classes=classes), name=name)


def _sources_here(name: str, sources: list[str]) -> list[str]:
    here = [source for source in sources if find(source)]
    others = ", ".join(source for source in sources if source not in here)
    if not here:
        raise InputError(
            f"{name} is made of {others}, and none of them is on this machine; `lesionlib data get NAME` downloads "
            f"one, or says what stands in between; phantom:{name} needs none"
        )
    if others:
        warnings.warn(f"{name}: without {others}, not on this machine", stacklevel=4)
    return here


def _shares(name: str, sources: list[str], n: int | None = None, **others: int) -> dict[str, dict[str, int]]:
    """Deal `n` images to the sources of a phantom by their numbers of classes, in pairs: derm7pt has two a lesion."""
    classes = {source: len(cards.card(source).classes) for source in sources}
    total = sum(classes.values())
    n = _PER_CLASS * total if n is None else n
    fewest = _FEWEST_PER_CLASS * total
    if not is_whole(n, fewest):
        raise InputError(
            f"phantom of {name.removeprefix('phantom:')}: n is {n!r}, expected a whole number, {fewest} or more"
        )
    return {source: {"n": 2 * int(n * k // (2 * total)), **others} for source, k in classes.items()}


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


def _check_phantom_parameters(name: str, given: dict[str, int]) -> None:
    if given and not name.startswith("phantom:"):
        raise InputError(f"{name}: {', '.join(given)} can be chosen for phantoms only")
    unknown = sorted(set(given) - {"n", "size", "seed"})
    if unknown:
        raise InputError(f"{name} has no parameter {unknown[0]!r}: expected n, size or seed")


def _phantom_folder(base: str, n: int | None = None, size: int = 128, seed: int = 0) -> Path:
    if base not in phantoms.VERSIONS:
        raise InputError(f"no phantom of {base} can be drawn; there are {', '.join(phantoms.VERSIONS)}")
    n = phantoms.images(base) if n is None else n
    folder = cache_root() / "phantoms" / f"{base}-n{n}-size{size}-seed{seed}-v{phantoms.VERSIONS[base]}"
    if not folder.is_dir():
        with atomic_folder(folder) as part:
            phantoms.write(base, part, n=n, size=size, seed=seed)
    return folder
