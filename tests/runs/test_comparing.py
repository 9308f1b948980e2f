"""Two runs side by side."""

from __future__ import annotations

import pandas as pd
from test_recording import record

from lesionlib import runs

CASES = pd.DataFrame({"image_id": ["a", "b"], "lesion_id": ["l1", "l2"], "split": "test", "truth": ["mel", "nv"]})


def answers(p_mel, ids=("a", "b"), **columns):
    chances = pd.DataFrame({"image_id": list(ids), "split": "test", "p_mel": p_mel, **columns})
    return chances.assign(p_nv=1 - chances["p_mel"])


def row(metric, value, label=None, epoch=None):
    return {"split": "test", "metric": metric, "value": value, "label": label, "epoch": epoch}


def recorded(parameters, rows, predictions, cases=CASES):
    return runs.load(record(parameters=parameters, metrics=rows, predictions=predictions, cases=cases).key)


def test_only_what_differs_is_told(project):
    first = recorded({"epochs": 1, "lr": 0.1}, [row("accuracy", 0.5)], answers([0.9, 0.8]))
    second = recorded({"epochs": 2, "lr": 0.1}, [row("accuracy", 0.5)], answers([0.9, 0.2]))
    told = runs.parameters_apart(first, second).set_index("what")
    assert told.loc["epochs"].tolist() == ["1", "2"]
    assert "lr" not in told.index and "data" not in told.index
    assert runs.parameters_apart(first, first).empty


def test_numbers_stand_side_by_side_without_epochs(project):
    rows = [row("accuracy", 0.5), row("f1", 0.25, "mel"), row("loss", 9.0, epoch=1)]
    first = recorded({"epochs": 1}, rows, answers([0.9, 0.8]))
    second = recorded({"epochs": 2}, [row("accuracy", 0.75), row("auc", 1.0, "nv")], answers([0.9, 0.2]))
    table = runs.metrics_apart(first, second).set_index(["metric", "label"])
    assert table.loc[("accuracy", "-"), ["first", "second", "difference"]].tolist() == [0.5, 0.75, 0.25]
    assert table.loc[("f1", "mel"), ["first", "second"]].isna().tolist() == [False, True]
    assert table.loc[("auc", "nv"), ["first", "second"]].isna().tolist() == [True, False]
    assert "loss" not in table.index.get_level_values("metric")


def test_runs_pair_on_the_same_images_only(project):
    first = recorded({"epochs": 1}, [row("accuracy", 0.5)], answers([0.9, 0.8]))
    same = recorded({"epochs": 2}, [row("accuracy", 1.0)], answers([0.8, 0.2]))
    fewer = recorded({"epochs": 3}, [row("accuracy", 1.0)], answers([0.8], ids=["a"]), CASES.iloc[[0]])
    arms = recorded({"epochs": 4}, [row("accuracy", 1.0)], answers([0.8, 0.2], arm="softmax head"))
    assert runs.shared_splits(first, same) == ["test"]
    assert runs.shared_splits(first, fewer) == []
    assert runs.shared_splits(first, arms) == []


def test_the_command_pairs_them_and_subtracts_the_first(project, lesionlib_command):
    ids = list("abcdefgh")
    cases = pd.DataFrame({"image_id": ids, "lesion_id": ids, "split": "test", "truth": ["mel", "nv"] * 4})
    wrong_twice, right = [0.9, 0.8, 0.4, 0.1, 0.9, 0.1, 0.9, 0.1], [0.9, 0.1] * 4
    keys = [recorded({"p": n}, [], answers(p, ids), cases).run.key for n, p in enumerate((wrong_twice, right))]
    code, out, _ = lesionlib_command("results", "diff", *keys)
    rows = {words[1]: words for words in map(str.split, out.partition("95 % intervals by lesion")[2].splitlines()[1:])}
    assert code == 0
    assert rows["metric"] == ["split", "metric", "difference", "low", "high"]
    split, _, difference, low, high = rows["accuracy"]
    assert (split, float(difference)) == ("test", 0.25)
    assert 0 <= float(low) < 0.25 < float(high)
    assert "On the same images" not in lesionlib_command("results", "diff", keys[0], arms_of(cases))[1]


def arms_of(cases):
    """A run that says two things of each image, which pairs with none."""
    said = pd.concat([answers([0.5] * len(cases), cases["image_id"], arm=arm) for arm in ("softmax", "SVM")])
    return recorded({"p": 2}, [], said, cases).run.key
