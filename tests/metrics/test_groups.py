"""Results by group: as scikit-learn and fairlearn say on each group, by enumeration, and where groups lack cases."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score, roc_auc_score

from lesionlib.errors import InputError
from lesionlib.metrics import by_group, gap, report
from lesionlib.metrics import groups as module

TONES = ["dark", "brown", "light"]
OF_A_CLASS = ["sensitivity", "specificity", "auc"]


def sample(n=240, k=3, seed=0, better=()):
    """Truth, probabilities and groups; those in `better` are easier."""
    rng = np.random.default_rng(seed)
    y, tones = rng.integers(k, size=n), rng.choice(TONES, size=n)
    prob = rng.dirichlet(np.ones(k), size=n) * 0.6
    prob[np.arange(n), y] += 0.4
    easy = np.isin(tones, better)
    prob[easy] = np.eye(k)[y[easy]] * 0.9 + 0.1 / k
    return y, prob, tones


def sure(y, right, k=2):
    """Probabilities whose prediction is right where `right` says so."""
    y = np.asarray(y)
    return np.eye(k)[np.where(right, y, (y + 1) % k)] * 0.8 + 0.2 / k


# ---- by group ------------------------------------------------------------------------------------


def test_each_group_is_judged_as_scikit_learn_does():
    y, prob, tones = sample()
    table = by_group(y, prob, tones, positive=1)
    assert table.index.tolist() == ["all", "brown", "dark", "light"]
    assert table.columns.tolist() == ["images", "positives", "accuracy", "balanced_accuracy", *OF_A_CLASS]
    for group, row in table.iterrows():
        of = np.full(len(y), True) if group == "all" else tones == group
        truth, called, score = y[of], prob[of].argmax(axis=1), prob[of, 1]
        expected = [
            of.sum(),
            (truth == 1).sum(),
            accuracy_score(truth, called),
            balanced_accuracy_score(truth, called),
            recall_score(truth == 1, called == 1),
            recall_score(truth != 1, called != 1),
            roc_auc_score(truth == 1, score),
        ]
        assert row.tolist() == pytest.approx(expected), group


def test_without_a_positive_class_there_is_nothing_of_one_class():
    y, prob, tones = sample()
    assert by_group(y, prob, tones).columns.tolist() == ["images", "accuracy", "balanced_accuracy"]


def test_names_of_classes_serve_as_well_as_codes():
    y, prob, tones = sample()
    labels = ["nv", "mel", "bkl"]
    named = by_group(np.array(labels)[y], prob, tones, labels=labels, positive="mel")
    pd.testing.assert_frame_equal(named, by_group(y, prob, tones, positive=1))


def test_intervals_are_those_of_a_report_on_the_group_that_resamples_lesions():
    y, prob, tones = sample()
    lesions = np.array([f"L{i // 4}" for i in range(len(y))])
    options = {"ci": 0.9, "n_resamples": 200, "seed": 3}
    table = by_group(y, prob, tones, positive=2, resample=lesions, **options)
    dark = tones == "dark"
    by_lesion, by_image = (report(y[dark], prob[dark], groups=g, **options) for g in (lesions[dark], None))
    for metric in ("accuracy", "balanced_accuracy"):
        found = table.loc["dark", [f"{metric}_low", f"{metric}_high"]].tolist()
        assert found == by_lesion.overall_ci.loc[metric].tolist()
        assert found != by_image.overall_ci.loc[metric].tolist()
        assert found[0] < table.loc["dark", metric] < found[1]
    for metric in OF_A_CLASS:
        found = table.loc["dark", [f"{metric}_low", f"{metric}_high"]].tolist()
        assert found == by_lesion.per_class_ci.loc[(2, metric)].tolist()


@pytest.mark.parametrize("ci", [None, 0.95])
def test_a_group_without_cases_is_answered_with_nan(ci):
    # As gupta2021's nine images of darker skin: malignant lesions alone, 8 of 9 found.
    y = [1] * 9 + [0, 0, 0, 0] + [0, 1]
    right = [True] * 8 + [False] + [True, True, True, False] + [True, True]
    tones = ["dark"] * 9 + ["medium"] * 4 + ["light"] * 2
    table = by_group(y, sure(y, right), tones, positive=1, ci=ci)
    only_positive, only_negative = table.loc["dark"], table.loc["medium"]
    assert only_positive[["images", "positives"]].tolist() == [9, 9]
    assert only_positive["sensitivity"] == only_positive["accuracy"] == only_positive["balanced_accuracy"] == 8 / 9
    assert only_positive[["specificity", "auc"]].isna().all()
    assert only_negative[["images", "positives"]].tolist() == [4, 0]
    assert only_negative["specificity"] == only_negative["accuracy"] == 0.75
    assert only_negative[["sensitivity", "auc"]].isna().all()
    assert table.loc["light", ["sensitivity", "specificity", "auc"]].tolist() == [1, 1, 1]
    if ci:
        bounds = [f"{metric}_{end}" for metric in ("specificity", "auc") for end in ("low", "high")]
        assert only_positive[bounds].isna().all()
        assert 0 < only_positive["sensitivity_low"] < 8 / 9


def test_a_class_that_nobody_has_is_answered_too():
    y = np.zeros(6, dtype=int)
    table = by_group(y, sure(y, True), list("aabbbb"), positive=1)
    assert table["positives"].tolist() == [0, 0, 0]
    assert table[["sensitivity", "auc"]].isna().all(axis=None)
    assert (table["specificity"] == 1).all()


def test_a_group_of_one_image():
    y, prob, tones = sample(n=40)
    tones[7] = "alone"
    row = by_group(y, prob, tones, positive=0, ci=0.95).loc["alone"]
    right = float(prob[7].argmax() == y[7])
    assert row[["images", "accuracy", "accuracy_low", "accuracy_high"]].tolist() == [1, right, right, right]
    assert np.isnan(row["auc"])


@pytest.mark.parametrize(
    ("groups", "index"),
    [
        (["b", None, "a", "b"], ["all", "a", "b", "unknown"]),
        ([2.0, np.nan, 1.0, 2.0], ["all", 1.0, 2.0, "unknown"]),
        (pd.array([6, pd.NA, 5, 6], dtype="Int64"), ["all", 5, 6, "unknown"]),
        (pd.Series(["z", pd.NA, "y", "z"], dtype="string", index=[9, 8, 7, 6]), ["all", "y", "z", "unknown"]),
        (["z", None, "unknown", "z"], ["all", "z", "unknown"]),
        ([None] * 4, ["all", "unknown"]),
        (pd.Categorical(["tan", None, "dark", "tan"], ["tan", "brown", "dark"]), ["all", "tan", "dark", "unknown"]),
    ],
)
def test_missing_groups_form_their_own_and_order_is_kept(groups, index):
    y = [0, 1, 1, 0]
    table = by_group(y, sure(y, [True, False, True, False]), groups)
    assert table.index.tolist() == index
    unknown = [i for i, group in enumerate(pd.Series(groups)) if pd.isna(group) or group == "unknown"]
    assert table.loc["unknown", "images"] == len(unknown)
    assert table.loc["unknown", "accuracy"] == pytest.approx(np.mean([[True, False, True, False][i] for i in unknown]))
    assert table["images"].iloc[1:].sum() == 4


# ---- the gap -------------------------------------------------------------------------------------


def test_value_ratio_and_groups_are_fairlearns():
    y, prob, tones = sample(better=["light"])
    called = prob.argmax(axis=1)
    for metric, function in (("accuracy", accuracy_score), ("balanced_accuracy", balanced_accuracy_score)):
        theirs = MetricFrame(metrics=function, y_true=y, y_pred=called, sensitive_features=tones)
        ours = gap(y, prob, tones, metric, n_resamples=20)
        assert ours.value == pytest.approx(theirs.difference())
        assert ours.ratio == pytest.approx(theirs.ratio())
        assert [ours.lowest, ours.highest] == [theirs.by_group.idxmin(), "light"]


@pytest.mark.parametrize("metric", OF_A_CLASS)
def test_the_gap_of_a_class_is_that_of_its_table(metric):
    y, prob, tones = sample()
    column = by_group(y, prob, tones, positive=2)[metric].drop("all")
    found = gap(y, prob, tones, metric, positive=2, n_resamples=20)
    assert found.value == pytest.approx(column.max() - column.min())
    assert [found.lowest, found.highest] == [column.idxmin(), column.idxmax()]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", *OF_A_CLASS])
def test_replicates_are_the_gap_of_the_resampled_images(metric):
    y, prob, tones = sample(n=90, seed=4)
    lesions = np.arange(90) // 3
    found = gap(y, prob, tones, metric, positive=1, resample=lesions, n_resamples=15, ci=0.8, seed=6)
    gaps = []
    for weights in next(iter(module.resample_weights(lesions, 15, 6))):
        drawn = np.repeat(np.arange(90), weights)
        column = by_group(y[drawn], prob[drawn], tones[drawn], positive=1)[metric].drop("all")
        gaps.append(column.max() - column.min())
    assert [found.low, found.high] == pytest.approx(np.quantile(gaps, [0.1, 0.9]))


def test_chance_is_that_of_all_ways_to_deal_the_images():
    right = np.array([1, 1, 1, 1, 1, 0, 0, 0, 1, 0], dtype=bool)
    y = np.arange(10) % 2
    every = np.arange(10)
    gaps = [
        abs(right[list(first)].mean() - right[np.setdiff1d(every, first)].mean()) for first in combinations(every, 4)
    ]
    found = gap(y, sure(y, right), ["a"] * 4 + ["b"] * 6, "accuracy", n_resamples=4000)
    assert found.value == pytest.approx(1 - 2 / 6)
    assert found.expected == pytest.approx(np.mean(gaps), abs=0.015)
    assert found.p_value == pytest.approx(np.mean(np.array(gaps) >= found.value - 1e-9), abs=0.015)


def test_whole_lesions_are_dealt_to_groups():
    codes = np.repeat([1, 0, 2], [12, 24, 6])
    lesions = np.random.default_rng(1).permutation(np.repeat(np.arange(14), 3))
    (dealt,) = module._dealt(codes, lesions, 50, seed=0)
    for row in dealt:
        assert np.bincount(row).tolist() == [24, 12, 6]
        # Sizes are multiples of three here, so that no lesion stands on a border.
        assert (pd.Series(row).groupby(lesions).nunique() == 1).all()
    assert len(np.unique(dealt, axis=0)) > 40
    # Each lesion comes to the largest group in 24 of 42 draws.
    assert (dealt == 0).mean(axis=0) == pytest.approx(np.full(42, 24 / 42), abs=0.25)


def test_copies_of_an_image_say_no_more_than_the_image():
    y, prob, tones = sample(n=150)
    once = gap(y, prob, tones, "accuracy", n_resamples=600)
    y, prob, tones = (np.repeat(array, 4, axis=0) for array in (y, prob, tones))
    by_lesion = gap(y, prob, tones, "accuracy", resample=np.arange(len(y)) // 4, n_resamples=600)
    by_image = gap(y, prob, tones, "accuracy", n_resamples=600)
    assert by_lesion.value == pytest.approx(once.value) == pytest.approx(by_image.value)
    assert by_lesion.expected == pytest.approx(once.expected, rel=0.1)
    assert by_lesion.high - by_lesion.low == pytest.approx(once.high - once.low, rel=0.15)
    assert by_image.expected == pytest.approx(once.expected / 2, rel=0.15)


def test_where_nothing_sets_groups_apart_the_test_keeps_its_level():
    found = [gap(*sample(n=60, seed=seed), "accuracy", n_resamples=80, seed=seed) for seed in range(80)]
    p_values, values = np.array([f.p_value for f in found]), np.array([f.value for f in found])
    # Binomial bounds (three standard deviations); ties make the test a little careful.
    assert 0.06 < (p_values <= 0.2).mean() < 0.34
    assert values.mean() > 0.05
    assert np.mean([f.expected for f in found]) == pytest.approx(values.mean(), rel=0.12)
    # The docstring's warning: the bootstrap lies above the value, and rarely reaches down to the truth, 0.
    assert np.mean([(f.low + f.high) / 2 for f in found]) > 1.2 * values.mean()
    assert np.mean([f.low > 0 for f in found]) > 0.5


def test_a_true_gap_is_found():
    found = gap(*sample(better=["light"]), n_resamples=200)
    assert found.p_value < 0.02
    assert found.highest == "light"
    assert found.value > 2 * found.expected > 0


def test_the_widest_gap_counts_the_observed_draw_alone():
    y = np.arange(60) % 2
    found = gap(y, sure(y, np.arange(60) < 20), ["a"] * 20 + ["b"] * 40, "accuracy", n_resamples=100)
    assert found[:4] == (1, 1, 1, 0)
    assert [found.lowest, found.highest, found.p_value] == ["b", "a", 1 / 101]


def test_no_gap_at_all():
    y = np.arange(12) % 2
    found = gap(y, sure(y, True), list("abc") * 4, n_resamples=50)
    assert found[:4] == (0, 0, 0, 1)
    assert (found.expected, found.p_value) == (0, 1)


def test_unknown_groups_are_left_out_of_the_gap():
    y, prob, tones = sample(n=120)
    hidden = np.where(np.arange(120) % 5 == 0, None, tones)
    known = np.arange(120) % 5 != 0
    lesions = np.arange(120) // 2
    options = {"n_resamples": 60, "seed": 2}
    expected = gap(y[known], prob[known], tones[known], resample=lesions[known], **options)
    assert gap(y, prob, hidden, resample=lesions, **options) == expected
    # Also where the name is the group's own, and stands between others.
    named = np.where(known, np.where(tones == "dark", "zebra", tones), "unknown")
    assert gap(y, prob, named, resample=lesions, **options)[:4] == pytest.approx(expected[:4], nan_ok=True)


def test_a_group_without_cases_stands_aside():
    y = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0])
    groups = list("aaaabbbbccc")
    prob = sure(y, [True, True, True, False, True, True, True, True, False, False, False])
    found = gap(y, prob, groups, "sensitivity", positive=1, n_resamples=200)
    assert (found.value, found.lowest, found.highest) == (0.5, "a", "b")
    assert 0 < found.expected < 1
    assert 0 < found.p_value <= 1


def test_draws_with_cases_in_one_group_alone_do_not_count():
    y = np.array([1, 0, 0, 1, 0, 0])
    found = gap(y, sure(y, [True, True, True, False, True, True]), list("aaabbb"), "sensitivity", positive=1)
    # One positive is found, the other missed: where both groups have one, the gap is 1, and elsewhere there is none.
    assert found[:3] == (1, 1, 1)
    assert (found.expected, found.p_value) == (1, 1)


def test_one_group_with_cases_has_no_gap():
    y = [0, 1, 0, 0]
    found = gap(y, sure(y, True), list("aabb"), "sensitivity", positive=1, n_resamples=20)
    assert np.isnan([found.value, found.low, found.high, found.ratio, found.expected, found.p_value]).all()
    assert found.lowest is None and found.highest is None


def test_same_seed_same_gap_and_blocks_do_not_matter(monkeypatch):
    arguments = sample(n=60)
    first = gap(*arguments, n_resamples=50, seed=1)
    assert gap(*arguments, n_resamples=50, seed=1) == first
    assert gap(*arguments, n_resamples=50, seed=2) != first
    monkeypatch.setattr(module, "_BLOCK", 600)
    assert gap(*arguments, n_resamples=50, seed=1) == first


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"groups": ["a", "b"]}, "groups: found 2 rows, expected 4"),
        ({"groups": [["a"], ["b"], ["a"], ["b"]]}, "groups: expected shape (4,)"),
        ({"groups": np.ones((4, 2))}, "groups: expected shape (4,)"),
        ({"groups": "abcd"}, "groups: expected shape (4,)"),
        ({"groups": ["all", "b", "a", "b"]}, "'all' is the name of the row of all images"),
        ({"positive": "mel"}, "positive: found 'mel', expected one of 0, 1"),
        ({"resample": [1, 2]}, "resample: found 2 rows, expected 4"),
        ({"resample": [1, 2, None, 3]}, "resample row 2: found nothing"),
        ({"ci": 95}, "ci: found 95"),
        ({"ci": 0.9, "n_resamples": 0}, "n_resamples: found 0"),
        ({"y_prob": [[0.5, 0.6]] * 4}, "y_prob row 0: sums to 1.1"),
        ({"y_true": [0, 1, 2, 0]}, "y_true row 2"),
    ],
)
def test_bad_input(change, words):
    good = {"y_true": [0, 1, 0, 1], "y_prob": [[0.5, 0.5]] * 4, "groups": list("aabb")}
    for function in (by_group, gap):
        with pytest.raises(InputError) as error:
            function(**good | change)
        assert words in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "kappa"}, "metric: found 'kappa', expected accuracy, balanced_accuracy"),
        ({"metric": "auc"}, "metric: found 'auc', expected positive=, the class that it is about"),
        ({"groups": ["a"] * 4}, "groups: found ['a'], expected two groups or more"),
        ({"groups": [None] * 4}, "groups: found none, expected two groups or more"),
        ({"groups": ["a", None, "a", "unknown"]}, "groups: found ['a'], expected two"),
    ],
)
def test_a_gap_that_cannot_be_asked_for(change, words):
    good = {"y_true": [0, 1, 0, 1], "y_prob": [[0.5, 0.5]] * 4, "groups": list("aabb")}
    with pytest.raises(InputError) as error:
        gap(**good | change)
    assert words in str(error.value)
