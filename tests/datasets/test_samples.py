"""Samples of so many images a class: counts, whole lesions, nesting, and what is refused."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_ham10000 import dataset_of, refused

from lesionlib.datasets import balanced, load, relabel, sample

quickly = settings(max_examples=25, deadline=None)
# One entry a lesion: its class and how many images it has.
LESIONS = st.lists(st.tuples(st.sampled_from(["bkl", "df", "mel", "nv"]), st.integers(1, 5)), min_size=1, max_size=40)


def dataset_with(lesions, split: str | None = None):
    rows = [(f"L{k:03}", label) for k, (label, images) in enumerate(lesions) for _ in range(images)]
    frame = pd.DataFrame(rows, columns=["lesion_id", "label"])
    return dataset_of(frame.assign(image_id=[f"I{k:04}" for k in range(len(frame))], split=split))


def here(dataset) -> dict[str, int]:
    return dataset.frame["label"].value_counts().to_dict()


def wanted(data, dataset) -> dict[str, int]:
    return {label: data.draw(st.integers(1, images)) for label, images in here(dataset).items()}


def ids(dataset) -> set[str]:
    return set(dataset.frame["image_id"])


@quickly
@given(LESIONS, st.data())
def test_a_sample_has_the_counts_and_tears_one_lesion_a_class_at_most(lesions, data):
    whole = dataset_with(lesions)
    counts = wanted(data, whole)
    drawn = sample(whole, counts, seed=data.draw(st.integers(0, 9)))
    assert here(drawn) == counts
    assert drawn.frame.index.tolist() == list(range(len(drawn)))
    before = whole.frame.set_index("image_id").loc[drawn.frame["image_id"]].reset_index()
    pd.testing.assert_frame_equal(before[drawn.frame.columns], drawn.frame)
    assert drawn.frame["image_id"].is_monotonic_increasing  # the rows keep their order
    full, part = (dataset.frame.groupby(["label", "lesion_id"]).size() for dataset in (whole, drawn))
    torn = part < full.loc[part.index]
    assert (torn.groupby("label").sum() <= 1).all()


@quickly
@given(LESIONS, st.data())
def test_fewer_images_are_a_part_of_more(lesions, data):
    whole = dataset_with(lesions)
    more = wanted(data, whole)
    fewer = {label: data.draw(st.integers(1, n)) for label, n in more.items()}
    assert ids(sample(whole, fewer, seed=2)) <= ids(sample(whole, more, seed=2))


@quickly
@given(LESIONS, st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(lesions, shuffle):
    whole = dataset_with(lesions)
    turned = dataset_of(whole.frame.sample(frac=1, random_state=shuffle))
    counts = {label: -(-images // 2) for label, images in here(whole).items()}
    assert ids(sample(whole, counts)) == ids(sample(turned, counts))


def test_a_known_sample_is_the_same_on_every_machine():
    # By hand: lesions in the order of the hash of seed and lesion, their images in that of seed and image.
    whole = dataset_with([("nv", 3), ("nv", 1), ("nv", 2), ("nv", 4)])

    def order(name: str) -> str:
        return hashlib.sha256(f"5:{name}".encode()).hexdigest()

    rows = sorted(whole.frame.itertuples(), key=lambda row: (order(row.lesion_id), order(row.image_id)))
    for n in range(1, 11):
        assert ids(sample(whole, {"nv": n}, seed=5)) == {row.image_id for row in rows[:n]}
    assert len({frozenset(ids(sample(whole, {"nv": 4}, seed=seed))) for seed in range(10)}) > 3


def test_images_without_a_lesion_are_drawn_one_by_one():
    frame = pd.DataFrame({"image_id": [f"I{k}" for k in range(30)], "label": "nv"})
    lone = dataset_of(frame)
    assert here(sample(lone, {"nv": 7})) == {"nv": 7}
    # Beside lesions, each stands for itself: 5 of 10 are expected, and a block of them would be all or none.
    mixed = dataset_of(frame.assign(lesion_id=[f"L{k}" for k in range(15)] + [pd.NA] * 15))
    drawn = [sample(mixed, {"nv": 10}, seed=seed).frame["lesion_id"].isna().sum() for seed in range(20)]
    assert sum(2 <= lone <= 8 for lone in drawn) >= 18


def test_a_lesion_of_many_images_is_drawn_as_often_as_one_of_one():
    whole = dataset_with([("nv", 1)] * 10 + [("nv", 3)] * 10)
    drawn = pd.concat([sample(whole, {"nv": 20}, seed=seed).frame for seed in range(200)])
    # In half of the 200 samples each image; a hash that favored one kind would show.
    single = drawn["lesion_id"] < "L010"
    assert single.sum() / 200 == pytest.approx(5, abs=0.5)
    assert (~single).sum() / 200 == pytest.approx(15, abs=0.5)


def test_in_a_split_the_others_stay_where_they_are():
    whole = dataset_with([("mel", 1)] * 20 + [("nv", 2)] * 40, split="train")
    parted = whole.with_split(0.5, 0.25, 0.25)
    drawn = sample(parted, {"mel": 6, "nv": 9}, split="train", seed=1)
    assert drawn.subset("train")["label"].value_counts().to_dict() == {"nv": 9, "mel": 6}
    assert drawn.frame.drop(columns="split").equals(parted.frame.drop(columns="split"))
    assert drawn.fingerprint == parted.fingerprint
    for part in ("valid", "test"):
        assert drawn.subset(part).equals(parted.subset(part))
    assert drawn.frame["split"].isna().sum() == len(parted.subset("train")) - 15
    assert parted.frame["split"].notna().all()


def test_a_balanced_sample_has_as_many_of_each_class_as_the_rarest():
    whole = dataset_with([("df", 3)] * 4 + [("mel", 1)] * 30 + [("nv", 2)] * 50)
    assert here(balanced(whole)) == {"df": 12, "mel": 12, "nv": 12}
    assert ids(balanced(whole, seed=1)) != ids(balanced(whole, seed=2))
    parted = whole.with_split(0.5, 0.25, 0.25)
    train = balanced(parted, split="train")
    fewest = parted.counts()["train"][["df", "mel", "nv"]].min()
    assert train.counts()["train"][["df", "mel", "nv"]].tolist() == [fewest] * 3
    # As bhardwaj2021 would be tested: in the classes' natural shares.
    assert train.counts()["test"].tolist() == parted.counts()["test"].tolist()


def test_the_set_and_the_split_of_gupta2021():
    # Of benign and malignant images as many as HAM10000 has, some lesions with several.
    nevi = [("nv", 1 + (k % 5 == 0)) for k in range(6_717)]
    whole = dataset_with([*nevi, *[("mel", 1 + k % 2) for k in range(1_302)]])
    two = relabel(whole, {"nv": "benign", "mel": "malignant"})
    drawn = sample(two, {"benign": 1_800, "malignant": 1_497})
    for by in ("lesion_id", None):
        parts = drawn.with_split(train=2_373, valid=264, test=660, by=by)
        counts = parts.counts()
        assert counts.sum().to_dict() == {"train": 2_373, "valid": 264, "test": 660}
        assert counts.loc["benign"].tolist() == pytest.approx([1_295.6, 144.1, 360.3], abs=2)
    # 20 % test, rounded up, and of the rest a tenth, rounded up.
    assert (660, 264) == (-(-3_297 // 5), -(-(3_297 - 660) // 10))


def test_a_phantom_of_the_set_is_drawn_from_ham10000(cache):
    two = relabel(load("phantom:ham10000", n=140, size=32), "gupta2021")
    drawn = sample(two, {"benign": 36, "malignant": 30})
    assert drawn.classes == ["benign", "malignant"]
    assert drawn.counts()["train"].sum() + drawn.counts()["test"].sum() == 66
    assert drawn.image(65).size == (43, 32)
    assert drawn.fingerprint != two.fingerprint


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"mel": 3}, ("counts is {'mel': 3}", "each of mel (5 images), nv (8 images)")),
        ({"mel": 3, "nv": 4, "df": 1}, ("expected a number of images for each of mel (5 images), nv (8 images)",)),
        ({}, ("counts is {}",)),
        (3, ("counts is 3",)),
        ({"mel": 6, "nv": 4}, ("toy: 6 images of mel cannot be drawn; expected a whole number from 1 to 5",)),
        ({"mel": 5, "nv": 0}, ("0 images of nv",)),
        ({"mel": 5, "nv": -1}, ("-1 images of nv",)),
        ({"mel": 5, "nv": 2.0}, ("2.0 images of nv",)),
        ({"mel": 5, "nv": True}, ("True images of nv",)),
        ({"mel": 5, "nv": "2"}, ("'2' images of nv",)),
    ],
)
def test_what_cannot_be_drawn_is_refused(counts, expected):
    dataset = dataset_with([("mel", 5), ("nv", 8)])
    refused(lambda: sample(dataset, counts), *expected)


def test_a_sample_needs_its_split():
    dataset = dataset_with([("mel", 5), ("nv", 8)])
    refused(lambda: sample(dataset, {"mel": 1, "nv": 1}, split="train"), "no images in the split 'train'")
    refused(lambda: balanced(dataset, split="train"), "no images in the split 'train'")
