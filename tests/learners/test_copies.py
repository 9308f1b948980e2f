from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_lesions import one_line

import lesionlib as ll
from lesionlib.datasets import LesionDataset, card, merge, pixels
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.schema import COLUMNS
from lesionlib.errors import InputError
from lesionlib.learners import (
    Pipeline,
    balanced_copies,
    dataloaders,
    mendes2018_split,
    offline_copies,
    pipeline,
    with_validation,
)
from lesionlib.learners.augmentation.operations import HorizontalFlip

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

MIRROR = Pipeline((HorizontalFlip(1),))
ROTATE = pipeline("mendes2018").without("lighting", "distortion", "zoom", "vertical flip", "horizontal flip")


def rows_only(counts: dict[str, int], **columns) -> LesionDataset:
    """A dataset of rows without files."""
    labels = [label for label, n in counts.items() for _ in range(n)]
    frame = pd.DataFrame({"label": labels, "image_id": [f"i{k}" for k in range(len(labels))], **columns})
    frame = frame.assign(image=frame["image_id"] + ".jpg").reindex(columns=list(COLUMNS)).astype(COLUMNS)
    facts = card("mednode")
    some = next(iter(facts.classes.values()))
    facts = facts.model_copy(update={"classes": dict.fromkeys(counts, some)})
    return LesionDataset("rows", frame, list(counts), facts, None, "0" * 12, ImageFiles("nowhere"))


def copies_of(lesions: LesionDataset) -> pd.DataFrame:
    return lesions.frame[lesions.frame["image_id"] != lesions.frame["original"]]


def torn(lesions: LesionDataset) -> float:
    """Share of the originals with copies both in training and in validation."""
    sides = copies_of(lesions).groupby("original")["split"].agg(set)
    return (sides.map({"train", "valid"}.issubset)).mean()


# ---- copies and their originals


def test_copies_stand_beside_their_originals(lesions):
    lesions = replace(lesions, frame=lesions.frame.assign(mask=lesions.frame["image"]))
    copied = offline_copies(lesions, times=3, size=32)
    pd.testing.assert_frame_equal(copied.frame.iloc[:120].drop(columns="original"), lesions.frame)
    assert (copied.frame["original"][:120] == lesions.frame["image_id"]).all()
    copies = copies_of(copied)
    assert len(copies) == 3 * 72 and copied.frame["image_id"].is_unique
    assert copies["original"].value_counts().unique().tolist() == [3]
    assert set(copies["original"]) == set(lesions.subset("train")["image_id"])
    same = ["label", "diagnosis", "lesion_id", "patient_id", "age", "sex", "site", "split", "source", "confirmed_by"]
    originals = lesions.frame.set_index("image_id").loc[copies["original"], same].reset_index(drop=True)
    pd.testing.assert_frame_equal(copies[same].reset_index(drop=True), originals)
    assert copies["mask"].isna().all()
    assert np.array_equal(np.asarray(copied.mask(5)), np.asarray(lesions.image(5).convert("L")))
    assert copied.card.images is None and copied.classes == lesions.classes
    assert copied.counts()["train"].tolist() == (4 * lesions.counts()["train"]).tolist()


def test_a_copy_is_the_pipeline_on_its_original(lesions):
    copied = offline_copies(lesions, times=2, pipeline=MIRROR, size=32)
    array = pixels(copied, 32)
    rows = {image_id: row for row, image_id in enumerate(copied.frame["image_id"])}
    for _, copy in copies_of(copied).iterrows():
        np.testing.assert_array_equal(array[rows[copy["image_id"]]], array[rows[copy["original"]]][:, ::-1])
    np.testing.assert_array_equal(array[:120], pixels(lesions, 32))


def test_copies_of_one_original_differ_and_repeat_by_their_seed(lesions):
    first, again, other = (pixels(offline_copies(lesions, 4, ROTATE, seed, 32), 32) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first[:120] == other[:120]).all() and (first[120:] != other[120:]).any()
    names = {offline_copies(lesions, 4, ROTATE, seed, 32).fingerprint for seed in (1, 2)}
    names |= {
        offline_copies(lesions, 4, MIRROR, 1, 32).fingerprint,
        offline_copies(lesions, 4, ROTATE, 1, 24).fingerprint,
    }
    assert len(names) == 4 and lesions.fingerprint not in names
    few = offline_copies(lesions, times=2, pipeline=ROTATE, seed=1, size=32)
    # A copy is the same, however many others there are, and whoever asks for it first.
    assert few.frame["image_id"][125] == few.frame["original"][125] + "~2"
    where = offline_copies(lesions, 4, ROTATE, 1, 32).frame["image_id"].tolist().index(few.frame["image_id"][125])
    np.testing.assert_array_equal(np.asarray(few.image(125)), first[where])


def test_copies_are_read_as_files_are(lesions, tmp_path):
    copied = offline_copies(lesions, times=1, size=(24, 32), fit="pad")
    assert copied.image(130).size == (32, 24) and copied.image(3).size == (32, 32)
    (tmp_path / "copy.png").write_bytes(copied.image_bytes(130))
    with Image.open(tmp_path / "copy.png") as written:
        np.testing.assert_array_equal(np.asarray(written), np.asarray(copied.image(130)))
    assert copied.image_bytes(3) == lesions.image_bytes(3)
    carried = pickle.loads(pickle.dumps(copied))
    np.testing.assert_array_equal(np.asarray(carried.image(130)), np.asarray(copied.image(130)))
    assert len(merge([copied])) == len(copied)


def test_a_network_can_be_fed_with_copies(lesions):
    dls = dataloaders(offline_copies(lesions, times=2, size=32), size=32, bs=36, augment=None)
    assert len(dls.train) == 6
    assert len(dls.valid.dataset) == 24


def test_copies_stay_with_their_original_unless_the_split_is_by_image():
    known = rows_only({"a": 30, "b": 30}, lesion_id=[f"lesion{k // 2}" for k in range(60)])
    unknown = rows_only({"a": 30, "b": 30})
    for lesions in (known, unknown):
        copied = offline_copies(lesions, times=5, splits=("all",))
        assert torn(copied.with_split(by="original")) == 0
        # Each of six copies is in the one part with 0.15, in the other with 0.7.
        assert torn(copied.with_split(by=None)) > 0.4
    assert torn(offline_copies(known, 5, splits=("all",)).with_split(by="auto")) == 0
    with pytest.warns(UserWarning, match="split by image"):
        together = offline_copies(unknown, 5, splits=("all",)).with_split(by="auto")
    assert torn(together) == 0
    assert together.frame.groupby("original")["split"].nunique().max() == 1


def test_validation_dealt_anew_leaves_the_test_images(lesions):
    copied = offline_copies(lesions, times=4, splits=("train", "valid"))
    for by in (None, "original", "auto"):
        dealt = with_validation(copied, 0.25, by, seed=3)
        pd.testing.assert_frame_equal(dealt.subset("test"), copied.subset("test"))
        assert len(dealt.subset("valid")) == pytest.approx(0.25 * 96 * 5, abs=5 * 3)
        assert (torn(dealt) > 0.5) == (by is None)


# ---- balance


def test_balanced_copies_fill_each_class_evenly(uneven):
    balanced = balanced_copies(uneven, size=32)
    assert balanced.counts()["train"].to_dict() == dict.fromkeys(uneven.classes, 60)
    pd.testing.assert_frame_equal(balanced.subset("test").drop(columns="original"), uneven.subset("test"))
    each = balanced.subset("train").groupby(["label", "original"]).size()
    assert each["nv"].unique().tolist() == [1]
    assert each["mel"].unique().tolist() == [5]
    assert each["vasc"].unique().tolist() == [20]
    more = balanced_copies(uneven, images=64, size=32).subset("train").groupby(["label", "original"]).size()
    assert [int(more[label].sum()) for label in uneven.classes] == [64] * 3
    for label in uneven.classes:
        assert more[label].max() - more[label].min() == 1
    assert len(balanced_copies(rows_only({"a": 9, "b": 1}), splits=("all",))) == 18


# ---- Table IV


def table_iv() -> tuple[dict[str, int], pd.DataFrame]:
    """Images a class in the three sources together, and what the paper made of them."""
    paper = ll.papers.load("mendes2018")
    figures = paper.figures_in_text
    mednode = figures[(figures["setting"] == "MED-NODE") & figures["label"].notna()]
    sources = [
        paper.tables["I"].set_index("label")["images"],
        paper.tables["II"].set_index("label")["images"],
        mednode.set_index("label")["value"],
    ]
    sums = pd.concat(sources).astype(int).groupby(level=0).sum()
    table = paper.tables["IV"].set_index("label")[["train", "valid", "test"]].astype(int)
    return {label: int(sums[label]) for label in table.index}, table


@pytest.fixture(scope="module")
def as_printed():
    counts, table = table_iv()
    assert sum(counts.values()) == 5286
    lesions = rows_only(counts)
    return lesions, mendes2018_split(lesions, seed=4), table


def test_every_cell_of_table_iv(as_printed):
    _, split, table = as_printed
    ours = split.counts()[["train", "valid", "test"]]
    for label in table.index:
        for part in table:
            assert ours.loc[label, part] == table.loc[label, part], (label, part)
    assert ours.sum().to_dict() == {"train": 88090, "valid": 22023, "test": 956}


def test_the_parts_are_what_the_paper_says(as_printed):
    lesions, split, _ = as_printed
    originals = split.frame[: len(lesions)]
    # A tenth is set aside and the originals that were copied are in no part.
    assert originals["split"].value_counts().to_dict() == {"test": 956}
    copies = copies_of(split)
    assert copies["original"].nunique() == 3797
    assert copies["original"].value_counts().unique().tolist() == [29]
    assert not set(copies["original"]) & set(originals["image_id"][originals["split"] == "test"])
    assert copies["split"].isin(["train", "valid"]).all()


def test_the_order_of_table_iv_tears_nearly_all_originals_apart(as_printed):
    lesions, leaky, _ = as_printed
    # 1 - 0.8 ** 29 - 0.2 ** 29: the audit of the paper finds 99.8 %.
    assert torn(leaky) == pytest.approx(1 - 0.8**29, abs=0.003)
    clean = mendes2018_split(lesions, seed=4, by="original")
    assert torn(clean) == 0
    pd.testing.assert_frame_equal(clean.subset("test"), leaky.subset("test"))
    # Whole originals only: a class's validation is off by half an original's copies at most.
    off = clean.counts()["valid"] - leaky.counts()["valid"]
    assert off.abs().max() <= 15


def test_the_split_repeats_by_its_seed():
    lesions = rows_only({"a": 40, "b": 12})
    first, again, other = (mendes2018_split(lesions, times=3, seed=seed).frame["split"] for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)
    backward = replace(lesions, frame=lesions.frame[::-1].reset_index(drop=True))
    turned = mendes2018_split(backward, times=3, seed=1).frame.set_index("image_id")["split"]
    there = mendes2018_split(lesions, times=3, seed=1).frame.set_index("image_id")["split"]
    assert turned.sort_index().equals(there.sort_index())


# ---- bad input


def test_what_cannot_be_is_refused_in_one_line(lesions):
    whole = replace(lesions, frame=lesions.frame.assign(split=pd.array([pd.NA] * 120, dtype="string")))
    copied = offline_copies(lesions, times=1)
    refused = {
        "times: expected a whole number of copies": lambda: offline_copies(lesions, times=0),
        "got 2.5": lambda: offline_copies(lesions, times=2.5),
        "no pipeline is called 'dermoscopy'": lambda: offline_copies(lesions, pipeline="dermoscopy"),
        "size is 4": lambda: offline_copies(lesions, size=4),
        "fit: 'stretch' is not known": lambda: offline_copies(lesions, fit="stretch"),
        "it has augmented copies already": lambda: offline_copies(copied),
        "call with_split": lambda: offline_copies(whole),
        "no images in the split 'holdout'": lambda: offline_copies(lesions, splits=("holdout",)),
        "splits: there is none to copy": lambda: offline_copies(lesions, splits=()),
        "images: expected a whole number, 24 or more": lambda: balanced_copies(lesions, images=20),
        "nothing to deal": lambda: with_validation(whole),
        "share of validation is 1": lambda: with_validation(lesions, 1),
        "cannot split by 'originals'": lambda: with_validation(copied, by="originals"),
        "the class b has 2 images": lambda: mendes2018_split(rows_only({"a": 20, "b": 2})),
        "has no mask": lambda: copied.mask(len(copied) - 1),
    }
    for says, wrong in refused.items():
        with pytest.raises(InputError, match=says) as error:
            wrong()
        one_line(error)
