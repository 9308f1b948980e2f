"""Fewer training images and folds that test each image once: shares, nesting, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_ham10000 import dataset_of

from lesionlib.datasets import few, fingerprint, load, trials
from lesionlib.datasets.schema import digest
from lesionlib.errors import InputError

quickly = settings(max_examples=25, deadline=None)
COUNTS = st.dictionaries(st.sampled_from(["nv", "mel", "bkl", "df"]), st.integers(1, 30), min_size=2)


def toy(counts: dict[str, int], valid: int = 3):
    rows = [(f"{label}{k:03}", label, "train") for label, n in counts.items() for k in range(n)]
    rows += [(f"v{k}", "nv", "valid") for k in range(valid)]
    frame = pd.DataFrame(rows, columns=["image_id", "label", "split"])
    return dataset_of(frame.assign(lesion_id="L" + frame["image_id"]))


def kept(dataset) -> set[str]:
    return set(dataset.subset("train")["image_id"])


@quickly
@given(COUNTS, st.data())
def test_few_keeps_so_many_and_each_class_in_its_share(counts, data):
    whole = toy(counts)
    total = sum(counts.values())
    n = data.draw(st.integers(len(counts), total))
    smaller = few(whole, n, seed=data.draw(st.integers(0, 9)))
    found = smaller.subset("train")["label"].value_counts()
    assert found.sum() == n and set(found.index) == set(counts)
    # Within one image of its share, but for the first image that each class has in any case.
    for label, count in counts.items():
        assert abs(found[label] - n * count / total) < len(counts) + 1


@quickly
@given(COUNTS, st.data())
def test_fewer_images_are_a_part_of_more(counts, data):
    whole = toy(counts)
    sizes = sorted(data.draw(st.lists(st.integers(len(counts), sum(counts.values())), min_size=2, max_size=4)))
    drawn = [kept(few(whole, n, seed=1)) for n in sizes]
    assert all(a <= b for a, b in pairwise(drawn))


def test_few_of_20_nevi_and_80_others_is_known():
    found = few(toy({"mel": 20, "nv": 80}), 25).subset("train")["label"].value_counts()
    assert found.to_dict() == {"nv": 20, "mel": 5}


def test_few_leaves_rows_and_other_splits_alone():
    whole = toy({"mel": 20, "nv": 80})
    smaller = few(whole, 10)
    assert smaller.frame.drop(columns="split").equals(whole.frame.drop(columns="split"))
    assert len(smaller.subset("valid")) == 3
    assert smaller.frame["split"].isna().sum() == 90
    assert whole.frame["split"].notna().all()
    assert kept(few(whole, 10, seed=1)) != kept(smaller) == kept(few(whole, 10))


@pytest.mark.parametrize("n", [1, 0, -5, 101, 2.0, "25", True, None])
def test_few_refuses_what_it_cannot_give(n):
    with pytest.raises(
        InputError, match=r"n is .*; expected a whole number from 2 \(one image of each class in train\) "
    ):
        few(toy({"mel": 20, "nv": 80}), n)


def test_few_needs_the_split():
    with pytest.raises(InputError, match="no images in the split 'train'"):
        few(toy({"mel": 2, "nv": 2}).only("train"), 2)


def test_each_image_is_tested_once_and_is_never_trained_on_then():
    whole = toy({"mel": 20, "nv": 80})
    parts = list(trials.tested_once(whole, 5, valid=0.25))
    tested = pd.concat([part.subset("test") for part in parts])
    assert sorted(tested["image_id"]) == sorted(whole.frame["image_id"])
    for part in parts:
        assert part.frame["split"].isin(["train", "valid", "test"]).all()
        share = len(part.subset("valid")) / len(part.frame[part.frame["split"] != "test"])
        assert share == pytest.approx(0.25, abs=0.02)
        assert set(part.subset("valid")["label"]) == {"mel", "nv"}
    assert [kept(part) for part in parts] == [kept(part) for part in trials.tested_once(whole, 5, valid=0.25)]


def test_images_of_one_lesion_stay_together():
    frame = pd.DataFrame({"image_id": [f"i{k:02}" for k in range(40)], "label": "nv"})
    pairs = dataset_of(frame.assign(lesion_id=[f"L{k // 2}" for k in range(40)]))
    for part in trials.tested_once(pairs, 4, by="lesion_id"):
        assert (part.frame.groupby("lesion_id")["split"].nunique() == 1).all()


@pytest.mark.parametrize(("n", "valid", "message"), [(1, 0.2, "2 folds or more"), (5, 0.0, "above 0 and below 1")])
def test_impossible_folds_are_refused(n, valid, message):
    with pytest.raises(InputError, match=message):
        next(trials.tested_once(toy({"mel": 20, "nv": 80}), n, valid))


def test_a_fingerprint_of_several_datasets_follows_each_of_them(cache):
    drawn = {"phantom_n": 60, "phantom_size": 32}
    target = fingerprint({"data": "phantom:mednode", **drawn})
    assert target == load("phantom:mednode", n=60, size=32).fingerprint
    assert fingerprint({"data": "phantom:mednode", "sources": [], **drawn}) == target
    both = fingerprint({"data": "phantom:mednode", "sources": ["phantom:ph2"], **drawn})
    assert both == digest([target, load("phantom:ph2", n=60, size=32).fingerprint])
    assert len({target, both, fingerprint({"data": "phantom:ph2", "sources": ["phantom:mednode"], **drawn})}) == 3
