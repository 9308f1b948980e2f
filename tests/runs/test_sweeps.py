"""A sweep: planned, made whole whatever happens to its parts, and told in the end."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from toy_project import write_notebook

from lesionlib import runs
from lesionlib.errors import InputError
from lesionlib.runs import execution, store, sweeps

COUNTS = "import pathlib\nwith pathlib.Path(LOG).open('a') as log:\n    log.write(f'{epochs}\\n')\nvalue = 0.5"
NAPS = COUNTS + "\nimport time\ntime.sleep(1)"


def planned(path, count, **parameters):
    return [runs.plan(path, {"epochs": n, **parameters}, "f00d", "real") for n in range(count)]


def quietly(specs, crew=None):
    said = []
    return runs.run_sweep(specs, crew, say=said.append), said


@pytest.fixture
def no_kernels(monkeypatch, project):
    """Runs without kernels: each leaves what a notebook would, or fails as it is told to."""
    faults = {}

    def leave(spec, output):
        if spec.parameters["epochs"] in faults:
            raise faults[spec.parameters["epochs"]]
        shutil.copyfile(spec.notebook, output)
        runs.record(
            spec.chapter,
            spec.parameters,
            metrics=[{"split": "test", "metric": "accuracy", "value": 0.5}],
            fingerprint="f00d",
            data="toy",
            classes=["mel", "nv"],
            seed=0,
            device="cpu",
        )

    monkeypatch.setattr(execution, "_papermill", leave)
    return faults


def test_a_plan_tells_what_stands_what_failed_and_what_is_to_do(project, no_kernels):
    specs = planned(write_notebook(project, "01_toy"), 4)
    other = runs.plan(write_notebook(project, "02_toy"), {}, "f00d", "real")
    no_kernels[2] = ValueError("broken")
    quietly(specs[:3])

    sweep = runs.plan_sweep([*specs, other, specs[0]])
    assert sweep.finished == specs[:2]
    assert sweep.failed == [specs[2]]
    assert sweep.todo == [specs[3], other]
    table = sweep.table().set_index("chapter")
    assert table.loc["01_toy"].tolist() == [4, 1, 2, 1]
    assert table.loc["02_toy"].tolist() == [1, 1, 0, 0]
    assert table.loc["all"].tolist() == [5, 2, 2, 1]
    assert runs.plan_sweep(specs, retry=True).todo == specs[2:]


def test_the_plan_of_nothing_is_a_table_too(project):
    assert runs.plan_sweep([]).table().to_numpy().tolist() == [["all", 0, 0, 0, 0]]


def test_a_plan_sums_the_estimated_hours_of_what_is_not_finished(project, no_kernels):
    specs = planned(write_notebook(project, "01_toy"), 5)
    other = runs.plan(write_notebook(project, "02_toy"), {}, "f00d", "real")
    absent = runs.plan(write_notebook(project, "03_toy"), {"epochs": 9}, "", "paper")
    no_kernels[1] = ValueError("broken")
    quietly(specs[:2])

    hours = {(spec.chapter, spec.key): 2.0**n for n, spec in enumerate(specs)}
    hours[absent.chapter, absent.key] = 0.5
    sweep = runs.plan_sweep([*specs, other], absent=[absent, absent], gpu_hours=hours)
    table = sweep.table().set_index("chapter")
    # 1 is finished; 2 failed before; 4, 8 and 16 are to run.
    assert table.loc["01_toy"].tolist() == [5, 3, 1, 1, 0, 30.0]
    assert table.loc["03_toy"].tolist() == [1, 0, 0, 0, 1, 0.5]
    assert table.loc["all"].tolist() == [7, 4, 1, 1, 1, 30.5]
    assert table["estimated GPU hours left"].isna().to_dict()["02_toy"]
    assert sweep.unfinished == [*specs[2:], other, specs[1], absent]


def test_a_plan_without_estimates_and_with_all_data_has_no_such_columns(project):
    specs = planned(write_notebook(project, "01_toy"), 1)
    assert list(runs.plan_sweep(specs).table()) == ["chapter", "runs", "to run", "finished", "failed before"]


def test_a_summary_names_the_runs_without_data_and_gives_them_no_key(project, no_kernels):
    path = write_notebook(project, "01_toy")
    sweep = runs.plan_sweep(planned(path, 1), absent=[runs.plan(path, {"epochs": 7}, "", "paper")])
    table = sweeps.summary(sweep, quietly(sweep.todo)[0]).set_index("epochs")
    assert table["state"].to_dict() == {0: "finished", 7: "no data here"}
    assert table["key"].isna().to_dict() == {0: False, 7: True}


def test_what_stands_in_results_is_not_made_again(project, no_kernels, monkeypatch):
    spec = planned(write_notebook(project, "01_toy"), 1)[0]
    quietly([spec])
    runs.add_to_results(spec.key)
    shutil.rmtree(project / "runs")
    assert runs.plan_sweep([spec]).finished == [spec]


def test_a_broken_notebook_stops_no_other(project, no_kernels):
    specs = planned(write_notebook(project, "01_toy"), 4)
    no_kernels[1] = ValueError("a broken notebook")
    outcomes, said = quietly(specs)
    assert [outcome.error is None for outcome in outcomes] == [True, False, True, True]
    assert "ValueError: a broken notebook" in str(outcomes[1].error)
    assert [line.split(":")[0] for line in said] == [f"{n} of 4" for n in range(1, 5)]
    assert "left" in said[0] and "left" not in said[-1]


def test_a_failed_one_is_made_again_on_request_and_then_stands(project, no_kernels):
    specs = planned(write_notebook(project, "01_toy"), 2)
    no_kernels[1] = ValueError("broken")
    quietly(specs)
    no_kernels.clear()
    assert runs.plan_sweep(specs).todo == []
    assert quietly(runs.plan_sweep(specs, retry=True).todo)[0][0].error is None
    assert runs.plan_sweep(specs).finished == specs
    assert not execution.failed_folder(specs[1]).exists()


def test_a_full_disk_stops_neither_the_store_nor_the_others(project, no_kernels, monkeypatch):
    specs = planned(write_notebook(project, "01_toy"), 3)
    place = store.put_in_place

    def full(part, target):
        if target.name == specs[1].key:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        place(part, target)

    monkeypatch.setattr(store, "put_in_place", full)
    outcomes, _ = quietly(specs)
    assert isinstance(outcomes[1].error, InputError)
    assert "the disk is full" in str(outcomes[1].error)
    assert runs.plan_sweep(specs).finished == [specs[0], specs[2]]
    monkeypatch.setattr(store, "put_in_place", place)
    assert quietly(runs.plan_sweep(specs).todo)[0][0].error is None


def test_a_disk_that_fails_in_another_way_stops_no_other(project, no_kernels, monkeypatch):
    specs = planned(write_notebook(project, "01_toy"), 2)

    def broken(spec, root):
        raise OSError(errno.EIO, "Input/output error", str(root))

    held = execution.only_writer
    monkeypatch.setattr(execution, "only_writer", lambda spec, root: (broken if spec == specs[0] else held)(spec, root))
    outcomes, _ = quietly(specs)
    assert "Input/output error" in str(outcomes[0].error)
    assert runs.plan_sweep(specs).finished == [specs[1]]


def test_a_summary_has_a_line_for_each_run(project, no_kernels):
    specs = planned(write_notebook(project, "01_toy"), 4)
    no_kernels[0] = ValueError("broken")
    quietly(specs[:2])
    no_kernels[2] = ValueError("broken too")
    sweep = runs.plan_sweep(specs)
    outcomes, _ = quietly(sweep.todo)
    table = sweeps.summary(sweep, outcomes).set_index("epochs")
    assert table["state"].to_dict() == {0: "failed before", 1: "finished before", 2: "failed", 3: "finished"}
    assert table["seconds"].notna().to_dict() == {0: False, 1: True, 2: False, 3: True}
    assert set(table["lr"]) == {0.1}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (12000, "3 h 20 min")]
)
def test_times_are_said_as_people_say_them(seconds, words):
    assert sweeps.duration(seconds) == words


def test_the_time_left_follows_from_the_median_and_from_how_many_run_at_once(project):
    spec = planned(write_notebook(project, "01_toy"), 1)[0]
    made = [sweeps.Outcome(spec, seconds) for seconds in (50.0, 60.0, 1000.0)]
    assert sweeps.time_left(made[:2], 10, elapsed=110) == "; about 9 min left"
    # Two at once: 110 seconds of work in 55.
    assert sweeps.time_left(made[:2], 10, elapsed=55) == "; about 5 min left"
    assert sweeps.time_left(made, 10, elapsed=1110) == "; about 10 min left"
    assert sweeps.time_left([sweeps.Outcome(spec)], 10, elapsed=5) == ""
    assert sweeps.time_left(made, 0, elapsed=1110) == ""


def test_what_another_batch_has_made_or_failed_at_is_not_made_again(project, no_kernels):
    specs = planned(write_notebook(project, "01_toy"), 2)
    began = time.time() - 1
    no_kernels[1] = ValueError("broken")
    quietly(specs)
    root = store.runs_root()
    assert sweeps.made_elsewhere(specs[0], root, began).error is None
    assert "failed in another batch" in str(sweeps.made_elsewhere(specs[1], root, began).error)
    # A failure from before this sweep is what --retry asks to try again.
    assert sweeps.made_elsewhere(specs[1], root, began=time.time() + 60) is None


DRIVER = """
import sys
from lesionlib import runs
specs = [runs.plan(sys.argv[1], {"epochs": n}, "f00d", "real") for n in range(4)]
for outcome in runs.run_sweep(specs, say=lambda line: None):
    assert outcome.error is None, outcome.error
"""


@pytest.mark.slow
def test_two_batches_on_one_store_do_no_run_twice(project):
    log = project / "log"
    path = write_notebook(project, "01_toy", compute=NAPS.replace("LOG", repr(str(log))))
    batches = [
        subprocess.Popen([sys.executable, "-c", DRIVER, str(path)], cwd=project, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [batch.wait(timeout=180) for batch in batches] == [0, 0]
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"]
    assert runs.plan_sweep(planned(path, 4)).todo == []


def test_runs_that_were_moved_are_still_found(project, no_kernels, monkeypatch, tmp_path):
    spec = planned(write_notebook(project, "01_toy"), 1)[0]
    quietly([spec])
    moved = tmp_path / "elsewhere"
    (project / "runs").rename(moved)
    monkeypatch.setenv("LESIONLIB_RUNS", str(moved))
    assert runs.load(spec.key).folder == moved / "01_toy" / spec.key
    assert runs.plan_sweep([spec]).finished == [spec]
    assert str(project) not in (moved / "01_toy" / spec.key / "run.json").read_text()


def test_a_busy_run_is_waited_for(project, no_kernels, monkeypatch):
    specs = planned(write_notebook(project, "01_toy"), 2)
    root, rests = store.runs_root(), []
    holder = execution.only_writer(specs[0], root)
    holder.__enter__()

    def rest(seconds):
        rests.append(seconds)
        holder.__exit__(None, None, None)

    # Not the module's own function: the lock waits by it too.
    clock = SimpleNamespace(sleep=rest, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr(sweeps, "time", clock)
    outcomes, _ = quietly(specs)
    assert [outcome.spec for outcome in outcomes] == [specs[1], specs[0]]
    assert rests == [sweeps._PATIENCE]
    assert runs.plan_sweep(specs).finished == specs
