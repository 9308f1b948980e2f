"""Chapter 10 on small stored runs whose properties are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lesionlib import runs
from lesionlib.datasets.cards import card
from lesionlib.errors import InputError

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "10_synthesis.ipynb"
TINY = {"resamples": 200, "fewest": 5}
CLASSES = list(card("ham10000").classes)
A_CLASS = 12


def cases(prefix=""):
    """Validation and test images of all classes, two of each lesion."""
    rows = [
        {
            "image_id": f"{prefix}{split}{label}{n:02}",
            "lesion_id": f"{split}{label}{n // 2}",
            "split": split,
            "truth": label,
            "age": 30.0 + n,
            "sex": "female" if n % 2 else "male",
            "site": "back",
        }
        for split in ("valid", "test")
        for label in CLASSES
        for n in range(A_CLASS)
    ]
    return pd.DataFrame(rows)


def predictions(frame, right, boldness=4.0, seed=0, labels=CLASSES):
    """Answers of a network that is right in these shares, by split, and sure of each answer."""
    rng = np.random.default_rng(seed)
    truth = frame["truth"].map(labels.index).to_numpy()
    hits = rng.random(len(frame)) < frame["split"].map(right).to_numpy()
    answers = np.where(hits, truth, (truth + rng.integers(1, len(labels), len(frame))) % len(labels))
    logits = rng.normal(size=(len(frame), len(labels)))
    logits[np.arange(len(frame)), answers] += boldness
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = pd.DataFrame(chances, columns=[f"p_{name}" for name in labels])
    return pd.concat([frame[["image_id", "split"]], table], axis=1)


def store(results, key, frame, told, chapter="04_lucius2020", labels=CLASSES, **parameters):
    """A finished real run in `results`."""
    done = runs.record(
        chapter,
        {"size": key, "seed": 0} | parameters,
        metrics=[{"split": "test", "metric": "accuracy", "value": 0.5}],
        predictions=told,
        cases=frame,
        fingerprint="f00d",
        data="ham10000",
        classes=labels,
        seed=0,
        device="cpu",
    )
    folder = results / chapter / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(done.path, folder)
    about = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(about | {"key": key, "status": "finished", "profile": "real"}))


@pytest.fixture
def results(run, tmp_path, monkeypatch):
    """A run that leads on validation, one that leads on test, one in another order of classes, and two others."""
    results = tmp_path / "results"
    monkeypatch.setenv("LESIONLIB_RESULTS", str(results))
    frame = cases()
    store(results, "a" * 12, frame, predictions(frame, {"valid": 0.8, "test": 0.6}))
    store(results, "b" * 12, frame, predictions(frame, {"valid": 0.5, "test": 0.9}, seed=1))
    turned = CLASSES[::-1]
    store(results, "c" * 12, frame, predictions(frame, {"valid": 0.6, "test": 0.7}, labels=turned), labels=turned)
    two = pd.concat(
        [predictions(frame, {"valid": 1.0, "test": 1.0}, seed=2).assign(arm=arm) for arm in ("net", "blurred")]
    )
    two.loc[two["arm"] == "net", two.columns[2:-1]] = 1 / len(CLASSES)
    store(results, "d" * 12, frame, two, chapter="03_bhardwaj2021")
    other = cases("other")
    store(results, "e" * 12, other, predictions(other, {"valid": 1.0, "test": 1.0}))
    return results


def test_models_of_the_same_images_are_ranked_and_validation_chooses(run, results):
    names = run()
    # Run e judged other images; what run d says of blurred ones is no model's answer to these.
    assert sorted(names["board"].index) == [
        f"03 {'d' * 12}, net",
        *(f"04 {letter * 12}" for letter in "abc"),
    ]
    assert names["chosen"] == f"04 {'a' * 12}"
    assert names["board"].index[0] == f"04 {'b' * 12}"
    assert names["board"].loc[names["chosen"], "difference"] == 0
    assert names["board"].loc[f"04 {'c' * 12}", "value"] == pytest.approx(0.7, abs=0.15)


def test_what_is_measured_is_written_down(run, results):
    names = run()
    # Sure of each answer, and wrong in every fifth: T lies above 1, and the log loss falls.
    assert names["temperature"] > 1
    assert names["losses"]["log_loss"].loc["scaled", "difference"] < 0
    stored = runs.load(names["run"].key)
    rows = stored.metrics.set_index(["split", "metric"])["value"]
    assert rows["valid", "temperature"] == names["temperature"]
    whole = stored.metrics.query("metric == 'coverage, one threshold' and label.isna()")
    assert whole["value"].tolist() == [names["by_class"]["one threshold"].loc["all", "covered"]]
    again = stored.predictions.query("split == 'test'").sort_values("image_id")
    assert np.allclose(again[[f"p_{name}" for name in CLASSES]], names["after"]["test"], atol=1e-6)
    assert not any(part == "skin tone" for part, _ in names["by_part"])


def test_another_example_can_be_named(run, results):
    assert run(example="b" * 12)["chosen"] == f"04 {'b' * 12}"
    with pytest.raises(InputError, match="example: found 'ffff', expected the key of a run"):
        run(example="ffff")


def test_skin_tone_comes_from_a_stored_run_that_measured_it(run, results):
    frame = cases().assign(ita=60.0, tone="very light")
    told = predictions(frame, {"valid": 0.8, "test": 0.6})
    store(results, "f" * 12, frame, told, chapter="10_synthesis", skin_tone_of="ham10000")
    names = run()
    assert names["by_part"]["skin tone", "one threshold"].index.tolist() == ["very light"]
    assert runs.load(names["run"].key).predictions["ita"].eq(60.0).all()
    # That run is no model of its own.
    assert len(names["board"]) == 4


def test_without_stored_runs_one_line_says_so(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONLIB_RESULTS", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="results: found no stored run on HAM10000's seven classes"):
        run()
