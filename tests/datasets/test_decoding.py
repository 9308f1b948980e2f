"""Every kind of image file gives upright 8-bit pixels, or one line that says why not."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from tiny_ham10000 import picture, refused

from lesionlib.datasets.files import ImageFiles
from lesionlib.errors import InputError

GRAY = np.arange(0, 240, 20, dtype=np.uint8).reshape(3, 4)
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
# Corners of an upright picture: top left, top right, bottom left, bottom right.
CORNERS = (RED, GREEN, BLUE, WHITE)
STORED_AS = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(folder, content: bytes, mode: str = "RGB") -> np.ndarray:
    (folder / "image").write_bytes(content)
    image = ImageFiles(folder).image("image", mode)
    assert image.mode == mode
    return np.asarray(image)


def gray_as_rgb(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels[..., None], 3, axis=2)


def upright() -> np.ndarray:
    pixels = np.zeros((16, 24, 3), dtype=np.uint8)
    for number, color in enumerate(CORNERS):
        rows = slice(0, 8) if number < 2 else slice(8, 16)
        columns = slice(0, 12) if number % 2 == 0 else slice(12, 24)
        pixels[rows, columns] = color
    return pixels


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(("kind", "tolerance"), [("JPEG", 4), ("PNG", 0), ("TIFF", 0), ("WEBP", 0)])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_all_eight_orientations_come_upright(tmp_path, kind, orientation, tolerance):
    stored = Image.fromarray(np.ascontiguousarray(STORED_AS[orientation](upright())))
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    pixels = decoded(tmp_path, encoded(stored, kind, exif=turned(orientation), **options))
    assert pixels.shape == (16, 24, 3)
    corners = pixels[[1, 1, 14, 14], [1, 22, 1, 22]].astype(int)
    assert np.abs(corners - CORNERS).max() <= tolerance


def test_an_ordinary_jpeg_is_what_pillow_makes_of_it(tmp_path):
    for image in (picture(1), picture(2).convert("L")):
        content = encoded(image, "JPEG", quality=80)
        plain = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        assert np.array_equal(decoded(tmp_path, content), plain)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, kind):
    levels = np.array([[0, 128, 129, 257], [4095, 4096, 32767, 32768], [65278, 65406, 65407, 65535]], dtype=np.uint16)
    pixels = decoded(tmp_path, encoded(Image.fromarray(levels), kind))
    assert np.array_equal(pixels, gray_as_rgb(np.rint(levels / 257).astype(np.uint8)))
    assert pixels[..., 0].tolist() == [[0, 0, 1, 1], [16, 16, 127, 128], [254, 254, 255, 255]]


def test_sixteen_bits_of_the_other_byte_order(tmp_path):
    levels = GRAY.astype(">u2") * 257
    assert np.array_equal(decoded(tmp_path, encoded(Image.fromarray(levels), "TIFF")), gray_as_rgb(GRAY))


@pytest.mark.parametrize("white", [255, 65535, 2**31 - 1])
def test_whole_numbers_of_32_bits_find_their_white(tmp_path, white):
    levels = np.rint(GRAY / 255 * white).astype(np.int32)
    levels[-1, -1] = white
    expected = GRAY.copy()
    expected[-1, -1] = 255
    assert np.array_equal(decoded(tmp_path, encoded(Image.fromarray(levels), "TIFF")), gray_as_rgb(expected))


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_floating_point_levels_find_their_white(tmp_path, white):
    levels = (GRAY / 255 * white).astype(np.float32)
    levels[0, 0], levels[-1, -1] = -0.1, white
    expected = GRAY.copy()
    expected[-1, -1] = 255
    assert np.array_equal(decoded(tmp_path, encoded(Image.fromarray(levels), "TIFF")), gray_as_rgb(expected))


@pytest.mark.parametrize("level", [np.nan, np.inf, 1e9])
def test_levels_without_a_white_are_refused(tmp_path, level):
    levels = GRAY.astype(np.float32)
    levels[1, 1] = level
    content = encoded(Image.fromarray(levels), "TIFF")
    refused(lambda: decoded(tmp_path, content), str(tmp_path / "image"), "gray levels reach", "at most 65535")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_gray_and_one_bit(tmp_path, kind):
    assert np.array_equal(decoded(tmp_path, encoded(Image.fromarray(GRAY), kind)), gray_as_rgb(GRAY))
    bits = np.asarray(GRAY > 100)
    expected = np.where(bits, 255, 0).astype(np.uint8)
    assert np.array_equal(decoded(tmp_path, encoded(Image.fromarray(bits), kind)), gray_as_rgb(expected))
    assert np.array_equal(decoded(tmp_path, encoded(Image.fromarray(bits), kind), "L"), expected)


def test_a_palette_gives_its_colors_and_its_gaps(tmp_path):
    image = Image.new("P", (4, 1))
    image.putpalette([*RED, *GREEN, *BLUE, 9, 9, 9])
    image.putdata([0, 1, 2, 3])
    assert decoded(tmp_path, encoded(image, "PNG"))[0].tolist() == [list(c) for c in (RED, GREEN, BLUE, (9, 9, 9))]
    one_gap = decoded(tmp_path, encoded(image, "PNG", transparency=1))[0].tolist()
    assert one_gap == [list(c) for c in (RED, WHITE, BLUE, (9, 9, 9))]
    by_degrees = decoded(tmp_path, encoded(image, "PNG", transparency=bytes([255, 0, 51, 255])))[0].tolist()
    assert by_degrees == [list(c) for c in (RED, WHITE, (204, 204, 255), (9, 9, 9))]


def test_transparency_lies_over_white(tmp_path):
    image = Image.new("RGBA", (3, 1))
    image.putdata([(200, 100, 50, 255), (200, 100, 50, 0), (200, 100, 50, 51)])
    expected = [[200, 100, 50], [255, 255, 255], [244, 224, 214]]
    for kind in ("PNG", "TIFF"):
        assert decoded(tmp_path, encoded(image, kind))[0].tolist() == expected
    gray = Image.new("LA", (3, 1))
    gray.putdata([(100, 255), (100, 0), (100, 51)])
    assert decoded(tmp_path, encoded(gray, "PNG"))[0, :, 0].tolist() == [100, 255, 224]


def test_a_color_that_stands_for_transparent_lies_over_white(tmp_path):
    image = Image.new("RGB", (2, 1))
    image.putdata([RED, GREEN])
    assert decoded(tmp_path, encoded(image, "PNG", transparency=RED))[0].tolist() == [list(WHITE), list(GREEN)]


def test_a_transparent_part_of_a_mask_is_no_lesion(tmp_path):
    mask = Image.new("RGBA", (2, 1))
    mask.putdata([(*WHITE, 255), (*WHITE, 0)])
    assert decoded(tmp_path, encoded(mask, "PNG"), "L")[0].tolist() == [255, 0]


@pytest.mark.parametrize(("kind", "tolerance"), [("JPEG", 3), ("TIFF", 0)])
def test_cmyk_becomes_rgb(tmp_path, kind, tolerance):
    # JPEG stores CMYK inverted, as Adobe does.
    inks = [(255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (0, 0, 0, 0)]
    colors = [(0, 255, 255), (255, 0, 255), (255, 255, 0), BLACK, WHITE]
    for ink, color in zip(inks, colors, strict=True):
        image = Image.new("CMYK", (16, 16), ink)
        options = {"quality": 100} if kind == "JPEG" else {}
        pixels = decoded(tmp_path, encoded(image, kind, **options)).astype(int)
        assert np.abs(pixels - color).max() <= tolerance


def test_sixteen_bit_colors(tmp_path):
    rows = [0, *[part for level in (0, 257, 65535) for part in level.to_bytes(2, "big")]]
    assert decoded(tmp_path, png(bytes(rows), width=1, height=1, depth=16, color=2))[0].tolist() == [[0, 1, 255]]


def png(rows: bytes, width: int, height: int, depth: int, color: int) -> bytes:
    """A PNG by hand, of a kind that Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_damaged_orientation_does_not_cost_the_image(tmp_path):
    content = encoded(picture(1), "JPEG", exif=b"Exif\x00\x00no TIFF header at all")
    assert decoded(tmp_path, content).shape == (30, 40, 3)


@pytest.mark.filterwarnings("ignore")  # Pillow's own, of what it finds in the file
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_a_truncated_image_is_one_clear_line(tmp_path, kind):
    content = encoded(picture(1), kind)
    for kept in (0, 1, 10, len(content) // 3, len(content) // 2, len(content) - 60):
        refused(
            lambda kept=kept: decoded(tmp_path, content[:kept]), str(tmp_path / "image"), "not a whole image", "again"
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_damaged_bytes_are_an_image_or_one_clear_line(tmp_path, kind):
    random = np.random.default_rng(0)
    content = np.frombuffer(encoded(picture(1), kind), dtype=np.uint8)
    lost = 0
    for _ in range(60):
        damaged = content.copy()
        damaged[random.integers(0, min(len(content), 200), 4)] = random.integers(0, 256, 4, dtype=np.uint8)
        try:
            decoded(tmp_path, damaged.tobytes())
        except InputError as error:
            lost += 1
            assert str(error).startswith(str(tmp_path / "image"))
            assert "\n" not in str(error)
    assert lost > 0
