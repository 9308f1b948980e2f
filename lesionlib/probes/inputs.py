"""What a probe asks a network about, and the network at rest while it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from fastai.learner import Learner
from torch import nn

from lesionlib.datasets import pixels
from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError
from lesionlib.learners import ClinicalEncoder, LesionDataLoaders
from lesionlib.numeric import is_whole


@dataclass(frozen=True)
class Inputs:
    """Images and, where the network takes them, their clinical data.

    Attributes
    ----------
    pixels : numpy.ndarray, shape (m, h, w, 3)
        uint8; a memory map may be larger than memory.
    clinical : numpy.ndarray, shape (m, width), or None
        Encoded as in training.
    rows : numpy.ndarray, shape (n,)
        Which of the m are asked about.
    device : torch.device
        Where the network is.
    """

    pixels: np.ndarray
    clinical: np.ndarray | None
    rows: np.ndarray
    device: torch.device

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[1:3]

    def batches(self, bs: int) -> Iterator[tuple[slice, tuple[torch.Tensor, ...]]]:
        """Give positions among the n and the network's arguments, `bs` images at a time."""
        for start in range(0, len(self), bs):
            where = slice(start, min(start + bs, len(self)))
            yield where, self._arguments(self.pixels[self.rows[where]], self.rows[where])

    def blank(self) -> tuple[torch.Tensor, ...]:
        """Give the network's arguments for one black image, to see what shapes it makes of it."""
        images = torch.zeros(1, 3, *self.size, device=self.device)
        if self.clinical is None:
            return (images,)
        return images, torch.zeros(1, self.clinical.shape[1], device=self.device)

    def _arguments(self, images: np.ndarray, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
        # As the Learner's batches are made: floats in [0, 1]; the network normalizes them itself.
        scaled = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float().div_(255)
        if self.clinical is None:
            return (scaled,)
        return scaled, torch.from_numpy(self.clinical[rows]).to(self.device)


def inputs_of(
    learn: Learner,
    images: np.ndarray | LesionDataset,
    rows: Sequence[int] | None = None,
    clinical: pd.DataFrame | None = None,
) -> Inputs:
    """Gather what the Learner's network takes.

    Parameters
    ----------
    learn : Learner
        From `learners.lesion_learner` or `learners.load_learner`.
    images : numpy.ndarray of shape (m, h, w, 3), or LesionDataset
        uint8, as `datasets.pixels` gives them; or a dataset, decoded to the Learner's size.
    rows : sequence of int, optional
        Which of them, 0 to m - 1; all, in their order, unless given.
    clinical : DataFrame, optional
        With an array: one row an image, the columns of ``ds.frame``. A dataset brings its own. A network of
        images alone does not look at it.

    Raises
    ------
    InputError
        Another type or shape, a row that is not there, or clinical data that the network needs and did not get.
    """
    if isinstance(images, LesionDataset):
        images, clinical = _pixels_for(learn, images), images.frame
    array = np.asarray(images)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3:
        raise InputError(
            f"images: found {array.dtype} of shape {array.shape}, expected uint8 of shape (n, height, width, 3), "
            "as datasets.pixels gives, or a dataset"
        )
    encoder = _encoder_of(learn)
    encoded = None if encoder is None else _encode(encoder, clinical, len(array))
    return Inputs(array, encoded, _positions(rows, len(array)), next(learn.model.parameters()).device)


def target_codes(target, classes: Sequence[str] | None, n: int, k: int) -> np.ndarray | None:
    """Turn classes, by number or by name, one for all images or one for each, into n codes; None stays None.

    Raises
    ------
    InputError
        A class that is not there, or not one for each image.
    """
    if target is None:
        return None
    asked = [target] * n if np.ndim(target) == 0 else list(target)
    if len(asked) != n:
        raise InputError(f"target: found {len(asked)} classes for {n} images; expected one for each, or one for all")
    return np.array([_code(one, classes, k) for one in asked], dtype=np.int64)


def classes_of(learn: Learner) -> list[str] | None:
    """Class names in the order of the scores; None for a Learner that was loaded without data."""
    return list(learn.dls.vocab) if isinstance(learn.dls, LesionDataLoaders) else None


@contextmanager
def at_rest(net: nn.Module) -> Iterator[nn.Module]:
    """Evaluate with gradients at hand, but none asked by a parameter; then all is as it was before.

    Modes (training or not), `requires_grad` and gradients that stood in the parameters come back, after an error
    too.
    """
    modes = [(module, module.training) for module in net.modules()]
    parameters = [(parameter, parameter.requires_grad, parameter.grad) for parameter in net.parameters()]
    try:
        net.eval().requires_grad_(False)
        with torch.inference_mode(False), torch.enable_grad():
            yield net
    finally:
        for module, training in modes:
            module.training = training
        for parameter, needed, gradient in parameters:
            parameter.requires_grad_(needed).grad = gradient


def _pixels_for(learn: Learner, dataset: LesionDataset) -> np.ndarray:
    """A dataset's images, brought to size as the Learner's own are."""
    if not isinstance(learn.dls, LesionDataLoaders):
        raise InputError(
            "images: this Learner has no data that tell the size of its images; "
            "pass pixels: datasets.pixels(dataset, size)"
        )
    settings = learn.dls.settings
    return pixels(dataset, settings.size, fit=settings.fit, resample=settings.resample)


def _encoder_of(learn: Learner) -> ClinicalEncoder | None:
    if isinstance(learn.dls, LesionDataLoaders):
        return learn.dls.encoder
    if getattr(getattr(learn.model, "head", None), "clinical", None) is not None:
        raise InputError(
            "this Learner takes clinical data and was loaded without any; "
            "load it with them: load_learner(folder, dataloaders(...))"
        )
    return None


def _encode(encoder: ClinicalEncoder, frame: pd.DataFrame | None, n: int) -> np.ndarray:
    needed = ", ".join(encoder.columns)
    if frame is None:
        raise InputError(
            f"clinical: this network takes {needed} beside the images; pass clinical=<rows of ds.frame>, "
            "or the dataset as images"
        )
    missing = [column for column in encoder.columns if column not in frame]
    if missing:
        raise InputError(f"clinical: no column {', '.join(missing)}; this network takes {needed}")
    if len(frame) != n:
        raise InputError(f"clinical: found {len(frame)} rows for {n} images; expected one for each")
    return encoder.encode(frame)


def _positions(rows: Sequence[int] | None, n: int) -> np.ndarray:
    if rows is None:
        return np.arange(n)
    found = np.asarray(rows)
    if not found.size:
        return np.empty(0, dtype=np.int64)
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
        raise InputError(f"rows: found {found.dtype} of shape {found.shape}, expected a list of row numbers")
    wrong = found[(found < 0) | (found >= n)]
    if len(wrong):
        raise InputError(f"rows: there is no row {wrong[0]}; expected 0 to {n - 1}")
    return found.astype(np.int64)


def _code(one, classes: Sequence[str] | None, k: int) -> int:
    if isinstance(one, str):
        if classes is None:
            raise InputError(f"target: this Learner has no data that name its classes; pass {one!r} as a number")
        if one not in classes:
            raise InputError(f"target: there is no class {one!r}; choose from {', '.join(classes)}")
        return classes.index(one)
    if not is_whole(one, 0, k - 1):
        raise InputError(f"target: there is no class {one!r}; expected 0 to {k - 1}, or a class name")
    return int(one)
