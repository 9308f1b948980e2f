"""Conformal prediction: sets of classes that hold the true one as often as asked for, and whether they do."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.groups import ALL, named_groups
from lesionlib.metrics.intervals import bootstrap, wilson

_METHODS = ("lac", "aps")
_COLUMNS = ["images", "covered", "covered_low", "covered_high", "mean_size", "singletons", "empty"]


def conformal_sets(
    y_true, y_prob, new_prob, alpha: float = 0.1, method: str = "lac", labels: Sequence | None = None, seed: int = 0
) -> np.ndarray:
    """Sets of classes for new images that hold the true class in a share 1 - `alpha` of them or more.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Truth of the calibration images: codes 0..k-1, or class names when `labels` is given.
    y_prob : array_like of shape (n, k)
        Their probabilities. The network must not have been trained on these images.
    new_prob : array_like of shape (m, k)
        Probabilities of the new images, by the same network.
    alpha : float
        Share of the new images that may be missed, in (0, 1).
    method : {"lac", "aps"}
        "lac" takes every class whose probability reaches one threshold. Where the probabilities are right, no method
        has smaller sets on average; a set may be empty. "aps" adds up classes from the most probable down, so that
        hard images get larger sets and none is empty; it needs three classes or more, covers more than asked for, and
        its calibration draws lots.
    labels : sequence of length k, optional
        Class names in column order.
    seed : int
        For the lots of "aps".

    Returns
    -------
    ndarray of bool, of shape (m, k)
        Which classes stand in the set of each new image.

    Raises
    ------
    InputError
        As for `report`; an unknown method; no more calibration images than 1 / `alpha` or 1 / (1 - `alpha`); two
        arrays with different numbers of classes.

    Notes
    -----
    By MAPIE (`SplitConformalClassifier`). "lac": Sadinle, Lei and Wasserman 2019, Least Ambiguous Set-Valued
    Classifiers; "aps": Romano, Sesia and Candes 2020, Classification with Valid and Adaptive Coverage. The promise
    holds on average over all classes and over calibration sets, and for images that could have been swapped with the
    calibration ones: the same clinic, the same mix of classes, one image a lesion. With several images a lesion it
    holds only nearly. Look at `coverage` for what it comes to, class by class.
    """
    from mapie.classification import SplitConformalClassifier

    truth, prob, new, names = _calibration(y_true, y_prob, new_prob, alpha, labels)
    if method not in _METHODS:
        raise InputError(f"method: found {method!r}, expected one of {', '.join(_METHODS)}")
    least = max(1 / alpha, 1 / (1 - alpha))
    if len(truth) <= least:
        raise InputError(f"y_true: found {len(truth)} images, expected more than {least:g} to calibrate alpha {alpha}")
    if method == "aps" and len(np.unique(truth)) < 3:
        raise InputError("y_true: found fewer than three classes, which aps needs; take method='lac'")
    conformal = SplitConformalClassifier(
        _as_given(len(names)), confidence_level=1 - alpha, conformity_score=method, prefit=True, random_state=seed
    )
    with warnings.catch_warnings():
        # A rare class without a calibration image: its new images are covered or not like any other's.
        warnings.filterwarnings("ignore", "WARNING: your conformalization dataset has less labels")
        return conformal.conformalize(prob, truth).predict_set(new)[1][:, :, 0]


def class_conditional_sets(y_true, y_prob, new_prob, alpha: float = 0.1, labels: Sequence | None = None) -> np.ndarray:
    """Sets of classes that hold the true class in a share 1 - `alpha` of the new images of *each* class.

    One threshold a class, from the calibration images of this class alone: what a melanoma needs to be listed is then
    set by melanomas, not by the many naevi. The price is larger sets.

    Parameters
    ----------
    y_true, y_prob, new_prob, alpha, labels
        As for `conformal_sets`.

    Returns
    -------
    ndarray of bool, of shape (m, k)
        Which classes stand in the set of each new image. A class with too few calibration images to promise anything,
        fewer than 1 / `alpha` - 1, stands in every set.

    Raises
    ------
    InputError
        As for `conformal_sets`, but for the number of images.

    Notes
    -----
    The scores are those of "lac", and so is the source. Calibration within categories is also called *Mondrian*
    conformal prediction (Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World, chapter 4). Of n
    images of a class, the threshold is the probability that the ceil((n + 1) (1 - alpha)) surest of them reach.
    """
    truth, prob, new, names = _calibration(y_true, y_prob, new_prob, alpha, labels)
    thresholds = [_threshold(prob[truth == code, code], alpha) for code in range(len(names))]
    return new >= np.array(thresholds)


def coverage(
    y_true,
    sets,
    groups=None,
    lesion=None,
    labels: Sequence | None = None,
    ci: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How often sets of classes hold the true class, and how large they are.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names when `labels` is given.
    sets : array_like of bool, of shape (n, k)
        As from `conformal_sets`.
    groups : array_like of shape (n,), optional
        The group of each image, such as skin tone; missing ones become ``"unknown"``, as in `by_group`.
    lesion : array_like of shape (n,), optional
        Lesion (or patient) of each image; then whole lesions are resampled for the intervals.
    labels : sequence of length k, optional
        Class names in column order.
    ci : float
        Confidence level of the intervals, in (0, 1).
    n_resamples, seed : int
        Replicates of the bootstrap and the seed of its draws; used with `lesion` only.

    Returns
    -------
    DataFrame
        Indexed by group: ``"all"``, then a row a class, or with `groups` a row a group. images; covered (share whose
        set holds the true class) with covered_low and covered_high; mean_size (classes in a set); singletons and
        empty (share of sets with one class, with none). NaN where a class has no image.

    Raises
    ------
    InputError
        Sets that are not booleans of shape (n, k), and what `by_group` refuses.

    Notes
    -----
    Without `lesion` the interval is Wilson's. With it, it is the percentile bootstrap; where all lesions agree, which
    leaves a bootstrap no width, it is Wilson's with each lesion counted once. The interval of a group of few lesions
    is too narrow: look at `images` first.
    """
    sets = _checked_sets(sets)
    n, k = sets.shape
    names = checks.class_labels(labels, k)
    truth = checks.codes(y_true, names, n)
    units = None if lesion is None else checks.group_codes(lesion, n)
    sizes, held = sets.sum(axis=1), sets[np.arange(n), truth]
    each = {"covered": held, "mean_size": sizes, "singletons": sizes == 1, "empty": sizes == 0}
    each = pd.DataFrame(each, dtype=float)
    parts = _parts(truth, names, groups)
    rows = []
    for _, part in parts:
        low, high = _interval(held[part], None if units is None else units[part], ci, n_resamples, seed)
        found = {"images": len(part), "covered_low": low, "covered_high": high}
        rows.append(found | each.iloc[part].mean().to_dict())
    return pd.DataFrame(rows, index=pd.Index([name for name, _ in parts], dtype=object, name="group"))[_COLUMNS]


def _calibration(y_true, y_prob, new_prob, alpha, labels) -> tuple[np.ndarray, np.ndarray, np.ndarray, list]:
    checks.level(alpha, "alpha")
    truth, prob, names = checks.judged(y_true, y_prob, labels)
    try:
        new = checks.probabilities(new_prob)
    except InputError as error:
        raise InputError(f"new_prob: {error}") from None
    if new.shape[1] != prob.shape[1]:
        raise InputError(f"new_prob: found {new.shape[1]} classes, expected {prob.shape[1]}, those of y_prob")
    # MAPIE wants sums closer to 1 than a float16 or a rounded table gives them.
    return truth, _summing_to_1(prob), _summing_to_1(new), names


def _summing_to_1(prob: np.ndarray) -> np.ndarray:
    prob = np.clip(prob, 0, 1)
    return prob / prob.sum(axis=1, keepdims=True)


def _as_given(k: int):
    """A fitted classifier for MAPIE whose features are the probabilities themselves."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class AsGiven(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(k)

        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return X

        def predict(self, X):
            return X.argmax(axis=1)

    return AsGiven()


def _threshold(prob_of_truth: np.ndarray, alpha: float) -> float:
    """The probability from which on a class is listed; below 0 where too few images promise nothing."""
    rank = math.ceil((len(prob_of_truth) + 1) * (1 - alpha))
    return -np.inf if rank > len(prob_of_truth) else float(np.sort(prob_of_truth)[-rank])


def _checked_sets(sets) -> np.ndarray:
    sets = np.asarray(sets)
    if sets.ndim != 2 or sets.dtype != bool or not len(sets) or sets.shape[1] < 2:
        raise InputError(f"sets: found {sets.dtype} of shape {sets.shape}, expected true or false, (images, classes)")
    return sets


def _parts(truth: np.ndarray, names: list, groups) -> list[tuple[object, np.ndarray]]:
    """The images of each row of the table."""
    codes = truth
    if groups is not None:
        named = named_groups(groups, len(truth))
        codes, names = named.codes, list(named.categories)
    each = [(name, np.flatnonzero(codes == code)) for code, name in enumerate(names)]
    return [(ALL, np.arange(len(truth))), *each]


def _interval(held: np.ndarray, units, ci: float, n_resamples: int, seed: int) -> tuple[float, float]:
    if not len(held):
        return np.nan, np.nan
    if units is None:
        return wilson(int(held.sum()), len(held), ci)
    _, low, high, *_ = bootstrap(np.mean, held, groups=units, n_resamples=n_resamples, ci=ci, seed=seed)
    lesions = len(np.unique(units))
    return (low, high) if low < high else wilson(round(held.mean() * lesions), lesions, ci)
