"""``lesionlib init``: a project in a new folder, whole or not at all."""

import errno
import shutil

import pytest

from lesionlib import runs
from lesionlib.errors import InputError, LesionlibError
from lesionlib.runs import founding

TOP = ("_config.yml", "_toc.yml", "CITATION.cff")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A library with a tiny project beside it, as in a checkout."""
    root = tmp_path / "checkout"
    for name in ("lesionlib", "book/__pycache__", "notebooks/profiles", "results/01_toy/aaaaaaaaaaaa"):
        (root / name).mkdir(parents=True)
    for name in ("lesionlib/__init__.py", *TOP, "book/welcome.md", "book/__pycache__/a.pyc"):
        (root / name).write_text(name)
    (root / "notebooks" / "profiles" / "quick.yml").write_text("profile: quick")
    (root / "results" / "01_toy" / "aaaaaaaaaaaa" / "run.json").write_text("{}")
    monkeypatch.setattr(founding.lesionlib, "__file__", str(root / "lesionlib" / "__init__.py"))
    return root


COPIED = [
    "CITATION.cff",
    "_config.yml",
    "_toc.yml",
    "book/welcome.md",
    "notebooks/profiles/quick.yml",
    "results/01_toy/aaaaaaaaaaaa/run.json",
]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_from_a_checkout(checkout, tmp_path):
    made = runs.new_project(tmp_path / "deep" / "mine")
    assert made == tmp_path / "deep" / "mine"
    assert files(made) == COPIED
    assert runs.project_root(made / "notebooks") == made


def test_from_a_wheel(checkout, tmp_path):
    """There the parts stand in the package, and what stands beside it is not ours."""
    library = checkout / "lesionlib"
    (library / "project").mkdir()
    for name in (*TOP, "book", "notebooks"):
        shutil.move(checkout / name, library / "project" / name)
    shutil.move(checkout / "results", library / "results")
    (checkout / "book").mkdir()
    (checkout / "book" / "of_another_package.py").touch()
    assert files(runs.new_project(tmp_path / "mine")) == COPIED


def test_a_folder_that_is_there_is_left_alone(checkout, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="is there already: name a folder that is not"):
        runs.new_project(tmp_path / "mine")
    assert files(tmp_path / "mine") == []


def test_an_installation_that_lacks_a_part_makes_no_half_project(checkout, tmp_path):
    shutil.rmtree(checkout / "results")
    with pytest.raises(LesionlibError, match="results of the book is missing"):
        runs.new_project(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_full_disk_makes_no_half_project(checkout, tmp_path, monkeypatch):
    def copy(source, target):
        if source.name == "results":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        target.touch()

    monkeypatch.setattr(founding, "_copy", copy)
    with pytest.raises(InputError, match="the disk is full"):
        runs.new_project(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["checkout"]


def test_the_command(checkout, tmp_path, lesionlib_command):
    code, out, _ = lesionlib_command("init", tmp_path / "mine")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'mine'}: go there")
    assert files(tmp_path / "mine") == COPIED
