"""Many models on the same images: which one leads, and which of the others are more than luck behind it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.intervals import percentile_interval, resampled, weighted_means

# Whether more is better.
_MEASURES = {"accuracy": True, "balanced_accuracy": True, "log_loss": False, "brier": False}
# As scikit-learn does: no finite loss would come of a probability of 0.
_SMALLEST = float(np.finfo(np.float64).eps)
# Two figures that differ by less than rounding are the same.
_EQUAL = 1e-12


def ranking(
    y_true,
    predictions: Mapping[str, object],
    measure: str = "balanced_accuracy",
    groups=None,
    best: str | None = None,
    labels: Sequence | None = None,
    n_resamples: int = 2000,
    ci: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank models that judged the same images, each compared with the best, image by image.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names when `labels` is given.
    predictions : mapping of str to array_like of shape (n, k)
        The probabilities of each model, rows in the order of `y_true`.
    measure : {"balanced_accuracy", "accuracy", "log_loss", "brier"}
        For the last two, less is better.
    groups : array_like of shape (n,), optional
        Lesion or patient of each image; whole groups are resampled, as in `bootstrap`.
    best : str, optional
        The model that the others are held against; without, the first of the ranking.
    labels : sequence of length k, optional
        Class names in column order.
    n_resamples, ci, seed
        As for `bootstrap`; every model is judged on the same resamples.

    Returns
    -------
    DataFrame
        Indexed by model, the best value first (equal ones in the order given): value, low, high; difference (its value
        minus that of the best) with difference_low and difference_high; p_value of no difference; p_holm, corrected
        for the number of comparisons; apart, whether p_holm is below 1 - `ci`. The row of the best compares it
        with itself: difference 0, p-values NaN.

    Raises
    ------
    InputError
        No models, arrays of different shapes (names the model), an unknown measure or model, too few resamples
        to set so many models apart, or what `report` refuses.

    Notes
    -----
    The intervals are percentile ones, one comparison at a time, as from `difference`. The p-value is twice the share
    of resamples in which the difference lies on the other side of 0 (the data count as one of the resamples), and
    Holm's correction keeps the chance of any false "apart" below 1 - `ci`. "Not apart" does not mean equal. Where the
    best is chosen on these very images, its own value is too good on average, by the more the more models there are:
    name `best` beforehand where a verdict rests on it. Training by another seed carries chance too, of which none of
    this tells. brier is the sum of squares over the classes, from 0 to 2; log_loss is in nats, with a probability
    of 0 taken as 2.2e-16.
    """
    if measure not in _MEASURES:
        raise InputError(f"measure: found {measure!r}, expected one of {', '.join(_MEASURES)}")
    probs = _probabilities(predictions)
    n, k = next(iter(probs.values())).shape
    truth = checks.codes(y_true, checks.class_labels(labels, k), n)
    # The images whose means are averaged.
    of_class = [np.flatnonzero(truth == code) for code in np.unique(truth)]
    parts = of_class if measure == "balanced_accuracy" else [np.arange(n)]
    ci = checks.level(ci)
    n_resamples = _enough(n_resamples, len(probs) - 1, ci)
    units = checks.group_codes(groups, n)
    marks = np.column_stack([_marks(truth, prob, measure) for prob in probs.values()])
    models = list(probs)
    values = _mean_of_parts(np.ones((1, n)), marks, parts)[0]
    order = np.argsort(-values if _MEASURES[measure] else values, kind="stable")
    first = order[0] if best is None else _place(best, models)
    # Each measure is a mean of what images add, so that the difference of two is the mean of their differences.
    both = np.column_stack([marks, marks - marks[:, [first]]])
    replicates = resampled(lambda weights: _mean_of_parts(weights, both, parts), units, n_resamples, seed)
    found, behind = np.split(replicates, 2, axis=1)
    table = pd.DataFrame(_columns(found, "value", "", ci) | _columns(behind, "difference", "difference_", ci))
    table.index = pd.Index(models, dtype=object, name="model")
    others = np.arange(len(models)) != first
    table["p_value"] = np.where(others, _p_values(behind[1:]), np.nan)
    table["p_holm"] = np.nan
    table.loc[others, "p_holm"] = holm(table["p_value"][others])
    table["apart"] = table["p_holm"] < 1 - ci
    return table.iloc[order]


def holm(p_values) -> np.ndarray:
    """Adjust p-values by Holm's procedure.

    Parameters
    ----------
    p_values : array_like of shape (m,)
        In [0, 1]; m may be 0.

    Returns
    -------
    numpy.ndarray, shape (m,)
        Below a level where Holm's procedure finds a difference at this level.

    Raises
    ------
    InputError
        Values that are no p-values.

    Notes
    -----
    S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise InputError("p_values: expected numbers from 0 to 1 in one dimension")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def _probabilities(predictions: Mapping[str, object]) -> dict[str, np.ndarray]:
    if not isinstance(predictions, Mapping) or not predictions:
        raise InputError("predictions: expected a mapping of one model's name or more to its probabilities")
    found = {}
    for name, y_prob in predictions.items():
        try:
            found[name] = checks.probabilities(y_prob)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    shape = next(iter(found.values())).shape
    for name, prob in found.items():
        if prob.shape != shape:
            raise InputError(f"{name}: found shape {prob.shape}, expected {shape}, that of the first model")
    return found


def _enough(n_resamples: int, comparisons: int, ci: float) -> int:
    least = 2 * comparisons / (1 - ci)
    if checks.positive(n_resamples, "n_resamples") < least:
        raise InputError(
            f"n_resamples: found {n_resamples}, expected at least {int(np.ceil(least))}: with fewer, no p-value is "
            f"small enough to set one of {comparisons} models apart"
        )
    return int(n_resamples)


def _place(best: str, models: list[str]) -> int:
    if best not in models:
        raise InputError(f"best: found {best!r}, expected one of {', '.join(map(str, models))}")
    return models.index(best)


def _marks(truth: np.ndarray, prob: np.ndarray, measure: str) -> np.ndarray:
    """What each image (n,) adds to the measure."""
    rows = np.arange(len(truth))
    if measure == "log_loss":
        return -np.log(np.clip(prob[rows, truth], _SMALLEST, 1))
    if measure == "brier":
        return ((prob - np.eye(prob.shape[1])[truth]) ** 2).sum(axis=1)
    return (prob.argmax(axis=1) == truth).astype(np.float64)


def _mean_of_parts(weights: np.ndarray, values: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
    means = [weighted_means(weights[:, rows], values[rows]) for rows in parts]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.nanmean(means, axis=0)


def _columns(replicates: np.ndarray, name: str, prefix: str, ci: float) -> dict[str, np.ndarray]:
    low, high = percentile_interval(replicates[1:], ci)
    return {name: replicates[0], f"{prefix}low": low, f"{prefix}high": high}


def _p_values(differences: np.ndarray) -> np.ndarray:
    defined = (~np.isnan(differences)).sum(axis=0)
    sides = (differences <= _EQUAL).sum(axis=0), (differences >= -_EQUAL).sum(axis=0)
    return np.minimum(1, 2 * (1 + np.minimum(*sides)) / (1 + defined))
