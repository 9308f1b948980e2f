"""Memory and time of training steps on 1,000 and on 100,000 images: both should stay flat.

The pixel array is a sparse memory map, so that no 100,000 images have to be there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
from side_by_side import Benchmark, Target, main


def steps_on(images: int):
    """Return a side that trains on as many images."""

    def side(given: argparse.Namespace) -> dict[str, float]:
        import timm
        import torch

        from lesionlib.learners.batches import BatchDL
        from lesionlib.learners.loading import PixelItems, ToFloat

        with tempfile.TemporaryDirectory() as folder:
            array = np.memmap(Path(folder) / "sparse", np.uint8, "w+", shape=(images, given.size, given.size, 3))
            items = PixelItems(array, np.arange(images), np.arange(images) % 7, None, split_idx=0)
            loader = BatchDL(items, bs=given.batch, shuffle=True, num_workers=0, after_batch=[ToFloat()])
            net = timm.create_model(given.arch, num_classes=7).to(memory_format=torch.channels_last)
            adam = torch.optim.AdamW(net.parameters())
            batches, start = endless(loader), None
            for number in range(given.steps + given.warm_up):
                if number == given.warm_up:
                    start = perf_counter()
                x, y = next(batches)
                loss = torch.nn.functional.cross_entropy(net(x.as_subclass(torch.Tensor)), y.as_subclass(torch.Tensor))
                loss.backward()
                adam.step()
                adam.zero_grad()
            seconds = perf_counter() - start
        return {
            "images_per_second": given.steps * given.batch / seconds,
            "own_memory_mib": own_memory() / 2**20,
        }

    return side


def endless(loader):
    """Yield batches without end."""
    while True:
        yield from loader


def own_memory() -> int:
    """Bytes of this process alone: pages of the file, which the system may drop at any time, are not its own."""
    info = psutil.Process().memory_info()
    # Linux counts mapped files as shared, also where nobody shares them; "uss" would count them as ours.
    return info.rss - info.shared


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--warm-up", type=int, default=5)
    sides = {"1,000 images": steps_on(1_000), "100,000 images": steps_on(100_000)}
    rate = "images_per_second"
    targets = [
        Target("100,000 images", rate, at_least=0.9, at_most=1.1, times="1,000 images"),
        Target("100,000 images", "own_memory_mib", at_least=0.9, at_most=1.1, times="1,000 images"),
    ]
    main(Benchmark(__file__, sides, "1,000 images", rate, targets), parser)
