"""Training by a paper's rule: what a rule is, and `fit`, which follows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastai.callback.core import Callback
from fastai.learner import Learner
from fastai.optimizer import Optimizer
from fastcore.basics import listify
from torch import nn

from lesionlib.errors import InputError
from lesionlib.learners.schedules.callbacks import Snapshots


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
        if isinstance(callback, Snapshots) and callback.failure is not None:
            raise callback.failure


def _optimizer(learn: Learner, plan: Plan) -> Optimizer:
    groups = learn.splitter(learn.model) if plan.groups is None else plan.groups
    made = plan.optimizer(groups)
    trained = [any(parameter.requires_grad for parameter in group) for group in groups]
    made.frozen_idx = trained.index(True) if any(trained) else len(groups)
    return made
