"""Intervals: a percentile bootstrap that resamples lesions or patients, and Wilson's for a printed k of n."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from lesionlib.errors import InputError
from lesionlib.metrics import checks

# Weights held at once; about 32 MB of float64.
_BLOCK = 4_000_000


class Interval(NamedTuple):
    """A statistic and its bootstrap interval.

    Attributes
    ----------
    value : float
        The statistic of the data as they are.
    low, high : float
        Ends of the percentile interval; NaN when no replicate was defined.
    n_resamples : int
        Replicates drawn.
    dropped : int
        Replicates left out because the statistic was NaN there (a rare class that was not drawn, say).
    """

    value: float
    low: float
    high: float
    n_resamples: int
    dropped: int


def bootstrap(
    statistic: Callable[..., float],
    *arrays,
    groups=None,
    n_resamples: int = 1000,
    ci: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of any statistic.

    Parameters
    ----------
    statistic : callable
        Takes the resampled arrays, returns one number, or NaN where it is undefined. The order of the
        images must not matter: a resample keeps the data's order, each image as often as it was drawn.
    *arrays : array_like, first axis n
        Truth, probabilities, anything with one row an image; resampled together.
    groups : array_like of shape (n,), optional
        Lesion or patient of each image. Whole groups are drawn, as many as there are, so that images of
        one lesion come and go together and the number of images varies. Without, images are drawn.
    n_resamples : int
        Replicates; at least 1.
    ci : float
        Confidence level, in (0, 1).
    seed : int
        Same seed, same interval. With the seed of `report` the same resamples are drawn.

    Returns
    -------
    Interval
        value, low, high, n_resamples, dropped. NaN replicates are dropped and counted.

    Raises
    ------
    InputError
        Arrays of different or no length, missing groups, `ci` or `n_resamples` out of range.

    Notes
    -----
    The percentile interval of Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    arrays = tuple(np.asarray(array) for array in arrays)
    n = _common_length(arrays)
    ci, n_resamples = checks.level(ci), checks.positive(n_resamples, "n_resamples")
    units = checks.group_codes(groups, n)

    def measured(weights: np.ndarray) -> np.ndarray:
        drawn = (np.repeat(np.arange(n), times) for times in weights.astype(int))
        return np.array([float(statistic(*(array[rows] for array in arrays))) for rows in drawn])

    return interval_of(resampled(measured, units, n_resamples, seed), ci)


def wilson(successes: int, n: int, ci: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion.

    For a figure of which only ``k of n`` is known, such as a printed sensitivity. It takes the n cases for
    independent; with the images at hand, `bootstrap` by lesion is the better one.

    Parameters
    ----------
    successes, n : int
        0 <= successes <= n, and n at least 1.
    ci : float
        Confidence level, in (0, 1).

    Returns
    -------
    (float, float)
        Low and high end, in [0, 1].

    Raises
    ------
    InputError
        Counts or level out of range.

    Notes
    -----
    E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    from scipy import stats

    n = checks.positive(n, "n")
    if not 0 <= successes <= n or successes != int(successes):
        raise InputError(f"successes: found {successes!r}, expected a whole number from 0 to {n}")
    interval = stats.binomtest(int(successes), n).proportion_ci(confidence_level=checks.level(ci), method="wilson")
    return float(interval.low), float(interval.high)


def resample_weights(units: np.ndarray, n_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks of shape (b, n): how often each image stands in each resample.

    `units` (n,) are the codes 0..g-1 of the groups; g of them are drawn with replacement each time. A
    replicate is a row of weights, so that most metrics of all replicates are one matrix product.
    """
    g = int(units.max()) + 1
    rng = np.random.default_rng(seed)
    size = max(1, _BLOCK // max(g, len(units)))
    for start in range(0, n_resamples, size):
        b = min(size, n_resamples - start)
        drawn = rng.integers(g, size=(b, g)) + g * np.arange(b)[:, None]
        yield np.bincount(drawn.ravel(), minlength=b * g).reshape(b, g)[:, units]


def resampled(
    measured: Callable[[np.ndarray], np.ndarray], units: np.ndarray, n_resamples: int, seed: int
) -> np.ndarray:
    """Return (1 + n_resamples, ...) from a function of weights (b, n) that answers (b, ...): row 0 is the data."""
    blocks = chain([np.ones((1, len(units)))], resample_weights(units, n_resamples, seed))
    return np.concatenate([measured(weights.astype(np.float64)) for weights in blocks])


def weighted_means(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the means (b, m) of columns (n, m) under weights (b, n); NaN where the weights are all 0."""
    total = weights.sum(axis=1, keepdims=True)
    sums = weights @ values
    return np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)


def interval_of(replicates: np.ndarray, ci: float) -> Interval:
    """Return the interval of a statistic (1 + n,): row 0 is its value, the others are its replicates."""
    low, high = percentile_interval(replicates[1:], ci)
    dropped = int(np.isnan(replicates[1:]).sum())
    return Interval(float(replicates[0]), float(low), float(high), len(replicates) - 1, dropped)


def percentile_interval(replicates: np.ndarray, ci: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval over the first axis, without the NaN replicates."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        low, high = np.nanquantile(replicates, [(1 - ci) / 2, (1 + ci) / 2], axis=0)
    return low, high


def _common_length(arrays: tuple[np.ndarray, ...]) -> int:
    if not arrays:
        raise InputError("bootstrap: found no arrays, expected at least one after the statistic")
    lengths = [len(array) if array.ndim else 0 for array in arrays]
    if min(lengths) == 0:
        raise InputError(f"bootstrap: array {lengths.index(0)} is empty, expected one row an image")
    if len(set(lengths)) > 1:
        raise InputError(f"bootstrap: the arrays have {lengths} rows, expected the same number in each")
    return lengths[0]
