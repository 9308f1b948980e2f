"""What was drawn: the truth table that lies beside every phantom, in the order of a dataset's rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lesionlib.datasets.phantom.archives import TRUTH
from lesionlib.errors import InputError

if TYPE_CHECKING:
    from lesionlib.datasets.schema import LesionDataset


def phantom_truth(dataset: LesionDataset) -> pd.DataFrame:
    """Tell what the library drew in each image of a phantom.

    Parameters
    ----------
    dataset : LesionDataset
        A phantom, as `load` gives it, or split, or some of its rows.

    Returns
    -------
    pandas.DataFrame
        One row an image, in the order of `dataset.frame`: image_id; the skin (`skin_type`, 1 to 6, `ita`, degrees);
        the strength of each sign, in [0, 1]; the sign that made the class (`cause`); the diagnosis it was drawn
        as (`look`; ham10000 has one a class); and the camera, with its `view`.

    Raises
    ------
    InputError
        The dataset is no phantom or joined from several, or its truth table is gone.
    """
    if not dataset.is_phantom:
        raise InputError(f"{dataset.name}: nobody knows the truth of real images; expected a phantom, phantom:<name>")
    if dataset.root is None:
        raise InputError(f"{dataset.name}: merged from several phantoms; ask each of them for its truth, then join")
    ids = dataset.frame["image_id"]
    return _rows(dataset.root, ids).rename_axis("image_id").reset_index()


def with_skin_types(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Fill the skin types of a reader's `rows` from the truth in `folder`, where the files themselves tell none."""
    if "skin_type" in rows and rows["skin_type"].notna().any():
        return rows
    return rows.assign(skin_type=_rows(folder, rows["image_id"])["skin_type"].to_numpy())


def _rows(folder: Path, ids: pd.Series) -> pd.DataFrame:
    """Read the truth of these images, in their order."""
    path = folder / TRUTH
    try:
        table = pd.read_csv(path, dtype={"image_id": "string"}).set_index("image_id")
        return table.loc[ids.tolist()]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not the truth of this phantom; remove its folder, and it is drawn again") from error
