"""How light the skin around a lesion is: the individual typology angle (ITA) and its six classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lesionlib.datasets.pixels import pixels
from lesionlib.datasets.schema import LesionDataset, digest
from lesionlib.errors import InputError

TONES = {"dark": -30, "brown": 10, "tan": 28, "intermediate": 41, "light": 55, "very light": np.inf}
"""The six classes and the ITA (degrees) that each reaches up to, that angle included."""

_AROUND = ("auto", "mask", "border")
_AT_ONCE = 256
# A tube's corners are black (L*); gray has no hue; skin's hue lies around orange (degrees), blue and green cloth's far.
_BLACK, _GRAY, _HUE, _HUES = 10, 1, 30, 75
# Of the brighter skin's L*: what is darker is the tube's rim, a shadow, a hair, or the lesion where no mask tells.
_SHADE = 0.7
# Share of the picture below which nothing is said.
_FEWEST = 0.005


def skin_tone(dataset: LesionDataset, around: str = "auto", size: int = 64) -> pd.DataFrame:
    """Measure the tone of the skin around each lesion, as the picture shows it.

    The individual typology angle is ``ITA = atan2(L* - 50, b*)`` in degrees, from CIELAB (D65), here of the median L*
    and b* of the skin's pixels. It falls as skin darkens. It is not the Fitzpatrick type, which says how skin takes the
    sun, and **lamp, exposure and white balance move it as much as skin does**: compare it within one camera. HAM10000
    shows how much. In 37 % of its images the skin is pink to violet, without any yellow (b* of 0 or less): in 4 % of
    those confirmed by follow-up, in 63 % of those by consensus. That is the camera, not the skin, so such an image has
    an angle, but no class.

    Parameters
    ----------
    dataset : LesionDataset
        Color photographs.
    around : {"auto", "mask", "border"}
        Where skin is looked for, always within the ellipse that touches the picture's sides: outside the lesion's mask,
        grown a little; or from half way out, ``"border"``, where a lesion in the middle seldom reaches. ``"auto"``
        takes the mask where there is one (not an empty one), ``"mask"`` asks for one of each image. To compare images
        with and without masks, take ``"border"`` for all.
    size : int
        Side in pixels to which the images are brought first, by `pixels`, which keeps them.

    Returns
    -------
    pandas.DataFrame
        One row an image, with the index of `dataset.frame`: image_id; ita (degrees, in (-180, 180], on skin with some
        yellow in (-90, 90)); tone, an ordered category (see `TONES`), missing where b* is 0 or less; lightness (L*, 0
        to 100) and b (b*), the medians; pixels, how many of the small picture they rest on. An image of which less than
        0.5 % shows skin (a lesion that fills it, shades of gray) has neither angle nor class.

    Raises
    ------
    InputError
        An unknown `around`; images without masks where they are asked for; or no skin in any image.

    Notes
    -----
    The angle and its classes are those of Chardon, Cretois and Hourseau (International Journal of Cosmetic Science 13,
    1991), with dark apart from brown as in Del Bino and Bernerd (British Journal of Dermatology 169, 2013). Kinyanjui
    and others (MICCAI 2020) measure it around the lesions of ISIC 2018, the training images of which are HAM10000.

    Not skin are pixels that are black, gray, or of a hue away from orange, and those darker than 0.7 of the
    80th percentile of the image's L*. There are others: a red cloth passes.
    """
    from kornia.color import rgb_to_lab  # brings torch along, for which the catalog shall not wait
    from torch import from_numpy

    if around not in _AROUND:
        raise InputError(f"around: {around!r} is not known; choose from {', '.join(_AROUND)}")
    small = pixels(dataset, size)
    beside = _beside_lesions(dataset, around, small.shape[:3])
    rows = []
    for start in range(0, len(small), _AT_ONCE):
        block = from_numpy(small[start : start + _AT_ONCE].astype(np.float32) / 255)
        lab = rgb_to_lab(block.permute(0, 3, 1, 2)).numpy()
        rows += map(_of_skin, lab, beside[start : start + _AT_ONCE])
    found = pd.DataFrame(rows, columns=["lightness", "b", "pixels"], index=dataset.frame.index)
    if found["b"].isna().all():
        raise InputError(
            f"{dataset.name}: no skin in any of its {len(dataset)} images; expected color photographs with skin around "
            "the lesion (of focused images, take the dataset from before on_lesion)"
        )
    ita = np.degrees(np.arctan2(found["lightness"] - 50, found["b"]))
    tone = pd.cut(ita.where(found["b"] > 0), [-np.inf, *TONES.values()], labels=list(TONES))
    return pd.concat([dataset.frame["image_id"], ita.rename("ita"), tone.rename("tone"), found], axis=1)


def _beside_lesions(dataset: LesionDataset, around: str, shape: tuple[int, int, int]) -> np.ndarray:
    """Where skin is looked for in each small image, bool (n, h, w)."""
    from scipy.ndimage import maximum_filter

    n, height, width = shape
    away = np.hypot(np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width))
    beside = np.repeat(((away > 0.5) & (away < 1))[None], n, axis=0)
    masked = np.flatnonzero(dataset.frame["mask"].notna())
    if around == "mask" and len(masked) < n:
        raise InputError(
            f"{dataset.name}: {n - len(masked)} of {n} images have no mask; expected one for each image: take "
            "around='auto' or 'border', or those that have one with dataset.where(mask=dataset.frame['mask'].dropna())"
        )
    if around == "border" or not len(masked):
        return beside
    frame = dataset.frame.iloc[masked]
    masks = replace(
        dataset,
        frame=frame.assign(image=frame["mask"]).reset_index(drop=True),
        files_digest=digest([dataset.files_digest, "masks"]),
    )
    lesion = pixels(masks, (height, width), resample="nearest")[..., 0] > 0
    near = maximum_filter(lesion, size=(1, 2 * round(height / 64) + 1, 2 * round(width / 64) + 1))
    marked = lesion.any(axis=(1, 2))
    beside[masked[marked]] = (away < 1) & ~near[marked]
    return beside


def _of_skin(lab: np.ndarray, beside: np.ndarray) -> tuple[float, float, int]:
    """Median L* and b* of the skin in one image (3, h, w), and the number of its pixels; NaN where it shows too few."""
    lightness, a, b = lab[:, beside]
    skin = (lightness > _BLACK) & (np.hypot(a, b) > _GRAY) & (np.abs(np.degrees(np.arctan2(b, a)) - _HUE) < _HUES)
    if skin.sum() < _FEWEST * beside.size:
        return np.nan, np.nan, int(skin.sum())
    lightness, b = lightness[skin], b[skin]
    bright = lightness >= _SHADE * np.quantile(lightness, 0.8)
    return float(np.median(lightness[bright])), float(np.median(b[bright])), int(bright.sum())
