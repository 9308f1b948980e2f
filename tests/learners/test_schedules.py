from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from fastai.callback.core import Callback, TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from fastai.optimizer import SGD, Optimizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_lesions import one_line
from torch import nn

from lesionlib.errors import InputError
from lesionlib.learners import (
    Accumulate,
    BlockwiseThaw,
    CaffeStep,
    Cyclical,
    GrowImages,
    Plateau,
    caffe_epochs,
    dataloaders,
    fit,
    history,
    lesion_learner,
    load_learner,
    predict,
)
from lesionlib.learners.models import Head, LesionNet, parameter_groups
from lesionlib.learners.schedules import BLOCKS, caffe_sgd

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

GROUPS = 7  # stem, five stages, head
SHORT = CaffeStep(step_size=4, max_iter=11, iter_size=2, test_interval=5, snapshot=5)


class Watch(Callback):
    """Notes every group's rate at every step and batch, and what is trained in every epoch."""

    order, run_valid = 90, False

    def __init__(self):
        self.steps, self.by_batch, self.thawed, self.still = [], [], [], []

    def before_train(self):
        named = dict(self.model.named_parameters())
        self.thawed.append({name for name, parameter in named.items() if parameter.requires_grad})
        norms = {name: m for name, m in self.model.named_modules() if isinstance(m, nn.BatchNorm2d)}
        self.still.append({name for name, m in norms.items() if not m.training})

    def after_loss(self):
        self.by_batch.append([group["lr"] for group in self.opt.hypers])

    def after_step(self):
        self.steps.append([group["lr"] for group in self.opt.hypers])


class Scripted(Callback):
    """Puts given validation losses in place of the measured ones."""

    order = 55

    def __init__(self, losses):
        self.given = losses

    def after_epoch(self):
        self.recorder.values[-1][1] = self.given[self.epoch]


class Interrupt(Callback):
    """Raises in the middle of an accumulated step."""

    order = 80

    def __init__(self, error):
        self.error = error

    def after_batch(self):
        if self.training and self.iter == 2:
            raise self.error


def weights(learn) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in learn.model.state_dict().items()}


def moved(before: dict, after: dict) -> set[str]:
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def gap(one: dict, other: dict) -> float:
    return max((one[name].double() - other[name].double()).abs().max().item() for name in one)


def watched(learn, schedule, *cbs) -> Watch:
    watch = Watch()
    fit(learn, schedule, cbs=[watch, *cbs])
    return watch


# Caffe's solver


def test_caffe_rates_of_every_group_at_every_step(fresh):
    learn = fresh()
    watch = watched(learn, SHORT)
    body = [0.01] * 4 + [0.001] * 4 + [0.0001] * 3
    expected = [[rate] * (GROUPS - 1) + [10 * rate] for rate in body]
    np.testing.assert_allclose(watch.steps, expected, rtol=1e-12)
    np.testing.assert_allclose(watch.by_batch, np.repeat(expected, 2, axis=0), rtol=1e-12)
    np.testing.assert_allclose([SHORT.lr(i) for i in range(11)], body, rtol=1e-12)


def test_a_row_of_history_is_a_test_of_the_solver(fresh, capfd):
    learn = fresh()
    fit(learn, SHORT)
    assert SHORT.tests == (5, 10, 11)
    figures = history(learn)
    assert len(figures) == 3 and figures.notna().all(axis=None)
    assert figures["valid_loss"].iloc[-1] == pytest.approx(learn.validate()[0], rel=1e-4)
    out, bar = capfd.readouterr()
    assert out == "" and "22/22" in bar


def test_passes_over_the_data_run_on_from_test_to_test(fresh):
    class Seen(Callback):
        run_valid = False

        def before_fit(self):
            self.learn.drawn = []

        def before_batch(self):
            self.learn.drawn += [round(x.item(), 6) for x in self.xb[0].double().mean((1, 2, 3))]

    learn = fresh()
    fit(learn, CaffeStep(step_size=4, max_iter=6, iter_size=2, test_interval=4), cbs=Seen())
    first, second = learn.drawn[:72], learn.drawn[72:]
    assert len(second) == 72
    assert len(set(first)) == 72 and set(first) == set(second) and first != second


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(1.5, dtype=torch.double))
        self.offset = nn.Parameter(torch.tensor(-0.5, dtype=torch.double))

    def forward(self, x):
        return self.slope * x + self.offset


def test_a_whole_run_against_caffes_rule_by_hand():
    """A line fitted by least squares; momentum, decay, accumulation and head rate written out."""
    xs, ys = np.linspace(-1, 2, 12), np.linspace(-1, 2, 12) ** 2
    pairs = [(torch.tensor(x), torch.tensor(y)) for x, y in zip(xs, ys, strict=True)]
    loader = partial(DataLoader, pairs, bs=3, num_workers=0, device="cpu")
    learn = Learner(
        DataLoaders(loader(), loader(), device="cpu"),
        Line(),
        loss_func=nn.MSELoss(),
        splitter=lambda net: [[net.slope], [net.offset]],
        cbs=TrainEvalCallback(),
        default_cbs=False,
    )
    schedule = CaffeStep(0.02, 0.1, step_size=5, max_iter=14, weight_decay=0.3, iter_size=3, test_interval=4)
    fit(learn, schedule)

    w, v = np.array([1.5, -0.5]), np.zeros(2)
    batches = [(xs[k : k + 3], ys[k : k + 3]) for k in (0, 3, 6, 9)]
    for i in range(14):
        gradient = np.zeros(2)
        for j in range(3):
            x, y = batches[(3 * i + j) % 4]
            error = w[0] * x + w[1] - y
            gradient += np.array([2 * (error * x).mean(), 2 * error.mean()]) / 3
        rate = np.array([0.02, 0.2]) * 0.1 ** (i // 5)
        v = 0.9 * v + rate * (gradient + 0.3 * w)
        w = w - v
    np.testing.assert_allclose([learn.model.slope.item(), learn.model.offset.item()], w, rtol=1e-12)


def test_caffes_momentum_keeps_the_old_rate_and_pytorchs_does_not():
    """On w * w / 2; after the rate drops to 0, only what was gathered moves w."""
    ours, torchs = (nn.Parameter(torch.tensor([1.0], dtype=torch.double)) for _ in range(2))
    caffe, sgd = caffe_sgd([ours], lr=0.1), torch.optim.SGD([torchs], lr=0.1, momentum=0.9)
    for _ in range(4):
        for w, opt in ((ours, caffe), (torchs, sgd)):
            w.grad = w.detach().clone()
            before = w.item()
            opt.step()
    assert ours.item() == pytest.approx(torchs.item(), rel=1e-12)
    velocity, start = before - ours.item(), ours.item()
    caffe.set_hyper("lr", 0.0)
    sgd.param_groups[0]["lr"] = 0.0
    caffe.step(), sgd.step()
    assert torchs.item() == pytest.approx(start, rel=1e-12)
    assert ours.item() == pytest.approx(start - 0.9 * velocity, rel=1e-12)


def test_caffe_decays_every_parameter(fresh):
    """Gradients of zero: what is left is the decay, of biases and batch norm too."""
    learn = fresh(loss_func=lambda scores, truth: scores.sum() * 0)
    before = weights(learn)
    fit(learn, CaffeStep(0.1, step_size=9, max_iter=1, weight_decay=0.5, iter_size=1, head_lr_mult=1))
    for name, parameter in learn.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] * 0.95, msg=name)


def test_epochs_with_and_without_accumulation():
    assert caffe_epochs(176_180, 88_090, 5) == pytest.approx(10, abs=1e-3)
    assert caffe_epochs(176_180, 88_090, 5, iter_size=12) == pytest.approx(120, abs=1e-2)
    assert caffe_epochs(38_000, 88_090, 5) == pytest.approx(2.157, abs=1e-3)
    with pytest.raises(InputError) as error:
        caffe_epochs(10, 100, 0)
    assert "batch_size" in one_line(error)


def test_the_papers_plan_and_a_thousandth_of_it():
    plan = CaffeStep()
    rates = [plan.lr(i) for i in (0, 17_617, 17_618, 35_236, 176_179)]
    np.testing.assert_allclose(rates, [1e-2, 1e-2, 1e-3, 1e-4, 1e-11], rtol=1e-9)
    assert plan.tests[:2] == (2_000, 4_000) and plan.tests[-1] == 176_180 and 38_000 in plan.tests
    small = CaffeStep(scale=0.001)
    assert (small.scaled.step_size, small.scaled.max_iter, small.scaled.test_interval) == (18, 180, 2)
    assert small.scaled.scaled == small.scaled and plan.scaled is plan
    np.testing.assert_allclose([small.lr(i) for i in (0, 17, 18, 179)], [1e-2, 1e-2, 1e-3, 1e-11], rtol=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-6, 3))
def test_a_scaled_schedule_keeps_its_shape(scale):
    small = CaffeStep(scale=scale)
    last = small.scaled.max_iter - 1
    assert small.tests[-1] == last + 1
    assert small.scaled.max_iter == 10 * small.scaled.step_size
    assert small.lr(last) == pytest.approx(1e-11)
    assert caffe_epochs(small.scaled.max_iter, 100, 5) >= 0.5


def test_a_scaled_schedule_is_run(fresh):
    watch = watched(fresh(), replace(SHORT, step_size=40, max_iter=110, test_interval=50, snapshot=50, scale=0.1))
    assert [group[0] for group in watch.steps] == pytest.approx([1e-2] * 4 + [1e-3] * 4 + [1e-4] * 3)


def test_snapshots_hold_the_weights_of_their_iteration(fresh, plain, tmp_path):
    class Keep(Callback):
        order, run_valid = 90, False

        def before_fit(self):
            self.learn.kept = []

        def after_step(self):
            self.learn.kept.append(weights(self.learn))

    learn = fresh()
    schedule = replace(SHORT, snapshot_prefix=tmp_path / "caffe")
    fit(learn, schedule, cbs=Keep())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["caffe_iter_10", "caffe_iter_11", "caffe_iter_5"]
    for done in (5, 10, 11):
        again = load_learner(schedule.snapshot_path(done), plain)
        assert moved(learn.kept[done - 1], weights(again)) == set()
    assert moved(learn.kept[4], learn.kept[9])


def test_snapshots_overwrite_nothing(fresh, tmp_path):
    learn = fresh()
    (tmp_path / "caffe_iter_10").mkdir()
    before = weights(learn)
    with pytest.raises(InputError) as error:
        fit(learn, replace(SHORT, snapshot_prefix=tmp_path / "caffe"))
    assert "caffe_iter_10" in one_line(error)
    assert moved(before, weights(learn)) == set()


def test_a_snapshot_that_fails_says_so_in_one_line(fresh, tmp_path):
    class InTheWay(Callback):
        def after_step(self):
            (tmp_path / "caffe_iter_5").mkdir(exist_ok=True)

    learn = fresh()
    with pytest.raises(InputError) as error:
        fit(learn, replace(SHORT, snapshot_prefix=tmp_path / "caffe"), cbs=InTheWay())
    assert "caffe_iter_5 is already there" in one_line(error)
    assert not (tmp_path / "caffe_iter_10").exists()


# Accumulated gradients


def accumulated(lesions, arch: str, bs: int, iter_size: int, **schedule) -> dict[str, torch.Tensor]:
    dls = dataloaders(lesions, size=32, bs=bs, augment=None)
    learn = lesion_learner(dls, arch, pretrained=False, dropout=0.0, seed=2)
    fit(learn, CaffeStep(step_size=5, max_iter=8, test_interval=3, iter_size=iter_size, **schedule))
    return weights(learn)


def test_an_accumulated_step_is_the_large_batchs(lesions):
    """Without batch norm: 8 steps over more than one pass, with a drop of the rate."""
    network = "test_efficientnet_ln"
    large, small = accumulated(lesions, network, 12, 1), accumulated(lesions, network, 3, 4)
    plain = accumulated(lesions, network, 3, 1)
    assert gap(large, small) < 1e-5
    assert gap(large, plain) > 1e-2


def test_with_batch_norm_it_is_not(lesions):
    """Every image is normalized among 3, not 12, and the running statistics move four times a step."""
    large, small = (accumulated(lesions, "test_efficientnet", *sizes, head_lr_mult=1) for sizes in ((12, 1), (3, 4)))
    assert gap(large, small) > 1e-2
    assert (large["body.bn1.num_batches_tracked"], small["body.bn1.num_batches_tracked"]) == (8, 32)


def test_accumulation_under_fastais_own_verbs(lesions):
    def after_a_fit(bs: int, *cbs) -> dict[str, torch.Tensor]:
        dls = dataloaders(lesions, size=32, bs=bs, augment=None)
        learn = lesion_learner(dls, "test_efficientnet_ln", pretrained=False, dropout=0.0, opt_func=SGD)
        learn.fit(1, 0.05, cbs=cbs)
        return weights(learn)

    assert gap(after_a_fit(24), after_a_fit(6, Accumulate(4))) < 1e-5


def test_batches_are_counted_across_epochs_and_the_rest_is_dropped(fresh):
    learn, watch, gather = fresh(), Watch(), Accumulate(4)
    learn.fit(1, 1e-2, cbs=[gather, watch])
    assert (len(watch.by_batch), len(watch.steps), gather.gathered) == (6, 1, 0)
    assert not any(p.grad is not None and p.grad.any() for p in learn.model.parameters())
    again = Watch()
    learn.fit(2, 1e-2, cbs=[gather, again])
    assert (len(again.by_batch), len(again.steps)) == (12, 3)


def test_predictions_within_a_fit_do_not_disturb_it(plain, fresh):
    class Look(Callback):
        def after_train(self):
            predict(self.learn, "test")

    found = []
    for cbs in ([], [Look()]):
        learn = fresh(seed=5, dropout=0.0)
        watch = watched(learn, Cyclical(1e-3, 1e-2, 2, epochs=3), Accumulate(4), *cbs)
        assert len(watch.steps) == 4  # of 18 batches; each epoch ends within a step
        found.append((weights(learn), watch.steps))
    assert found[0][1] == found[1][1]
    assert moved(found[0][0], found[1][0]) == set()


# Blockwise thawing


def names_under(learn, *modules) -> set[str]:
    return {name for name, _ in learn.model.named_parameters() if name.startswith(tuple(f"{m}." for m in modules))}


def stages_from_the_top(learn) -> list[set[str]]:
    top = names_under(learn, "body.blocks.4", "body.conv_head", "body.bn2")
    return [names_under(learn, "head"), top, *(names_under(learn, f"body.blocks.{i}") for i in (3, 2, 1, 0))]


def test_thawing_opens_one_block_more_every_so_many_epochs(fresh):
    learn = fresh()
    schedule = BlockwiseThaw(epochs_per_block=2)
    blocks = stages_from_the_top(learn)
    assert [set(names) for names in schedule.parameters(learn)] == blocks
    before = weights(learn)
    watch = watched(learn, schedule)
    assert watch.thawed == [set().union(*blocks[: 1 + epoch // 2]) for epoch in range(12)]
    assert history(learn)["frozen_groups"].tolist() == [6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    expected = [1e-5] * (GROUPS - 1) + [1e-4]
    np.testing.assert_allclose(watch.steps, [expected] * 12 * 6, rtol=1e-12)
    changed = moved(before, weights(learn))
    assert changed & {name for name, _ in learn.model.named_parameters()} == set().union(*blocks)


def test_batch_norm_of_frozen_blocks_stands_still_until_they_thaw(fresh):
    learn = fresh()
    before, watch = weights(learn), watched(learn, BlockwiseThaw(("head", "conv_head", "blocks.3"), 1))
    norms = {name for name, module in learn.model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    late = {name for name in norms if name.startswith("body.blocks.3.")}
    assert watch.still == [norms, norms, norms - late]
    moving = {name for name in moved(before, weights(learn)) if "running_" in name}
    assert moving == {f"{name}.running_{what}" for name in late for what in ("mean", "var")}


def test_blocks_of_ones_own_regroup(fresh):
    learn = fresh()
    schedule = BlockwiseThaw((("head", "conv_head"), ("blocks.4.0.conv_pw",), "conv_stem"), 1, 3e-3, 2e-4)
    watch = watched(learn, schedule)
    first, second, third = (
        names_under(learn, "head", "body.conv_head"),
        names_under(learn, "body.blocks.4.0.conv_pw"),
        names_under(learn, "body.conv_stem"),
    )
    assert watch.thawed == [first, first | second, first | second | third]
    assert watch.steps == [[2e-4, 2e-4, 2e-4, 3e-3]] * 18
    grouped = [id(parameter) for group in learn.opt.param_lists for parameter in group]
    assert sorted(grouped) == sorted(map(id, learn.model.parameters()))


def test_thawing_takes_adam_without_decay(fresh):
    learn = fresh(opt_func=SGD, wd=0.5)
    fit(learn, BlockwiseThaw(("head",), 1))
    head = learn.opt.state[learn.model.head.linear.weight]
    assert {"grad_avg", "sqr_avg"} <= set(head)
    assert [(group["wd"], group["mom"], group["sqr_mom"], group["eps"]) for group in learn.opt.hypers] == [
        (0.0, 0.9, 0.999, 1e-7)
    ] * len(learn.opt.hypers)


def test_a_network_already_thawed_freezes_again_at_first(fresh):
    learn = fresh()
    learn.fit(1, 1e-2)
    before = weights(learn)
    fit(learn, BlockwiseThaw(("head",), 1))
    assert moved(before, weights(learn)) == {"head.linear.weight", "head.linear.bias"}


def sketch(arch: str) -> SimpleNamespace:
    """A Learner's network without storage."""
    with torch.device("meta"):
        body = timm.create_model(arch, pretrained=False, num_classes=0)
        net = LesionNet(body, Head(8, 0, 3, 0.0), (0.5,) * 3, (0.5,) * 3)
    return SimpleNamespace(model=net, arch=arch, splitter=parameter_groups)


@pytest.mark.parametrize(
    ("arch", "name", "blocks", "frozen"),
    [
        ("mobilenetv2_100", "mobilenet_v2", 5, {"conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2"}),
        ("resnet50", "resnet50", 5, {"conv1", "bn1"}),
        ("tf_efficientnet_b3", "efficientnet_b3", 7, {"conv_stem", "bn1", "blocks.0"}),
    ],
)
def test_the_papers_blocks(arch, name, blocks, frozen):
    learn = sketch(arch)
    found, stated = BlockwiseThaw().parameters(learn), BlockwiseThaw(name).parameters(learn)
    assert [set(block) for block in found] == [set(block) for block in stated]
    assert len(found) == blocks == len(BLOCKS[name])
    assert found[0] == ["head.linear.weight", "head.linear.bias"]
    rest = {name for name, _ in learn.model.named_parameters()} - set().union(*found)
    assert rest == names_under(learn, *(f"body.{module}" for module in frozen))


def test_mobilenets_groups_are_eleven_blocks_of_17():
    """In Keras's numbers: 16; 13 to 15; 10 to 12; 6 to 9."""
    stages = sketch("mobilenetv2_100").model.body.blocks
    first = np.cumsum([0, *(len(stage) for stage in stages)])
    numbers = [
        range(first[i], first[i + 1])
        for block in BLOCKS["mobilenet_v2"][1:]
        for i in (int(module.split(".")[1]) for module in block if module.startswith("blocks."))
    ]
    assert [list(block) for block in numbers] == [[16], [13, 14, 15], [10, 11, 12], [6, 7, 8, 9]]


def test_other_networks_thaw_the_head_and_six_stages():
    assert [block[0].split(".")[:3] for block in BlockwiseThaw().parameters(sketch("tf_efficientnet_lite0"))] == [
        ["head", "linear", "weight"],
        *(["body", "blocks", str(i)] for i in (6, 5, 4, 3, 2, 1)),
    ]


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (("head", "layer4"), ("test_efficientnet", "'layer4'", "conv_head")),
        ("resnet50", ("test_efficientnet", "'layer4'", "blocks=None")),
        (("head", "blocks.44"), ("'blocks.44'",)),
        (("head", "blocks.4", "blocks.4.0.conv_pw"), ("body.blocks.4.0.conv_pw.weight", "two places")),
        ((("head", "head"),), ("head.linear.weight", "two places")),
        (("blocks.4", "head"), ("first must hold the head",)),
        (("blocks.4",), ("first must hold the head",)),
    ],
)
def test_blocks_that_do_not_fit(fresh, blocks, words):
    learn = fresh()
    before = weights(learn)
    with pytest.raises(InputError) as error:
        fit(learn, BlockwiseThaw(blocks))
    text = one_line(error)
    assert text.startswith("blocks:") and all(word in text for word in words)
    assert moved(before, weights(learn)) == set() and learn.opt is None
    assert all(parameter.requires_grad for parameter in learn.model.parameters())


# Plateaus and cycles


def test_plateau_lowers_every_group_after_two_epochs_without_a_better_loss(fresh):
    losses = [1.0, 0.9, 0.95, 0.91, 0.8, 0.85, 0.8, 0.9, 0.7, 0.71]
    watch = watched(fresh(), Plateau(slice(1e-4, 1e-2), epochs=10, factor=0.2), Scripted(losses))
    start = np.geomspace(1e-4, 1e-2, GROUPS)
    expected = [start * factor for factor in [1] * 4 + [0.2] * 3 + [0.04] * 3]
    np.testing.assert_allclose(watch.steps, np.repeat(expected, 6, axis=0), rtol=1e-6)


def test_cycles_of_every_group_at_every_step(fresh):
    low, high, step = slice(1e-6, 1e-4), slice(1e-3, 1e-1), 4
    watch = watched(fresh(), Cyclical(low, high, step, epochs=4, shrink=0.5))
    bottom, top = np.geomspace(1e-6, 1e-4, GROUPS), np.geomspace(1e-3, 1e-1, GROUPS)
    heights = [0, 1, 0, 0.5, 0, 0.25, 0]  # at every fourth step
    wave = np.interp(range(24), 4 * np.arange(7), heights)
    np.testing.assert_allclose(watch.steps, bottom + np.outer(wave, top - bottom), rtol=1e-5)


def test_a_step_of_a_cycle_is_the_optimizers(fresh):
    learn = fresh()
    watch = watched(learn, Cyclical(1e-4, 1e-3, 3, epochs=2), Accumulate(2))
    rates = np.interp(range(6), [0, 3, 6], [1e-4, 1e-3, 1e-4])
    np.testing.assert_allclose([groups[-1] for groups in watch.steps], rates)
    np.testing.assert_allclose([groups[0] for groups in watch.by_batch], np.repeat(rates, 2))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 50), st.integers(0, 500))
def test_triangles_go_up_and_down_and_come_again(step, iteration):
    wave = Cyclical(1e-4, 1e-2, step, 1).wave
    assert wave(iteration) == pytest.approx(np.interp(iteration % (2 * step), [0, step, 2 * step], [0, 1, 0]))


# fit itself


@pytest.mark.parametrize("schedule", [SHORT, Cyclical(1e-4, 1e-2, 3, 1), Plateau(1e-2, 1)])
def test_a_frozen_body_stays_and_gets_no_gradient(fresh, schedule):
    learn, tracked = fresh(), []
    learn.fit(1, 1e-2)
    learn.freeze()
    before = weights(learn)
    learn.model.body.register_forward_hook(lambda body, _, found: tracked.append(found.requires_grad))
    fit(learn, schedule)
    assert tracked and not any(tracked)
    assert moved(before, weights(learn)) == {"head.linear.weight", "head.linear.bias"}
    assert set(history(learn)["frozen_groups"][1:]) == {GROUPS - 1}


@pytest.mark.parametrize("schedule", [replace(SHORT, max_iter=6), BlockwiseThaw(("head", "blocks.3"), 1)])
def test_the_seed_decides_everything(lesions, fresh, schedule):
    def run(seed: int) -> dict[str, torch.Tensor]:
        dls = dataloaders(lesions, size=32, bs=12, augment="dermoscopy", sampler="stratified")
        learn = fresh(dls, seed=seed, dropout=0.5)
        fit(learn, schedule)
        return weights(learn)

    first, again, other = run(3), run(3), run(4)
    assert moved(first, again) == set()
    assert "head.linear.weight" in moved(first, other)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("out of memory")])
def test_an_interrupted_fit_leaves_no_gradient_behind(fresh, error):
    learn = fresh()
    callbacks, loaders = list(learn.cbs), learn.dls
    with pytest.raises(type(error)):
        fit(learn, SHORT, cbs=Interrupt(error))
    assert all(parameter.grad is None for parameter in learn.model.parameters())
    assert list(learn.cbs) == callbacks and learn.dls is loaders
    assert len(watched(learn, SHORT).steps) == 11


def test_the_learner_keeps_its_own_optimizer_at_hand(fresh):
    learn = fresh()
    fit(learn, SHORT)
    assert type(learn.opt) is Optimizer and "velocity" in learn.opt.state[learn.model.head.linear.weight]
    learn.create_opt()
    learn.fit(1, 1e-3)
    assert "sqr_avg" in learn.opt.state[learn.model.head.linear.weight]


def test_training_learns_an_easy_problem(fresh):
    learn = fresh()
    fit(learn, CaffeStep(step_size=40, max_iter=80, iter_size=1, test_interval=20, head_lr_mult=1))
    assert history(learn)["accuracy"].iloc[-1] > 0.9


def test_images_may_grow_between_tests(fresh):
    class Sizes(Callback):
        run_valid = False

        def before_fit(self):
            self.learn.sides = []

        def before_batch(self):
            self.learn.sides.append(self.xb[0].shape[-1])

    learn = fresh()
    schedule = CaffeStep(step_size=4, max_iter=8, iter_size=2, test_interval=4)
    fit(learn, schedule, cbs=[GrowImages(16, until=0.5), Sizes()])
    assert learn.sides == [16] * 8 + [32] * 8


@pytest.mark.parametrize("schedule", [3, "CaffeStep", CaffeStep, None])
def test_only_schedules_are_run(fresh, schedule):
    with pytest.raises(InputError) as error:
        fit(fresh(), schedule)
    assert one_line(error).startswith("schedule: expected CaffeStep(...)")


def test_a_learner_without_data_says_so(fresh):
    learn = fresh()
    learn.dls = DataLoaders()
    with pytest.raises(InputError) as error:
        fit(learn, SHORT)
    assert "no data" in one_line(error)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (partial(CaffeStep, base_lr=-0.01), "base_lr"),
        (partial(CaffeStep, base_lr=float("nan")), "base_lr"),
        (partial(CaffeStep, gamma=0), "gamma"),
        (partial(CaffeStep, iter_size=0), "iter_size"),
        (partial(CaffeStep, iter_size=1.5), "iter_size"),
        (partial(CaffeStep, step_size=0), "step_size"),
        (partial(CaffeStep, max_iter=True), "max_iter"),
        (partial(CaffeStep, test_interval=0), "test_interval"),
        (partial(CaffeStep, snapshot=0), "snapshot"),
        (partial(CaffeStep, momentum=1.0), "momentum"),
        (partial(CaffeStep, weight_decay=-1e-5), "weight_decay"),
        (partial(CaffeStep, scale=0), "scale"),
        (partial(Accumulate, 0), "batches"),
        (partial(BlockwiseThaw, epochs_per_block=0), "epochs_per_block"),
        (partial(BlockwiseThaw, top_lr=-1e-4), "top_lr"),
        (partial(BlockwiseThaw, lr="1e-5"), "lr"),
        (partial(BlockwiseThaw, "resnet34"), "blocks"),
        (partial(BlockwiseThaw, ()), "blocks"),
        (partial(Plateau, slice(-1e-5, 1e-3)), "lr"),
        (partial(Plateau, 1e-3, patience=0), "patience"),
        (partial(Plateau, 1e-3, factor=10), "factor"),
        (partial(Cyclical, 1e-2, 1e-4, 3, 1), "low, high"),
        (partial(Cyclical, slice(None), 1e-4, 3, 1), "low"),
        (partial(Cyclical, 1e-4, 1e-2, 0, 1), "step_size"),
        (partial(Cyclical, 1e-4, 1e-2, 3, 1, shrink=1.5), "shrink"),
    ],
)
def test_wrong_figures_are_named(make, name):
    with pytest.raises(InputError) as error:
        make()
    text = one_line(error)
    assert text.startswith(f"{name}:") and ("expected" in text or "choose" in text)


def test_slices_that_cross_are_named(fresh):
    with pytest.raises(InputError) as error:
        fit(fresh(), Cyclical(slice(1e-3, 1e-2), slice(1e-4, 1e-1), 3, 1))
    assert one_line(error).startswith("low, high:")
