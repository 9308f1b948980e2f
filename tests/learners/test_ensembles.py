from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_lesions import one_line

from lesionlib.errors import InputError
from lesionlib.learners import (
    Features,
    Predictions,
    additive,
    average,
    features,
    fit_head,
    head_predictions,
    joined_features,
    lesion_learner,
    predict,
    softmax_head,
    svm_head,
    top_members,
)
from lesionlib.learners.ensembles import balanced_score

LABELS = ["mel", "nv", "vasc"]


def member(seed: int, n: int = 12, skill: float = 0.0, split: str = "valid", k: int = 3) -> Predictions:
    rng = np.random.default_rng(seed)
    y_true = np.arange(n) % k
    scores = rng.normal(size=(n, k)) + skill * np.eye(k)[y_true]
    prob = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    frame = pd.DataFrame({"image_id": [f"i{row}" for row in range(n)]}, index=range(5, 5 + n))
    return Predictions(y_true, prob, LABELS[:k], frame, split)


def test_the_average_of_known_probabilities():
    one, other = member(0, n=2), member(1, n=2)
    one = replace(one, y_prob=np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]))
    other = replace(other, y_prob=np.array([[0.5, 0.25, 0.25], [0.6, 0.3, 0.1]]))
    found = average([one, other])
    np.testing.assert_allclose(found.y_prob, [[0.75, 0.125, 0.125], [0.4, 0.3, 0.3]])
    np.testing.assert_allclose(average([one, other], [3, 1]).y_prob[0], [0.875, 0.0625, 0.0625])
    np.testing.assert_array_equal(average([one, other], [0, 2]).y_prob, other.y_prob)
    assert found.frame is one.frame and found.labels == one.labels and found.split == "valid"
    assert one.y_prob[0, 0] == 1, "members stay as they are"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5), st.data())
def test_an_average_is_a_distribution_between_its_members(seeds, data):
    members = [member(seed) for seed in seeds]
    weights = data.draw(st.lists(st.floats(0.1, 10), min_size=len(seeds), max_size=len(seeds)))
    found = average(members, weights).y_prob
    every = np.stack([each.y_prob for each in members])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= every.min(axis=0) - 1e-12).all() and (found <= every.max(axis=0) + 1e-12).all()
    np.testing.assert_allclose(average(members, [7 * weight for weight in weights]).y_prob, found)
    np.testing.assert_allclose(average(members[::-1], weights[::-1]).y_prob, found)


def test_an_average_of_equals_is_each_of_them():
    one = member(0)
    np.testing.assert_allclose(average([one, one, one]).y_prob, one.y_prob)


def other_images(one: Predictions) -> Predictions:
    frame = one.frame.copy()
    frame.iloc[3, 0] = "another"
    return replace(one, frame=frame)


def turned(one: Predictions) -> Predictions:
    return replace(one, y_true=one.y_true[::-1], y_prob=one.y_prob[::-1], frame=one.frame[::-1])


def other_truth(one: Predictions) -> Predictions:
    y_true = one.y_true.copy()
    y_true[2] = 0
    return replace(one, y_true=y_true)


def shuffled_classes(one: Predictions) -> Predictions:
    """The same predictions in another order of classes: codes differ, but the classes are named first."""
    order = [1, 0, 2]
    return replace(one, y_true=np.argsort(order)[one.y_true], y_prob=one.y_prob[:, order], labels=["nv", "mel", "vasc"])


def with_nan(one: Predictions) -> Predictions:
    prob = one.y_prob.copy()
    prob[4, 1] = np.nan
    return replace(one, y_prob=prob)


MISFITS = {
    other_images: r"members\[1\] has other images: another in row 3, where members\[0\] has i3",
    turned: r"members\[1\] has other images: i11 in row 0, where members\[0\] has i0",
    other_truth: r"members\[1\] has other truth: mel in row 2, where members\[0\] has vasc",
    shuffled_classes: r"members\[1\] has the classes nv, mel, vasc, members\[0\] mel, nv, vasc",
    with_nan: r"members\[1\] has NaN or infinity among its probabilities",
}


@pytest.mark.parametrize("combine", [average, additive, lambda members: top_members(members, 1)])
@pytest.mark.parametrize("spoil", MISFITS, ids=lambda spoil: spoil.__name__)
def test_members_that_do_not_fit_together(spoil, combine):
    with pytest.raises(InputError, match=MISFITS[spoil]) as error:
        combine([member(0), spoil(member(1)), member(2)])
    one_line(error)


def test_members_of_another_length_and_none():
    with pytest.raises(InputError, match=r"members\[1\] has other images: 9, members\[0\] has 12; use one split"):
        average([member(0), member(1, n=9)])
    with pytest.raises(InputError, match=r"members\[1\] has the classes mel, nv, members\[0\] mel, nv, vasc"):
        average([member(0), member(1, k=2)])
    for combine in (average, joined_features, additive):
        with pytest.raises(InputError, match="members: expected one or more; got none"):
            combine([])


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [1, -1], [0, 0], [1, np.nan], [1, np.inf], []])
def test_weights_that_are_none(weights):
    with pytest.raises(InputError, match="weights: expected 2 numbers, 0 or more and not all 0; got ") as error:
        average([member(0), member(1)], weights)
    one_line(error)


def test_the_best_members_come_first():
    members = [member(0, 90, skill) for skill in (0.5, 3.0, 1.5, 0.0)]
    assert top_members(members, 4) == (1, 2, 0, 3)
    assert top_members(members, 2) == (1, 2)
    assert top_members([members[0], members[1], members[1]], 2) == (1, 2), "the first of equals comes first"
    for n in (0, 5):
        with pytest.raises(InputError, match=f"n: expected 1 to 4 members; got {n}"):
            top_members(members, n)


def test_each_step_adds_the_member_that_helps_most():
    """The second best alone errs where the best does; the worst alone mends it."""
    truth = np.array([0, 0, 1, 1])
    sure = {"best": [0.9, 0.9, 0.45, 0.1], "alike": [0.8, 0.4, 0.49, 0.1], "mends": [0.35, 0.6, 0.2, 0.5]}
    frame = pd.DataFrame({"image_id": list("abcd")})
    members = [
        Predictions(truth, np.stack([np.array(p), 1 - np.array(p)], axis=1), ["a", "b"], frame, "valid")
        for p in sure.values()
    ]

    def given_to_truth(y_true, y_prob):
        return y_prob[np.arange(len(y_true)), y_true].min()

    assert top_members(members, 3, given_to_truth) == (0, 1, 2)
    found = additive(members, given_to_truth)
    assert found.order == (0, 2, 1)
    assert found.scores == pytest.approx((0.55, 0.625, 0.62))
    assert found.best == (0, 2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_additive_is_greedy(seeds):
    members = [member(seed, n=30, skill=0.5) for seed in seeds]
    found = additive(members)
    assert sorted(found.order) == list(range(len(members)))
    for taken, score in enumerate(found.scores, start=1):
        chosen, before = found.order[:taken], found.order[: taken - 1]
        averaged = average([members[i] for i in chosen])
        assert score == pytest.approx(balanced_score(averaged.y_true, averaged.y_prob))
        for other in set(range(len(members))) - set(before):
            tried = average([members[i] for i in (*before, other)])
            assert balanced_score(tried.y_true, tried.y_prob) <= score + 1e-12
    assert found.order[0] == top_members(members, 1)[0]
    assert max(found.scores) == found.scores[len(found.best) - 1]
    assert all(score < max(found.scores) for score in found.scores[: len(found.best) - 1])


@pytest.mark.parametrize("choose", [additive, lambda members: top_members(members, 1)])
def test_members_are_not_chosen_on_test_images(choose):
    with pytest.raises(InputError, match="predictions of test images") as error:
        choose([member(0), member(1, split="test")])
    one_line(error)
    assert average([member(0, split="test"), member(1, split="test")]).split == "test"


def test_a_score_that_is_not_defined():
    with pytest.raises(InputError, match="score: it is NaN"):
        additive([member(0)], score=lambda *_: np.nan)


def of_features(seed: int, width: int, clinical: np.ndarray | None = None, n: int = 6) -> Features:
    x = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    return Features(x, clinical, np.arange(n) % 3, pd.DataFrame({"image_id": [f"i{row}" for row in range(n)]}))


def test_features_side_by_side():
    age, sex = np.arange(6.0)[:, None], np.ones((6, 2))
    one, other, third = of_features(0, 2), of_features(1, 3, age), of_features(2, 4, age.copy())
    found = joined_features([one, other, third])
    np.testing.assert_array_equal(found.x, np.concatenate([one.x, other.x, third.x], axis=1))
    np.testing.assert_array_equal(found.clinical, age)
    assert found.inputs.shape == (6, 10) and found.x.dtype == np.float32
    assert joined_features([one, one]).clinical is None
    np.testing.assert_array_equal(
        joined_features([other, replace(one, clinical=sex)]).clinical, np.concatenate([age, sex], axis=1)
    )
    assert found.frame is one.frame and found.y is one.y


def test_features_that_do_not_fit_together():
    one = of_features(0, 2)
    frame = one.frame.assign(image_id=one.frame["image_id"].replace("i2", "x"))
    broken = one.x.copy()
    broken[1, 1] = np.nan
    for other, said in [
        (replace(one, frame=frame), r"members\[1\] has other images: x in row 2"),
        (of_features(1, 2, n=5), r"members\[1\] has other images: 5"),
        (replace(one, y=one.y[::-1]), r"members\[1\] has other truth: 2 in row 0"),
        (replace(one, x=broken), r"members\[1\] has NaN or infinity among its features"),
        (replace(one, clinical=np.full((6, 1), np.inf)), r"members\[1\] has NaN or infinity among its features"),
    ]:
        with pytest.raises(InputError, match=said) as error:
            joined_features([one, other])
        one_line(error)


def test_two_networks_as_one(plain):
    """The paper's way: two networks, their average, and an SVM and a softmax on the features of both."""
    learners = [
        fit_head(lesion_learner(plain, arch, pretrained=False, seed=seed, dropout=0.0), 4, lr=3e-2)
        for seed, arch in enumerate(["test_efficientnet", "test_resnet"])
    ]
    tests = [predict(learn, "test") for learn in learners]
    both = average(tests)
    np.testing.assert_allclose(both.y_prob, (tests[0].y_prob + tests[1].y_prob) / 2)
    train, test = (joined_features([features(learn, split) for learn in learners]) for split in ("train", "test"))
    assert test.x.shape[1] == sum(learn.model.head.linear.in_features for learn in learners)
    for head in (svm_head(train, kernel="linear", calibrated=False), softmax_head(train)):
        found = head_predictions(head, test, plain.vocab, "test")
        assert (found.y_pred == found.y_true).mean() > 0.9
        assert average([both, found]).y_prob.shape == (24, 3), "a head's predictions are a network's like any other's"
