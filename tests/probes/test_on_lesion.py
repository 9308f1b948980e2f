from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_nets import one_line

from lesionlib.errors import InputError
from lesionlib.probes import heat_on_lesion, lesion_masks


def left(height: int = 4, width: int = 8, columns: int = 2) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[:, :columns] = True
    return mask


def test_known_answers():
    even = np.full((4, 8), 0.5)
    inside, outside = np.zeros((4, 8)), np.zeros((4, 8))
    inside[1, 1] = 1
    outside[1, 7] = 1
    mixed = np.zeros((4, 8))
    mixed[0, 0], mixed[0, 5], mixed[3, 5] = 0.6, 0.3, 0.1
    found = heat_on_lesion([even, inside, outside, mixed], [left()] * 4)
    assert list(found) == ["heat", "chance", "ratio", "hit"]
    np.testing.assert_allclose(found["chance"], 0.25)
    np.testing.assert_allclose(found["heat"], [0.25, 1, 0, 0.6])
    np.testing.assert_allclose(found["ratio"], [1, 4, 0, 2.4])
    np.testing.assert_allclose(found["hit"], [0.25, 1, 0, 1])


def test_what_cannot_be_told_is_nan():
    heat = np.zeros((4, 4, 8))
    heat[:3, 0, 0] = 1
    masks = [None, np.zeros((4, 8)), np.ones((4, 8)), left()]
    found = heat_on_lesion(heat, masks).to_numpy()
    np.testing.assert_array_equal(
        found,
        [[np.nan] * 4, [0, 0, np.nan, 0], [1, 1, 1, 1], [np.nan, 0.25, np.nan, np.nan]],
    )
    none = heat_on_lesion(np.zeros((0, 4, 8)), [])
    assert len(none) == 0 and list(none) == ["heat", "chance", "ratio", "hit"]


def test_masks_of_another_size_and_kind():
    heat = np.random.default_rng(0).random((1, 4, 8))
    expected = heat_on_lesion(heat, [left()])
    large = left(40, 80, 20)
    for mask in (large, large.astype(np.uint8), Image.fromarray(large.astype(np.uint8) * 255), left(2, 4, 1)):
        assert heat_on_lesion(heat, [mask]).equals(expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 1e3))
def test_shares_are_shares_whatever_the_scale(seed, factor):
    rng = np.random.default_rng(seed)
    heat, mask = rng.random((1, 5, 6)) + 1e-3, rng.random((5, 6)) < 0.5
    one, other = heat_on_lesion(heat, [mask]), heat_on_lesion(heat, [~mask])
    np.testing.assert_allclose(one[["heat", "chance", "hit"]] + other[["heat", "chance", "hit"]], 1)
    np.testing.assert_allclose(heat_on_lesion(heat * factor, [mask]), one, equal_nan=True)


@pytest.mark.parametrize(
    ("maps", "masks", "told"),
    [
        (np.zeros((4, 8)), [left()], r"maps: found shape \(4, 8\), expected \(n, height, width\)"),
        (-np.ones((1, 4, 8)), [left()], "negative or not finite"),
        (np.full((1, 4, 8), np.nan), [left()], "negative or not finite"),
        (np.zeros((2, 4, 8)), [left()], "masks: found 1, expected 2"),
        (np.zeros((1, 4, 8)), [np.zeros((4, 8, 3))], r"mask 0 has the shape \(4, 8, 3\)"),
    ],
)
def test_what_is_no_map_or_mask(maps, masks, told):
    with pytest.raises(InputError, match=told) as error:
        heat_on_lesion(maps, masks)
    one_line(error)


def test_masks_of_a_dataset(phantom):
    found = lesion_masks(phantom)
    assert [mask is not None for mask in found] == phantom.frame["mask"].notna().tolist()
    assert 0 < sum(mask is None for mask in found) < len(found)
    some = next(row for row, mask in enumerate(found) if mask is not None)
    (again,) = lesion_masks(phantom, [some])
    np.testing.assert_array_equal(np.asarray(again), np.asarray(phantom.mask(some)))
