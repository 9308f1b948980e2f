"""What the readers share: metadata tables, and rows matched with files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lesionlib.errors import InputError


def find_table(root: Path, stem: str) -> Path | None:
    """Find ``stem.csv`` or, as Dataverse serves it, ``stem.tab`` in `root`."""
    return next((path for suffix in (".csv", ".tab") if (path := root / f"{stem}{suffix}").is_file()), None)


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a metadata table as text, empty cells as ``<NA>``, and check that `columns` are there.

    Raises
    ------
    InputError
        The file is not a table, or lacks a column.
    """
    separator = "\t" if path.suffix == ".tab" else ","
    try:
        table = pd.read_csv(path, sep=separator, dtype="string", keep_default_na=False, na_values=[""])
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
