"""Inference: images a second of a whole split, ours against plain fastai; and how long one image takes alone."""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np
from side_by_side import Benchmark, Target, lesions_of, lesions_parser, main
from training import plain_learner


def ours(given: argparse.Namespace) -> dict[str, float]:
    """`predict` on the training images, without views; and the network on one image at a time."""
    import torch

    from lesionlib import learners

    dls = learners.dataloaders(lesions_of(given), size=given.size, bs=given.batch)
    learn = learners.lesion_learner(dls, arch=given.arch, pretrained=False, seed=0)
    learners.predict(learn, "valid")
    start = perf_counter()
    found = learners.predict(learn, "train")
    seconds = perf_counter() - start
    one = torch.rand(1, 3, given.size, given.size).to(dls.device)
    return {"images_per_second": len(found.y_true) / seconds} | latency(learn.model, one)


def fastai(given: argparse.Namespace) -> dict[str, float]:
    """`get_preds` on the same images, from their files."""
    import torch

    with plain_learner(given, augment=False) as learn:
        learn.get_preds(ds_idx=1)
        start = perf_counter()
        # The training images in order, as a test set: nothing is shuffled or dropped.
        items = learn.dls.test_dl(learn.dls.train_ds.items, with_labels=True)
        answers, _ = learn.get_preds(dl=items)
        seconds = perf_counter() - start
        one = torch.rand(1, 3, given.size, given.size).to(learn.dls.device)
        return {"images_per_second": len(answers) / seconds} | latency(learn.model, one)


def latency(model, image, repeats: int = 200) -> dict[str, float]:
    """Milliseconds of a forward pass of one image: the median, and what 95 of 100 stay below."""
    import torch

    model.eval()
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 20):
            start = perf_counter()
            model(image)
            if image.is_cuda:
                torch.cuda.synchronize()
            times.append(1000 * (perf_counter() - start))
    return {"median_ms": float(np.median(times[20:])), "p95_ms": float(np.percentile(times[20:], 95))}


if __name__ == "__main__":
    parser = lesions_parser(__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2, help="of plain fastai's loader")
    rate = "images_per_second"
    targets = [Target("ours", rate, at_least=3, times="plain fastai")]
    main(Benchmark(__file__, {"ours": ours, "plain fastai": fastai}, "plain fastai", rate, targets), parser)
