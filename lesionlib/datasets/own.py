"""One's own images as a dataset: from folders, or from a table and a folder of images."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from lesionlib.datasets import cards, taxonomy
from lesionlib.datasets.cards import Access, Card, ClassFacts
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import numbers, one_hot, one_of, read_table, skin_types
from lesionlib.datasets.schema import COLUMNS, LesionDataset, build
from lesionlib.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""Suffixes of what is taken for an image, in any case."""

_FOLDERS = "one folder a class, with images in it or below it, in the root or in folders train, valid and test"
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_WORDS = {
    "sex": {
        **dict.fromkeys(("male", "m", "man"), "male"),
        **dict.fromkeys(("female", "f", "woman"), "female"),
        **dict.fromkeys(("unknown", "u"), pd.NA),
    },
    "skin_tone_group": {"i-ii": "I-II", "iii-iv": "III-IV", "v-vi": "V-VI"},
    "modality": {
        **dict.fromkeys(("dermoscopic", "dermoscopy"), "dermoscopic"),
        **dict.fromkeys(("clinical", "macroscopic"), "clinical"),
    },
    "split": _SPLITS,
}


def from_folder(
    path: str | Path, classes: Sequence[str] | None = None, name: str | None = None, modality: str | None = None
) -> LesionDataset:
    """Make a dataset of ``path/<split?>/<class>/**/image``.

    The folders' names are the classes. Where all folders of `path` are named like splits (train or training,
    valid, val or validation, test or testing; any case), the classes stand in them. Images are .jpg, .jpeg,
    .png, .bmp, .tif, .tiff and .webp files; hidden files and ``__MACOSX`` are left out. Nothing is written.

    Parameters
    ----------
    path : path
        The folder, or a zip archive of it.
    classes : sequence of str, optional
        The order of every probability column; else the folders' names, sorted.
    name : str, optional
        The dataset's name; else the folder's.
    modality : {"dermoscopic", "clinical"}, optional
        What the images are; else the frame's `modality` is ``<NA>``.

    Returns
    -------
    LesionDataset
        An `image_id` is the path below `path`, without its suffix. `verify` expects no counts of it.

    Raises
    ------
    InputError
        No images, fewer than two classes, images in no class folder, or folders of splits beside others.
    """
    path = Path(path)
    files, places = _images_in(path)
    if not places:
        raise InputError(f"{path}: no images ({', '.join(SUFFIXES)}); expected {_FOLDERS}")
    tops = sorted({parts[0] for parts in places.values() if len(parts) > 1})
    splits = [top for top in tops if top.lower() in _SPLITS]
    if splits and splits != tops:
        other = next(top for top in tops if top not in splits)
        raise InputError(
            f"{path}: the folder {splits[0]} is named like a split, the folder {other} is not; expected {_FOLDERS}"
        )
    depth = 1 if splits else 0
    loose = [reference for reference, parts in places.items() if len(parts) < depth + 2]
    if loose:
        raise InputError(
            f"{path}: {len(loose)} of {len(places)} images stand in no class folder, the first is {loose[0]}; "
            f"expected {_FOLDERS}: move them into one, or away"
        )
    rows = pd.DataFrame(
        {
            "image_id": [_without_suffix("/".join(parts)) for parts in places.values()],
            "image": list(places),
            "label": [parts[depth] for parts in places.values()],
            "split": [_SPLITS[parts[0].lower()] if splits else pd.NA for parts in places.values()],
        }
    )
    return _dataset(path, rows, classes, name, modality, files)


def from_csv(
    csv: str | Path,
    images: str | Path,
    columns: Mapping[str, str | Sequence[str]],
    classes: Sequence[str] | None = None,
    name: str | None = None,
    modality: str | None = None,
) -> LesionDataset:
    """Make a dataset of a table (one row an image) and a folder of images. Nothing is written.

    Parameters
    ----------
    csv : path
        The table, separated by commas, or by tabs where the suffix is .tsv or .tab.
    images : path
        The folder that holds the images, at any depth, or a zip archive of it.
    columns : mapping
        Column of the frame -> column of the table: ``{"image": "file", "label": "dx", "age": "age"}``.
        `image` and `label` must be there. `image` holds file names, or paths below `images`, with or without
        their suffix. `label` may be a list of columns, one a class, with 1 for the row's own class and 0 for the
        others. `mask` is found as `image` is; `split` is train, valid or test, `sex` male or female, `skin_type`
        1 to 6.
    classes : sequence of str, optional
        The order of every probability column; else the labels, sorted, or the label columns as they are listed.
    name : str, optional
        The dataset's name; else the table's.
    modality : {"dermoscopic", "clinical"}, optional
        What the images are, where no column says so.

    Returns
    -------
    LesionDataset
        Without a column for `image_id`, it is the image's path below `images`, without its suffix. Images without
        a row are left out, with a warning. `verify` expects no counts of it.

    Raises
    ------
    InputError
        A table that cannot be read, a column that is not there, a row without its image, label, or a known value
        (names the line), or fewer than two classes.
    """
    path = Path(csv)
    _check(path, columns)
    table = _table(path, [column for given in columns.values() for column in _listed(given)])
    files, places = _images_in(Path(images))
    image = _match(path, table[columns["image"]], places, Path(images))
    twice = image[image.duplicated()]
    if len(twice):
        first = image.index[image == twice.iloc[0]][0]
        raise InputError(
            f"{path}, line {twice.index[0] + 2}: the image {twice.iloc[0]} stands in line {first + 2} already; "
            "expected one row an image"
        )
    if isinstance(columns["label"], str):
        label = _label(path, table[columns["label"]])
    else:
        label = one_hot(path, table, list(columns["label"]))
        classes = classes or list(columns["label"])
    rows = pd.DataFrame(
        {
            "image_id": image.map({reference: _without_suffix("/".join(parts)) for reference, parts in places.items()}),
            **{
                key: _values(path, key, table[column], places, Path(images))
                for key, column in columns.items()
                if key not in ("image", "label")
            },
            "image": image,
            "label": label,
        }
    )
    used = set(rows["image"]) | set(rows["mask"].dropna() if "mask" in rows else ())
    if len(used) < len(places):
        warnings.warn(
            f"{path}: {len(places) - len(used)} of {len(places)} images below {images} have no row: left out",
            stacklevel=2,
        )
    return _dataset(path, rows, classes, name, modality, files)


def _images_in(path: Path) -> tuple[ImageFiles, dict[str, tuple[str, ...]]]:
    """Open a folder or a zip archive; map reference to the parts of the path below it."""
    if path.is_dir():
        files = ImageFiles(path)
        return files, files.paths(SUFFIXES)
    if path.suffix.lower() == ".zip" and path.is_file():
        files = ImageFiles(path.parent)
        return files, {reference: parts[1:] for reference, parts in files.unpacked(Path(path.name), SUFFIXES).items()}
    raise InputError(f"{path}: no such folder; expected a folder with images, or a zip archive of it")


def _without_suffix(name: str) -> str:
    return name.removesuffix(PurePosixPath(name).suffix)


def _listed(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _check(path: Path, columns: Mapping[str, str | Sequence[str]]) -> None:
    known = [column for column in COLUMNS if column != "source"]
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise InputError(f"{path}: the frame has no column {unknown[0]!r}; expected some of {', '.join(known)}")
    for needed in ("image", "label"):
        if needed not in columns:
            raise InputError(f"{path}: columns does not say where {needed!r} stands; add it, as in {{{needed!r}: ...}}")
    for column, given in columns.items():
        listed = column == "label" and isinstance(given, list | tuple) and all(isinstance(one, str) for one in given)
        if not (listed or isinstance(given, str)):
            raise InputError(
                f"{path}: columns[{column!r}] is {given!r}; expected the name of a column of the table"
                + (", or a list of them, one a class" if column == "label" else "")
            )


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a table with the columns {', '.join(columns)}")
    table = read_table(path, columns)
    if table.empty:
        raise InputError(f"{path}: no rows below the header; expected one row an image")
    return table


def _match(path: Path, cells: pd.Series, places: dict[str, tuple[str, ...]], images: Path) -> pd.Series:
    """Find the image that each cell names, by its path below `images` or, where it has no folder, its file name."""
    exact = {"/".join(parts): reference for reference, parts in places.items()}
    loose: dict[str, set[str]] = defaultdict(set)
    for reference, parts in places.items():
        for name in ("/".join(parts), parts[-1]):
            loose[name].add(reference)
            loose[_without_suffix(name)].add(reference)
    found: list[object] = []
    for row, cell in cells.items():
        name = "" if pd.isna(cell) else str(cell).strip().replace("\\", "/").removeprefix("./")
        stem = _without_suffix(name) if name.lower().endswith(SUFFIXES) else name
        hits = {exact[name]} if name in exact else loose.get(name) or loose.get(stem) or set()
        if len(hits) != 1:
            what = " and ".join(sorted(hits)[:2]) if hits else "no image"
            advice = "write its path below that folder" if hits else "add the image, or remove the row"
            raise InputError(
                f"{path}, line {row + 2}: {cells.name} is {name!r}, which names {what} below {images}; {advice}"
            )
        found.append(hits.pop())
    return pd.Series(found, index=cells.index, dtype="string")


def _label(path: Path, column: pd.Series) -> pd.Series:
    label = column.str.strip().replace("", pd.NA)
    if label.isna().any():
        raise InputError(f"{path}, line {label.index[label.isna()][0] + 2}: {column.name} is empty; expected a class")
    return label


def _values(path: Path, key: str, column: pd.Series, places: dict[str, tuple[str, ...]], images: Path) -> pd.Series:
    if key == "mask":
        return _match(path, column.dropna(), places, images).reindex(column.index)
    if key == "age":
        return numbers(path, column)
    if key == "skin_type":
        return skin_types(path, column)
    if key == "diagnosis":
        return column.map(taxonomy.term, na_action="ignore")
    return one_of(path, column, _WORDS[key]) if key in _WORDS else column.str.strip()


def _dataset(
    path: Path,
    rows: pd.DataFrame,
    classes: Sequence[str] | None,
    name: str | None,
    modality: str | None,
    files: ImageFiles,
) -> LesionDataset:
    name = _name(path, name)
    if modality not in (None, "dermoscopic", "clinical"):
        raise InputError(f"{path}: modality is {modality!r}; expected dermoscopic, clinical or None")
    found = rows["label"].value_counts()
    order = sorted(found.index) if classes is None else _listed(classes)
    if len({label.casefold() for label in order if isinstance(label, str)}) < max(2, len(order)):
        raise InputError(
            f"{path}: the classes are {', '.join(map(str, order))}; "
            "expected two or more names that differ in more than case"
        )
    facts = {
        label: ClassFacts(
            title=label,
            diagnosis=taxonomy.term(label),
            category=taxonomy.category(label),
            images=int(found.get(label, 0)),
        )
        for label in order
    }
    card = Card(
        name=name,
        title=f"{name}: one's own images",
        modality=modality or "unknown",
        images=len(rows),
        classes=facts,
        license="your own",
        citation="none: one's own images",
        access=Access(kind="own", how="These are your own files."),
        may_publish_images=False,
        layout=(str(path.name),),
    )
    if "modality" not in rows:
        rows = rows.assign(modality=modality or pd.NA)
    return build(name, rows, card, files)


def _name(path: Path, name: str | None) -> str:
    if name is None:
        name = path.resolve().name if path.is_dir() else path.stem
    base = str(name).removeprefix("phantom:")
    if not isinstance(name, str) or not name or base != name or base in cards.names():
        raise InputError(
            f"{path}: a dataset of your own cannot be called {name!r}; give it a name that is not in the catalog "
            f"(name=...), or, where it is that dataset, use load({base!r}, root=...)"
        )
    return name
