"""Verification: counts, unreadable images, duplicates and leaks."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_ham10000 import (
    PARTS,
    ROWS,
    jpeg,
    picture,
    tree,
    write_extras,
    write_folder,
    write_loose,
    write_table,
    write_unpacked,
)

from lesionlib.datasets import load, verify
from lesionlib.datasets.verification import _near_pairs, counts

COUNTS = {"akiec": 0, "bcc": 0, "bkl": 2, "df": 1, "mel": 4, "nv": 4, "vasc": 1}


def expecting(dataset, images=12, lesions=9, **counts):
    """The dataset with a card that expects these counts."""
    counts = {**COUNTS, **counts}
    classes = {name: facts.model_copy(update={"images": counts[name]}) for name, facts in dataset.card.classes.items()}
    card = dataset.card.model_copy(update={"images": images, "lesions": lesions, "classes": classes})
    return replace(dataset, card=card)


def failed(verification) -> list[str]:
    return verification.table.loc[~verification.table["ok"], "check"].tolist()


def found(verification, check: str) -> int:
    return int(verification.table.set_index("check").loc[check, "found"])


def test_a_dataset_as_its_card_says_passes(tiny):
    verification = verify(expecting(tiny))
    assert verification.ok
    assert failed(verification) == []
    assert verification.unreadable == []
    assert verification.duplicates.empty
    table = verification.table.set_index("check")
    assert list(verification.table) == ["check", "expected", "found", "ok"]
    assert table.loc["images", ["expected", "found"]].tolist() == [12, 12]
    assert table.loc["lesions", ["expected", "found"]].tolist() == [9, 9]
    assert {name: table.loc[f"images of {name}", "found"] for name in COUNTS} == COUNTS


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        ({"images": 13}, "images"),
        ({"lesions": 8}, "lesions"),
        ({"mel": 5}, "images of mel"),
        ({"akiec": 1}, "images of akiec"),
    ],
)
def test_each_wrong_count_fails(tiny, wrong, check):
    verification = verify(expecting(tiny, **wrong))
    assert not verification.ok
    assert failed(verification) == [check]


def test_a_dozen_images_are_not_ham10000(tiny):
    verification = verify(tiny)
    assert failed(verification) == ["images", "lesions", *(f"images of {name}" for name in COUNTS)]


def test_a_phantom_has_no_counts_to_keep(tiny):
    phantom = replace(tiny, name="phantom:ham10000")
    verification = verify(phantom)
    assert verification.ok
    assert found(verification, "images") == 12
    assert pd.isna(verification.table.set_index("check").loc["images", "expected"])


def test_the_official_test_set_is_counted_apart(source):
    verification = verify(expecting(load("ham10000", root=write_extras(source))))
    assert verification.ok
    assert found(verification, "images") == 12
    assert found(verification, "official test images") == 2
    assert found(verification, "images of mel") == 4


def with_pictures(tmp_path, pictures: dict[str, bytes]):
    root = write_loose(tmp_path / "loose")
    write_folder(root, pictures)
    return load("ham10000", root=root)


def pairs(verification) -> set[tuple]:
    return set(verification.duplicates.itertuples(index=False, name=None))


def test_exact_duplicates_are_found(tmp_path):
    same = jpeg(picture(77))
    names = ["ISIC_01.jpg", "ISIC_02.jpg", "ISIC_09.jpg"]
    verification = verify(expecting(with_pictures(tmp_path, dict.fromkeys(names, same))))
    assert pairs(verification) == {
        ("ISIC_01", "ISIC_02", "exact", True),
        ("ISIC_01", "ISIC_09", "exact", False),
        ("ISIC_02", "ISIC_09", "exact", False),
    }
    assert found(verification, "exact duplicates") == 3
    assert found(verification, "near duplicates") == 0
    assert found(verification, "duplicates under different lesion ids") == 2
    # The publisher put them there: they inform, they do not fail.
    assert verification.ok


def brighter(by: int):
    return picture(77).point(lambda value: value + by)


@pytest.mark.parametrize("other", [jpeg(picture(77), 93), jpeg(brighter(2), 95)])
def test_near_duplicates_are_found(tmp_path, other):
    pictures = {"ISIC_01.jpg": jpeg(picture(77), 95), "ISIC_09.jpg": other}
    verification = verify(with_pictures(tmp_path, pictures))
    assert pairs(verification) == {("ISIC_01", "ISIC_09", "near", False)}
    assert found(verification, "near duplicates") == 1
    assert found(verification, "exact duplicates") == 0


def test_the_same_shapes_in_other_colors_are_no_duplicates(tmp_path):
    pictures = {"ISIC_01.jpg": jpeg(picture(77), 95), "ISIC_09.jpg": jpeg(brighter(12), 95)}
    verification = verify(with_pictures(tmp_path, pictures))
    assert verification.duplicates.empty


def test_duplicates_of_unknown_lesions_are_reported(tmp_path):
    dataset = with_pictures(tmp_path, dict.fromkeys(["ISIC_01.jpg", "ISIC_09.jpg", "ISIC_10.jpg"], jpeg(picture(77))))
    frame = dataset.frame.copy()
    frame.loc[frame["image_id"] != "ISIC_01", "lesion_id"] = pd.NA
    verification = verify(replace(dataset, frame=frame))
    assert pairs(verification) == {
        ("ISIC_01", "ISIC_09", "exact", False),
        ("ISIC_01", "ISIC_10", "exact", False),
        ("ISIC_09", "ISIC_10", "exact", False),
    }


def test_a_lesion_on_two_sides_is_found(tiny):
    dataset = expecting(tiny)
    assert verify(dataset.with_split(by="lesion_id")).ok
    frame = dataset.with_split(by="lesion_id").frame
    # HAM_04 and HAM_01 have several images each.
    frame.loc[frame["image_id"] == "ISIC_05", "split"] = "test"
    frame.loc[frame["image_id"].isin(["ISIC_06", "ISIC_07", "ISIC_01"]), "split"] = "train"
    frame.loc[frame["image_id"] == "ISIC_02", "split"] = "valid"
    verification = verify(replace(dataset, frame=frame))
    assert failed(verification) == ["lesion_id on two sides of the split"]
    assert found(verification, "lesion_id on two sides of the split") == 2


def test_a_patient_on_two_sides_is_found(tiny):
    frame = tiny.frame.assign(patient_id="P1", split=["train"] * 7 + ["test"] * 5)
    assert failed(verify(expecting(replace(tiny, frame=frame)))) == ["patient_id on two sides of the split"]


def test_patients_are_counted_where_the_card_or_the_files_know_them(tiny):
    frame = tiny.frame.assign(patient_id=["P1"] * 7 + ["P2"] * 5)
    dataset = expecting(replace(tiny, frame=frame))
    assert pd.isna(verify(dataset).table.set_index("check").loc["patients", "expected"])
    assert found(verify(dataset), "patients") == 2
    wrong = replace(dataset, card=dataset.card.model_copy(update={"patients": 3}))
    assert failed(verify(wrong)) == ["patients"]
    unknown = replace(expecting(tiny), card=expecting(tiny).card.model_copy(update={"patients": 3}))
    assert failed(verify(unknown)) == ["patients"]
    assert "patients" not in set(verify(expecting(tiny)).table["check"])


def test_an_official_test_set_that_the_card_counts_is_not_set_apart(source):
    dataset = load("ham10000", root=write_extras(source))
    counted = expecting(dataset, images=14, lesions=11, mel=5, nv=5)
    assert counts(counted)["ok"].all()
    assert "official test images" not in set(counts(counted)["check"])
    # One image too few is one image too few, not a set without its test images.
    fewer = replace(counted, frame=counted.frame.drop(0).reset_index(drop=True))
    table = counts(fewer).set_index("check")
    assert table.loc["images", ["expected", "found"]].tolist() == [14, 13]
    assert not table.loc["images", "ok"]


def test_fewer_images_are_in_order_where_pages_are_gone(tiny):
    def linked(**expected):
        dataset = expecting(tiny, **expected)
        access = dataset.card.access.model_copy(update={"kind": "links"})
        return replace(dataset, card=dataset.card.model_copy(update={"access": access}))

    assert counts(linked(images=20, mel=9, lesions=12))["ok"].all()
    assert counts(linked(images=11)).set_index("check")["ok"].to_dict()["images"] is False


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_near_pairs_are_those_that_a_look_at_every_pair_finds(seed, number):
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 2**64, (3, 4), dtype=np.uint64)
    flips = np.uint64(1) << random.integers(0, 64, (number, 4, 12), dtype=np.uint64)
    kept = random.integers(0, 2, flips.shape).astype(bool)
    hashes = kinds[random.integers(0, 3, number)] ^ np.bitwise_xor.reduce(np.where(kept, flips, 0), axis=2)
    thumbnails = (random.integers(0, 2, (number, 1)) * 6 + random.integers(0, 3, (number, 768))).astype(np.int16)
    expected = []
    for i, j in combinations(range(number), 2):
        bits = sum(int(a ^ b).bit_count() for a, b in zip(hashes[i], hashes[j], strict=True))
        if bits <= 40 and np.abs(thumbnails[i] - thumbnails[j]).mean() <= 4:
            expected.append((i, j))
    assert list(_near_pairs(hashes, thumbnails)) == expected


def test_unreadable_images_are_listed(tmp_path):
    root = write_unpacked(tmp_path / "unpacked")
    cut = root / PARTS[0] / "ISIC_03.jpg"
    cut.write_bytes(cut.read_bytes()[:-100])
    (root / PARTS[1] / "ISIC_12.jpg").write_bytes(b"")
    before = tree(root)
    verification = verify(expecting(load("ham10000", root=root)))
    assert failed(verification) == ["unreadable images"]
    assert found(verification, "unreadable images") == 2
    first, second = verification.unreadable
    assert str(cut) in first
    assert "ISIC_12.jpg" in second
    assert tree(root) == before


def test_nothing_readable_is_still_an_answer(tmp_path):
    root = write_unpacked(tmp_path / "unpacked")
    for path in root.glob("*/*.jpg"):
        path.write_bytes(b"")
    verification = verify(expecting(load("ham10000", root=root)))
    assert len(verification.unreadable) == 12
    assert failed(verification) == ["unreadable images"]


def test_a_lesion_that_changed_its_id_is_noticed(tmp_path):
    root = write_loose(tmp_path / "loose")
    write_table(root / "HAM10000_metadata.csv", [("HAM_98", *ROWS[0][1:]), *ROWS[1:]])
    assert failed(verify(expecting(load("ham10000", root=root)))) == ["lesions"]
