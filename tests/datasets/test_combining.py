"""Relabeled, merged and narrowed datasets: known answers, what was dropped, and faults."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_ham10000 import (
    ROWS,
    dataset_of,
    jpeg,
    picture,
    png_mask,
    refused,
    tree,
    write_extras,
    write_folder,
    write_unpacked,
    write_zipped,
)

from lesionlib.datasets import card, label_map, load, merge, pixels, relabel, verify
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.schema import build

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NOTHING_DROPPED = pytest.mark.filterwarnings("error")


def make(root: Path, name: str, rows: list[tuple], **columns):
    """A dataset of the card `name`; a row is image id, label, number of its picture, and a lesion id or nothing."""
    write_folder(root, {f"{row[0]}.jpg": jpeg(picture(row[2])) for row in rows})
    frame = pd.DataFrame(
        {
            "image_id": [row[0] for row in rows],
            "image": [f"{row[0]}.jpg" for row in rows],
            "label": [row[1] for row in rows],
            "lesion_id": [row[3] if len(row) > 3 else pd.NA for row in rows],
            **columns,
        }
    )
    return build(name, frame, card(name), ImageFiles(root))


@pytest.fixture
def mednode(tmp_path):
    rows = [("1", "melanoma", 101), ("2", "naevus", 102), ("3", "naevus", 103)]
    return make(tmp_path / "mednode", "mednode", rows)


@pytest.fixture
def dermofit(tmp_path):
    rows = [("A1", "MEL", 201, "L1"), ("A2", "ML", 202, "L2"), ("A3", "PYO", 203, "L3"), ("2", "SK", 204, "L4")]
    return make(tmp_path / "dermofit", "dermofit", rows)


@pytest.fixture
def derm7pt(tmp_path):
    rows = [(f"{n}_{kind}", group, 300 + n, str(n)) for n, group in enumerate(EDRA) for kind in ("clinic", "derm")]
    terms = [term for group, term in EDRA.items() for _ in range(2)]
    rows = [(image_id, group.split("/")[0], number, lesion) for image_id, group, number, lesion in rows]
    modality = ["clinical", "dermoscopic"] * len(EDRA)
    return make(tmp_path / "derm7pt", "derm7pt", rows, diagnosis=terms, modality=modality)


EDRA = {
    "NEV/1": "clark_nevus",
    "NEV/2": "spitz_nevus",
    "MEL": "melanoma_in_situ",
    "MISC/1": "dermatofibroma",
    "MISC/2": "lentigo",
    "MISC/3": "melanosis",
    "MISC/4": "vascular_lesion",
    "MISC/5": "other",
    "BCC": "basal_cell_carcinoma",
}


def labels(dataset) -> dict[str, str]:
    return dict(zip(dataset.frame["image_id"], dataset.frame["label"], strict=True))


def counts(dataset) -> dict[str, int]:
    return {name: int((dataset.frame["label"] == name).sum()) for name in dataset.classes}


def dropped(dataset) -> list[tuple]:
    return list(dataset.dropped.itertuples(index=False, name=None))


# --- relabel


@NOTHING_DROPPED
def test_relabel_gives_a_new_dataset_in_the_maps_classes(tiny):
    before = tiny.frame.copy()
    other = relabel(tiny, "gupta2021")
    assert other.classes == ["benign", "malignant"]
    assert counts(other) == {"benign": 8, "malignant": 4}
    assert other.counts().sum().sum() == 12
    pd.testing.assert_frame_equal(tiny.frame, before)
    pd.testing.assert_frame_equal(other.frame.drop(columns="label"), before.drop(columns="label"))
    assert tiny.classes == list(card("ham10000").classes)
    assert other.dropped.empty
    assert other.fingerprint != tiny.fingerprint
    assert relabel(tiny, label_map("gupta2021")).fingerprint == other.fingerprint
    assert relabel(tiny, "lucius2020").fingerprint == tiny.fingerprint


def test_the_card_of_a_relabeled_dataset_has_its_classes_and_expects_no_counts(tiny, cache):
    other = relabel(tiny, "gupta2021")
    assert list(other.card.classes) == other.classes
    assert [facts.category for facts in other.card.classes.values()] == ["benign", "malignant"]
    assert other.card.license == tiny.card.license
    assert (other.card.images, other.card.lesions) == (None, None)
    verification = verify(other)
    assert verification.ok
    table = verification.table.set_index("check")["found"]
    assert table["images of benign"] == 8
    assert np.array_equal(pixels(other, 16), pixels(tiny, 16))


def test_a_dict_works_by_label_by_diagnosis_and_by_the_broader_diagnosis(derm7pt):
    by_label = {"NEV": "nevus", "MEL": "melanoma", "MISC": "rest", "BCC": "rest"}
    assert counts(relabel(derm7pt, by_label)) == {"nevus": 4, "melanoma": 2, "rest": 12}
    # The row's own diagnosis comes before its label, and its label before what is broader than its diagnosis.
    finer = {
        "nevus": "broader",
        "spitz_nevus": "finest",
        "MEL": "label",
        "melanoma": "broader",
        "MISC": "x",
        "BCC": "x",
    }
    found = relabel(derm7pt, finer)
    assert found.classes == ["broader", "finest", "label", "x"]
    assert counts(found) == {"broader": 2, "finest": 2, "label": 2, "x": 12}


def test_what_is_mapped_to_none_is_dropped_and_said(tiny):
    mapping = {"nv": "nevus", "mel": "melanoma", "bkl": None, "df": None, "vasc": "other"}
    with pytest.warns(
        UserWarning, match=r"ham10000: 3 images dropped \(left out by the mapping: bkl \(2\), df \(1\)\)"
    ):
        found = relabel(tiny, mapping)
    assert found.classes == ["nevus", "melanoma", "other"]
    assert list(found.frame.index) == list(range(9))
    assert dropped(found) == [
        ("ham10000", "bkl", "left out by the mapping", 2),
        ("ham10000", "df", "left out by the mapping", 1),
    ]
    assert found.dropped_images["image_id"].tolist() == ["ISIC_09", "ISIC_10", "ISIC_11"]
    assert np.array_equal(np.asarray(found.image(8)), np.asarray(tiny.image(11)))


def test_unmatched_labels_are_refused_or_dropped(tiny):
    mapping = {"mel": "melanoma", "nv": "nevus"}
    refused(
        lambda: relabel(tiny, mapping),
        "ham10000: the mapping says nothing of 4 images, labeled bkl (2), df (1), vasc (1)",
        "drop_unmatched=True",
    )
    with pytest.warns(UserWarning, match="4 images dropped"):
        found = relabel(tiny, mapping, drop_unmatched=True)
    assert counts(found) == {"melanoma": 4, "nevus": 4}
    assert set(found.dropped["reason"]) == {"not in the mapping"}
    with pytest.warns(UserWarning, match="4 images dropped"):
        again = relabel(found, {"nevus": "nevus", "melanoma": None})
    # What was dropped before stays on record.
    assert again.dropped["images"].tolist() == [2, 1, 1, 4]
    assert again.dropped["label"].tolist() == ["bkl", "df", "vasc", "melanoma"]


def test_nedelcu2021_on_edra(derm7pt):
    clinical = derm7pt.where(modality="clinical")
    with pytest.warns(UserWarning, match=r"left out by the label map nedelcu2021: MISC \(3\)"):
        found = relabel(clinical, "nedelcu2021")
    assert found.classes == list(label_map("nedelcu2021").classes)
    assert {name: n for name, n in counts(found).items() if n} == {"Nev": 2, "Drmfib": 1, "SLent": 1, "BCC": 1, "MM": 1}
    gone = derm7pt.frame.set_index("image_id")["diagnosis"][found.dropped_images["image_id"]]
    assert gone.tolist() == ["melanosis", "vascular_lesion", "other"]


def test_mendes2018_joins_two_datasets(mednode, dermofit):
    with warnings.catch_warnings(action="error"):
        found = merge([relabel(mednode, "mendes2018"), relabel(dermofit, "mendes2018")])
    assert found.classes == list(label_map("mendes2018").classes)
    assert {name: n for name, n in counts(found).items() if n} == {
        "melanoma": 2,
        "nevus": 3,
        "pyogenic_granuloma": 1,
        "seborrheic_keratosis": 1,
    }
    # The merged dataset itself can be relabeled by the map of each source.
    again = relabel(merge([mednode, dermofit], classes=[*mednode.classes, *dermofit.classes]), "mendes2018")
    assert labels(again) == labels(found)


def test_a_mapping_that_cannot_be_meant_is_refused(tiny, mednode):
    refused(lambda: relabel(mednode, "lucius2020"), "no entry for mednode, only for ham10000", "give a dict")
    refused(lambda: relabel(tiny, "lucius"), "no label map is called 'lucius'")
    refused(lambda: relabel(tiny, {"melanona": "m"}), "the mapping names 'melanona'", "the classes are akiec")
    refused(lambda: relabel(tiny, {"mel": 3}), "the mapping leads to 3", "expected the name of a class")
    refused(lambda: relabel(tiny, {"mel": ""}), "the mapping leads to ''")
    refused(lambda: relabel(tiny, {"mel": pd.NA}), "the mapping leads to <NA>")
    for odd in ({}, None, ["mel"], 5):
        refused(lambda odd=odd: relabel(tiny, odd), "expected a dict from label to class")
    refused(lambda: relabel(tiny, dict.fromkeys(tiny.classes)), "leaves none of the 12 images")
    refused(lambda: relabel(tiny, {"bcc": "x"}, drop_unmatched=True), "leaves none of the 12 images")


def test_the_facts_of_new_classes_come_from_what_is_known(tiny):
    mapping = {"nv": "mole", "bkl": "harmless", "df": "harmless", "vasc": "mixed", "mel": "mixed"}
    classes = relabel(tiny, mapping).card.classes
    assert (classes["mole"].diagnosis, classes["mole"].category) == ("nevus", "benign")
    assert (classes["harmless"].diagnosis, classes["harmless"].category) == ("harmless", "benign")
    assert (classes["mixed"].diagnosis, classes["mixed"].category) == ("mixed", "uncertain")


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_relabeled_counts_are_the_sums_of_the_old(data):
    present = ["nv", "mel", "bkl", "df", "vasc"]
    rows = pd.DataFrame({"label": data.draw(st.lists(st.sampled_from(present), min_size=1, max_size=30))})
    dataset = dataset_of(rows.assign(image_id=[f"i{n}" for n in rows.index], source="ham10000"))
    mapping = {label: data.draw(st.sampled_from(["a", "b", "c", None])) for label in present}
    old = counts(dataset)
    if not any(mapping[label] for label in rows["label"]):
        refused(lambda: relabel(dataset, mapping), "leaves none")
        return
    with warnings.catch_warnings(action="ignore"):
        found = relabel(dataset, mapping)
    assert found.classes == list(dict.fromkeys(target for target in mapping.values() if target))
    for name, n in counts(found).items():
        assert n == sum(old[label] for label in present if mapping[label] == name)
    assert len(found) + len(found.dropped_images) == len(dataset) == len(found) + found.dropped["images"].sum()


# --- merge


@NOTHING_DROPPED
def test_merged_images_keep_rows_pictures_and_order(tiny, tmp_path, cache):
    more = make(tmp_path / "isic2019", "isic2019", [("ISIC_55", "MEL", 55, "B1"), ("ISIC_56", "DF", 56, "B2")])
    merged = merge([relabel(tiny, {**HAM, "vasc": "VASC"}), relabel(more, TO_ITSELF)], classes=list(TO_ITSELF))
    assert merged.name == "ham10000+isic2019"
    assert len(merged) == 14
    assert merged.frame["image_id"].tolist() == [*tiny.frame["image_id"], "ISIC_55", "ISIC_56"]
    assert merged.frame["source"].tolist() == ["ham10000"] * 12 + ["isic2019"] * 2
    assert list(merged.frame.dtypes) == list(tiny.frame.dtypes)
    assert merged.frame.index.tolist() == list(range(14))
    assert merged.root is None
    for row in range(14):
        origin = tiny if row < 12 else more
        assert merged.image_bytes(row) == origin.image_bytes(row % 12)
        assert np.array_equal(np.asarray(merged.image(row)), np.asarray(origin.image(row % 12)))
    assert np.array_equal(pixels(merged, 16)[12:], pixels(more, 16))
    assert verify(merged).ok
    copy = pickle.loads(pickle.dumps(merged))
    assert copy.image_bytes(13) == more.image_bytes(1)


HAM = {"akiec": "AK", "bcc": "BCC", "bkl": "BKL", "df": "DF", "mel": "MEL", "nv": "NV"}
TO_ITSELF = {name: name for name in ("AK", "BCC", "BKL", "DF", "MEL", "NV", "SCC", "VASC")}


def test_an_image_of_the_same_archive_is_kept_once_and_lesions_stay_one(tiny, tmp_path):
    rows = [
        ("ISIC_05", "MEL", 5, "HAM_04"),
        ("ISIC_06_downsampled", "MEL", 996, "HAM_04"),
        ("ISIC_12", "DF", 12, "HAM_09"),
        ("ISIC_55", "MEL", 55, "HAM_04"),
    ]
    isic = make(tmp_path / "isic2019", "isic2019", rows)
    ham = relabel(tiny, {**HAM, "vasc": "VASC"})
    with pytest.warns(UserWarning, match=r"ham10000\+isic2019: 3 images dropped"):
        merged = merge([ham, relabel(isic, TO_ITSELF)], classes=list(TO_ITSELF))
    assert merged.frame["image_id"].tolist() == [*tiny.frame["image_id"], "ISIC_55"]
    # The label of the one that is kept stands; the record tells of the other.
    assert dropped(merged) == [
        ("isic2019", "MEL", "the same image id as in ham10000", 2),
        ("isic2019", "DF", "the same image id as in ham10000, labeled VASC there", 1),
    ]
    assert (merged.frame["lesion_id"] == "HAM_04").sum() == 4
    with pytest.warns(UserWarning, match="3 images dropped"):
        backward = merge([relabel(isic, TO_ITSELF), ham], classes=list(TO_ITSELF))
    assert len(backward) == 13
    assert labels(backward)["ISIC_12"] == "DF"
    assert backward.fingerprint != merged.fingerprint


def test_the_same_file_under_another_id_is_dropped(mednode, tmp_path, monkeypatch):
    # 2 has the content of mednode's 1, 3 only its size.
    other = make(tmp_path / "ph2", "ph2", [("X", "melanoma", 101), ("Y", "common_nevus", 900)])
    other = relabel(other, {"melanoma": "melanoma", "nevus": "naevus"})
    read = []
    original = ImageFiles.read
    monkeypatch.setattr(ImageFiles, "read", lambda files, ref: read.append(ref) or original(files, ref))
    with pytest.warns(UserWarning, match="1 images dropped"):
        merged = merge([mednode, other])
    assert merged.frame["image_id"].tolist() == ["1", "2", "3", "Y"]
    assert dropped(merged) == [("ph2", "melanoma", "the same file as in mednode", 1)]
    # Only files of one size are opened.
    assert sorted(read) == ["1.jpg", "X.jpg"]


@NOTHING_DROPPED
def test_files_of_one_size_that_differ_are_both_kept(tmp_path):
    first = make(tmp_path / "a", "mednode", [("1", "melanoma", 1)])
    second = make(tmp_path / "b", "ph2", [("2", "melanoma", 2)])
    long = max(path.stat().st_size for path in (tmp_path / "a" / "1.jpg", tmp_path / "b" / "2.jpg"))
    for path in (tmp_path / "a" / "1.jpg", tmp_path / "b" / "2.jpg"):
        path.write_bytes(path.read_bytes().ljust(long, b"\0"))
    assert len(merge([first, second], classes=["melanoma", "naevus", *second.classes[:2]])) == 2


def test_the_repeats_of_one_publisher_stay(tmp_path, dermofit):
    repeats = make(tmp_path / "m", "mednode", [("1", "naevus", 7), ("2", "naevus", 7), ("3", "melanoma", 201)])
    with pytest.warns(UserWarning, match=r"the same file as in mednode: MEL \(1\)|labeled melanoma there"):
        merged = merge([repeats, dermofit], classes=[*repeats.classes, *dermofit.classes])
    assert len(merged) == 3 + 4 - 1


@NOTHING_DROPPED
def test_ids_that_mean_different_things_get_their_source(mednode, dermofit, tmp_path):
    patients = make(
        tmp_path / "pad",
        "pad_ufes_20",
        [("2", "MEL", 401, "L1"), ("P", "NEV", 402, "L9")],
        patient_id=["7", "8"],
    )
    others = replace(dermofit, frame=dermofit.frame.assign(patient_id=pd.array(["7", pd.NA, pd.NA, "9"], "string")))
    parts = [relabel(part, to) for part, to in ((mednode, BY_TERM), (others, BY_TERM), (patients, BY_TERM))]
    frame = merge(parts).frame
    assert frame["image_id"].tolist() == ["1", "mednode/2", "3", "A1", "A2", "A3", "dermofit/2", "pad_ufes_20/2", "P"]
    assert frame["lesion_id"].dropna().tolist() == ["dermofit/L1", "L2", "L3", "L4", "pad_ufes_20/L1", "L9"]
    assert frame["patient_id"].dropna().tolist() == ["dermofit/7", "9", "pad_ufes_20/7", "8"]


BY_TERM = {"melanoma": "melanoma", "nevus": "rest", "pyogenic_granuloma": "rest", "seborrheic_keratosis": "rest"}


def test_a_dataset_merged_with_itself_is_itself(tiny):
    with pytest.warns(UserWarning, match="12 images dropped"):
        merged = merge([tiny, tiny])
    assert merged.name == "ham10000"
    assert len(merged.dropped_images) == 12
    pd.testing.assert_frame_equal(
        merged.frame.drop(columns=["image", "mask"]), tiny.frame.drop(columns=["image", "mask"])
    )
    assert [merged.image_bytes(row) for row in range(12)] == [tiny.image_bytes(row) for row in range(12)]


@given(st.sets(st.integers(0, 11), min_size=1), st.sets(st.integers(0, 11), min_size=1))
@settings(max_examples=8, deadline=None)
def test_merged_counts_are_the_sum_but_for_the_dropped(tiny_once, first, second):
    a, b = (tiny_once.where(image_id=[ROWS[n][1] for n in chosen]) for chosen in (first, second))
    with warnings.catch_warnings(action="ignore"):
        merged, other = merge([a, b]), merge([b, a])
    assert len(merged) == len(a) + len(b) - len(merged.dropped_images) == len(first | second)
    assert set(merged.frame["image_id"]) == {ROWS[n][1] for n in first | second} == set(other.frame["image_id"])
    assert merged.dropped["images"].sum() == len(first & second)
    assert sum(counts(merged).values()) == len(merged)
    assert merged.frame["image_id"].is_unique
    for row, image_id in enumerate(merged.frame["image_id"]):
        assert merged.image_bytes(row) == CONTENT[image_id]


CONTENT = {row[1]: jpeg(picture(int(row[1].removeprefix("ISIC_")))) for row in ROWS}


@pytest.fixture(scope="module")
def tiny_once(tmp_path_factory):
    return load("ham10000", root=write_zipped(tmp_path_factory.mktemp("once") / "source"))


def test_a_subset_of_another_copy_of_the_same_data_fits(tmp_path):
    zipped = load("ham10000", root=write_zipped(tmp_path / "zipped"))
    unpacked = load("ham10000", root=write_unpacked(tmp_path / "unpacked"))
    with pytest.warns(UserWarning, match="2 images dropped"):
        merged = merge([zipped.where(label="nv"), unpacked.where(lesion_id=["HAM_01", "HAM_04"])])
    assert merged.frame["image_id"].tolist() == [f"ISIC_0{n}" for n in range(1, 8)]
    assert [merged.image_bytes(row) for row in range(7)] == [CONTENT[i] for i in merged.frame["image_id"]]
    assert merged.frame["lesion_id"].tolist() == [row[0] for row in ROWS[:7]]


def test_official_tests_are_joined_and_a_test_image_stays_one(tmp_path, mednode):
    ham = load("ham10000", root=write_extras(write_zipped(tmp_path / "ham")))
    assert ham.official_test == {"ISIC_90", "ISIC_91"}
    mole = make(tmp_path / "mole", "mednode", [("90", "melanoma", 90), ("5", "melanoma", 500)], split=["train", "test"])
    with pytest.warns(UserWarning, match="the same file as in mednode"):
        merged = merge([mole, ham], classes=[*mole.classes, *ham.classes])
    assert merged.official_test == {"90", "5", "ISIC_91"}
    split = merged.with_split(0.8, 0.2, 0, by="official").frame.set_index("image_id")["split"]
    assert split[["90", "5", "ISIC_91"]].eq("test").all()
    assert (split == "test").sum() == 3
    # An id that got its source in front is followed.
    lone = make(tmp_path / "lone", "ph2", [("5", "melanoma", 700)], split=["test"])
    with warnings.catch_warnings(action="error"):
        merged = merge([mole, lone], classes=[*mole.classes, *lone.classes[:2]])
    assert merged.official_test == {"mednode/5", "ph2/5"}


def test_masks_are_found_behind_the_merged_files(tmp_path, mednode):
    ham = load("ham10000", root=write_extras(write_zipped(tmp_path / "ham")))
    merged = merge([mednode, ham], classes=[*mednode.classes, *ham.classes])
    assert np.asarray(merged.mask(3)).sum() == 200 * 255
    assert png_mask() == merged._files.read(merged.frame["mask"][3])
    refused(lambda: merged.mask(0), "image 1 has no mask")


def test_a_merged_dataset_can_be_merged_again(tiny, mednode, dermofit):
    classes = [*tiny.classes, *mednode.classes, *dermofit.classes]
    flat = merge([tiny, mednode, dermofit], classes=classes)
    nested = merge([merge([tiny, mednode], classes=classes), dermofit], classes=classes)
    columns = ["image_id", "label", "lesion_id", "source"]
    # The one id that two share got its source in both orders.
    pd.testing.assert_frame_equal(nested.frame[columns], flat.frame[columns])
    assert [nested.image_bytes(row) for row in range(19)] == [flat.image_bytes(row) for row in range(19)]
    assert nested.name == flat.name == "ham10000+mednode+dermofit"
    with pytest.warns(UserWarning, match="12 images dropped"):
        again = merge([nested, tiny], classes=classes)
    assert again.frame["image_id"].tolist() == nested.frame["image_id"].tolist()


def test_phantoms_go_with_phantoms_and_two_seeds_are_two_archives(tmp_path, tiny):
    one = make(tmp_path / "one", "ham10000", [("ISIC_01", "nv", 1, "HAM_01"), ("ISIC_02", "mel", 2, "HAM_02")])
    two = make(tmp_path / "two", "ham10000", [("ISIC_01", "nv", 71, "HAM_01"), ("ISIC_02", "mel", 2, "HAM_02")])
    one, two = (
        replace(
            part, name="phantom:ham10000", frame=part.frame.assign(source="phantom:ham10000").astype(part.frame.dtypes)
        )
        for part in (one, two)
    )
    with pytest.warns(UserWarning, match="the same file as in phantom:ham10000"):
        merged = merge([one, two])
    assert merged.is_phantom
    assert merged.frame["source"].tolist() == ["phantom:ham10000"] * 2 + ["phantom:ham10000#2"]
    assert merged.frame["image_id"].tolist() == ["phantom:ham10000/ISIC_01", "ISIC_02", "phantom:ham10000#2/ISIC_01"]
    assert merged.frame["lesion_id"].tolist() == ["phantom:ham10000/HAM_01", "HAM_02", "phantom:ham10000#2/HAM_01"]
    assert counts(relabel(merged, "gupta2021")) == {"benign": 2, "malignant": 1}
    refused(lambda: merge([one, tiny]), "phantoms are not data", "not with ham10000")


def test_the_card_of_a_merged_dataset(mednode, dermofit):
    merged = merge([mednode, dermofit], classes=[*mednode.classes, *dermofit.classes, "scar"])
    facts = merged.card
    assert facts.name == "mednode+dermofit"
    assert list(facts.classes) == merged.classes
    assert facts.classes["IEC"].diagnosis == "intraepithelial_carcinoma"
    assert facts.classes["scar"].category == "benign"
    assert (facts.images, facts.lesions, facts.modality) == (None, None, "clinical")
    for part in (card("mednode"), card("dermofit")):
        assert part.license in facts.license
        assert part.citation in facts.citation
    assert facts.access.kind == "license"
    assert facts.may_publish_images is False


@pytest.mark.parametrize("allowed", [(True, True), (True, False), (False, True), (False, False)])
def test_pictures_may_be_published_where_all_may(mednode, dermofit, allowed):
    parts = [
        replace(part, card=part.card.model_copy(update={"may_publish_images": may}))
        for part, may in zip((mednode, dermofit), allowed, strict=True)
    ]
    merged = merge(parts, classes=[*mednode.classes, *dermofit.classes])
    assert merged.card.may_publish_images is all(allowed)


def test_what_cannot_be_merged_is_refused(tiny, mednode, dermofit):
    refused(
        lambda: merge([mednode, dermofit]),
        "dermofit has the classes AK, BCC",
        "expected melanoma, naevus",
        "relabel it first, or give classes=",
    )
    refused(lambda: merge([mednode], classes=["melanoma"]), "mednode has the classes", "expected melanoma:")
    refused(lambda: merge([]), "nothing to merge", "expected a list of datasets")
    refused(lambda: merge([mednode, "ham10000"]), "cannot merge 'ham10000'", "expected a list of datasets")


def test_a_file_that_is_gone_is_named(mednode, tmp_path):
    other = make(tmp_path / "ph2", "ph2", [("X", "melanoma", 101)])
    other = relabel(other, {"melanoma": "melanoma", "nevus": "naevus"})
    (tmp_path / "ph2" / "X.jpg").unlink()
    refused(lambda: merge([mednode, other]), str(tmp_path / "ph2" / "X.jpg"), "cannot be read")


def test_the_fingerprint_is_the_same_each_time_and_the_users_files_stay(tiny, source, mednode):
    before = tree(source)
    classes = [*tiny.classes, *mednode.classes]
    first, second = (merge([tiny, mednode], classes=classes) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert len(first.fingerprint) == 12
    assert first.fingerprint not in (tiny.fingerprint, mednode.fingerprint)
    assert tree(source) == before


def test_splits_of_a_merged_dataset_keep_lesions_together(tiny, mednode):
    merged = merge([tiny, mednode], classes=[*tiny.classes, *mednode.classes]).with_split(0.5, 0.25, 0.25)
    sides = merged.frame.dropna(subset="lesion_id").groupby("lesion_id")["split"].nunique()
    assert (sides == 1).all()
    assert len(merged.only("train")) == (merged.frame["split"] == "train").sum()


def test_a_split_stays_only_where_every_image_has_one(tiny, mednode):
    classes = [*tiny.classes, *mednode.classes]
    assert tiny.frame["split"].eq("train").all()
    half = merge([tiny, mednode], classes=classes)
    assert half.frame["split"].isna().all()
    assert half.counts().to_dict() == {"all": counts(half)}
    whole = merge([tiny, mednode.with_split(0.5, 0, 0.5, by=None)], classes=classes)
    assert whole.frame["split"].tolist()[:12] == ["train"] * 12
    assert set(whole.frame["split"][12:]) == {"train", "test"}


def test_counts_leave_out_no_image(tiny):
    split = tiny.frame["split"].mask(tiny.frame["label"] == "mel")
    assert replace(tiny, frame=tiny.frame.assign(split=split)).counts().sum().to_dict() == {"train": 8, "none": 4}


# --- where


def test_where_narrows_by_values(tiny):
    assert tiny.where(label="mel").frame["image_id"].tolist() == ["ISIC_05", "ISIC_06", "ISIC_07", "ISIC_08"]
    found = tiny.where(label=["mel", "nv"], sex="male")
    assert found.frame["image_id"].tolist() == ["ISIC_04", "ISIC_05", "ISIC_06", "ISIC_07"]
    assert found.frame.index.tolist() == [0, 1, 2, 3]
    assert found.classes == tiny.classes
    assert found.card == tiny.card
    assert len(tiny.where(age={35, 70.0})) == 5
    assert tiny.where(sex=pd.NA).frame["image_id"].tolist() == ["ISIC_03", "ISIC_09"]
    assert np.array_equal(np.asarray(found.image(1)), np.asarray(tiny.image(4)))
    assert tiny.where().fingerprint == tiny.fingerprint


def test_where_without_a_column_or_an_image_is_refused(tiny):
    refused(lambda: tiny.where(gender="male"), "ham10000: no column 'gender'", "expected one of image_id")
    refused(lambda: tiny.where(label="MEL"), "no image where label is 'MEL'", "there it is nv, mel, bkl, df, vasc")
    refused(lambda: tiny.where(label="vasc", sex="male"), "no image where sex is 'male'", "there it is female")
    refused(lambda: tiny.where(patient_id="1"), "there it is <NA>")


def test_what_is_not_merged_has_the_fingerprint_that_it_had(tmp_path):
    # Finished runs are found by it.
    write_folder(tmp_path, {"A.jpg": b"x" * 10, "B.jpg": b"y" * 20})
    rows = pd.DataFrame({"image_id": ["A", "B"], "image": ["A.jpg", "B.jpg"], "label": ["nv", "mel"]})
    rows["lesion_id"] = ["HAM_1", pd.NA]
    assert build("ham10000", rows, card("ham10000"), ImageFiles(tmp_path)).fingerprint == "c483e7b266a8"
