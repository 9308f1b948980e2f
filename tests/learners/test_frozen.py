from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.optimizer import SGD
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from tiny_lesions import one_line
from torch.nn.functional import cross_entropy

from lesionlib.errors import InputError
from lesionlib.learners import (
    Features,
    HingeLoss,
    dataloaders,
    features,
    fit_head,
    history,
    predict,
    softmax_head,
    svm_head,
)
from lesionlib.learners.batches import SAMPLERS, OversampledDL
from lesionlib.learners.frozen import head_predictions


def rings(n: int, seed: int, classes: int = 2) -> Features:
    """Classes on rings of other radius: no line parts them."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    angle = rng.uniform(0, 2 * np.pi, n)
    radius = 1 + 2 * y + rng.normal(0, 0.2, n)
    x = np.stack([radius * np.cos(angle), 100 * radius * np.sin(angle)], axis=1).astype(np.float32)
    return Features(x, None, y, pd.DataFrame({"image_id": np.arange(n).astype(str)}))


@pytest.mark.parametrize("split", ["train", "test"])
def test_features_are_those_of_a_forward_pass(trained, lesions, split):
    found = features(trained, split)
    images = torch.tensor(trained.dls.array[lesions.subset(split).index]).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        expected = trained.model.eval().features(images)
    np.testing.assert_allclose(found.x, expected, rtol=2e-2, atol=2e-2)
    assert found.x.dtype == np.float32
    assert [lesions.classes[code] for code in found.y] == lesions.subset(split)["label"].tolist()
    assert found.frame.equals(lesions.subset(split))


def test_features_through_the_head_are_the_predictions(trained):
    found = features(trained, "test")
    with torch.no_grad():
        scores = trained.model.head.eval()(torch.tensor(found.x), torch.tensor(found.clinical))
    np.testing.assert_allclose(scores.softmax(1), predict(trained, "test").y_prob, atol=1e-5)
    assert found.inputs.shape == (24, found.x.shape[1] + found.clinical.shape[1])
    np.testing.assert_array_equal(found.clinical, trained.dls.encoder.encode(found.frame))


def test_features_ignore_augmentation_and_samplers(lesions, fresh):
    learn = fresh(dataloaders(lesions, size=32, bs=12, augment="dermoscopy", sampler="oversample"))
    first, second = features(learn, "train"), features(learn, "train")
    np.testing.assert_array_equal(first.x, second.x)
    assert first.clinical is None and first.inputs is first.x
    assert len(first.x) == 72


@pytest.mark.parametrize("clinical", [None, ["age", "sex"]], ids=["images", "images and clinical data"])
def test_fit_head_trains_the_head_in_place_and_nothing_else(fresh, clinical):
    learn = fresh(clinical=clinical)
    net, head = learn.model, learn.model.head
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert fit_head(learn, 2, lr=1e-2) is learn
    assert learn.model is net and net.head is head
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name in before if name.startswith("head.")}


def test_fit_head_is_as_good_as_training_with_a_frozen_body(plain, fresh):
    arguments = {"arch": "tf_efficientnet_lite0", "pretrained": True, "dropout": 0.0}
    fast = fit_head(fresh(plain, **arguments), 4, lr=5e-2)
    slow = fresh(plain, **arguments)
    slow.fit_one_cycle(4, 5e-2)
    ours, theirs = history(fast), history(slow)
    assert ours["frozen_groups"].tolist() == theirs["frozen_groups"].tolist() == [8] * 4
    assert ours["epoch"].tolist() == [1, 2, 3, 4]
    assert ours["valid_loss"].iloc[0] > 2 * ours["valid_loss"].iloc[-1]
    np.testing.assert_allclose(ours["valid_loss"], theirs["valid_loss"], rtol=0.15, atol=0.02)
    assert predict(fast, "test").y_prob == pytest.approx(predict(slow, "test").y_prob, abs=0.1)


def test_fit_head_keeps_the_learners_own_choices(uneven, fresh, monkeypatch):
    drawn = []

    class Spy(OversampledDL):
        def get_idxs(self):
            drawn.append(super().get_idxs())
            return drawn[-1]

    monkeypatch.setitem(SAMPLERS, "oversample", Spy)
    dls = dataloaders(uneven, size=32, bs=25, augment=None, sampler="oversample")
    optimizers = []

    def sgd(*arguments, **named):
        optimizers.append(SGD(*arguments, **named))
        return optimizers[-1]

    learn = fresh(dls, opt_func=sgd, metrics=[])
    fit_head(learn, 2)
    assert [len(epoch) for epoch in drawn] == [75, 75]
    assert len(optimizers) == 1
    assert list(history(learn)) == ["epoch", "train_loss", "valid_loss", "frozen_groups"]


def test_the_seed_decides_on_the_head_too(plain, fresh):
    heads = [fit_head(fresh(plain, seed=seed), 1).model.head.linear.weight.detach() for seed in (1, 1, 2)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_fit_head_takes_features_that_are_at_hand(plain, fresh, monkeypatch):
    whole = features(fresh(plain, clinical=["age"]), "all")
    usual = fit_head(fresh(plain, clinical=["age"], dropout=0.0, seed=3), 2)
    learn = fresh(plain, clinical=["age"], dropout=0.0, seed=3)

    def of(split):
        rows = learn.dls.lesions.subset(split)
        return Features(whole.x[rows.index], learn.dls.encoder.encode(rows), whole.y[rows.index], rows)

    monkeypatch.setattr(learn.model, "features", lambda images: pytest.fail("the body was asked again"))
    given = fit_head(learn, 2, computed=(of("train"), of("valid")))
    # Not the weights: Adam enlarges what bfloat16 rounds otherwise in batches of another size.
    assert history(given)["train_loss"].tolist() == pytest.approx(history(usual)["train_loss"].tolist(), rel=1e-2)
    assert history(given)["valid_loss"].tolist() == pytest.approx(history(usual)["valid_loss"].tolist(), rel=1e-2)


def test_training_goes_on_after_fit_head(fresh):
    learn = fit_head(fresh(), 2, lr=1e-2)
    learn.unfreeze()
    learn.fit(1, 1e-3)
    assert history(learn)["frozen_groups"].tolist() == [6, 6, 0]


def test_svm_head_parts_rings():
    train, test = rings(200, 0), rings(100, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head = svm_head(train)
    assert (head.predict(test.inputs) == test.y).mean() > 0.97
    probabilities = head.predict_proba(test.inputs)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities[np.arange(100), test.y].mean() > 0.9
    np.testing.assert_array_equal(head.predict(test.inputs), probabilities.argmax(1))
    np.testing.assert_array_equal(svm_head(train).predict_proba(test.inputs), probabilities)


def test_svm_head_on_learned_features(trained):
    head = svm_head(features(trained, "train"))
    test = features(trained, "test")
    found = head_predictions(head, test, trained.dls.vocab, "test")
    assert (found.y_pred == found.y_true).mean() > 0.9
    assert list(found.table()) == ["image_id", "split", "p_mel", "p_nv", "p_vasc"]


def test_a_larger_c_fits_the_training_images_closer():
    rng = np.random.default_rng(2)
    noise = Features(rng.normal(size=(100, 3)).astype(np.float32), None, np.arange(100) % 2, pd.DataFrame())
    scaled = (noise.x - noise.x.mean(0)) / noise.x.std(0)
    loose, tight = (svm_head(noise, c=c)[-1].calibrated_classifiers_[0].estimator for c in (0.1, 100))
    assert (tight.predict(scaled) == noise.y).mean() > (loose.predict(scaled) == noise.y).mean() + 0.1


def test_small_classes_have_fewer_folds():
    train = rings(60, 0)
    keep = (train.y == 0) | (np.cumsum(train.y) <= 2)
    few = Features(train.x[keep], None, train.y[keep], train.frame[keep])
    assert np.bincount(few.y).tolist() == [30, 2]
    assert svm_head(few).predict_proba(few.inputs).shape == (32, 2)


@pytest.mark.parametrize("limit", [0, 1])
def test_too_few_images_for_an_svm(limit):
    train = rings(60, 0)
    keep = (train.y == 0) | (np.cumsum(train.y) <= limit)
    with pytest.raises(InputError, match="svm_head: ") as error:
        svm_head(Features(train.x[keep], None, train.y[keep], train.frame[keep]))
    one_line(error)


def test_a_class_that_was_not_trained_has_probability_zero():
    train = rings(90, 0, classes=3)
    keep = train.y != 1
    head = svm_head(Features(train.x[keep], None, train.y[keep], train.frame[keep]))
    found = head_predictions(head, train, ["a", "b", "c"], "test")
    assert found.y_prob.shape == (90, 3)
    assert (found.y_prob[:, 1] == 0).all()
    assert (found.y_pred[keep] == train.y[keep]).mean() > 0.95


def test_features_of_a_split_that_is_not_there(fresh):
    with pytest.raises(InputError, match="holdout") as error:
        features(fresh(), "holdout")
    one_line(error)


def clouds(n: int, seed: int, classes: int = 3, rare: int = 1) -> Features:
    """Overlapping clouds around the corners of a polygon; class 0 has `rare` times fewer images than the others."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    y = np.where((y == 0) & (np.arange(n) % (classes * rare) > 0), 1, y)
    angle = 2 * np.pi * y / classes
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 0.7, (n, 2))
    return Features((5 + 3 * x).astype(np.float32), None, y, pd.DataFrame({"image_id": np.arange(n).astype(str)}))


def standardized(split: Features) -> np.ndarray:
    return (split.x - split.x.mean(axis=0)) / split.x.std(axis=0)


LINEAR = {
    "one against all": {"loss": "hinge"},
    "squared": {"loss": "squared_hinge"},
    "Crammer and Singer": {"multi_class": "crammer_singer"},
}


def test_without_arguments_svm_head_is_a_calibrated_radial_basis():
    train = clouds(90, 0)
    folds = StratifiedKFold(5, shuffle=True, random_state=3)
    expected = CalibratedClassifierCV(SVC(C=2.0, class_weight="balanced"), cv=folds, ensemble=False)
    scaled = StandardScaler().fit_transform(train.x)
    found = svm_head(train, 2.0, 3).predict_proba(train.inputs)
    np.testing.assert_array_equal(found, expected.fit(scaled, train.y).predict_proba(scaled))


@pytest.mark.parametrize("classes", [2, 3], ids=["two classes", "three classes"])
@pytest.mark.parametrize("arguments", LINEAR.values(), ids=LINEAR)
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_linear_head_is_scikit_learns_on_the_same_features(classes, arguments, class_weight):
    train, test = clouds(90, 0, classes, rare=3), clouds(30, 1, classes)
    plain = LinearSVC(
        C=0.5, random_state=4, max_iter=10_000, class_weight=class_weight, **({"loss": "hinge"} | arguments)
    )
    plain.fit(standardized(train), train.y)
    head = svm_head(train, 0.5, 4, kernel="linear", class_weight=class_weight, calibrated=False, **arguments)
    np.testing.assert_allclose(head[-1].coef_, plain.coef_, rtol=1e-3, atol=1e-4)
    found = head_predictions(head, test, list("abc")[:classes], "test")
    np.testing.assert_array_equal(found.y_pred, head.predict(test.inputs))
    np.testing.assert_allclose(found.y_prob.sum(axis=1), 1)
    margins = head.decision_function(test.inputs)
    if classes == 2:
        np.testing.assert_allclose(found.y_prob[:, 1], 1 / (1 + np.exp(-margins)))
    else:
        np.testing.assert_allclose(np.diff(np.log(found.y_prob)), np.diff(margins))


def test_the_three_linear_heads_differ():
    train = clouds(90, 0)
    rows = [svm_head(train, kernel="linear", calibrated=False, **each)[-1].coef_ for each in LINEAR.values()]
    assert all(np.abs(rows[i] - rows[j]).max() > 0.01 for i, j in [(0, 1), (0, 2), (1, 2)])


PLAIN = {"kernel": "linear", "class_weight": None, "calibrated": False, "tol": 1e-8}


def with_intercept(train: Features) -> torch.Tensor:
    return torch.tensor(np.c_[standardized(train), np.ones(len(train.y))], dtype=torch.float64)


def plane(head) -> torch.Tensor:
    return torch.tensor(np.c_[head[-1].coef_, head[-1].intercept_])


def lowest(objective, shape: tuple[int, int]) -> tuple[float, torch.Tensor]:
    """Minimize by steps, as a network's last layer is trained: the value reached and the weights."""
    weights = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weights], 0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 800)
    for _ in range(800):
        optimizer.zero_grad()
        objective(weights).backward()
        optimizer.step()
        schedule.step()
    return objective(weights).item(), weights.detach()


@pytest.mark.parametrize(
    ("classes", "form", "terms"),
    [(2, "crammer_singer", 1), (3, "crammer_singer", 1), (3, "ovr", 3)],
    ids=["two classes", "Crammer and Singer", "one against all"],
)
def test_a_layer_trained_with_the_hinge_loss_becomes_the_svm(classes, form, terms):
    """C times the sum of the hinges and half the squared weights: the least value is scikit-learn's and ours."""
    train, c = clouds(60, 0, classes), 0.3
    x, y = with_intercept(train), torch.tensor(train.y)

    def objective(weights):
        return c * 60 * terms * HingeLoss(form)(x @ weights.T, y) + weights.square().sum() / 2

    theirs = plane(svm_head(train, c, **PLAIN, multi_class=form))
    if classes == 2:
        theirs = torch.cat([-theirs / 2, theirs / 2])  # scikit-learn keeps the difference of two opposite rows
    value, ours = lowest(objective, (classes, 3))
    assert value == pytest.approx(objective(theirs).item(), rel=1e-3)
    torch.testing.assert_close(ours, theirs, atol=2e-2, rtol=0)


def test_a_margin_between_two_classes_becomes_the_svms_plane():
    """Where a network has one score for two classes (0 and z), the hinge loss is that of a two-class SVM."""
    train, c = clouds(60, 0, 2), 0.3
    x, y = with_intercept(train), torch.tensor(train.y)

    def objective(weights):
        margins = x @ weights.T
        return c * 60 * HingeLoss()(torch.cat([0 * margins, margins], 1), y) + weights.square().sum() / 2

    _, ours = lowest(objective, (1, 3))
    torch.testing.assert_close(ours, plane(svm_head(train, c, **PLAIN)), atol=2e-2, rtol=0)


def test_a_softmax_head_is_the_least_cross_entropy():
    train, c = clouds(60, 0), 0.3
    x, y = with_intercept(train), torch.tensor(train.y)
    head = softmax_head(train, c)
    _, ours = lowest(lambda w: c * cross_entropy(x @ w.T, y, reduction="sum") + w[:, :2].square().sum() / 2, (3, 3))
    np.testing.assert_allclose(head.predict_proba(train.inputs), (x @ ours.T).softmax(1), atol=1e-3)
    found = head_predictions(head, train, list("abc"), "train")
    np.testing.assert_array_equal(found.y_prob, head.predict_proba(train.inputs))


def test_a_softmax_head_takes_class_weights():
    train = clouds(300, 0, classes=2, rare=10)
    even, balanced = softmax_head(train), softmax_head(train, class_weight="balanced")
    by_hand = LogisticRegression(class_weight="balanced").fit(standardized(train), train.y)
    np.testing.assert_allclose(balanced[-1].coef_, by_hand.coef_, atol=1e-3)
    assert (balanced.predict(train.inputs) == 0).sum() > 2 * (even.predict(train.inputs) == 0).sum()


def test_calibration_takes_class_weights_back_and_the_plane_keeps_them():
    train, test = clouds(600, 0, classes=2, rare=10), clouds(600, 1, classes=2, rare=10)
    calibrated, plane = (svm_head(train, kernel="linear", calibrated=each) for each in (True, False))
    rare = [
        (head_predictions(head, test, ["rare", "common"], "test").y_pred == 0).sum() for head in (calibrated, plane)
    ]
    assert rare[1] > 3 * rare[0]
    scores = [head_predictions(head, test, ["rare", "common"], "test").y_prob[:, 0] for head in (calibrated, plane)]
    np.testing.assert_array_equal(np.argsort(scores[0]), np.argsort(scores[1]), "both rank the images alike")
    assert abs(scores[0].mean() - (test.y == 0).mean()) < 0.03, "calibrated chances add up to the number of cases"


def test_a_radial_basis_without_calibration_decides_by_its_margins():
    train, test = clouds(90, 0, classes=5), clouds(400, 1, classes=5)
    head = svm_head(train, calibrated=False)
    found = head_predictions(head, test, list("abcde"), "test")
    np.testing.assert_array_equal(found.y_pred, head.predict(test.inputs))


def test_one_image_is_enough_without_calibration():
    train = clouds(30, 0, classes=2)
    keep = (train.y == 1) | (np.arange(30) == 0)
    few = Features(train.x[keep], None, train.y[keep], train.frame[keep])
    assert svm_head(few, kernel="linear", calibrated=False).predict(few.inputs).shape == (16,)
    with pytest.raises(InputError, match=r"the smallest with 1 training images; expected .* with 2 or more"):
        svm_head(few, kernel="linear")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kernel": "poly"}, "kernel: 'poly' is not known; choose from rbf, linear"),
        ({"kernel": "linear", "loss": "l3"}, "svm_head: scikit-learn says: .*'loss'"),
        ({"kernel": "linear", "multi_class": "ova"}, "svm_head: scikit-learn says: .*'multi_class'"),
        ({"loss": "hinge"}, "svm_head: scikit-learn says: .*'loss'"),
        ({"class_weight": "even"}, "svm_head: scikit-learn says: .*'class_weight'"),
        ({"c": -1}, "svm_head: scikit-learn says: .*'C'"),
    ],
)
def test_arguments_that_scikit_learn_refuses(arguments, said):
    with pytest.raises(InputError, match=said) as error:
        svm_head(clouds(30, 0), **arguments)
    one_line(error)


def test_features_that_no_head_can_be_trained_on():
    train = clouds(30, 0)
    train.x[3, 1] = np.nan
    alone = Features(train.x, None, np.zeros(30, dtype=int), train.frame)
    for head in (svm_head, softmax_head):
        with pytest.raises(InputError, match=f"{head.__name__}: scikit-learn says: .*NaN") as error:
            head(train)
        one_line(error)
        with pytest.raises(InputError, match=head.__name__) as error:
            head(alone)
        one_line(error)
