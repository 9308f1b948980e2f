"""Training: images a second, ours against plain fastai and against the bare step on a constant batch.

The same network, size, batch and augmentation (`aug_transforms`). Reading and decoding is part of it: ours reads its
pixel cache, which is built before the clock starts; plain fastai decodes files in two worker processes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from side_by_side import lesions_of, lesions_parser, main


class Watch:
    """Seconds of the training batches after the first ones, validation not counted."""

    def __init__(self, warm_up: int):
        from fastai.callback.core import Callback

        class Timer(Callback):
            order = 100

            def before_fit(self):
                self.batches, self.seconds, self.images = 0, 0.0, 0

            def before_train(self):
                self.last = perf_counter()

            def after_batch(self):
                if not self.training:
                    return
                now = perf_counter()
                self.batches += 1
                if self.batches > warm_up:
                    self.seconds += now - self.last
                    self.images += len(self.yb[0])
                self.last = now

        self.callback = Timer()

    @property
    def figures(self) -> dict[str, float]:
        return {"images_per_second": self.callback.images / self.callback.seconds}


def ours(given: argparse.Namespace) -> dict[str, float]:
    """Loaders and learner of this library."""
    from fastai.vision.augment import aug_transforms

    from lesionlib import learners

    dls = learners.dataloaders(lesions_of(given), size=given.size, bs=given.batch, augment=aug_transforms())
    learn = learners.lesion_learner(dls, arch=given.arch, pretrained=False, seed=0)
    return timed(learn, given)


def fastai(given: argparse.Namespace) -> dict[str, float]:
    """What a fastai user writes first: files, `ImageDataLoaders.from_df`, `vision_learner`."""
    with plain_learner(given, augment=True) as learn:
        return timed(learn, given)


@contextmanager
def plain_learner(given: argparse.Namespace, augment: bool) -> Iterator[Any]:
    """Give plain fastai's learner on the same images, written to files of their own beforehand."""
    from fastai.vision.augment import Resize, aug_transforms
    from fastai.vision.data import ImageDataLoaders
    from fastai.vision.learner import vision_learner

    lesions = lesions_of(given)
    with tempfile.TemporaryDirectory() as folder:
        frame = lesions.frame[lesions.frame["split"].isin(["train", "valid"])]
        files = [unpacked(lesions, row, Path(folder)) for row in frame.index]
        table = frame.assign(file=files, held_out=frame["split"] == "valid")
        dls = ImageDataLoaders.from_df(
            table,
            path=folder,
            fn_col="file",
            label_col="label",
            valid_col="held_out",
            item_tfms=Resize(given.size),
            batch_tfms=aug_transforms() if augment else None,
            bs=given.batch,
            num_workers=given.workers,
        )
        learn = vision_learner(dls, given.arch, pretrained=False)
        with quiet(learn):
            yield learn


def step(given: argparse.Namespace) -> dict[str, float]:
    """The network's own training step, as ours runs it, on one batch again and again: no loading, no augmentation."""
    from lesionlib import learners

    dls = learners.dataloaders(lesions_of(given), size=given.size, bs=given.batch)
    learn = learners.lesion_learner(dls, arch=given.arch, pretrained=False, seed=0)
    batch = next(iter(learn.dls.train))
    learn.dls.train = _Constant(batch, len(dls.train), learn.dls.train)
    return timed(learn, given)


class _Constant:
    """A loader that gives one batch as often as another has batches."""

    def __init__(self, batch, count: int, like):
        self.batch, self.count, self.like = batch, count, like

    def __iter__(self):
        return iter([self.batch] * self.count)

    def __len__(self):
        return self.count

    def __getattr__(self, name):
        return getattr(self.like, name)


@contextmanager
def quiet(learn) -> Iterator[None]:
    """Train without a progress bar, which costs time of its own."""
    from fastai.callback.progress import ProgressCallback

    bars = [callback for callback in learn.cbs if isinstance(callback, ProgressCallback)]
    with learn.removed_cbs(bars), learn.no_logging():
        yield


def timed(learn, given: argparse.Namespace) -> dict[str, float]:
    """Train all layers for some epochs without a bar; give images a second."""
    watch = Watch(given.warm_up)
    learn.unfreeze()
    with quiet(learn):
        learn.fit(given.epochs, 1e-3, cbs=watch.callback)
    return watch.figures


def unpacked(lesions, row: int, folder: Path) -> str:
    """Write an image of the dataset to a file of its own, as it is."""
    target = folder / f"{row}.jpg"
    lesions.image(row).save(target, quality=95)
    return target.name


if __name__ == "__main__":
    parser = lesions_parser(__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--warm-up", type=int, default=3, help="batches that are not counted")
    parser.add_argument("--workers", type=int, default=2, help="of plain fastai's loader")
    sides = {"ours": ours, "plain fastai": fastai, "constant batch": step}
    main(__file__, sides, parser, base="plain fastai", figure="images_per_second")
