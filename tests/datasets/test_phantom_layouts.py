"""Phantoms of every dataset: written in the official layout, read by the dataset's own reader, the same everywhere."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace
from functools import cache as once
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_ham10000 import dataset_of, refused, tree

from lesionlib.datasets import (
    card,
    catalog,
    from_csv,
    label_map,
    load,
    merge,
    phantom,
    phantom_truth,
    relabel,
    taxonomy,
)
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.phantom import archives, cases, checklist, populations, recipes, write
from lesionlib.datasets.phantom.draw import Drawing
from lesionlib.datasets.phantom.layouts import ham10000
from lesionlib.datasets.phantom.signs import ITA_BANDS, LesionParameters
from lesionlib.datasets.readers import READERS

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NAMES = sorted(phantom.VERSIONS)
OTHERS = [name for name in NAMES if name != "ham10000"]
PATIENTS = ["dermai", "isic2020", "pad_ufes_20"]
OFFICIAL_TEST = ["derm7pt", "isic_binary"]
SIZE = 32


def fewest(name: str) -> int:
    return 70 if name == "ham10000" else populations.load(name).fewest


def quietly(name: str, **parameters: int):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*images are not here")
        return load(f"phantom:{name}", **parameters)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The smallest phantom of each dataset, drawn once."""
    known = {}

    def get(name: str):
        if name not in known:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LESIONLIB_CACHE", str(tmp_path_factory.mktemp("phantoms")))
                known[name] = quietly(name, n=fewest(name), size=SIZE, seed=1)
        return known[name]

    return get


def specks(lesion, camera, _size) -> Drawing:
    """What stands in for a drawing where only names and tables matter: a few pixels of its own."""
    pixels = np.random.default_rng([lesion.texture, camera.texture]).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Drawing(pixels, pixels[..., 0] > 99)


@pytest.fixture
def undrawn(cache, monkeypatch):
    """Loads phantoms whose pictures are specks: many rows in little time."""
    monkeypatch.setattr(archives, "draw", specks)
    return quietly


@once
def lots(name: str, n: int | None = None, seed: int = 0) -> pd.DataFrame:
    """What is drawn by lot before any picture: one row an image, numbers instead of names."""
    population = populations.load(name)
    pool, test = cases.photographs(population, n or population.images, seed)
    rows = [
        {
            "label": shot.case.label,
            "number": shot.number,
            "lesion": shot.lesion,
            "patient": shot.patient,
            "view": shot.camera.view,
            "split": split,
            **{name: getattr(shot.case.lesion, name) for name in ("skin_type", "ita", "skin_a")},
            **{key: value or None for key, value in shot.case.record.items() if key != "skin_type"},
        }
        for split, shots in (("train", pool), ("test", test))
        for shot in shots
    ]
    return pd.DataFrame(rows).assign(age=lambda table: pd.to_numeric(table["age"]))


def split_as_usual(name: str, test: float = 0.15) -> pd.Series:
    """Test images a class, after the split that a chapter makes."""
    table = lots(name)
    known = {"lesion_id": "lesion"} if name == "isic2019" else {"patient_id": "patient"} if name in PATIENTS else {}
    ids = {key: table[column].astype(str) for key, column in known.items()}
    frame = pd.DataFrame({"image_id": table["number"].astype(str), "label": table["label"], **ids})
    return (
        dataset_of(frame)
        .with_split(train=0.85 - test, test=test)
        .frame.query("split == 'test'")["label"]
        .value_counts()
    )


# ---- HAM10000, whose results are stored elsewhere ------------------------------------------------

GOLDEN = {
    (70, 48, 0): {
        "HAM10000_images_part_1.zip": "9142e80b0f9e0be8",
        "HAM10000_images_part_2.zip": "728882d7b84c4588",
        "HAM10000_metadata.csv": "2db480d68e80daf6",
        "HAM10000_segmentations_lesion_tschandl.zip": "94b9e69ed82d1398",
        "ISIC2018_Task3_Test_GroundTruth.csv": "0ae30ad65e26a2e9",
        "ISIC2018_Task3_Test_Input.zip": "f2cf417d7e772d53",
        "phantom_truth.csv": "3a5c2387b0bfcd6a",
    },
    (140, 64, 3): {
        "HAM10000_images_part_1.zip": "7212ba59ebf93c60",
        "HAM10000_images_part_2.zip": "5f43437f42b2d469",
        "HAM10000_metadata.csv": "b7b4dd1f64ba464b",
        "HAM10000_segmentations_lesion_tschandl.zip": "444ddab98eb88633",
        "ISIC2018_Task3_Test_GroundTruth.csv": "088034ddbcb3697d",
        "ISIC2018_Task3_Test_Input.zip": "c50a19d742461e07",
        "phantom_truth.csv": "c7a42e7c90876788",
    },
}


@pytest.mark.parametrize("parameters", GOLDEN)
def test_the_phantom_of_ham10000_is_the_one_that_stored_results_came_from(tmp_path, parameters):
    n, size, seed = parameters
    write("ham10000", tmp_path, n=n, size=size, seed=seed)
    found = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in tree(tmp_path).items()}
    assert found == GOLDEN[parameters]
    assert phantom.VERSIONS["ham10000"] == 1


# ---- populations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHERS)
def test_a_population_has_the_classes_and_counts_of_the_card(name):
    population, facts = populations.load(name), card(name)
    assert list(population.classes) == list(facts.classes)
    views = len(population.domains)
    assert {key: views * each.published for key, each in population.classes.items()} == {
        key: each.images for key, each in facts.classes.items()
    }
    assert set(population.domains) <= set(recipes.domains())
    used = {look for each in population.classes.values() for look, _ in each.kinds.values()}
    assert used <= set(recipes.looks())


def test_every_card_has_a_phantom_and_a_reader_and_the_catalog_says_how_many_images():
    table = catalog().set_index("name")
    assert {name.removeprefix("phantom:") for name in table.index if name.startswith("phantom:")} == set(NAMES)
    assert set(NAMES) == set(READERS)
    for name in NAMES:
        row = table.loc[f"phantom:{name}"]
        assert (row["images"], row["classes"], row["available"]) == (
            phantom.images(name),
            len(card(name).classes),
            True,
        )


@settings(max_examples=60, deadline=None)
@given(
    published=st.lists(st.integers(1, 20_000), min_size=2, max_size=14),
    per_class=st.integers(10, 200),
    evenly=st.floats(0, 1),
)
def test_tempered_counts_add_up_in_the_order_of_the_published_ones(published, per_class, evenly):
    n = per_class * len(published)
    counts = cases.tempered({str(k): count for k, count in enumerate(published)}, n, evenly)
    assert sum(counts.values()) == n
    assert min(counts.values()) >= max(1, int(evenly * n / len(published)))
    largest = max(counts.values())
    for k, count in enumerate(published):
        smaller = [counts[str(j)] for j, other in enumerate(published) if other < count]
        assert counts[str(k)] >= max(smaller, default=0) or counts[str(k)] == largest


def test_tempered_counts_go_by_the_square_root():
    assert cases.tempered({"a": 400, "b": 100, "c": 25}, 700, 0) == {"a": 400, "b": 200, "c": 100}
    assert cases.tempered({"a": 400, "b": 100}, 300, 1) == {"a": 150, "b": 150}


# ---- the layout, through the dataset's own reader -------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_datasets_own_reader_reads_it(drawn, name):
    dataset = drawn(name)
    assert len(dataset) == fewest(name)
    assert dataset.classes == list(card(name).classes)
    assert set(dataset.frame["label"]) == set(dataset.classes)
    assert dataset.frame["image_id"].is_unique
    modality = card(name).modality
    assert set(dataset.frame["modality"]) == ({"clinical", "dermoscopic"} if modality == "both" else {modality})
    assert set(dataset.frame["diagnosis"]) <= set(taxonomy.vocabulary().index) | (
        # The 114 labels of fitzpatrick17k and the diseases of ddi are more than the vocabulary has.
        set(dataset.frame["diagnosis"]) if name in ("fitzpatrick17k", "ddi") else set()
    )


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_whole_and_their_size_tells_nothing(drawn, name):
    dataset = drawn(name)
    sizes = pd.Series([dataset.image(row).size for row in range(len(dataset))])
    assert {height for _, height in sizes} == {SIZE}
    assert (sizes.groupby(dataset.frame["modality"].to_numpy()).nunique() == 1).all()


@pytest.mark.parametrize("name", ["ham10000", "dermofit", "ph2"])
def test_masks_belong_to_their_images(drawn, name):
    dataset = drawn(name)
    rows = dataset.frame.index[dataset.frame["mask"].notna()]
    assert len(rows) >= 0.5 * len(dataset)
    for row in rows:
        mask = np.asarray(dataset.mask(row))
        assert mask.shape == dataset.image(row).size[::-1]
        assert set(np.unique(mask)) == {0, 255}


def test_masks_lie_on_the_lesion_of_their_own_image(drawn):
    dataset = drawn("ph2")
    contrast = []
    for row in range(len(dataset)):
        image, mask = np.asarray(dataset.image(row), dtype=float).mean(axis=2), np.asarray(dataset.mask(row)) > 0
        other = np.asarray(dataset.mask((row + 1) % len(dataset))) > 0
        contrast.append([image[~m].mean() - image[m].mean() for m in (mask, other)])
    own, others = np.array(contrast).T
    assert np.mean(own > 5) > 0.8
    assert np.mean(own) > 1.2 * np.mean(others)


@pytest.mark.parametrize("name", NAMES)
def test_archives_are_undated_and_uncompressed(drawn, name):
    for path in drawn(name).root.rglob("*.zip"):
        with zipfile.ZipFile(path) as opened:
            assert opened.namelist(), path
            assert {(i.compress_type, i.date_time) for i in opened.infolist()} == {(0, (1980, 1, 1, 0, 0, 0))}


@pytest.mark.parametrize("name", ["mednode", "dermofit", "ph2", "pad_ufes_20", "isic2020", "dermai"])
def test_the_unpacked_archives_are_the_same_dataset(drawn, tmp_path, name):
    dataset = drawn(name)
    shutil.copytree(dataset.root, tmp_path / "unpacked")
    for path in (tmp_path / "unpacked").rglob("*.zip"):
        with zipfile.ZipFile(path) as opened:
            # What ISIC packs as train/ is unpacked into a folder of the archive's name.
            into = path.with_suffix("") if name == "isic2020" else path.parent
            opened.extractall(into)
        path.unlink()
    assert load(name, root=tmp_path / "unpacked").fingerprint == dataset.fingerprint


def test_the_stand_ins_are_read_as_ones_own_data(drawn):
    for name in ("atlas", "dermai"):
        root = drawn(name).root
        dataset = from_csv(root / f"{name}.csv", root / "images.zip", {"image": "image", "label": "label"}, name="mine")
        assert dataset.frame["label"].tolist() == drawn(name).frame["label"].tolist()
        assert dataset.frame["image_id"].tolist() == drawn(name).frame["image_id"].tolist()


@pytest.mark.parametrize("name", ["atlas", "dermai"])
def test_a_stand_in_without_its_files_is_refused(tmp_path, name):
    refused(lambda: load(name, root=tmp_path), f"{name} lacks {name}.csv", "images/")
    (tmp_path / f"{name}.csv").write_text("image,label\n")
    refused(lambda: load(name, root=tmp_path), f"{name} lacks the folder images/")


# ---- the same everywhere --------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_same_numbers_write_the_same_bytes_and_another_seed_others(tmp_path, monkeypatch, name):
    monkeypatch.setattr(archives, "draw", specks)
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / folder).mkdir()
        write(name, tmp_path / folder, n=fewest(name), size=SIZE, seed=seed)
    first, again, other = (tree(tmp_path / folder) for folder in "abc")
    assert first == again
    assert first["phantom_truth.csv"] != other["phantom_truth.csv"]
    assert first != other


def test_another_process_draws_the_same_bytes(drawn, tmp_path):
    names = ["isic2020"]
    code = (
        "import sys, pathlib; from lesionlib.datasets.phantom import write\n"
        f"for name, n in {[(name, fewest(name)) for name in names]}:\n"
        "    folder = pathlib.Path(sys.argv[1], name); folder.mkdir()\n"
        f"    write(name, folder, n=n, size={SIZE}, seed=1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for name in names:
        assert tree(tmp_path / name) == tree(drawn(name).root), name


def test_two_seeds_have_two_fingerprints_and_a_split_does_not_change_one(undrawn):
    one, other = (undrawn("mednode", n=60, size=SIZE, seed=seed) for seed in (1, 2))
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == undrawn("mednode", n=60, size=SIZE, seed=1).fingerprint
    with pytest.warns(UserWarning, match="split by image"):
        assert one.with_split().fingerprint == one.fingerprint


@pytest.mark.parametrize("name", OTHERS)
def test_numbers_out_of_range_are_refused_and_nothing_is_written(tmp_path, cache, name):
    low, folder = fewest(name) - 1, tmp_path / "phantom"
    folder.mkdir()
    for wrong, value in [("n", low), ("n", 200.0), ("n", True), ("size", 31), ("size", "64"), ("seed", -1)]:
        refused(
            lambda wrong=wrong, value=value: write(name, folder, **{wrong: value}),
            f"phantom of {name}: {wrong} is {value!r}, expected a whole number",
        )
        refused(lambda wrong=wrong, value=value: load(f"phantom:{name}", **{wrong: value}), f"{wrong} is {value!r}")
    assert list(folder.iterdir()) == []
    assert tree(cache) == {}


def test_half_a_pair_is_refused(tmp_path):
    refused(lambda: write("derm7pt", tmp_path, n=101), "n is 101", "expected an even number")


# ---- who is in it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OFFICIAL_TEST)
def test_an_official_test_set_is_balanced_and_large_enough(name):
    table = lots(name)
    assert len(table) == phantom.images(name)
    tested = table[table["split"] == "test"]
    assert tested["label"].value_counts().nunique() == 1
    assert tested.groupby("label")["lesion"].nunique().min() >= 30
    assert not set(tested["lesion"]) & set(table["lesion"][table["split"] == "train"])
    # The rest keeps the tempered imbalance.
    published = {key: each.published for key, each in populations.load(name).classes.items()}
    rest = table[table["split"] == "train"]["label"].value_counts()
    assert rest.idxmax() == max(published, key=published.get)
    assert rest.max() > 1.05 * rest.min()


@pytest.mark.filterwarnings("ignore:neither patients nor lesions")
def test_the_official_split_is_the_one_that_was_drawn(drawn):
    for name in OFFICIAL_TEST:
        dataset = drawn(name)
        tested = dataset.with_split(by="official").counts()["test"]
        assert tested.nunique() == 1
        assert tested.sum() == len(dataset.official_test) == (lots(name, fewest(name), seed=1)["split"] == "test").sum()


@pytest.mark.parametrize(("name", "least"), [("isic2020", 30), ("mednode", 30), ("ddi", 25), ("ph2", 25)])
@pytest.mark.filterwarnings("ignore:neither patients nor lesions")
def test_the_usual_split_leaves_enough_to_test_few_classes(name, least):
    assert split_as_usual(name).min() >= least


@pytest.mark.parametrize("name", ["isic2019", "dermofit", "pad_ufes_20", "fitzpatrick17k", "atlas", "dermai"])
@pytest.mark.filterwarnings("ignore:neither patients nor lesions")
def test_of_many_classes_the_usual_split_tests_a_dozen_and_twice_the_share_two(name):
    assert split_as_usual(name).min() >= 12
    assert split_as_usual(name, test=0.3).min() >= 24


@pytest.mark.parametrize("name", OTHERS)
def test_numbers_tell_nothing_of_the_class(name):
    table = lots(name, 800, seed=3)
    for part, rows in table.groupby("split"):  # which are numbered apart, and balanced otherwise
        for ids in ("number", "lesion", "patient"):
            if rows[ids].nunique() > 1:
                assert ordered_by_class(rows[ids], rows["label"]) < 6, (part, ids)


@pytest.mark.parametrize("name", sorted(set(OTHERS) - {"isic_binary", "mednode", "dermofit"}))
def test_the_order_of_rows_tells_nothing_of_the_class(undrawn, name):
    # In the others the folders are the classes.
    frame = undrawn(name, n=260, size=SIZE, seed=3).frame
    assert ordered_by_class(pd.Series(range(len(frame))), frame["label"]) < 6


def ordered_by_class(order: pd.Series, label: pd.Series) -> float:
    """How far the mean rank of a class is from the middle, in standard deviations; images of one lesion count fully."""
    ranks = order.rank(pct=True).groupby(label).agg(["mean", "size"])
    return float(((ranks["mean"] - 0.5).abs() * np.sqrt(ranks["size"]) / 0.29).max())


def test_rows_in_the_order_of_their_classes_would_be_noticed():
    label = pd.Series(np.repeat([*"abcdefghijklm"], 20))
    assert ordered_by_class(pd.Series(range(260)), label) > 6


PUBLISHED_NAMES = {
    "isic2019": r"ISIC_00\d{5}(_downsampled)?",
    "isic2020": r"ISIC_[0-8]\d{6}",
    "isic_binary": r"(train|test)_(benign|malignant)_\d{1,4}",
    "mednode": r"(melanoma|naevus)_\d{1,7}",
    "dermofit": r"[A-Z]+_[A-Z]\d+[a-z]?",
    "derm7pt": r"(\d{1,3}|10\d\d)_(clinic|derm)",
    "pad_ufes_20": r"PAT_\d{1,4}_\d{1,4}_\d{1,4}",
    "ph2": r"IMD\d{3}",
    "ddi": r"000\d{3}",
}


@pytest.mark.parametrize("name", PUBLISHED_NAMES)
def test_no_phantom_bears_the_name_of_a_published_image(drawn, name):
    pattern = re.compile(PUBLISHED_NAMES[name])
    assert not any(pattern.fullmatch(image_id) for image_id in drawn(name).frame["image_id"])


@pytest.mark.parametrize("name", PATIENTS)
def test_a_patient_is_one_person(name):
    people = lots(name, 600, seed=2).groupby("patient")
    for column in ("skin_type", "ita", "skin_a", "sex", "age"):
        assert people[column].nunique().max() == 1, column
    assert (people["lesion"].nunique() > 1).mean() > 0.08


@pytest.mark.parametrize("name", PATIENTS)
def test_a_patient_is_one_person_in_the_frame_too(drawn, name):
    frame = drawn(name).frame
    people = frame.groupby("patient_id")
    assert (people[["sex", "age", "skin_type", "skin_tone_group"]].nunique() <= 1).all(axis=None)
    assert (people.size() > 1).any()


def test_images_of_one_lesion_share_its_record():
    lesions = lots("isic2019", 600).groupby("lesion")
    assert (lesions.size() > 1).mean() > 0.2
    assert (lesions[["label", "age", "sex", "site"]].nunique() <= 1).all(axis=None)


def test_ages_sexes_and_sites_follow_the_population_and_carry_signal():
    table = lots("isic2019", 2000)
    facts = populations.load("isic2019").classes
    for label, rows in table.groupby("label"):
        assert rows["age"].mean() == pytest.approx(facts[label].age[0], abs=4)
        assert (rows["sex"].dropna() == "male").mean() == pytest.approx(facts[label].male, abs=0.13)
        favorite = max(facts[label].site, key=facts[label].site.get)
        share = facts[label].site[favorite] / sum(facts[label].site.values())
        assert (rows["site"].dropna() == favorite).mean() == pytest.approx(share, abs=0.13)
    ages = table.groupby("label")["age"].mean()
    assert ages["SCC"] - ages["NV"] > 15
    # What is missing goes with no class.
    lost = table["site"].isna()
    assert lost.mean() == pytest.approx(0.104, abs=0.03)
    assert table["age"].isna().mean() == pytest.approx(0.017, abs=0.012)
    by_class = lost.groupby(table["label"]).mean()
    assert by_class.max() - by_class.min() < 0.15


def test_some_lesions_of_isic2019_have_no_id(undrawn):
    frame = undrawn("isic2019", n=400, size=SIZE).frame
    assert frame["lesion_id"].isna().mean() == pytest.approx(0.082, abs=0.05)


# ---- what was drawn -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_has_the_rows_of_the_dataset(drawn, name):
    dataset = drawn(name)
    truth = phantom_truth(dataset)
    assert truth["image_id"].tolist() == dataset.frame["image_id"].tolist()
    assert truth["skin_type"].between(1, 6).all()
    for skin_type, (low, high) in enumerate(ITA_BANDS, start=1):
        assert truth["ita"][truth["skin_type"] == skin_type].between(low, high).all()
    if name != "ham10000":
        looks = {
            label: {look for look, _ in each.kinds.values()} for label, each in populations.load(name).classes.items()
        }
        assert all(look in looks[label] for look, label in zip(truth["look"], dataset.frame["label"], strict=True))
    for cause, rows in truth.groupby("cause"):
        assert (rows[cause] != 0).all(), cause
    known = dataset.frame["skin_type"].notna()
    assert (dataset.frame["skin_type"][known] == truth["skin_type"][known]).all()
    assert known.mean() > 0.3


def test_the_truth_follows_a_split_and_a_choice_of_rows(drawn):
    dataset = drawn("isic2020").with_split()
    part = dataset.only("test", "valid")
    truth, whole = phantom_truth(part), phantom_truth(dataset).set_index("image_id")
    assert truth["image_id"].tolist() == part.frame["image_id"].tolist()
    assert truth["ita"].tolist() == whole.loc[truth["image_id"], "ita"].tolist()


def test_the_truth_of_real_images_is_not_known(drawn, source):
    refused(lambda: phantom_truth(load("ham10000", root=source)), "ham10000: nobody knows the truth of real images")
    one = drawn("mednode")
    with pytest.warns(UserWarning, match="the same file"):
        both = merge([one, replace(one, name="phantom:again")])
    refused(lambda: phantom_truth(both), "merged from several phantoms")


def test_a_lost_truth_is_refused(undrawn):
    dataset = undrawn("mednode", n=60, size=SIZE)
    path = dataset.root / "phantom_truth.csv"
    path.write_text("image_id,ita\nx,1\n")
    refused(lambda: phantom_truth(dataset), f"{path}: not the truth of this phantom", "drawn again")
    path.unlink()
    refused(lambda: undrawn("mednode", n=60, size=SIZE), f"{path}: not the truth of this phantom")


def test_the_skin_type_of_ham10000_is_known_and_leaves_the_fingerprint(drawn):
    dataset = drawn("ham10000")
    files = ImageFiles(dataset.root)
    assert "skin_type" not in READERS["ham10000"](files)
    assert dataset.frame["skin_type"].notna().all()
    bare = replace(dataset, frame=dataset.frame.assign(skin_type=pd.NA))
    assert bare.fingerprint == dataset.fingerprint


def test_what_a_dataset_does_not_tell_of_the_skin_stays_missing(undrawn):
    frame = undrawn("fitzpatrick17k", n=400, size=SIZE).frame
    assert frame["skin_type"].isna().mean() == pytest.approx(0.034, abs=0.025)
    frame = undrawn("pad_ufes_20", n=200, size=SIZE).frame
    assert (frame["skin_type"].isna() == (frame["confirmed_by"] == "consensus")).all()


# ---- each of its own ------------------------------------------------------------------------------


def test_the_two_pictures_of_a_case_show_one_lesion(drawn):
    dataset = drawn("derm7pt")
    truth = phantom_truth(dataset).assign(lesion=dataset.frame["lesion_id"], modality=dataset.frame["modality"])
    signs = ["ita", "radius", "pigment", "network", "asymmetry", "cause"]
    assert (truth.groupby("lesion")[signs].nunique() == 1).all(axis=None)
    assert (truth.groupby("lesion")["modality"].nunique() == 2).all()
    assert ((truth["view"] == "dermoscopic") == (truth["modality"] == "dermoscopic")).all()
    assert (dataset.frame.groupby("lesion_id")["split"].nunique() == 1).all()


def test_the_seven_points_follow_from_the_signs(drawn):
    dataset = drawn("derm7pt")
    seen = pd.read_csv(dataset.root / "release_v0" / "meta" / "meta.csv", dtype={"case_num": "string"})
    seen = seen.rename(columns={"case_num": "lesion_id"}).set_index("lesion_id")
    truth = phantom_truth(dataset).assign(lesion_id=dataset.frame["lesion_id"]).drop_duplicates("lesion_id")
    seen = seen.loc[truth["lesion_id"]].reset_index()
    veil, atypical = (truth[sign].to_numpy() > 0.2 for sign in ("veil", "atypical_network"))
    assert ((seen["blue_whitish_veil"] == "present") == veil).all()
    assert ((seen["pigment_network"] == "atypical") == atypical).all()
    score = 2 * (veil.astype(int) + atypical + seen["vascular_structures"].isin(["dotted", "linear irregular"]))
    for column in ("streaks", "pigmentation", "dots_and_globules"):
        score += seen[column].str.endswith("irregular").astype(int)
    score += (seen["regression_structures"] != "absent").astype(int)
    assert seen["seven_point_score"].tolist() == score.tolist()


def test_the_annotations_of_ph2_follow_from_the_signs(drawn):
    dataset = drawn("ph2")
    table = ImageFiles(dataset.root).read("PH2Dataset.zip!PH2Dataset/PH2_dataset.txt").decode()
    rows = [re.split(r"\s*\|+\s*", line)[1:-1] for line in table.splitlines() if line.startswith("|| IMD")]
    seen = pd.DataFrame(rows).set_index(0).loc[dataset.frame["image_id"]].reset_index(drop=True)
    truth = phantom_truth(dataset)
    assert seen[9].str.split().str.len().tolist() == truth["n_colors"].tolist()
    assert ((seen[8] == "P") == (truth["veil"] > 0.2)).all()
    assert ((seen[3] == "0") == (truth["asymmetry"] <= 0.3)).all()


PLAIN = LesionParameters(texture=0, skin_type=2, ita=48, skin_a=13, skin_b=15)


@pytest.mark.parametrize(
    ("signs", "score", "words"),
    [
        ({}, 0, ("absent", "absent", "diffuse regular")),
        ({"atypical_network": 0.6, "veil": 0.5, "dotted_vessels": 0.5}, 6, ("atypical", "absent", "diffuse regular")),
        ({"network": 0.5, "globules": 0.5, "asymmetry": 0.6}, 1, ("typical", "irregular", "diffuse regular")),
        ({"dots": 0.6, "variegation": 0.9, "patchiness": 0.9, "regression": 0.4, "streaks": 0.7}, 4,
         ("absent", "irregular", "localized irregular")),
    ],
)  # fmt: skip
def test_the_words_of_the_checklist(signs, score, words):
    lesion = replace(PLAIN, **signs)
    assert checklist.seven_points(lesion) == score
    assert (checklist.network(lesion), checklist.dots(lesion), checklist.pigmentation(lesion)) == words


def test_dead_links_of_fitzpatrick17k_are_counted_and_names_are_digests(cache, drawn):
    dataset = drawn("fitzpatrick17k")
    with pytest.warns(UserWarning, match=r"\d+ of \d+ images are not here"):
        load("fitzpatrick17k", root=dataset.root)
    table = pd.read_csv(dataset.root / "fitzpatrick17k.csv", dtype=str)
    assert len(table) == len(dataset) + round(0.05 * len(dataset))
    assert table["md5hash"].is_monotonic_increasing
    for row, image_id in enumerate(dataset.frame["image_id"]):
        assert hashlib.md5(dataset.image_bytes(row), usedforsecurity=False).hexdigest() == image_id
    kinds = table.groupby("nine_partition_label")["three_partition_label"].agg("unique").str.join(",")
    assert kinds["inflammatory"] == kinds["genodermatoses"] == "non-neoplastic"
    assert kinds["malignant melanoma"] == "malignant"
    assert kinds["benign dermal"] == "benign"
    assert set(table["fitzpatrick_scale"]) <= {"-1", "1", "2", "3", "4", "5", "6"}


def test_skin_tones_of_ddi_are_pairs_of_types(drawn):
    dataset = drawn("ddi")
    groups = {"I-II": {1, 2}, "III-IV": {3, 4}, "V-VI": {5, 6}}
    types = phantom_truth(dataset)["skin_type"]
    assert all(kind in groups[group] for kind, group in zip(types, dataset.frame["skin_tone_group"], strict=True))


@pytest.mark.filterwarnings("ignore:.*images dropped")
def test_three_phantoms_make_the_twelve_lesions_of_mendes2018(drawn):
    twelve = label_map("mendes2018")
    merged = merge([relabel(drawn(name), twelve) for name in ("dermofit", "mednode", "atlas")])
    assert len(merged.classes) == 12
    assert set(merged.frame["label"]) == set(merged.classes)
    assert len(merged) == sum(fewest(name) for name in ("dermofit", "mednode", "atlas"))
    assert merged.is_phantom


@pytest.mark.filterwarnings("ignore:.*images dropped")
def test_dermai_takes_in_what_matches_of_the_public_sets(drawn):
    thirteen = label_map("nedelcu2021")
    merged = merge([relabel(drawn(name), thirteen) for name in ("dermai", "derm7pt", "dermofit")])
    assert merged.classes == drawn("dermai").classes
    assert len(merged) == 130 + 100 + 100 - len(merged.dropped_images)
    mine = merged.frame[merged.frame["source"] == "phantom:dermai"]
    assert mine["label"].tolist() == drawn("dermai").frame["label"].tolist()


def test_dermai_has_close_ups_and_parts_of_the_body(drawn):
    table = lots("dermai")
    anatomic = (table["view"] == "anatomic").groupby(table["label"]).mean()
    assert set(table["view"]) == {"macroscopic", "anatomic"}
    assert anatomic["MolCont"] == pytest.approx(21 / 71, abs=0.15)
    assert anatomic["SebKer"] < 0.12
    assert table["age"].mean() == pytest.approx(55.75, abs=4)
    assert table["age"].std() == pytest.approx(22.21, abs=4)
    assert set(phantom_truth(drawn("dermai"))["view"]) == {"macroscopic", "anatomic"}


def test_what_patients_of_pad_ufes_20_tell_goes_with_the_class(undrawn):
    dataset = undrawn("pad_ufes_20", n=500, size=SIZE)
    told = pd.read_csv(dataset.root / "metadata.csv").set_index("img_id").loc[dataset.frame["image_id"] + ".png"]
    bleeds = told["bleed"].reset_index(drop=True).groupby(dataset.frame["label"]).mean()
    assert bleeds["BCC"] > bleeds["NEV"] + 0.2
    cancers = dataset.frame[dataset.frame["label"].isin(["BCC", "SCC", "MEL"])]
    assert set(cancers["confirmed_by"]) == {"histo"}
    assert told["diameter_1"].dropna().between(1, 40).all()
    assert (told["diameter_1"].dropna() >= told["diameter_2"].dropna()).all()


def test_domains_differ(drawn):
    """A network that learns on one finds another light, another camera and other skin."""
    means = {}
    for name in ("isic2019", "ph2", "ddi"):
        dataset = drawn(name)
        rows = range(0, len(dataset), max(1, len(dataset) // 20))
        means[name] = np.mean([np.asarray(dataset.image(row)).mean(axis=(0, 1)) for row in rows], axis=0)
    for a, b in (("isic2019", "ddi"), ("ph2", "ddi")):
        assert np.abs(means[a] - means[b]).max() > 4, means


def test_a_whole_number_of_numpy_is_a_whole_number(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "draw", specks)
    write("mednode", tmp_path, n=np.int64(60), size=np.int32(SIZE), seed=np.int64(0))
    with zipfile.ZipFile(tmp_path / "complete_mednode_dataset.zip") as opened:
        assert len(opened.namelist()) == 60
        assert Image.open(io.BytesIO(opened.read(opened.namelist()[0]))).format == "JPEG"


def test_the_writer_of_ham10000_keeps_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "draw", specks)
    phantom.write_ham10000(tmp_path, n=70, size=SIZE, seed=0)
    assert len(pd.read_csv(Path(tmp_path, "HAM10000_metadata.csv"))) == sum(ham10000.class_counts(70)[0].values())
