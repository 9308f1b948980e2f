"""A frozen phase: seconds to train the head alone for some epochs, ours against plain fastai.

Ours computes the body's features once, since nothing in front of the head changes. Plain fastai sends each image
through the body in each epoch, and back: its batch norms keep learning, so the gradient runs through them all.
"""

from __future__ import annotations

import argparse
from time import perf_counter

from side_by_side import Benchmark, Target, lesions_of, lesions_parser, main
from training import plain_learner


def ours(given: argparse.Namespace) -> dict[str, float]:
    """`fit_head`: features once, then the head on them."""
    from lesionlib import learners

    dls = learners.dataloaders(lesions_of(given), size=given.size, bs=given.batch)
    learn = learners.lesion_learner(dls, arch=given.arch, pretrained=False, seed=0)
    start = perf_counter()
    learners.fit_head(learn, given.epochs)
    return figures(len(dls.train_ds), given.epochs, perf_counter() - start)


def fastai(given: argparse.Namespace) -> dict[str, float]:
    """A frozen `vision_learner` and `fit`, without augmentation."""
    with plain_learner(given, augment=False) as learn:
        learn.freeze()
        start = perf_counter()
        learn.fit(given.epochs, 1e-3)
        return figures(len(learn.dls.train_ds), given.epochs, perf_counter() - start)


def figures(images: int, epochs: int, seconds: float) -> dict[str, float]:
    """Images a second of the whole phase, validation included on both sides."""
    return {"images_per_second": images * epochs / seconds, "seconds": seconds}


if __name__ == "__main__":
    parser = lesions_parser(__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="of plain fastai's loader")
    rate = "images_per_second"
    targets = [Target("ours", rate, at_least=10, times="plain fastai")]
    main(Benchmark(__file__, {"ours": ours, "plain fastai": fastai}, "plain fastai", rate, targets), parser)
