"""Age, sex and site as numbers, where a missing value is a signal of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from lesionlib.errors import InputError

_NUMERIC = ("age",)
_NAMED = ("sex", "site", "skin_type")


class ClinicalEncoder(BaseModel):
    """Turns clinical columns into a float matrix; its means and levels come from the training rows.

    Age becomes two columns: standard deviations from the training mean (0 where missing) and
    1 where missing. Each other variable becomes one column a level seen in training, and one
    that is 1 where the value is missing or was never seen.

    Attributes
    ----------
    columns : tuple of str
        The clinical inputs, in order.
    mean, deviation : dict of str to float
        Of the numbers among them, over the training rows.
    levels : dict of str to tuple of str
        Of the others: the values seen in training.
    """

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    mean: dict[str, float]
    deviation: dict[str, float]
    levels: dict[str, tuple[str, ...]]

    @classmethod
    def fit(cls, frame: pd.DataFrame, columns: Sequence[str]) -> ClinicalEncoder:
        """Learn means and levels from the training rows.

        Parameters
        ----------
        frame : DataFrame
            The training rows of a `LesionDataset`.
        columns : sequence of str
            Of ``age``, ``sex``, ``site``, ``skin_type``.

        Returns
        -------
        ClinicalEncoder
            Fitted.

        Raises
        ------
        InputError
            A column that is not a clinical input, or that is named twice. `confirmed_by` is none:
            in HAM10000 every follow-up image is a nevus, so it tells the class.
        """
        known = (*_NUMERIC, *_NAMED)
        wrong = [column for column in columns if column not in known]
        if wrong or not columns:
            asked = repr(wrong[0]) if wrong else "an empty list"
            raise InputError(
                f"clinical: {asked} is not an input; choose from {', '.join(known)}, or None for images only"
            )
        if len(set(columns)) < len(columns):
            raise InputError(f"clinical: each column goes in once; got {', '.join(columns)}")
        numeric = [column for column in columns if column in _NUMERIC]
        named = [column for column in columns if column in _NAMED]
        values = {column: frame[column].dropna().astype(float) for column in numeric}
        return cls(
            columns=tuple(columns),
            mean={column: float(v.mean()) if len(v) else 0.0 for column, v in values.items()},
            deviation={column: float(v.std(ddof=0)) or 1.0 if len(v) else 1.0 for column, v in values.items()},
            levels={column: tuple(sorted(frame[column].dropna().astype(str).unique())) for column in named},
        )

    @property
    def width(self) -> int:
        """Number of columns of the encoded matrix."""
        return 2 * len(self.mean) + sum(len(levels) + 1 for levels in self.levels.values())

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Encode the clinical columns of rows.

        Parameters
        ----------
        frame : DataFrame
            Rows of a `LesionDataset`.

        Returns
        -------
        numpy.ndarray, shape (n, width)
            float32, without NaN.
        """
        blocks = [self._block(frame, column) for column in self.columns]
        return np.concatenate(blocks, axis=1).astype(np.float32)

    def _block(self, frame: pd.DataFrame, column: str) -> np.ndarray:
        if column in self.mean:
            values = frame[column].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
            missing = np.isnan(values)
            scaled = (values - self.mean[column]) / self.deviation[column]
            return np.stack([np.where(missing, 0, scaled), missing], axis=1)
        levels = pd.Index(self.levels[column], dtype="string")
        # A missing value and a level not seen have the code -1: the last column.
        codes = levels.get_indexer(frame[column].astype("string"))
        return np.eye(len(levels) + 1)[codes]
