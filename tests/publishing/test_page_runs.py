"""Which run becomes a page: one a chapter, of the profile where its data are here, else on phantoms."""

import nbformat
import pytest

from lesionlib import datasets, runs
from lesionlib.cli import running
from lesionlib.errors import InputError
from lesionlib.runs import execution, schema
from lesionlib.runs.spec import seen_digest

REAL = """\
profile: real
chapters:
  01_toy: [{data: ham10000, seed: 1}, {data: ham10000, seed: 2}]
  02_toy: [{data: ph2}]
  03_toy: [{seed: 7}]
"""
QUICK = "profile: quick\nchapters: {01_toy: [{}], 02_toy: [{}], 03_toy: [{}, {seed: 5}]}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Four chapters; the real profile names two, the quick one three. HAM10000 is here, PH2 is not."""
    for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "notebooks" / "profiles").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/welcome\n")
    for name, text in {"real": REAL, "quick": QUICK}.items():
        (tmp_path / "notebooks" / "profiles" / f"{name}.yml").write_text(text)
    for chapter in ("01_toy", "02_toy", "03_toy", "04_toy"):
        cells = [
            nbformat.v4.new_code_cell("data = 'phantom:toy'\nseed = 0", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell("print(seed)"),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / f"{chapter}.ipynb")
    available = {"ham10000": True, "ph2": False}
    monkeypatch.setattr("lesionlib.cli.pages.availability", lambda: lambda name: available.get(name, True))
    monkeypatch.setattr(datasets, "fingerprint", lambda parameters: f"f{parameters['data'][-1]}")
    monkeypatch.setattr(runs, "run_batch", lambda specs: runs.Batch([finish(spec) for spec in specs]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finish(spec):
    """Leave what an execution of a run leaves, without executing anything."""
    folder = runs.folder_of(spec)
    folder.mkdir(parents=True)
    (folder / execution.NOTEBOOK).write_text("{}")
    about = {
        "chapter": spec.chapter,
        "key": spec.key,
        "profile": spec.profile,
        "status": "finished",
        "parameters": spec.parameters,
        "data": spec.parameters["data"],
        "fingerprint": spec.fingerprint,
        "seed": spec.parameters["seed"],
        "device": "cpu",
        "classes": [],
        "versions": {},
        "code": spec.code,
        "seen": seen_digest(spec.chapter, spec.key, runs.runs_root()),
        "started": f"2026-01-01T00:00:{len(list(folder.parents[1].glob('*/*'))):02}+00:00",
    }
    schema.write(folder / "run.json", schema.checked(about, schema.RunFile, "run"))
    return folder


def shown(pages):
    """For each page: which profile asked for its run, its data and its seed."""
    about = {chapter: schema.read(folder / "run.json", runs.RunFile) for chapter, folder in pages.items()}
    return {chapter: (run.profile, run.data, run.parameters["seed"]) for chapter, run in about.items()}


def made(project):
    return len(list((project / "runs").glob("0*/*/run.json")))


def test_one_run_a_page(project, capfd):
    expected = {
        "01_toy": ("real", "ham10000", 1),
        "02_toy": ("quick", "phantom:toy", 0),
        "03_toy": ("real", "phantom:toy", 7),
    }
    assert shown(running.finished_pages("real")) == expected
    said = capfd.readouterr().err
    assert "02_toy: no ph2 on this machine: its page is run on phantoms\n" in said
    assert "03_toy: no" not in said
    assert made(project) == 3

    # What is finished is shown and not made again; of several runs the newest is the page.
    assert shown(running.finished_pages("real")) == expected
    assert made(project) == 3
    notebook = project / "notebooks" / "01_toy.ipynb"
    finish(runs.plan(notebook, {"data": "ham10000", "seed": 2}, "f0", "real"))
    assert shown(running.finished_pages("real")) == expected | {"01_toy": ("real", "ham10000", 2)}
    assert made(project) == 4

    # Of the quick pages one stands already; where several are listed, the first is made.
    quick = running.finished_pages("quick")
    assert shown(quick) == dict.fromkeys(expected, ("quick", "phantom:toy", 0))
    assert made(project) == 6


def test_a_profile_without_any_of_its_data_is_no_book(project, monkeypatch):
    monkeypatch.setattr("lesionlib.cli.pages.availability", lambda: lambda name: name.startswith("phantom:"))
    with pytest.raises(InputError, match="profile real: it needs ham10000, ph2, and none of it is on this machine"):
        running.finished_pages("real")
    assert not (project / "runs").exists()
