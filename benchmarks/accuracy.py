"""What the speed costs: accuracy after the same training, ours against plain fastai, three seeds.

Both start from the same ImageNet weights and train the head alone for an epoch, then all layers, with the same batch
and augmentation (`aug_transforms`), and both are asked once a seed about the same held-back lesions. Each has the rates
that its users find in its guide: plain fastai the defaults of `fine_tune`, ours those of the README, since its head is
a single layer and learns too slowly with fastai's.
"""

from __future__ import annotations

import argparse

import numpy as np
from side_by_side import Benchmark, Target, lesions_of, lesions_parser, main
from training import plain_learner, quiet


def ours(given: argparse.Namespace) -> dict[str, float]:
    """`fine_tune` of this library's learner, with the README's rates."""
    from fastai.vision.augment import aug_transforms

    from lesionlib import learners

    dls = learners.dataloaders(lesions_of(given), size=given.size, bs=given.batch, augment=aug_transforms())
    learn = learners.lesion_learner(dls, arch=given.arch, seed=given.round)
    with quiet(learn):
        learn.fine_tune(given.epochs, base_lr=given.base_lr, lr_mult=given.lr_mult)
    found = learners.predict(learn, "valid")
    return scores(found.y_true, found.y_prob)


def fastai(given: argparse.Namespace) -> dict[str, float]:
    """`fine_tune` of `vision_learner` with its default rates, and the same weights in its body."""
    from fastai.torch_core import set_seed

    set_seed(given.round, reproducible=True)
    with plain_learner(given, augment=True, pretrained=True) as learn:
        learn.fine_tune(given.epochs)
        answers, truth = learn.get_preds(ds_idx=1)
        return scores(np.asarray(truth), np.asarray(answers))


def scores(truth: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """Accuracy, balanced accuracy and macro AUC, each in [0, 1]."""
    from lesionlib import metrics

    overall = metrics.report(truth, answers / answers.sum(axis=1, keepdims=True)).overall
    return {name: float(overall[name]) for name in ("accuracy", "balanced_accuracy", "macro_auc")}


if __name__ == "__main__":
    parser = lesions_parser(__doc__, images=4000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2, help="of all layers, after one of the head")
    parser.add_argument("--base-lr", type=float, default=8e-3, help="of ours")
    parser.add_argument(
        "--lr-mult", type=float, default=10, help="of ours: how much lower the stem's rate is than the head's"
    )
    parser.add_argument("--workers", type=int, default=2, help="of plain fastai's loader")
    targets = [Target("ours", name, at_least=1, times="plain fastai") for name in ("accuracy", "macro_auc")]
    main(Benchmark(__file__, {"ours": ours, "plain fastai": fastai}, "plain fastai", "accuracy", targets), parser)
