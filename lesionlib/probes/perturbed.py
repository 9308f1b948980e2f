"""Images changed on purpose: what a network says of them, how they look, and what the change costs as it grows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
import torch
from fastai.learner import Learner
from torch import nn

from lesionlib.errors import InputError
from lesionlib.learners.batches import BatchDL
from lesionlib.learners.predictions import Predictions, loader_of, precise_softmax
from lesionlib.metrics import report
from lesionlib.numeric import is_number
from lesionlib.probes.inputs import at_rest

SCALES = ("pixels", "normalized")


@dataclass(frozen=True)
class Batch:
    """What a perturbation gets.

    Attributes
    ----------
    net : torch.nn.Module
        Images in [0, 1] (and the others) to class scores; evaluating, and no parameter asks for a gradient.
    images : torch.Tensor, shape (n, 3, h, w)
        float32 in [0, 1].
    others : tuple of torch.Tensor
        What the network takes beside the images: nothing, or encoded clinical data. It stays as it is.
    truth : torch.Tensor, shape (n,)
        Class codes.
    rows : numpy.ndarray, shape (n,)
        Row numbers in the dataset, so that what is drawn for an image does not depend on its neighbors.
    """

    net: nn.Module
    images: torch.Tensor
    others: tuple[torch.Tensor, ...]
    truth: torch.Tensor
    rows: np.ndarray


Perturbation = Callable[[Batch], torch.Tensor]
"""Gives the batch's images changed, of the same shape: `FGSM`, `GaussianNoise`, `JPEG` ..., or your own."""


def predict_perturbed(
    learn: Learner, perturbation: Perturbation, split: str = "test", rows: Sequence[int] | None = None
) -> Predictions:
    """Predict a split whose images have been changed, as `learners.predict` does it without the change.

    The network has the precision that it has there (bfloat16 where that is faster), so that a change of nothing gives
    the same probabilities to the last digit. Gradients of an attack are in full precision.

    Parameters
    ----------
    learn : Learner
        From `learners.lesion_learner`, or `learners.load_learner` with data. It is left as it was.
    perturbation : Perturbation
        Such as ``FGSM(3e-3)``; changes the images only, never the clinical data.
    split : str
        ``test``, ``valid``, ``train`` (without augmentation) or ``all``.
    rows : sequence of int, optional
        Row numbers of ``ds.frame`` within the split, such as ``predictions.ranked().index[:50]``; else all of it.

    Returns
    -------
    Predictions
        One row an image, in the order of `rows`.

    Raises
    ------
    InputError
        A Learner without data, no such split, rows that are not in it, or gradients that are not finite.
    """
    with _as_it_was(learn):
        loader = _loader(learn, split, rows)
        items = loader.dataset
        changed = _Changed(learn.model, loader, perturbation)
        # The Recorder would forget the training's curves; nothing here is to be recorded.
        with learn.removed_cbs(learn.recorder):
            probabilities, *_ = learn.get_preds(dl=changed, act=precise_softmax, reorder=False)
    frame = learn.dls.lesions.frame.loc[items.rows]
    return Predictions(items.targets.numpy(), probabilities.numpy(), list(learn.dls.vocab), frame, split)


def perturbed_images(
    learn: Learner, perturbation: Perturbation, split: str = "test", rows: Sequence[int] | None = None
) -> torch.Tensor:
    """Pictures of what a network is asked by `predict_perturbed`.

    Parameters
    ----------
    learn, perturbation, split, rows
        As for `predict_perturbed`.

    Returns
    -------
    torch.Tensor, shape (n, 3, h, w)
        float32, on the CPU, in the order of `rows`; in [0, 1] unless the perturbation was asked not to clip. All n
        are held in memory: 600 kB an image of 224 x 224 pixels.

    Raises
    ------
    InputError
        As from `predict_perturbed`.
    """
    with _as_it_was(learn):
        changed = _Changed(learn.model, _loader(learn, split, rows), perturbation)
        return torch.cat([images.cpu() for images, *_ in changed])


def robustness(
    learn: Learner,
    kind: Callable[..., Predictions],
    strengths: Sequence[float],
    split: str = "test",
    rows: Sequence[int] | None = None,
    *,
    interval_of: str = "balanced_accuracy",
    ci: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How accuracy changes with the strength of an attack or a corruption.

    Parameters
    ----------
    learn : Learner
        As for `predict_perturbed`.
    kind : callable
        `fgsm`, `pgd`, `gaussian_noise`, `blur`, `jpeg`, `brightness`, with other settings
        ``functools.partial(pgd, steps=20)``: ``kind(learn, strength, split=split, rows=rows)`` gives Predictions.
    strengths : sequence of float
        eps, sigma, quality or factor, in the order wanted. Strength 0 (brightness: 1) is the clean split; a JPEG
        has none that is.
    split, rows
        As for `predict_perturbed`.
    interval_of : {"balanced_accuracy", "accuracy"}
        Which of the two ``low`` and ``high`` are about.
    ci : float
        Confidence level of the interval, in (0, 1).
    n_resamples, seed : int
        Of the percentile bootstrap (`metrics.report`). It resamples lesions with all their images, or images where
        their lesion is not known, and draws the same ones for every strength.

    Returns
    -------
    pandas.DataFrame
        One row a strength: ``strength``, ``accuracy``, ``balanced_accuracy``, ``low``, ``high`` in [0, 1].

    Raises
    ------
    InputError
        As from `predict_perturbed`; a strength, `interval_of`, `ci` or `n_resamples` out of range.
    """
    if interval_of not in ("balanced_accuracy", "accuracy"):
        raise InputError(f"interval_of: found {interval_of!r}, expected balanced_accuracy or accuracy")
    found = []
    for strength in strengths:
        asked = kind(learn, strength, split=split, rows=rows)
        lesions = asked.frame["lesion_id"].fillna(asked.frame["image_id"])
        judged = report(asked.y_true, asked.y_prob, asked.labels, ci, lesions, n_resamples, seed)
        values = judged.overall[["accuracy", "balanced_accuracy"]]
        found.append([strength, *values, *judged.overall_ci.loc[interval_of, ["low", "high"]]])
    return pd.DataFrame(found, columns=["strength", "accuracy", "balanced_accuracy", "low", "high"])


def unit_of(scale: str, net: nn.Module) -> float | torch.Tensor:
    """Say what a step of 1 on a scale is in pixels from 0 to 1, by channel: 1, or the normalization's deviations.

    Raises
    ------
    InputError
        The network does not say how it normalizes.
    """
    if scale == "pixels":
        return 1.0
    if not isinstance(getattr(net, "std", None), torch.Tensor):
        raise InputError("scale: this network does not say how it normalizes images; use scale='pixels'")
    return net.std


def drawn(batch: Batch, seed: int, draw: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]) -> torch.Tensor:
    """Draw one array an image, each from the seed and the image's row alone, the same on every device."""
    shape = tuple(batch.images.shape[1:])
    return torch.from_numpy(np.stack([draw(np.random.default_rng([seed, row]), shape) for row in batch.rows])).to(
        batch.images
    )


def check_size(name: str, value: float, scale: str) -> None:
    """Refuse a size of a change that is none on its scale.

    Raises
    ------
    InputError
        An unknown scale; a size that is negative or not finite, or on pixels from 0 to 1 more than 1.
    """
    if scale not in SCALES:
        raise InputError(f"scale: found {scale!r}, expected one of {', '.join(SCALES)}")
    check_number(name, value)
    if scale == "pixels" and value > 1:
        raise InputError(f"{name}: expected 0 to 1, as pixels run from 0 to 1; got {value}, k gray levels are k / 255")


def check_number(name: str, value: float) -> None:
    """Refuse what is no finite number of 0 or more."""
    if not is_number(value, 0):
        raise InputError(f"{name}: expected a number of 0 or more; got {value!r}")


class _Changed:
    """A loader whose images are changed as they come.

    Not a callback: fastai writes a line of its own before an error in one.
    """

    def __init__(self, net: nn.Module, loader: BatchDL, perturbation: Perturbation):
        self.net, self.loader, self.perturbation = net, loader, perturbation

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        remaining = iter(self.loader.dataset.rows)
        for batch in self.loader:
            # Plain tensors: fastai's own kinds would come back to the caller.
            images, *others, truth = (one.as_subclass(torch.Tensor) for one in batch)
            rows = np.fromiter(islice(remaining, len(images)), np.int64)
            yield self.perturbation(Batch(self.net, images, tuple(others), truth, rows)).detach(), *others, truth


@contextmanager
def _as_it_was(learn: Learner) -> Iterator[None]:
    # Loaders draw from Python's generator when they are made, and from torch's when they begin.
    state = random.getstate()
    try:
        with torch.random.fork_rng(devices=[]), at_rest(learn.model):
            yield
    finally:
        random.setstate(state)


def _loader(learn: Learner, split: str, rows: Sequence[int] | None) -> BatchDL:
    loader = loader_of(learn, split)
    if rows is None:
        return loader
    items = loader.dataset
    return loader.new(items.only(_places(items.rows, rows, split)))


def _places(present: np.ndarray, rows: Sequence[int], split: str) -> np.ndarray:
    wanted = np.asarray(rows)
    if wanted.ndim != 1 or not len(wanted) or not np.issubdtype(wanted.dtype, np.integer):
        raise InputError(
            f"rows: found {wanted.dtype} of shape {wanted.shape}, expected a list of row numbers, one or more"
        )
    where = pd.Index(present).get_indexer(wanted)
    if (where < 0).any():
        raise InputError(
            f"rows: row {wanted[where < 0][0]} is not in the split {split!r}; expected row numbers of ds.frame that "
            "are, such as predictions.frame.index"
        )
    return where
