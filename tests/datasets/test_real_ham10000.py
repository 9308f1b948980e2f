"""HAM10000 itself, where it is on this machine."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from real_data import PROJECT, needs, place

from lesionlib.datasets import card, load, pixels

pytestmark = needs("ham10000")


@pytest.fixture(scope="module")
def ham10000():
    return load("ham10000", root=place("ham10000"))


@pytest.fixture(scope="module")
def pool(ham10000):
    """The 10,015 images, without an official test set that may stand beside them."""
    return ham10000.only("train")


def test_every_image_and_lesion_is_there(pool):
    assert len(pool) == 10015
    assert pool.frame["lesion_id"].nunique() == 7470
    assert pool.frame["image_id"].is_unique
    published = {name: facts.images for name, facts in card("ham10000").classes.items()}
    assert pool.counts()["all"].to_dict() == published
    assert published == {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}


def test_the_traps_of_the_card_are_true(pool):
    frame = pool.frame
    follow_up = frame[frame["confirmed_by"] == "follow_up"]
    assert len(follow_up) == 3704
    assert set(follow_up["label"]) == {"nv"}
    assert set(frame.loc[frame["sex"].isna(), "label"]) == {"nv", "bkl"}
    assert frame.groupby("lesion_id").size().max() == 6
    assert (frame.groupby("lesion_id")["label"].nunique() == 1).all()
    assert frame["age"].dropna().between(0, 100).all()


def test_the_default_split_keeps_lesions_together(pool):
    split = pool.with_split(by="lesion_id", seed=0)
    assert (split.frame.groupby("lesion_id")["split"].nunique() == 1).all()
    counts = split.counts()
    expected = counts.sum(axis=1).to_numpy()[:, None] * np.array([0.7, 0.15, 0.15])
    assert np.abs(counts.to_numpy() - expected).max() < 6
    assert counts.loc["mel"].tolist() == [780, 166, 167]
    pd.testing.assert_frame_equal(split.frame, pool.with_split().frame)


def published_splits() -> set[tuple[str, str]]:
    """How the published runs on HAM10000 split it, and the hash of their cases."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in (PROJECT / "results").glob("*/*/run.json")]
    ours = [run for run in runs if run["data"] == "ham10000" and run["cases"] and "split_by" in run["parameters"]]
    # Chapter 02 says "lesion" where its paper's own split is the other choice.
    return {(run["parameters"]["split_by"].replace("lesion_id", "lesion"), run["cases"]) for run in ours}


@pytest.mark.skipif(not published_splits(), reason="results/ holds no run on HAM10000 with its cases")
def test_the_splits_of_the_published_runs_are_made_again(pool):
    for by, cases in published_splits():
        published = pd.read_parquet(PROJECT / "results" / "cases" / f"{cases}.parquet").set_index("image_id")
        by = {"lesion": "lesion_id"}.get(by, by)
        if "fold" in published:
            assert published["fold"].to_dict() == folds(pool, by), by
            continue
        here = pool.with_split(by=by).cases().set_index("image_id")
        if set(published["split"]) == {"test"}:
            # A reader study shows some of the test images, none of which the network has seen.
            here = here.loc[published.index]
        assert {"valid", "test"} <= set(published["split"]) or len(published) in {35, 70, 162}
        here = here[here["split"].isin(published["split"])]
        assert len(published) == len(here)
        for column in ("split", "truth", "lesion_id"):
            assert published[column].to_dict() == here[column].to_dict(), (by, column)


def folds(pool, by):
    """In which of five folds, from 1, each image is tested."""
    parts = enumerate((part.frame for part in pool.folds(5, by=by)), start=1)
    return {name: number for number, frame in parts for name in frame.loc[frame["split"] == "valid", "image_id"]}


def test_pixels_of_a_few_images(pool, tmp_path):
    few = replace(pool, frame=pool.frame.iloc[[0, 5000, 10014]].reset_index(drop=True))
    array = pixels(few, 128, folder=tmp_path)
    assert array.shape == (3, 128, 128, 3)
    for row in range(3):
        image = few.image(row)
        assert image.width * 3 == image.height * 4
        small = np.asarray(image.resize((128, 128), Image.Resampling.BOX), dtype=int)
        assert np.abs(array[row] - small).mean() < 3
        assert array[row].std() > 10


def test_masks_cover_the_lesion(pool):
    if pool.frame["mask"].isna().all():
        pytest.skip("the masks are not on this machine")
    assert pool.frame["mask"].notna().all()
    for row in (0, 5000, 10014):
        share = (np.asarray(pool.mask(row)) > 0).mean()
        assert 0 < share < 1
