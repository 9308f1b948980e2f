"""Images decoded and resized once, in one memory-mapped array."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from os import cpu_count
from pathlib import Path

import numpy as np
from PIL import Image

from lesionlib.atomic import atomic_file
from lesionlib.datasets.library import cache_root
from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError

# Images that wait in memory to be written.
_AT_ONCE = 256


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
    height, width = _height_width(size)
    target = Path(folder or cache_root() / "pixels") / f"{_key(dataset)}-{height}x{width}.npy"
    if not target.is_file():
        _decode(dataset, (height, width), target)
    try:
        return np.load(target, mmap_mode="r")
    except (ValueError, EOFError) as error:
        raise InputError(f"{target}: damaged ({error}); remove the file, and it is made again") from error


def _height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    sides = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
    whole = all(isinstance(side, Integral) and not isinstance(side, bool) for side in sides)
    if len(sides) != 2 or not whole or min(sides) < 8:
        raise InputError(f"size is {size!r}; expected pixels, 8 or more: a whole number, or height and width")
    return int(sides[0]), int(sides[1])


def _key(dataset: LesionDataset) -> str:
    """Name the array after the files and their order, not after labels or splits."""
    lines = [dataset.files_digest, *dataset.frame["image_id"]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _decode(dataset: LesionDataset, size: tuple[int, int], target: Path) -> None:
    height, width = size
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(dataset), height, width, 3)}

    def picture(row: int) -> bytes:
        return dataset.image(row).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0).tobytes()

    # Written in order, not through a memory map: there, a full disk kills the process (SIGBUS).
    with atomic_file(target) as part, part.open("wb") as file, ThreadPoolExecutor(cpu_count()) as pool:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(dataset), _AT_ONCE):
            file.writelines(pool.map(picture, range(start, min(start + _AT_ONCE, len(dataset)))))
