"""From one dataset to the next: what goes on, what begins anew, and two tasks in one head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_lesions import one_line

from lesionlib.datasets import relabel, two_tasks
from lesionlib.errors import InputError
from lesionlib.learners import (
    BlockwiseThaw,
    OwnTask,
    Predictions,
    carry_over,
    dataloaders,
    fit,
    of_task,
    predict,
)

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow


def weights(module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def other(lesions):
    """The same images in two classes."""
    return relabel(lesions, {"mel": "melanoma", "nv": "other_lesion", "vasc": "other_lesion"})


def test_the_body_goes_on_and_the_head_is_new(fresh, other):
    first = fresh(seed=3)
    before = weights(first.model)
    following = carry_over(first, dataloaders(other, size=32, bs=12, augment=None))
    assert same(weights(following.model.body), weights(first.model.body))
    assert following.model.head.linear.out_features == 2
    fit(following, BlockwiseThaw(epochs_per_block=1, top_lr=1e-2, lr=1e-2))
    assert not same(weights(following.model.body), weights(first.model.body))
    assert same(weights(first.model), before)


def test_the_head_goes_on_where_the_classes_are_the_same(trained, lesions):
    dls = dataloaders(lesions, size=32, bs=12, augment=None)
    following = carry_over(trained, dls, clinical=["age", "sex", "site"])
    assert predict(following).y_prob == pytest.approx(predict(trained).y_prob, abs=1e-6)
    # Without the clinical inputs the head cannot be the same.
    assert not same(weights(carry_over(trained, dls).model.head), weights(trained.model.head))


def test_classes_in_another_order_need_a_new_head(fresh, lesions, plain):
    first = fresh(seed=3)
    turned = replace(lesions, classes=lesions.classes[::-1])
    following = carry_over(first, dataloaders(turned, size=32, bs=12, augment=None))
    assert not same(weights(following.model.head), weights(first.model.head))
    assert same(weights(carry_over(first, plain).model.head), weights(first.model.head))


def test_the_seed_makes_the_head_and_the_training(fresh, other):
    first = fresh()
    dls = dataloaders(other, size=32, bs=12, augment=None)
    results = []
    for seed in (1, 1, 2):
        following = carry_over(first, dls, seed=seed)
        following.fit(1, 1e-2)
        results.append(weights(following.model))
    assert same(results[0], results[1]) and not same(results[0], results[2])


def test_the_body_is_frozen_at_first(fresh, other):
    following = carry_over(fresh(), dataloaders(other, size=32, bs=12, augment=None))
    assert not any(parameter.requires_grad for parameter in following.model.body.parameters() if parameter.ndim > 1)
    assert following.arch == "test_efficientnet"


def test_averaging_after_a_convolution_is_averaging_before_it(trained):
    """The head of nedelcu2021, a 1 x 1 convolution and then global average pooling, is the head that is here."""
    net = trained.model.eval()
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        maps = net.body.forward_features((images - net.mean) / net.std)
        own = net.head.linear.weight[:, : maps.shape[1]]
        convolved = torch.nn.functional.conv2d(maps, own[:, :, None, None]).mean(dim=(2, 3))
        pooled = net.body((images - net.mean) / net.std) @ own.T
    assert convolved == pytest.approx(pooled, abs=1e-5)


def test_two_tasks_keep_their_classes_apart(lesions, other):
    # As sets of two places: the same pictures would be dropped as one.
    source = replace(
        other,
        files_digest="other",
        frame=other.frame.assign(source="elsewhere", image_id="o" + other.frame["image_id"]),
    )
    joined = two_tasks(lesions, source.where(label="melanoma"))
    assert joined.classes == ["mel", "nv", "vasc", "ham10000 melanoma", "ham10000 other_lesion"]
    assert len(joined) == len(lesions)  # the melanomas are the same files, so the first copy stays


def test_own_task_is_cross_entropy_within_the_block():
    torch.manual_seed(0)
    scores, targets = torch.randn(6, 5), torch.tensor([0, 1, 2, 3, 4, 0])
    loss = OwnTask(3)(scores, targets)
    first = torch.nn.functional.cross_entropy(scores[[0, 1, 2, 5], :3], targets[[0, 1, 2, 5]], reduction="sum")
    second = torch.nn.functional.cross_entropy(scores[[3, 4], 3:], targets[[3, 4]] - 3, reduction="sum")
    assert loss.item() == pytest.approx(((first + second) / 6).item(), abs=1e-6)


def test_own_task_sends_nothing_into_the_other_task():
    scores = torch.randn(2, 5, requires_grad=True)
    OwnTask(3)(scores, torch.tensor([1, 2])).backward()
    assert (scores.grad[:, 3:] == 0).all() and (scores.grad[:, :3] != 0).all()


def test_a_learner_trains_two_tasks(fresh, lesions, tmp_path):
    from tiny_lesions import write_lesions

    source = write_lesions(tmp_path / "source", 10, seed=5)
    source = replace(source, frame=source.frame.assign(source="elsewhere", image_id="s" + source.frame["image_id"]))
    joined = two_tasks(lesions, source)
    learn = fresh(dataloaders(joined, size=32, bs=12, augment=None, sampler="stratified"), loss_func=OwnTask(3))
    learn.fit(2, 1e-2)
    found = of_task(predict(learn), lesions.classes)
    assert found.y_prob.shape == (len(lesions.subset("test")), 3)
    assert (found.y_pred == found.y_true).mean() > 0.5
    scores, _, decided = learn.get_preds(with_decoded=True)
    np.testing.assert_allclose(scores.softmax(dim=1), predict(learn, "valid").y_prob, atol=1e-3)
    assert (decided == scores.argmax(dim=1)).all()


@pytest.fixture
def five():
    prob = np.array([[0.1, 0.2, 0.3, 0.2, 0.2], [0.4, 0.1, 0.1, 0.2, 0.2]])
    return Predictions(np.array([2, 0]), prob, list("abcde"), None, "test")


def test_of_task_scales_to_its_own_classes(five):
    found = of_task(five, ["c", "a"])
    assert found.y_prob == pytest.approx(np.array([[0.75, 0.25], [0.2, 0.8]]))
    assert found.y_true.tolist() == [0, 1] and found.labels == ["c", "a"]


@pytest.mark.parametrize(
    ("labels", "message"), [(["a", "z"], "no predictions of 'z'"), (["b", "c"], "hold images of 'a'")]
)
def test_of_task_refuses_what_is_not_its_own(five, labels, message):
    with pytest.raises(InputError, match=message) as error:
        of_task(five, labels)
    one_line(error)
