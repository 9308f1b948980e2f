"""A model that may say "refer": how many errors are left when the least sure images go to a human."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.groups import ALL
from lesionlib.numeric import is_number


class Aurc(NamedTuple):
    """The area under the risk-coverage curve.

    Attributes
    ----------
    value : float
        The error rate among the kept images, averaged over all shares kept; 0 is best.
    best : float
        The area if the scores put every right answer before every wrong one.
    excess : float
        `value` - `best`: what is lost because the scores do not know which answers are wrong.
    """

    value: float
    best: float
    excess: float


def risk_coverage(y_true, y_prob, score=None, labels: Sequence | None = None) -> pd.DataFrame:
    """Error rate among the images that are kept, for every share that may be kept.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names when `labels` is given.
    y_prob : array_like of shape (n, k)
        Probabilities; rows sum to 1. The answer is the most probable class.
    score : array_like of shape (n,), optional
        How sure the model is of each answer, on any scale, more is surer; without, the probability of the answer.
    labels : sequence of length k, optional
        Class names in column order.

    Returns
    -------
    DataFrame
        One row a threshold, from the surest image to all of them: threshold (images with a score of at least this
        are kept), images (how many), kept (their share) and error (the share of wrong answers among them). Images with
        the same score are kept together.

    Raises
    ------
    InputError
        As for `report`; scores of another length, or not finite.

    Notes
    -----
    Geifman and El-Yaniv 2017, Selective Classification for Deep Neural Networks: "coverage" is the share kept, "risk"
    the error among it.
    """
    right, score = _answers(y_true, y_prob, score, labels)
    thresholds, images, wrong = _kept(right, score)
    return pd.DataFrame(
        {"threshold": thresholds, "images": images, "kept": images / len(right), "error": wrong / images}
    )


def aurc(y_true, y_prob, score=None, labels: Sequence | None = None) -> Aurc:
    """Area under the risk-coverage curve, and its excess over the best ordering of the same answers.

    Parameters
    ----------
    y_true, y_prob, score, labels
        As for `risk_coverage`.

    Returns
    -------
    Aurc
        value, best, excess, each in [0, 1].

    Raises
    ------
    InputError
        As for `risk_coverage`.

    Notes
    -----
    Geifman, Uziel and El-Yaniv 2019, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers: the mean of the
    error rates among the 1, 2, ..., n surest images, and "E-AURC", the excess. Their best area is an approximation
    for many images; here it is exact. Images with the same score count as ordered by lot: the mean over all orders.
    """
    right, score = _answers(y_true, y_prob, score, labels)
    value, best = _area(right, score), _area(right, right.astype(float))
    return Aurc(value, best, value - best)


def refer_at(y_true, y_prob, coverage: float, score=None, labels: Sequence | None = None) -> pd.DataFrame:
    """What is left when the model keeps a share of the images, those it is surest of, and refers the others.

    Parameters
    ----------
    y_true, y_prob, score, labels
        As for `risk_coverage`.
    coverage : float
        Share of the images to keep, in (0, 1]. Images as sure as the last one kept are kept too.

    Returns
    -------
    DataFrame
        As from `refer_below`.

    Raises
    ------
    InputError
        As for `risk_coverage`; a share out of range.
    """
    if not is_number(coverage, 0, 1) or coverage == 0:
        raise InputError(f"coverage: found {coverage!r}, expected a share of images to keep, above 0 and at most 1")
    _, scores = _answers(y_true, y_prob, score, labels)
    last = math.ceil(coverage * len(scores) - 1e-9)  # 0.07 of 100 images is 7.000000000000001
    return refer_below(y_true, y_prob, np.sort(scores)[-last], score, labels)


def refer_below(y_true, y_prob, threshold: float, score=None, labels: Sequence | None = None) -> pd.DataFrame:
    """What is left when the model refers every image whose score is below a threshold.

    Parameters
    ----------
    y_true, y_prob, score, labels
        As for `risk_coverage`.
    threshold : float
        The lowest score that is kept, such as one chosen on validation images.

    Returns
    -------
    DataFrame
        Indexed by class, after a first row ``"all"``: images, kept, referred (counts); caught and error, shares of the
        kept images whose answer is right and wrong, where `caught` of a class is its sensitivity among the kept;
        referred_or_caught, the share of all images of the class that a human sees or the model names. NaN where no
        image is left to count.

    Raises
    ------
    InputError
        As for `risk_coverage`; a threshold that is no finite number.
    """
    if not is_number(threshold):
        raise InputError(f"threshold: found {threshold!r}, expected a finite number on the scale of the scores")
    right, scores = _answers(y_true, y_prob, score, labels)
    truth, _, names = checks.judged(y_true, y_prob, labels)
    kept = scores >= threshold
    of = [np.ones(len(right), bool), *(truth == code for code in range(len(names)))]
    rows = [_left(right[part], kept[part]) for part in of]
    return pd.DataFrame(rows, index=pd.Index([ALL, *names], dtype=object, name="class"))


def _answers(y_true, y_prob, score, labels) -> tuple[np.ndarray, np.ndarray]:
    """Whether each answer is right (n,), and how sure the model is of it (n,)."""
    truth, prob, _ = checks.judged(y_true, y_prob, labels)
    right = prob.argmax(axis=1) == truth
    if score is None:
        return right, prob.max(axis=1)
    try:
        return right, checks.scores(checks.vector(score, "score", len(prob)))
    except InputError as error:
        raise InputError(str(error).replace("y_score", "score")) from None


def _kept(right: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds from the highest down (t,), how many images each keeps, and how many of these are wrong."""
    levels, level_of = np.unique(-score, return_inverse=True)
    images = np.bincount(level_of).cumsum()
    return -levels, images, np.bincount(level_of, weights=~right).cumsum()


def _area(right: np.ndarray, score: np.ndarray) -> float:
    _, images, wrong = _kept(right, score)
    first = np.arange(1, len(right) + 1)
    # Within a tie every order is as likely, so that the errors expected so far grow on a straight line.
    return float(np.mean(np.interp(first, [0, *images], [0, *wrong]) / first))


def _left(right: np.ndarray, kept: np.ndarray) -> dict[str, float]:
    counts = {"images": len(right), "kept": int(kept.sum()), "referred": int((~kept).sum())}
    caught = float(right[kept].mean()) if kept.any() else np.nan
    safe = float((right | ~kept).mean()) if len(right) else np.nan
    return counts | {"caught": caught, "error": 1 - caught, "referred_or_caught": safe}
