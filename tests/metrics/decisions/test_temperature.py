import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import log_loss

from lesionlib.errors import InputError
from lesionlib.metrics import decisions
from lesionlib.metrics.decisions.temperature import BOUNDS


def calibrated(n, k, seed, spread=1.5):
    """Logits, and a truth drawn from their probabilities."""
    rng = np.random.default_rng(seed)
    logits = spread * rng.normal(size=(n, k))
    truth = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return np.minimum(truth, k - 1), logits


def test_three_of_four_right_at_90_percent_is_a_temperature_of_two():
    # logit(0.9) = log 9 is twice logit(0.75) = log 3.
    prob = np.tile([0.9, 0.1], (4, 1))
    assert decisions.fit_temperature([0, 0, 0, 1], prob) == pytest.approx(2, rel=1e-6)
    assert decisions.scale([[0.9, 0.1]], 2) == pytest.approx(np.array([[0.75, 0.25]]))


@pytest.mark.parametrize("factor", [3, 0.5])
def test_logits_multiplied_come_back_as_the_temperature(factor):
    truth, logits = calibrated(20000, 5, seed=1)
    prob = softmax(factor * logits, axis=1)
    found = decisions.fit_temperature(truth, prob)
    assert found == pytest.approx(factor, rel=0.03)
    assert decisions.scale(prob, factor) == pytest.approx(softmax(logits, axis=1))


@given(k=st.integers(2, 6), seed=st.integers(0, 1000), temperature=st.floats(0.1, 15))
@settings(max_examples=30, deadline=None)
def test_scaling_keeps_the_order_of_the_classes(k, seed, temperature):
    _, logits = calibrated(20, k, seed)
    prob = softmax(logits, axis=1)
    scaled = decisions.scale(prob, temperature)
    assert (np.argsort(scaled, axis=1) == np.argsort(prob, axis=1)).all()
    assert scaled.sum(axis=1) == pytest.approx(1)


@given(k=st.integers(2, 6), seed=st.integers(0, 1000), factor=st.floats(0.3, 8))
@settings(max_examples=30, deadline=None)
def test_log_loss_is_never_worse_where_it_was_fitted(k, seed, factor):
    truth, logits = calibrated(60, k, seed)
    prob = softmax(factor * logits, axis=1)
    codes = np.arange(k)
    found = decisions.fit_temperature(truth, prob)
    best = log_loss(truth, decisions.scale(prob, found), labels=codes)
    tried = [1, 0.9 * found, 1.1 * found]
    assert best <= min(log_loss(truth, decisions.scale(prob, each), labels=codes) for each in tried) + 1e-9


def test_as_scikit_learn_scales():
    pytest.importorskip("sklearn", "1.8", reason="temperature scaling came with scikit-learn 1.8")
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    class AsGiven(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return X.argmax(axis=1)

        def predict_proba(self, X):
            return X

    truth, logits = calibrated(800, 4, seed=3)
    prob = softmax(2 * logits, axis=1)
    frozen = FrozenEstimator(AsGiven().fit(prob, truth))
    theirs = CalibratedClassifierCV(frozen, method="temperature", ensemble=False).fit(prob, truth)
    ours = decisions.scale(prob, decisions.fit_temperature(truth, prob))
    assert ours == pytest.approx(theirs.predict_proba(prob), abs=1e-4)


def test_a_network_without_an_error_ends_at_the_bound():
    prob = np.tile([0.6, 0.4], (5, 1))
    assert decisions.fit_temperature([0] * 5, prob) == pytest.approx(BOUNDS[0], rel=1e-3)
    assert decisions.fit_temperature([1] * 5, prob) == pytest.approx(BOUNDS[1], rel=1e-3)


def test_a_zero_is_no_infinite_loss():
    truth = [0] * 300 + [1]
    prob = np.array([[0.9, 0.1]] * 300 + [[1.0, 0.0]])
    almost = np.where(prob == 0, np.finfo(np.float32).tiny, prob)
    found = decisions.fit_temperature(truth, prob)
    assert 1.1 < found < 1.5
    assert found == pytest.approx(decisions.fit_temperature(truth, almost))
    assert decisions.scale(prob, 0.5)[-1] == pytest.approx([1, 0])


def test_names_are_codes_by_another_name():
    truth, logits = calibrated(100, 3, seed=4)
    prob, names = softmax(2 * logits, axis=1), ["mel", "nv", "bkl"]
    by_name = decisions.fit_temperature(np.array(names)[truth], prob, labels=names)
    assert by_name == decisions.fit_temperature(truth, prob)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf, True, "2", None])
def test_what_is_no_temperature(temperature):
    with pytest.raises(InputError, match="temperature: found"):
        decisions.scale([[0.5, 0.5]], temperature)


def test_logits_are_no_probabilities():
    with pytest.raises(InputError, match="y_prob row 0"):
        decisions.fit_temperature([0], [[2.0, -1.0]])
