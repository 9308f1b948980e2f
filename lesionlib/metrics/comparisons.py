"""Tests of two samples of figures, as papers print them: exact where the samples are small."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from lesionlib.errors import InputError

Alternative = Literal["two-sided", "less", "greater"]
_ALTERNATIVES = ("two-sided", "less", "greater")


class TestResult(NamedTuple):
    """A test's statistic and its p-value."""

    __test__ = False  # not a test case, whatever its name says to pytest

    statistic: float
    p_value: float


def mann_whitney(a, b, alternative: Alternative = "two-sided") -> TestResult:
    """Mann-Whitney U test of two independent samples.

    Parameters
    ----------
    a, b : array_like of shape (n,), (m,)
        For example the accuracies of networks under two conditions.
    alternative : {"two-sided", "less", "greater"}
        Whether `a` is said to be different from, less than or greater than `b`.

    Returns
    -------
    TestResult
        U of `a`, and the p-value: exact without ties and up to 8 values in one sample, else by the normal
        approximation with continuity correction (scipy's ``method="auto"``).

    Raises
    ------
    InputError
        An empty sample, a value that is not finite, or an unknown alternative.

    Notes
    -----
    lucius2020 compares accuracies so (sections 3.1 and 3.2). The test takes the samples for independent; where
    the same networks stand in both, `wilcoxon` is the one that knows it.
    """
    from scipy import stats

    a, b = _sample(a, "a"), _sample(b, "b")
    result = stats.mannwhitneyu(a, b, alternative=_alternative(alternative))
    return TestResult(float(result.statistic), float(result.pvalue))


def wilcoxon(a, b, alternative: Alternative = "two-sided") -> TestResult:
    """Wilcoxon signed-rank test of paired samples.

    Parameters
    ----------
    a, b : array_like of shape (n,)
        Pairs, in the same order: each network under two conditions, say.
    alternative : {"two-sided", "less", "greater"}
        Whether `a` is said to be different from, less than or greater than `b`.

    Returns
    -------
    TestResult
        The statistic of scipy (the smaller rank sum for two sides, the sum of positive ranks for one), and the
        p-value, exact for small samples without ties or zeros.

    Raises
    ------
    InputError
        Samples of different or no length, no pair that differs, a value that is not finite, or an unknown
        alternative.
    """
    from scipy import stats

    a, b = _sample(a, "a"), _sample(b, "b")
    if len(a) != len(b):
        raise InputError(f"wilcoxon: found {len(a)} and {len(b)} values, expected pairs; for others use mann_whitney")
    # Differences of printed decimals carry binary dust, which would break ties.
    difference = np.round(a - b, 9)
    if not difference.any():
        raise InputError("wilcoxon: all pairs are equal, expected at least one that differs")
    result = stats.wilcoxon(difference, alternative=_alternative(alternative))
    return TestResult(float(result.statistic), float(result.pvalue))


def _sample(values, name: str) -> np.ndarray:
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or not len(sample):
        raise InputError(f"{name}: found shape {sample.shape}, expected one value or more in one dimension")
    if not np.isfinite(sample).all():
        raise InputError(f"{name}: value {int(np.flatnonzero(~np.isfinite(sample))[0])} is not finite, leave it out")
    return sample


def _alternative(alternative: str) -> str:
    if alternative not in _ALTERNATIVES:
        raise InputError(f"alternative: found {alternative!r}, expected one of {', '.join(_ALTERNATIVES)}")
    return alternative
