"""Adversarial attacks: the smallest changes that cost a network most, and training against them.

gupta2021 (section 7.1) takes one step of 3e-3 along the sign of the gradient. It does not say on what scale its images
are; "3e-3 ≈ 1/255 which is the value of one pixel" speaks for pixels from 0 to 1, where the step is three quarters of
a gray level. Saved with 8 bits it becomes a whole one, and a step below 1/510 nothing at all: an attack within the
computer, as here, needs no such file.
"""

# captum has both attacks, and the tests compare with it. It takes gradients below 1e-6 for zero, which spares
# the images that a network is sure of, and draws PGD's start from torch's global generator.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from fastai.callback.core import Callback
from fastai.learner import Learner
from torch.nn import functional

from lesionlib.errors import InputError
from lesionlib.learners import Predictions
from lesionlib.numeric import check_whole, is_number
from lesionlib.probes.inputs import at_rest
from lesionlib.probes.perturbed import (
    Batch,
    check_size,
    drawn,
    predict_perturbed,
    unit_of,
)


@dataclass(frozen=True)
class FGSM:
    """The fast gradient sign method: one step of `eps` in every pixel, the way that raises the loss.

    ``images + eps * sign(gradient)``, the gradient that of each image's cross-entropy with its true class. Where the
    gradient is zero the pixel stays. Source: Goodfellow et al., ICLR 2015, arXiv:1412.6572; gupta2021, section 7.1.

    Attributes
    ----------
    eps : float
        Size of the step, 0 or more.
    scale : {"pixels", "normalized"}
        What `eps` is measured in: images from 0 to 1, so that 1/255 is a gray level; or the normalized tensor that
        the body gets, where the same `eps` is a step of `eps` times the normalization's standard deviation (about
        0.23 for ImageNet's) in the pixels of a channel.
    clip : bool
        Keep the images in [0, 1] (whatever the scale), as pictures are. False is gupta2021's line as printed,
        ``imgs = torch.sign(imgs.grad.data) * (3e-3) + imgs``: black and white pixels may leave the range.

    Raises
    ------
    InputError
        An unknown scale, or `eps` out of range.
    """

    eps: float = 3e-3
    scale: str = "pixels"
    clip: bool = True

    def __post_init__(self):
        check_size("eps", self.eps, self.scale)

    def __call__(self, batch: Batch) -> torch.Tensor:
        moved = batch.images + self.eps * unit_of(self.scale, batch.net) * _uphill(batch, batch.images)
        return moved.clamp(0, 1) if self.clip else moved


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent: FGSM in small steps, never farther than `eps` from the image, nor outside [0, 1].

    The stronger check: what withstands one long step may yet fall to several short ones. Source: Madry et al., ICLR
    2018, arXiv:1706.06083.

    Attributes
    ----------
    eps : float
        How far a pixel may move at most, 0 or more.
    steps : int
        1 or more.
    step_size : float, optional
        ``2.5 * eps / steps`` unless given, as the source has it: from any start, all of the range can be reached.
    scale : {"pixels", "normalized"}
        What `eps` and `step_size` are measured in; see `FGSM`.
    random_start : bool
        Begin anywhere within `eps`, drawn evenly; else at the image itself.
    seed : int
        Decides the start, together with the image's row number: other batches or rows, the same start.

    Raises
    ------
    InputError
        An unknown scale, or a number out of range.
    """

    eps: float = 3e-3
    steps: int = 10
    step_size: float | None = None
    scale: str = "pixels"
    random_start: bool = True
    seed: int = 0

    def __post_init__(self):
        check_size("eps", self.eps, self.scale)
        check_whole("steps", self.steps, 1)
        check_whole("seed", self.seed, 0)
        if self.step_size is not None:
            check_size("step_size", self.step_size, self.scale)

    def __call__(self, batch: Batch) -> torch.Tensor:
        unit = unit_of(self.scale, batch.net)
        radius = self.eps * unit
        step = unit * (2.5 * self.eps / self.steps if self.step_size is None else self.step_size)
        images = self._start(batch, radius)
        for _ in range(self.steps):
            images = images + step * _uphill(batch, images)
            images = (batch.images + (images - batch.images).clamp(-radius, radius)).clamp(0, 1)
        return images

    def _start(self, batch: Batch, radius: float | torch.Tensor) -> torch.Tensor:
        if not self.random_start:
            return batch.images
        away = drawn(batch, self.seed, lambda rng, shape: rng.uniform(-1, 1, shape))
        return (batch.images + radius * away).clamp(0, 1)


def fgsm(
    learn: Learner,
    eps: float = 3e-3,
    split: str = "test",
    scale: str = "pixels",
    rows: Sequence[int] | None = None,
    *,
    clip: bool = True,
) -> Predictions:
    """Predict a split after one step against the network: gupta2021, section 7.1.

    ``clip=False`` is the line that the paper prints, on images as they are with ``scale="pixels"``, on normalized ones
    with ``scale="normalized"``.

    Parameters
    ----------
    learn, split, rows
        As for `predict_perturbed`.
    eps : float
        Size of the step, 0 or more.
    scale, clip
        As for `FGSM`.

    Returns
    -------
    Predictions
        As from `predict_perturbed`.

    Raises
    ------
    InputError
        As from `predict_perturbed`, an unknown scale, or `eps` out of range.
    """
    return predict_perturbed(learn, FGSM(eps, scale, clip), split, rows)


def pgd(
    learn: Learner,
    eps: float = 3e-3,
    steps: int = 10,
    step_size: float | None = None,
    split: str = "test",
    scale: str = "pixels",
    rows: Sequence[int] | None = None,
    *,
    random_start: bool = True,
    seed: int = 0,
) -> Predictions:
    """Predict a split after several steps against the network, each image within `eps` of its own.

    It takes `steps` times as long as `fgsm`.

    Parameters
    ----------
    learn, split, rows
        As for `predict_perturbed`.
    eps : float
        How far a pixel may move at most, 0 or more.
    steps, step_size, scale, random_start, seed
        As for `PGD`.

    Returns
    -------
    Predictions
        As from `predict_perturbed`.

    Raises
    ------
    InputError
        As from `predict_perturbed`, an unknown scale, or a number out of range.
    """
    return predict_perturbed(learn, PGD(eps, steps, step_size, scale, random_start, seed), split, rows)


class AdversarialTraining(Callback):
    """Train on images after an `FGSM` step against the network as it is at that moment.

    A defense that section 10 of gupta2021 calls for ("models must be robust") and does not try. The step is made on
    the augmented batch, with the network evaluating, as in a test: batch-norm statistics and dropout see each batch
    once, and ``eps=0`` is training without it. An epoch takes about twice as long. Against one-step attacks with
    a large `eps` a network may learn to hide its gradients (Wong et al., ICLR 2020, arXiv:2001.03994): check with
    `pgd`.

    Parameters
    ----------
    eps : float
        Size of the step, 0 or more.
    scale : {"pixels", "normalized"}
        What `eps` is measured in; see `FGSM`.
    share : float
        Share of each batch's images that is attacked, in [0, 1]; the others stay clean.

    Raises
    ------
    InputError
        An unknown scale, or a number out of range.
    """

    def __init__(self, eps: float = 3e-3, scale: str = "pixels", share: float = 1.0):
        if not is_number(share, 0, 1):
            raise InputError(f"share: expected a share of the images in [0, 1]; got {share!r}")
        self.attack, self.share = FGSM(eps, scale), share

    def before_batch(self):
        # Batches come shuffled: the first images are as good as any, and nothing need be drawn.
        n = round(self.share * len(self.xb[0]))
        if not self.training or not n:
            return
        images, *others, truth = (one.as_subclass(torch.Tensor) for one in (*self.xb, self.yb[0]))
        with at_rest(self.model) as net:
            attacked = self.attack(Batch(net, images[:n], tuple(one[:n] for one in others), truth[:n], np.arange(n)))
        self.learn.xb = (torch.cat([attacked, images[n:]]), *self.xb[1:])


def _uphill(batch: Batch, images: torch.Tensor) -> torch.Tensor:
    """Sign of the gradient of each image's cross-entropy with its true class."""
    with torch.enable_grad():
        asked = images.detach().requires_grad_()
        # Summed, so that an image's gradient does not shrink with its batch; in double precision, so that it does not
        # vanish where the network is sure.
        scores = batch.net(asked, *batch.others).double()
        (gradient,) = torch.autograd.grad(functional.cross_entropy(scores, batch.truth, reduction="sum"), asked)
    if not torch.isfinite(gradient).all():
        raise InputError("the network's scores or gradients are not finite; train it again")
    return gradient.sign()
