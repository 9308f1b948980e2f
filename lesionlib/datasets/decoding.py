"""Image files of every kind, decoded to upright 8-bit RGB or gray."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises on damaged files."""

# What white is, by Pillow's mode: the first that holds the brightest pixel.
_WHITE = {
    "I;16": (65535,),
    "I;16L": (65535,),
    "I;16B": (65535,),
    "I;16N": (65535,),
    "I": (255, 65535, 2**31 - 1),
    "F": (1, 255, 65535),
}


def decode(content: bytes, mode: str = "RGB") -> Image.Image:
    """Decode an image file, upright as its EXIF orientation says, in `mode`.

    Gray levels of 16 bits are scaled to 8 (65,535 is white); whole numbers of 32 bits and floating-point levels
    have no fixed white, so it is the smallest of 1 (floating-point only), 255, 65,535 and 2,147,483,647 (whole
    numbers only) that holds the image's brightest pixel. Transparent pixels lie over white, as a viewer
    shows them; in a mask (mode ``"L"``) over black, since they are not the lesion. CMYK becomes RGB without a
    color profile. Of several frames or pages, the first is taken.

    Parameters
    ----------
    content : bytes
        The file.
    mode : {"RGB", "L"}
        Pillow's mode of the answer.

    Raises
    ------
    Exception
        One of `UNDECODABLE` where the file is truncated, damaged or no image.
    """
    with Image.open(BytesIO(content)) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode in _WHITE:
            image = _eight_bits(image)
        elif image.has_transparency_data:
            image = _over("black" if mode == "L" else "white", image)
        return image.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    levels = np.asarray(image, dtype=np.float64)
    brightest = levels.max()
    white = next((white for white in _WHITE[image.mode] if brightest <= white), None)
    if white is None or not np.isfinite(levels).all():
        raise ValueError(f"its gray levels reach {brightest:g}; expected at most {_WHITE[image.mode][-1]}")
    return Image.fromarray(np.clip(np.rint(levels * (255 / white)), 0, 255).astype(np.uint8))


def _over(color: str, image: Image.Image) -> Image.Image:
    background = Image.new("RGBA", image.size, color)
    return Image.alpha_composite(background, image.convert("RGBA"))
