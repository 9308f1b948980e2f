import errno
import json
import math
import shutil
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_project import write_notebook

import lesionlib.atomic
from lesionlib import runs
from lesionlib.errors import InputError


def tables(n=4):
    ids = [f"i{k}" for k in range(n)]
    cases = pd.DataFrame({"image_id": ids, "lesion_id": ids, "split": "test", "truth": "nv", "age": 40.0})
    predictions = pd.DataFrame({"image_id": ids, "split": "test", "p_mel": 0.25, "p_nv": 0.75})
    return predictions, cases


def record(parameters=None, chapter="01_toy", **changes):
    predictions, cases = tables()
    given = {
        "metrics": [{"split": "test", "metric": "accuracy", "value": 0.75, "low": 0.5, "high": 0.9}],
        "predictions": predictions,
        "cases": cases,
        "fingerprint": "f00d",
        "data": "ham10000",
        "classes": ["mel", "nv"],
        "seed": 0,
        "device": "cpu",
    }
    return runs.record(chapter, {"epochs": 1} if parameters is None else parameters, **given | changes)


def finished(project, key="0123456789ab", chapter="01_toy", root="runs", **changes):
    """Make a finished run without executing anything."""
    source = record(chapter=chapter)
    folder = project / root / chapter / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source.path, folder)
    content = json.loads((folder / "run.json").read_text())
    content |= {"key": key, "status": "finished", "profile": "real"} | changes
    (folder / "run.json").write_text(json.dumps(content))
    return folder


def test_interactive_runs_stand_by_chapter_and_key(project):
    done = record()
    assert done.path == project / "runs" / "interactive" / "01_toy" / done.key
    names = {path.name for path in done.path.iterdir()}
    assert names == {"run.json", "metrics.json", "predictions.parquet", "cases.parquet"}
    assert list(done.path.parent.iterdir()) == [done.path]


def test_the_same_key_replaces_another_adds(project):
    first = record()
    again = record(metrics=[{"split": "test", "metric": "accuracy", "value": 0.9}])
    other = record({"epochs": 2})
    assert first.path == again.path != other.path
    table = runs.table("01_toy")
    assert sorted(zip(table["epochs"], table["value"], strict=True)) == [(1, 0.9), (2, 0.75)]


def test_what_is_written_is_what_is_read(project):
    done = record({"clinical": ["age", "sex"], "arch": None})
    run = runs.load(done.key)
    assert run.parameters == {"clinical": ["age", "sex"], "arch": None}
    assert run.run == done.run
    assert run.predictions["p_nv"].dtype == np.float32
    assert list(run.predictions["truth"]) == ["nv"] * 4
    assert run.metrics.loc[0, ["value", "low", "high"]].tolist() == [0.75, 0.5, 0.9]


def test_no_machine_in_the_files(project):
    done = record({"data": str(project / "set"), "weights": "C:\\me\\w.pt"})
    text = (done.path / "run.json").read_text() + (done.path / "metrics.json").read_text()
    for secret in (str(project), str(Path.home()), socket.gethostname(), "C:"):
        assert secret not in text
    assert done.run.parameters == {"data": "set", "weights": "w.pt"}


def test_numpy_values_are_plain_and_nan_is_not_defined(project):
    rows = [
        {"split": "test", "metric": "auc", "label": "nv", "value": np.float32(0.5), "epoch": np.int64(3)},
        {"split": "test", "metric": "auc", "label": "mel", "value": math.nan},
    ]
    done = record({"size": np.int64(128)}, metrics=rows, seed=np.int64(1))
    stored = json.loads((done.path / "metrics.json").read_text())["rows"]
    assert [row["value"] for row in stored] == [0.5, None]
    assert stored[0]["epoch"] == 3
    assert runs.table()["value"].isna().tolist() == [False, True]


def test_the_hash_of_cases_ignores_the_order_of_rows(project):
    predictions, cases = tables()
    first = record()
    turned = record({"epochs": 9}, predictions=predictions[::-1], cases=cases[::-1])
    other = record({"epochs": 8}, cases=cases.assign(age=41.0))
    assert first.run.cases == turned.run.cases != other.run.cases


def bad(table, **columns):
    return table.assign(**columns)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"predictions": bad(tables()[0], p_nv=1.5)}, "outside"),
        ({"predictions": bad(tables()[0], p_nv=math.nan)}, "NaN"),
        ({"predictions": tables()[0].drop(columns="p_nv")}, "expected .*p_nv"),
        ({"predictions": tables()[0].iloc[[0, 0, 1, 2]]}, "image i0 twice"),
        ({"cases": tables(3)[1]}, "no case: .*i3"),
        ({"cases": tables()[1].drop(columns="truth")}, "lack the column.*truth"),
        ({"cases": None}, "go together"),
        ({"metrics": [{"split": "test", "metric": "auc"}]}, "metrics.*value"),
        ({"metrics": [{"split": "test", "metric": "auc", "value": 1.0, "mean": 2}]}, "metrics.*mean"),
        ({"metrics": [{"split": "test", "metric": "auc", "value": "high"}]}, "metrics.*value"),
        ({"seed": "one"}, "seed"),
        ({"openings": [{"split": "test"}]}, "openings.*images"),
        ({"parameters": {"metric": "auc"}}, "parameter metric"),
        ({"parameters": {"layers": {"a": 1}}}, "parameters.*layers"),
    ],
)
def test_bad_records_leave_nothing(project, changes, said):
    with pytest.raises(InputError, match=said) as caught:
        record(**changes)
    assert "\n" not in str(caught.value)
    assert not (project / "runs").exists()


def test_a_full_disk_is_one_line_and_the_earlier_run_stays(project, monkeypatch):
    before = record()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lesionlib.atomic.os, "replace", full)
    with pytest.raises(InputError, match="the disk is full") as caught:
        record(metrics=[{"split": "test", "metric": "accuracy", "value": 0.1}])
    assert "\n" not in str(caught.value)
    assert [path.name for path in before.path.parent.iterdir()] == [before.key]
    assert runs.table()["value"].tolist() == [0.75]


def test_an_empty_table_has_its_columns(project):
    table = runs.table("01_toy")
    assert table.empty
    assert {"key", "origin", "profile", "stale", "device", "split", "metric", "value"} <= set(table.columns)
    assert table.groupby("metric")["value"].mean().empty


def test_table_groups_by_parameters(project):
    record({"clinical": ["age", "sex"], "epochs": 1})
    record({"clinical": None, "epochs": 1})
    grouped = runs.table().groupby("clinical")["value"].mean()
    assert grouped.to_dict() == {"age+sex": 0.75, "none": 0.75}


def test_origins_filters_and_a_key_counts_once(project):
    finished(project, "aaaaaaaaaaaa", root="results")
    finished(project, "aaaaaaaaaaaa")
    finished(project, "bbbbbbbbbbbb", data="isic2019")
    record({"epochs": 7})
    table = runs.table().set_index("origin")["key"]
    assert table["results"] == "aaaaaaaaaaaa"
    assert table["runs"] == "bbbbbbbbbbbb"
    assert len(table) == 3
    assert runs.table(data="isic2019")["key"].tolist() == ["bbbbbbbbbbbb"]
    assert runs.table(chapter="02_toy").empty


def test_the_run_being_executed_is_shown_and_trials_by_hand_are_not(project, monkeypatch):
    record({"epochs": 7})
    current = project / "runs" / ".part" / "x"
    monkeypatch.setenv("LESIONLIB_RUN_DIR", str(current))
    monkeypatch.setenv("LESIONLIB_RUN_KEY", "cccccccccccc")
    assert runs.table().empty
    assert record().path == current
    assert runs.table()[["key", "origin"]].to_numpy().tolist() == [["cccccccccccc", "current"]]


def test_stale_is_other_code(project):
    notebook = write_notebook(project, "01_toy")
    code = runs.plan(notebook, {}, "f").code
    finished(project, "aaaaaaaaaaaa", code=code)
    finished(project, "bbbbbbbbbbbb", code="0" * 12)
    assert runs.table().set_index("key")["stale"].to_dict() == {"aaaaaaaaaaaa": False, "bbbbbbbbbbbb": True}


DAMAGES = {
    "no run.json": lambda folder: (folder / "run.json").unlink(),
    "no metrics.json": lambda folder: (folder / "metrics.json").unlink(),
    "cut short": lambda folder: (folder / "run.json").write_text('{"schema": 1, "chap'),
    "no object": lambda folder: (folder / "run.json").write_text("[]"),
    "elsewhere": lambda folder: folder.rename(folder.with_name("dddddddddddd")),
    "newer": lambda folder: (folder / "run.json").write_text('{"schema": 2, "news": true}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_left_out_with_one_line(project, damage):
    finished(project, "aaaaaaaaaaaa")
    folder = finished(project, "bbbbbbbbbbbb")
    DAMAGES[damage](folder)
    with pytest.warns(UserWarning, match="left out: .*(bbbbbbbbbbbb|dddddddddddd)") as caught:
        table = runs.table()
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    assert table["key"].tolist() == ["aaaaaaaaaaaa"]


def test_a_newer_schema_says_to_update(project):
    folder = finished(project)
    (folder / "metrics.json").write_text('{"schema": 2, "rows": []}')
    with pytest.raises(InputError, match=r"schema 2, .*update lesionlib"):
        _ = runs.load("0123").metrics


def test_load_by_a_prefix(project):
    finished(project, "aaaaaaaaaaaa")
    finished(project, "aabbbbbbbbbb")
    assert runs.load("aab").run.key == "aabbbbbbbbbb"
    with pytest.raises(InputError, match="short for several runs: aaaaaaaaaaaa, aabbbbbbbbbb"):
        runs.load("aa")
    with pytest.raises(InputError, match="no finished run has the key f"):
        runs.load("f")


def test_results_add_keeps_no_notebook_and_the_cases_once(project):
    for key in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        (finished(project, key) / "notebook.ipynb").write_text("{}")
        runs.add_to_results(key)
    results = project / "results"
    stored = sorted(path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file())
    kept = ("metrics.json", "predictions.parquet", "run.json")
    cases = f"cases/{runs.load('aaaa').run.cases}.parquet"
    assert stored == [*(f"01_toy/{k * 12}/{name}" for k in "ab" for name in kept), cases]
    # What stands in results is enough, without the folder of the runs.
    shutil.rmtree(project / "runs")
    run = runs.load("aaaa")
    assert run.origin == "results"
    assert run.predictions["truth"].tolist() == ["nv"] * 4
    assert runs.add_to_results("aaaa") == run.folder


@pytest.mark.filterwarnings("ignore:left out")
def test_results_add_refuses(project):
    phantom = finished(project, "aaaaaaaaaaaa", data="phantom:ham10000")
    with pytest.raises(InputError, match="phantoms are no results"):
        runs.add_to_results(phantom.name)
    with pytest.raises(InputError, match="tried by hand"):
        runs.add_to_results(record().key)
    finished(project, "bbbbbbbbbbbb", status="recorded")
    with pytest.raises(InputError, match="no finished run"):
        runs.add_to_results("bbbb")
    changed = finished(project, "cccccccccccc")
    pd.read_parquet(changed / "cases.parquet").assign(truth="mel").to_parquet(changed / "cases.parquet")
    with pytest.raises(InputError, match="not the cases"):
        runs.add_to_results("cccc")
    assert not (project / "results").exists()


def test_results_are_found_by_environment_then_project(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project / "notebooks")
    assert runs.results_root() == project / "results"
    assert runs.runs_root() == project / "runs"
    monkeypatch.setenv("LESIONLIB_RESULTS", str(tmp_path / "r"))
    monkeypatch.setenv("LESIONLIB_RUNS", str(tmp_path / "s"))
    assert runs.results_root() == tmp_path / "r"
    assert runs.runs_root() == tmp_path / "s"
    monkeypatch.delenv("LESIONLIB_RUNS")
    monkeypatch.chdir(tmp_path)
    assert runs.runs_root() == tmp_path / "runs"
