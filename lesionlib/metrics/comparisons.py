"""Tests of two samples of figures, as papers print them, and of two classifiers on the same images."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from lesionlib.errors import InputError
from lesionlib.metrics import checks

Alternative = Literal["two-sided", "less", "greater"]
_ALTERNATIVES = ("two-sided", "less", "greater")


class TestResult(NamedTuple):
    """A test's statistic and its p-value.

    Attributes
    ----------
    statistic : float
        See the test's own returns.
    p_value : float
        In [0, 1].
    """

    __test__ = False  # not a test case, whatever its name says to pytest

    statistic: float
    p_value: float


class AucDifference(NamedTuple):
    """Area under the second ROC curve minus that under the first, its interval, and the p-value of no difference.

    Attributes
    ----------
    value : float
        The difference, in [-1, 1].
    low, high : float
        Its interval.
    p_value : float
        Two-sided, in [0, 1].
    """

    value: float
    low: float
    high: float
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


def mcnemar(first, second) -> TestResult:
    """McNemar's exact test of two classifiers on the same images: is one right more often than the other?

    Parameters
    ----------
    first, second : array_like of bool, shape (n,)
        Whether each classifier was right, image by image.

    Returns
    -------
    TestResult
        How many images the second alone has right, and the two-sided p-value: images that both have right, or both
        wrong, tell nothing, and of the others each goes to either side with probability 1/2 if there is no difference.
        Without any such image the p-value is 1.

    Raises
    ------
    InputError
        Arrays of different or no length, or other values than true and false.

    Notes
    -----
    Q. McNemar, Psychometrika 12 (1947), 153-157, in its exact form. It takes the images for independent: where a
    lesion has several, resample lesions instead (`difference`).
    """
    from scipy import stats

    first, second = (_truths(values, name) for values, name in ((first, "first"), (second, "second")))
    if len(first) != len(second):
        raise InputError(f"mcnemar: found {len(first)} and {len(second)} images, expected the same images in both")
    gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
    p_value = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    return TestResult(float(gained), float(p_value))


def delong(is_positive, first, second, ci: float = 0.95) -> AucDifference:
    """DeLong's test of two areas under ROC curves from the same images.

    Parameters
    ----------
    is_positive : array_like of bool, shape (n,)
        Whether the image shows the class in question.
    first, second : array_like of shape (n,)
        Scores of the two classifiers; higher says "positive".
    ci : float
        Confidence level, in (0, 1).

    Returns
    -------
    AucDifference
        value, low, high, p_value (two-sided). Scores that rank all images alike have no difference: p-value 1.

    Raises
    ------
    InputError
        Arrays of different or no length, scores that are not finite, or fewer than two images on one side.

    Notes
    -----
    E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44 (1988), 837-845, by ranks. The interval is the
    normal one. It takes the images for independent, as `mcnemar` does.
    """
    from scipy import stats

    sick, level = _truths(is_positive, "is_positive"), checks.level(ci)
    scores = [_sample(values, name) for values, name in ((first, "first"), (second, "second"))]
    if any(len(each) != len(sick) for each in scores):
        found = ", ".join(str(len(each)) for each in (sick, *scores))
        raise InputError(f"delong: found {found} images, expected as many in each")
    if min(sick.sum(), (~sick).sum()) < 2:
        raise InputError(
            f"delong: found {sick.sum()} positive of {len(sick)} images, expected two of each kind or more"
        )
    # The share of the other kind that an image is ranked above, or below: their means are the areas.
    above = [(stats.rankdata(each)[sick] - stats.rankdata(each[sick])) / (~sick).sum() for each in scores]
    below = [1 - (stats.rankdata(each)[~sick] - stats.rankdata(each[~sick])) / sick.sum() for each in scores]
    value = float(above[1].mean() - above[0].mean())
    variance = sum(np.var(pair[1] - pair[0], ddof=1) / len(pair[0]) for pair in (above, below))
    if variance == 0:
        return AucDifference(value, value, value, 1.0 if value == 0 else 0.0)
    reach = stats.norm.ppf((1 + level) / 2) * np.sqrt(variance)
    p_value = 2 * stats.norm.sf(abs(value) / np.sqrt(variance))
    return AucDifference(value, float(value - reach), float(value + reach), float(p_value))


def _truths(values, name: str) -> np.ndarray:
    truths = np.asarray(values)
    if truths.ndim != 1 or not len(truths) or truths.dtype != bool:
        raise InputError(f"{name}: found {truths.dtype} of shape {truths.shape}, expected true or false for each image")
    return truths


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
