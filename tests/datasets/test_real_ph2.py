"""PH2 itself, where it is on this machine."""

from __future__ import annotations

import numpy as np
import pytest
from real_data import needs, place

from lesionlib.datasets import card, load, verify

pytestmark = needs("ph2")


@pytest.fixture(scope="module")
def dataset():
    return load("ph2", root=place("ph2"))


def test_every_image_is_there(dataset):
    published = {name: facts.images for name, facts in card("ph2").classes.items()}
    assert dataset.counts()["all"].to_dict() == published
    assert published == {"common_nevus": 80, "atypical_nevus": 80, "melanoma": 40}
    assert dataset.frame["image_id"].str.fullmatch(r"IMD\d{3}").all()


def test_every_image_can_be_read_and_the_archive_stays_as_it_is(dataset):
    before = {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in dataset.root.rglob("*")}
    found = verify(dataset)
    assert found.ok, found.table
    assert found.unreadable == []
    assert {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in dataset.root.rglob("*")} == before
    image = np.asarray(dataset.image(0))
    assert image.ndim == 3
    assert image.std() > 10


def test_the_histological_diagnoses_are_finer_and_agree(dataset):
    frame = dataset.frame
    assert (frame["confirmed_by"] == "histo").sum() == 41
    # As the card warns: no common nevus was examined.
    assert set(frame.loc[frame["confirmed_by"].notna(), "label"]) == {"atypical_nevus", "melanoma"}
    of_nevi = frame.loc[frame["confirmed_by"].notna() & (frame["label"] == "atypical_nevus"), "diagnosis"]
    assert of_nevi.value_counts().to_dict() == {"atypical_nevus": 5, "dermal_nevus": 2, "blue_nevus": 1}
    of_melanomas = frame.loc[frame["label"] == "melanoma", "diagnosis"]
    assert of_melanomas.value_counts().to_dict() == {"melanoma": 33, "lentigo_maligna": 5, "nodular_melanoma": 2}
