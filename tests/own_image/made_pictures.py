"""Pictures that nobody took: a dark spot on skin, with texture."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

SKIN = np.array([205, 155, 125])


def photo(darkness: float = 0.4, seed: int = 0, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """A round spot, `darkness` times as bright as the skin around it, with blotches; width and height in `size`."""
    width, height = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    spot = np.hypot(x, y) < 0.6 + 0.1 * np.sin(7 * np.arctan2(y, x))
    coarse = Image.fromarray(rng.integers(0, 256, (30, 30), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    blotches = (np.asarray(coarse, dtype=float) - 128) / 6
    levels = SKIN * np.where(spot, darkness, 1.0)[..., None] + blotches[..., None]
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def one_line(error) -> str:
    """Text of a caught error, checked to be the one line that users see."""
    text = str(error.value)
    assert text and "\n" not in text
    return text


def all_files(*roots: Path) -> dict[Path, tuple[int, int]]:
    """Every file below the folders, with its size and the time when it was changed."""
    files = [path for root in roots for path in Path(root).rglob("*") if path.is_file()]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}
