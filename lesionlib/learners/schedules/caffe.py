"""Caffe's solver, as mendes2018 used it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from fastai.callback.core import Callback
from fastai.learner import Learner
from fastai.optimizer import Optimizer, l2_reg

from lesionlib.errors import InputError
from lesionlib.learners.schedules.base import Plan, Schedule
from lesionlib.learners.schedules.callbacks import Accumulate, SetRates, Snapshots, Stretches
from lesionlib.learners.schedules.checks import need, positive, whole


def caffe_epochs(iterations: int, images: int, batch_size: int, iter_size: int = 1) -> float:
    """Passes over the training images that so many of Caffe's iterations make.

    An iteration is one step of the optimizer, after `iter_size` batches. For mendes2018 (176,180
    iterations, 88,090 images, batches of 5) that is 10.0 without accumulation, which is what the
    paper planned, and 120.0 with its ``iter_size`` of 12, which is what Caffe does.

    Parameters
    ----------
    iterations : int
        Steps of the optimizer.
    images : int
        Images in the training set.
    batch_size : int
        Images a batch.
    iter_size : int
        Batches a step.

    Returns
    -------
    float
        Epochs, in the sense of everyone else.

    Raises
    ------
    InputError
        An argument is no whole number of 1 or more.
    """
    whole(iterations=iterations, images=images, batch_size=batch_size, iter_size=iter_size)
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
        positive(base_lr=self.base_lr, gamma=self.gamma, head_lr_mult=self.head_lr_mult, scale=self.scale)
        whole(step_size=self.step_size, max_iter=self.max_iter, iter_size=self.iter_size)
        whole(test_interval=self.test_interval, snapshot=self.snapshot)
        need("a number in [0, 1)", lambda value: 0 <= value < 1, {"momentum": self.momentum})
        need("a number, 0 or more", lambda value: value >= 0, {"weight_decay": self.weight_decay})

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
        """Give the rate of all groups but the head's.

        Parameters
        ----------
        iteration : int
            From 0.

        Returns
        -------
        float
            The learning rate at this iteration.
        """
        return self.base_lr * self.gamma ** (iteration // self.scaled.step_size)

    def snapshot_path(self, iteration: int) -> Path:
        """Name the folder of a snapshot as Caffe does.

        Parameters
        ----------
        iteration : int
            Iterations behind it.

        Returns
        -------
        Path
            ``<snapshot_prefix>_iter_<iteration>``.
        """
        return Path(f"{self.snapshot_prefix}_iter_{iteration}")

    def plan(self, learn: Learner) -> Plan:
        if self.scale != 1:
            return self.scaled.plan(learn)
        body = len(learn.splitter(learn.model)) - 1

        def rates(iteration: int) -> list[float]:
            return [self.lr(iteration)] * body + [self.lr(iteration) * self.head_lr_mult]

        lengths = np.diff([0, *self.tests]) * self.iter_size
        callbacks = [Accumulate(self.iter_size), Stretches(lengths.tolist()), SetRates(rates), *self._snapshots()]
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
        return [Snapshots(folders)]


def _multiples(of: int, last: int) -> tuple[int, ...]:
    return (*range(of, last, of), last)
