import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from lesionlib import metrics
from lesionlib.errors import InputError
from lesionlib.metrics import decisions

LABELS = ["mel", "nv", "bkl"]
LESIONS = np.repeat(np.arange(60), 2)
LOSSES = ["log_loss", "brier"]
COLUMNS = ["value", "low", "high", "difference", "difference_low", "difference_high", "p_value", "p_holm", "apart"]


def answers(seed, sharpness, n=120, k=3):
    """A model's probabilities; the images are the same for every seed."""
    truth = np.arange(n) * 7 % 13 % k
    hard = np.random.default_rng(99).normal(size=(n, k))
    logits = hard + 0.5 * np.random.default_rng(seed).normal(size=(n, k)) + sharpness * np.eye(k)[truth]
    return truth, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


TRUTH, GOOD = answers(1, 2.0)
MODELS = {"poor": answers(2, 0.2)[1], "good": GOOD, "fair": answers(3, 1.2)[1]}


@pytest.mark.parametrize("measure", ["accuracy", "balanced_accuracy"])
@pytest.mark.parametrize("groups", [None, LESIONS])
def test_each_row_is_what_two_models_give(measure, groups):
    again = {"groups": groups, "n_resamples": 200, "seed": 3, "ci": 0.9}
    table = decisions.ranking(TRUTH, MODELS, measure, **again)
    assert list(table.columns) == COLUMNS
    assert list(table.index) == ["good", "fair", "poor"]
    for name, prob in MODELS.items():
        alone = metrics.over_seeds(TRUTH, [prob], measure, **again)
        assert tuple(table.loc[name, ["value", "low", "high"]]) == pytest.approx(alone[:3])
        paired = metrics.difference(TRUTH, [GOOD], [prob], measure, **again)
        found = table.loc[name, ["difference", "difference_low", "difference_high"]]
        assert tuple(found) == pytest.approx(paired[:3], abs=1e-12)


def loss(measure, truth, prob):
    own = prob[np.arange(len(truth)), truth]
    return -np.log(own) if measure == "log_loss" else (prob**2).sum(axis=1) - 2 * own + 1


@pytest.mark.parametrize("measure", LOSSES)
def test_losses_rank_from_the_smallest(measure):
    table = decisions.ranking(TRUTH, MODELS, measure, LESIONS, n_resamples=100)
    assert list(table.index) == ["good", "fair", "poor"]
    assert (table["difference"].iloc[1:] > 0).all()
    for name, prob in MODELS.items():
        slow = metrics.bootstrap(
            lambda rows, prob=prob: np.mean(loss(measure, TRUTH[rows], prob[rows]) - loss(measure, TRUTH, GOOD)[rows]),
            np.arange(120),
            groups=LESIONS,
            n_resamples=100,
        )
        found = table.loc[name, ["difference", "difference_low", "difference_high"]]
        assert tuple(found) == pytest.approx(slow[:3], abs=1e-12)


def test_losses_are_those_of_scikit_learn():
    value = {measure: decisions.ranking(TRUTH, {"good": GOOD}, measure)["value"].item() for measure in LOSSES}
    assert value["log_loss"] == pytest.approx(sk.log_loss(TRUTH, GOOD))
    # One class against the rest, summed over the classes.
    one_by_one = [sk.brier_score_loss(*column) for column in zip(np.eye(3)[TRUTH].T, GOOD.T, strict=True)]
    assert value["brier"] == pytest.approx(sum(one_by_one))


def test_a_zero_at_the_truth_is_a_large_loss_and_not_infinite():
    value = decisions.ranking([0], {"sure": [[0.0, 1.0]]}, "log_loss", n_resamples=1)["value"].item()
    assert value == pytest.approx(sk.log_loss([0], [[0.0, 1.0]], labels=[0, 1]))


def test_the_best_compares_with_itself():
    table = decisions.ranking(TRUTH, MODELS, "accuracy", LESIONS)
    row = table.loc["good"]
    assert row[["difference", "difference_low", "difference_high"]].tolist() == [0, 0, 0]
    assert np.isnan(row["p_value"])
    assert np.isnan(row["p_holm"])
    assert not row["apart"]
    assert table["apart"].tolist() == [False, True, True]


def test_another_best_may_be_named():
    table = decisions.ranking(TRUTH, MODELS, "accuracy", LESIONS, best="fair")
    assert list(table.index) == ["good", "fair", "poor"]
    assert table.loc["fair", "difference"] == 0
    assert table.loc["good", "difference"] > 0 > table.loc["poor", "difference"]
    assert table.loc["good", "difference"] == pytest.approx(table.loc["good", "value"] - table.loc["fair", "value"])


def test_a_twin_is_not_apart():
    table = decisions.ranking(TRUTH, {"good": GOOD, "twin": GOOD.copy(), "poor": MODELS["poor"]}, groups=LESIONS)
    assert list(table.index) == ["good", "twin", "poor"]
    twin = table.loc["twin"]
    assert (twin["difference"], twin["difference_low"], twin["difference_high"]) == (0, 0, 0)
    assert (twin["p_value"], twin["p_holm"], twin["apart"]) == (1, 1, False)


def test_the_p_value_is_twice_the_smaller_side():
    table = decisions.ranking(TRUTH, MODELS, "accuracy", LESIONS, n_resamples=150, seed=6)
    replicates = []
    metrics.bootstrap(
        lambda truth, good, fair: (
            replicates.append(np.mean(fair.argmax(axis=1) == truth) - np.mean(good.argmax(axis=1) == truth)) or 0.0
        ),
        *(TRUTH, GOOD, MODELS["fair"]),
        groups=LESIONS,
        n_resamples=150,
        seed=6,
    )
    drawn = np.array(replicates[:150])
    smaller = min((drawn <= 1e-12).sum(), (drawn >= -1e-12).sum())
    assert table.loc["fair", "p_value"] == pytest.approx(min(1, 2 * (1 + smaller) / 151))


def test_apart_is_answered_after_the_correction():
    # Eleven images tell two models apart, nine to two: alone that is enough, among four such models it is not.
    truth = np.zeros(100, int)
    lead, behind = np.arange(100) < 90, np.r_[np.zeros(9, bool), np.ones(81, bool), np.ones(2, bool), np.zeros(8, bool)]
    of = {True: [1.0, 0.0], False: [0.0, 1.0]}
    lead, behind = (np.array([of[right] for right in each.tolist()]) for each in (lead, behind))
    alone = decisions.ranking(truth, {"lead": lead, "a": behind}, "accuracy")
    assert alone.loc["a", "apart"]
    assert alone.loc["a", "p_holm"] == alone.loc["a", "p_value"]
    among = decisions.ranking(truth, {"lead": lead} | dict.fromkeys("abcd", behind), "accuracy")
    assert not among["apart"].any()
    assert (among["p_value"].iloc[1:] < 0.05).all()
    assert among["p_holm"].iloc[1:].tolist() == pytest.approx((4 * among["p_value"].iloc[1:]).tolist())


def test_models_of_one_skill_are_seldom_apart():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = rng.integers(2, size=150)
        right = rng.random((4, 150)) < 0.7
        models = {str(i): np.eye(2)[np.where(each, truth, 1 - truth)] for i, each in enumerate(right)}
        found.append(decisions.ranking(truth, models, "accuracy", best="0", n_resamples=300)["apart"].any())
    # 5% of 40 are 2; more than 7 come by chance once in a thousand times.
    assert sum(found) <= 7


def test_a_class_that_a_resample_misses_is_left_out():
    truth = np.array([0] * 9 + [1])
    prob = np.tile([0.8, 0.2], (10, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = decisions.ranking(truth, {"a": prob, "b": prob[:, ::-1]}, "balanced_accuracy", n_resamples=100)
    assert table["value"].tolist() == [0.5, 0.5]
    # Without the rare class, the one that is left is all right or all wrong.
    assert table.loc["a", ["low", "high"]].tolist() == [0.5, 1]
    assert table.loc["b", ["low", "high"]].tolist() == [0, 0.5]


def test_labels_in_place_of_codes():
    by_name = decisions.ranking(np.array(LABELS)[TRUTH], MODELS, groups=LESIONS, labels=LABELS, n_resamples=100)
    by_code = decisions.ranking(TRUTH, MODELS, groups=LESIONS, n_resamples=100)
    assert by_name.equals(by_code)


def test_holm_by_hand():
    assert decisions.holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert decisions.holm([0.9, 0.6]).tolist() == [1, 1]
    assert decisions.holm([]).tolist() == []


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=8), level=st.floats(0.001, 0.5))
@settings(max_examples=60, deadline=None)
def test_holm_is_the_stepwise_procedure(p, level):
    rejected, left = set(), len(p)
    for number in sorted(range(len(p)), key=lambda number: p[number]):
        if not p[number] * left < level:
            break
        rejected.add(number)
        left -= 1
    adjusted = decisions.holm(p)
    assert {number for number in range(len(p)) if adjusted[number] < level} == rejected


@pytest.mark.parametrize("p", [[0.5, 1.2], [np.nan], [[0.1]]])
def test_what_are_no_p_values(p):
    with pytest.raises(InputError, match="p_values"):
        decisions.holm(p)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"measure": "macro_auc"}, "measure: found 'macro_auc'"),
        ({"best": "none"}, "best: found 'none', expected one of poor, good, fair"),
        ({"predictions": {}}, "predictions: expected a mapping"),
        ({"predictions": [GOOD]}, "predictions: expected a mapping"),
        ({"predictions": {"good": GOOD, "cut": GOOD[:5]}}, "cut: found shape"),
        ({"predictions": {"good": GOOD, "odd": 2 * GOOD}}, "odd: y_prob row 0"),
        ({"y_true": TRUTH[:5]}, "y_true: found 5 rows"),
        ({"y_true": TRUTH + 1}, "y_true row"),
        ({"n_resamples": 79}, "n_resamples: found 79, expected at least 80"),
        ({"n_resamples": 0}, "n_resamples: found 0"),
        ({"ci": 1}, "ci: found 1"),
        ({"groups": LESIONS[:7]}, "groups: found 7 rows"),
    ],
)
def test_what_cannot_be_ranked(wrong, message):
    with pytest.raises(InputError, match=message):
        decisions.ranking(**{"y_true": TRUTH, "predictions": MODELS} | wrong)
