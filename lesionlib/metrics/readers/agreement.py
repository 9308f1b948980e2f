"""Do readers agree with each other, beyond chance? Fleiss' kappa."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.intervals import Interval, interval_of
from lesionlib.metrics.readers.answers import ALONE, tabulated
from lesionlib.metrics.readers.resampling import resamples


def agreement(
    answers: pd.DataFrame,
    labels: Sequence[str],
    arm: str = ALONE,
    over: str = "both",
    n_resamples: int = 1000,
    ci: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Fleiss' kappa of the readers of an arm, with its interval; missing answers are left out.

    Parameters
    ----------
    answers, labels, over, n_resamples, ci, seed
        As for `rates`.
    arm : str
        "alone" or "with AI".

    Returns
    -------
    Interval
        Kappa: 1 where all agree, 0 where they agree as often as by chance; NaN where all answers are one class.

    Raises
    ------
    InputError
        What `rates` refuses, no such arm, or no image with two answers.

    Notes
    -----
    J. L. Fleiss, Psychological Bulletin 76 (1971), 378-382, who has the same number of answers for each image. With
    different numbers, the agreement on an image is the share of its pairs of answers that agree, and the mean is over
    images with two answers or more; a class's share is that of all their answers.

    A reader who is drawn twice agrees with themselves; such pairs are not counted, else every resample would agree
    more than the readers do.
    """
    table = tabulated(answers, labels)
    codes = table.arm(arm)
    drawn = resamples(table, over, n_resamples, seed)
    given = np.stack([codes == code for code in range(len(table.labels))], axis=-1).astype(float)
    if not (given.sum(axis=(0, 2)) >= 2).any():
        raise InputError(f"answers: no image has two answers in the arm {arm!r}, expected at least one")
    n, k = given.shape[1:]
    once = (drawn.readers @ given.reshape(len(given), -1)).reshape(-1, n, k)
    own = ((drawn.readers**2) @ given.reshape(len(given), -1)).reshape(-1, n, k)
    replicates = _kappa(once, own, drawn.images)
    return interval_of(replicates, checks.level(ci))


def _kappa(answers: np.ndarray, own: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Kappa (b,) from answers (b, n, k) and weights of images (b, n).

    `own` (b, n, k) is what each reader's answers make with that reader's own, which is no agreement between two.
    """
    pairs = answers.sum(axis=-1) ** 2 - own.sum(axis=-1)
    weights = weights * (pairs > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = np.nan_to_num((answers**2 - own).sum(axis=-1) / pairs)
        seen = (weights * alike).sum(axis=1) / weights.sum(axis=1)
        shares = (weights[..., None] * answers).sum(axis=1)
        chance = ((shares / shares.sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
        return np.where(chance < 1 - 1e-12, (seen - chance) / (1 - chance), np.nan)
