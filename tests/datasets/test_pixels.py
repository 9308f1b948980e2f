"""Pixels: decoded once, stored whole, keyed by files, order and size."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tiny_ham10000 import ROWS, jpeg, tree, write_folder, write_table, write_unpacked

from lesionlib.datasets import load, pixels
from lesionlib.datasets.files import ImageFiles
from lesionlib.errors import InputError

COLORS = [(200, 30, 60), (10, 120, 240), (255, 255, 255), (0, 0, 0)]


@pytest.fixture
def colored(tmp_path):
    root = tmp_path / "colored"
    rows = [(row[0], row[1], *row[2:]) for row in ROWS[:4]]
    pictures = [Image.new("RGB", (40, 30), color) for color in COLORS]
    # The last one is red on the left and blue on the right, black and white above and below.
    half = np.zeros((30, 40, 3), dtype=np.uint8)
    half[:15, :20], half[:15, 20:], half[15:, 20:] = (255, 0, 0), (0, 0, 255), (255, 255, 255)
    pictures[3] = Image.fromarray(half)
    write_folder(root, {f"{row[1]}.jpg": jpeg(p, 100) for row, p in zip(rows, pictures, strict=True)})
    write_table(root / "HAM10000_metadata.csv", rows)
    return load("ham10000", root=root)


def test_known_colors_give_known_values(colored, cache):
    array = pixels(colored, 16)
    assert array.shape == (4, 16, 16, 3)
    assert array.dtype == np.uint8
    for row, color in enumerate(COLORS[:3]):
        assert np.abs(array[row].astype(int) - color).max() <= 3
    corners = array[3][[2, 2, 13, 13], [2, 13, 2, 13]].astype(int)
    assert np.abs(corners - [(255, 0, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)]).max() <= 8


def test_size_is_a_side_or_height_and_width(tiny, cache):
    assert pixels(tiny, 8).shape == (12, 8, 8, 3)
    assert pixels(tiny, (12, 20)).shape == (12, 12, 20, 3)
    assert pixels(tiny, [12, 20]).shape == (12, 12, 20, 3)
    assert pixels(tiny, np.int64(8)).shape == (12, 8, 8, 3)
    assert pixels(tiny, 20).shape == (12, 20, 20, 3)
    assert pixels(tiny, (20, 12)).shape == (12, 20, 12, 3)
    assert len(tree(cache / "pixels")) == 4
    assert np.array_equal(pixels(tiny, (30, 40))[4], np.asarray(tiny.image(4)))


@pytest.mark.parametrize("size", [7, 0, -128, (128, 4), (16, 16, 16), (16,), "128", 16.0, True, None, {}])
def test_an_unfit_size_is_refused(tiny, cache, size):
    with pytest.raises(InputError, match="expected pixels, 8 or more: a whole number, or height and width") as caught:
        pixels(tiny, size)
    assert repr(size) in str(caught.value)
    assert not cache.exists()


def test_the_array_can_only_be_read(tiny, cache):
    array = pixels(tiny, 16)
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0, 0] = 1


def test_many_images_are_stored_in_the_frames_order(tiny, cache, monkeypatch):
    monkeypatch.setattr(sys.modules["lesionlib.datasets.pixels"], "_AT_ONCE", 5)
    array = pixels(tiny, (30, 40))
    for row in range(12):
        assert np.array_equal(array[row], np.asarray(tiny.image(row)))


def test_the_second_call_decodes_nothing(tiny, cache, monkeypatch):
    first = np.array(pixels(tiny, 16))
    monkeypatch.setattr(ImageFiles, "image", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(pixels(tiny, 16), first)


def test_the_key_ignores_labels_splits_and_layout(tmp_path, tiny, cache, monkeypatch):
    pixels(tiny, 16)
    monkeypatch.setattr(ImageFiles, "image", lambda *_: pytest.fail("decoded again"))
    relabeled = replace(tiny, frame=tiny.frame.assign(label="nv", lesion_id="one"))
    pixels(tiny.with_split(seed=4), 16)
    pixels(relabeled, 16)
    pixels(load("ham10000", root=write_unpacked(tmp_path / "unpacked")), 16)
    assert len(tree(cache)) == 1


def test_other_rows_or_another_order_have_an_array_of_their_own(tiny, cache):
    whole = pixels(tiny, 16)
    backward = replace(tiny, frame=tiny.frame[::-1].reset_index(drop=True))
    assert np.array_equal(pixels(backward, 16), whole[::-1])
    some = tiny.with_split(0.5, 0.25, 0.25)
    assert np.array_equal(pixels(some.only("valid"), 16), whole[some.subset("valid").index])
    assert len(tree(cache)) == 3


def test_the_folder_can_be_chosen(tiny, cache, tmp_path):
    pixels(tiny, 16, folder=str(tmp_path / "elsewhere"))
    names = list(tree(tmp_path / "elsewhere"))
    assert len(names) == 1
    assert names[0].endswith("-16x16.npy")
    assert not cache.exists()


@pytest.mark.parametrize("kept", [0, 5, 200])
def test_a_damaged_array_is_named(tiny, cache, kept):
    pixels(tiny, 16)
    path = next((cache / "pixels").iterdir())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"-16x16\.npy: damaged .*; remove the file, and it is made again") as caught:
        pixels(tiny, 16)
    assert "\n" not in str(caught.value)
    path.unlink()
    assert pixels(tiny, 16).shape == (12, 16, 16, 3)
