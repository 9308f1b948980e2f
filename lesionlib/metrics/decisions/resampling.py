"""Every resample weighs the same images anew; row 0 is the data as they are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import numpy as np

from lesionlib.metrics.intervals import resample_weights


def resampled(
    measured: Callable[[np.ndarray], np.ndarray], units: np.ndarray, n_resamples: int, seed: int
) -> np.ndarray:
    """Return (1 + n_resamples, m) from a function of weights (b, n) that answers (b, m)."""
    blocks = chain([np.ones((1, len(units)))], resample_weights(units, n_resamples, seed))
    return np.concatenate([measured(weights.astype(np.float64)) for weights in blocks])


def weighted_means(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means (b, m) of columns (n, m) under weights (b, n); NaN where the weights are all 0."""
    total = weights.sum(axis=1, keepdims=True)
    sums = weights @ values
    return np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
