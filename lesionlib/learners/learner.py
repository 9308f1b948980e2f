"""The fastai Learner for skin lesions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.progress import ProgressCallback
from fastai.callback.schedule import *  # noqa: F403  (gives Learner fine_tune, fit_one_cycle and lr_find)
from fastai.callback.training import BnFreeze
from fastai.learner import Learner, Recorder
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import BalancedAccuracy, accuracy
from fastai.optimizer import Adam
from fastai.torch_core import set_seed
from fastcore.basics import listify, noop
from tqdm import tqdm

from lesionlib.datasets.library import cache_root
from lesionlib.learners.loading import LesionDataLoaders
from lesionlib.learners.models import load_pretrained, make_net, parameter_groups
from lesionlib.memory import freed_memory_kept


class KeepMemory(Callback):
    """Keep the memory that a batch frees for the next one: on a processor that halves the time of a training step."""

    order, kept = -100, None

    # An interrupted fit does not come to its end; the next one takes over what it held.
    def before_fit(self):
        if self.kept is None:
            self.kept = freed_memory_kept()
            self.kept.__enter__()

    def after_fit(self):
        if self.kept is not None:
            self.kept.__exit__(None, None, None)
            self.kept = None


class Progress(Callback):
    """One bar on stderr, an epoch a turn: seen while it works, and in no published page."""

    order = Recorder.order + 1

    def before_fit(self):
        self.meter = None

    def before_train(self):
        # Predictions and validations go through before_fit too, and lr_find trains; they are short.
        if self.meter is None and not hasattr(self.learn, "lr_finder"):
            total = self.n_epoch * len(self.dls.train)
            self.meter = tqdm(total=total, file=sys.stderr, unit="batch", mininterval=1)

    def after_batch(self):
        if self.meter is not None and self.training:
            self.meter.update()

    def after_epoch(self):
        if self.meter is None or len(self.recorder.values) == 0:
            return
        names = self.recorder.metric_names[1:-1]
        latest = dict(zip(names, self.recorder.values[-1], strict=False))
        self.meter.set_postfix({name: f"{value:.3f}" for name, value in latest.items()})

    def after_fit(self):
        if self.meter is not None:
            self.meter.close()

    after_cancel_fit = after_fit


class KeepHistory(Callback):
    """Keep every epoch's figures over several fits; the Recorder forgets them at the next one."""

    order = Recorder.order + 1

    def before_fit(self):
        if not hasattr(self.learn, "epochs_done"):
            self.learn.epochs_done = []
        self.trained = False

    def after_train(self):
        self.trained = True

    def after_epoch(self):
        if not self.trained or hasattr(self.learn, "lr_finder"):
            return
        self.trained = False
        names, figures = self.recorder.metric_names[1:-1], self.recorder.values[-1]
        # A callback that cuts an epoch short leaves figures out, and the others without their names.
        if len(names) == len(figures):
            row = dict(zip(names, figures, strict=True), frozen_groups=self.opt.frozen_idx)
            self.learn.epochs_done.append(row)


class GrowImages(Callback):
    """Train the first part of a fit on smaller images: fastai's progressive resizing.

    Parameters
    ----------
    start : int or (int, int)
        Size of the images at first; then they have the Learner's own.
    until : float
        Share of the epochs with small images, in [0, 1].
    """

    def __init__(self, start: int | tuple[int, int], until: float = 0.5):
        self.start, self.until = start, until

    # Only the loader of the epoch changes, never learn.dls: an interrupted fit leaves it as it was.
    def before_fit(self):
        self.small, self.growing = None, False

    def before_train(self):
        if self.small is None:
            self.small = self.dls.resized(self.start)
            self.small.train.rng.seed(self.dls.train.rng.random())
        self.growing = self.epoch < self.until * self.n_epoch
        if self.growing:
            self.learn.dl = self.small.train

    def before_validate(self):
        if self.growing:
            self.learn.dl = self.small.valid


def history(learn: Learner) -> pd.DataFrame:
    """Give the figures of every epoch so far.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`.

    Returns
    -------
    DataFrame
        One row an epoch: epoch (from 1), train_loss, valid_loss, the metrics, frozen_groups.
    """
    frame = pd.DataFrame(getattr(learn, "epochs_done", [])).rename(
        columns={"balanced_accuracy_score": "balanced_accuracy"}
    )
    frame.insert(0, "epoch", range(1, len(frame) + 1))
    return frame


def history_rows(learn: Learner) -> list[dict]:
    """Give the figures of `history` as tidy rows, as a run records them.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`.

    Returns
    -------
    list of dict
        Rows of split, metric, epoch, value.
    """
    places = {"train_loss": ("train", "loss"), "valid_loss": ("valid", "loss")}
    rows = []
    for figures in history(learn).drop(columns="frozen_groups", errors="ignore").to_dict("records"):
        epoch = int(figures.pop("epoch"))
        for name, value in figures.items():
            split, metric = places.get(name, ("valid", name))
            rows.append({"split": split, "metric": metric, "epoch": epoch, "value": float(value)})
    return rows


def class_weights(dls: LesionDataLoaders, power: float = 0.5) -> torch.Tensor:
    """Weights ``1 / n ** power`` a class, from the training rows, scaled to a mean of 1 over the images.

    A class without training images weighs 0.

    Parameters
    ----------
    dls : LesionDataLoaders
        From `dataloaders`.
    power : float
        0 weighs every image alike, 1 every class alike.

    Returns
    -------
    torch.Tensor, shape (k,)
        float32, for a loss's argument `weight`.
    """
    counts = torch.bincount(torch.as_tensor(dls.targets("train")), minlength=dls.c).float()
    weights = torch.where(counts > 0, counts.clamp(min=1) ** -power, torch.zeros(()))
    return weights * counts.sum() / (weights * counts).sum()


def compile_training(learn: Learner) -> Learner:
    """Let `torch.compile` make the steps of every later training; everything else runs as before.

    May pay in long trainings (measure it on your machine): the first batch, and the first one after each thaw, take as
    long as many others together. On a processor it needs a C++ compiler. Sums come out in another order, so that a
    figure may differ as it does between two machines.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`; changed in place and returned.

    Returns
    -------
    Learner
        The same one.
    """
    learn.model.compile_body()
    return learn


def lesion_learner(
    dls: LesionDataLoaders,
    arch: str = "tf_efficientnet_lite0",
    pretrained: bool | str | Path = True,
    clinical: Sequence[str] | None = None,
    loss_func: Callable | None = None,
    dropout: float = 0.2,
    seed: int = 0,
    **learner_arguments,
) -> Learner:
    """Make a fastai Learner, its body frozen if it is pretrained; fastai's own verbs do the rest.

    ``fine_tune``, ``fit_one_cycle``, ``lr_find`` and ``freeze_to`` work as ever. The parameter
    groups are the network's stages and, last, the head, so that ``slice(lo, hi)`` gives
    discriminative learning rates and ``slice(hi)`` a head at ten times the body's (mendes2018,
    section III). A frozen stage keeps its batch-norm statistics and gets no gradient.

    Parameters
    ----------
    dls : LesionDataLoaders
        From `dataloaders`.
    arch : str
        A name that timm knows.
    pretrained : bool or path
        ImageNet weights (True), none (False), or a file of timm weights.
    clinical : list of str, optional
        Of ``age``, ``sex``, ``site``, ``skin_type``: goes in beside the image.
    loss_func : callable, optional
        Cross-entropy unless given; see `class_weights`.
    dropout : float
        Before the last layer, in [0, 1).
    seed : int
        Every random choice of building and training follows from it.
    **learner_arguments
        Handed to fastai's Learner.

    Returns
    -------
    Learner
        fastai's, with `arch` and `dropout` beside what it has of its own.

    Raises
    ------
    InputError
        An unknown network, weights that cannot be reached or do not fit, a column that is no
        clinical input, or a dropout outside [0, 1).
    """
    if clinical is not None:
        dls = dls.with_clinical(clinical)
    set_seed(seed)
    dls.train.rng.seed(seed)
    net = make_net(arch, dls.c, dls.encoder.width if dls.encoder else 0, dropout, dls.settings.size)
    load_pretrained(net, arch, pretrained)
    learn = assemble(dls, net, loss_func, **learner_arguments)
    learn.arch, learn.dropout = arch, dropout
    if pretrained is not False:
        learn.freeze()
    return learn


def assemble(dls, net, loss_func: Callable | None = None, cbs=None, **learner_arguments) -> Learner:
    """Put loaders and a network into a Learner with this library's callbacks."""
    arguments = {"opt_func": partial(Adam, decouple_wd=True), "metrics": [accuracy, BalancedAccuracy()]}
    # A frozen batch-norm layer stays as it is: fastai would train it on.
    arguments |= {"splitter": parameter_groups, "path": cache_root(), "train_bn": False}
    arguments |= learner_arguments
    learn = Learner(
        dls,
        net,
        loss_func=loss_func or CrossEntropyLossFlat(),
        cbs=[KeepMemory(), BnFreeze(), KeepHistory(), Progress(), *listify(cbs)],
        **arguments,
    )
    learn.remove_cbs([cb for cb in learn.cbs if isinstance(cb, ProgressCallback)])
    learn.logger = noop
    return learn
