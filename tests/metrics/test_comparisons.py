"""Tests of two samples, against worked examples, scipy's definitions and each other."""

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from lesionlib import metrics
from lesionlib.errors import InputError

samples = st.lists(st.integers(0, 1000), min_size=2, max_size=7, unique=True)


def exact_mann_whitney(a, b):
    """Two-sided p-value by going through every way to deal the ranks."""
    pooled = sorted([*a, *b])
    ranks = {value: k for k, value in enumerate(pooled)}
    observed = sum(ranks[v] for v in a)
    sums = [sum(s) for s in itertools.combinations(range(len(pooled)), len(a))]
    lower = sum(s <= observed for s in sums) / len(sums)
    upper = sum(s >= observed for s in sums) / len(sums)
    return min(1.0, 2 * min(lower, upper))


@given(samples, samples)
@settings(max_examples=40, deadline=None)
def test_mann_whitney_is_exact_for_small_samples_without_ties(a, b):
    b = [value + 0.5 for value in b]
    assert metrics.mann_whitney(a, b).p_value == pytest.approx(exact_mann_whitney(a, b))


def test_mann_whitney_of_samples_that_do_not_overlap():
    result = metrics.mann_whitney([1, 2, 3], [4, 5, 6])
    assert result.statistic == 0
    assert result.p_value == pytest.approx(2 / 20)
    assert metrics.mann_whitney([1, 2, 3], [4, 5, 6], "less").p_value == pytest.approx(1 / 20)
    assert metrics.mann_whitney([1, 2, 3], [4, 5, 6], "greater").p_value == pytest.approx(1)


def test_wilcoxon_of_eight_gains_is_as_small_as_eight_pairs_allow():
    before = np.arange(8.0)
    after = before + np.linspace(1.1, 1.9, 8)
    assert metrics.wilcoxon(before, after).p_value == pytest.approx(2 / 2**8)
    assert metrics.wilcoxon(before, after, "less").p_value == pytest.approx(1 / 2**8)


def test_wilcoxon_sees_the_ties_of_printed_decimals():
    # 76.73 - 75.32 and 75.97 - 74.56 are both 1.41, though not in binary.
    a, b = [75.32, 74.56, 10.0], [76.73, 75.97, 9.0]
    assert metrics.wilcoxon(a, b) == metrics.wilcoxon([0, 0, 1], [1.41, 1.41, 0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: metrics.mann_whitney([], [1]), "a: found shape (0,)"),
        (lambda: metrics.mann_whitney([1, np.nan], [1]), "a: value 1 is not finite"),
        (lambda: metrics.mann_whitney([1], [2], "smaller"), "expected one of two-sided, less, greater"),
        (lambda: metrics.wilcoxon([1, 2], [1]), "found 2 and 1 values"),
        (lambda: metrics.wilcoxon([1, 2], [1, 2]), "all pairs are equal"),
        (lambda: metrics.wilson(3, 2), "expected a whole number from 0 to 2"),
        (lambda: metrics.wilson(1, 0), "n: found 0"),
        (lambda: metrics.wilson(1, 2, 95), "ci: found 95"),
    ],
)
def test_bad_input_is_one_line(call, says):
    with pytest.raises(InputError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(1, 400), st.data())
@settings(max_examples=60, deadline=None)
def test_wilson_solves_its_own_equation(n, data):
    """The ends are the proportions whose z-score against k/n is just 1.96."""
    k = data.draw(st.integers(0, n))
    z2 = 1.959963984540054**2
    low, high = metrics.wilson(k, n)
    for end in {low, high} - {0.0, 1.0}:
        assert n * (k / n - end) ** 2 == pytest.approx(z2 * end * (1 - end), abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1


def test_wilson_of_eight_of_nine():
    assert metrics.wilson(8, 9) == pytest.approx((0.5650, 0.9801), abs=1e-4)


def counted(both, first_only, second_only, neither):
    """Two classifiers of which so many images are right under both, one, the other, none."""
    first = np.repeat([True, True, False, False], [both, first_only, second_only, neither])
    second = np.repeat([True, False, True, False], [both, first_only, second_only, neither])
    return first, second


def test_mcnemar_of_a_worked_example():
    # 25 pairs that differ, 5 against 20: twice the chance of 5 heads or fewer in 25 tosses.
    result = metrics.mcnemar(*counted(59, 20, 5, 16))
    assert result.statistic == 5
    assert result.p_value == pytest.approx(2 * sum(comb(25, k) for k in range(6)) / 2**25)


@given(st.integers(0, 40), st.integers(0, 12), st.integers(0, 12), st.integers(0, 40))
@settings(max_examples=50, deadline=None)
def test_mcnemar_looks_at_images_that_only_one_has_right(both, first, second, neither):
    if both + first + second + neither == 0:
        return
    result = metrics.mcnemar(*counted(both, first, second, neither))
    assert result.statistic == second
    flipped = metrics.mcnemar(*counted(both, second, first, neither))
    assert result.p_value == pytest.approx(flipped.p_value)
    tail = sum(comb(first + second, k) for k in range(min(first, second) + 1)) / 2 ** (first + second)
    assert result.p_value == pytest.approx(min(1, 2 * tail) if first != second else 1)


def delong_by_pairs(positive, first, second):
    """DeLong, DeLong and Clarke-Pearson's difference and its variance, by comparing every pair of images."""
    areas, sick_parts, well_parts = [], [], []
    for scores in (first, second):
        sick, well = scores[positive][:, None], scores[~positive][None]
        wins = (sick > well) + 0.5 * (sick == well)
        areas.append(wins.mean())
        sick_parts.append(wins.mean(1))
        well_parts.append(wins.mean(0))
    variance = sum(
        (np.cov(parts)[0, 0] + np.cov(parts)[1, 1] - 2 * np.cov(parts)[0, 1]) / len(parts[0])
        for parts in (sick_parts, well_parts)
    )
    return areas, variance


@given(st.integers(0, 10_000), st.integers(4, 40), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_delong_is_its_authors_formula_with_and_without_ties(seed, n, digits):
    rng = np.random.default_rng(seed)
    positive = np.arange(n) % 2 == 0
    first, second = (np.round(rng.normal(size=n) + positive, digits - 1) for _ in range(2))
    areas, variance = delong_by_pairs(positive, first, second)
    found = metrics.delong(positive, first, second)
    assert [roc_auc_score(positive, each) for each in (first, second)] == pytest.approx(areas)
    assert found.value == pytest.approx(areas[1] - areas[0])
    if variance > 1e-12:
        assert (found.high - found.low) / 2 == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-5)
        assert found.p_value == pytest.approx(2 * norm.sf(abs(found.value) / np.sqrt(variance)), abs=1e-9)


def test_delong_agrees_with_a_bootstrap_of_images():
    rng = np.random.default_rng(5)
    positive = rng.random(400) < 0.3
    first = rng.normal(size=400) + positive
    second = 0.5 * first + rng.normal(size=400) + positive
    found = metrics.delong(positive, first, second)
    drawn = metrics.bootstrap(
        lambda t, a, b: roc_auc_score(t, b) - roc_auc_score(t, a), positive, first, second, n_resamples=600
    )
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=0.012)
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_delong_of_a_classifier_with_itself():
    positive = np.array([True, False, True, False])
    assert metrics.delong(positive, [4, 3, 2, 1], [8, 6, 4, 2]) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: metrics.mcnemar([True], [True, False]), "found 1 and 2 images"),
        (lambda: metrics.mcnemar([1, 0], [1, 0]), "first: found int64 of shape .* expected true or false"),
        (lambda: metrics.mcnemar([], []), "first: found float64"),
        (lambda: metrics.delong([True, False], [1, 2], [1, 2]), "found 1 positive of 2 images, expected two"),
        (lambda: metrics.delong([True, False] * 2, [1, 2, 3], [1, 2, 3]), "found 4, 3, 3 images"),
        (lambda: metrics.delong([True, False] * 2, [1, 2, np.nan, 3], [1] * 4), "first: value 2 is not finite"),
        (lambda: metrics.delong([True, False] * 2, [1] * 4, [1] * 4, ci=95), "ci"),
    ],
)
def test_paired_tests_refuse_what_they_cannot_use(call, said):
    with pytest.raises(InputError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)
