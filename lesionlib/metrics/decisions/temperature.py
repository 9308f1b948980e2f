"""Temperature scaling: one number that makes all probabilities of a network bolder or more cautious."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.numeric import is_number

BOUNDS = 0.05, 20.0
# Where a float32 softmax ends: what it writes as 0 was smaller than this.
_SMALLEST = float(np.finfo(np.float32).tiny)
_PRECISION = 1e-9


def fit_temperature(y_true, y_prob, labels: Sequence | None = None) -> float:
    """The temperature T that makes the log loss of softmax(log(p) / T) smallest.

    Fit it on validation images, apply it to test images with `scale`.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names when `labels` is given.
    y_prob : array_like of shape (n, k)
        Probabilities of validation images; rows sum to 1.
    labels : sequence of length k, optional
        Class names in column order.

    Returns
    -------
    float
        T, from 0.05 to 20. Above 1 the network was too sure of itself, below 1 too cautious. An answer at an end of
        this range says that these images do not determine T: a network without an error on them wants T = 0.

    Raises
    ------
    InputError
        As for `report`.

    Notes
    -----
    Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2. The logits of a softmax are log(p) but for
    a constant in each row, which the softmax takes away again, so that stored probabilities are enough. The loss has
    one minimum in T. A probability of 0 counts as 1.2e-38, the smallest normal number of a float32.
    """
    from scipy import optimize, special

    truth, prob, _ = checks.judged(y_true, y_prob, labels)
    logits = _logits(prob)

    def log_loss(log_temperature: float) -> float:
        scaled = special.log_softmax(logits / np.exp(log_temperature), axis=1)
        return -scaled[np.arange(len(truth)), truth].mean()

    found = optimize.minimize_scalar(log_loss, bounds=np.log(BOUNDS), method="bounded", options={"xatol": _PRECISION})
    return float(np.exp(found.x))


def scale(y_prob, temperature: float) -> np.ndarray:
    """Scale probabilities by a temperature: softmax(log(p) / T).

    The order of the classes within a row stays, and so do the prediction, accuracy and balanced accuracy. What an
    image's probability says beside another image's may change.

    Parameters
    ----------
    y_prob : array_like of shape (n, k)
        Probabilities; rows sum to 1.
    temperature : float
        T, above 0; 1 changes nothing.

    Returns
    -------
    numpy.ndarray, shape (n, k)
        Probabilities; rows sum to 1.

    Raises
    ------
    InputError
        As for `report`; a temperature that is not a number above 0.
    """
    from scipy import special

    if not is_number(temperature) or temperature <= 0:
        raise InputError(
            f"temperature: found {temperature!r}, expected a number above 0, such as fit_temperature gives"
        )
    return special.softmax(_logits(checks.probabilities(y_prob)) / temperature, axis=1)


def _logits(prob: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(prob, _SMALLEST))
