"""ROC curves and the cut-off that is read from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks


class Cutoff(NamedTuple):
    """A score from which on an image is called positive, and what that rule achieves.

    Attributes
    ----------
    threshold : float
        On the scale of the scores; an image at it is positive.
    sensitivity, specificity : float
        In [0, 1].
    """

    threshold: float
    sensitivity: float
    specificity: float


def roc(y_true, y_score) -> pd.DataFrame:
    """The ROC curve, one row for each distinct score.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        0 or 1 (or booleans); both must occur. One class against the rest: ``y_true == code``.
    y_score : array_like of shape (n,)
        Finite scores, larger for the positive class: ``y_prob[:, code]``.

    Returns
    -------
    DataFrame
        threshold (falling; the first is infinity: no image is called positive), sensitivity and
        specificity, each in [0, 1], of the rule ``y_score >= threshold``.

    Raises
    ------
    InputError
        Wrong shapes, NaN, values other than 0 and 1, a single class.
    """
    thresholds, tp, fp, p, n = _counts(y_true, y_score)
    return pd.DataFrame(
        {
            "threshold": np.concatenate([[np.inf], thresholds]),
            "sensitivity": np.concatenate([[0.0], tp / p]),
            "specificity": np.concatenate([[1.0], (n - fp) / n]),
        }
    )


def cutoff(y_true, y_score, rule: str = "closest") -> Cutoff:
    """The best cut-off on the ROC curve.

    Parameters
    ----------
    y_true, y_score : array_like of shape (n,)
        As for `roc`.
    rule : {"closest", "youden"}
        "closest": the point closest to the corner where sensitivity and specificity are 1, as in
        mendes2018 (section III-E writes "specificity is equal zero": its axis is 1 - specificity);
        "youden": the largest sensitivity + specificity - 1.

    Returns
    -------
    Cutoff
        threshold, sensitivity, specificity; an image is positive when its score >= threshold. The
        threshold is always one of the scores: calling every image positive is never worse by either rule
        than calling none, so infinity is never the answer. Ties, found in exact integer arithmetic, go
        to the highest sensitivity (the lowest threshold): a missed lesion costs more than a biopsy.

    Raises
    ------
    InputError
        As for `roc`, and an unknown rule.

    Notes
    -----
    A cut-off chosen and judged on the same images flatters: choose on validation lesions.
    """
    if rule not in ("closest", "youden"):
        raise InputError(f"rule: found {rule!r}, expected 'closest' or 'youden'")
    thresholds, tp, fp, p, n = _counts(y_true, y_score)
    # Both rules times (positives x negatives), in whole numbers, so that equal means equal. Python's
    # integers, since the squares outgrow 64 bits from some ten thousand images on.
    missed, alarms = ((p - tp) * n).astype(object), (fp * p).astype(object)
    cost = missed**2 + alarms**2 if rule == "closest" else missed + alarms
    best = np.flatnonzero(cost == cost.min())[-1]
    return Cutoff(float(thresholds[best]), float(tp[best] / p), float((n - fp[best]) / n))


def _counts(y_true, y_score) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Return falling thresholds, true and false positives at each, and the numbers of either class."""
    score = checks.scores(y_score)
    truth = checks.binary(y_true, len(score))
    thresholds, where = np.unique(score, return_inverse=True)
    hits = np.bincount(where, weights=truth, minlength=len(thresholds)).astype(np.int64)
    total = np.bincount(where, minlength=len(thresholds))
    tp, called = np.cumsum(hits[::-1]), np.cumsum(total[::-1])
    return thresholds[::-1], tp, called - tp, int(tp[-1]), int(called[-1] - tp[-1])
