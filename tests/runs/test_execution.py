import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from filelock import FileLock
from toy_project import RECORD, new_project, write_notebook

from lesionlib import runs
from lesionlib.errors import InputError, LesionlibError
from lesionlib.runs import execution, store

NAPS = "import pathlib, time\npathlib.Path(MARK).touch()\ntime.sleep(60)\nvalue = 1.0"


def plan(project, chapter="01_toy", parameters=None, **parts):
    return runs.plan(write_notebook(project, chapter, **parts), parameters or {}, "f00d")


def no_kernel(monkeypatch, error=None):
    def refuse(spec, output):
        raise error or AssertionError("a kernel was started")

    monkeypatch.setattr(execution, "_papermill", refuse)


def parts_of(project):
    return list((project / "runs" / ".part").glob("*"))


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """A batch executed once: two good runs, and one each that raises, refuses, says nothing and lies."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR"):
            patch.delenv(name, raising=False)
        project = new_project(tmp_path_factory.mktemp("batch"))
        patch.chdir(project)
        refuses = "from lesionlib.errors import InputError\nraise InputError('x.csv: no such file\\nelse')"
        specs = [
            plan(project, "01_toy", {"epochs": 2, "clinical": ["age"]}),
            plan(project, "02_raises", compute="value = 1 / 0"),
            plan(project, "03_refuses", compute=refuses),
            plan(project, "04_silent", record="pass", look="pass"),
            plan(project, "05_lies", record=RECORD.replace("epochs=epochs", "epochs=9")),
            plan(project, "06_toy"),
        ]
        yield project, specs, runs.run_batch(specs)


@pytest.fixture
def done(batch, monkeypatch):
    project, specs, result = batch
    monkeypatch.chdir(project)
    for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    return project, specs, result


def test_a_run_is_placed_whole(done):
    project, specs, result = done
    folder = project / "runs" / "01_toy" / specs[0].key
    assert result.finished[0] == folder
    run = json.loads((folder / "run.json").read_text())
    assert run["status"] == "finished"
    assert run["profile"] == "quick"
    assert run["parameters"]["clinical"] == ["age"]
    assert run["code"] == specs[0].code
    assert run["seconds"] > 0
    notebook = json.loads((folder / "notebook.ipynb").read_text())
    assert all(cell.get("execution_count") for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert runs.load(specs[0].key).metrics["value"].tolist() == [0.7]
    assert parts_of(project) == []


def test_a_page_repeats_only_the_parameters_that_were_changed(done):
    project, specs, _ = done
    injected = {}
    for spec in (specs[0], specs[-1]):
        text = (project / "runs" / spec.chapter / spec.key / "notebook.ipynb").read_text()
        cells = [c for c in json.loads(text)["cells"] if "injected-parameters" in c["metadata"].get("tags", [])]
        injected[spec.chapter] = "".join(line for cell in cells for line in cell["source"])
    assert "epochs = 2" in injected["01_toy"]
    assert "verbose" not in injected["01_toy"]
    assert injected["06_toy"] == ""


def test_a_page_shows_its_own_run(done):
    project, specs, _ = done
    text = (project / "runs" / "01_toy" / specs[0].key / "notebook.ipynb").read_text()
    assert "current" in text
    assert specs[0].key in text


def test_the_batch_goes_on_after_failures(done):
    _, specs, result = done
    assert [path.name for path in result.finished] == [specs[0].key, specs[5].key]
    lines = [str(error) for error in result.failed]
    assert all("\n" not in line for line in lines)
    assert [line.split()[0] for line in lines] == ["02_raises", "03_refuses", "04_silent", "05_lies"]
    reasons = [
        "ZeroDivisionError: division by zero",
        "x.csv: no such file",
        "without recording anything",
        "epochs = 9, but ran with 1",
    ]
    for line, reason in zip(lines, reasons, strict=True):
        assert reason in line
    kinds = [isinstance(error, InputError) for error in result.failed]
    assert kinds == [False, True, False, False]


def test_a_failed_run_is_kept_with_its_traceback(done):
    project, specs, _ = done
    folder = project / "runs" / "failed" / "02_raises" / specs[1].key
    assert "ZeroDivisionError" in (folder / "notebook.ipynb").read_text()
    text = (folder / "error.txt").read_text()
    assert "value = 1 / 0" in text
    assert "\x1b" not in text
    assert not (project / "runs" / "02_raises").exists()
    assert set(runs.table()["chapter"]) == {"01_toy", "06_toy"}


def test_what_is_finished_is_not_run_again(done, monkeypatch):
    _, specs, _ = done
    no_kernel(monkeypatch)
    assert runs.pending([*specs, *specs]) == specs[1:5]
    assert runs.execute(specs[0]).name == specs[0].key
    assert "LESIONLIB_RUN_DIR" not in os.environ


def test_a_stale_quick_run_is_pending_a_stale_real_run_is_kept(done):
    project, specs, _ = done
    spec = specs[5]
    path = project / "runs" / "06_toy" / spec.key / "run.json"
    before = path.read_text()
    write_notebook(project, "06_toy", look="'another figure'")
    try:
        changed = runs.plan(spec.notebook, {}, "f00d")
        assert changed.key == spec.key
        assert runs.pending([changed]) == [changed]
        path.write_text(json.dumps(json.loads(before) | {"profile": "real"}))
        assert runs.pending([changed]) == []
        assert runs.table("06_toy")["stale"].tolist() == [True]
    finally:
        write_notebook(project, "06_toy")
        path.write_text(before)


def test_a_quick_page_is_run_again_when_results_come_in(done, monkeypatch, tmp_path):
    _, specs, _ = done
    results = tmp_path / "results" / "01_toy" / "aaaaaaaaaaaa"
    results.mkdir(parents=True)
    (results / "metrics.json").write_text("{}")
    monkeypatch.setenv("LESIONLIB_RESULTS", str(tmp_path / "results"))
    assert runs.pending([specs[0]]) == [specs[0]]


def test_a_failed_one_that_now_works_is_no_longer_kept_as_failed(project, monkeypatch):
    spec = plan(project)
    no_kernel(monkeypatch, RuntimeError("kernel died"))
    with pytest.raises(runs.RunFailed, match="kernel died"):
        runs.execute(spec)
    assert (project / "runs" / "failed" / "01_toy" / spec.key / "error.txt").is_file()
    monkeypatch.undo()
    monkeypatch.chdir(project)
    runs.execute(spec)
    assert not (project / "runs" / "failed" / "01_toy" / spec.key).exists()


def test_rerun_replaces_only_when_it_ends_well(project, monkeypatch):
    spec = plan(project)
    folder = runs.execute(spec)
    before = (folder / "run.json").stat().st_mtime_ns
    no_kernel(monkeypatch, RuntimeError("kernel died"))
    with pytest.raises(runs.RunFailed):
        runs.rerun(spec)
    assert (folder / "run.json").stat().st_mtime_ns == before
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert runs.rerun(spec) == folder
    assert (folder / "run.json").stat().st_mtime_ns > before
    assert parts_of(project) == []


def test_a_second_writer_gets_one_line(project, monkeypatch):
    no_kernel(monkeypatch)
    spec = plan(project)
    locks = project / "runs" / ".locks"
    locks.mkdir(parents=True)
    with FileLock(locks / f"01_toy-{spec.key}.lock"):
        (busy,) = runs.run_batch([spec]).failed
    assert isinstance(busy, InputError)
    assert "is being run by another process" in str(busy)


def test_leftovers_go_but_not_those_of_a_living_run(project, monkeypatch):
    no_kernel(monkeypatch, RuntimeError("no"))
    part = project / "runs" / ".part"
    dead, alive = part / "02_toy-aaaaaaaaaaaa-1", part / "03_toy-bbbbbbbbbbbb-2"
    dead.mkdir(parents=True)
    alive.mkdir()
    (project / "runs" / ".locks").mkdir()
    with FileLock(project / "runs" / ".locks" / "03_toy-bbbbbbbbbbbb.lock"):
        runs.run_batch([plan(project)])
        assert parts_of(project) == [alive]
    runs.run_batch([plan(project)])
    assert parts_of(project) == []


def test_a_full_disk_stops_the_batch_with_one_line(project, monkeypatch):
    no_kernel(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(InputError, match="the disk is full") as caught:
        runs.run_batch([plan(project), plan(project, "02_toy")])
    assert "\n" not in str(caught.value)
    assert parts_of(project) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_is_one_line(project):
    (project / "runs").mkdir()
    (project / "runs").chmod(0o555)
    with pytest.raises(InputError, match="no permission to write"):
        runs.execute(plan(project))


def test_a_run_that_cannot_be_put_in_place_leaves_the_earlier_one(project, monkeypatch):
    spec = plan(project)
    folder = project / "runs" / "01_toy" / spec.key
    folder.mkdir(parents=True)
    (folder / "old").touch()
    part = project / "part"
    part.mkdir()
    rename = store.Path.rename

    def fails(self, target):
        if self == part:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(store.Path, "rename", fails)
    with pytest.raises(OSError, match="No space"):
        store.put_in_place(part, folder)
    assert [path.name for path in folder.iterdir()] == ["old"]


DRIVER = """
import signal, sys
from lesionlib import runs
# A shell starts background jobs, such as a CI step, with Ctrl-C ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
runs.run_batch([runs.plan(path, {}, "f00d") for path in sys.argv[1:]])
"""


def started_batch(project, mark, *notebooks):
    program = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *map(str, notebooks)],
        cwd=project,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(1200):
        if mark.exists() or program.poll() is not None:
            break
        time.sleep(0.1)
    assert mark.exists()
    return program


def test_a_killed_batch_takes_up_where_it_stopped(project):
    mark = project / "mark"
    first = write_notebook(project, "01_toy")
    second = write_notebook(project, "02_toy", compute=NAPS.replace("MARK", repr(str(mark))))
    program = started_batch(project, mark, first, second)
    program.kill()
    program.communicate()
    assert [path.name.split("-")[0] for path in parts_of(project)] == ["02_toy"]
    assert not (project / "runs" / "02_toy").exists()

    write_notebook(project, "02_toy")
    specs = [runs.plan(path, {}, "f00d") for path in (first, second)]
    assert runs.pending(specs) == [specs[1]]
    assert runs.run_batch(specs).failed == []
    assert parts_of(project) == []
    assert runs.pending(specs) == []


def test_ctrl_c_leaves_nothing(project):
    mark = project / "mark"
    path = write_notebook(project, "01_toy", compute=NAPS.replace("MARK", repr(str(mark))))
    program = started_batch(project, mark, path)
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=120)
    assert program.returncode in (130, -signal.SIGINT)
    assert "stopped; nothing of it is kept" in said
    assert parts_of(project) == []
    assert not (project / "runs" / "01_toy").exists()
    assert not (project / "runs" / "failed").exists()


def test_a_dead_kernel_is_a_failure(project):
    spec = plan(project, compute="import os\nos._exit(3)")
    with pytest.raises(LesionlibError, match="DeadKernelError"):
        runs.execute(spec)
    assert "DeadKernelError" in (project / "runs" / "failed" / "01_toy" / spec.key / "error.txt").read_text()


def test_plain_papermill_records_an_interactive_run(project):
    import papermill

    path = write_notebook(project, "01_toy")
    papermill.execute_notebook(
        str(path), str(project / "out.ipynb"), {"epochs": 3}, kernel_name="python3", progress_bar=False
    )
    table = runs.table()
    assert table[["origin", "epochs", "value"]].to_numpy().tolist() == [["interactive", 3, 0.8]]
