"""Images cropped to the lesion, or gray outside it: known answers, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_ham10000 import dataset_of, tree

from lesionlib.datasets import merge, on_lesion, pixels
from lesionlib.datasets.files import ImageFiles
from lesionlib.errors import InputError

BOX = (20, 10, 40, 20)  # left, top, right, bottom of the lesion, 20 x 10 pixels


@pytest.fixture
def masked(tmp_path):
    """Red lesions on blue skin, 60 x 50 pixels: one in the middle, one in a corner, and one with an empty mask."""
    root = tmp_path / "masked"
    root.mkdir()
    for name, box in {"a": BOX, "b": (0, 0, 10, 10), "c": None}.items():
        mask = Image.new("L", (60, 50))
        if box:
            mask.paste(255, box)
        Image.composite(Image.new("RGB", (60, 50), "red"), Image.new("RGB", (60, 50), "blue"), mask).save(
            root / f"{name}.png"
        )
        mask.save(root / f"{name}_mask.png")
    frame = pd.DataFrame({"image_id": list("abc"), "label": "nv", "source": "ham10000"})
    dataset = dataset_of(frame.assign(image=frame["image_id"] + ".png", mask=frame["image_id"] + "_mask.png"))
    return replace(dataset, root=root, _files=ImageFiles(root))


def test_a_crop_is_a_square_around_the_lesion(masked):
    tight = on_lesion(masked, "crop", margin=0)
    # 20 pixels wide, so 20 high, around the middle (30, 15).
    assert tight.image(0).size == (20, 20)
    assert np.asarray(tight.mask(0)).shape == (20, 20)
    expected = np.asarray(masked.image(0))[5:25, 20:40]
    assert (np.asarray(tight.image(0)) == expected).all()


def test_a_margin_is_a_share_of_the_longer_side(masked):
    assert on_lesion(masked, "crop", margin=0.25).image(0).size == (30, 30)


def test_a_crop_ends_where_the_picture_ends(masked):
    assert on_lesion(masked, "crop", margin=1).image(1).size == (20, 20)  # 10 x 10 in the corner, and 10 on two sides


def test_a_mask_turns_the_skin_gray_and_leaves_the_lesion(masked):
    picture = np.asarray(on_lesion(masked, "mask").image(0))
    left, top, right, bottom = BOX
    assert (picture[top:bottom, left:right] == (255, 0, 0)).all()
    outside = np.ones(picture.shape[:2], dtype=bool)
    outside[top:bottom, left:right] = False
    assert (picture[outside] == 128).all()
    assert (np.asarray(on_lesion(masked, "mask").mask(0)) == np.asarray(masked.mask(0))).all()


@pytest.mark.parametrize("how", ["crop", "mask"])
def test_an_empty_mask_leaves_the_image_whole(masked, how):
    assert (np.asarray(on_lesion(masked, how).image(2)) == np.asarray(masked.image(2))).all()


def test_a_mask_of_another_size_is_brought_to_the_image(masked):
    Image.open(masked.root / "a_mask.png").resize((120, 100), Image.Resampling.NEAREST).save(masked.root / "a_mask.png")
    assert on_lesion(masked, "crop", margin=0).image(0).size == (20, 20)


def test_other_pictures_have_another_fingerprint_and_other_pixels(masked, tmp_path):
    before = tree(masked.root)
    ways = [masked, on_lesion(masked), on_lesion(masked, margin=0.5), on_lesion(masked, "mask")]
    assert len({each.fingerprint for each in ways}) == 4
    arrays = [pixels(each, 16, folder=tmp_path / "pixels") for each in ways]
    assert all((a[0] != b[0]).any() for a, b in pairwise(arrays))
    assert tree(masked.root) == before


def test_a_focused_dataset_can_be_merged(masked):
    joined = merge([on_lesion(masked, "crop", margin=0)])
    assert joined.image(0).size == (20, 20)


@pytest.mark.parametrize(
    ("how", "margin", "message"),
    [
        ("whole", 0.2, "how: 'whole' is not known"),
        ("crop", -1, "margin: -1; expected"),
        ("crop", "wide", "margin: 'wide'"),
    ],
)
def test_an_unknown_way_is_refused(masked, how, margin, message):
    with pytest.raises(InputError, match=message):
        on_lesion(masked, how, margin)


def test_images_without_masks_are_refused(masked):
    frame = masked.frame.assign(mask=masked.frame["mask"].mask(masked.frame["image_id"] == "b"))
    with pytest.raises(InputError, match="1 of 3 images have no mask; focusing needs one for each image"):
        on_lesion(replace(masked, frame=frame))


def test_the_images_that_have_a_mask_can_be_taken(masked):
    frame = masked.frame.assign(mask=masked.frame["mask"].mask(masked.frame["image_id"] == "b"))
    some = replace(masked, frame=frame)
    focused = on_lesion(some.where(mask=some.frame["mask"].dropna()))
    assert focused.frame["image_id"].tolist() == [name for name in frame["image_id"] if name != "b"]
