"""Training rules of the papers where they are not fastai's: Caffe's steps, blockwise thawing, plateaus, cycles."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import torch
from fastai.callback.core import Callback, CancelBatchException, CancelFitException
from fastai.callback.fp16 import MixedPrecision
from fastai.callback.tracker import ReduceLROnPlateau
from fastai.learner import Learner
from fastai.optimizer import Adam, Optimizer, l2_reg
from fastcore.basics import GetAttr, listify
from torch import nn

from lesionlib.errors import InputError, LesionlibError
from lesionlib.learners.learner import Progress
from lesionlib.learners.saving import save_learner

BLOCKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "mobilenet_v2": (
        ("head",),
        ("blocks.6", "conv_head", "bn2"),  # A: block 16
        ("blocks.5",),  # B: 13 to 15
        ("blocks.4",),  # C: 10 to 12
        ("blocks.3",),  # D: 6 to 9
    ),
    "resnet50": (("head",), ("layer4",), ("layer3",), ("layer2",), ("layer1",)),
    "efficientnet_b3": (
        ("head",),
        ("blocks.6", "conv_head", "bn2"),
        ("blocks.5",),
        ("blocks.4",),
        ("blocks.3",),
        ("blocks.2",),
        ("blocks.1",),
    ),
}
"""Blocks of nedelcu2021 (section III-D) from the top, as timm's modules.

Keras numbers the 17 blocks of MobileNet-V2 from 0, and its groups A to D are timm's stages 6 to 3. That
a new classification block comes before them, as for the other two networks, is read into the paper.
The last 1 x 1 convolution goes with the topmost stage, as in the Learner's parameter groups.
"""


@dataclass(frozen=True)
class Plan:
    """What a schedule asks of ``Learner.fit``.

    Attributes
    ----------
    epochs : int
    lr : float, slice or list of float
        First learning rate; a list has one a parameter group.
    callbacks : sequence of Callback
        Made anew for each fit.
    wd : float, optional
        Weight decay; the Learner's unless given.
    optimizer : callable, optional
        Makes an optimizer from parameter groups; the Learner's own goes on unless given.
    groups : list of list of Parameter, optional
        Parameter groups of that optimizer, bottom first; the Learner's unless given.
    """

    epochs: int
    lr: float | slice | list[float]
    callbacks: Sequence[Callback]
    wd: float | None = None
    optimizer: Callable[[list], Optimizer] | None = None
    groups: list[list[nn.Parameter]] | None = None


class Schedule(ABC):
    """A training rule with a name; a new one says in `plan` what it asks of a Learner."""

    @abstractmethod
    def plan(self, learn: Learner) -> Plan:
        """Work out the rule for this Learner."""


def fit(learn: Learner, schedule: Schedule, cbs: Callback | Sequence[Callback] | None = None) -> None:
    """Train by the rule of a paper; everything else is as in fastai's ``Learner.fit``.

    What is frozen stays frozen and gets no gradient, except under `BlockwiseThaw`: call
    ``learn.unfreeze()`` first where a paper trains all layers. Each call begins its schedule anew.
    Afterward the Learner keeps the schedule's optimizer, as after any fit; ``learn.create_opt()``
    gives it its own again.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`. A fixed seed there fixes this fit too.
    schedule : CaffeStep, BlockwiseThaw, Plateau or Cyclical
    cbs : Callback or list of Callback, optional
        Only for this fit.

    Raises
    ------
    InputError
        No schedule, a Learner without data, a schedule that does not fit the network, or snapshots
        that cannot be written.
    """
    if not isinstance(schedule, Schedule):
        raise InputError(
            "schedule: expected CaffeStep(...), BlockwiseThaw(...), Plateau(...) or Cyclical(...); "
            f"got {str(schedule)[:60]!r}"
        )
    if not learn.dls.loaders:
        raise InputError("this Learner has no data; load it with them: load_learner(folder, dataloaders(...))")
    plan = schedule.plan(learn)
    if plan.optimizer is not None:
        learn.opt = _optimizer(learn, plan)
    # A gradient of zeros is one too: momentum and decay would move what has been frozen since.
    learn.model.zero_grad(set_to_none=True)
    try:
        learn.fit(plan.epochs, plan.lr, wd=plan.wd, cbs=[*plan.callbacks, *listify(cbs)])
    finally:
        learn.model.zero_grad(set_to_none=True)
    for callback in plan.callbacks:
        if isinstance(callback, _Snapshots) and callback.failure is not None:
            raise callback.failure


def _optimizer(learn: Learner, plan: Plan) -> Optimizer:
    groups = learn.splitter(learn.model) if plan.groups is None else plan.groups
    made = plan.optimizer(groups)
    trained = [any(parameter.requires_grad for parameter in group) for group in groups]
    made.frozen_idx = trained.index(True) if any(trained) else len(groups)
    return made


class Accumulate(Callback):
    """Add up the gradients of several batches before each step of the optimizer.

    The step is that of the mean of the batches' mean losses, so n batches of b images make the step of
    one batch of n x b images, to the last digits of floating point, if

    - every batch has b images (training loaders leave out the rest of an epoch), and the loss is a plain
      mean: with class weights, each batch is divided by its own sum of weights;
    - nothing in the network looks across a batch. Batch norm does: it still normalizes with the mean
      and variance of b images, not n x b, and updates its running statistics n times a step. mendes2018
      saw no effect of that at b = 5; for networks with layer or group norm there is none.

    Batches are counted across epochs; at the end of training, what does not fill a step is dropped.
    fastai's ``GradientAccumulation`` counts images instead and leaves such a rest to the next fit.

    Parameters
    ----------
    batches : int
        Batches a step, 1 or more: Caffe's ``iter_size``.

    Raises
    ------
    InputError
        `batches` is no whole number of 1 or more.
    """

    order, run_valid = MixedPrecision.order - 4, False

    def __init__(self, batches: int):
        _whole(batches=batches)
        self.per_step, self.gathered = batches, 0

    def after_loss(self):
        self.learn.loss_grad = self.learn.loss_grad / self.per_step

    def before_step(self):
        self.gathered = (self.gathered + 1) % self.per_step
        if self.gathered:
            raise CancelBatchException

    # Not after_fit: predictions in the middle of a fit go through that as well.
    def after_train(self):
        if self.epoch + 1 == self.n_epoch:
            self.after_cancel_fit()

    def after_cancel_fit(self):
        self.gathered = 0
        self.opt.zero_grad()


def caffe_epochs(iterations: int, images: int, batch_size: int, iter_size: int = 1) -> float:
    """Passes over the training images that so many of Caffe's iterations make.

    An iteration is one step of the optimizer, after `iter_size` batches. For mendes2018 (176,180
    iterations, 88,090 images, batches of 5) that is 10.0 without accumulation, which is what the
    paper planned, and 120.0 with its ``iter_size`` of 12, which is what Caffe does.

    Raises
    ------
    InputError
        An argument is no whole number of 1 or more.
    """
    _whole(iterations=iterations, images=images, batch_size=batch_size, iter_size=iter_size)
    return iterations * iter_size * batch_size / images


def _caffe_step(p, lr, mom, velocity=None, **_):
    velocity = torch.zeros_like(p) if velocity is None else velocity
    velocity.mul_(mom).add_(p.grad, alpha=lr)
    p.data.sub_(velocity)
    return {"velocity": velocity}


def caffe_sgd(groups: list, lr: float, mom: float = 0.9, wd: float = 0.0) -> Optimizer:
    """Make Caffe's stochastic gradient descent as a fastai optimizer.

    ``v = mom v + lr (g + wd w); w = w - v``. PyTorch and fastai keep the rate out of the velocity:
    ``v = mom v + g + wd w; w = w - lr v``. At a constant rate these are the same. When the rate drops,
    PyTorch's steps drop with it at once; Caffe's go on with what they gathered at the old rate and
    come down over about ``1 / (1 - mom)`` iterations. The decay goes through momentum and rate
    (coupled, L2), as in Caffe, and holds for biases and batch norm too: Caffe's ``decay_mult`` is 1 unless
    a layer says otherwise.
    """
    return Optimizer(groups, [l2_reg, _caffe_step], lr=lr, mom=mom, wd=wd)


@dataclass(frozen=True)
class CaffeStep(Schedule):
    """Caffe's solver with ``lr_policy: "step"``: the rate is ``base_lr * gamma ** (iteration // step_size)``.

    The defaults are mendes2018's Table V; the paper trains all layers, so ``learn.unfreeze()`` comes
    first with a pretrained body. An iteration, counted from 0, is one step of `caffe_sgd` after
    `iter_size` batches of the loaders' size; passes over the data follow one another without a break. The
    validation set is measured in full every `test_interval` iterations and after the last one
    (Caffe's ``test_iter`` batches; the paper's 22,023 is the number of its validation images). For
    fastai that is an epoch: `history` has a row a test, and `tests` says at which iterations.

    Parameters
    ----------
    base_lr : float
        First rate of all groups but the last.
    gamma : float
        Factor of the rate at each step, above 0.
    step_size, max_iter, test_interval, snapshot : int
        In iterations. The paper does not print how often it took snapshots.
    weight_decay, momentum : float
        0 or more; the momentum below 1.
    iter_size : int
        Batches an iteration; see `Accumulate` for what that does to batch norm.
    head_lr_mult : float
        Rate of the last group, the head, in terms of the others': 10 in section III-F of the paper.
    snapshot_prefix : path, optional
        If given, the Learner is saved every `snapshot` iterations and at the end, into the folders
        that `snapshot_path` names, for `load_learner`.
    scale : float
        Shortens the schedule and keeps its shape: `step_size` is multiplied and rounded, and the
        other counts of iterations keep their ratio to it, 1 or more each. See `caffe_epochs`. Where a
        short run would spend its time on tests, take a larger `test_interval`: `step_size` for ten in all.

    Raises
    ------
    InputError
        A rate that is not positive, or a count below 1.
    """

    base_lr: float = 0.01
    gamma: float = 0.1
    step_size: int = 17_618
    max_iter: int = 176_180
    weight_decay: float = 1e-5
    momentum: float = 0.9
    iter_size: int = 12
    test_interval: int = 2_000
    snapshot: int = 2_000
    head_lr_mult: float = 10.0
    snapshot_prefix: str | Path | None = None
    scale: float = 1.0

    def __post_init__(self):
        _positive(base_lr=self.base_lr, gamma=self.gamma, head_lr_mult=self.head_lr_mult, scale=self.scale)
        _whole(step_size=self.step_size, max_iter=self.max_iter, iter_size=self.iter_size)
        _whole(test_interval=self.test_interval, snapshot=self.snapshot)
        _need("a number in [0, 1)", lambda value: 0 <= value < 1, {"momentum": self.momentum})
        _need("a number, 0 or more", lambda value: value >= 0, {"weight_decay": self.weight_decay})

    @property
    def scaled(self) -> CaffeStep:
        """The same schedule at a scale of 1, its counts of iterations multiplied."""
        steps = max(1, round(self.step_size * self.scale))
        counts = {
            name: max(1, round(getattr(self, name) * steps / self.step_size))
            for name in ("max_iter", "test_interval", "snapshot")
        }
        return replace(self, step_size=steps, scale=1.0, **counts) if self.scale != 1 else self

    @property
    def tests(self) -> tuple[int, ...]:
        """Iterations done at each test: one a row that this fit adds to `history`."""
        return _multiples(self.scaled.test_interval, self.scaled.max_iter)

    def lr(self, iteration: int) -> float:
        """Rate of all groups but the head's at an iteration, from 0."""
        return self.base_lr * self.gamma ** (iteration // self.scaled.step_size)

    def snapshot_path(self, iteration: int) -> Path:
        """Folder of the snapshot after so many iterations, named as Caffe does."""
        return Path(f"{self.snapshot_prefix}_iter_{iteration}")

    def plan(self, learn: Learner) -> Plan:
        if self.scale != 1:
            return self.scaled.plan(learn)
        body = len(learn.splitter(learn.model)) - 1

        def rates(iteration: int) -> list[float]:
            return [self.lr(iteration)] * body + [self.lr(iteration) * self.head_lr_mult]

        lengths = np.diff([0, *self.tests]) * self.iter_size
        callbacks = [Accumulate(self.iter_size), _Stretches(lengths.tolist()), _Rates(rates), *self._snapshots()]
        return Plan(len(lengths), rates(0), callbacks, self.weight_decay, self._optimizer)

    def _optimizer(self, groups: list) -> Optimizer:
        return caffe_sgd(groups, self.base_lr, self.momentum, self.weight_decay)

    def _snapshots(self) -> list[Callback]:
        if self.snapshot_prefix is None:
            return []
        folders = {done: self.snapshot_path(done) for done in _multiples(self.snapshot, self.max_iter)}
        there = [folder for folder in folders.values() if folder.exists()]
        if there:
            raise InputError(f"snapshot_prefix: {there[0]} is already there; choose another prefix, or remove it first")
        return [_Snapshots(folders)]


@dataclass(frozen=True)
class BlockwiseThaw(Schedule):
    """Thaw a network block by block from the top, some epochs a block, with Adam: nedelcu2021, section III-D.

    The first block, which holds the head, trains at `top_lr` from the first epoch to the last; each
    further block joins it at `lr` and stays. (The paper: "a learning rate of 1e-4 for the top layer and
    1e-5 for the rest of the blocks"; that blocks stay thawed is read into it.) What is in no block,
    the stem at least, is never trained. Batch norm of frozen blocks stays in evaluation mode with
    the running statistics it came with: at one image a class, batches are small, and a body that
    gets no gradient then gives the same features as in prediction. The paper says nothing on it, nor
    on weight decay: there is none here. Adam's other figures are those of Keras.

    A network from scratch keeps random weights in every block that is not yet thawed.

    Parameters
    ----------
    blocks : str, sequence, or None
        From the top: each block a module's name in the timm body, or several; ``"head"`` is the head. A
        name in `BLOCKS` gives one of the paper's lists. None takes the paper's for MobileNet-V2, and
        else the head and up to six stages below it, the stem left out: the paper's rule for ResNet-50
        and EfficientNet-B3 in words that fit other networks too.
    epochs_per_block : int
    top_lr, lr : float
        Rates of the first block and of the others.

    Raises
    ------
    InputError
        A rate that is not positive or no whole epoch; once it meets a network: a block that it does
        not have, a parameter in two blocks, or a head outside the first one.
    """

    blocks: str | Sequence[str | Sequence[str]] | None = None
    epochs_per_block: int = 3
    top_lr: float = 1e-4
    lr: float = 1e-5

    def __post_init__(self):
        _whole(epochs_per_block=self.epochs_per_block)
        _positive(top_lr=self.top_lr, lr=self.lr)
        if isinstance(self.blocks, str) and self.blocks not in BLOCKS:
            raise InputError(
                f"blocks: no list is called {self.blocks!r}; choose from {', '.join(BLOCKS)}, names of modules, or None"
            )
        if self.blocks is not None and not self.blocks:
            raise InputError("blocks: expected at least the head's block; got none; blocks=None finds them itself")

    def parameters(self, learn: Learner) -> list[list[str]]:
        """Names of the parameters of each block, from the top."""
        names = {id(parameter): name for name, parameter in learn.model.named_parameters()}
        return [[names[id(parameter)] for parameter in block] for block in self._blocks(learn)]

    def plan(self, learn: Learner) -> Plan:
        blocks = self._blocks(learn)
        groups = _groups_for(learn, blocks)
        rates = [self.lr] * (len(groups) - 1) + [self.top_lr]
        epochs = self.epochs_per_block * len(blocks)
        return Plan(epochs, rates, [_Thaw(self.epochs_per_block)], 0.0, self._optimizer, groups)

    def _optimizer(self, groups: list) -> Optimizer:
        return Adam(groups, self.lr, mom=0.9, sqr_mom=0.999, eps=1e-7, wd=0.0)

    def _blocks(self, learn: Learner) -> list[list[nn.Parameter]]:
        chosen = self.blocks
        if chosen is None and str(getattr(learn, "arch", "")).startswith("mobilenetv2"):
            chosen = "mobilenet_v2"
        if chosen is None:
            _, *stages, head = learn.splitter(learn.model)
            return [head, *stages[-6:][::-1]]
        listed = BLOCKS[chosen] if isinstance(chosen, str) else chosen
        return _named_blocks(learn, [(block,) if isinstance(block, str) else tuple(block) for block in listed])


@dataclass(frozen=True)
class Plateau(Schedule):
    """Lower the rate when the validation loss has not fallen for some epochs: bhardwaj2021, section 6.

    fastai's ``ReduceLROnPlateau`` with the words of Keras, which the paper used. The paper prints the
    patience, not its unit, the rate or the factor: epochs and Keras's factor are taken here. The
    optimizer is the Learner's own.

    Parameters
    ----------
    lr : float or slice
        First rate; a slice spreads over the groups as in fastai.
    epochs : int
        The paper's average is 50.
    patience : int
        Epochs without a new lowest loss before every group's rate is multiplied by `factor`.
    factor : float
        Above 0, below 1.

    Raises
    ------
    InputError
        A rate that is not positive, a count below 1, or a factor outside (0, 1).
    """

    lr: float | slice
    epochs: int = 50
    patience: int = 2
    factor: float = 0.1

    def __post_init__(self):
        _rate("lr", self.lr)
        _whole(epochs=self.epochs, patience=self.patience)
        _need("a number in (0, 1)", lambda value: 0 < value < 1, {"factor": self.factor})

    def plan(self, learn: Learner) -> Plan:
        lowers = ReduceLROnPlateau("valid_loss", patience=self.patience, factor=1 / self.factor)
        return Plan(self.epochs, self.lr, [lowers])


@dataclass(frozen=True)
class Cyclical(Schedule):
    """Let the rate rise and fall between two bounds, again and again: Smith 2017 (arXiv 1506.01186).

    At step i of the optimizer, from 0, each group's rate is ``low + (high - low) * wave(i)``: up from `low` in
    a straight line for `step_size` steps, and down again. bhardwaj2021 (section 6) proposes cycles
    against saddle points and names no rule; for a rate that decays and *jumps* up again there is
    fastai's ``learn.fit_sgdr``. The optimizer is the Learner's own; momentum does not change.

    Parameters
    ----------
    low, high : float or slice
        Bounds; a slice spreads over the groups as in fastai.
    step_size : int
        Half a cycle in steps of the optimizer. Smith advises 2 to 10 times ``len(learn.dls.train)``.
    epochs : int
    shrink : float
        Factor of the height from one cycle to the next, in (0, 1]: 1 is Smith's ``triangular``, 0.5 his
        ``triangular2``.

    Raises
    ------
    InputError
        A rate that is not positive, bounds the wrong way round, a count below 1, or `shrink` outside (0, 1].
    """

    low: float | slice
    high: float | slice
    step_size: int
    epochs: int
    shrink: float = 1.0

    def __post_init__(self):
        _rate("low", self.low)
        _rate("high", self.high)
        _whole(step_size=self.step_size, epochs=self.epochs)
        _need("a number in (0, 1]", lambda value: 0 < value <= 1, {"shrink": self.shrink})
        if isinstance(self.low, Real) and isinstance(self.high, Real):
            _bounds(self.low, self.high)

    def wave(self, iteration: int) -> float:
        """Height between the bounds at a step, in [0, 1]."""
        cycle = 1 + iteration // (2 * self.step_size)
        x = abs(iteration / self.step_size - 2 * cycle + 1)
        return max(0.0, 1 - x) * self.shrink ** (cycle - 1)

    def plan(self, learn: Learner) -> Plan:
        if learn.opt is None:
            learn.create_opt()
        low, high = _spread(learn.opt, self.low), _spread(learn.opt, self.high)
        for bottom, top in zip(low, high, strict=True):
            _bounds(bottom, top)
        return Plan(self.epochs, low.tolist(), [_Rates(lambda i: (low + (high - low) * self.wave(i)).tolist())])


class _Counting(Callback):
    """Counts the optimizer's steps of one fit."""

    run_valid = False

    def __init__(self):
        self.done = 0

    def after_step(self):
        self.done += 1


class _Rates(_Counting):
    """Sets every group's rate before each step."""

    def __init__(self, rates: Callable[[int], list[float]]):
        super().__init__()
        self.rates = rates

    def before_batch(self):
        self.opt.set_hyper("lr", self.rates(self.done))


class _Snapshots(_Counting):
    """Saves the Learner after given numbers of steps."""

    def __init__(self, folders: dict[int, Path]):
        super().__init__()
        self.folders, self.failure = folders, None

    def after_step(self):
        super().after_step()
        if self.done not in self.folders:
            return
        try:
            save_learner(self.learn, self.folders[self.done])
        except LesionlibError as error:
            # fastai would put lines of its own before the message.
            self.failure = error
            raise CancelFitException from error


class _Stretches(Callback):
    """Gives each epoch so many batches, passes over the data running on from one epoch into the next."""

    order = Progress.order + 1

    def __init__(self, lengths: list[int]):
        self.lengths, self.source = lengths, None

    def before_train(self):
        if self.dl is not self.source:
            self.source, self.flow = self.dl, _endless(self.dl)
        self.learn.dl = _Stretch(self.source, self.flow, self.lengths[self.epoch])
        for callback in self.learn.cbs:
            if isinstance(callback, Progress) and callback.meter is not None:
                callback.meter.total = sum(self.lengths)


class _Stretch(GetAttr):
    """The next batches of a loader that has been begun."""

    _default = "source"

    def __init__(self, source, flow: Iterator, length: int):
        self.source, self.flow, self.length = source, flow, length

    def __len__(self) -> int:
        return self.length

    def __iter__(self):
        return islice(self.flow, self.length)


def _endless(loader) -> Iterator:
    while True:
        yield from loader


class _Thaw(Callback):
    """Thaws one more group every so many epochs."""

    def __init__(self, every: int):
        self.every = every

    def before_epoch(self):
        self.opt.freeze_to(-1 - self.epoch // self.every)


def _named_blocks(learn: Learner, listed: list[tuple[str, ...]]) -> list[list[nn.Parameter]]:
    named = dict(learn.model.named_parameters())
    taken: dict[str, str] = {}
    blocks = []
    for block in listed:
        found = [name for module in block for name in _inside(learn, module)]
        for name in found:
            if name in taken or found.count(name) > 1:
                raise InputError(
                    f"blocks: {name} stands in two places ({taken.get(name, '+'.join(block))} is one); list it once"
                )
        taken |= dict.fromkeys(found, "+".join(block))
        blocks.append([named[name] for name in found])
    first = {id(parameter) for parameter in blocks[0]}
    if any(id(parameter) not in first for parameter in learn.splitter(learn.model)[-1]):
        raise InputError(f"blocks: the first must hold the head, which is new; got {'+'.join(listed[0])}, add 'head'")
    return blocks


def _inside(learn: Learner, module: str) -> list[str]:
    """Names of the parameters under a module of the body, or of the head."""
    full = module if module.split(".")[0] in ("head", "body") else f"body.{module}"
    found = [name for name, _ in learn.model.named_parameters() if f"{name}.".startswith(f"{full}.")]
    if found:
        return found
    modules = dict.fromkeys(name.removeprefix("body.").split(".")[0] for name, _ in learn.model.named_parameters())
    raise InputError(
        f"blocks: {getattr(learn, 'arch', 'this network')} has no {module!r} with parameters; its modules are "
        f"{', '.join(modules)}; name those or what is in them, or take blocks=None"
    )


def _groups_for(learn: Learner, blocks: list[list[nn.Parameter]]) -> list[list[nn.Parameter]]:
    """Bottom first: the Learner's own groups where the blocks are its topmost ones, else the blocks and a rest."""
    upward = blocks[::-1]
    own = learn.splitter(learn.model)
    if [{*map(id, group)} for group in own[-len(blocks) :]] == [{*map(id, block)} for block in upward]:
        return own
    inside = {id(parameter) for block in blocks for parameter in block}
    rest = [parameter for parameter in learn.model.parameters() if id(parameter) not in inside]
    return [rest, *upward] if rest else upward


def _multiples(of: int, last: int) -> tuple[int, ...]:
    return (*range(of, last, of), last)


def _spread(opt: Optimizer, lr: float | slice) -> np.ndarray:
    opt.set_hyper("lr", lr)
    return np.array([group["lr"] for group in opt.hypers])


def _need(wanted: str, holds: Callable[[float], bool], values: dict) -> None:
    for name, value in values.items():
        number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not holds(value):
            raise InputError(f"{name}: expected {wanted}; got {value!r}")


def _whole(**values) -> None:
    _need("a whole number, 1 or more", lambda value: isinstance(value, Integral) and value >= 1, values)


def _positive(**values) -> None:
    _need("a number above 0", lambda value: value > 0, values)


def _rate(name: str, value) -> None:
    ends = [value.start, value.stop] if isinstance(value, slice) else [value]
    for end in ends[-1:] if ends[0] is None else ends:
        _positive(**{name: end})


def _bounds(low: float, high: float) -> None:
    if not low < high:
        raise InputError(f"low, high: expected the lower rate first; got {low:g} and {high:g}")
