"""What schedules do while fastai trains: gather gradients, set rates, save, and run on across epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from fastai.callback.core import Callback, CancelBatchException, CancelFitException
from fastai.callback.fp16 import MixedPrecision
from fastcore.basics import GetAttr

from lesionlib.errors import LesionlibError
from lesionlib.learners.learner import Progress
from lesionlib.learners.saving import save_learner
from lesionlib.learners.schedules.checks import whole


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
        whole(batches=batches)
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


class Counting(Callback):
    """Counts the optimizer's steps of one fit."""

    run_valid = False

    def __init__(self):
        self.done = 0

    def after_step(self):
        self.done += 1


class SetRates(Counting):
    """Sets every group's rate before each step."""

    def __init__(self, rates: Callable[[int], list[float]]):
        super().__init__()
        self.rates = rates

    def before_batch(self):
        self.opt.set_hyper("lr", self.rates(self.done))


class Snapshots(Counting):
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


class Stretches(Callback):
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
