"""Images decoded and resized once, in one memory-mapped array."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lesionlib.atomic import atomic_file
from lesionlib.datasets.library import cache_root
from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError
from lesionlib.numeric import is_whole

# Images that wait in memory to be written.
_AT_ONCE = 256

_FITS = ("squash", "pad", "crop", "trim")
# Of each side, for ``fit="trim"``.
_TRIMMED = 0.05
_RESAMPLES = {"bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}


def pixels(
    dataset: LesionDataset,
    size: int | tuple[int, int] = 128,
    folder: Path | None = None,
    fit: str = "squash",
    resample: str = "bilinear",
) -> np.ndarray:
    """Give the dataset's pixels as a read-only, memory-mapped array of uint8, n x h x w x 3 (RGB).

    The first call decodes and resizes each image and stores the array whole or not at all; later calls open it.
    mendes2018 (section III) keeps its images in LMDB to the same end.

    Parameters
    ----------
    dataset : LesionDataset
        Row i of the frame is image i of the array.
    size : int or (int, int)
        Side of a square, or height and width, in pixels.
    folder : Path, optional
        Where to keep it; else ``pixels`` in the user's cache.
    fit : {"squash", "pad", "crop", "trim"}
        What becomes of an image of another shape than `size`: see `resized`.
    resample : {"bilinear", "nearest"}
        How it is resized.

    Returns
    -------
    numpy.ndarray, shape (n, h, w, 3)
        uint8, read-only.

    Raises
    ------
    InputError
        A size below 8, an unknown `fit` or `resample`, an image that cannot be decoded (named), or a disk that cannot
        be written.
    """
    height, width = height_width(size)
    check_resizing(fit, resample)
    ways = [way for way, usual in ((fit, "squash"), (resample, "bilinear")) if way != usual]
    name = "-".join([_key(dataset), f"{height}x{width}", *ways])
    target = Path(folder or cache_root() / "pixels") / f"{name}.npy"
    if not target.is_file():
        _decode(dataset, (height, width), fit, resample, target)
    try:
        return np.load(target, mmap_mode="r")
    except (ValueError, EOFError) as error:
        raise InputError(f"{target}: damaged ({error}); remove the file, and it is made again") from error


def resized(
    image: Image.Image, size: int | tuple[int, int], fit: str = "squash", resample: str = "bilinear"
) -> Image.Image:
    """Resize one image as `pixels` does, or its mask alike (with ``resample="nearest"``).

    Parameters
    ----------
    image : PIL.Image.Image
    size : int or (int, int)
        Side of a square, or height and width, in pixels.
    fit : {"squash", "pad", "crop", "trim"}
        ``squash`` changes the image's shape; ``pad`` keeps it, and the whole image, with black bars on two sides
        (letterbox); ``crop`` keeps it too, fills the size, and cuts off what stands over on two sides. The image stays
        in the middle. ``trim`` cuts a twentieth off each of the four sides and squashes the rest: lucius2020 (section
        2.2) made its smaller images "by cropping, distorting and linear resizing", and says no more.
    resample : {"bilinear", "nearest"}
        nedelcu2021 (section III-C) squashes with the nearest neighbor, and names what keeps the aspect as future work.

    Raises
    ------
    InputError
        A size below 8, or an unknown `fit` or `resample`.
    """
    height, width = height_width(size)
    check_resizing(fit, resample)
    method = _RESAMPLES[resample]
    if fit == "pad":
        return ImageOps.pad(image, (width, height), method)
    if fit == "crop":
        return ImageOps.fit(image, (width, height), method)
    edge = [_TRIMMED * side if fit == "trim" else 0 for side in image.size]
    box = (*edge, image.width - edge[0], image.height - edge[1])
    return image.resize((width, height), method, box, reducing_gap=3.0)


def check_resizing(fit: str, resample: str) -> None:
    """Refuse a `fit` or `resample` that `resized` does not know."""
    if fit not in _FITS:
        raise InputError(f"fit: {fit!r} is not known; choose from {', '.join(_FITS)}")
    if resample not in list(_RESAMPLES):
        raise InputError(f"resample: {resample!r} is not known; choose from {', '.join(_RESAMPLES)}")


def height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """Give height and width of a size in pixels; refuse what is none."""
    sides = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
    if len(sides) != 2 or not all(is_whole(side, 8) for side in sides):
        raise InputError(f"size is {size!r}; expected pixels, 8 or more: a whole number, or height and width")
    return int(sides[0]), int(sides[1])


def _key(dataset: LesionDataset) -> str:
    """Name the array after the files and their order, not after labels or splits."""
    lines = [dataset.files_digest, *dataset.frame["image_id"]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _decode(dataset: LesionDataset, size: tuple[int, int], fit: str, resample: str, target: Path) -> None:
    height, width = size
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(dataset), height, width, 3)}

    def picture(row: int) -> bytes:
        return resized(dataset.image(row), size, fit, resample).tobytes()

    # Written in order, not through a memory map: there, a full disk kills the process (SIGBUS).
    with atomic_file(target) as part, part.open("wb") as file, ThreadPoolExecutor(cpu_count()) as pool:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(dataset), _AT_ONCE):
            file.writelines(pool.map(picture, range(start, min(start + _AT_ONCE, len(dataset)))))
