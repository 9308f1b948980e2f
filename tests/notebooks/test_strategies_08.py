"""Chapter 08's loop: every strategy and way through it, on tiny phantoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "08_nedelcu2021.ipynb"
TINY = {"phantom_n": 130, "phantom_size": 32, "size": 32, "blocks": 2, "per_class": 4, "rival": "none"}
PH2 = {"data": "phantom:ph2", "sources": ["phantom:ham10000"], "classes": "melanoma", "phantom_n": 80, "per_class": 8}


@pytest.mark.parametrize("strategy", ["m", "c", "j"])
def test_every_strategy_ends_in_the_target_classes(run, strategy):
    left = run(strategy=strategy)
    found = left["predictions"]["test"]
    assert found.labels == left["target"].classes
    assert found.y_prob.sum(axis=1) == pytest.approx(np.ones(len(found.y_true)))
    assert set(found.frame["source"]) == {"phantom:dermai"}
    assert ("source" in left["predictions"]) == (strategy == "c")
    tested = left["run"].run.openings
    assert [opening.split for opening in tested] == ["test"]


def test_few_images_in_folds_test_each_image_once_for_each_number(run):
    left = run(**PH2, strategy="b", n_target=[0, 20], folds=2)
    assert list(left["predictions"]) == ["source", "valid_0", "test_0", "valid_20", "test_20", "valid", "test"]
    for name in ("test_0", "test_20", "test"):
        assert sorted(left["predictions"][name].frame["image_id"]) == sorted(left["target"].frame["image_id"])
    assert [opening.images for opening in left["run"].run.openings] == [80, 80, 80]
    assert {row.split for row in left["run"].metrics.rows} >= {"source", "valid_0", "test_0", "test_20", "test"}


def test_without_adaptation_the_source_network_answers(run):
    left = run(**PH2, strategy="b", n_target=[0])
    start = left["before"]("b")
    again = left["ask"](left["adapted"](start, left["parts"][0], 0, "b"), "test")
    assert again.y_prob == pytest.approx(left["predictions"]["test_0"].y_prob, abs=1e-6)


def test_a_strategy_without_a_source_has_no_answer_without_images(run):
    left = run(**PH2, strategy="a", n_target=[0])
    assert list(left["predictions"]) == ["valid", "test"]


def test_classes_shared_by_the_vocabulary_are_merged(run):
    left = run(
        data="phantom:pad_ufes_20", sources=["phantom:dermofit"], classes="own", strategy="x", clinical=["age", "sex"]
    )
    joined = left["merged"](left["parts"][0])
    of_source = joined.frame[joined.frame["source"] == "phantom:dermofit"]
    assert set(of_source["label"]) == {"SEK", "ACK", "NEV", "SCC", "BCC", "MEL"}
    assert set(of_source["split"]) == {"train"}


def test_all_layers_at_once_on_lesions_alone(run):
    left = run(data="phantom:dermofit", sources=[], classes="own", strategy="o", thaw="all", focus="crop")
    assert all(parameter.requires_grad for parameter in left["learn"].model.parameters())
    assert len(left["predictions"]["test"].labels) == 10
