from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest
import torch
from captum import robust
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from tiny_nets import MEAN, STD, deep, lesion_net, one_conv, one_line, tiny_learner
from torch import nn

from lesionlib.errors import InputError
from lesionlib.learners import dataloaders, models, predict
from lesionlib.learners.learner import assemble
from lesionlib.probes import (
    FGSM,
    PGD,
    AdversarialTraining,
    blur,
    brightness,
    fgsm,
    gaussian_noise,
    perturbed_images,
    pgd,
    predict_perturbed,
)

WIDTH = 3 * 40 * 40
ATTACKS = [fgsm, pgd]


def linear_learner(dls, clinical: int = 0, std: float = 0.01):
    """Softmax regression on the normalized pixels (and on a hidden layer of the clinical data)."""
    learn = tiny_learner(nn.Flatten(), WIDTH, dls, clinical=clinical, classes=7)
    nn.init.normal_(learn.model.head.linear.weight, std=std)
    return learn


@pytest.fixture
def linear(phantom_loaders):
    return linear_learner(phantom_loaders)


@pytest.fixture(scope="module")
def trained(phantom):
    """A small network that has learned something, with batch-norm and dropout."""
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 5, 2), nn.ReLU(), nn.Flatten()
    )
    net = models.LesionNet(body, models.Head(16 * 49, 0, 7, dropout=0.2), MEAN, STD)
    dls = dataloaders(phantom, size=40, bs=12, augment=None)
    dls.train.rng.seed(0)
    learn = assemble(dls, net, splitter=lambda net: list(net.parameters()))
    learn.fit(6, 3e-3)
    assert predict(learn, "train").y_prob.argmax(axis=1).tolist() != [0] * len(dls.train_ds)
    return learn


def numbers(split: str, learn) -> np.ndarray:
    return learn.dls.lesions.subset(split).index.to_numpy()


def clean(learn, rows=None) -> torch.Tensor:
    """Images as they are, in [0, 1]."""
    rows = numbers("test", learn) if rows is None else rows
    return torch.from_numpy(learn.dls.array[rows]).permute(0, 3, 1, 2) / 255


def truth(learn) -> torch.Tensor:
    return torch.from_numpy(learn.dls.targets("test"))


def scores(learn, images: torch.Tensor) -> torch.Tensor:
    """What the network says in full precision."""
    with torch.enable_grad():
        return learn.model.eval()(images).detach().double()


def losses(learn, images: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(scores(learn, images), truth(learn), reduction="none")


def direction_by_hand(learn) -> np.ndarray:
    """sign(W'(p - y)) of softmax regression, in double precision."""
    weights = learn.model.head.linear.weight.detach().double().numpy()
    bias = learn.model.head.linear.bias.detach().double().numpy()
    mean, std = (np.array(each)[:, None, None] for each in (MEAN, STD))
    x = (clean(learn).double().numpy() - mean) / std
    z = x.reshape(len(x), -1) @ weights.T + bias
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return np.sign(((p - np.eye(7)[learn.dls.targets("test")]) @ weights).reshape(x.shape))


def same_predictions(found, expected) -> None:
    np.testing.assert_array_equal(found.y_prob, expected.y_prob)
    np.testing.assert_array_equal(found.y_true, expected.y_true)
    assert found.labels == expected.labels and found.split == expected.split
    assert found.y_true.dtype == expected.y_true.dtype and found.y_prob.dtype == expected.y_prob.dtype
    assert found.frame.equals(expected.frame)


@pytest.mark.parametrize("eps", [3e-3, 0.05])
def test_fgsm_on_softmax_regression_is_its_closed_form(linear, eps):
    direction = direction_by_hand(linear)
    assert (direction > 0).any() and (direction < 0).any()
    expected = (clean(linear).double().numpy() + eps * direction).clip(0, 1)
    np.testing.assert_allclose(perturbed_images(linear, FGSM(eps)).numpy(), expected, atol=1e-7)


def test_a_step_on_the_normalized_scale_is_one_of_the_deviation_by_channel(linear):
    step = 0.02 * np.array(STD)[:, None, None]
    expected = (clean(linear).double().numpy() + step * direction_by_hand(linear)).clip(0, 1)
    found = perturbed_images(linear, FGSM(0.02, scale="normalized")).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-7)
    for channel, std in enumerate(STD):
        alone = perturbed_images(linear, FGSM(0.02 * std)).numpy()
        np.testing.assert_allclose(found[:, channel], alone[:, channel], atol=1e-7)


@pytest.mark.parametrize(("scale", "eps"), [("pixels", 0.1), ("normalized", 0.5)])
def test_unclipped_it_is_the_line_that_the_paper_prints(trained, scale, eps):
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))
    net = trained.model.eval()
    imgs = clean(trained)
    imgs = (imgs - mean) / std if scale == "normalized" else imgs
    imgs.requires_grad_()
    inner = imgs if scale == "normalized" else (imgs - mean) / std
    nn.functional.cross_entropy(net.head(net.body(inner)), truth(trained)).backward()
    net.zero_grad(set_to_none=True)
    imgs = torch.sign(imgs.grad.data) * eps + imgs

    found = perturbed_images(trained, FGSM(eps, scale, clip=False))
    assert found.min() < 0 or found.max() > 1, "no pixel leaves the range"
    expected = imgs.detach() * std + mean if scale == "normalized" else imgs.detach()
    # A gradient of nearly zero may have either sign.
    assert (torch.isclose(found, expected, atol=1e-6).float().mean()) > 0.999
    clipped = perturbed_images(trained, FGSM(eps, scale))
    torch.testing.assert_close(clipped, found.clamp(0, 1), rtol=0, atol=0)


def test_the_default_is_the_papers_step_on_pixels(linear):
    moved = perturbed_images(linear, FGSM(clip=False)) - clean(linear)
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, 3e-3), rtol=0, atol=1e-7)
    same_predictions(fgsm(linear), predict_perturbed(linear, FGSM(3e-3, "pixels", clip=True)))
    same_predictions(pgd(linear), predict_perturbed(linear, PGD(3e-3, 10, 7.5e-4, "pixels", True, 0)))


@pytest.mark.parametrize("clip", [True, False])
def test_the_functions_hand_their_settings_on(linear, clip):
    rows = numbers("valid", linear)[:4]
    found = fgsm(linear, 0.1, "valid", "normalized", rows, clip=clip)
    same_predictions(found, predict_perturbed(linear, FGSM(0.1, "normalized", clip), "valid", rows))
    found = pgd(linear, 0.1, 3, 0.02, "valid", "normalized", rows, random_start=clip, seed=5)
    same_predictions(found, predict_perturbed(linear, PGD(0.1, 3, 0.02, "normalized", clip, 5), "valid", rows))
    assert len(found.y_true) == 4


@pytest.mark.parametrize("net", ["deep", "trained"])
def test_fgsm_and_pgd_are_captums(net, trained, phantom_loaders):
    """captum takes gradients below 1e-6 for zero, unless told; all gradients are larger or told to count here."""
    learn = trained if net == "trained" else tiny_learner(deep(), 4, phantom_loaders, classes=7)
    loss = nn.CrossEntropyLoss(reduction="none")
    theirs = robust.FGSM(learn.model.eval(), loss, lower_bound=0, upper_bound=1)
    theirs.zero_thresh = 0
    images = clean(learn)
    with pytest.warns(UserWarning, match="require"):
        expected = theirs.perturb(images.clone(), 0.02, truth(learn)).detach()
    found = perturbed_images(learn, FGSM(0.02))
    assert (found - clean(learn)).abs().max() > 0.019
    assert torch.isclose(found, expected, atol=1e-6).float().mean() > 0.999

    theirs = robust.PGD(learn.model.eval(), loss, lower_bound=0, upper_bound=1)
    theirs.fgsm.zero_thresh = 0
    with pytest.warns(UserWarning, match="require"):
        expected = theirs.perturb(images.clone(), 0.02, 0.007, 4, truth(learn)).detach()
    found = perturbed_images(learn, PGD(0.02, 4, 0.007, random_start=False))
    assert torch.isclose(found, expected, atol=1e-6).float().mean() > 0.99


@pytest.mark.parametrize("attack", [FGSM, PGD, partial(PGD, step_size=0.9)])
@pytest.mark.parametrize("scale", ["pixels", "normalized"])
@pytest.mark.parametrize("eps", [1e-3, 0.03, 0.6])
def test_no_pixel_moves_farther_than_eps_or_leaves_the_range(trained, attack, scale, eps):
    images = clean(trained)
    found = perturbed_images(trained, attack(eps=eps, scale=scale))
    assert found.shape == images.shape and found.dtype == torch.float32
    assert found.min() >= 0 and found.max() <= 1
    radius = eps * (torch.tensor(STD).view(3, 1, 1) if scale == "normalized" else torch.ones(3, 1, 1))
    moved = (found - images).abs()
    assert (moved <= radius + 1e-7).all()
    for channel in range(3):
        assert moved[:, channel].max() == pytest.approx(radius[channel].item(), abs=1e-6), "eps is not used up"


def two_sided(learn) -> None:
    """Only the first class has weights: the way uphill is the same everywhere, as for two classes."""
    with torch.no_grad():
        learn.model.head.linear.weight[1:] = 0


def test_pgd_is_fgsm_where_the_loss_has_one_way_up(linear):
    two_sided(linear)
    once = perturbed_images(linear, FGSM(0.03))
    torch.testing.assert_close(perturbed_images(linear, PGD(0.03)), once, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        perturbed_images(linear, PGD(0.03, 1, 0.03, random_start=False)), once, rtol=0, atol=1e-7
    )


def test_the_default_steps_go_from_any_start_to_any_end(linear):
    """2.5 times eps in all: from the one end to the other it takes twice."""
    two_sided(linear)
    started = perturbed_images(linear, PGD(0.03, step_size=0))
    ended = perturbed_images(linear, PGD(0.03, 3))
    assert (ended - started).abs().max() > 0.055
    torch.testing.assert_close(ended, perturbed_images(linear, FGSM(0.03)), rtol=0, atol=1e-6)


def test_one_step_raises_the_loss_of_each_image_and_several_raise_it_more(trained):
    before = losses(trained, clean(trained))
    once = losses(trained, perturbed_images(trained, FGSM(0.03)))
    several = losses(trained, perturbed_images(trained, PGD(0.03)))
    assert (once > before).double().mean() > 0.9
    assert several.mean() > once.mean() + 0.01 > before.mean()


def test_a_sure_network_is_attacked_like_any_other(linear):
    """A gradient of 1e-14 has a sign. captum takes it for zero; in single precision 1 - p is zero, and it turns."""
    with torch.no_grad():
        linear.model.head.linear.weight.zero_()
        linear.model.head.linear.weight[:, 0] = 1e-3 * torch.tensor([10.0, 1, 2, 3, 4, 5, 6])
        linear.model.head.linear.bias.copy_(torch.tensor([30.0, 0, 0, 0, 0, 0, 0]))
    images, found = clean(linear), perturbed_images(linear, FGSM(0.02))
    sure = linear.dls.targets("test") == 0
    assert sure.any() and (scores(linear, images).float().softmax(dim=1)[sure, 0] == 1).all()
    torch.testing.assert_close(found[sure][:, 0, 0, 0], (images[sure][:, 0, 0, 0] - 0.02).clamp(min=0))
    torch.testing.assert_close(found[:, 1:], images[:, 1:], rtol=0, atol=0)


def test_the_network_is_asked_about_pictures_only(linear):
    """On its way, too, PGD stays within the range."""
    asked = []
    handle = linear.model.register_forward_pre_hook(lambda net, inputs: asked.append(inputs[0].detach().clone()))
    perturbed_images(linear, PGD(0.6, 3))
    handle.remove()
    asked = torch.stack([each for each in asked if len(each) == len(asked[0])])
    assert asked.min() == 0 and asked.max() == 1


def test_an_image_is_attacked_the_same_alone(trained):
    """The gradient is that of the image's own loss, not of a mean over the batch."""
    rows = numbers("test", trained)[[5, 0]]
    together, alone = perturbed_images(trained, FGSM(0.03)), perturbed_images(trained, FGSM(0.03), rows=rows)
    assert torch.isclose(alone, together[[5, 0]], atol=1e-6).float().mean() > 0.999


def test_the_start_follows_from_seed_and_row_alone(linear):
    start = partial(PGD, 0.1, step_size=0)
    rows = numbers("test", linear)[[7, 2, 4]]
    whole = perturbed_images(linear, start())
    torch.testing.assert_close(perturbed_images(linear, start(), rows=rows), whole[[7, 2, 4]], rtol=0, atol=0)
    assert (perturbed_images(linear, start(seed=1)) != whole).float().mean() > 0.9
    moved = (whole - clean(linear))[(clean(linear) > 0.1) & (clean(linear) < 0.9)]
    assert moved.mean().abs() < 1e-3 and moved.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.02)
    torch.testing.assert_close(perturbed_images(linear, start(random_start=False)), clean(linear), rtol=0, atol=0)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize(
    "same",
    [
        *[partial(kind, eps=0) for kind in ATTACKS],
        partial(gaussian_noise, sigma=0),
        partial(blur, sigma=0),
        partial(brightness, factor=1),
    ],
    ids=lambda same: same.func.__name__,
)
def test_without_strength_they_are_the_clean_predictions_to_the_last_digit(trained, monkeypatch, same, half):
    monkeypatch.setattr(models, "_cpu_has_bfloat16", lambda: half)
    for split in ["test", "train"]:
        same_predictions(same(trained, split=split), predict(trained, split))


def test_bfloat16_does_not_reach_the_gradient(linear, monkeypatch):
    learn = tiny_learner(one_conv(), 5, linear.dls, classes=7)
    monkeypatch.setattr(models, "_cpu_has_bfloat16", lambda: False)
    expected = perturbed_images(learn, FGSM(0.02))
    monkeypatch.setattr(models, "_cpu_has_bfloat16", lambda: True)
    torch.testing.assert_close(perturbed_images(learn, FGSM(0.02)), expected, rtol=0, atol=0)


def test_the_predictions_are_those_of_the_changed_images(trained, monkeypatch):
    monkeypatch.setattr(models, "_cpu_has_bfloat16", lambda: False)
    changed = perturbed_images(trained, FGSM(0.03))
    expected = scores(trained, changed).softmax(dim=1).numpy()
    found = fgsm(trained, 0.03)
    np.testing.assert_allclose(found.y_prob, expected, atol=1e-5)
    assert np.abs(found.y_prob - predict(trained).y_prob).max() > 0.05


def test_rows_of_a_split_in_the_order_asked(trained):
    rows = numbers("valid", trained)[[3, 0, 2]]
    found = fgsm(trained, 0.02, "valid", rows=rows.tolist())
    whole = fgsm(trained, 0.02, "valid")
    assert found.frame.index.tolist() == rows.tolist()
    assert found.frame.equals(whole.frame.loc[rows])
    np.testing.assert_array_equal(found.y_true, whole.y_true[[3, 0, 2]])
    np.testing.assert_allclose(found.y_prob, whole.y_prob[[3, 0, 2]], atol=0.02)
    torch.testing.assert_close(perturbed_images(trained, FGSM(0), "valid", rows), clean(trained, rows), rtol=0, atol=0)


@pytest.fixture(scope="module")
def with_age(phantom):
    # Two a batch, four at a time in a test: rows and truth go on from batch to batch.
    dls = dataloaders(phantom, size=40, bs=2, augment=None).with_clinical(["age", "sex"])
    return linear_learner(dls, clinical=dls.encoder.width)


@pytest.mark.parametrize("rows", [None, [4, 1, 0, 6, 2]])
def test_clinical_data_go_along_unchanged(with_age, rows):
    rows = numbers("test", with_age) if rows is None else numbers("test", with_age)[rows]
    seen = []

    def look(batch):
        seen.append((batch.rows, *batch.others, batch.truth))
        return FGSM(0.05)(batch)

    heard = []
    handle = with_age.model.register_forward_pre_hook(lambda net, inputs: heard.append(inputs[1].clone()))
    found = predict_perturbed(with_age, look, rows=rows)
    handle.remove()
    frame = with_age.dls.lesions.frame.loc[rows]
    expected = torch.from_numpy(with_age.dls.encoder.encode(frame))
    at_rows, clinical, codes = (np.concatenate(each) for each in zip(*seen, strict=True))
    np.testing.assert_array_equal(at_rows, rows)
    np.testing.assert_array_equal(clinical, expected)
    np.testing.assert_array_equal(codes, found.y_true)
    # Twice: for the gradient, then for the prediction.
    ours = torch.cat(heard[1::2])
    torch.testing.assert_close(ours, expected, rtol=0, atol=0)
    torch.testing.assert_close(torch.cat(heard[::2]), expected, rtol=0, atol=0)


def test_the_gradient_knows_each_images_clinical_data(with_age):
    images = clean(with_age).requires_grad_()
    frame = with_age.dls.lesions.subset("test")
    clinical = torch.from_numpy(with_age.dls.encoder.encode(frame))
    codes = torch.from_numpy(with_age.dls.targets("test"))
    loss = nn.functional.cross_entropy(with_age.model.eval()(images, clinical).double(), codes, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, images)
    expected = (images.detach() + 0.05 * gradient.sign()).clamp(0, 1)
    found = perturbed_images(with_age, FGSM(0.05))
    assert torch.isclose(found, expected, atol=1e-6).float().mean() > 0.999


class Broken(Exception):
    pass


def broken(batch):
    FGSM()(batch)
    raise Broken


@pytest.mark.parametrize("ask", [predict_perturbed, perturbed_images])
@pytest.mark.parametrize("perturbation", [FGSM(0.01), PGD(0.01, 2), broken])
def test_the_learner_and_the_generators_are_left_as_they_were(trained, ask, perturbation):
    net = trained.model
    net.train()
    net.body[1].eval()
    net.body[0].requires_grad_(False)
    net.head.linear.weight.grad = kept = torch.ones_like(net.head.linear.weight)
    modes = [module.training for module in net.modules()]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    callbacks, curves = [*trained.cbs], [*trained.recorder.values]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    if perturbation is broken:
        with pytest.raises(Broken):
            ask(trained, perturbation)
    else:
        ask(trained, perturbation)
    drawn = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert drawn == (random.random(), np.random.rand(), torch.rand(1).item())
    assert [module.training for module in net.modules()] == modes and True in modes and False in modes
    assert not net.body[0].weight.requires_grad and net.body[3].weight.requires_grad
    assert net.head.linear.weight.grad is kept and (kept == 1).all()
    assert all(p.grad is None for p in net.parameters() if p is not net.head.linear.weight)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert sorted(map(str, trained.cbs)) == sorted(map(str, callbacks)) and [*trained.recorder.values] == curves
    net.head.linear.weight.grad = None
    net.requires_grad_(True)


class Seen(Callback):
    """Keeps what the network gets, and in which mode it is; comes after the defense."""

    order = 5

    def before_fit(self):
        self.batches = []

    def before_batch(self):
        self.batches.append((self.training, self.model.training, self.xb[0].detach().clone(), self.yb[0].clone()))


def with_batchnorm(phantom, augment=None, cbs=None, clinical=None):
    dls = dataloaders(phantom, size=40, bs=16, augment=augment)
    dls = dls if clinical is None else dls.with_clinical(clinical)
    body = nn.Sequential(nn.Conv2d(3, 6, 5, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    learn = assemble(
        dls,
        lesion_net(body, 24, classes=7, clinical=dls.encoder.width if dls.encoder else 0),
        cbs=cbs,
        splitter=lambda net: list(net.parameters()),
    )
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    dls.train.rng.seed(0)
    return learn


@pytest.mark.parametrize("augment", [None, "dermoscopy"])
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_adversarial_training_without_strength_is_training(phantom, augment, share):
    plain, defended = (with_batchnorm(phantom, augment, cbs) for cbs in ([], [AdversarialTraining(0, share=share)]))
    for learn in (plain, defended):
        random.seed(0), np.random.seed(0), torch.manual_seed(0)
        learn.fit(2, 1e-2)
    for name, value in plain.model.state_dict().items():
        torch.testing.assert_close(defended.model.state_dict()[name], value, rtol=0, atol=0)


def test_adversarial_training_shows_the_step_against_the_network_of_that_moment(phantom):
    seen = Seen()
    learn = with_batchnorm(phantom, cbs=[AdversarialTraining(0.05, share=0.5), seen])
    expected = []

    class Before(Callback):
        order = -5

        def before_batch(self):
            if not self.training:
                return
            net, images = self.model.eval(), self.xb[0].as_subclass(torch.Tensor).clone().requires_grad_()
            loss = nn.functional.cross_entropy(net(images), self.yb[0].as_subclass(torch.Tensor), reduction="sum")
            (gradient,) = torch.autograd.grad(loss, images)
            net.train()
            attacked = (images + 0.05 * gradient.sign()).clamp(0, 1).detach()
            attacked[8:] = images[8:].detach()
            expected.append(attacked)

    learn.fit(2, 1e-2, cbs=Before())
    training = [batch for batch in seen.batches if batch[0]]
    assert len(training) == len(expected) > 4
    for (_, mode, images, _), step in zip(training, expected, strict=True):
        assert mode, "the network is not in training mode"
        assert torch.isclose(images.as_subclass(torch.Tensor), step, atol=1e-6).float().mean() > 0.999
        assert (images[8:] == step[8:]).all() and len(images) == 16
    valid = torch.cat([images for training, _, images, _ in seen.batches if not training][: len(learn.dls.valid)])
    torch.testing.assert_close(valid.as_subclass(torch.Tensor), clean(learn, numbers("valid", learn)), rtol=0, atol=0)


@pytest.mark.parametrize(("share", "attacked"), [(0, 0), (0.25, 4), (1, 16)])
def test_a_share_of_each_batch_is_attacked(phantom, share, attacked):
    plain, seen = Seen(), Seen()
    with_batchnorm(phantom, cbs=[plain]).fit(1, 0)
    learn = with_batchnorm(phantom, cbs=[AdversarialTraining(0.1, share=share), seen])
    learn.fit(1, 0)
    (_, _, before, codes), (_, _, after, same_codes) = plain.batches[0], seen.batches[0]
    assert (codes == same_codes).all()
    assert (before != after).flatten(1).any(dim=1).tolist() == [True] * attacked + [False] * (16 - attacked)


def test_the_defense_keeps_clinical_data(phantom):
    learn = with_batchnorm(phantom, cbs=[AdversarialTraining(0.1, share=0.5)], clinical=["age", "sex"])
    given = []
    handle = learn.model.register_forward_pre_hook(lambda net, inputs: given.append((len(inputs[0]), len(inputs[1]))))
    learn.fit(1, 1e-3)
    handle.remove()
    assert given[:2] == [(8, 8), (16, 16)]


def test_the_defense_helps(phantom):
    """Without it the fit of softmax regression to single pixels is easily undone."""
    found = []
    for cbs in ([], [AdversarialTraining(0.03)]):
        learn = linear_learner(dataloaders(phantom, size=40, bs=16, augment=None), std=0)
        learn.dls.train.rng.seed(0)
        torch.manual_seed(0)
        learn.fit(8, 1e-3, cbs=cbs)
        found.append(losses(learn, perturbed_images(learn, FGSM(0.03))).mean().item())
    assert found[1] < found[0] - 0.1


ERRORS = {
    "negative": (lambda learn: fgsm(learn, -1e-3), "eps", "-0.001"),
    "gray levels": (lambda learn: fgsm(learn, 3), "eps", "/ 255"),
    "not a number": (lambda learn: pgd(learn, float("nan")), "eps", "nan"),
    "text": (lambda learn: fgsm(learn, "3e-3"), "eps", "3e-3"),
    "yes": (lambda learn: fgsm(learn, True), "eps", "True"),
    "scale": (lambda learn: fgsm(learn, scale="gray"), "scale", "pixels, normalized"),
    "scale of pgd": (lambda learn: pgd(learn, scale="gray"), "scale", "pixels, normalized"),
    "split": (lambda learn: fgsm(learn, split="tset"), "tset", "test"),
    "steps": (lambda learn: pgd(learn, steps=0), "steps", "0"),
    "half steps": (lambda learn: pgd(learn, steps=1.5), "steps", "1.5"),
    "step_size": (lambda learn: pgd(learn, step_size=-1), "step_size", "-1"),
    "seed": (lambda learn: pgd(learn, seed=-1), "seed", "-1"),
    "other rows": (lambda learn: fgsm(learn, rows=numbers("train", learn)[:2]), "rows", "'test'"),
    "no rows": (lambda learn: fgsm(learn, rows=[]), "rows", "one or more"),
    "half rows": (lambda learn: fgsm(learn, rows=[0.5]), "rows", "float"),
    "rows in two dimensions": (lambda learn: fgsm(learn, rows=[[1]]), "rows", "(1, 1)"),
    "share": (lambda learn: AdversarialTraining(share=1.5), "share", "1.5"),
    "negative share": (lambda learn: AdversarialTraining(share=-0.5), "share", "-0.5"),
    "training": (lambda learn: AdversarialTraining(-1), "eps", "-1"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_input_is_one_line(linear, case):
    ask, name, what = ERRORS[case]
    with pytest.raises(InputError) as caught:
        ask(linear)
    assert name in one_line(caught) and what in one_line(caught)


@pytest.mark.parametrize("ask", [*ATTACKS, partial(perturbed_images, perturbation=FGSM())])
def test_a_learner_without_data_says_so(ask):
    with pytest.raises(InputError, match="no data") as caught:
        ask(tiny_learner())
    assert one_line(caught)


def test_a_network_that_does_not_tell_its_normalization(linear):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(WIDTH, 7)

        def forward(self, images):
            return self.layer(images.flatten(1))

    learn = assemble(linear.dls, Plain(), splitter=lambda net: list(net.parameters()))
    assert fgsm(learn, 0.01).y_prob.shape[1] == 7
    with pytest.raises(InputError, match="scale='pixels'") as caught:
        fgsm(learn, 0.01, scale="normalized")
    assert one_line(caught)


def test_a_network_that_is_broken(linear):
    with torch.no_grad():
        linear.model.head.linear.bias[0] = torch.nan
    with pytest.raises(InputError, match="not finite") as caught:
        fgsm(linear)
    assert one_line(caught)


def test_loaders_of_another_kind_are_no_data():
    learn = tiny_learner(dls=DataLoaders())
    with pytest.raises(InputError, match="no data"):
        pgd(learn)
