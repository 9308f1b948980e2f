"""Loaders that read whole batches, and the orders in which they draw images."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
from fastai.data.core import TfmdDL

from lesionlib.errors import InputError


class BatchDL(TfmdDL):
    """A TfmdDL whose dataset gives whole batches by position."""

    def create_batches(self, samps):
        for positions in self.chunkify(samps):
            yield self.dataset[list(positions)]

    # fastai asks one item for the types of a batch; a batch of one gives the same answer.
    def do_item(self, s):
        return s or 0

    def do_batch(self, b):
        return self.dataset[b]


class OversampledDL(BatchDL):
    """Draws each class equally often, with replacement; an epoch has as many images as before."""

    def get_idxs(self):
        by_class = _positions_by_class(self.dataset.targets)
        return [self.rng.choice(by_class[self.rng.randrange(len(by_class))]) for _ in range(self.n)]


class StratifiedDL(BatchDL):
    """Puts each class equally often into every batch; see `stratified_order`.

    An epoch ends when every image of the largest class has been drawn, and may hold more images than the dataset.
    """

    def __init__(self, dataset, bs: int = 64, **arguments):
        super().__init__(dataset, bs=bs, n=len(stratified_order(dataset.targets, bs, random.Random(0))), **arguments)

    def get_idxs(self):
        return stratified_order(self.dataset.targets, self.bs, self.rng)


SAMPLERS = {None: BatchDL, "oversample": OversampledDL, "stratified": StratifiedDL}


def stratified_order(codes: np.ndarray, bs: int, rng: random.Random) -> list[int]:
    """Draw an epoch of batches that hold each class equally often.

    nedelcu2021 (section III-D): "stratified batches, where the batch size was chosen to match the number of classes",
    5, 10 and 13, which "results in oversampling of the classes with fewer examples". How long an epoch is, it does not
    say: here it ends with the batch that has the last image of the largest class.

    Each class is dealt from a shuffled pile, which is shuffled anew when it is used up. So within an epoch two
    images of one class come equally often, or one of them once more.

    Parameters
    ----------
    codes : array of int, shape (n,)
        Class codes.
    bs : int
        Images a batch: a multiple of the number of classes that occur.
    rng : random.Random
        Decides piles and places.

    Returns
    -------
    list of int
        Positions, `bs` of them a batch, each batch in a random order of its own.

    Raises
    ------
    InputError
        `bs` is no multiple of the number of classes.
    """
    by_class = _positions_by_class(codes)
    check_stratified(bs, len(by_class))
    share = bs // len(by_class)
    piles = [_dealt(positions, rng) for positions in by_class]
    order: list[int] = []
    for _ in range(-(-max(map(len, by_class)) // share)):
        batch = [next(pile) for pile in piles for _ in range(share)]
        rng.shuffle(batch)
        order += batch
    return order


def check_stratified(bs: int, classes: int) -> None:
    """Refuse a batch that cannot hold each of so many classes equally often."""
    if bs < classes:
        raise InputError(f"bs: a stratified batch holds each of {classes} classes; got {bs}, take {classes} or more")
    if bs % classes:
        below = bs - bs % classes
        raise InputError(
            f"bs: a stratified batch holds each of {classes} classes equally often; got {bs}, "
            f"take a multiple of {classes}, such as {below} or {below + classes}"
        )


def _dealt(positions: list[int], rng: random.Random) -> Iterator[int]:
    while True:
        yield from rng.sample(positions, len(positions))


def _positions_by_class(codes: np.ndarray) -> list[list[int]]:
    codes = np.asarray(codes)
    return [np.flatnonzero(codes == code).tolist() for code in np.unique(codes)]
