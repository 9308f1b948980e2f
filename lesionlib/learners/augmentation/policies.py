"""Augmentation policies, applied to whole batches on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from fastai.vision.augment import RandTransform, aug_transforms
from fastai.vision.core import TensorImage
from fasttransform import Transform

from lesionlib.errors import InputError
from lesionlib.learners.augmentation.pipelines import PIPELINES, Pipeline


class ColorShift(RandTransform):
    """Change brightness, contrast, saturation and white balance of each image by random amounts.

    Parameters
    ----------
    brightness : float
        Largest shift, as a share of the full range.
    contrast, saturation : float
        Largest relative change.
    balance : float
        Largest relative change of each color channel: lamps and cameras differ.
    p : float
        Probability that a batch is changed, in [0, 1].
    """

    order = 40
    split_idx = 0

    def __init__(self, brightness=0.08, contrast=0.2, saturation=0.2, balance=0.05, p: float = 1.0):
        super().__init__(p=p)
        self.brightness, self.contrast, self.saturation, self.balance = brightness, contrast, saturation, balance

    def encodes(self, x: TensorImage):
        def amount(limit: float, channels: int = 1) -> torch.Tensor:
            return torch.empty(len(x), channels, 1, 1, device=x.device).uniform_(-limit, limit)

        plain = x.as_subclass(torch.Tensor)
        plain = plain * (1 + amount(self.contrast)) + amount(self.brightness)
        gray = plain.mean(dim=1, keepdim=True)
        plain = gray + (plain - gray) * (1 + amount(self.saturation))
        return (plain * (1 + amount(self.balance, 3))).clamp(0, 1).as_subclass(TensorImage)


def dermoscopy() -> list[Transform]:
    """Give the policy for dermoscopic images: all eight flips, small affine changes, color shifts.

    A dermatoscope has no up or down, so every flip and quarter turn is a real view; colors
    carry the diagnosis and move little.
    """
    affine = aug_transforms(
        do_flip=True,
        flip_vert=True,
        max_rotate=45,
        min_zoom=0.9,
        max_zoom=1.2,
        max_warp=0,
        max_lighting=0,
        p_affine=1.0,
    )
    return [*affine, ColorShift()]


class Augment(RandTransform):
    """Run a `Pipeline` on training batches."""

    order = 40
    split_idx = 0

    def __init__(self, pipeline: Pipeline):
        super().__init__(p=1)
        self.pipeline = pipeline

    def encodes(self, x: TensorImage):
        return self.pipeline(x.as_subclass(torch.Tensor)).as_subclass(TensorImage)


_POLICIES = {"dermoscopy": dermoscopy, **PIPELINES}


def policy(augment: str | Pipeline | Sequence[Transform] | None) -> list[Transform]:
    """Look up a policy by name; a `Pipeline` or a list of fastai batch transforms passes as it is, None is none.

    Raises
    ------
    InputError
        There is no policy of that name.
    """
    if isinstance(augment, str):
        if augment not in _POLICIES:
            raise InputError(
                f"augment: no policy is called {augment!r}; choose from {', '.join(_POLICIES)}, "
                "a Pipeline, a list, or None"
            )
        augment = _POLICIES[augment]()
    return [Augment(augment)] if isinstance(augment, Pipeline) else list(augment or [])
