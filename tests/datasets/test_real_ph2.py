"""PH2 itself, where it is on this machine."""

from __future__ import annotations

import numpy as np
import pytest
from real_data import needs, place

from lesionlib.datasets import card, load, verify
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers import ph2

pytestmark = needs("ph2")


@pytest.fixture(scope="module")
def dataset():
    return load("ph2", root=place("ph2"))


@pytest.fixture(scope="module")
def annotations(dataset):
    return ph2.annotations(ImageFiles(dataset.root))


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


def test_the_histological_diagnoses_are_finer_and_agree(dataset, annotations):
    histology = annotations["histological_diagnosis"]
    assert histology.value_counts().to_dict() == {
        "Melanoma": 26,
        "Dysplastic Nevus": 5,
        "Lentigo Maligna": 5,
        "Intradermal Nevus": 2,
        "Nodular Melanoma": 2,
        "Blue Nevus": 1,
    }
    frame = dataset.frame
    assert (frame["confirmed_by"] == "histo").sum() == 41
    # As the card warns: no common nevus was examined.
    assert set(frame.loc[frame["confirmed_by"].notna(), "label"]) == {"atypical_nevus", "melanoma"}
    assert list(frame["label"]) == list(annotations["clinical_diagnosis"].str.replace(" ", "_"))
    of_melanomas = frame.loc[frame["label"] == "melanoma", "diagnosis"]
    assert of_melanomas.value_counts().to_dict() == {"melanoma": 33, "lentigo_maligna": 5, "nodular_melanoma": 2}


def test_the_signs_are_those_of_the_official_table(annotations):
    row = annotations.set_index("image_id").loc["IMD408"]
    colors = ["white", "red", "light_brown", "dark_brown", "blue_gray", "black"]
    assert row[colors].astype(bool).tolist() == [True, False, True, True, True, True]
    assert row["asymmetry"] == "fully asymmetric"
    assert row["pigment_network"] == row["dots_globules"] == "atypical"
    assert set(row[["streaks", "regression_areas", "blue_whitish_veil"]]) == {"present"}
    assert annotations["asymmetry"].value_counts().to_dict() == {
        "fully symmetric": 117,
        "fully asymmetric": 52,
        "symmetric in one axis": 31,
    }
    counts = {column: annotations[column].value_counts().to_dict() for column in annotations.columns[4:9]}
    assert counts == {
        "pigment_network": {"atypical": 116, "typical": 84},
        "dots_globules": {"absent": 87, "atypical": 59, "typical": 54},
        "streaks": {"absent": 170, "present": 30},
        "regression_areas": {"absent": 175, "present": 25},
        "blue_whitish_veil": {"absent": 164, "present": 36},
    }
    assert annotations[colors].sum().tolist() == [19, 10, 139, 156, 38, 42]
