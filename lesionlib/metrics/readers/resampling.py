"""The two-way bootstrap: readers and images are drawn anew, each on their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.intervals import percentile_interval
from lesionlib.metrics.readers.answers import Answers

_OVER = ("both", "readers", "images")


@dataclass(frozen=True)
class Resamples:
    """How often each reader (b, R) and each image (b, C) stands in a resample; row 0 is the data as they are."""

    readers: np.ndarray
    images: np.ndarray

    def sums(self, table: np.ndarray) -> np.ndarray:
        """Weighted sum (b,) of a table (R, C) in every resample."""
        return ((self.readers @ table.astype(float)) * self.images).sum(axis=1)

    def share(self, hits: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Share (b,) of the answers asked for that are hits; NaN where none was asked for."""
        total = self.sums(asked)
        return np.divide(self.sums(hits & asked), total, out=np.full(len(total), np.nan), where=total > 0)


def resamples(answers: Answers, over: str, n_resamples: int, seed: int) -> Resamples:
    """Draw readers, and images within their stratum; `over` says which of the two vary."""
    if over not in _OVER:
        raise InputError(f"over: found {over!r}, expected one of {', '.join(_OVER)}")
    n_resamples = checks.positive(n_resamples, "n_resamples")
    rng = np.random.default_rng(seed)
    readers = _drawn(np.zeros(len(answers.readers), int), n_resamples, rng)
    images = _drawn(answers.strata(), n_resamples, rng)
    still = {"both": (), "readers": (images,), "images": (readers,)}[over]
    for weights in still:
        weights[:] = 1
    return Resamples(readers, images)


def summary(replicates: np.ndarray, ci: float) -> dict[str, float]:
    """Value, low and high end: row 0 is the value, the others are its replicates."""
    low, high = percentile_interval(replicates[1:], checks.level(ci))
    return {"value": float(replicates[0]), "low": float(low), "high": float(high)}


def _drawn(strata: np.ndarray, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    weights = np.ones((n_resamples + 1, len(strata)))
    for stratum in np.unique(strata):
        places = np.flatnonzero(strata == stratum)
        even = np.full(len(places), 1 / len(places))
        weights[1:, places] = rng.multinomial(len(places), even, size=n_resamples)
    return weights
