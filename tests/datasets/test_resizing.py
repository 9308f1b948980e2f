"""What becomes of an image of another shape, or another size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tiny_ham10000 import tree

from lesionlib.datasets import pixels
from lesionlib.datasets.pixels import resized
from lesionlib.errors import InputError


@pytest.fixture
def wide() -> Image.Image:
    """40 x 20 pixels: four stripes of 10, from dark to light."""
    stripes = np.repeat(np.array([40, 100, 160, 220], dtype=np.uint8), 10)
    return Image.fromarray(np.repeat(stripes[None, :, None], 20, 0).repeat(3, 2))


def columns(image: Image.Image, row: int) -> list[int]:
    return np.asarray(image)[row, :, 0].tolist()


def test_padding_keeps_the_whole_image_between_black_bars(wide):
    padded = np.asarray(resized(wide, 20, "pad", "nearest"))
    assert padded.shape == (20, 20, 3)
    # 40 x 20 becomes 20 x 10, with bars of 5 above and below.
    assert padded[:5].max() == padded[15:].max() == 0
    assert (padded[5:15, :, 0] == np.repeat([40, 100, 160, 220], 5)).all()
    tall = np.asarray(resized(wide.rotate(90, expand=True), 20, "pad", "nearest"))
    assert tall[:, :5].max() == tall[:, 15:].max() == 0 and tall[:, 5:15].min() == 40
    exact = np.asarray(resized(wide, (10, 20), "pad", "nearest"))
    assert exact.min() == 40


def test_a_crop_keeps_the_middle(wide):
    cropped = resized(wide, 20, "crop", "nearest")
    assert cropped.size == (20, 20)
    assert columns(cropped, 0) == columns(cropped, 19) == [100] * 10 + [160] * 10


def test_a_squash_takes_all_and_changes_the_shape(wide):
    squashed = resized(wide, 20, "squash", "nearest")
    assert columns(squashed, 0) == columns(squashed, 19) == [40] * 5 + [100] * 5 + [160] * 5 + [220] * 5


def test_trimming_cuts_a_twentieth_off_each_side_and_squashes_the_rest(wide):
    # Of 40 x 20 pixels, 36 x 18 are left: 8 of the darkest stripe, and of the lightest.
    trimmed = resized(wide, 36, "trim", "nearest")
    assert trimmed.size == (36, 36)
    assert columns(trimmed, 0) == columns(trimmed, 35) == [40] * 8 + [100] * 10 + [160] * 10 + [220] * 8
    framed = np.full((100, 200, 3), 90, dtype=np.uint8)
    framed[:5], framed[-5:], framed[:, :10], framed[:, -10:] = 255, 255, 255, 255
    inside = np.asarray(resized(Image.fromarray(framed), (50, 50), "trim"))
    assert (inside[2:-2, 2:-2] == 90).all()


def test_the_middle_stays_where_it_is(wide):
    ramp = Image.fromarray(np.tile(np.linspace(0, 250, 200).astype(np.uint8)[None, :, None], (150, 1, 3)))
    middles = [np.asarray(resized(ramp, (75, 100), fit))[:, 49:51].mean() for fit in ("squash", "trim")]
    assert middles[0] == pytest.approx(middles[1], abs=1)


def test_a_disk_stays_a_disk(wide):
    y, x = np.mgrid[:60, :120]
    disk = Image.fromarray(((x - 60) ** 2 + (y - 30) ** 2 < 25**2).astype(np.uint8) * 255)
    for fit, round_ in (("pad", True), ("crop", True), ("squash", False)):
        lesion = np.asarray(resized(disk, 96, fit, "nearest")) > 0
        height, width = lesion.any(1).sum(), lesion.any(0).sum()
        assert (abs(int(height) - int(width)) <= 2) == round_, fit
        assert abs(np.argwhere(lesion).mean(0) - 47.5).max() <= 1


def test_nearest_takes_pixels_and_bilinear_mixes_them(wide):
    grays = {40, 100, 160, 220}
    assert set(columns(resized(wide, 32, "squash", "nearest"), 0)) == grays
    assert not set(columns(resized(wide, 32, "squash", "bilinear"), 0)) <= grays


def test_each_way_has_its_own_array_and_todays_keep_their_names(tiny, cache):
    usual = pixels(tiny, 16)
    (name,) = tree(cache / "pixels")
    assert name.endswith("-16x16.npy")
    ways = [(fit, resample) for fit in ("squash", "pad", "crop") for resample in ("bilinear", "nearest")]
    arrays = {way: np.array(pixels(tiny, 16, fit=way[0], resample=way[1])) for way in ways}
    stem = name.removesuffix(".npy")
    ends = ["", "-crop", "-crop-nearest", "-nearest", "-pad", "-pad-nearest"]
    assert sorted(tree(cache / "pixels")) == sorted(f"{stem}{end}.npy" for end in ends)
    np.testing.assert_array_equal(arrays["squash", "bilinear"], usual)
    for (fit, resample), array in arrays.items():
        expected = np.stack([np.asarray(resized(tiny.image(row), 16, fit, resample)) for row in range(len(tiny))])
        np.testing.assert_array_equal(array, expected)
    assert arrays["pad", "bilinear"][:, 0].max() == 0


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ({"fit": "stretch"}, "fit: 'stretch' is not known; choose from squash, pad, crop"),
        ({"fit": None}, "fit: None"),
        ({"resample": "cubic"}, "resample: 'cubic' is not known; choose from bilinear, nearest"),
        ({"resample": []}, "resample:"),
    ],
)
def test_unknown_ways_are_refused_in_one_line(tiny, cache, way, says):
    with pytest.raises(InputError, match=says) as caught:
        pixels(tiny, 16, **way)
    assert "\n" not in str(caught.value)
    assert not cache.exists()
