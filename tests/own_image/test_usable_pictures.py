"""What is no usable picture is refused in one line, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pictures import encoded, one_line, photo
from PIL import Image, ImageFilter

from lesionlib.errors import InputError
from lesionlib.own_image import opened, why_not
from lesionlib.own_image.usable import FORMATS

SIZE = (64, 64)
PHOTO = photo()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_opened(kind):
    image = opened(encoded(PHOTO, kind))
    assert image.mode == "RGB"
    assert image.size == PHOTO.size
    assert np.abs(np.asarray(image, dtype=float) - np.asarray(PHOTO)).mean() < 8
    assert why_not(image, SIZE) is None


def test_what_a_camera_turned_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image = opened(encoded(PHOTO.transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes()))
    assert np.array_equal(np.asarray(image), np.asarray(PHOTO))


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("CMYK", "TIFF"), ("CMYK", "JPEG")])
def test_other_modes_become_colors(mode, kind):
    image = opened(encoded(PHOTO.convert(mode), kind))
    assert np.abs(np.asarray(image, dtype=float) - np.asarray(PHOTO)).mean() < 8


def test_what_is_transparent_is_white():
    image = PHOTO.convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    assert (np.asarray(opened(encoded(image))) == 255).all()


NO_PICTURE = {
    "nothing": (b"", "no picture that can be read"),
    "text": (b"melanoma: yes", "no picture that can be read"),
    # Pillow would start Ghostscript for it.
    "a program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture that can be read"),
    "another format": (encoded(PHOTO, "GIF"), "expected JPEG, PNG, TIFF, BMP, WEBP"),
    "a cut JPEG": (encoded(PHOTO, "JPEG")[:-400], "not a whole picture"),
    "a cut PNG": (encoded(PHOTO)[:-4000], "not a whole picture"),
    "a head alone": (encoded(PHOTO)[:40], "no picture that can be read"),
}


@pytest.mark.parametrize("what", NO_PICTURE)
def test_what_is_no_picture(what):
    content, said = NO_PICTURE[what]
    with pytest.raises(InputError) as error:
        opened(content, "mole.jpg")
    assert one_line(error).startswith("mole.jpg: ")
    assert said in str(error.value)
    assert "BytesIO" not in str(error.value)


@pytest.mark.parametrize("most", [PHOTO.width * PHOTO.height - 1, PHOTO.width * PHOTO.height // 3])
def test_a_picture_that_would_fill_the_memory(monkeypatch, most):
    content = encoded(PHOTO)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with pytest.raises(InputError, match=f"mole: more than {most:,} pixels; save it smaller") as error:
        opened(content, "mole")
    one_line(error)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", PHOTO.width * PHOTO.height)
    opened(content)


def gray(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def faint(image: Image.Image) -> Image.Image:
    return Image.blend(Image.new("RGB", image.size, (200, 150, 120)), image, 0.03)


USELESS = {
    "too small": (PHOTO.resize((63, 64)), "it has 63 x 64 pixels and the model looks at 64 x 64"),
    "too flat": (PHOTO.resize((64, 63)), "it has 64 x 63 pixels"),
    "a strip": (PHOTO.resize((300, 100)), "it is 3.0 times as long as wide, expected 2 at most"),
    "an upright strip": (PHOTO.resize((70, 300)), "it is 4.3 times as long as wide"),
    "black": (Image.new("RGB", (90, 90)), "nearly the same everywhere"),
    "one color": (Image.new("RGB", (90, 90), (200, 150, 120)), "nearly the same everywhere"),
    "too faint": (faint(PHOTO), "nearly the same everywhere"),
    "gray": (gray(PHOTO), "it has no color"),
    "blurred": (photo(size=(800, 600)).filter(ImageFilter.GaussianBlur(90)), "it is blurred"),
    "enlarged from next to nothing": (PHOTO.resize((8, 8)).resize((400, 400), Image.Resampling.BICUBIC), "blurred"),
}


@pytest.mark.parametrize("what", USELESS)
def test_what_is_not_usable(what):
    image, said = USELESS[what]
    reason = why_not(image, SIZE)
    assert said in reason
    assert "\n" not in reason


def test_a_camera_a_little_out_of_focus_passes():
    assert why_not(photo(size=(800, 600)).filter(ImageFilter.GaussianBlur(4)), SIZE) is None


def test_16_bits_of_gray_are_read_and_have_no_color():
    levels = np.asarray(PHOTO.convert("L")).astype(np.uint16) * 257
    assert "no color" in why_not(opened(encoded(Image.fromarray(levels), "TIFF")), SIZE)


@settings(max_examples=60, deadline=None)
@given(width=st.integers(8, 200), height=st.integers(8, 200), size=st.tuples(st.integers(8, 96), st.integers(8, 96)))
def test_only_the_shape_decides_about_a_good_picture(width, height, size):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    large_enough = width >= size[1] and height >= size[0]
    reason = why_not(Image.fromarray(noise), size)
    assert (reason is None) == (large_enough and max(width, height) <= 2 * min(width, height))
