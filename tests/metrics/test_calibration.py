import numpy as np
import pytest

from lesionlib.errors import InputError
from lesionlib.metrics import expected_calibration_error, reliability, report


def confident(p, n, correct):
    """n images of class 0 and 1 that the model calls 1 with probability p; `correct` of them are 1."""
    return np.repeat([1, 0], [correct, n - correct]), np.tile([1 - p, p], (n, 1))


def test_overconfidence_by_hand():
    y, prob = confident(0.9, 10, 6)
    assert expected_calibration_error(y, prob) == pytest.approx(0.3)
    assert report(y, prob).overall["ece"] == pytest.approx(0.3)


def test_bins_are_weighted_by_their_images():
    y1, p1 = confident(0.9, 10, 6)
    y2, p2 = confident(0.6, 30, 21)
    y, prob = np.concatenate([y1, y2]), np.concatenate([p1, p2])
    expected = (10 * 0.3 + 30 * 0.1) / 40
    assert expected_calibration_error(y, prob, bins=10) == pytest.approx(expected)
    table = reliability(y, prob, bins=10)
    assert table["images"].tolist() == [0, 0, 0, 0, 0, 30, 0, 0, 10, 0]
    assert table.loc[5, ["low", "high", "confidence", "accuracy"]].tolist() == pytest.approx([0.5, 0.6, 0.6, 0.7])
    assert table.loc[0, ["confidence", "accuracy"]].isna().all()


def test_certain_and_right_is_calibrated():
    assert expected_calibration_error([0, 1], [[1, 0], [0, 1]]) == 0
    assert reliability([0, 1], [[1, 0], [0, 1]])["images"].iloc[-1] == 2


def test_draws_from_the_probabilities_are_calibrated():
    rng = np.random.default_rng(0)
    prob = rng.dirichlet(np.ones(7), size=20_000)
    y = (prob.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert expected_calibration_error(y, prob) < 0.015


def test_report_and_function_agree():
    rng = np.random.default_rng(1)
    prob = rng.dirichlet(np.ones(4), size=200)
    y = rng.integers(4, size=200)
    assert report(y, prob).overall["ece"] == pytest.approx(expected_calibration_error(y, prob))


def test_names_need_labels():
    prob = [[0.8, 0.2], [0.3, 0.7]]
    found = reliability(["mel", "nv"], prob, labels=["mel", "nv"])
    assert found["accuracy"].dropna().tolist() == [1, 1]
    with pytest.raises(InputError, match="pass labels="):
        reliability(["mel", "nv"], prob)


def test_bad_bins():
    with pytest.raises(InputError, match="bins: found 0"):
        reliability([0, 1], [[0.8, 0.2], [0.3, 0.7]], bins=0)
