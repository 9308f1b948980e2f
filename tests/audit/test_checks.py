"""Each check on figures whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
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
    assert granularity.granularity(66.6, 3, 1).recomputed.endswith("33.33 and 66.67; cut off, not rounded")
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


def test_a_gain_is_as_odd_as_its_text_says():
    """At the share that the text names, the verdict turns: 6 equal gains of 1,706 images, level 0.001."""
    before = [75.0, 76.0, 77.0, 78.0, 79.0, 80.0]
    counts = [round(x * 1706 / 100) for x in before]
    a, b = ([round(100 * (k + gain) / 1706, 2) for k in counts] for gain in (0, 24))
    verdict = inference.same_gain(a, b, 1706, 2)
    assert verdict.agrees is False
    assert verdict.recomputed.endswith("unless under 0.1 % of the images change between trainings")
    share = (1 / 0.001) ** (2 / 5) / (2 * np.pi * 1706)
    assert (2 * np.pi * share * 1706) ** (-5 / 2) == pytest.approx(0.001)


def test_macro_f1_apart():
    right, wrong = [[50, 0], [0, 50]], [[30, 20], [25, 25]]
    assert inference.macro_f1_apart(wrong, right).agrees is True
    # Nothing differs, so that chance always gives as much.
    same = inference.macro_f1_apart(right, right)
    assert same.agrees is False
    assert "0 answers differ" in same.recomputed
    assert same.recomputed.endswith("p = 1.000")
    # By hand: 82 of 91 and 100 of 109 for the second.
    lost = inference.macro_f1_apart([[40, 10], [10, 40]], [[41, 9], [None, 50]])
    assert lost.printed == "80 and 90.93"
    assert inference.macro_f1_apart([[40, 10], [10, 40]], [[41, 9], [9, 41]]).agrees is False


def test_two_samples_of_one_rate():
    assert inference.alike(592, 660, 243, 264).agrees is True
    assert inference.alike(592, 660, 489, 660).agrees is False


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
    assert words.distinct([80.72, 80.01], "ab").agrees is True
    assert words.distinct([80.72, 80.01, 80.72], "abc").recomputed == "a and c 80.72"
    assert words.differ([1, 2], [1, 2], "two classes").agrees is False
    assert words.differ([1, 2], [1, 3], "two classes").agrees is True
    assert words.near([0.48, 0.55], 0.5, 0.1).agrees is True
    assert words.near([0.48, 0.9], 0.5, 0.1).agrees is False


def test_what_a_person_read():
    assert words.unsupported("it helps", "it was not tried").recomputed == "read by a person: it was not tried"
    assert words.unsupported("it helps", "it was not tried").agrees is False


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


def test_weighted_means_and_rounded_figures():
    assert agreement.weighted_mean([1.0, 0.0], [1, 3], 0.25, 2).agrees is True
    assert agreement.weighted_mean([1.0, 0.0], [1, 3], 0.5, 2).agrees is False
    assert agreement.weighted_mean([1.0, 0.5], [1, 3], 0.625, 3).agrees is True
    assert agreement.rounded(86.3, 86).agrees is True
    assert agreement.rounded(86.7, 86).agrees is False
    assert agreement.rounded(86.7, 86).recomputed == "86.7; cut off, not rounded"


def test_cut_off_figures_are_told_from_rounded_ones():
    exact = [100 * k / 686 for k in (98, 292, 300)]
    cut = [math.floor(100 * x) / 100 for x in exact]
    assert granularity.rounding_rule([round(x, 2) for x in exact], 686, 2).agrees is True
    assert granularity.rounding_rule(cut, 686, 2).agrees is False
    assert granularity.rounding_rule(cut, 686, 2).recomputed == "1 of 3 if rounded, 3 if cut off"


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_the_true_answers_are_among_those_that_three_figures_allow(right, missed, false_alarms):
    n, called = right + missed, right + false_alarms
    printed = [round(100 * x, 2) for x in (right / n, right / called, 2 * right / (n + called))]
    assert (right, called) in granularity.answers(*printed, n, 2)
    assert granularity.three_figures(*printed, n, 2).agrees is True
    # A harmonic mean is never above both.
    assert granularity.three_figures(printed[0], printed[1], max(printed[:2]) + 1, n, 2).agrees is False


def test_answers_that_are_more_than_the_images():
    # 5 of 10 and 6 of 10 right, 8 and 12 called so: 20 answers to 20 images.
    figures = ([50.0, 60.0], [62.5, 50.0], [55.56, 54.55])
    assert granularity.answers_in_all(*figures, [10, 10], 2).agrees is True
    assert granularity.answers_in_all([50.0, 60.0], [62.5, 60.0], [55.56, 60.0], [10, 10], 2).agrees is False
    assert granularity.answers_in_all([50.0, 0.0], [62.5, 0.0], [55.56, 0.0], [10, 10], 2).agrees is True


def test_a_network_that_answers_two_classes():
    # 20 of 24 and 3 of 6 right, 60 and 30 called so, of 100 images in four classes.
    f1 = [2 * 20 / (24 + 60), 2 * 3 / (6 + 30)]
    printed = [23.0, round(24 * f1[0] + 6 * f1[1], 2), round(100 * sum(f1) / 4, 2)]
    found = granularity.two_classes(*printed, [50, 24, 20, 6], [1, 3], 2)
    assert found.agrees is True
    assert "20 to 20 and 3 to 3 right of 24 and 6" in found.recomputed
    assert granularity.two_classes(40.0, 5.0, 50.0, [50, 24, 20, 6], [1, 3], 2).agrees is False


def test_wrong_answers_and_groups():
    matrix, labels = [[5, 3, 2, 0], [0, 9, 1, 0], [4, 4, 1, 1], [0, 0, 2, 8]], ["a", "b", "c", "d"]
    assert confusion.chief_errors(matrix, labels, "a", ["b", "c"]).agrees is True
    assert confusion.chief_errors(matrix, labels, "a", ["b", "d"]).agrees is False
    assert confusion.chief_errors(matrix, labels, "c", ["a"]).agrees is True
    assert confusion.ever_errors(matrix, labels, "a", ["b", "c"]).agrees is True
    assert confusion.ever_errors(matrix, labels, "a", ["d"]).recomputed == "a is never called d"
    assert confusion.within_group(matrix, labels, ["a", "c"]).recomputed == "12 of 20 called one of a, c"
    assert confusion.within_group(matrix, labels, ["a", "c"]).printed == "6 of 20 called by their own class"
    assert confusion.cell_metric(matrix, labels, "a", "sensitivity", 50.0, 1, scale=100).agrees is True
    assert confusion.overall_metric(matrix, labels, "accuracy", 57.5, 1, scale=100).agrees is True


def test_an_order_that_turns_with_the_average():
    many, even = [[90, 10], [9, 1]], [[60, 40], [2, 8]]
    assert confusion.same_order(many, even, ["a", "b"], "accuracy", [82.7, 61.8]).agrees is True
    assert confusion.same_order(many, even, ["a", "b"], "balanced_accuracy", [82.7, 61.8]).agrees is False


def test_paired_models_of_which_only_sensitivities_are_known():
    assert inference.paired_by_class([50, 50], [60, 40], [100, 100]).agrees is False
    found = inference.paired_by_class([50, 50], [60, 49], [100, 100])
    assert found.agrees is True
    assert found.recomputed.startswith("at least 10 images gained and 1 lost")
    assert inference.paired_by_class([50, 50], [50, 50], [100, 100]).agrees is False


@given(st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_more_discordant_images_never_lower_mcnemar(gained, lost):
    few = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert binomtest(gained + 1, gained + lost + 2).pvalue >= few - 1e-12


def test_prevalence_of_several_models_and_means_over_classes():
    # 1,000 images, 250 positive; 150 found and 50 false alarms, or 200 found and 100 false alarms.
    rows = {"accuracies": [85.0, 85.0], "precisions": [0.75, 0.67], "recalls": [0.60, 0.80]}
    digits = [[3, 2, 2], [3, 2, 2]]
    assert bounds.common_prevalence(**rows, names="ab", decimals=digits, scale=100).agrees is True
    rows["recalls"] = [0.60, 0.30]
    assert bounds.common_prevalence(**rows, names="ab", decimals=digits, scale=100).agrees is False
    assert bounds.prevalence(85.0, 0.75, 0.60, 250, 1000, [3, 2, 2], scale=100).agrees is True
    macro = [precision_score([1] * 250 + [0] * 750, [1] * 150 + [0] * 100 + [1] * 50 + [0] * 700, average="macro")]
    macro += [recall_score([1] * 250 + [0] * 750, [1] * 150 + [0] * 100 + [1] * 50 + [0] * 700, average="macro")]
    found = bounds.macro_average(85.0, *(round(x, 2) for x in macro), 250, 1000, [3, 2, 2], scale=100)
    assert found.agrees is True
    assert "0.6" in found.recomputed
    assert bounds.macro_average(85.0, 0.5, 0.5, 250, 1000, [3, 2, 2], scale=100).agrees is False


def test_skill_beyond_a_constant_answer():
    assert bounds.above_majority(86.0, [20, 80], 77.0, [50, 25, 25]).agrees is False
    assert bounds.above_majority(96.0, [20, 80], 77.0, [50, 25, 25]).agrees is True
    assert bounds.no_skill([80, 20], 79).agrees is True
    assert bounds.no_skill([80, 20], 81).agrees is False
    assert bounds.span([0.2, 0.8], 1).agrees is False
    assert bounds.span([0, 0.2], 0).agrees is True


def test_more_words():
    assert words.all_below([28, 44], "ab", 45).agrees is True
    assert words.all_below([28, 45], "ab", 45).recomputed == "not b 45"
    assert words.mean_above([1, 4], [2, 2], ["one", "other"]).agrees is True
    assert words.mean_above([1, 2], [2, 2], ["one", "other"]).agrees is False
    assert words.listed(["MobileNet", "Inception + fine tuning"], "Inception").agrees is True
    assert words.listed(["MobileNet"], "Inception").agrees is False
    assert words.backed(3.0, "it helps").agrees is True
    assert words.backed(None, "it helps").agrees is False
