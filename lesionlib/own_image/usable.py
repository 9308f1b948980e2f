"""Can a model be asked about this picture? If not, one line says why.

What is refused is what can be measured: a file that is no picture, a picture that is too small, too long, without
content, without color, or blurred. Whether it shows a lesion, or skin at all, nothing here can tell.
"""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np
from PIL import Image, UnidentifiedImageError
from scipy.fft import dctn

from lesionlib.datasets.decoding import UNDECODABLE, decode
from lesionlib.errors import InputError

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
"""What is opened. Pillow knows more, some by way of other programs, which a stranger's file should not start."""

LONGEST = 2.0
"""Most that a picture may be longer than wide: brought to a square, a circle would be twice as long as wide."""

# Each is about half of what the least of HAM10000's 10,015 images has.
FAINTEST = 2.0
"""Least standard deviation of the gray levels, of 255."""

PALEST = 2.5
"""Least mean distance between the strongest and the weakest of red, green and blue, of 255."""

COARSEST = 0.001
"""Least share of the contrast (variance of the gray levels) in patterns finer than an eighth of the picture."""

# The side at which content is measured: a phone's picture and a small one then count alike.
_SIDE, _WAVES = 64, 8


def opened(content: bytes, name: str = "the picture") -> Image.Image:
    """Decode a picture file: the first frame, upright, RGB; transparent places are white.

    Parameters
    ----------
    content : bytes
        The file: JPEG, PNG, TIFF, BMP or WebP.
    name : str
        Stands in the message.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    InputError
        No picture of these formats, one that is cut off or damaged, or one that would fill the memory.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 million pixels on, which no camera for lesions has, and raises at twice as many.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=FORMATS):
                pass
            return decode(content)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = Image.MAX_IMAGE_PIXELS or 0
        raise InputError(f"{name}: more than {most:,} pixels; save it smaller and try again") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{name}: no picture that can be read; expected {', '.join(FORMATS)} (save a phone's HEIC as JPEG)"
        ) from error
    except UNDECODABLE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{name}: not a whole picture ({reason}); copy or save it again") from error


def why_not(picture: Image.Image, size: tuple[int, int]) -> str | None:
    """Say why a model cannot be asked about a picture; None where it can.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB, upright, as `opened` gives it.
    size : (int, int)
        Height and width, in pixels, of what the model looks at.

    Returns
    -------
    str or None
        What was found, what was expected, what to do.
    """
    return _shape(picture, *size) or _content(picture)


def _shape(picture: Image.Image, height: int, width: int) -> str | None:
    if picture.width < width or picture.height < height:
        return (
            f"it has {picture.width} x {picture.height} pixels and the model looks at {width} x {height}; "
            "take a larger picture (enlarging this one adds nothing)"
        )
    times = max(picture.size) / min(picture.size)
    if times > LONGEST:
        return (
            f"it is {times:.1f} times as long as wide, expected {LONGEST:g} at most; crop it, with the lesion in the "
            "middle"
        )
    return None


def _content(picture: Image.Image) -> str | None:
    small = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    levels = np.asarray(small.convert("L"), dtype=float)
    if levels.std() < FAINTEST:
        return (
            f"it is nearly the same everywhere (its gray levels vary by {levels.std():.1f}, expected {FAINTEST:g} or "
            "more); take it again, with light"
        )
    color = np.ptp(np.asarray(small, dtype=float), axis=2).mean()
    if color < PALEST:
        return (
            f"it has no color (red, green and blue are {color:.1f} apart, expected {PALEST:g} or more), and the model "
            "was trained on color; take it in color"
        )
    detail = _detail(picture)
    if detail < COARSEST:
        return (
            f"it is blurred ({detail:.2%} of its contrast is in patterns finer than an eighth of the picture, "
            f"expected {COARSEST:.2%} or more); take it again, in focus"
        )
    return None


def _detail(picture: Image.Image) -> float:
    """Share of the contrast in fine patterns, from the cosine transform: blur takes the fine waves first."""
    gray = picture.convert("L").convert("F").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    energy = dctn(np.asarray(gray, dtype=float), norm="ortho") ** 2
    energy[0, 0] = 0  # the mean
    half_waves = np.hypot(*np.mgrid[:_SIDE, :_SIDE])
    return float(energy[half_waves >= 2 * _WAVES].sum() / energy.sum())
