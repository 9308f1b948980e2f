"""Splits: whole groups, stratified, and the same on every machine."""

from __future__ import annotations

import hashlib
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_ham10000 import dataset_of, write_extras

from lesionlib.datasets import load
from lesionlib.errors import InputError

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
# One entry a lesion: its class and how many images it has.
LESIONS = st.lists(st.tuples(st.sampled_from(CLASSES), st.integers(1, 6)), min_size=1, max_size=50)
SHARES = st.tuples(*[st.integers(0, 10)] * 3).filter(any).map(lambda parts: tuple(p / sum(parts) for p in parts))
few = settings(max_examples=20, deadline=None)


def frame_of(lesions) -> pd.DataFrame:
    rows = [(f"L{k}", label) for k, (label, images) in enumerate(lesions) for _ in range(images)]
    frame = pd.DataFrame(rows, columns=["lesion_id", "label"])
    return frame.assign(image_id=[f"I{k}" for k in range(len(frame))])


def sides(dataset) -> dict[str, str]:
    return dict(zip(dataset.frame["image_id"], dataset.frame["split"], strict=True))


def worst_miss(dataset, shares: dict[str, float], group: str) -> float:
    """By how many of a class's largest groups a part misses its share of the class, at most."""
    frame = dataset.frame
    misses = []
    for _, members in frame.groupby("label"):
        largest = members[group].value_counts().max()
        found = members["split"].value_counts()
        misses += [abs(found.get(part, 0) - share * len(members)) / largest for part, share in shares.items()]
    return max(misses)


@few
@given(LESIONS, SHARES, st.integers(0, 5))
def test_no_lesion_stands_on_two_sides_and_shares_hold(lesions, shares, seed):
    train, valid, test = shares
    dataset = dataset_of(frame_of(lesions)).with_split(train, valid, test, by="lesion_id", seed=seed)
    assert (dataset.frame.groupby("lesion_id")["split"].nunique() == 1).all()
    assert dataset.frame["split"].notna().all()
    parts = {"train": train, "valid": valid, "test": test}
    assert set(dataset.frame["split"]) <= {part for part, share in parts.items() if share > 0}
    # Whole lesions are dealt to the part that lacks most: nobody is off by a whole lesion.
    assert worst_miss(dataset, parts, "lesion_id") < 1


@few
@given(LESIONS, SHARES)
def test_by_image_each_class_has_its_share_to_the_image(lesions, shares):
    train, valid, test = shares
    dataset = dataset_of(frame_of(lesions)).with_split(train, valid, test, by=None)
    assert worst_miss(dataset, {"train": train, "valid": valid, "test": test}, "image_id") < 1


@few
@given(LESIONS, st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_the_order_of_the_rows_does_not_matter(lesions, shuffle, seed):
    frame = frame_of(lesions)
    shuffled = frame.sample(frac=1, random_state=shuffle)
    for by in ("lesion_id", None):
        assert sides(dataset_of(frame).with_split(by=by, seed=seed)) == sides(
            dataset_of(shuffled).with_split(by=by, seed=seed)
        )


def test_the_order_does_not_matter_where_a_lesion_has_two_labels():
    frame = frame_of([("nv", 2)] * 40)
    # Every other lesion: its first image is a melanoma, its second a nevus.
    frame.loc[::4, "label"] = "mel"
    forward, backward = dataset_of(frame).with_split(), dataset_of(frame[::-1]).with_split()
    assert sides(forward) == sides(backward)


def lesions_40() -> pd.DataFrame:
    return frame_of([(CLASSES[k % 7], 1 + k % 3) for k in range(40)])


def test_another_seed_gives_another_split():
    dataset = dataset_of(lesions_40())
    assert sides(dataset.with_split(seed=1)) == sides(dataset.with_split(seed=1))
    assert len({tuple(sides(dataset.with_split(seed=seed)).values()) for seed in range(10)}) == 10


def test_the_split_does_not_disturb_or_follow_the_random_state():
    dataset = dataset_of(lesions_40())
    np.random.seed(1)
    first = sides(dataset.with_split())
    after = np.random.get_state()[1].copy()
    np.random.seed(1)
    assert (np.random.get_state()[1] == after).all()
    np.random.seed(2)
    assert sides(dataset.with_split()) == first


def test_a_known_split_is_the_same_on_every_machine():
    lines = [f"{image}:{side}" for image, side in sides(dataset_of(lesions_40()).with_split(seed=0)).items()]
    assert (
        hashlib.sha256("\n".join(lines).encode()).hexdigest()
        == "b08ae69ac65cb055b5dddcda1fa0dd75a97b71dd10b3eab367b5cbe863c84101"
    )
    dealt = dataset_of(lesions_40()).with_split(0.5, 0.2, 0.3, by=None, seed=7)
    lines = [f"{image}:{side}" for image, side in sides(dealt).items()]
    assert (
        hashlib.sha256("\n".join(lines).encode()).hexdigest()
        == "be1c81f69cd0bcfa42fd90ba0eab5c26878f7b847af465c964476c7f2c65656f"
    )


def test_a_split_dealt_by_hand():
    # Four lesions of one image each are dealt in the order of the hash of seed and name.
    order = sorted(["L0", "L1", "L2", "L3"], key=lambda name: hashlib.sha256(f"0:{name}".encode()).hexdigest())
    dataset = dataset_of(frame_of([("nv", 1)] * 4)).with_split(0.5, 0.25, 0.25)
    by_lesion = dict(zip(dataset.frame["lesion_id"], dataset.frame["split"], strict=True))
    # Lacking 2, 1, 1 images: train; then 1, 1, 1: train again (the first of equals); then valid, then test.
    assert [by_lesion[lesion] for lesion in order] == ["train", "train", "valid", "test"]


def test_by_none_lets_a_lesion_stand_on_two_sides():
    dataset = dataset_of(frame_of([("nv", 6)] * 20))
    apart = dataset.with_split(by=None).frame.groupby("lesion_id")["split"].nunique()
    assert (apart > 1).sum() > 10
    assert (dataset.with_split(by="lesion_id").frame.groupby("lesion_id")["split"].nunique() == 1).all()


def test_the_original_dataset_stays_as_it_was():
    dataset = dataset_of(lesions_40())
    dataset.with_split()
    assert dataset.frame["split"].isna().all()


def test_auto_takes_the_patient_before_the_lesion():
    frame = frame_of([("nv", 2)] * 30).assign(patient_id=[f"P{k // 6}" for k in range(60)])
    dataset = dataset_of(frame)
    auto = dataset.with_split()
    assert sides(auto) == sides(dataset.with_split(by="patient_id"))
    assert (auto.frame.groupby("patient_id")["split"].nunique() == 1).all()


def test_auto_keeps_lesions_together_where_the_patient_is_unknown():
    frame = frame_of([("nv", 3)] * 30)
    frame["patient_id"] = pd.NA
    frame.loc[:2, "patient_id"] = "P0"
    auto = dataset_of(frame).with_split()
    assert (auto.frame.groupby("lesion_id")["split"].nunique() == 1).all()


def test_a_row_without_a_lesion_stands_alone():
    frame = frame_of([("nv", 1)] * 40)
    frame.loc[5:, "lesion_id"] = pd.NA
    counts = dataset_of(frame).with_split().counts().loc["nv"]
    assert counts.tolist() == [28, 6, 6]


def test_auto_without_lesions_splits_by_image_and_says_so():
    dataset = dataset_of(lesions_40().drop(columns="lesion_id"))
    with pytest.warns(UserWarning, match="neither patients nor lesions are known: split by image") as caught:
        auto = dataset.with_split()
    assert caught[0].filename == __file__
    assert sides(auto)
    assert worst_miss(auto, {"train": 0.7, "valid": 0.15, "test": 0.15}, "image_id") < 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset.with_split(by=None)
        dataset_of(lesions_40()).with_split()


def test_any_column_can_be_kept_together():
    frame = lesions_40().assign(site=[f"S{k % 5}" for k in range(len(lesions_40()))])
    dealt = dataset_of(frame).with_split(by="site").frame
    assert (dealt.groupby("site")["split"].nunique() == 1).all()


def test_official_leaves_the_publishers_test_set_alone(source):
    dataset = load("ham10000", root=write_extras(source))
    official = dataset.with_split(by="official", train=0.5, valid=0.5, test=0)
    assert set(official.subset("test")["image_id"]) == {"ISIC_90", "ISIC_91"}
    pool = official.frame[official.frame["split"] != "test"]
    assert set(pool["split"]) == {"train", "valid"}
    assert len(pool) == 12
    assert (pool.groupby("lesion_id")["split"].nunique() == 1).all()
    # Only the proportion of train and valid counts there.
    assert sides(dataset.with_split(0.25, 0.25, 0.5, by="official")) == sides(official)
    assert sides(dataset.with_split(1, 0, 0, by="official"))["ISIC_01"] == "train"


def test_official_is_the_publishers_even_after_another_split(source):
    dataset = load("ham10000", root=write_extras(source))
    again = dataset.with_split(by="lesion_id").with_split(by="official")
    assert sides(again) == sides(dataset.with_split(by="official"))


def test_official_without_a_test_set_is_refused(tiny):
    for dataset in (tiny, tiny.with_split(by="lesion_id")):
        with pytest.raises(InputError, match=r"no official test set stands beside this dataset .*split by lesion_id"):
            dataset.with_split(by="official")


@pytest.mark.parametrize(
    "shares",
    [
        (0.7, 0.2, 0.2),
        (0.7, 0.15, 0),
        (1.2, -0.1, -0.1),
        (float("nan"), 0.5, 0.5),
        ("0.7", 0.15, 0.15),
        (None, 0.5, 0.5),
    ],
)
def test_bad_shares_are_refused(tiny, shares):
    with pytest.raises(InputError, match="the shares of a split are numbers from 0 to 1 that sum to 1; got") as caught:
        tiny.with_split(*shares)
    assert "\n" not in str(caught.value)


def test_official_needs_a_share_for_training_or_validation(source):
    dataset = load("ham10000", root=write_extras(source))
    with pytest.raises(InputError, match="the shares of train and valid are both 0"):
        dataset.with_split(0, 0, 1, by="official")


@pytest.mark.parametrize("by", ["lesion", "", 3, ["lesion_id"]])
def test_an_unknown_column_is_refused(tiny, by):
    for action in (lambda: tiny.with_split(by=by), lambda: next(tiny.folds(by=by))):
        with pytest.raises(InputError, match=r"cannot split by .*: expected auto, official, None or one of image_id"):
            action()


def test_a_column_that_is_empty_is_refused(tiny):
    with pytest.raises(InputError, match="cannot split by 'patient_id': no image has one; split by auto"):
        tiny.with_split(by="patient_id")


@few
@given(LESIONS, st.integers(2, 6), st.integers(0, 5))
def test_folds_cover_each_image_once(lesions, n, seed):
    dataset = dataset_of(frame_of(lesions))
    folds = list(dataset.folds(n, seed=seed))
    assert len(folds) == n
    valid = pd.DataFrame({k: fold.frame["split"] == "valid" for k, fold in enumerate(folds)})
    assert (valid.sum(axis=1) == 1).all()
    for fold in folds:
        assert set(fold.frame["split"]) <= {"train", "valid"}
        assert (fold.frame.groupby("lesion_id")["split"].nunique() == 1).all()
        assert worst_miss(fold, {"valid": 1 / n, "train": 1 - 1 / n}, "lesion_id") < 1


def test_folds_are_the_same_for_the_same_seed():
    dataset = dataset_of(lesions_40())
    first = [sides(fold) for fold in dataset.folds(3, seed=1)]
    assert first == [sides(fold) for fold in dataset.folds(3, seed=1)]
    assert first != [sides(fold) for fold in dataset.folds(3, seed=2)]


@pytest.mark.parametrize("n", [1, 0, -1, 2.5, "5"])
def test_folds_need_two_or_more(tiny, n):
    with pytest.raises(InputError, match=r"cross-validation needs 2 folds or more, a whole number; got"):
        next(tiny.folds(n))


# ---- counted in images ----------------------------------------------------------------------------

PARTS = ("train", "valid", "test")


def counted(data, n: int, least: int = 0) -> dict[str, int]:
    """Some way to deal `n` images to three parts, each with `least` or more."""
    test = data.draw(st.integers(least, n - 2 * least))
    valid = data.draw(st.integers(least, n - test - least))
    return {"train": n - test - valid, "valid": valid, "test": test}


def found(dataset) -> dict[str, int]:
    return {part: int((dataset.frame["split"] == part).sum()) for part in PARTS}


@few
@given(LESIONS, st.data())
def test_counts_are_met_to_the_image_and_each_class_within_two(lesions, data):
    frame = frame_of(lesions)
    counts = counted(data, len(frame))
    dataset = dataset_of(frame).with_split(**counts, by=None, seed=data.draw(st.integers(0, 5)))
    assert found(dataset) == counts
    for _, members in dataset.frame.groupby("label"):
        for part, images in counts.items():
            share = images / len(frame) * len(members)
            assert abs((members["split"] == part).sum() - share) <= 2 + 1e-9


@few
@given(LESIONS, st.data())
def test_counts_by_lesion_are_met_within_two_lesions(lesions, data):
    frame = frame_of(lesions)
    counts = counted(data, len(frame))
    dataset = dataset_of(frame).with_split(**counts, by="lesion_id", seed=1)
    assert (dataset.frame.groupby("lesion_id")["split"].nunique() == 1).all()
    largest = frame["lesion_id"].value_counts().max()
    assert all(abs(images - counts[part]) < 2 * largest for part, images in found(dataset).items())


@few
@given(LESIONS, st.data())
def test_counts_by_lesion_are_met_exactly_where_lesions_of_one_image_fill_the_gaps(lesions, data):
    # 20 of one image in each class, which is more than any three parts can lack.
    frame = frame_of([*lesions, *[(label, 1) for label in CLASSES for _ in range(20)]])
    counts = counted(data, len(frame), least=40)
    assert found(dataset_of(frame).with_split(**counts, by="lesion_id")) == counts


@few
@given(LESIONS, st.integers(0, 2**32 - 1), st.data())
def test_the_order_of_the_rows_does_not_matter_for_counts(lesions, shuffle, data):
    frame = frame_of(lesions)
    counts = counted(data, len(frame))
    shuffled = frame.sample(frac=1, random_state=shuffle)
    for by in ("lesion_id", None):
        assert sides(dataset_of(frame).with_split(**counts, by=by)) == sides(
            dataset_of(shuffled).with_split(**counts, by=by)
        )


def test_counts_follow_the_seed_and_may_be_numpys():
    dataset = dataset_of(lesions_40())
    n = np.int64(len(dataset))
    first = sides(dataset.with_split(n - 20, 10, np.int32(10), seed=1))
    assert first == sides(dataset.with_split(int(n) - 20, 10, 10, seed=1))
    assert first != sides(dataset.with_split(int(n) - 20, 10, 10, seed=2))


def test_a_known_split_by_counts_is_the_same_on_every_machine():
    dealt = dataset_of(lesions_40()).with_split(50, 9, 20, by="lesion_id", seed=0)
    assert found(dealt) == {"train": 50, "valid": 9, "test": 20}
    lines = [f"{image}:{side}" for image, side in sides(dealt).items()]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == "a597b52aa2d08203"


def test_one_and_zeros_are_shares():
    assert found(dataset_of(lesions_40()).with_split(0, 1, 0)) == {"train": 0, "valid": 79, "test": 0}


def test_counts_by_image_say_so_at_the_callers_line():
    dataset = dataset_of(lesions_40().drop(columns="lesion_id"))
    with pytest.warns(UserWarning, match="neither patients nor lesions are known") as caught:
        dataset.with_split(59, 10, 10)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("counts", [(2373, 264, 660), (60, 10, 8), (0, 0, 2), (1, 1, 1)])
def test_counts_that_are_not_all_images_are_refused(counts):
    with pytest.raises(InputError, match=rf"sum to the 79 that are here; got .*, {sum(counts)} in all") as caught:
        dataset_of(lesions_40()).with_split(*counts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shares", [(90, -1, -10), (60, 19.0, 0), (60.0, 10.0, 9.0), ("60", 10, 9)])
def test_counts_are_whole_and_not_below_0(shares):
    with pytest.raises(InputError, match="the shares of a split are numbers from 0 to 1 that sum to 1; got"):
        dataset_of(lesions_40()).with_split(*shares)


def test_the_official_test_set_takes_no_counts(source):
    dataset = load("ham10000", root=write_extras(source))
    with pytest.raises(InputError, match=r"the official test set has its own size.*give shares"):
        dataset.with_split(10, 2, 2, by="official")


def test_a_split_without_a_test_part_is_whole():
    # bhardwaj2021, section 5: 80:20, training and validation.
    dataset = dataset_of(lesions_40()).with_split(0.8, 0.2, 0.0, by=None)
    assert dataset.counts().columns.tolist() == ["train", "valid"]
    assert dataset.counts().sum(axis=1).sum() == 79
    assert set(dataset.cases()["split"]) == {"train", "valid"}
    assert len(dataset.subset("valid")) == pytest.approx(0.2 * 79, abs=3)
    with pytest.raises(InputError, match="no images in the split 'test'; it has train, valid"):
        dataset.subset("test")
