"""Images decoded and resized once, in one memory-mapped array."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
from PIL import Image

from lesionlib.atomic import atomic_file
from lesionlib.datasets.library import cache_root
from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError


def pixels(dataset: LesionDataset, size: int | tuple[int, int] = 128, folder: Path | None = None) -> np.ndarray:
    """Give the dataset's pixels as a read-only, memory-mapped array of uint8, n x h x w x 3 (RGB).

    The first call decodes and resizes each image (the aspect is not kept where `size` has
    another) and stores the array whole or not at all; later calls open it. mendes2018 (section
    III) keeps its images in LMDB to the same end.

    Parameters
    ----------
    dataset : LesionDataset
        Row i of the frame is image i of the array.
    size : int or (int, int)
        Side of a square, or height and width, in pixels.
    folder : Path, optional
        Where to keep it; else ``pixels`` in the user's cache.

    Raises
    ------
    InputError
        A size below 8, an image that cannot be decoded (named), or a disk that cannot be written.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 8:
        raise InputError(f"images are at least 8 x 8 pixels; got size {height} x {width} (height x width)")
    target = (folder or cache_root() / "pixels") / f"{_key(dataset)}-{height}x{width}.npy"
    if not target.is_file():
        _decode(dataset, (height, width), target)
    return np.load(target, mmap_mode="r")


def _key(dataset: LesionDataset) -> str:
    """Name the array after the files and their order, not after labels or splits."""
    lines = [dataset.files_digest, *dataset.frame["image_id"]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _decode(dataset: LesionDataset, size: tuple[int, int], target: Path) -> None:
    height, width = size
    shape = (len(dataset), height, width, 3)
    with atomic_file(target) as part:
        array = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)

        def place(row: int) -> None:
            array[row] = dataset.image(row).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)

        with ThreadPoolExecutor(cpu_count()) as pool:
            # list() lets the first error through.
            list(pool.map(place, range(len(dataset))))
        array.flush()
