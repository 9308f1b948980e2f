"""Each check on figures whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score

from lesionlib.audit import agreement, bounds, confusion, granularity, inference, training, words
from lesionlib.errors import InputError


@pytest.mark.parametrize(
    ("verdict", "agrees"),
    [
        (agreement.total([5, 6], 11), True),
        (agreement.total([5, 6], 12), False),
        (agreement.total([33.3, 33.3, 33.3], 100, decimals=1), True),
        (agreement.total([33.3, 33.3, 33.0], 100, decimals=1), False),
        (agreement.pair(82.47, 17.53), True),
        (agreement.pair(77.82, 22.22), False),
        (agreement.pair(0.5, 0.45, whole=1, decimals=2), False),
        (agreement.share(8313, 10015, 83), True),
        (agreement.share(2, 3, 66, decimals=0), False),
        (agreement.share(2, 3, 0.67, decimals=2, scale=1), True),
        (agreement.mean([1.0, 2.0], 1.5, decimals=1), True),
        (agreement.mean([1.0, 2.0], 1.7, decimals=1), False),
        (agreement.standard_deviation([1, 2, 3], 1.0, decimals=1), True),
        (agreement.standard_deviation([1, 2, 3], 0.8, decimals=1), True),
        (agreement.standard_deviation([1, 2, 3], 1.3, decimals=1), False),
        (agreement.difference(42.43, 17.29, 25.14), True),
        (agreement.difference(42.43, 17.29, 25.2), False),
        (agreement.ratio([2373, 264, 660], [72, 8, 20]), True),
        (agreement.ratio([2373, 264, 660], [70, 10, 20]), False),
        (agreement.same([162, 162.0]), True),
        (agreement.same([162, 163]), False),
        (agreement.count(["a", "b"], 2), True),
        (agreement.count(["a", "b"], 3), False),
        (agreement.product([7, 2], 14), True),
        (agreement.product([7, 2], 15), False),
        (agreement.multiple(38_000, 2000), True),
        (agreement.multiple(38_500, 2000), False),
    ],
)
def test_agreement(verdict, agrees):
    assert verdict.agrees is agrees


def test_a_figure_that_was_cut_off_is_called_so():
    assert "cut off" in agreement.share(2, 3, 66, decimals=0).recomputed
    assert "cut off" not in agreement.share(2, 3, 60, decimals=0).recomputed


@given(st.integers(1, 3000), st.data(), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_every_true_share_is_possible(n, data, decimals):
    k = data.draw(st.integers(0, n))
    assert k in granularity.possible_counts(round(100 * k / n, decimals), n, decimals)


@given(st.integers(1, 300), st.integers(0, 10_000))
@settings(max_examples=100, deadline=None)
def test_a_share_is_possible_where_some_count_rounds_to_it(n, hundredths):
    value = hundredths / 100
    some = [k for k in range(n + 1) if abs(100 * k / n - value) <= 0.005 + 1e-9]
    assert granularity.possible_counts(value, n, 2) == some
    assert granularity.granularity(value, n, 2).agrees is bool(some)


def test_granularity_names_the_nearest():
    assert granularity.granularity(50.1, 10, 1).recomputed == "no k of 10: the nearest are 50 and 60"
    assert granularity.complement(66.7, 3, 1).recomputed == "1 of 3"
    assert granularity.complement(66.7, 4, 1).agrees is False
    assert granularity.best_size([33.3, 66.7], 3, 1, 2, 5).agrees is True
    assert granularity.best_size([33.3, 66.7, 50.0], 4, 1, 2, 5).recomputed == "3 gives 2 of 3, the next best size 1"
    assert granularity.possible_share([50.0, 33.3], 4, 1).recomputed.startswith("1 of 2 are a k of 4")


def test_lost_cells_are_filled_where_the_margins_pin_them_down():
    full = [[5, 1, 0], [2, 7, 1], [0, 3, 9]]
    lost = [[None, 1, 0], [2, None, 1], [0, 3, None]]
    assert confusion.completed(lost, row_totals=[6, 10, 12]) == full
    assert confusion.completed(lost, column_totals=[7, 11, 10]) == full
    assert confusion.completed(lost) == lost
    two = [[None, None, 0], [2, 7, 1], [0, 3, 9]]
    assert confusion.completed(two, row_totals=[6, None, None]) == two
    assert confusion.completed(two, row_totals=[6, None, None], column_totals=[7, None, None]) == full
    assert confusion.completed([[None, None], [1, 1]], row_totals=[0, 2]) == [[0, 0], [1, 1]]
    with pytest.raises(InputError, match="a margin is 1, but its cells sum to 2"):
        confusion.completed([[2, None], [1, 1]], row_totals=[1, 2])


def test_metrics_of_a_printed_confusion_matrix():
    matrix, labels = [[8, 2], [5, 5]], ["mel", "nv"]
    assert confusion.cell_metric(matrix, labels, "mel", "sensitivity", 0.8, 2).agrees
    assert not confusion.cell_metric(matrix, labels, "mel", "precision", 0.8, 2).agrees
    assert confusion.overall_metric(matrix, labels, "accuracy", 0.65, 2).agrees
    assert confusion.margin(matrix, labels, "nv", 10).agrees
    assert not confusion.margin(matrix, labels, "nv", 11).agrees


counts = st.integers(1, 200)


@given(counts, counts, counts, counts)
@settings(max_examples=100, deadline=None)
def test_the_true_prevalence_is_always_among_the_implied(tp, fn, fp, tn):
    truth = [1] * (tp + fn) + [0] * (fp + tn)
    answer = [1] * tp + [0] * fn + [1] * fp + [0] * tn
    printed = [round(score(truth, answer), 3) for score in (accuracy_score, precision_score, recall_score)]
    low, high = bounds.implied_prevalence(*printed, decimals=[3, 3, 3])
    assert low - 1e-6 <= (tp + fn) / len(truth) <= high + 1e-6
    assert bounds.prevalence(*printed, tp + fn, len(truth), [3, 3, 3]).agrees


def test_bounds():
    # 1,000 images, 250 positive: 150 found, 100 missed, 38 false alarms.
    assert bounds.prevalence(0.862, 0.80, 0.60, 250, 1000, [3, 2, 2]).agrees is True
    assert bounds.prevalence(0.862, 0.80, 0.60, 180, 1000, [3, 2, 2]).agrees is False
    assert bounds.majority([90, 10], 91).agrees is True
    assert bounds.majority([90, 10], 0.85, scale=1).agrees is False
    assert bounds.class_share(0.8, 0.28, 40, 100).agrees is False
    assert bounds.class_share(0.8, 0.28, 35, 100).agrees is True
    assert bounds.accuracy_of_specificity(0.5, 90, 100, 55).agrees is True
    assert bounds.accuracy_of_specificity(0.5, 90, 100, 56).agrees is False
    assert bounds.within(1.2, 0, 1).agrees is False
    assert bounds.geometric_mean(0.25, 0.5).agrees is True
    assert bounds.geometric_mean(0.25, 0.6).agrees is False
    assert bounds.f1(0.5, 1.0, 0.67).agrees is True
    assert bounds.f1(0.5, 1.0, 0.75).agrees is False
    assert bounds.weighted_accuracy([1.0, 0.5], [1, 3], 0.625, 3).agrees is True
    assert bounds.weighted_accuracy([1.0, 0.5], [1, 3], 0.75, 2).agrees is False


def test_inference():
    a, b = [1, 2, 3, 4], [5, 6, 7, 8]
    assert inference.mann_whitney(a, b, 0.03).agrees is True
    assert inference.mann_whitney(a, b, 0.01).agrees is False
    assert "one-sided 0.0143" in inference.mann_whitney(a, b, 0.03).recomputed
    gains = [1 + 0.1 * k for k in range(8)]
    assert (
        inference.conclusion([10 * k for k in range(8)], [10 * k + g for k, g in enumerate(gains)], 0.6).agrees is False
    )
    assert inference.small_sample(8, 9, 1 / 9).agrees is True
    assert inference.small_sample(2, 10, 0.5).agrees is False
    assert inference.compatible(8, 9, 0.5).agrees is False
    assert inference.compatible(5, 9, 0.5).agrees is True
    assert inference.two_proportions(1, 9, 8, 9).agrees is True
    assert inference.two_proportions(4, 9, 8, 9).agrees is False
    assert inference.images_between(92.0, 92.4, 264, most=5).agrees is False
    assert inference.images_between(92.0, 84.1, 264, most=5).agrees is True
    assert inference.spread([88.6, 92.4], 264).agrees is False
    assert inference.spread([60, 92.4], 264).agrees is True
    before = [75.0, 74.5, 76.0, 78.0, 77.0, 74.0]
    assert inference.gains_too_even(before, [x + 1.4 + 0.01 * k for k, x in enumerate(before)], 1702).agrees is False
    assert inference.falling([1, 2, 3, 4, 5], [9, 7, 5, 3, 1]).agrees is True
    assert inference.falling([1, 2, 3, 4, 5], [1, 3, 5, 7, 9]).agrees is False
    assert inference.falling([1, 2, 3], [9, 7, 8]).agrees is False
    even = [10.0, 20.0, 30.0, 40.0]
    assert inference.same_gain(even, [x + 5 for x in even], 100, 0, level=0.2).agrees is False
    assert inference.same_gain(even, [15.0, 26.0, 37.0, 48.0], 100, 0).agrees is True
    assert inference.same_gain([*even, 10.01], [*(x + 5 for x in even), 15], 100, 2).recomputed.startswith(
        "4 of 4 gain"
    )
    assert inference.gains_too_even(before, [x + k for k, x in enumerate(before)], 1702).agrees is True


def test_training():
    assert training.epochs(1000, 16, 800, 20).agrees is True
    assert training.epochs(1000, 16, 800, 40, accumulation=2).agrees is True
    assert training.epochs(1000, 16, 800, 25).agrees is False
    assert training.batch_size(45000, 90, 8313).recomputed == "16.6 images a batch"
    assert training.batch_size(45000, 90, 8313).agrees is None
    assert training.batch_size(100, 10, 320, 32).agrees is True
    assert training.too_even([830, 83, 415, 166], [170, 17, 85, 34]).agrees is False
    assert training.too_even([830, 90, 400, 166], [170, 10, 100, 34]).agrees is True
    assert training.split_rule([100, 33], [20, 7], 20).agrees is True
    assert training.split_rule([100, 33], [20, 9], 20).agrees is False
    assert training.capped_rule([100, 1000], [20, 50], 20, 50).agrees is True
    assert training.capped_rule([100, 1000], [20, 200], 20, 50).agrees is False


def test_words():
    values, names = [92.0, 91.6, 92.4], ["ResNet18", "ResNet50", "DenseNet121"]
    assert words.highest(values, names, "ResNet18").agrees is False
    assert words.highest(values, names, "ResNet18").recomputed == "DenseNet121 92.4"
    assert words.highest(values, names, "DenseNet121").agrees is True
    assert words.highest([1, 1], ["a", "b"], "a").agrees is False
    assert words.lowest(values, names, "ResNet50").agrees is True
    assert words.rank(values, names, "ResNet18", 2).agrees is True
    assert words.rank(values, names, "ResNet18", 1).agrees is False
    assert words.increasing([1, 2, 3], "abc").agrees is True
    assert words.increasing([1, 3, 2], "abc").recomputed == "not at c (3 to 2)"
    assert words.all_above([0.71, 0.8], "ab", 0.7).agrees is True
    assert words.all_above([0.7, 0.8], "ab", 0.7).agrees is False
    assert words.each_above([2, 3], [1, 2], "ab").agrees is True
    assert words.each_above([2, 3], [1, 3], "ab").agrees is False
    assert words.how_many_above([1, 2, 3], 1, 2).agrees is True
    assert words.how_many_above([1, 2, 3], 1, 3).agrees is False
    assert words.distinct([80.72, 80.01], "ab").agrees is True
    assert words.distinct([80.72, 80.01, 80.72], "abc").recomputed == "a and c 80.72"
    assert words.differ([1, 2], [1, 2], "two classes").agrees is False
    assert words.differ([1, 2], [1, 3], "two classes").agrees is True
    assert words.near([0.48, 0.55], 0.5, 0.1).agrees is True
    assert words.near([0.48, 0.9], 0.5, 0.1).agrees is False


def test_an_empty_sensitivity_allows_no_geometric_mean():
    assert bounds.geometric_mean(0.0, 0.5).agrees is False


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_gains_of_chance_are_seldom_called_too_even(seed):
    """Two trainings that disagree on a tenth of 1,702 images, for eight networks."""
    rng = np.random.default_rng(seed)
    flips = rng.binomial(170, 0.5, 8) - 85.0
    assert inference.gains_too_even(np.zeros(8), 100 * flips / 1702, 1702, level=1e-6).agrees is True


COUNTS = [100, 45, 24]
# A tenth aside, a fifth of the rest to test (both rounded up), three copies of the rest, a fifth of these to validate.
STAGED = {"train": [173, 77, 38], "valid": [43, 19, 10], "test": [18, 8, 5]}


def test_the_steps_of_a_split():
    steps = {"aside": 10, "test_percent": 20, "copies": 3, "valid_percent": 20}
    verdict = training.staged_rule(COUNTS, **STAGED, **steps)
    assert verdict.agrees is True
    assert verdict.recomputed.startswith("9 of 9 by: 10 % aside, 20 % of the rest to test, 3 of each other, 20 %")
    assert verdict.recomputed.endswith("(aside rounded up and test rounded up and validation rounded)")
    assert training.staged_rule(COUNTS, **STAGED, **{**steps, "aside": 0}).agrees is False
    assert training.staged_rule(COUNTS, **{**STAGED, "test": [18, 8, 4]}, **steps).recomputed.startswith("8 of 9")


def test_copies_on_both_sides():
    parts, names = [STAGED["train"], STAGED["valid"]], ["a", "b", "c"]
    assert training.whole_copies(parts, 3, names).agrees is True
    assert training.whole_copies(parts[1:], 3, names).recomputed == "not in 3 of 3: a 43, b 19, c 10"
    assert training.siblings(1, 20).agrees is True
    assert training.siblings(2, 50).recomputed.startswith("50 %")
    assert training.siblings(2, 50).agrees is False
    assert training.unchanged([0.5, 0.5], 3).agrees is True
    assert training.unchanged([0.5, 0.5], 4).recomputed == "1 of 4 copies (25 %) stay as they were"
    assert training.unchanged([0.5, 0.5], 4).agrees is False


def test_the_arithmetic_of_a_training():
    staircase = {"base": 0.01, "gamma": 0.1, "stepsize": 100}
    assert training.stepped_rate(**staircase, iteration=199, above=0.0001).agrees is True
    assert training.stepped_rate(**staircase, iteration=200, above=0.0001).agrees is False
    assert training.stepped_rate(**staircase, iteration=200, above=0.0001).recomputed.startswith(
        "0.0001 at iteration 200"
    )
    assert training.duration(3600, 1, 1, 1).agrees is True
    assert training.duration(3600, 1, 1, 3).agrees is False
    # 1 s an image in training, a third of it in validation: ten passes over 1,080 images take an hour more.
    passes = {"batch": 1, "images": 1080, "every": 360}
    assert training.duration_with_validation(3600, 1, 1, 2, **passes).agrees is True
    assert training.duration_with_validation(3600, 1, 1, 1, **passes).agrees is False
    assert training.duration_with_validation(3600, 1, 1, 1, **passes, accumulation=4).agrees is True
    assert training.throughput(100, 50, 4, 10).recomputed == "2 images a second, or 20 with accumulation"
    assert training.throughput(100, 50, 4, 10).agrees is None


def test_what_accuracies_of_classes_leave_to_the_total():
    # More than 80 % of 10 and of 5 images are at least 9 and 5 right; a third class of 5 may be all wrong.
    assert bounds.least_accuracy([10, 5], 80, 20, 70).agrees is True
    assert bounds.least_accuracy([10, 5], 80, 20, 69).recomputed == "at least 14 of 20 = 70"
    assert bounds.least_accuracy([10, 5], 80, 20, 69).agrees is False
    assert bounds.least_mean([10, 5], 80, 3, 63).agrees is True
    assert bounds.least_mean([10, 5], 80, 3, 62).agrees is False
    assert bounds.few_classes([50, 30, 20], 2, 81).agrees is True
    assert bounds.few_classes([50, 30, 20], 2, 80).agrees is False
    assert bounds.never(50, 100, 51).agrees is True
    assert bounds.never(5, 100, 90).agrees is False
    assert bounds.errors_of_one_class(100, 80, 78).agrees is True
    assert bounds.errors_of_one_class(100, 70, 78).recomputed == "30 errors about the class, of at most 22 in all"
    assert bounds.errors_of_one_class(100, 70, 78).agrees is False


def test_points_and_areas_of_roc_curves():
    assert bounds.better_than_chance(0.8, 0.5).agrees is True
    assert bounds.better_than_chance(1, 0).agrees is False
    # At an area of one half the variance is that of the Mann-Whitney U test: (n + 1) / (12 positives negatives).
    low, high = inference.auc_interval(0.5, 51, 109)
    assert (high - low) / (2 * 1.959964) == pytest.approx((110 / (12 * 51 * 58)) ** 0.5)
    assert inference.auc_against(0.893, 51, 109, 0.80).agrees is True
    assert inference.auc_against(0.893, 51, 109, 0.85).agrees is False
    assert inference.perfect_sample(16, 80).agrees is True
    assert inference.perfect_sample(15, 80).agrees is False
    assert words.none_below([0.90, 0.95], [0.95, 0.90], "ab", 0.05).agrees is True
    assert (
        words.none_below([0.89, 0.95], [0.95, 0.90], "ab", 0.05).recomputed
        == "1 higher, 0 equal of 2, a (0.89 and 0.95)"
    )


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_the_source_alone_ranks_as_a_score_would(sources):
    sources = [(own, others) for own, others in sources if own + others]
    own, others = (sum(column) for column in zip(*sources, strict=True)) if sources else (0, 0)
    if not own or not others:
        return
    truth = [1] * own + [0] * others
    score = [k / (k + m) for k, m in sources for _ in range(k)] + [k / (k + m) for k, m in sources for _ in range(m)]
    alone = bounds.source_auc([k for k, _ in sources], [k + m for k, m in sources])
    assert alone == pytest.approx(roc_auc_score(truth, score))


def test_a_class_of_one_source():
    # Ten of the class, all in the first source with 30 others; 60 others in the second.
    assert bounds.source_auc([10, 0], [40, 60]) == pytest.approx(1 - 0.5 * 30 / 90)
    assert bounds.source_alone([10, 0], [40, 60], 0.84).agrees is True
    assert bounds.source_alone([10, 0], [40, 60], 0.83).agrees is False
    assert inference.auc_beyond_source(0.99, 200, 2000, [10, 0], [40, 60]).agrees is True
    assert inference.auc_beyond_source(0.90, 5, 100, [10, 0], [40, 60]).agrees is False
