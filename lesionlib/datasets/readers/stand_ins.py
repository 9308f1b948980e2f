"""Datasets that nobody can have: a phantom, or one's own pictures, under their names."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.own import from_csv
from lesionlib.datasets.readers.tables import find_table, read_table, wrong_layout
from lesionlib.datasets.schema import COLUMNS


def read_atlas(files: ImageFiles) -> pd.DataFrame:
    """Read ``atlas.csv`` and ``images/``: the six lesions of mendes2018's Table II."""
    return _read(files, "atlas")


def read_dermai(files: ImageFiles) -> pd.DataFrame:
    """Read ``dermai.csv`` and ``images/``: the 13 diagnoses of nedelcu2021's Table I."""
    return _read(files, "dermai")


def _read(files: ImageFiles, name: str) -> pd.DataFrame:
    """Read a table with the frame's own column names as `from_csv` does; its other columns stay unread.

    Raises
    ------
    InputError
        The table or the images are not there, or do not belong together.
    """
    path = find_table(files.root, name)
    if path is None:
        raise wrong_layout(files, name, f"{name}.csv")
    images = next((files.root / place for place in ("images", "images.zip") if (files.root / place).exists()), None)
    if images is None:
        raise wrong_layout(files, name, "the folder images/")
    known = set(COLUMNS) - {"source"}
    given = [column for column in read_table(path, ["image", "label"]) if column in known]
    frame = from_csv(path, images, {column: column for column in given}, name=f"own {name}").frame
    # In an archive, references begin with its name already.
    above = "" if images.suffix else "images/"
    places = {column: above + frame[column] for column in ("image", "mask")}
    return frame.assign(**places)[list(dict.fromkeys(["image_id", *given]))]
