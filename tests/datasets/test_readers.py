"""The official layouts, read in place."""

from __future__ import annotations

import io
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_ham10000 import (
    PARTS,
    ROWS,
    TEST_IMAGES,
    TEST_ROWS,
    TEST_TABLE,
    picture,
    tree,
    write_extras,
    write_loose,
    write_table,
    write_unpacked,
    write_zipped,
)

from lesionlib.datasets import load
from lesionlib.datasets.schema import COLUMNS
from lesionlib.errors import InputError

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]


def with_tab(root):
    write_zipped(root)
    (root / "HAM10000_metadata.csv").unlink()
    write_table(root / "HAM10000_metadata.tab", ROWS)


def in_a_folder_of_the_zip(root):
    write_zipped(root)
    for part in PARTS:
        with zipfile.ZipFile(root / f"{part}.zip") as flat:
            members = {name: flat.read(name) for name in flat.namelist()}
        with zipfile.ZipFile(root / f"{part}.zip", "w") as nested:
            nested.writestr(f"./{part}/", b"")
            for name, content in members.items():
                nested.writestr(f"./{part}/{name}", content)
                nested.writestr(f"__MACOSX/{part}/._{name}", b"resource fork")
            nested.writestr("ATTRIBUTION.txt", b"who took them")


def upper_case_suffix(root):
    write_unpacked(root)
    for path in list(root.glob("*/*.jpg")):
        path.rename(path.with_suffix(".JPG"))


LAYOUTS = [write_unpacked, write_loose, with_tab, in_a_folder_of_the_zip, upper_case_suffix]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_dataset(tmp_path, tiny, layout):
    layout(tmp_path / "other")
    other = load("ham10000", root=tmp_path / "other")
    pd.testing.assert_frame_equal(other.frame.drop(columns="image"), tiny.frame.drop(columns="image"))
    assert other.fingerprint == tiny.fingerprint
    for row in range(len(tiny)):
        assert other.image_bytes(row) == tiny.image_bytes(row)


def test_the_frame_says_what_the_metadata_say(tiny):
    frame = tiny.frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert list(frame.index) == list(range(12))
    assert tiny.classes == CLASSES
    assert list(frame["image_id"]) == [row[1] for row in ROWS]
    assert list(frame["lesion_id"]) == [row[0] for row in ROWS]
    assert list(frame["label"]) == [row[2] for row in ROWS]
    assert list(frame["confirmed_by"]) == [row[3] for row in ROWS]
    first = frame.iloc[0]
    assert (first["age"], first["sex"], first["site"]) == (35.0, "female", "back")
    assert (first["diagnosis"], first["modality"], first["source"]) == ("nevus", "dermoscopic", "ham10000")
    assert first["image"] == "HAM10000_images_part_1.zip!ISIC_01.jpg"
    assert frame.iloc[7]["image"] == "HAM10000_images_part_2.zip!ISIC_08.jpg"


def test_missing_values_are_na_and_zero_is_an_age(tiny):
    frame = tiny.frame.set_index("image_id")
    assert list(frame.index[frame["age"].isna()]) == ["ISIC_03"]
    assert list(frame.index[frame["sex"].isna()]) == ["ISIC_03", "ISIC_09"]
    assert list(frame.index[frame["site"].isna()]) == ["ISIC_03", "ISIC_10"]
    assert frame.loc["ISIC_03", "age"] is pd.NA
    assert frame.loc["ISIC_12", "age"] == 0.0
    assert frame[["patient_id", "skin_type", "mask"]].isna().all(axis=None)


def test_images_are_decoded_upright_in_rgb(tiny, source):
    for row, number in ((0, 1), (11, 12)):
        decoded = np.asarray(tiny.image(row), dtype=int)
        assert decoded.shape == (30, 40, 3)
        assert np.abs(decoded - np.asarray(picture(number), dtype=int)).mean() < 12
        assert tiny.image_bytes(row)[:2] == b"\xff\xd8"


def test_exif_orientation_is_obeyed(tmp_path):
    root = write_loose(tmp_path / "turned")
    turned = Image.Exif()
    turned[0x0112] = 6
    buffer = io.BytesIO()
    picture(1).save(buffer, "JPEG", exif=turned)
    (root / "ISIC_01.jpg").write_bytes(buffer.getvalue())
    assert load("ham10000", root=root).image(0).size == (30, 40)


def test_masks_stand_beside_their_images(source):
    dataset = load("ham10000", root=write_extras(source))
    assert list(dataset.frame["mask"].notna()) == [True] * 3 + [False] * 11
    mask = np.asarray(dataset.mask(1))
    assert mask.shape == (30, 40)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 10 * 20
    with pytest.raises(InputError, match="ham10000: image ISIC_04 has no mask"):
        dataset.mask(3)


def test_the_isic_2018_test_set_is_the_official_split(source):
    alone = load("ham10000", root=source)
    assert alone.official_test == frozenset()
    dataset = load("ham10000", root=write_extras(source))
    test = dataset.subset("test")
    assert list(test["image_id"]) == [row[1] for row in TEST_ROWS]
    assert list(test["label"]) == ["nv", "mel"]
    assert list(test["age"].isna()) == [False, True]
    assert dataset.official_test == {"ISIC_90", "ISIC_91"}
    assert list(dataset.subset("train")["image_id"]) == [row[1] for row in ROWS]
    assert {name: str(kind) for name, kind in dataset.frame.dtypes.items()} == COLUMNS
    assert dataset.fingerprint != alone.fingerprint


def test_the_test_set_may_be_unpacked_with_a_tab_table(tmp_path, source):
    zipped = load("ham10000", root=write_extras(source))
    root = write_extras(write_unpacked(tmp_path / "unpacked"))
    with zipfile.ZipFile(root / f"{TEST_IMAGES}.zip") as archive:
        archive.extractall(root)
    (root / f"{TEST_IMAGES}.zip").unlink()
    (root / f"{TEST_TABLE}.csv").unlink()
    write_table(root / f"{TEST_TABLE}.tab", TEST_ROWS)
    assert load("ham10000", root=root).fingerprint == zipped.fingerprint


def test_an_unpacked_folder_is_taken_before_its_archive(tmp_path):
    root = write_unpacked(write_zipped(tmp_path / "both"))
    assert load("ham10000", root=root).frame["image"].iat[0] == "HAM10000_images_part_1/ISIC_01.jpg"


def test_the_fingerprint_follows_files_and_labels_not_splits(tmp_path, tiny):
    assert len(tiny.fingerprint) == 12
    assert int(tiny.fingerprint, 16) >= 0
    assert tiny.with_split(seed=3).fingerprint == tiny.fingerprint
    relabeled = [("HAM_09", "ISIC_12", "bcc", *ROWS[11][3:]) if row is ROWS[11] else row for row in ROWS]
    assert load("ham10000", root=write_zipped(tmp_path / "label", relabeled)).fingerprint != tiny.fingerprint
    regrouped = [("HAM_99", *row[1:]) if row is ROWS[1] else row for row in ROWS]
    assert load("ham10000", root=write_zipped(tmp_path / "lesion", regrouped)).fingerprint != tiny.fingerprint
    root = write_loose(tmp_path / "image")
    (root / "ISIC_05.jpg").write_bytes((root / "ISIC_05.jpg").read_bytes() + b"\0")
    assert load("ham10000", root=root).fingerprint != tiny.fingerprint


def test_a_dataset_can_be_pickled_and_read_from_threads(tiny):
    again = pickle.loads(pickle.dumps(tiny))
    with ThreadPoolExecutor(4) as pool:
        contents = list(pool.map(again.image_bytes, list(range(12)) * 5))
    assert contents == [tiny.image_bytes(row) for row in range(12)] * 5


def test_reading_writes_nothing_into_the_source(source):
    write_extras(source)
    before = tree(source)
    dataset = load("ham10000", root=source)
    for row in range(len(dataset)):
        dataset.image(row)
    dataset.mask(0)
    assert tree(source) == before


def test_only_subset_cases_and_counts(source):
    dataset = load("ham10000", root=write_extras(source))
    assert dataset.subset("all") is dataset.frame
    assert list(dataset.subset("test").index) == [12, 13]
    only = dataset.only("test")
    assert list(only.frame["image_id"]) == ["ISIC_90", "ISIC_91"]
    assert list(only.frame.index) == [0, 1]
    assert only.frame["split"].isna().all()
    assert only.image_bytes(1) == dataset.image_bytes(13)
    assert len(dataset.only("test", "train")) == 14
    assert list(dataset.only("test", "train").frame["image_id"]) == list(dataset.frame["image_id"])
    with pytest.raises(InputError, match=r"no images in the split 'valid'; it has test, train"):
        dataset.subset("valid")
    with pytest.raises(InputError, match=r"no images in the split 'test'; it has not been split: call with_split\(\)"):
        only.subset("test")

    cases = dataset.cases()
    assert list(cases) == ["image_id", "lesion_id", "split", "truth", "age", "sex", "site"]
    assert cases.iloc[12].tolist() == ["ISIC_90", "HAM_20", "test", "nv", 30.0, "male", "back"]

    counts = dataset.counts()
    assert list(counts.index) == CLASSES
    assert list(counts) == ["train", "test"]
    assert counts["train"].tolist() == [0, 0, 2, 1, 4, 4, 1]
    assert counts["test"].tolist() == [0, 0, 0, 0, 1, 1, 0]
    assert only.counts()["all"].tolist() == [0, 0, 0, 0, 1, 1, 0]
