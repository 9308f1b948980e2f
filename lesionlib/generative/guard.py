"""What can go wrong while two networks play: they diverge, or the generator draws one image only."""

from __future__ import annotations

from math import isfinite, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lesionlib.errors import InputError, LesionlibError
from lesionlib.generative.plan import GrowthPlan

if TYPE_CHECKING:
    from lesionlib.generative.history import History


class TrainingFailed(LesionlibError):
    """A training that was stopped, since to go on would be in vain.

    Attributes
    ----------
    history : History
        All steps, the last one with what went wrong.
    checkpoint : Path or None
        The last good checkpoint; None where none was written.
    """

    def __init__(self, message: str, history: History | None = None, checkpoint: Path | None = None):
        super().__init__(message)
        self.history, self.checkpoint = history, checkpoint


class Diverged(TrainingFailed):
    """A loss or a weight is no number any more, or the critic's scores explode."""


class Collapsed(TrainingFailed):
    """The generated images hardly differ from each other."""


def diversity(images: np.ndarray) -> float:
    """Mean distance between two different images of a set.

    Parameters
    ----------
    images : array of uint8, shape (n, h, w, 3)
        Two images or more.

    Returns
    -------
    float
        Root-mean-square difference, in gray levels (0 to 255), averaged over all pairs.

    Raises
    ------
    InputError
        Less than two images.
    """
    if len(images) < 2:
        raise InputError(f"images: found {len(images)}, expected 2 or more to compare")
    flat = images.reshape(len(images), -1).astype(np.float64)
    # Less the mean, so that the differences of large squares stay exact.
    flat -= flat.mean(axis=0)
    squares = (flat**2).sum(axis=1)
    between = squares[:, None] + squares - 2 * flat @ flat.T
    pairs = between[np.triu_indices(len(flat), 1)].clip(min=0)
    return float(np.sqrt(pairs / flat.shape[1]).mean())


def reach(side: int) -> float:
    """Give the greatest Wasserstein distance that there is between images of `side` pixels in [-1, 1].

    No two of them are further apart than the diagonal of the cube, and a 1-Lipschitz critic's scores no more than
    the images.
    """
    return 2 * sqrt(3) * side


def check_step(row: dict[str, float], plan: GrowthPlan) -> None:
    """Raise `Diverged` where a step's figures say so."""
    where = f"after {row['images']:,.0f} images, at {row['resolution']:.0f} x {row['resolution']:.0f}"
    lost = [name for name, value in row.items() if name != "diversity" and not isfinite(value)]
    if lost:
        raise Diverged(
            f"training diverged {where}: {', '.join(lost)} no number any more; a lower learning rate "
            f"(now {row['learning_rate']:g}) or a larger penalty (now {plan.penalty:g}) may hold it"
        )
    most = reach(int(row["resolution"]))
    if abs(row["wasserstein"]) > plan.explosion * most:
        raise Diverged(
            f"training diverged {where}: the critic estimates a Wasserstein distance of {row['wasserstein']:.3g}, "
            f"more than {plan.explosion:g} times the {most:.3g} that a 1-Lipschitz critic can reach; a lower learning "
            f"rate (now {row['learning_rate']:g}) or a larger penalty (now {plan.penalty:g}) may hold it"
        )


def check_diversity(looks: np.ndarray, resolutions: np.ndarray, images: float, plan: GrowthPlan) -> None:
    """Raise `Collapsed` where the latest looks at the diversity are all too low.

    `looks` and `resolutions` (n,): each look so far. A generator that has just begun draws gray, so the first
    resolution does not count where there is a second one.
    """
    if len(plan.resolutions) > 1:
        looks = looks[resolutions > plan.resolutions[0]]
    latest = looks[-plan.collapse_patience :]
    if len(latest) < plan.collapse_patience or (latest >= plan.collapse_below).any():
        return
    raise Collapsed(
        f"mode collapse after {images:,.0f} images: {len(latest)} looks in a row found the generated images to differ "
        f"by {latest.max():.2f} of what real ones do, or less (collapse_below is {plan.collapse_below:g}); try another "
        "seed, more critic_steps, or minibatch_stddev=True"
    )
