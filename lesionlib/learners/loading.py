"""fastai DataLoaders that read batches from the pixel array, without worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders
from fastai.torch_core import TensorCategory, default_device
from fastai.vision.augment import setup_aug_tfms
from fastai.vision.core import TensorImage
from fasttransform import DisplayedTransform, Transform

from lesionlib.datasets import LesionDataset, pixels
from lesionlib.errors import InputError
from lesionlib.learners.augmentation.pipelines import Pipeline
from lesionlib.learners.augmentation.policies import policy
from lesionlib.learners.batches import SAMPLERS, BatchDL, check_stratified
from lesionlib.learners.clinical import ClinicalEncoder
from lesionlib.numeric import is_whole


class PixelItems:
    """Rows of a pixel array with their targets; indexed by a list of positions, it gives a batch.

    Attributes
    ----------
    rows : numpy.ndarray
        Row numbers in the dataset's frame.
    clinical : torch.Tensor or None
        n x width, handed to the network beside the images.
    """

    def __init__(
        self,
        array: np.ndarray,
        rows: np.ndarray,
        targets: np.ndarray,
        clinical: np.ndarray | None,
        split_idx: int,
    ):
        self.array, self.rows, self.split_idx = array, rows, split_idx
        self.targets = torch.as_tensor(targets, dtype=torch.long)
        self.clinical = None if clinical is None else torch.as_tensor(clinical)
        self.n_inp = 1 if clinical is None else 2

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: int | Sequence[int]):
        where = np.atleast_1d(positions)
        images = TensorImage(torch.from_numpy(self.array[self.rows[where]]))
        inputs = (images,) if self.clinical is None else (images, self.clinical[where])
        return (*inputs, TensorCategory(self.targets[where]))

    def only(self, positions: slice | np.ndarray) -> PixelItems:
        """Give the items at these positions alone."""
        clinical = None if self.clinical is None else self.clinical[positions]
        return PixelItems(self.array, self.rows[positions], self.targets[positions], clinical, self.split_idx)

    def new_empty(self) -> PixelItems:
        """Give the same items without rows; fastai's ``DataLoaders.new_empty`` asks for it."""
        return self.only(slice(0))


class ToFloat(DisplayedTransform):
    """Turn a batch of bytes, n x h x w x 3, into floats in [0, 1], n x 3 x h x w (channels last in memory)."""

    order = 0

    def encodes(self, x: TensorImage):
        return x.permute(0, 3, 1, 2).float().div_(255)


@dataclass(frozen=True)
class LoaderSettings:
    """How batches are made; kept so that other splits and networks get theirs the same way."""

    size: int | tuple[int, int]
    bs: int
    augment: str | Pipeline | Sequence[Transform] | None
    sampler: str | None
    fit: str
    resample: str


class LesionDataLoaders(DataLoaders):
    """Train and validation loaders of a `LesionDataset`, and `loader()` for any other split.

    Parameters
    ----------
    lesions : LesionDataset
        Split.
    settings : object
        What `dataloaders` was asked for: size, bs, augment, sampler, fit, resample.
    encoder : ClinicalEncoder or None
        Set where clinical data go in beside the images.
    device : torch.device, optional
        Where batches go; fastai's default device unless given.
    """

    def __init__(
        self,
        lesions: LesionDataset,
        settings: LoaderSettings,
        encoder: ClinicalEncoder | None = None,
        device: torch.device | None = None,
    ):
        self.lesions, self.settings, self.encoder = lesions, settings, encoder
        self.array = pixels(lesions, settings.size, fit=settings.fit, resample=settings.resample)
        device = device or default_device()
        train = self._make("train", SAMPLERS[settings.sampler], 0, policy(settings.augment), device)
        super().__init__(train, self._make("valid", BatchDL, 1, [], device), device=device)
        self.vocab = lesions.classes
        self.c = len(lesions.classes)

    def loader(self, split: str) -> BatchDL:
        """Make a loader over a split in the frame's order, without augmentation.

        Parameters
        ----------
        split : str
            Such as ``"test"``.

        Returns
        -------
        fastai.data.load.DataLoader
            Of that split.
        """
        return self._make(split, BatchDL, 1, [], self.device)

    def targets(self, split: str) -> np.ndarray:
        """Give the class codes of a split.

        Parameters
        ----------
        split : str
            Such as ``"test"``.

        Returns
        -------
        numpy.ndarray, shape (n,)
            In the frame's order.
        """
        return _codes(self.lesions, self.lesions.subset(split))

    def with_clinical(self, columns: Sequence[str]) -> LesionDataLoaders:
        """Give loaders of the same images with encoded clinical columns beside them.

        Parameters
        ----------
        columns : sequence of str
            Of ``age``, ``sex``, ``site``, ``skin_type``.

        Returns
        -------
        LesionDataLoaders
            New ones; the encoder is fitted on the training rows.
        """
        encoder = ClinicalEncoder.fit(self.lesions.subset("train"), columns)
        return LesionDataLoaders(self.lesions, self.settings, encoder, self.device)

    def resized(self, size: int | tuple[int, int]) -> LesionDataLoaders:
        """Give loaders of the same rows with images of another size.

        Parameters
        ----------
        size : int or (int, int)
            Side of a square, or height and width, in pixels.

        Returns
        -------
        LesionDataLoaders
            New ones.
        """
        return LesionDataLoaders(self.lesions, replace(self.settings, size=size), self.encoder, self.device)

    def _make(self, split: str, kind: type[BatchDL], split_idx: int, augment: list[Transform], device) -> BatchDL:
        rows = self.lesions.subset(split)
        clinical = None if self.encoder is None else self.encoder.encode(rows)
        items = PixelItems(self.array, rows.index.to_numpy(), _codes(self.lesions, rows), clinical, split_idx)
        training = split_idx == 0
        return kind(
            items,
            bs=self.settings.bs if training else 2 * self.settings.bs,
            shuffle=training,
            drop_last=training and len(items) > self.settings.bs,
            num_workers=0,
            after_batch=[ToFloat(), *setup_aug_tfms(augment)],
            device=device,
        )


def _codes(lesions: LesionDataset, rows: pd.DataFrame) -> np.ndarray:
    return pd.Categorical(rows["label"], categories=lesions.classes).codes.astype(np.int64)


def dataloaders(
    lesions: LesionDataset,
    size: int | tuple[int, int] = 128,
    bs: int = 64,
    augment: str | Pipeline | Sequence[Transform] | None = "dermoscopy",
    sampler: str | None = None,
    fit: str = "squash",
    resample: str = "bilinear",
) -> LesionDataLoaders:
    """Make fastai DataLoaders of a dataset that has been split.

    Parameters
    ----------
    lesions : LesionDataset
        With the splits ``train`` and ``valid``; see `LesionDataset.with_split`.
    size : int or (int, int)
        Side of a square, or height and width, in pixels.
    bs : int
        Images a training batch; validation takes twice as many. The rest of an epoch that does not
        fill a batch is left out; other images each time.
    augment : str, Pipeline, list of fastai batch transforms, or None
        ``"dermoscopy"``, ``"lucius2020"``, ``"lucius2020_phone"``, ``"mendes2018"``, ``"nedelcu2021"``, or your own.
    sampler : {None, "oversample", "stratified"}
        Every image once an epoch; classes drawn equally often, with replacement; each class equally often in every
        batch (see `stratified_order`; `bs` is a multiple of the number of classes).
    fit : {"squash", "pad", "crop", "trim"}
        What becomes of an image of another shape; see `lesionlib.datasets.pixels`.
    resample : {"bilinear", "nearest"}
        How images are resized.

    Returns
    -------
    LesionDataLoaders
        With the loaders `train` and `valid`.

    Raises
    ------
    InputError
        A split is missing, an unknown policy, sampler, fit or resample, or batches too small.
    """
    if sampler not in SAMPLERS:
        raise InputError(f"sampler: {sampler!r} is not known; choose from None, 'oversample', 'stratified'")
    if not is_whole(bs, 1):
        raise InputError(f"bs: expected a whole number of images a batch, 1 or more; got {bs!r}")
    present = lesions.subset("train")["label"].nunique()
    if sampler == "stratified":
        check_stratified(bs, present)
    return LesionDataLoaders(lesions, LoaderSettings(size, bs, augment, sampler, fit, resample))
