"""Write what a phantom consists of, the same bytes whenever it is written: images, archives and tables."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lesionlib.datasets.phantom.cases import Photograph, truth
from lesionlib.datasets.phantom.draw import Drawing, draw

_JPEG_QUALITY = 90
_EPOCH = (1980, 1, 1, 0, 0, 0)
TRUTH = "phantom_truth.csv"


def drawn(shots: list[Photograph], size: int) -> Iterator[tuple[Photograph, Drawing]]:
    """Draw each photograph, `size` pixels high."""
    return ((shot, draw(shot.case.lesion, shot.camera, size)) for shot in shots)


@contextmanager
def archive(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Open a new zip archive; gives what adds a member by its name and content, undated and not compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as opened:
        yield lambda name, content: opened.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def put(path: Path, content: bytes) -> None:
    """Write a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def jpeg(picture: np.ndarray) -> bytes:
    """A picture, uint8 (h, w, 3), as JPEG."""
    return _encoded(Image.fromarray(picture), "JPEG", quality=_JPEG_QUALITY)


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 (h, w, 3), or a mask, bool (h, w), as PNG."""
    if picture.dtype == bool:
        return _encoded(Image.fromarray(picture.astype(np.uint8) * 255), "PNG", compress_level=4)
    # Noise hardly compresses: a higher level takes as long as drawing does.
    return _encoded(Image.fromarray(picture), "PNG", compress_level=1)


def bmp(picture: np.ndarray) -> bytes:
    """A picture, uint8 (h, w, 3), or a mask, bool (h, w), as BMP: 24 bits a pixel, or 1."""
    return _encoded(Image.fromarray(picture), "BMP")


def _encoded(image: Image.Image, kind: str, **how: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, missing cells empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, lineterminator="\n")


def write_truth(folder: Path, image_ids: list[str], shots: list[Photograph]) -> None:
    """Write what was drawn, by the ids that the dataset's reader gives the images."""
    write_table(folder / TRUTH, truth(image_ids, shots))
