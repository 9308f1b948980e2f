"""The pixel cache: images a second while it is built, milliseconds to open it again."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

from side_by_side import Benchmark, Target, lesions_of, lesions_parser, main


def cache(given: argparse.Namespace) -> dict[str, float]:
    """Build the array in an empty folder, then open it once more."""
    from lesionlib import datasets

    lesions = lesions_of(given)
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        datasets.pixels(lesions, given.size, folder=Path(folder))
        built = perf_counter()
        array = datasets.pixels(lesions, given.size, folder=Path(folder))
        opened = perf_counter()
    return {"images_per_second": len(array) / (built - start), "open_ms": 1000 * (opened - built)}


def decoding(given: argparse.Namespace) -> dict[str, float]:
    """The same images decoded and resized one after the other by Pillow, and thrown away."""
    from PIL import Image

    lesions = lesions_of(given)
    start = perf_counter()
    for row in range(len(lesions)):
        lesions.image(row).resize((given.size, given.size), Image.Resampling.BILINEAR)
    return {"images_per_second": len(lesions) / (perf_counter() - start)}


if __name__ == "__main__":
    parser = lesions_parser(__doc__)
    rate = "images_per_second"
    targets = [Target("cache", rate, at_least=1000), Target("cache", "open_ms", at_most=50)]
    main(Benchmark(__file__, {"cache": cache, "Pillow": decoding}, "Pillow", rate, targets), parser)
