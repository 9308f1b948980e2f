"""Chapter 06's run: the declared cohort, the designs, a stored comparator and real answers, on tiny phantoms."""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "06_reader_study.ipynb"
TINY = {"phantom_n": 240, "phantom_size": 32, "size": 32, "epochs": 1, "n_readers": 4, "n_studies": 4}


@pytest.fixture(autouse=True)
def studies(tmp_path, monkeypatch):
    """Where people's answers stand."""
    monkeypatch.setenv("LESIONLIB_STUDIES", str(tmp_path / "studies"))
    return tmp_path / "studies"


def figures(left):
    return {(row.metric, row.label): row.value for row in left["run"].metrics.rows}


def test_declared_rates_meet_every_printed_figure(run):
    left = run()
    assert left["unaided"].mean() == pytest.approx(0.2774)
    assert left["timed"].mean() == pytest.approx(0.1729)
    assert left["network"].mean() == pytest.approx(27 / 35)
    with_ai = left["aided"](left["timed"], left["follow_right"])
    assert with_ai.mean() == pytest.approx(0.4243)
    printed = {"nv": 0.79, "vasc": 0.02, "df": 0.01, "akiec": 0.07}
    assert left["unaided"][list(printed)].to_dict() == pytest.approx(printed)
    assert left["timed"][["bcc", "mel"]].tolist() == pytest.approx([0.10, 0.08])
    assert with_ai[["bcc", "mel"]].tolist() == pytest.approx([0.54, 0.35])
    assert with_ai["bkl"] < left["timed"]["bkl"]
    # The library's expectation is the notebook's own arithmetic.
    expected = left["cohorts"]["2"].expected(left["network"].to_dict())
    assert expected["with AI"].mean() == pytest.approx(0.4243)


def test_contest_2_is_laid_out_as_printed(run):
    left = run()
    said = left["said"]
    assert len(said) == 4 * 70
    assert said.groupby("ai_shown")["image_id"].nunique().to_dict() == {False: 35, True: 35}
    assert not set(said[said["ai_shown"]]["image_id"]) & set(said[~said["ai_shown"]]["image_id"])
    assert (left["study"].cases.groupby(["set", "truth"]).size() == 5).all()
    metrics = figures(left)
    assert metrics["simulated: readers", None] == 4
    assert metrics["simulated: answers", None] == 280
    assert all(name.startswith("simulated: ") for name, _ in metrics)
    kept = left["ll"].runs.load(left["run"].key).predictions
    assert set(kept["image_id"]) == set(left["study"].cases["image_id"])


def test_contest_1_has_no_help(run):
    left = run(contest="1", round_images=42)
    assert left["gains"] is None
    assert set(left["said"]["ai_shown"]) == {False}
    assert ("simulated: accuracy, AI minus readers, alone", None) in figures(left)


def test_the_same_images_twice(run):
    left = run(design="same images", round_images=14)
    assert left["said"].groupby(["reader", "image_id"]).size().eq(2).all()
    assert left["gains"]["shared"].iloc[0] == 14


def test_exchanged_sets_change_places_for_every_second_reader(run):
    left = run(design="exchanged", round_images=14)
    sets = left["said"].groupby(["reader", "ai_shown"])["set"].unique().str[0].unstack()
    assert sets[True].tolist() == [1, 2, 1, 2]
    assert (sets[True] != sets[False]).all()
    assert len(left["said"]) == 4 * 28


def test_every_design_of_the_simulation_was_studied(run):
    left = run()
    assert set(left["power"]["design"]) == {"new images", "same images"}
    assert len(left["power"]) == 2 * 4 * 3 * 4
    assert left["power"]["value"].between(0, 1).all()
    assert set(left["confounded"]["design"]) == {"new images", "same images", "exchanged"}


def test_a_stored_run_is_the_comparator_and_nothing_is_trained(run, tmp_path):
    trained = run(seed=3)
    ll, lesions = trained["ll"], trained["lesions"]
    # Chapter 04 in short: predictions of all test images, under a key.
    table = ll.learners.predict(trained["learn"], "test").table()
    key = ll.runs.record(
        "04_lucius2020",
        {"seed": 3},
        metrics=[],
        predictions=table,
        cases=lesions.cases(),
        fingerprint=lesions.fingerprint,
        data="phantom:ham10000",
        classes=lesions.classes,
        seed=3,
        device="cpu",
    ).key
    left = run(seed=3, model_run=key)
    assert left["learn"] is None
    pd.testing.assert_frame_equal(left["study"].cases, trained["study"].cases, check_exact=False, atol=1e-6)
    assert figures(left) == pytest.approx(figures(trained))


def test_answers_of_people_take_the_place_of_the_cohort(run, studies):
    first = run(round_images=7)
    study, ll = first["study"], first["ll"]
    truth = study.cases.set_index("image_id")["truth"]
    right = study.session(ll.widgets.new_code())
    right.consent()
    while right.trial:
        right.answer(truth[right.show().image_id])
    alone = run(round_images=7, answers=str(studies))
    assert figures(alone)["accuracy, with AI minus alone", None] == 0
    # One reader agrees with nobody.
    assert alone["kappa"] == {}
    # Fifty seconds pass between any two looks at this clock: each answer is too late.
    slow = study.session(ll.widgets.new_code(), clock=partial(next, count(0, 50)))
    slow.consent()
    while slow.trial:
        slow.show()
        slow.answer("nv")
    left = run(round_images=7, answers=str(studies))
    assert left["simulated"] is False
    metrics = figures(left)
    assert metrics["accuracy, readers, alone", None] == 0.5
    assert metrics["readers", None] == 2
    assert metrics["missing answers", None] == 14
    assert not any(name.startswith("simulated") for name, _ in metrics)
    # No code and no single answer of a reader is written down.
    codes = set(left["said"]["reader"])
    stored = "".join(path.read_text() for path in left["run"].path.glob("*.json"))
    assert not any(code in stored for code in codes)
    assert left["run"].run.parameters["answers"] == "studies"


def test_a_heat_map_stands_beside_every_image(run):
    left = run(heat_map=True, round_images=7)
    study = left["study"]
    heat = study.heat(study.cases["image_id"].iloc[0])
    assert heat.ndim == 2
    assert np.isfinite(heat).all()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"design": "twice"}, "design: found 'twice', expected one of new images"),
        ({"contest": "3"}, "contest"),
        ({"heat_map": True, "model_run": "any"}, "heat_map"),
        ({"round_images": 500}, "plan fewer images"),
        ({"follow_wrong": 1.5}, "follow"),
    ],
)
def test_what_cannot_be_run_says_so(run, changes, words):
    from lesionlib.errors import InputError

    with pytest.raises(InputError, match=words):
        run(**changes)
