"""Sweeps on Dask workers: the same as alone, whatever dies."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
from toy_project import write_notebook

from lesionlib import runs
from lesionlib.errors import InputError
from lesionlib.runs import cluster, execution, store

pytestmark = pytest.mark.slow

# As many as the environment says: 200 take some five minutes.
TINY_RUNS = int(os.environ.get("LESIONLIB_TEST_RUNS", "16"))

KILLS_ITS_WORKER = """
import os, pathlib, signal, psutil
mark = pathlib.Path(MARK)
if EVERY or not mark.exists():
    mark.touch()
    os.kill(os.getppid(), signal.SIGKILL)
value = 0.5
"""


def planned(path, count):
    return [runs.plan(path, {"epochs": n}, "f00d", "real") for n in range(count)]


def errors(outcomes):
    return [outcome.error and str(outcome.error) for outcome in outcomes]


def quietly(specs, crew):
    return runs.run_sweep(specs, crew, say=lambda line: None)


@pytest.fixture(scope="module")
def workers():
    with cluster.local_crew(2) as crew:
        yield crew


def test_two_workers_give_what_one_process_gives(project, workers):
    specs = planned(write_notebook(project, "01_toy"), 3)
    apart, together = project / "apart", project / "runs"
    assert errors(runs.alone(specs, apart)) == [None] * 3
    assert errors(quietly(specs, workers)) == [None] * 3
    for spec in specs:
        serial, spread = (execution.folder_of(spec, root) for root in (apart, together))
        assert sorted(p.name for p in serial.iterdir()) == sorted(p.name for p in spread.iterdir())
        assert (serial / "metrics.json").read_bytes() == (spread / "metrics.json").read_bytes()
        assert (serial / "predictions.parquet").read_bytes() == (spread / "predictions.parquet").read_bytes()
        assert runs.load(spec.key).run.status == "finished"
    assert runs.plan_sweep(specs).todo == []


def test_a_failed_run_comes_back_with_its_notebook_and_traceback(project, workers):
    bad = runs.plan(write_notebook(project, "01_bad", compute="value = 1 / 0"), {}, "f00d", "real")
    good = runs.plan(write_notebook(project, "02_good"), {}, "f00d", "real")
    outcomes = {outcome.spec.key: outcome.error for outcome in quietly([bad, good], workers)}
    assert outcomes[good.key] is None
    kept = execution.failed_folder(bad)
    assert str(outcomes[bad.key]).endswith(f"ZeroDivisionError: division by zero; notebook and traceback in {kept}")
    assert "ZeroDivisionError" in (kept / "error.txt").read_text()
    assert (kept / "notebook.ipynb").is_file()


def test_another_machine_with_another_state_of_the_library_refuses(project):
    path = write_notebook(project, "01_toy")
    spec = replace(runs.plan(path, {}, "f00d", "real"), code="0" * 12)
    delivery = cluster.run_parcel(cluster.Parcel(spec, path.read_bytes(), sender="elsewhere"))
    assert delivery.refused and delivery.files == {}
    assert "has another state of lesionlib than elsewhere" in delivery.error


def refuse(parameters, fingerprint):
    raise InputError(f"no data for {parameters['data']} with fingerprint {fingerprint}")


def test_what_comes_before_a_run_can_refuse_it(project):
    path = write_notebook(project, "01_toy")
    spec = runs.plan(path, {}, "f00d", "real")
    delivery = cluster.run_parcel(cluster.Parcel(spec, path.read_bytes(), refuse))
    assert (delivery.error, delivery.refused) == ("no data for phantom:toy with fingerprint f00d", True)


def test_a_worker_without_the_notebook_gets_a_copy(project, tmp_path):
    path = write_notebook(project, "01_toy")
    spec, source = runs.plan(path, {"epochs": 2}, "f00d", "real"), path.read_bytes()
    path.unlink()
    delivery = cluster.run_parcel(cluster.Parcel(spec, source))
    assert delivery.error is None
    assert set(delivery.files) == {"notebook.ipynb", "run.json", "metrics.json", "predictions.parquet", "cases.parquet"}
    published = (content for name, content in delivery.files.items() if name != "notebook.ipynb")
    assert b"lesionlib-run-" not in b"".join(published)


def test_a_run_whose_worker_dies_is_done_by_another(project):
    mark = project / "mark"
    source = KILLS_ITS_WORKER.replace("MARK", repr(str(mark))).replace("EVERY", "False")
    specs = [
        runs.plan(write_notebook(project, "01_kills", compute=source), {}, "f00d", "real"),
        runs.plan(write_notebook(project, "02_toy"), {}, "f00d", "real"),
    ]
    with cluster.local_crew(2) as crew:
        assert errors(quietly(specs, crew)) == [None, None]
    assert mark.exists()
    assert runs.plan_sweep(specs).todo == []


def test_a_run_that_kills_every_worker_fails_and_the_others_end_well(project):
    source = KILLS_ITS_WORKER.replace("MARK", repr(str(project / "mark"))).replace("EVERY", "True")
    bad = runs.plan(write_notebook(project, "01_kills", compute=source), {}, "f00d", "real")
    good = runs.plan(write_notebook(project, "02_toy"), {}, "f00d", "real")
    with cluster.local_crew(2) as crew:
        outcomes = {outcome.spec.key: outcome.error for outcome in quietly([bad, good], crew)}
    assert outcomes[good.key] is None
    assert "KilledWorker" in str(outcomes[bad.key])


def test_an_existing_cluster_is_used_and_its_declared_slots_count(project):
    from distributed import Client, LocalCluster

    spec = runs.plan(write_notebook(project, "01_toy"), {}, "f00d", "real")
    with LocalCluster(
        n_workers=1, threads_per_worker=4, resources={"GPU": 2}, dashboard_address=None, processes=True
    ) as existing:
        with Client(existing) as client:
            assert cluster.slots(client) == 2
        with cluster.remote_crew(existing.scheduler_address) as crew:
            assert errors(quietly([spec], crew)) == [None]


def test_a_lost_scheduler_ends_the_sweep_and_names_what_was_not_made(project):
    specs = planned(write_notebook(project, "01_toy"), 2)
    outcomes = quietly(specs, cluster.crew(SimpleNamespace(status="closed")))
    text = "was not made: the scheduler went away; what is finished is kept, start the sweep again"
    assert errors(outcomes) == [f"{spec} {text}" for spec in specs]
    assert runs.plan_sweep(specs).todo == specs


def test_a_place_that_cannot_be_written_fails_its_run_and_no_other(project, workers, monkeypatch):
    specs = planned(write_notebook(project, "01_toy"), 2)
    held = cluster.only_writer

    def full(spec, root):
        if spec == specs[0]:
            raise InputError("cannot write the lock: the disk is full")
        return held(spec, root)

    monkeypatch.setattr(cluster, "only_writer", full)
    outcomes = {outcome.spec.key: outcome.error for outcome in quietly(specs, workers)}
    assert "the disk is full" in str(outcomes[specs[0].key])
    assert outcomes[specs[1].key] is None


def test_nobody_at_the_address_is_one_line():
    with (
        pytest.raises(InputError, match=r"scheduler tcp://127.0.0.1:9: no answer"),
        cluster.remote_crew("tcp://127.0.0.1:9"),
    ):
        pass


def test_a_crew_needs_a_worker():
    with pytest.raises(InputError, match="workers: found 0"), cluster.local_crew(0):
        pass


DRIVER = """
import sys
from lesionlib import runs
from lesionlib.runs import cluster

if __name__ == "__main__":
    specs = [runs.plan(sys.argv[1], {"epochs": n}, "f00d", "real") for n in range(int(sys.argv[2]))]
    with cluster.local_crew(2) as crew:
        outcomes = runs.run_sweep(runs.plan_sweep(specs, retry=True).todo, crew, say=lambda line: None)
    sys.exit(any(outcome.error for outcome in outcomes))
"""


def test_random_kills_lose_nothing_and_repeat_nothing(project):
    """Workers and the batch itself are killed at random; it is started again until all is done."""
    path = write_notebook(project, "01_toy")
    program = project / "driver.py"
    program.write_text(DRIVER)
    specs, dice, seen, kills = planned(path, TINY_RUNS), random.Random(0), {}, {"worker": 0, "batch": 0}
    for _ in range(TINY_RUNS):
        batch = subprocess.Popen(
            [sys.executable, str(program), str(path), str(TINY_RUNS)], cwd=project, stderr=subprocess.DEVNULL
        )
        kill_at_random(batch, dice, kills)
        now = {spec.key: execution.started(spec) for spec in specs if execution.is_current(spec)}
        assert now.items() >= seen.items(), "a finished run was made again"
        seen = now
        if batch.returncode == 0:
            break
    assert min(kills.values()) >= 2
    assert len(seen) == TINY_RUNS
    folders = store.run_folders(store.runs_root())
    assert sorted(folder.name for folder in folders) == sorted(spec.key for spec in specs)
    for spec in specs:
        assert runs.load(spec.key).metrics["value"].tolist() == [pytest.approx(0.5 + 0.1 * spec.parameters["epochs"])]
        assert len(runs.load(spec.key).predictions) == 2


def kill_at_random(batch, dice, kills):
    """Each time a few more runs have ended, kill a worker or the whole batch, until it ends."""
    reached, step = finished_runs(), dice.randint(1, 3)
    while batch.poll() is None:
        time.sleep(0.2)
        if finished_runs() < reached + step:
            continue
        reached, step = finished_runs(), dice.randint(1, 3)
        workers = [each for each in children(batch.pid) if "spawn_main" in " ".join(command(each))]
        if dice.random() < 0.3 or not workers:
            batch.kill()
            batch.wait()
            kills["batch"] += 1
        else:
            dice.choice(workers).kill()
            kills["worker"] += 1


def finished_runs():
    return len(store.run_folders(store.runs_root()))


def children(pid):
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []


def command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []
