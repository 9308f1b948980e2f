"""Sweeps that are stopped, by the user, by force or by the disk: what is finished stays, the rest is made later."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from toy_project import write_notebook

from lesionlib import runs
from lesionlib.runs import execution, store

pytestmark = pytest.mark.slow

COUNT = 4
DRIVER = """
import signal
import sys
from contextlib import nullcontext
from lesionlib import runs
from lesionlib.runs import cluster

if __name__ == "__main__":
    # As under a terminal, also where the tests themselves were started in the background and ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    specs = [runs.plan(sys.argv[1], {"epochs": n}, "f00d", "real") for n in range(int(sys.argv[2]))]
    with cluster.local_crew(2) if sys.argv[3] == "2" else nullcontext(runs.alone) as crew:
        outcomes = runs.run_sweep(runs.plan_sweep(specs, retry=True).todo, crew, say=lambda line: None)
    sys.exit(any(outcome.error for outcome in outcomes))
"""


@pytest.fixture
def batch(project):
    """Start a sweep of naps in a process group of its own, as a terminal does; what still runs in the end is killed."""
    program = project / "driver.py"
    program.write_text(DRIVER)
    path = write_notebook(project, "01_toy", compute="import time\ntime.sleep(1)\nvalue = 0.5 + 0.1 * epochs")
    started = []

    def start(workers):
        command = [sys.executable, str(program), str(path), str(COUNT), workers]
        log = (project / f"log-{len(started)}").open("w")
        started.append(subprocess.Popen(command, cwd=project, stderr=log, start_new_session=True))
        return started[-1]

    start.specs = [runs.plan(path, {"epochs": n}, "f00d", "real") for n in range(COUNT)]
    yield start
    for each in started:
        each.kill()
        each.wait()


def finished():
    return {folder.name: (folder / "run.json").read_bytes() for folder in store.run_folders(store.runs_root())}


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def family(process):
    """All processes below one, those that were there a moment ago."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def is_kernel(process):
    try:
        return any("ipykernel" in word for word in process.cmdline())
    except psutil.Error:
        return False


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# Workers and a batch of theirs are killed by force in test_cluster.py, at random.
@pytest.mark.parametrize(("workers", "how"), [("1", signal.SIGINT), ("2", signal.SIGINT), ("1", signal.SIGKILL)])
def test_a_stopped_sweep_loses_only_the_runs_in_flight(project, batch, workers, how):
    first = batch(workers)
    wait_until(lambda: finished() and any(map(is_kernel, family(first))), seconds=120)
    below = family(first)
    if how == signal.SIGINT:
        os.killpg(first.pid, how)
    else:
        first.kill()
    assert first.wait(timeout=60) != 0
    wait_until(lambda: not any(map(lives, below)))
    said = (project / "log-0").read_text()
    assert "nanny" not in said and "8787" not in said, "the workers have nothing to say"

    before = finished()
    assert 0 < len(before) < COUNT
    assert all(runs.load(key).run.status == "finished" for key in before)
    assert not execution.failed_folder(batch.specs[0]).parent.exists(), "what was stopped has not failed"

    assert batch(workers).wait(timeout=180) == 0
    after = finished()
    assert sorted(after) == sorted(spec.key for spec in batch.specs)
    assert before.items() <= after.items(), "a finished run was made again"
    assert not list((store.runs_root() / ".part").glob("*"))


@pytest.fixture
def small_disk(project):
    """Put the runs on a disk of their own with room for two or so; needs the right to mount one."""
    disk = project / "runs"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_ends_the_runs_that_do_not_fit_and_no_other(project, batch, small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(bytes(80 * 1024))
    assert batch("2").wait(timeout=120) == 1
    kept = finished()
    assert 0 < len(kept) < COUNT
    for key in kept:
        assert len(runs.load(key).predictions) == 2
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert batch("2").wait(timeout=120) == 0
    assert kept.items() <= finished().items()
    assert sorted(finished()) == sorted(spec.key for spec in batch.specs)
