"""Augmented copies made before training, each tied to its original."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from PIL import Image

from lesionlib.datasets import LesionDataset
from lesionlib.datasets import splits as splitting
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.merged import MergedFiles
from lesionlib.datasets.pixels import check_resizing, height_width, resized
from lesionlib.datasets.schema import digest, refuse_duplicates
from lesionlib.errors import InputError
from lesionlib.learners.augmentation.pipelines import Pipeline
from lesionlib.learners.augmentation.pipelines import pipeline as find_pipeline
from lesionlib.numeric import is_whole

# To be raised when the same pipeline and seed would give other pictures: arrays in the cache are made again.
_VERSION = 1


class CopiedFiles:
    """The files of a dataset, and augmented copies of them that are drawn when they are asked for.

    It reads as `ImageFiles` does. A copy is the same every time: its random numbers follow from the seed and its own
    id, whatever was drawn before it.

    Parameters
    ----------
    files : ImageFiles or MergedFiles
        Of the originals.
    copies : dict of str to (str, str)
        Reference of a copy -> reference of its original, and the copy's id.
    pipeline : Pipeline
    seed : int
    size, fit, resample
        How the original is resized first; see `lesionlib.datasets.pixels`.
    """

    def __init__(
        self,
        files: ImageFiles | MergedFiles,
        copies: dict[str, tuple[str, str]],
        pipeline: Pipeline,
        seed: int,
        size: tuple[int, int],
        fit: str,
        resample: str,
    ):
        self._arguments = (files, copies, pipeline, seed, size, fit, resample)
        self.files, self.copies, self.pipeline, self.seed = files, copies, pipeline, seed
        # Copies of one original follow one another.
        self._original = lru_cache(maxsize=16)(
            lambda reference: np.array(resized(files.image(reference), size, fit, resample))
        )

    def __reduce__(self):
        return CopiedFiles, self._arguments

    def size(self, reference: str) -> int:
        """Size of the file in bytes; of a copy, as a PNG file."""
        return len(self.read(reference)) if reference in self.copies else self.files.size(reference)

    def read(self, reference: str) -> bytes:
        """Read the whole file; a copy comes as a PNG file."""
        if reference not in self.copies:
            return self.files.read(reference)
        content = io.BytesIO()
        self.image(reference).save(content, "png")
        return content.getvalue()

    def image(self, reference: str, mode: str = "RGB") -> Image.Image:
        """Decode an image as `ImageFiles.image` does, or draw a copy."""
        if reference not in self.copies:
            return self.files.image(reference, mode)
        original, image_id = self.copies[reference]
        generator = torch.Generator().manual_seed(_number(f"{self.seed}:{image_id}"))
        batch = torch.from_numpy(self._original(original)).permute(2, 0, 1)[None]
        drawn = self.pipeline(batch, generator)[0].permute(1, 2, 0)
        return Image.fromarray(drawn.contiguous().numpy()).convert(mode)


def offline_copies(
    lesions: LesionDataset,
    times: int = 29,
    pipeline: str | Pipeline = "mendes2018",
    seed: int = 0,
    size: int | tuple[int, int] = 128,
    splits: Sequence[str] = ("train",),
    fit: str = "squash",
    resample: str = "bilinear",
) -> LesionDataset:
    """Add augmented copies of each image to a dataset, as mendes2018 (section III-C) does before it trains.

    With 29 copies, copies and originals are 30 times the images. The copies have no file: they are drawn from seed and
    id when `pixels` asks for them, which stores them once with all other images.

    Parameters
    ----------
    lesions : LesionDataset
    times : int
        Copies of each image, 1 or more.
    pipeline : str or Pipeline
        ``"mendes2018"``, ``"nedelcu2021"``, or your own.
    seed : int
        Of the pictures; the seeds of split and training are others.
    size : int or (int, int)
        Of the copies, in pixels; train with the same.
    splits : sequence of str
        Whose images are copied; ``("all",)`` for all images. A copy stands in its original's split.
    fit, resample : str
        How the original is resized before; see `lesionlib.datasets.pixels`.

    Returns
    -------
    LesionDataset
        The rows of `lesions`, then the copies. A copy's `image_id` is its original's with ``~1``, ``~2``...; it has
        no mask. The new column `original` holds the original's `image_id`, for originals their own: a split by
        ``"auto"`` or ``"original"`` keeps copies with their original, one by None (by image) does not.

    Raises
    ------
    InputError
        An unknown split or pipeline, fewer than one copy, or a dataset that has copies already.
    """
    if not is_whole(times, 1):
        raise InputError(f"times: expected a whole number of copies, 1 or more; got {times!r}")
    rows = _chosen(lesions, splits)
    counts = pd.Series(int(times), index=rows.index)
    return _with_copies(lesions, counts, find_pipeline(pipeline), seed, size, fit, resample)


def balanced_copies(
    lesions: LesionDataset,
    images: int | None = None,
    pipeline: str | Pipeline = "mendes2018",
    seed: int = 0,
    size: int | tuple[int, int] = 128,
    splits: Sequence[str] = ("train",),
    fit: str = "squash",
    resample: str = "bilinear",
) -> LesionDataset:
    """Add augmented copies until each class has the same number of images; see `offline_copies`.

    mendes2018 left the classes unbalanced in its final experiment; section III-C asks "how much was necessary to
    augment each class".

    Parameters
    ----------
    lesions, pipeline, seed, size, splits, fit, resample
        As for `offline_copies`.
    images : int, optional
        Originals and copies of each class together, over `splits`; else as many as the largest class has. The copies
        are shared out evenly: two originals of a class have equally many, or one of them one more.

    Returns
    -------
    LesionDataset
        As from `offline_copies`.

    Raises
    ------
    InputError
        As `offline_copies`, or `images` below the largest class.
    """
    rows = _chosen(lesions, splits)
    sizes = rows["label"].value_counts()
    images = int(sizes.max()) if images is None else images
    if not is_whole(images, sizes.max()):
        raise InputError(
            f"images: expected a whole number, {sizes.max()} or more, as many as the class {sizes.idxmax()} has; "
            f"got {images!r}"
        )
    # Who gets one more is decided by seed and id, not by the order of the rows.
    order = sorted(rows.index, key=lambda row: _number(f"{seed}:{rows['image_id'][row]}"))
    place = rows.loc[order].groupby("label").cumcount().reindex(rows.index)
    size_of = rows["label"].map(sizes).astype(int)
    whole, rest = divmod(images - size_of, size_of)
    counts = whole + (place < rest).astype(int)
    return _with_copies(lesions, counts, find_pipeline(pipeline), seed, size, fit, resample)


def mendes2018_split(
    lesions: LesionDataset,
    times: int = 29,
    pipeline: str | Pipeline = "mendes2018",
    seed: int = 0,
    size: int | tuple[int, int] = 128,
    by: str | None = None,
    fit: str = "squash",
    resample: str = "bilinear",
) -> LesionDataset:
    """Split and copy a dataset by the rule that gives every cell of mendes2018's Table IV.

    Of each class a tenth is set aside (rounded up), of the rest a fifth is tested (rounded up), of each other image
    there are `times` copies, and a fifth of these (rounded) is for validation. Originals that were copied are in no
    part: the table holds 29 images for each, not 30. Test images stay as they are.

    Parameters
    ----------
    lesions, times, pipeline, seed, size, fit, resample
        As for `offline_copies`; the split follows from `seed` too.
    by : str or None
        None: a fifth of the copies, whatever they are copies of, as in Table IV and section III-C. Nearly every
        validation image then has copies of itself in training. ``"original"``: copies of one original stay together, as
        section III-F.1 has it; ``"auto"``: copies of one patient or lesion do.

    Returns
    -------
    LesionDataset
        With the splits ``train`` and ``valid`` (copies) and ``test`` (originals); the rest has none. Test images are
        drawn by image: where a lesion has several, some may be in training.

    Raises
    ------
    InputError
        As `offline_copies`, or a class with too few images (3 at least).
    """
    staged = replace(lesions, frame=splitting.staged(lesions.frame, aside=0.1, test=0.2, seed=seed))
    copied = offline_copies(staged, times, pipeline, seed, size, ("train",), fit, resample)
    frame = copied.frame
    used_up = (frame["image_id"] == frame["original"]) & frame["split"].eq("train").fillna(False)
    copied = replace(copied, frame=frame.assign(split=frame["split"].mask(used_up)))
    return with_validation(copied, 0.2, by, seed)


def with_validation(
    lesions: LesionDataset, share: float = 0.2, by: str | None = "auto", seed: int = 0
) -> LesionDataset:
    """Deal the images of ``train`` and ``valid`` anew between the two; the test images stay what they are.

    Parameters
    ----------
    lesions : LesionDataset
        Split, and perhaps copied by `offline_copies`.
    share : float
        Of these images that become ``valid``, above 0 and below 1.
    by : str or None
        What must not stand on both sides: as in `LesionDataset.with_split`, or ``"original"`` for augmented copies.
    seed : int
        Of the split.

    Returns
    -------
    LesionDataset
        The same rows, dealt anew.

    Raises
    ------
    InputError
        A share out of range, an unknown or empty column, or a dataset that has not been split.
    """
    return replace(lesions, frame=splitting.deal_validation(lesions.frame, share, by, seed))


def _chosen(lesions: LesionDataset, splits: Sequence[str]) -> pd.DataFrame:
    if "original" in lesions.frame:
        raise InputError(f"{lesions.name}: it has augmented copies already; copy the dataset that they were made of")
    names = [splits] if isinstance(splits, str) else list(splits)
    if not names:
        raise InputError("splits: there is none to copy; name some, such as ('train',), or ('all',)")
    return pd.concat([lesions.subset(name) for name in names]).sort_index()


def _with_copies(
    lesions: LesionDataset,
    counts: pd.Series,
    pipeline: Pipeline,
    seed: int,
    size: int | tuple[int, int],
    fit: str,
    resample: str,
) -> LesionDataset:
    """Add `counts` copies of the rows that are its index."""
    size = height_width(size)
    check_resizing(fit, resample)
    originals = lesions.frame.assign(original=lesions.frame["image_id"])
    rows = originals.loc[counts.index.repeat(counts)]
    mark = "~" + (rows.groupby(level=0).cumcount() + 1).astype("string")
    none = pd.Series(pd.NA, index=rows.index, dtype="string")
    copies = rows.assign(image_id=rows["image_id"] + mark, image=rows["image"] + mark, mask=none)
    frame = pd.concat([originals, copies], ignore_index=True)
    refuse_duplicates(lesions.name, frame)
    drawn = zip(copies["image"], zip(rows["image"], copies["image_id"], strict=True), strict=True)
    recipe = [repr(pipeline), str(seed), f"{size[0]}x{size[1]}", fit, resample, f"version {_VERSION}"]
    uncounted = {name: facts.model_copy(update={"images": None}) for name, facts in lesions.card.classes.items()}
    return replace(
        lesions,
        frame=frame,
        card=lesions.card.model_copy(
            update={"images": None, "lesions": None, "patients": None, "classes": uncounted},
        ),
        files_digest=digest([lesions.files_digest, *recipe]),
        _files=CopiedFiles(lesions._files, dict(drawn), pipeline, seed, size, fit, resample),
    )


def _number(text: str) -> int:
    """Give a whole number below 2 ** 60 that follows from the text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)
