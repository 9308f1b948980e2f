"""Tests of two samples, against worked examples, scipy's definitions and each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
