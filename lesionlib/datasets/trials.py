"""What is made of datasets for a trial: fewer or balanced images, folds that test each image once, two tasks in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pandas as pd

from lesionlib.datasets import splits
from lesionlib.datasets.combining import merge, relabel
from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError
from lesionlib.numeric import is_whole


def few(dataset: LesionDataset, n: int, seed: int = 0) -> LesionDataset:
    """Keep `n` training images; the others are in no split (``<NA>``), and the rows stay where they are.

    Each class keeps its share, and one image at least. With one seed, fewer images are a part of more: those of
    ``few(ds, 25)`` are among those of ``few(ds, 50)``, as if they had been gathered one after the other.

    Parameters
    ----------
    dataset : LesionDataset
        Split, see `LesionDataset.with_split`.
    n : int
        From the number of classes in the split ``train`` to the number of its images.
    seed : int
        Of the draw; the same on every machine.

    Returns
    -------
    LesionDataset
        All rows, the others without a split.

    Raises
    ------
    InputError
        There is no split ``train``, or `n` is out of range.
    """
    rows = dataset.subset("train")
    fewest, most = rows["label"].nunique(), len(rows)
    if not is_whole(n, fewest, most):
        raise InputError(
            f"{dataset.name}: n is {n!r}; expected a whole number from {fewest} (one image of each class in train) "
            f"to {most} (all of its images)"
        )
    order = rows.loc[splits.shuffled(rows["image_id"], seed)]
    of_class = order.groupby("label")
    # The first of each class stand at 0; then as far along in one class as in another.
    place = of_class.cumcount() / of_class["label"].transform("size")
    return _without(dataset, place.sort_values(kind="stable").index[n:])


def sample(dataset: LesionDataset, counts: Mapping[str, int], split: str | None = None, seed: int = 0) -> LesionDataset:
    """Draw so many images of each class, as gupta2021's set has 1,800 benign and 1,497 malignant ones (section 4).

    Lesions are drawn, each with all of its images, until a class has enough: at most one lesion a class gives only
    some of its images. With one seed, fewer images of a class are a part of more.

    Parameters
    ----------
    dataset : LesionDataset
        In the classes that are to be counted; see `relabel`.
    counts : mapping of str to int
        For each class that has images here, from 1 to all of its images; see `balanced` for equal numbers.
    split : str, optional
        Draw in this split: its other images are in no split (``<NA>``), and all rows stay, as with `few`. By default
        the drawn images alone are given.
    seed : int
        Of the draw; the same on every machine.

    Returns
    -------
    LesionDataset
        The drawn images, or all rows where `split` is given.

    Raises
    ------
    InputError
        There is no such split, classes that differ from those that have images, or a count out of range.
    """
    rows = dataset.subset(split or "all")
    there = rows["label"].value_counts().to_dict()
    if not isinstance(counts, Mapping) or set(counts) != set(there):
        classes = ", ".join(f"{label} ({there[label]} images)" for label in dataset.classes if label in there)
        raise InputError(f"{dataset.name}: counts is {counts!r}; expected a number of images for each of {classes}")
    for label, n in counts.items():
        if not is_whole(n, 1, there[label]):
            raise InputError(
                f"{dataset.name}: {n!r} images of {label} cannot be drawn; expected a whole number from 1 to "
                f"{there[label]}, all that are here"
            )
    lesions = rows["lesion_id"].fillna("image:" + rows["image_id"])
    order = rows.loc[splits.shuffled(lesions[splits.shuffled(rows["image_id"], seed)], seed)]
    left_out = order.index[order.groupby("label").cumcount() >= order["label"].map(counts)]
    if split is not None:
        return _without(dataset, left_out)
    return replace(dataset, frame=dataset.frame.drop(index=left_out).reset_index(drop=True))


def balanced(dataset: LesionDataset, split: str | None = None, seed: int = 0) -> LesionDataset:
    """Draw as many images of each class as the rarest has (bhardwaj2021, section 6); see `sample`.

    Parameters
    ----------
    dataset : LesionDataset
        In the classes that are to be equal.
    split : str, optional
        Such as ``train``: the other splits stay as they are.
    seed : int
        Of the draw; the same on every machine.

    Returns
    -------
    LesionDataset
        As from `sample`.

    Raises
    ------
    InputError
        There is no such split.
    """
    there = dataset.subset(split or "all")["label"].value_counts()
    return sample(dataset, dict.fromkeys(there.index, int(there.min())), split, seed)


def _without(dataset: LesionDataset, rows: pd.Index) -> LesionDataset:
    """Take these rows out of their splits."""
    parts = dataset.frame["split"].copy()
    parts[rows] = pd.NA
    return replace(dataset, frame=dataset.frame.assign(split=parts))


def tested_once(
    dataset: LesionDataset, n: int = 5, valid: float = 0.2, by: str | None = "auto", seed: int = 0
) -> Iterator[LesionDataset]:
    """Give `n` datasets, each with another fold as ``test``, and in the rest a validation part for every choice.

    For datasets too small for one test set: all folds together test each image once.

    Parameters
    ----------
    dataset : LesionDataset
        Split or not: it is split anew.
    n : int
        Number of folds, 2 or more.
    valid : float
        Share of the images outside the fold that become ``valid``, above 0 and below 1.
    by : str or None
        What stays together: as in `LesionDataset.with_split`.
    seed : int
        Of the folds; the same on every machine.

    Returns
    -------
    iterator of LesionDataset
        One dataset a fold, split into ``train``, ``valid`` and ``test``.

    Raises
    ------
    InputError
        `n` or `valid` out of range, or an unknown or empty column.
    """
    for fold in dataset.folds(n, by=by, seed=seed):
        frame = fold.frame.assign(split=fold.frame["split"].replace("valid", "test"))
        yield replace(dataset, frame=splits.deal_validation(frame, valid, by, seed))


def two_tasks(target: LesionDataset, source: LesionDataset) -> LesionDataset:
    """Join two datasets whose classes stay apart, to train both tasks at once (nedelcu2021, section V).

    Parameters
    ----------
    target : LesionDataset
        Its classes come first and keep their names.
    source : LesionDataset
        All of its images are for training; its classes get its name in front (``derm7pt NEV``).

    Returns
    -------
    LesionDataset
        Train with `learners.OwnTask`, predict, and take the target's classes with `learners.of_task`.
    """
    name = source.card.name
    apart = relabel(source, {label: f"{name} {label}" for label in source.classes})
    training = replace(apart, frame=apart.frame.assign(split="train").astype(apart.frame.dtypes))
    return merge([target, training], classes=[*target.classes, *training.classes])
