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

from side_by_side import Benchmark, Target, lesions_of, lesions_parser, main


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
                if self.batches == 1:
                    self.first = now - self.last
                if self.batches > warm_up:
                    self.seconds += now - self.last
                    self.images += len(self.yb[0])
                self.last = now

        self.callback = Timer()

    @property
    def figures(self) -> dict[str, float]:
        rate = self.callback.images / self.callback.seconds
        return {"images_per_second": rate, "first_batch_seconds": self.callback.first}


def ours(given: argparse.Namespace, prepared=None) -> dict[str, float]:
    """Loaders and learner of this library."""
    from fastai.vision.augment import aug_transforms

    from lesionlib import learners

    dls = learners.dataloaders(lesions_of(given), size=given.size, bs=given.batch, augment=aug_transforms())
    return timed(learner_of(dls, given, prepared), given)


def learner_of(dls, given: argparse.Namespace, prepared=None):
    """Make a learner from scratch, and prepare it if that is asked for."""
    from lesionlib import learners

    learn = learners.lesion_learner(dls, arch=given.arch, pretrained=False, seed=0)
    return prepared(learn) if prepared else learn


def compiled(side):
    """Give the same side with its training compiled."""

    def with_compiler(given: argparse.Namespace) -> dict[str, float]:
        from lesionlib import learners

        return side(given, learners.compile_training)

    return with_compiler


def fastai(given: argparse.Namespace) -> dict[str, float]:
    """What a fastai user writes first: files, `ImageDataLoaders.from_df`, `vision_learner`."""
    with plain_learner(given, augment=True) as learn:
        return timed(learn, given)


@contextmanager
def plain_learner(given: argparse.Namespace, augment: bool, pretrained: bool = False) -> Iterator[Any]:
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
        weights = {"pretrained_cfg_overlay": {"file": trained_body(given.arch, Path(folder))}} if pretrained else {}
        learn = vision_learner(dls, given.arch, pretrained=pretrained, **weights)
        with quiet(learn):
            yield learn


def trained_body(arch: str, folder: Path) -> str:
    """Write the weights that ours starts from to a file of timm's form."""
    from safetensors.torch import save_file

    from lesionlib.learners import models

    net = models.make_net(arch, classes=2)
    models.load_pretrained(net, arch, True)
    path = folder / "body.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in net.body.state_dict().items()}, path)
    return str(path)


def step(given: argparse.Namespace, prepared=None) -> dict[str, float]:
    """The network's own training step, as ours runs it, on one batch again and again: no loading, no augmentation."""
    from lesionlib import learners

    dls = learners.dataloaders(lesions_of(given), size=given.size, bs=given.batch)
    learn = learner_of(dls, given, prepared)
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
    sides = {
        "ours": ours,
        "ours, compiled": compiled(ours),
        "plain fastai": fastai,
        "constant batch": step,
        "constant batch, compiled": compiled(step),
    }
    rate = "images_per_second"
    targets = [
        Target("ours", rate, at_least=2, times="plain fastai"),
        Target("ours, compiled", rate, at_least=2, times="plain fastai"),
        Target("ours", rate, at_least=0.9, times="constant batch"),
        Target("ours, compiled", rate, at_least=0.9, times="constant batch, compiled"),
    ]
    main(Benchmark(__file__, sides, "plain fastai", rate, targets), parser)
