"""One version, said the same in every place; a wheel and a source distribution that hold what they must."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import lesionlib
from lesionlib import papers
from lesionlib.runs import founding

PROJECT = Path(__file__).parents[2]
# What may stand in a checkout beside the project, at its top or anywhere.
AT_THE_TOP = {".git", ".venv", ".hypothesis", "_build", "build", "dist", "lesionlib.egg-info", "runs"}
ANYWHERE = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", ".*_cache")
BUILD = "from setuptools import build_meta; print(build_meta.build_{kind}({to!r}))"
# What a user of the installed package does first; prints what is compared.
USE = """
import json, sys
import lesionlib as ll

frame = ll.datasets.load("phantom:ham10000", n=70, size=32).frame
print(json.dumps({
    "file": ll.__file__,
    "heavy": "torch" in sys.modules,
    "papers": sorted(ll.papers.available()),
    "claims": len(ll.papers.load("lucius2020").claims),
    "images": len(frame),
    "results": str(ll.runs.results_root()),
    "runs": len(ll.runs.table(chapter="01_data")),
    "code": ll.runs.spec.code_digest(__import__("pathlib").Path(sys.argv[1])),
}))
"""


def test_one_version():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d\S*)\] - (unreleased|\d{4}-\d\d-\d\d)$", changes, re.MULTILINE)
    assert project["version"] == lesionlib.__version__ == citation["version"] == released[0][0]
    # A version has a day in both places, or in none.
    assert str(citation.get("date-released", "unreleased")) == released[0][1]
    assert set(citation["license"]) <= set(project["license"].split(" AND "))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source distribution, built from a copy: a build leaves its traces in the folder that it works in."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(
        PROJECT,
        folder / "copy",
        ignore=lambda at, names: ANYWHERE(at, names) | (AT_THE_TOP if Path(at) == PROJECT else set()),
    )
    return folder / build("sdist", folder / "copy", folder)


@pytest.fixture(scope="module")
def wheel(sdist):
    """The wheel, built from what the source distribution holds, without network."""
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent / "unpacked", filter="data")
    (source,) = (sdist.parent / "unpacked").iterdir()
    return sdist.parent / build("wheel", source, sdist.parent)


def build(kind, source, to):
    program = BUILD.format(kind=kind, to=str(to))
    answer = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout.splitlines()[-1]


def project_files(copy):
    """Files of the project that a wheel carries, by their place in it; of the copy, since a checkout is worked in."""
    found = {}
    for part in founding.PARTS:
        for path in [copy / part, *(copy / part).rglob("*")]:
            inside = path.relative_to(copy)
            hidden = any(word == "__pycache__" or word.startswith(".") for word in inside.parts)
            if path.is_file() and not hidden:
                place = inside.as_posix()
                found[f"lesionlib/{place}" if part == "results" else f"lesionlib/project/{place}"] = path
    return found


@pytest.mark.slow
def test_the_source_distribution_is_the_project(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {
        path.relative_to(sdist.parent / "copy").as_posix() for path in project_files(sdist.parent / "copy").values()
    }
    wanted |= {"README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md", "Makefile", "constraints.txt", "setup.py"}
    wanted |= {"tests/publishing/test_release.py", ".github/workflows/book.yml", "binder/runtime.txt"}
    assert sorted(wanted - names) == []


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_the_project(wheel):
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    copy = wheel.parent / "copy"
    files = project_files(copy)
    library = {
        path.relative_to(copy).as_posix(): path
        for path in (copy / "lesionlib").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    inside = {name for name in sizes if ".dist-info/" not in name}
    assert inside == set(files) | set(library)
    assert {name: sizes[name] for name in files} == {name: path.stat().st_size for name, path in files.items()}
    assert sum(name.endswith(".ipynb") for name in inside) == len(list((copy / "notebooks").glob("*.ipynb")))
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in sizes)


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_folder(wheel, tmp_path, monkeypatch):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {"PATH": "", "PYTHONPATH": str(tmp_path / "site"), "LESIONLIB_CACHE": str(tmp_path / "cache")}

    def python(*words, folder=empty):
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    notebook = wheel.parent / "copy" / "notebooks" / "01_data.ipynb"
    answer = python("-c", USE, str(notebook))
    assert answer.returncode == 0, answer.stderr[-2000:]
    found = json.loads(answer.stdout)
    assert Path(found["file"]).is_relative_to(tmp_path / "site")
    assert found["results"] == str(tmp_path / "site" / "lesionlib" / "results")
    assert not found["heavy"]
    assert found["papers"] == papers.available()
    assert found["claims"] > 5
    assert found["images"] == 70
    assert found["runs"] > 0
    # The same code has the same digest, wherever it stands: a run of one is not stale to the other.
    monkeypatch.setattr(lesionlib, "__file__", str(wheel.parent / "copy" / "lesionlib" / "__init__.py"))
    assert found["code"] == lesionlib.runs.spec.code_digest(notebook)

    answer = python("-m", "lesionlib", "run", "all")
    assert answer.returncode == 2
    assert "not in the book's project" in answer.stderr
    assert "`lesionlib init FOLDER`" in answer.stderr
    answer = python("-m", "lesionlib", "init", "my-book")
    assert answer.returncode == 0, answer.stderr
    mine = {path.relative_to(empty / "my-book").as_posix() for path in (empty / "my-book").rglob("*") if path.is_file()}
    copy = wheel.parent / "copy"
    assert mine == {path.relative_to(copy).as_posix() for path in project_files(copy).values()}
    answer = python(
        "-m", "lesionlib", "results", "list", "--chapter", "01_data", folder=empty / "my-book" / "notebooks"
    )
    assert answer.returncode == 0, answer.stderr
    assert "d14250ed78ed" in answer.stdout
