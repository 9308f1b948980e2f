from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.optimizer import SGD
from tiny_lesions import one_line

from lesionlib.errors import InputError
from lesionlib.learners import Features, dataloaders, features, fit_head, history, predict, svm_head
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
