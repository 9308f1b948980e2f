"""What the readers share: metadata tables, and rows matched with files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from lesionlib.datasets.cards import card
from lesionlib.datasets.files import ImageFiles
from lesionlib.errors import InputError

HISTOLOGY = "histo"
"""What `confirmed_by` says of a lesion whose tissue was examined, as HAM10000 writes it."""


def wrong_layout(files: ImageFiles, name: str, lacks: str) -> InputError:
    """Say what the folder of dataset `name` lacks, which layout its card expects, and what stands there."""
    expected = " + ".join(part for part in card(name).layout if not part.startswith("optional"))
    entries = sorted(path.name + "/" * path.is_dir() for path in files.root.iterdir() if path.name[0] != ".")
    more = f" and {len(entries) - 6} more" if len(entries) > 6 else ""
    return InputError(
        f"{files.root}: {name} lacks {lacks}; expected {expected}; found {', '.join(entries[:6]) or 'nothing'}{more}"
    )


def class_folders(files: ImageFiles, name: str, folders: dict[str, str], suffixes: tuple[str, ...]) -> pd.DataFrame:
    """Find the images of a dataset with one folder a class, in the root, in folders below or in archives.

    Where the folders stand more than once (an archive and what was unpacked from it), those nearest to the
    root are taken.

    Parameters
    ----------
    files : ImageFiles
        The files.
    name : str
        Name of the dataset.
    folders : dict
        Folder (``melanoma``, ``train/benign``) to what stands in the column `folder`. All of the latter must be there.
    suffixes : tuple of str
        Suffixes of the images, in lower case.

    Returns
    -------
    pandas.DataFrame
        One row an image: folder, stem, image (the reference); sorted by folder and stem.

    Raises
    ------
    InputError
        A folder is missing or has no images, or a stem stands twice in it.
    """
    places: dict[tuple[str, ...], list[tuple[str, str, str]]] = defaultdict(list)
    for reference, (*above, file) in files.paths(suffixes).items():
        for start, end in ((start, start + width) for start in range(len(above)) for width in (1, 2)):
            folder = folders.get("/".join(above[start:end]))
            if folder is not None:
                places[tuple(above[:start])].append((folder, PurePosixPath(file).stem, reference))
                break
    nearest = min(places, key=lambda place: (len(place), place), default=())
    rows = pd.DataFrame(places[nearest], columns=["folder", "stem", "image"], dtype="string")
    missing = [folder for folder in dict.fromkeys(folders.values()) if folder not in set(rows["folder"])]
    if missing:
        raise wrong_layout(files, name, f"images in {', '.join(missing)}")
    rows = rows.sort_values(["folder", "stem"], kind="stable", ignore_index=True)
    refuse_twice(files, rows)
    return rows


def refuse_twice(files: ImageFiles, rows: pd.DataFrame) -> None:
    """Refuse two images of one stem in one folder, as ``3.jpg`` beside ``3.jpeg``.

    Raises
    ------
    InputError
        Names the first two.
    """
    twice = rows[rows.duplicated(["folder", "stem"], keep=False)].sort_values(["folder", "stem"])
    if len(twice):
        both = " and ".join(twice["image"].iloc[:2])
        raise InputError(f"{files.root}: image {twice['stem'].iloc[0]} stands twice, as {both}; remove one of them")


def find_table(root: Path, stem: str) -> Path | None:
    """Find ``stem.csv`` or, as Dataverse serves it, ``stem.tab`` in `root`."""
    return next((path for suffix in (".csv", ".tab") if (path := root / f"{stem}{suffix}").is_file()), None)


def table_below(files: ImageFiles, name: str, end: str, columns: list[str]) -> tuple[Path, pd.DataFrame]:
    """Read the table of dataset `name` whose path ends with `end` (``meta/meta.csv``); give its path too.

    It may stand anywhere below the root and in archives; the one nearest to the root is taken.

    Raises
    ------
    InputError
        There is no such table, it is not a table, or it lacks a column.
    """
    parts = tuple(end.split("/"))
    places = {reference: place for reference, place in files.paths((".csv",)).items() if place[-len(parts) :] == parts}
    if not places:
        raise wrong_layout(files, name, end)
    reference = min(places, key=lambda reference: (len(places[reference]), reference))
    path = files.root / reference
    return path, read_table(path, columns, files.read(reference))


def images_below(files: ImageFiles, suffixes: tuple[str, ...], folders: Collection[str] = ()) -> dict[str, str]:
    """Find the images anywhere below the root and in archives; map stem to reference.

    Where `folders` are named, only what stands below one of them, or in an archive of that name.

    Raises
    ------
    InputError
        A stem stands twice.
    """
    found: dict[str, str] = {}
    for reference, (*above, file) in files.paths(suffixes).items():
        if folders and not set(folders) & set(above):
            continue
        stem = PurePosixPath(file).stem
        if stem in found:
            raise InputError(
                f"{files.root}: image {stem} stands twice, as {found[stem]} and {reference}; remove one of them"
            )
        found[stem] = reference
    return found


def read_table(path: Path, columns: list[str], content: bytes | None = None) -> pd.DataFrame:
    """Read a metadata table as text, empty cells as ``<NA>``, and check that `columns` are there.

    Where the table stands in an archive, `content` is what was read there.

    Raises
    ------
    InputError
        The file is not a table, or lacks a column.
    """
    separator = "\t" if path.suffix.lower() in (".tab", ".tsv") else ","
    source = path if content is None else BytesIO(content)
    try:
        table = pd.read_csv(source, sep=separator, dtype="string", keep_default_na=False, na_values=[""])
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: not a readable table ({str(error).splitlines()[0]}); get the file again") from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(
            f"{path}: column {missing[0]!r} is missing; expected {', '.join(columns)}, found {', '.join(table.columns)}"
        )
    return table


def numbers(path: Path, column: pd.Series) -> pd.Series:
    """Read a text column as numbers, ``<NA>`` where it is empty.

    Raises
    ------
    InputError
        A cell that is not a number, with its line in `path`.
    """
    values = pd.to_numeric(column, errors="coerce")
    wrong = column[column.notna() & ~np.isfinite(values.to_numpy(dtype=float, na_value=np.nan))]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0] + 2}: {column.name} is {wrong.iloc[0]!r}; expected a number or an empty cell"
        )
    return values.astype("Float64")


def one_of(path: Path, column: pd.Series, words: dict[str, str]) -> pd.Series:
    """Read a column of known words (any case) as what they stand for, ``<NA>`` where it is empty.

    Raises
    ------
    InputError
        Another word, with its line in `path`.
    """
    said = column.str.strip().str.lower()
    wrong = column[said.notna() & ~said.isin(words)]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0] + 2}: {column.name} is {wrong.iloc[0]!r}; expected one of {', '.join(words)}"
        )
    return said.map(words).astype("string")


def skin_types(path: Path, column: pd.Series) -> pd.Series:
    """Read Fitzpatrick skin types, 1 to 6, ``<NA>`` where the cell is empty, 0 or -1 (unknown).

    Raises
    ------
    InputError
        Another value, with its line in `path`.
    """
    values = numbers(path, column)
    wrong = column[values.notna() & ~values.isin(range(-1, 7))]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong.index[0] + 2}: {column.name} is {wrong.iloc[0]!r}; expected a Fitzpatrick type, "
            "1 to 6, or an empty cell"
        )
    return values.where(values > 0).astype("Int64")


def match_images(table: Path, ids: pd.Series, images: dict[str, str]) -> pd.Series:
    """Give each row its image, and refuse rows without images and images without rows.

    Raises
    ------
    InputError
        Names the first row or image that has no counterpart, and how many there are.
    """
    lost = ids[~ids.isin(images)]
    if len(lost):
        raise InputError(
            f"{table}: {len(lost)} of {len(ids)} rows have no image, the first is {lost.iloc[0]}; "
            "add the missing image files, or remove the rows"
        )
    extra = sorted(set(images) - set(ids))
    if extra:
        raise InputError(
            f"{table}: {len(extra)} images have no row, the first is {images[extra[0]]}; "
            "get the whole metadata file, or move the images away"
        )
    return ids.map(images)


def one_hot(path: Path, table: pd.DataFrame, classes: list[str]) -> pd.Series:
    """Read the class of each row from one column a class, 1 for the row's own and 0 for the others.

    Raises
    ------
    InputError
        A row with another number of ones, or another value, with its line in `path`.
    """
    values = np.column_stack([numbers(path, table[name]).to_numpy(dtype=float, na_value=np.nan) for name in classes])
    proper = np.isin(values, (0, 1)).all(axis=1) & (values.sum(axis=1) == 1)
    if not proper.all():
        row = int(np.argmin(proper))
        found = ", ".join(f"{name} {table[name].iat[row]}" for name in classes if values[row, classes.index(name)] != 0)
        raise InputError(
            f"{path}, line {row + 2}: {found or 'every class is 0'}; "
            f"expected 1 in one of {', '.join(classes)} and 0 in the others"
        )
    return pd.Series(np.array(classes)[values.argmax(axis=1)], index=table.index, dtype="string")


def beside(path: Path, table: pd.DataFrame, key: str, ids: pd.Series) -> pd.DataFrame:
    """Give the rows of a second table in the order of `ids`, which its column `key` repeats.

    Raises
    ------
    InputError
        The two do not hold the same ids, once each.
    """
    twice = table[key][table[key].duplicated()]
    if len(twice):
        raise InputError(f"{path}, line {twice.index[0] + 2}: {twice.iloc[0]} stands twice; remove one of the rows")
    lost, extra = ids[~ids.isin(table[key])], table[key][~table[key].isin(ids)]
    if len(lost) or len(extra):
        first = lost.iloc[0] if len(lost) else extra.iloc[0]
        raise InputError(
            f"{path}: {len(lost)} of {len(ids)} images have no row here, {len(extra)} rows belong to no image, "
            f"the first is {first}; get both tables again from one release"
        )
    return table.set_index(key).loc[ids].set_axis(ids.index)
