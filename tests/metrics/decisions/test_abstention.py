from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionlib import metrics
from lesionlib.errors import InputError
from lesionlib.metrics import decisions


def answers(n, seed, k=3, digits=9):
    """Answers of a network; few digits make ties."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=n)
    odds = np.exp(rng.normal(size=(n, k)) + np.eye(k)[truth])
    return truth, odds / odds.sum(axis=1, keepdims=True), rng.random(n).round(digits)


def of_right(right):
    """Two-class answers that are right where asked for."""
    return np.zeros(len(right), int), np.where(np.array(right)[:, None], [0.9, 0.1], [0.2, 0.8])


@given(n=st.integers(1, 40), seed=st.integers(0, 500), digits=st.sampled_from([1, 9]))
@settings(max_examples=40, deadline=None)
def test_the_curve_against_brute_force(n, seed, digits):
    truth, prob, score = answers(n, seed, digits=digits)
    table = decisions.risk_coverage(truth, prob, score)
    wrong = prob.argmax(axis=1) != truth
    assert table["threshold"].tolist() == sorted(set(score), reverse=True)
    for row in table.itertuples():
        kept = score >= row.threshold
        assert (row.images, row.kept) == (kept.sum(), pytest.approx(kept.mean()))
        assert row.error == pytest.approx(wrong[kept].mean())
    assert table["kept"].iloc[-1] == 1


def test_without_a_score_the_probability_of_the_answer_orders():
    truth, prob, _ = answers(50, 1)
    assert decisions.risk_coverage(truth, prob).equals(decisions.risk_coverage(truth, prob, prob.max(axis=1)))
    assert decisions.aurc(truth, prob) == decisions.aurc(truth, prob, prob.max(axis=1))


@given(n=st.integers(1, 40), seed=st.integers(0, 500))
@settings(max_examples=30, deadline=None)
def test_the_area_is_the_mean_of_the_errors(n, seed):
    truth, prob, score = answers(n, seed)
    wrong = (prob.argmax(axis=1) != truth)[np.argsort(-score)]
    found = decisions.aurc(truth, prob, score)
    assert found.value == pytest.approx(np.mean([wrong[:i].mean() for i in range(1, n + 1)]))
    ideal = np.sort(wrong)
    assert found.best == pytest.approx(np.mean([ideal[:i].mean() for i in range(1, n + 1)]))
    assert found.excess == pytest.approx(found.value - found.best)
    assert found.excess >= -1e-12


def test_ties_count_as_the_mean_over_all_orders():
    right, score = np.array([1, 0, 1, 0, 1, 1], bool), np.array([5, 5, 5, 2, 2, 1])
    areas = [
        np.mean([1 - right[list(order[:i])].mean() for i in range(1, 7)])
        for order in permutations(range(6))
        if (np.diff(score[list(order)]) <= 0).all()
    ]
    assert len(areas) == 12
    assert decisions.aurc(*of_right(right), score).value == pytest.approx(np.mean(areas))


def test_a_perfect_order_has_no_excess_and_the_worst_has_the_most():
    truth, prob = of_right([True, True, True, False])
    perfect = decisions.aurc(truth, prob, [4, 3, 2, 1])
    assert perfect == pytest.approx((1 / 16, 1 / 16, 0))
    worst = decisions.aurc(truth, prob, [1, 2, 3, 4])
    assert worst.value == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert decisions.aurc(*of_right([True, True])) == (0, 0, 0)


def test_what_is_left_by_hand():
    labels = ["mel", "nv"]
    truth = np.array(["mel", "mel", "mel", "nv", "nv"])
    prob = np.array([[0.9, 0.1], [0.4, 0.6], [0.15, 0.85], [0.2, 0.8], [0.3, 0.7]])
    table = decisions.refer_at(truth, prob, 0.6, labels=labels)
    assert list(table.index) == ["all", "mel", "nv"]
    assert table[["images", "kept", "referred"]].to_numpy().tolist() == [[5, 3, 2], [3, 2, 1], [2, 1, 1]]
    assert table["caught"].tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    assert table["error"].tolist() == pytest.approx([1 / 3, 1 / 2, 0])
    assert table["referred_or_caught"].tolist() == pytest.approx([4 / 5, 2 / 3, 1])
    assert table.equals(decisions.refer_below(truth, prob, 0.8, labels=labels))


def test_all_referred_and_none():
    truth, prob, _ = answers(60, 2)
    none = decisions.refer_at(truth, prob, 1.0)
    report = metrics.report(truth, prob)
    assert none["referred"].eq(0).all()
    assert none.loc["all", "caught"] == pytest.approx(report.overall["accuracy"])
    assert none["caught"].tolist()[1:] == pytest.approx(report.per_class["sensitivity"].tolist())
    assert none["referred_or_caught"].tolist() == pytest.approx(none["caught"].tolist())
    every = decisions.refer_below(truth, prob, 1.5)
    assert every["kept"].eq(0).all()
    assert every["caught"].isna().all()
    assert every["error"].isna().all()
    assert every["referred_or_caught"].eq(1).all()


@given(seed=st.integers(0, 200), share=st.floats(0.01, 1))
@settings(max_examples=30, deadline=None)
def test_at_least_the_share_is_kept_and_no_image_more(seed, share):
    truth, prob, score = answers(37, seed)
    table = decisions.refer_at(truth, prob, share, score)
    kept = table.loc["all", "kept"]
    assert kept - 1 < share * 37 + 1e-6 <= kept + 1e-5
    curve = decisions.risk_coverage(truth, prob, score).set_index("images")
    assert table.loc["all", "error"] == pytest.approx(curve.loc[kept, "error"])


def test_a_share_that_floats_write_badly():
    truth, prob, score = answers(100, 3)
    assert 0.07 * 100 > 7
    assert decisions.refer_at(truth, prob, 0.07, score).loc["all", "kept"] == 7


def test_a_class_without_images():
    table = decisions.refer_at([0, 0], [[0.6, 0.4], [0.7, 0.3]], 1)
    assert table.loc[1, ["images", "kept", "referred"]].tolist() == [0, 0, 0]
    assert table.loc[1, ["caught", "error", "referred_or_caught"]].isna().all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"coverage": 0}, "coverage: found 0"),
        ({"coverage": 1.2}, "coverage: found 1.2"),
        ({"coverage": np.nan}, "coverage: found nan"),
        ({"score": [1.0]}, "score: found 1 rows, expected 2"),
        ({"score": [1.0, np.inf]}, "^score row 1: found inf"),
        ({"y_true": [0, 2]}, "y_true row 1"),
    ],
)
def test_what_cannot_be_referred(wrong, message):
    good = {"y_true": [0, 1], "y_prob": [[0.9, 0.1], [0.4, 0.6]], "coverage": 0.5}
    with pytest.raises(InputError, match=message):
        decisions.refer_at(**good | wrong)


def test_a_threshold_that_is_none():
    with pytest.raises(InputError, match="threshold: found nan"):
        decisions.refer_below([0], [[0.5, 0.5]], np.nan)
