"""The same images judged several times, a seed a time: means over seeds, and paired differences of two arms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.intervals import Interval, interval_of, resampled
from lesionlib.metrics.reports import OVERALL, PER_CLASS, Judge, measured

KAPPA = "kappa"
_MEASURES = (*OVERALL, KAPPA)


def over_seeds(
    y_true,
    probabilities: Sequence,
    measure: str = "balanced_accuracy",
    positive: int | None = None,
    groups=None,
    n_resamples: int = 2000,
    ci: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Mean of a measure over networks that judged the same images, such as one recipe with several seeds.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Class codes 0..k-1.
    probabilities : sequence of array_like, each of shape (n, k)
        One a network, rows in the order of `y_true`.
    measure : str
        One of `report`'s overall metrics (accuracy, balanced_accuracy, macro_f1, macro_auc ...) or ``"kappa"``
        (Cohen's, which is 0 for answers by the classes' shares alone); with `positive`, one of those of a class
        (sensitivity, specificity, precision, f1, auc, gmean).
    positive : int, optional
        Code of the class that `measure` is about.
    groups : array_like of shape (n,), optional
        Lesion or patient of each image; whole groups are resampled, as in `bootstrap`.
    n_resamples, ci, seed
        As for `bootstrap`.

    Returns
    -------
    Interval
        The mean over the networks, with an interval that carries the chance in the images. Of the chance in training
        it carries nothing: with few seeds, look at their spread as well.

    Raises
    ------
    InputError
        No networks, arrays of different shapes, an unknown measure, or what `report` refuses.
    """
    case = _Repeated(y_true, groups, measure, positive)
    return case.interval([(1.0, case.judges(probabilities, "probabilities"))], n_resamples, ci, seed)


def difference(
    y_true,
    first: Sequence,
    second: Sequence,
    measure: str = "balanced_accuracy",
    positive: int | None = None,
    groups=None,
    n_resamples: int = 2000,
    ci: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Mean over pairs of the second arm's measure minus the first's, paired image by image.

    Every resample judges both arms on the same images, so what makes an image hard for both cancels out. This is the
    comparison that the criteria of this book's papers ask for.

    Parameters
    ----------
    first, second : sequence of array_like, each of shape (n, k)
        Probabilities of the arms; those at the same place are a pair (the same seed).
    y_true, measure, positive, groups, n_resamples, ci, seed
        As for `over_seeds`.

    Returns
    -------
    Interval
        The mean difference; positive where the second arm's measure is larger.

    Raises
    ------
    InputError
        Arms of different lengths, or what `over_seeds` refuses.
    """
    if len(first) != len(second):
        raise InputError(f"difference: found {len(first)} and {len(second)} networks, expected pairs, one a seed")
    case = _Repeated(y_true, groups, measure, positive)
    judges = case.judges([*first, *second], "first and second")
    arms = [(-1.0, judges[: len(first)]), (1.0, judges[len(first) :])]
    return case.interval(arms, n_resamples, ci, seed)


class _Repeated:
    """One truth, one measure, and whatever networks are judged by them."""

    def __init__(self, y_true, groups, measure: str, positive: int | None):
        self.y_true, self.groups, self.measure, self.positive = y_true, groups, measure, positive
        known = _MEASURES if positive is None else PER_CLASS
        if measure not in known:
            of = "without positive=" if positive is None else "with positive="
            raise InputError(f"measure: found {measure!r}, expected {of} one of {', '.join(known)}")

    def judges(self, networks: Sequence, name: str) -> list[Judge]:
        if not len(networks):
            raise InputError(f"{name}: found no networks, expected one array of probabilities or more")
        arrays = [checks.probabilities(each) for each in networks]
        shape = arrays[0].shape
        for place, each in enumerate(arrays):
            if each.shape != shape:
                raise InputError(f"{name}[{place}]: found shape {each.shape}, expected {shape}, that of the first")
        truth = checks.codes(self.y_true, checks.class_labels(None, shape[1]), shape[0])
        if self.positive is not None and self.positive not in range(shape[1]):
            raise InputError(f"positive: found {self.positive!r}, expected a class code 0..{shape[1] - 1}")
        return [Judge.of(truth, each) for each in arrays]

    def interval(self, arms: list[tuple[float, list[Judge]]], n_resamples: int, ci: float, seed: int) -> Interval:
        n_resamples, ci = checks.positive(n_resamples, "n_resamples"), checks.level(ci)
        units = checks.group_codes(self.groups, len(arms[0][1][0].cells))
        return interval_of(resampled(lambda weights: self._combined(arms, weights), units, n_resamples, seed), ci)

    def _combined(self, arms: list[tuple[float, list[Judge]]], weights: np.ndarray) -> np.ndarray:
        return sum(sign * np.mean([self._measured(each, weights) for each in judges], axis=0) for sign, judges in arms)

    def _measured(self, judge: Judge, weights: np.ndarray) -> np.ndarray:
        if self.measure == KAPPA:
            return _kappa(judge.confusion(weights))
        return measured(judge, weights, self.measure, self.positive)


def _kappa(confusion: np.ndarray) -> np.ndarray:
    """Cohen's kappa of confusion matrices (b, k, k); NaN where truth and answers are one class throughout."""
    images = confusion.sum(axis=(1, 2))
    agreed = np.trace(confusion, axis1=1, axis2=2) / images
    by_chance = (confusion.sum(axis=1) * confusion.sum(axis=2)).sum(axis=1) / images**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(by_chance < 1, (agreed - by_chance) / (1 - by_chance), np.nan)
