import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionlib import metrics
from lesionlib.errors import InputError
from lesionlib.metrics import decisions

COLUMNS = ["images", "covered", "covered_low", "covered_high", "mean_size", "singletons", "empty"]
METHODS = {
    "lac": lambda *arrays, alpha: decisions.conformal_sets(*arrays, alpha=alpha),
    "aps": lambda *arrays, alpha: decisions.conformal_sets(*arrays, alpha=alpha, method="aps"),
    "class": lambda *arrays, alpha: decisions.class_conditional_sets(*arrays, alpha=alpha),
}


RARE = [0.8, 0.1, 0.1]


def answers(n, seed, k=3, sharpness=1.5, shares=None):
    """Images that could be swapped for one another, from a network that knows the classes' shares."""
    rng = np.random.default_rng(seed)
    shares = np.full(k, 1 / k) if shares is None else np.array(shares)
    truth = rng.choice(k, size=n, p=shares)
    odds = shares * np.exp(rng.normal(size=(n, k)) + sharpness * np.eye(k)[truth])
    return truth, odds / odds.sum(axis=1, keepdims=True)


def halves(truth, prob, n):
    return (truth[:n], prob[:n], prob[n:]), truth[n:]


def held(truth, sets):
    return sets[np.arange(len(truth)), truth]


def test_a_threshold_by_hand():
    # 19 images; alpha 0.1 leaves one of 20 ranks above: the 18th surest has 0.10.
    p = np.arange(5, 100, 5) / 100
    prob = np.column_stack([p, 1 - p])
    new = [[0.10, 0.90], [0.09, 0.91], [0.95, 0.05]]
    expected = [[True, True], [False, True], [True, False]]
    assert decisions.conformal_sets([0] * 19, prob, new, alpha=0.1).tolist() == expected
    # Of the second class nothing is known, so that it stands in every set.
    expected = [[True, True], [False, True], [True, True]]
    assert decisions.class_conditional_sets([0] * 19, prob, new, alpha=0.1).tolist() == expected


@pytest.mark.parametrize("alpha", [0.03, 0.1, 0.25, 0.6])
def test_lac_is_one_quantile_of_the_scores(alpha):
    (truth, prob, new), _ = halves(*answers(200, seed=1), 90)
    scores = np.sort(1 - prob[np.arange(90), truth])
    quantile = scores[math.ceil(91 * (1 - alpha)) - 1]
    assert (decisions.conformal_sets(truth, prob, new, alpha) == (1 - new <= quantile)).all()


@pytest.mark.parametrize("seed", [0, 5])
def test_aps_adds_up_classes_until_the_quantile_is_reached(seed):
    (truth, prob, new), _ = halves(*answers(160, seed=2, k=4), 80)
    lots = np.random.RandomState(seed).uniform(size=80)
    order = np.argsort(-prob, axis=1)
    until = [prob[i, order[i, : list(order[i]).index(truth[i]) + 1]].sum() for i in range(80)]
    scores = np.sort(until - lots * prob[np.arange(80), truth])
    quantile = scores[math.ceil(81 * 0.8) - 1]
    expected = np.zeros(new.shape, bool)
    for row, p in enumerate(new):
        first = np.argsort(-p)
        expected[row, first[: 1 + (p[first].cumsum() < quantile).sum()]] = True
    assert (decisions.conformal_sets(truth, prob, new, 0.2, "aps", seed=seed) == expected).all()


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_a_class_alone_is_calibrated_as_mapie_would(alpha):
    (truth, prob, new), _ = halves(*answers(400, seed=3, k=4), 300)
    sets = decisions.class_conditional_sets(truth, prob, new, alpha)
    for code in range(4):
        own = truth == code
        alone = decisions.conformal_sets(truth[own], prob[own], new, alpha)
        assert (sets[:, code] == alone[:, code]).all()


def coverages(method, alpha, repeats, n, shares=None):
    """Share of covered images a repeat, overall and of each class (repeats, 1 + k), at n calibration images."""
    found = []
    for seed in range(repeats):
        arrays, truth = halves(*answers(n + 60, seed, shares=shares), n)
        covered = held(truth, METHODS[method](*arrays, alpha=alpha))
        found.append([covered.mean(), *(covered[truth == code].mean() for code in range(3))])
    return np.array(found)


@pytest.mark.parametrize(("method", "most"), [("lac", 91 / 101), ("aps", 1.0), ("class", 1.0)])
def test_as_many_are_covered_as_asked_for(method, most):
    covered = coverages(method, 0.1, repeats=150, n=100)[:, 0]
    noise = 3 * covered.std(ddof=1) / np.sqrt(len(covered))
    assert noise < 0.02
    assert 0.9 - noise <= covered.mean() <= most + noise


def test_rare_classes_are_covered_where_each_class_is_calibrated():
    # The network knows the shares of the classes, and is thus slow to name a rare one.
    common, *rare = np.nanmean(coverages("lac", 0.2, 60, 300, RARE), axis=0)[1:]
    assert common > 0.85
    assert max(rare) < 0.7
    conditional = coverages("class", 0.2, 60, 300, RARE)
    noise = 3 * np.nanstd(conditional, axis=0, ddof=1) / np.sqrt(60)
    assert (np.nanmean(conditional, axis=0) >= 0.8 - noise).all()


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 500), alphas=st.tuples(st.floats(0.05, 0.9), st.floats(0.05, 0.9)))
@settings(max_examples=12, deadline=None)
def test_a_smaller_alpha_takes_nothing_away(method, seed, alphas):
    arrays, _ = halves(*answers(90, seed, k=4), 60)
    wide, narrow = (METHODS[method](*arrays, alpha=alpha) for alpha in sorted(alphas))
    assert (wide | ~narrow).all()


def test_aps_leaves_no_set_empty_and_lac_does():
    arrays, _ = halves(*answers(400, seed=4, sharpness=3), 200)
    assert METHODS["aps"](*arrays, alpha=0.5).any(axis=1).all()
    assert not METHODS["lac"](*arrays, alpha=0.5).any(axis=1).all()


@pytest.mark.parametrize(("images", "always"), [(8, True), (9, False)])
def test_too_few_images_of_a_class_promise_nothing(images, always):
    # Of 9 images and a new one, it is the least sure of the ten with a chance of one in ten.
    prob = np.tile([0.7, 0.3], (images, 1))
    sets = decisions.class_conditional_sets([0] * images, prob, [[0.01, 0.99]], alpha=0.1)
    assert sets[0, 0] == always


def test_a_class_without_calibration_images_brings_no_warning():
    truth, prob = answers(60, seed=5, k=4)
    kept = truth != 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sets = decisions.conformal_sets(truth[kept], prob[kept], prob)
    assert sets.shape == prob.shape


def test_names_and_rounded_probabilities():
    (truth, prob, new), _ = halves(*answers(120, seed=6), 80)
    names = ["mel", "nv", "bkl"]
    rounded = prob.round(4)
    expected = decisions.conformal_sets(truth, rounded / rounded.sum(axis=1, keepdims=True), new)
    assert (decisions.conformal_sets(np.array(names)[truth], rounded, new, labels=names) == expected).all()


@pytest.mark.parametrize("alpha", [*(np.arange(1, 100) / 100), 1 / 3, 1 / 7])
def test_just_enough_images_for_every_alpha(alpha):
    # MAPIE has a limit of its own; whoever meets ours must not meet that.
    n = math.floor(max(1 / alpha, 1 / (1 - alpha))) + 1
    prob = np.tile([0.6, 0.4], (n, 1))
    assert decisions.conformal_sets([0] * n, prob, prob, alpha).shape == (n, 2)


GOOD = {"y_true": [0, 1, 2] * 10, "y_prob": np.tile([0.5, 0.3, 0.2], (30, 1)), "new_prob": [[0.5, 0.3, 0.2]]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0}, "alpha: found 0"),
        ({"alpha": 1.0}, "alpha: found 1.0"),
        ({"alpha": 0.01}, "y_true: found 30 images, expected more than 100"),
        ({"alpha": 1 / 30}, "y_true: found 30 images, expected more than 30"),
        ({"method": "raps"}, "method: found 'raps'"),
        ({"new_prob": [[0.5, 0.5]]}, "new_prob: found 2 classes, expected 3"),
        ({"new_prob": [[0.5, 0.3, 0.3]]}, "new_prob: y_prob row 0: sums to 1.1"),
        ({"y_true": [0, 1] * 15, "method": "aps"}, "fewer than three classes"),
    ],
)
def test_what_cannot_be_calibrated(wrong, message):
    with pytest.raises(InputError, match=message):
        decisions.conformal_sets(**GOOD | wrong)


def test_coverage_by_hand():
    truth = [0, 0, 0, 1, 1]
    sets = np.array([[1, 0], [1, 1], [0, 0], [0, 1], [1, 0]], bool)
    table = decisions.coverage(truth, sets, labels=["mel", "nv"])
    assert list(table.columns) == COLUMNS
    assert list(table.index) == ["all", "mel", "nv"]
    assert table["images"].tolist() == [5, 3, 2]
    assert table["covered"].tolist() == pytest.approx([3 / 5, 2 / 3, 1 / 2])
    assert table["mean_size"].tolist() == pytest.approx([1, 1, 1])
    assert table["singletons"].tolist() == pytest.approx([3 / 5, 1 / 3, 1])
    assert table["empty"].tolist() == pytest.approx([1 / 5, 1 / 3, 0])
    assert tuple(table.loc["mel", ["covered_low", "covered_high"]]) == pytest.approx(metrics.wilson(2, 3))


def test_a_class_without_images_has_a_row_of_nothing():
    row = decisions.coverage([0, 0], [[True, False], [True, True]]).loc[1]
    assert row["images"] == 0
    assert row[COLUMNS[1:]].isna().all()


def test_groups_with_unknown_and_small_ones():
    truth = np.zeros(7, int)
    sets = np.array([[1, 0]] * 5 + [[0, 1]] * 2, bool)
    groups = pd.Series(["II", "II", "III", "III", "III", None, "VI"])
    table = decisions.coverage(truth, sets, groups=groups)
    assert list(table.index) == ["all", "II", "III", "VI", "unknown"]
    assert table["images"].tolist() == [7, 2, 3, 1, 1]
    assert table["covered"].tolist() == pytest.approx([5 / 7, 1, 1, 0, 0])
    assert (table["covered_low"] <= table["covered"] + 1e-12).all()
    assert (table["covered_high"] >= table["covered"] - 1e-12).all()


def test_the_interval_is_the_bootstrap_of_lesions():
    truth, prob = answers(80, seed=7)
    sets = prob > 0.3
    lesion = np.array([f"HAM_{i // 2}" for i in range(80)])
    table = decisions.coverage(truth, sets, lesion=lesion, n_resamples=300, seed=4)
    for code in range(3):
        own = truth == code
        again = metrics.bootstrap(np.mean, held(truth, sets)[own], groups=lesion[own], n_resamples=300, seed=4)
        assert tuple(table.loc[code, ["covered", "covered_low", "covered_high"]]) == pytest.approx(again[:3])


def test_lesions_that_all_agree_count_once():
    sets = np.tile([True, False], (12, 1))
    row = decisions.coverage(np.zeros(12, int), sets, lesion=np.arange(12) // 3).loc["all"]
    assert (row["covered_low"], row["covered_high"]) == pytest.approx(metrics.wilson(4, 4))


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ([[0.2, 0.8]], "sets: found float64"),
        ([True, False], r"sets: found bool of shape \(2,\)"),
        ([[True], [False]], r"of shape \(2, 1\)"),
        (np.zeros((0, 2), bool), r"of shape \(0, 2\)"),
        ([[True, False]], "y_true: found 2 rows, expected 1"),
    ],
)
def test_what_are_no_sets(sets, message):
    with pytest.raises(InputError, match=message):
        decisions.coverage([0, 1], sets)
