"""`lesionlib sweep` where data are missing, where estimates stand in the file, and where it is stopped."""

from __future__ import annotations

import pytest
from toy_project import write_notebook

from lesionlib import datasets, runs
from lesionlib.cli.running import _with_data
from lesionlib.errors import InputError


@pytest.fixture
def command(project, monkeypatch, tmp_path, lesionlib_command):
    """Call the command in the project, with no dataset on the machine; give exit code, output and complaints."""
    monkeypatch.delenv("LESIONLIB_DATA", raising=False)
    monkeypatch.setenv("LESIONLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "fingerprint", lambda parameters: "f00d")

    return lesionlib_command


def sweep_file(project, text):
    path = project / "grid.yml"
    path.write_text(f"profile: grid\nchapters:\n{text}")
    return str(path)


def rows(out):
    return {words[0]: words[1:] for words in map(str.split, out.splitlines()) if words}


def test_a_plan_shows_its_size_though_data_are_not_here(command, project):
    write_notebook(project, "01_toy")
    write_notebook(project, "02_toy")
    text = "  01_toy: [{grid: {epochs: [1, 2]}, data: dermai, estimated_gpu_hours: 1.5}, {estimated_gpu_hours: 0.25}]\n"
    text += "  02_toy: [{data: mendes2018}]\n"
    code, out, err = command("sweep", sweep_file(project, text), "--dry-run")
    assert (code, err) == (0, "")
    heading = out.splitlines()[0]
    assert heading.split("before")[1].split() == ["no", "data", "here", "estimated", "GPU", "hours", "left"]
    assert rows(out)["01_toy"] == ["3", "1", "0", "0", "2", "3.2"]
    assert rows(out)["02_toy"] == ["1", "0", "0", "0", "1", "-"]
    assert rows(out)["all"] == ["4", "1", "0", "0", "3", "3.2"]
    assert "GPU hours are the estimates that the file gives, not measured; 1 run(s) have no estimate" in out
    assert "2 run(s) need dermai, which is not on this machine" in out
    assert "1 run(s) need mendes2018 (any of dermofit, mednode, atlas), which is not on this machine" in out
    assert not (project / "runs").exists()


def test_data_that_are_here_are_not_missing(command, project, monkeypatch, tmp_path):
    write_notebook(project, "01_toy")
    monkeypatch.setenv("LESIONLIB_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "mednode").mkdir(parents=True)
    # One source of a label map is enough; what nobody knows is left to the loading.
    text = "  01_toy: [{grid: {data: [mednode, mendes2018, phantom:mendes2018, mine]}}]\n"
    code, out, _ = command("sweep", sweep_file(project, text), "--dry-run")
    assert code == 0
    assert rows(out)["all"] == ["4", "4", "0", "0"]


def test_a_wrong_parameter_ends_it_before_anything_starts(command, project):
    write_notebook(project, "01_toy")
    code, out, err = command("sweep", sweep_file(project, "  01_toy: [{epochs: 1}, {data: dermai, epoch: 2}]\n"))
    assert (code, out) == (2, "")
    assert "unknown parameter epoch" in err


def test_a_worker_fetches_what_it_lacks_and_refuses_other_data(command, monkeypatch):
    fetched = []
    monkeypatch.setattr(datasets, "get", fetched.append)
    parameters = {"data": "mednode", "sources": ["phantom:ham10000", "ph2", "mine"]}
    _with_data(parameters, "f00d")
    assert fetched == ["mednode", "ph2"]
    with pytest.raises(InputError, match="mednode has the fingerprint f00d, expected beef as where the sweep was"):
        _with_data(parameters, "beef")


@pytest.mark.slow
def test_what_lacks_its_data_stops_no_other_and_is_told_in_the_end(command, project):
    path = write_notebook(project, "01_toy")
    code, out, err = command("sweep", sweep_file(project, "  01_toy: [{epochs: 1}, {data: dermai}]\n"))
    assert code == 2
    assert "1 of 2 run(s) did not end well: no dermai on this machine" in err
    assert runs.plan_sweep([runs.plan(path, {"epochs": 1}, "f00d", "grid")]).todo == []
    told = [line for line in out.splitlines() if "no data here" in line and line.startswith("01_toy")]
    assert len(told) == 1 and told[0].split()[1] == "-"
