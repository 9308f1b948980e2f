"""Rates that fall on a plateau, or rise and fall in cycles: what bhardwaj2021 proposes."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from fastai.callback.tracker import ReduceLROnPlateau
from fastai.learner import Learner
from fastai.optimizer import Optimizer

from lesionlib.learners.schedules.base import Plan, Schedule
from lesionlib.learners.schedules.callbacks import SetRates
from lesionlib.learners.schedules.checks import bounds, need, rate, whole


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
        rate("lr", self.lr)
        whole(epochs=self.epochs, patience=self.patience)
        need("a number in (0, 1)", lambda value: 0 < value < 1, {"factor": self.factor})

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
        rate("low", self.low)
        rate("high", self.high)
        whole(step_size=self.step_size, epochs=self.epochs)
        need("a number in (0, 1]", lambda value: 0 < value <= 1, {"shrink": self.shrink})
        if isinstance(self.low, Real) and isinstance(self.high, Real):
            bounds(self.low, self.high)

    def wave(self, iteration: int) -> float:
        """Give the height between the two bounds at a step.

        Parameters
        ----------
        iteration : int
            From 0.

        Returns
        -------
        float
            In [0, 1].
        """
        cycle = 1 + iteration // (2 * self.step_size)
        x = abs(iteration / self.step_size - 2 * cycle + 1)
        return max(0.0, 1 - x) * self.shrink ** (cycle - 1)

    def plan(self, learn: Learner) -> Plan:
        if learn.opt is None:
            learn.create_opt()
        low, high = _spread(learn.opt, self.low), _spread(learn.opt, self.high)
        for bottom, top in zip(low, high, strict=True):
            bounds(bottom, top)
        return Plan(self.epochs, low.tolist(), [SetRates(lambda i: (low + (high - low) * self.wave(i)).tolist())])


def _spread(opt: Optimizer, lr: float | slice) -> np.ndarray:
    opt.set_hyper("lr", lr)
    return np.array([group["lr"] for group in opt.hypers])
