"""Decision curves: is acting on a model's probability worth more than treating everyone, or no one?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.intervals import percentile_interval, resampled, weighted_means


def decision_curve(
    y_true, y_score, positive, thresholds, groups=None, ci: float | None = None, n_resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Net benefit of treating the images whose probability reaches a threshold, at every threshold.

    The threshold says how one weighs the two harms: who would excise ten lesions to find one melanoma acts at a
    probability of 0.1. Net benefit counts true positives an image, minus false positives at that rate of exchange.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Classes, as names or codes.
    y_score : array_like of shape (n,)
        Probability of the class `positive`, in [0, 1]: its column of the probabilities.
    positive : class
        The value of `y_true` that is to be treated, such as "mel".
    thresholds : array_like of shape (t,)
        Threshold probabilities, from 0 to below 1.
    groups : array_like of shape (n,), optional
        Lesion (or patient) of each image; then groups are resampled, not images. Used with `ci` only.
    ci : float, optional
        Confidence level in (0, 1), such as 0.95, for percentile bootstrap intervals.
    n_resamples, seed : int
        Replicates of the bootstrap and the seed of its draws.

    Returns
    -------
    DataFrame
        One row a threshold: threshold; model, treat_all and treat_none (net benefits, true positives an image); gain,
        the model's minus that of treating all. With `ci` also model_low, model_high, gain_low and gain_high, one
        threshold at a time.

    Raises
    ------
    InputError
        Scores that are no probabilities, thresholds out of range, a class that does not occur, and what `bootstrap`
        refuses.

    Notes
    -----
    Vickers and Elkin 2006, Decision Curve Analysis, Medical Decision Making 26, 565-574: of n images, at threshold t,
    TP / n - FP / n x t / (1 - t). Treating none has net benefit 0, so that `model` is also the gain over it. The
    probabilities must be calibrated, and the share of positives that of the clinic: a test set enriched with melanomas
    flatters treating all.
    """
    score = _probability(y_score)
    thresholds = _thresholds(thresholds)
    is_positive = pd.Series(checks.vector(y_true, "y_true", len(score))).eq(positive).to_numpy(bool)
    if not is_positive.any():
        raise InputError(f"positive: found {positive!r}, expected a class that occurs in y_true")
    # What treating each image adds at each threshold (n, t): 1 for a positive, minus the odds for another.
    worth = np.where(is_positive[:, None], 1.0, -thresholds / (1 - thresholds))
    model = np.where(score[:, None] >= thresholds, worth, 0.0)
    curve = pd.DataFrame(
        {
            "threshold": thresholds,
            "model": model.mean(axis=0),
            "treat_all": worth.mean(axis=0),
            "treat_none": 0.0,
            "gain": (model - worth).mean(axis=0),
        }
    )
    if ci is None:
        return curve
    ci, n_resamples = checks.level(ci), checks.positive(n_resamples, "n_resamples")
    units = checks.group_codes(groups, len(score))
    both = np.column_stack([model, model - worth])
    replicates = resampled(lambda weights: weighted_means(weights, both), units, n_resamples, seed)[1:]
    low, high = (np.split(end, 2) for end in percentile_interval(replicates, ci))
    for place, name in enumerate(("model", "gain")):
        curve[f"{name}_low"], curve[f"{name}_high"] = low[place], high[place]
    return curve


def _probability(y_score) -> np.ndarray:
    score = checks.scores(y_score)
    outside = np.flatnonzero((score < -checks.RANGE_TOLERANCE) | (score > 1 + checks.RANGE_TOLERANCE))
    if len(outside):
        raise InputError(
            f"y_score row {outside[0]}: found {score[outside[0]]:g}, expected a probability in [0, 1], since it is "
            "held against threshold probabilities"
        )
    return score


def _thresholds(thresholds) -> np.ndarray:
    try:
        found = np.asarray(thresholds, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if found.ndim != 1 or not len(found) or not ((found >= 0) & (found < 1)).all():
        raise InputError(f"thresholds: found {thresholds!r}, expected probabilities from 0 to below 1 in one dimension")
    return found
