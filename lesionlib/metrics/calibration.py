"""Does a confidence of 80% come true in 80 of 100 images?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lesionlib.metrics import checks

BINS = 15


def reliability(y_true, y_prob, bins: int = BINS, labels: Sequence | None = None) -> pd.DataFrame:
    """Confidence and accuracy of the predicted class, by equal-width bins of confidence.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names when `labels` is given.
    y_prob : array_like of shape (n, k)
        Probabilities; rows sum to 1.
    bins : int
        Bins of (0, 1]; each holds its upper end.
    labels : sequence of length k, optional
        Class names in column order.

    Returns
    -------
    DataFrame
        One row a bin: low, high (its ends), images, confidence (mean probability of the predicted class)
        and accuracy, each in [0, 1]; NaN in a bin without images.

    Raises
    ------
    InputError
        As for `report`.
    """
    edges = np.linspace(0, 1, checks.positive(bins, "bins") + 1)
    truth, prob, _ = checks.judged(y_true, y_prob, labels)
    confidence, correct = prob.max(axis=1), prob.argmax(axis=1) == truth
    where = confidence_bins(confidence, bins)
    images = np.bincount(where, minlength=bins)
    occupied = np.where(images, images, np.nan)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "images": images,
            "confidence": np.bincount(where, weights=confidence, minlength=bins) / occupied,
            "accuracy": np.bincount(where, weights=correct, minlength=bins) / occupied,
        }
    )


def expected_calibration_error(y_true, y_prob, bins: int = BINS, labels: Sequence | None = None) -> float:
    """Mean gap between confidence and accuracy over the bins of `reliability`, weighted by their images.

    Parameters
    ----------
    y_true, y_prob, bins, labels
        As for `reliability`.

    Returns
    -------
    float
        In [0, 1]; 0 is calibrated.

    Raises
    ------
    InputError
        As for `reliability`.

    Notes
    -----
    Guo et al. 2017, On Calibration of Modern Neural Networks, section 2.
    """
    table = reliability(y_true, y_prob, bins, labels)
    gaps = (table["accuracy"] - table["confidence"]).abs() * table["images"]
    return float(gaps.sum() / table["images"].sum())


def confidence_bins(confidence: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the bin 0..bins-1 of each confidence; bin b is (b / bins, (b + 1) / bins]."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")
