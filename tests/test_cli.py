import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml

import lesionlib
from lesionlib import cli, datasets

PARAMETERS = "epochs = 1\nclinical = None"
CODE = """
from lesionlib import runs
rows = [{"split": "test", "metric": "accuracy", "value": 0.5 + 0.1 * epochs}]
runs.record("01_toy", dict(epochs=epochs, clinical=clinical), metrics=rows, fingerprint="f00d",
            data="ham10000", classes=[], seed=0, device="cpu")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project of one tiny chapter."""
    project = tmp_path_factory.mktemp("cli")
    (project / "notebooks" / "profiles").mkdir(parents=True)
    (project / "_toc.yml").write_text("format: jb-book\nroot: book/welcome\n")
    (project / "notebooks" / "profiles" / "quick.yml").write_text("profile: quick\nchapters: {01_toy: [{}]}\n")
    cells = [
        nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(CODE),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "notebooks" / "01_toy.ipynb")
    return project


@pytest.fixture
def command(folder, monkeypatch, lesionlib_command):
    """Call the command in the project; return its exit code, what it said and what it complained of."""
    for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(datasets, "fingerprint", lambda parameters: "f00d")

    return lesionlib_command


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nsys.argv = ['lesionlib', '--help']\nfrom lesionlib.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('heavy:', sorted({'torch', 'fastai', 'pandas', 'matplotlib', 'numpy', 'papermill'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "doctor" in answer.stdout
    assert answer.stdout.endswith("heavy: []\n")


def test_the_module_is_the_command():
    answer = subprocess.run([sys.executable, "-m", "lesionlib", "data", "--help"], capture_output=True, text=True)
    assert answer.returncode == 0
    assert "verify" in answer.stdout


def test_a_run_with_parameters_shows_in_the_results(command, folder):
    code, out, err = command("run", "01_toy", "-p", "epochs", "3", "-p", "clinical", "[age, sex]")
    assert (code, out) == (0, "")
    assert "started, epochs=3, clinical=['age', 'sex']" in err
    (made,) = (folder / "runs" / "01_toy").iterdir()
    run = json.loads((made / "run.json").read_text())
    assert run["parameters"] == {"epochs": 3, "clinical": ["age", "sex"]}

    code, out, err = command("run", "01_toy", "-p", "clinical=[age, sex]", "-p", "epochs=3")
    assert (code, err) == (0, "")
    assert f"01_toy {made.name}: finished already" in out

    code, out, _ = command("results", "list")
    assert code == 0
    assert made.name in out
    assert "age+sex" in out

    code, out, _ = command("results", "add", made.name[:6])
    assert code == 0
    assert (folder / "results" / "01_toy" / made.name / "metrics.json").is_file()
    code, out, _ = command("results", "add", made.name)
    assert "there already" in out

    shutil.rmtree(made)
    code, out, err = command("run", "01_toy", "-p", "clinical=[age, sex]", "-p", "epochs=3")
    assert (code, err) == (0, "")
    assert f"01_toy {made.name}: finished already, in results" in out
    assert not made.exists()

    code, _, err = command("run", "01_toy", "-p", "clinical", "[age, sex]", "-p", "epochs", "3", "--force")
    assert code == 0
    assert "started" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("run", "01_toy", "-p", "epoch", "3"),
            "unknown parameter epoch; known: epochs, clinical; did you mean epochs?",
        ),
        (("run", "01_toy", "-p", "epochs", "many"), "parameter epochs: found 'many'"),
        (("run", "01_toy", "-p", "epochs", "[1"), "-p epochs [1: no YAML"),
        (("run", "01_toy", "-p", "epochs"), "expected a name and a value"),
        (("run", "02_toy"), "profile quick has no chapter '02_toy'; it has: 01_toy"),
        (("run", "all", "--profile", "paper"), "no profile 'paper'"),
        (("book", "--profile", "paper"), "no profile 'paper'"),
        (("results", "add", "ffff"), "no finished run has the key ffff"),
        (("results", "diff", "ffff", "0000"), "no finished run has the key ffff"),
        (("results", "export", "table.xls"), "table.xls: found the ending '.xls', expected .csv or .parquet"),
        (("sweep", "nowhere.yml"), "nowhere.yml: cannot be read"),
        (("sweep", "notebooks/profiles/quick.yml", "--workers", "0"), "--workers: found 0, expected 1 or more"),
        (
            ("sweep", "notebooks/profiles/quick.yml", "--workers", "2", "--scheduler", "tcp://a:1"),
            "--workers 2: a cluster has its own workers",
        ),
        (("data", "card", "ham1000"), "ham1000"),
        (("data", "add", "ham10000", "--from", "/nowhere"), "/nowhere"),
        (("data", "get", "ham1000"), "no dataset is called 'ham1000'"),
        (("data", "get", "phantom:ham10000"), "there is nothing to get"),
        (("data", "card", "phantom:ham1000"), "no dataset is called"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(command, words, said):
    code, out, err = command(*words)
    assert code == 2
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


SWEEP = "profile: grid\nchapters:\n  01_toy: [{grid: {epochs: [7, 8], clinical: [null, [age]]}}]\n"


def test_a_sweep_is_planned_made_told_and_not_made_again(command, folder, tmp_path):
    grid = tmp_path / "grid.yml"
    grid.write_text(SWEEP)
    code, out, err = command("sweep", str(grid), "--dry-run")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].split() == ["all", "4", "4", "0", "0"]

    code, out, err = command("sweep", str(grid))
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines() if " of 4" in line] == [f"{n} of 4" for n in range(1, 5)]
    lines = [line.split() for line in out.splitlines() if " finished " in line and line.startswith("01_toy")]
    assert [(line[2], line[4:]) for line in lines] == [
        ("finished", [epochs, clinical]) for epochs in "78" for clinical in ("none", "age")
    ]
    assert command("sweep", str(grid))[1].splitlines()[-1].split() == ["all", "4", "0", "4", "0"]

    keys = [line[1] for line in lines]
    code, out, _ = command("results", "diff", keys[0], keys[2])
    assert code == 0
    assert "epochs 7            8" in out
    code, out, _ = command("results", "export", str(tmp_path / "runs.csv"))
    exported = pd.read_csv(tmp_path / "runs.csv")
    assert set(keys) <= set(exported["key"])
    assert out == f"{len(exported)} rows of {exported['key'].nunique()} runs: {tmp_path / 'runs.csv'}\n"


def test_what_failed_in_a_sweep_is_left_alone_until_it_is_asked_for(command, folder, tmp_path):
    notebook = nbformat.read(folder / "notebooks" / "01_toy.ipynb", 4)
    notebook.cells[1].source = "1 / (epochs - 1)\n" + CODE.replace("01_toy", "03_sometimes")
    nbformat.write(notebook, folder / "notebooks" / "03_sometimes.ipynb")
    grid = tmp_path / "grid.yml"
    grid.write_text("profile: grid\nchapters:\n  03_sometimes: [{grid: {epochs: [1, 2]}}]\n")
    code, out, err = command("sweep", str(grid))
    assert code == 1
    assert "1 of 2 run(s) did not end well: 03_sometimes" in err
    code, out, err = command("sweep", str(grid))
    assert (code, err) == (0, "")
    assert "1 run(s) failed before and are left alone: --retry makes them again" in out
    code, out, err = command("sweep", str(grid), "--retry")
    assert code == 1
    assert "1 of 1 run(s) did not end well" in err


def test_what_is_ours_is_one_line_and_exit_code_1(command, monkeypatch):
    def breaks():
        raise RuntimeError("a screw is loose")

    monkeypatch.setattr(datasets, "catalog", breaks)
    code, _, err = command("data", "list")
    assert code == 1
    assert err.startswith("lesionlib: RuntimeError: a screw is loose")
    assert "--debug" in err
    assert err.count("\n") == 1

    code, _, err = command("--debug", "data", "list")
    assert code == 1
    assert "Traceback" in err


def test_a_failed_run_is_exit_code_1(command, folder):
    notebook = nbformat.read(folder / "notebooks" / "01_toy.ipynb", 4)
    notebook.cells[1].source = "1 / 0"
    nbformat.write(notebook, folder / "notebooks" / "02_fails.ipynb")
    (folder / "notebooks" / "profiles" / "fails.yml").write_text("profile: fails\nchapters: {02_fails: [{}]}\n")
    code, _, err = command("run", "02_fails", "--profile", "fails")
    assert code == 1
    assert "1 of 1 run(s) did not end well" in err
    assert "ZeroDivisionError" in err
    assert (folder / "runs" / "failed" / "02_fails").is_dir()
    assert "Traceback" not in err.splitlines()[-1]


def test_ctrl_c_is_exit_code_130(command, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "catalog", interrupted)
    assert command("data", "list")[0] == 130


def test_outside_a_project(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("run", "all")
    assert code == 2
    assert "not in the book's project" in err


def test_verify_says_which_checks_failed(command, monkeypatch):
    found = datasets.Verification(
        pd.DataFrame({"check": ["images", "masks"], "expected": [10, 1], "found": [9, 1], "ok": [False, True]}),
        [f"a/{number}.jpg: not a whole image" for number in range(12)],
        pd.DataFrame(
            [("A", "C", "near", False), ("B", "D", "exact", True)],
            columns=["image_id_a", "image_id_b", "kind", "same_lesion"],
        ),
    )
    monkeypatch.setattr(datasets, "load", lambda name: name)
    monkeypatch.setattr(datasets, "verify", lambda dataset: found)
    code, out, err = command("data", "verify", "ham10000")
    assert code == 2
    assert "expected" in out
    assert "not as its card says: images;" in err
    assert out.count("not a whole image") == 10
    assert "... and 2 more like this" in out
    assert "near duplicates: A and C" in out
    assert "B and D" not in out


def test_data_list_fits_into_120_columns(command, monkeypatch, tmp_path):
    monkeypatch.setenv("LESIONLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("LESIONLIB_DATA", raising=False)
    (tmp_path / "data" / "ph2").mkdir(parents=True)
    code, out, _ = command("data", "list")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 120
    heading, *lines = out.splitlines()
    assert heading.split() == ["name", "title", "images", "here", "license", "access"]
    rows = {line.split()[0]: line.split() for line in lines}
    assert list(rows) == datasets.catalog()["name"].tolist()
    assert "no" in rows["ham10000"]
    assert rows["ham10000"][-4:] == ["CC", "BY-NC", "4.0", "open"]
    assert "yes" in rows["ph2"]
    assert rows["ph2"][-1] == "form"
    assert rows["phantom:ham10000"][-1] == "drawn"


def test_data_card(command):
    code, out, _ = command("data", "card", "ham10000")
    assert code == 0
    assert "license: CC BY-NC 4.0" in out
    assert "kind: open" in out
    code, out, _ = command("data", "card", "phantom:ham10000")
    assert code == 0
    card = yaml.safe_load(out)
    assert card["name"] == "phantom:ham10000"
    assert card["images"] == 700
    assert "no data about people" in card["traps"][0]
    assert card["classes"]["mel"] == {"title": "melanoma", "diagnosis": "melanoma", "category": "malignant"}


def test_data_get_says_what_came_and_where_it_is(command, monkeypatch):
    monkeypatch.setattr(datasets, "get", lambda name: datasets.Delivery(Path("cache/mednode"), ("a note", "another")))
    assert command("data", "get", "mednode") == (0, "a note\nanother\nmednode: cache/mednode\n", "")


def test_doctor_answers_even_where_something_is_broken(command, monkeypatch):
    def breaks():
        raise OSError("no such device")

    monkeypatch.setitem(cli.doctor._PROBES, "device", breaks)
    code, out, _ = command("doctor")
    assert code == 0
    assert lesionlib.__version__ in out
    assert "not found (OSError: no such device)" in out
    assert out.count("not found") == 1
    assert str(Path.cwd() / "runs") in out


def test_warnings_are_one_line(command, folder):
    damaged = folder / "runs" / "01_toy" / "dddddddddddd"
    damaged.mkdir(parents=True)
    code, _, err = command("results", "list")
    damaged.rmdir()
    assert code == 0
    assert err.startswith("warning: left out: ")
    assert err.count("\n") == 1
