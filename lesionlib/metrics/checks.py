"""What the metrics accept; everything else is one line that names the row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.numeric import check_whole, is_number

SUM_TOLERANCE = 1e-3
# A float32 softmax may overshoot 1 by its last digit.
RANGE_TOLERANCE = 1e-6


def probabilities(y_prob) -> np.ndarray:
    """Return `y_prob` as a float64 array of shape (n, k), or say which row is no distribution."""
    prob = _numbers(y_prob, "y_prob")
    if prob.ndim == 1:
        raise InputError(
            f"y_prob: found shape {prob.shape}, expected (images, classes); for two classes pass "
            "np.column_stack([1 - score, score]), for one score an image use roc() or cutoff()"
        )
    if prob.ndim != 2 or prob.shape[1] < 2:
        raise InputError(f"y_prob: found shape {prob.shape}, expected (images, classes) with two classes or more")
    if not len(prob):
        raise InputError("y_prob: found no images, expected at least one row")
    _finite(prob, "y_prob")
    outside = (prob < -RANGE_TOLERANCE) | (prob > 1 + RANGE_TOLERANCE)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise InputError(
            f"y_prob row {row}, column {column}: found {prob[row, column]:g}, expected a probability "
            "in [0, 1]; apply softmax to logits first"
        )
    sums = prob.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)
    if len(wrong):
        raise InputError(
            f"y_prob row {wrong[0]}: sums to {sums[wrong[0]]:.4g}, expected 1 (within {SUM_TOLERANCE:g}); "
            "apply softmax, or divide each row by its sum"
        )
    return prob


def judged(y_true, y_prob, labels: Sequence | None) -> tuple[np.ndarray, np.ndarray, list]:
    """Return the truth as codes (n,), the probabilities (n, k), and the k class labels."""
    prob = probabilities(y_prob)
    names = class_labels(labels, prob.shape[1])
    return codes(y_true, names, len(prob)), prob, names


def class_labels(labels: Sequence | None, k: int) -> list:
    """Return the k class labels; without any, the codes 0..k-1 themselves."""
    if labels is None:
        return list(range(k))
    names = list(labels)
    if len(names) != k:
        raise InputError(f"labels: found {len(names)}, expected {k}, one for each class in column order")
    if len(set(names)) < k:
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise InputError(f"labels: {twice!r} stands there twice, expected {k} different classes")
    return names


def codes(y_true, labels: list, n: int) -> np.ndarray:
    """Return the truth as integer codes 0..k-1 of shape (n,), from codes or from class names."""
    truth = vector(y_true, "y_true", n)
    if truth.dtype.kind in "iufb":
        return _checked_codes(truth, len(labels))
    position = {label: code for code, label in enumerate(labels)}
    unknown = [row for row, name in enumerate(truth) if name not in position]
    if unknown:
        raise InputError(
            f"y_true row {unknown[0]}: found {_show(truth[unknown[0]])}, expected one of "
            f"{', '.join(map(str, labels))}; pass labels= with every class, in column order"
        )
    return np.array([position[name] for name in truth], dtype=np.intp)


def binary(y_true, n: int) -> np.ndarray:
    """Return the truth as booleans of shape (n,); both classes must occur."""
    truth = vector(y_true, "y_true", n)
    other = [row for row, value in enumerate(truth) if value not in (0, 1)]
    if other:
        raise InputError(
            f"y_true row {other[0]}: found {_show(truth[other[0]])}, expected 0 or 1; for one class against "
            "the rest pass y_true == that class"
        )
    truth = truth.astype(bool)
    if truth.all() or not truth.any():
        raise InputError(
            f"y_true: all {n} rows are {int(truth[0])}, expected both classes; "
            "without positives and negatives there is no ROC curve"
        )
    return truth


def scores(y_score) -> np.ndarray:
    """Return one finite score an image, float64 of shape (n,)."""
    score = _numbers(y_score, "y_score")
    if score.ndim != 1:
        raise InputError(f"y_score: found shape {score.shape}, expected (images,), the column of one class")
    if not len(score):
        raise InputError("y_score: found no images, expected at least one row")
    _finite(score, "y_score")
    return score


def group_codes(groups, n: int, name: str = "groups") -> np.ndarray:
    """Return codes 0..g-1 of the resampling unit of each image; without groups, each image its own."""
    if groups is None:
        return np.arange(n)
    return pd.factorize(vector(groups, name, n))[0]


def level(value: float, name: str = "ci") -> float:
    """Return a level of confidence or of error, a fraction strictly between 0 and 1."""
    if not is_number(value) or not 0 < value < 1:
        raise InputError(f"{name}: found {value!r}, expected a fraction between 0 and 1, such as 0.95 or 0.05")
    return float(value)


def positive(value: int, name: str) -> int:
    """Return a whole number of at least 1."""
    check_whole(name, value, 1)
    return int(value)


def _numbers(values, name: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name}: not an array of numbers ({str(error).splitlines()[0]}); "
            "expected numbers only, and rows of one length"
        ) from None


def _finite(values: np.ndarray, name: str) -> None:
    wrong = np.argwhere(~np.isfinite(values))
    if not len(wrong):
        return
    where = ", column ".join(map(str, wrong[0]))
    raise InputError(
        f"{name} row {where}: found {values[tuple(wrong[0])]}, expected a finite number; "
        "look for images that the model could not score"
    )


def vector(values, name: str, n: int) -> np.ndarray:
    """Return one value an image as an array of shape (n,), none of them missing."""
    try:
        found = np.asarray(values)
    except ValueError:
        raise InputError(f"{name}: rows of different lengths, expected ({n},), one value an image") from None
    if found.ndim != 1:
        raise InputError(f"{name}: found shape {found.shape}, expected ({n},), one value an image")
    if len(found) != n:
        raise InputError(f"{name}: found {len(found)} rows, expected {n}, one for each row of scores")
    missing = np.flatnonzero(pd.isna(found))
    if len(missing):
        raise InputError(f"{name} row {missing[0]}: found nothing ({found[missing[0]]}), expected a value")
    # pandas hands whole numbers over as objects when the column could have held <NA>.
    return pd.Series(found).infer_objects().to_numpy() if found.dtype == object else found


def _checked_codes(truth: np.ndarray, k: int) -> np.ndarray:
    wrong = np.flatnonzero((truth < 0) | (truth >= k) | (truth != np.floor(truth)))
    if len(wrong):
        raise InputError(
            f"y_true row {wrong[0]}: found {truth[wrong[0]]}, expected a class code 0..{k - 1}, "
            "the number of its column in y_prob"
        )
    return truth.astype(np.intp)


def _show(value) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)
