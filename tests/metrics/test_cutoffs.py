import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc as area
from sklearn.metrics import roc_auc_score, roc_curve

from lesionlib.errors import InputError
from lesionlib.metrics import cutoff, roc

binary = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(truth for truth, _ in rows) < len(rows)
)


def columns(rows):
    truth, score = zip(*rows, strict=True)
    return np.array(truth), np.array(score) / 6


@settings(max_examples=60, deadline=None)
@given(binary)
def test_roc_matches_scikit_learn(rows):
    truth, score = columns(rows)
    found = roc(truth, score)
    fpr, tpr, thresholds = roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(found["threshold"], thresholds)
    np.testing.assert_allclose(found["sensitivity"], tpr)
    np.testing.assert_allclose(1 - found["specificity"], fpr, atol=1e-12)
    assert area(1 - found["specificity"], found["sensitivity"]) == pytest.approx(roc_auc_score(truth, score))


@settings(max_examples=60, deadline=None)
@given(binary, st.sampled_from(["closest", "youden"]))
def test_cutoff_is_the_best_point_and_does_what_it_says(rows, rule):
    truth, score = columns(rows)
    threshold, sensitivity, specificity = cutoff(truth, score, rule)
    called = score >= threshold
    assert sensitivity == pytest.approx(called[truth].mean())
    assert specificity == pytest.approx((~called[~truth]).mean())

    curve = roc(truth, score)
    x, y = curve["specificity"].to_numpy(), curve["sensitivity"].to_numpy()
    if rule == "closest":
        loss, best = np.hypot(1 - x, 1 - y), np.hypot(1 - specificity, 1 - sensitivity)
    else:
        loss, best = -(x + y), -(sensitivity + specificity)
    assert best == pytest.approx(loss.min())
    tied = curve[np.isclose(loss, loss.min())]
    assert sensitivity == tied["sensitivity"].max()
    assert np.isfinite(threshold)


def test_known_answer():
    truth = [0, 0, 0, 0, 1, 1, 1, 1]
    score = [0.1, 0.2, 0.3, 0.7, 0.4, 0.6, 0.8, 0.9]
    assert cutoff(truth, score) == (0.4, 1.0, 0.75)
    assert cutoff(truth, score, "youden") == (0.4, 1.0, 0.75)


def test_the_two_rules_can_differ():
    # Sensitivity and specificity at 0.9: 0.5 and 1; at 0.5: 0.7 and 0.75.
    truth = np.repeat([1, 1, 1, 0, 0], [5, 2, 3, 5, 15])
    score = np.repeat([0.9, 0.5, 0.1, 0.5, 0.1], [5, 2, 3, 5, 15])
    assert cutoff(truth, score, "youden") == (0.9, 0.5, 1.0)
    assert cutoff(truth, score, "closest") == (0.5, 0.7, 0.75)


def test_a_tie_goes_to_the_higher_sensitivity():
    # At 0.8: sensitivity 1/2, specificity 1; at 0.4: 1 and 1/2. Equally far, equal Youden.
    truth, score = [1, 0, 1, 0], [0.8, 0.6, 0.4, 0.2]
    for rule in ("closest", "youden"):
        assert cutoff(truth, score, rule) == (0.4, 1.0, 0.5)


@pytest.mark.parametrize("rule", ["closest", "youden"])
def test_never_infinity_even_when_the_scores_are_useless_or_upside_down(rule):
    assert cutoff([0, 1], [0.5, 0.5], rule) == (0.5, 1.0, 0.0)
    assert cutoff([1, 0], [0.1, 0.9], rule) == (0.1, 1.0, 0.0)


def test_exact_on_counts_whose_squares_overflow_64_bits():
    n = 70_000
    truth = np.repeat([1, 0, 1, 0], [n, n, n, n])
    score = np.repeat([0.8, 0.6, 0.4, 0.2], [n, n, n, n])
    assert cutoff(truth, score) == (0.4, 1.0, 0.5)


@pytest.mark.parametrize(
    ("truth", "score", "words"),
    [
        ([1, 1], [0.2, 0.8], "expected both classes"),
        ([0, 0], [0.2, 0.8], "expected both classes"),
        ([0, 2], [0.2, 0.8], "y_true row 1: found 2"),
        (["nv", "mel"], [0.2, 0.8], "y_true row 0: found 'nv'"),
        ([0, 1], [0.2, np.nan], "y_score row 1: found nan"),
        ([0, 1, 1], [0.2, 0.8], "found 3 rows, expected 2"),
        ([0, 1], [[0.2, 0.8]], "y_score: found shape (1, 2)"),
        ([], [], "no images"),
    ],
)
def test_bad_input(truth, score, words):
    for function in (roc, cutoff):
        with pytest.raises(InputError) as error:
            function(truth, score)
        assert words in str(error.value)


def test_unknown_rule():
    with pytest.raises(InputError, match="'closest' or 'youden'"):
        cutoff([0, 1], [0.2, 0.8], rule="best")
