"""Everyday corruptions: noise, blur, JPEG, brightness. They know nothing of the network, and training with noise.

Blur, JPEG and brightness are what cameras, files and lamps do, so that they give pictures of 8 bits a channel again.
They act on the images at the size that the network gets, not on the files they come from. Gaussian noise is added in
full precision, as gupta2021 does (section 7.2): its 3e-3 is less than the gray level of 1/255 that a file could hold.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from fastai.callback.core import Callback
from fastai.learner import Learner
from kornia.filters import gaussian_blur2d
from PIL import Image

from lesionlib.errors import InputError
from lesionlib.learners import Predictions
from lesionlib.numeric import check_whole, is_whole
from lesionlib.probes.perturbed import (
    Batch,
    check_number,
    check_size,
    drawn,
    predict_perturbed,
    unit_of,
)


@dataclass(frozen=True)
class GaussianNoise:
    """Independent normal noise in every pixel and channel: ``imgs += torch.randn_like(imgs) * 3e-3`` in gupta2021.

    Attributes
    ----------
    sigma : float
        Standard deviation, 0 or more.
    scale : {"pixels", "normalized"}
        What `sigma` is measured in; see `FGSM`.
    seed : int
        Decides the noise, together with the image's row number: other batches, rows or devices, the same noise.
    clip : bool
        Keep the images in [0, 1]; False is the paper's line as printed.

    Raises
    ------
    InputError
        An unknown scale, or a number out of range.
    """

    sigma: float = 3e-3
    scale: str = "pixels"
    seed: int = 0
    clip: bool = True

    def __post_init__(self):
        check_size("sigma", self.sigma, self.scale)
        check_whole("seed", self.seed, 0)

    def __call__(self, batch: Batch) -> torch.Tensor:
        noise = drawn(batch, self.seed, lambda rng, shape: rng.standard_normal(shape, dtype=np.float32))
        noisy = batch.images + self.sigma * unit_of(self.scale, batch.net) * noise
        return noisy.clamp(0, 1) if self.clip else noisy


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur, as of a lens out of focus; beyond the edge the picture goes on as it ends.

    Attributes
    ----------
    sigma : float
        Standard deviation in pixels of the network's image, 0 or more; less than 0.1 moves no gray level.

    Raises
    ------
    InputError
        `sigma` out of range.
    """

    sigma: float = 1.0

    def __post_init__(self):
        check_number("sigma", self.sigma)

    def __call__(self, batch: Batch) -> torch.Tensor:
        if self.sigma < 0.1:
            return batch.images
        # Four standard deviations each way; the edge is repeated, since a mirrored one must be smaller than the image.
        side = 2 * ceil(4 * self.sigma) + 1
        return _in_gray_levels(gaussian_blur2d(batch.images, side, (self.sigma, self.sigma), "replicate"))


@dataclass(frozen=True)
class JPEG:
    """Save as JPEG and open again, by Pillow with its usual settings (colors at half the size).

    Attributes
    ----------
    quality : int
        1 (worst) to 100; above 95 files grow and pictures hardly gain. At 100, too, gray levels change.

    Raises
    ------
    InputError
        `quality` out of range.
    """

    quality: int = 75

    def __post_init__(self):
        if not is_whole(self.quality, 1, 100):
            raise InputError(f"quality: expected a whole number from 1 to 100; got {self.quality!r}")

    def __call__(self, batch: Batch) -> torch.Tensor:
        pictures = (batch.images * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        opened = torch.from_numpy(np.stack([self._saved(picture) for picture in pictures]))
        return opened.permute(0, 3, 1, 2).to(batch.images) / 255

    def _saved(self, picture: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=int(self.quality))
        return np.asarray(Image.open(file))


@dataclass(frozen=True)
class Brightness:
    """More or less light: every pixel times a factor; what is too bright becomes white.

    Attributes
    ----------
    factor : float
        0 (black) or more; 1 leaves the picture as it is.

    Raises
    ------
    InputError
        `factor` out of range.
    """

    factor: float = 1.0

    def __post_init__(self):
        check_number("factor", self.factor)

    def __call__(self, batch: Batch) -> torch.Tensor:
        return _in_gray_levels((batch.images * self.factor).clamp(0, 1))


def gaussian_noise(
    learn: Learner,
    sigma: float = 3e-3,
    split: str = "test",
    scale: str = "pixels",
    rows: Sequence[int] | None = None,
    *,
    seed: int = 0,
    clip: bool = True,
) -> Predictions:
    """Predict a split with random noise on its images: gupta2021, section 7.2.

    Parameters
    ----------
    learn, split, rows
        As for `predict_perturbed`.
    sigma : float
        Standard deviation, 0 or more.
    scale, seed, clip
        As for `GaussianNoise`.

    Returns
    -------
    Predictions
        As from `predict_perturbed`.

    Raises
    ------
    InputError
        As from `predict_perturbed`, or a number out of range.
    """
    return predict_perturbed(learn, GaussianNoise(sigma, scale, seed, clip), split, rows)


def blur(learn: Learner, sigma: float, split: str = "test", rows: Sequence[int] | None = None) -> Predictions:
    """Predict a split with its images out of focus.

    Parameters
    ----------
    learn, split, rows
        As for `predict_perturbed`.
    sigma : float
        As for `Blur`, in pixels.

    Returns
    -------
    Predictions
        As from `predict_perturbed`.

    Raises
    ------
    InputError
        As from `predict_perturbed`, or `sigma` out of range.
    """
    return predict_perturbed(learn, Blur(sigma), split, rows)


def jpeg(learn: Learner, quality: int, split: str = "test", rows: Sequence[int] | None = None) -> Predictions:
    """Predict a split with its images saved as JPEG.

    Parameters
    ----------
    learn, split, rows
        As for `predict_perturbed`.
    quality : int
        As for `JPEG`, 1 (worst) to 100.

    Returns
    -------
    Predictions
        As from `predict_perturbed`.

    Raises
    ------
    InputError
        As from `predict_perturbed`, or `quality` out of range.
    """
    return predict_perturbed(learn, JPEG(quality), split, rows)


def brightness(learn: Learner, factor: float, split: str = "test", rows: Sequence[int] | None = None) -> Predictions:
    """Predict a split with its images in more or less light.

    Parameters
    ----------
    learn, split, rows
        As for `predict_perturbed`.
    factor : float
        As for `Brightness`: 0 is black, 1 leaves the picture as it is.

    Returns
    -------
    Predictions
        As from `predict_perturbed`.

    Raises
    ------
    InputError
        As from `predict_perturbed`, or `factor` out of range.
    """
    return predict_perturbed(learn, Brightness(factor), split, rows)


class NoiseTraining(Callback):
    """Train on images with Gaussian noise, new in every batch: the milder defense, to set beside `AdversarialTraining`.

    The noise is added to the augmented batch and the images kept in [0, 1]. It comes from a generator of the
    callback's own, so that ``sigma=0`` is training without it. The generator goes on from fit to fit: give each
    Learner its own callback.

    Parameters
    ----------
    sigma : float
        Standard deviation, 0 or more.
    scale : {"pixels", "normalized"}
        What `sigma` is measured in; see `FGSM`.
    seed : int
        Decides the noise.

    Raises
    ------
    InputError
        An unknown scale, or a number out of range.
    """

    def __init__(self, sigma: float = 3e-3, scale: str = "pixels", seed: int = 0):
        check_size("sigma", sigma, scale)
        check_whole("seed", seed, 0)
        self.sigma, self.scale, self.seed = sigma, scale, int(seed)
        self.generator: torch.Generator | None = None

    def before_batch(self):
        if not self.training:
            return
        images = self.xb[0].as_subclass(torch.Tensor)
        if self.generator is None:
            self.generator = torch.Generator(images.device).manual_seed(self.seed)
        noise = torch.randn(images.shape, generator=self.generator, device=images.device)
        noisy = images + self.sigma * unit_of(self.scale, self.model) * noise
        self.learn.xb = (noisy.clamp(0, 1), *self.xb[1:])


def _in_gray_levels(images: torch.Tensor) -> torch.Tensor:
    return (images * 255).round() / 255
