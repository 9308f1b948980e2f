"""The page on adding a dataset, a network and a chapter, followed to the letter in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "book" / "extending.md"
LISTING = re.compile(r"^```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)^```$", re.M | re.S)
NEW = [
    "lesionlib/datasets/cards/toy_clinic.yaml",
    "lesionlib/datasets/readers/toy_clinic.py",
    "lesionlib/datasets/phantom/populations/toy_clinic.yaml",
    "lesionlib/datasets/phantom/layouts/toy_clinic.py",
    "tests/datasets/test_readers_toy_clinic.py",
    "lesionlib/learners/networks/three_stages.py",
    "tests/learners/test_three_stages.py",
    "lesionlib/papers/toy2026.yaml",
    "lesionlib/audit/plans/toy2026.yaml",
    "chapter.txt",
]
# Where a line of the page goes: after which line of which file.
ADDED = [
    ("lesionlib/datasets/readers/__init__.py", "from lesionlib.datasets.readers import (\n", "    toy_clinic,\n"),
    (
        "lesionlib/datasets/readers/__init__.py",
        "READERS: dict[str, Reader] = {\n",
        '    "toy_clinic": toy_clinic.read,\n',
    ),
    ("lesionlib/datasets/phantom/__init__.py", "VERSIONS = {\n", '    "toy_clinic": 1,\n'),
    ("notebooks/profiles/quick.yml", "chapters:\n", "  11_toy2026: [{}]\n"),
]
CHECK = """
import lesionlib as ll

drawn = ll.datasets.load("phantom:toy_clinic", n=20, size=32)
assert set(drawn.classes) == set(drawn.frame["label"]) == {"nevus", "melanoma"}
assert ll.papers.load("toy2026").claims["id"].tolist() == ["finds-melanoma", "beats-physicians"]
assert len(ll.audit.examine("toy2026")) == 1 and ll.audit.run("toy2026").empty

import pytest

tests = ["tests/datasets/test_readers_toy_clinic.py", "tests/learners/test_three_stages.py"]
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", *tests]))
"""


@pytest.fixture(scope="module")
def listings():
    return LISTING.findall(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory, listings):
    """A copy of the project with all that the page says to write."""
    root = tmp_path_factory.mktemp("project")
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    for part in ("lesionlib", "notebooks", "tools"):
        shutil.copytree(PROJECT / part, root / part, ignore=left_out)
    for part in ("tests/datasets", "tests/learners"):
        (root / part).mkdir(parents=True)
    helpers = ("conftest.py", "datasets/conftest.py", "datasets/tiny_ham10000.py", "datasets/fault_server.py")
    for name in (*helpers, "learners/conftest.py", "learners/tiny_lesions.py"):
        shutil.copyfile(PROJECT / "tests" / name, root / "tests" / name)
    for name in ("_toc.yml", "pyproject.toml"):
        shutil.copyfile(PROJECT / name, root / name)
    for name, text in listings:
        if name in NEW:
            (root / name).write_text(text, encoding="utf-8")
    for name, after, line in ADDED:
        text = (root / name).read_text(encoding="utf-8")
        assert text.count(after) == 1, name
        (root / name).write_text(text.replace(after, after + line), encoding="utf-8")
    imported = re.search(r"^from lesionlib\.learners\.networks\.three_stages import .+$", PAGE.read_text(), re.M)
    with (root / "lesionlib" / "learners" / "networks" / "__init__.py").open("a") as file:
        file.write(f"\n{imported[0]}\n")
    return root


@pytest.fixture
def python(copy, tmp_path_factory):
    """Run Python in the copy."""
    (copy / "results").mkdir(exist_ok=True)
    environment = os.environ | {
        "PYTHONPATH": str(copy),
        "LESIONLIB_CACHE": str(copy / "cache"),
        "LESIONLIB_DATA": "",
        "OMP_NUM_THREADS": "1",
    }
    for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR"):
        environment.pop(name, None)

    def call(*words):
        answer = subprocess.run(
            [sys.executable, *words], cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, f"{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"
        return answer.stdout

    return call


def test_the_page_holds_each_file_once_and_each_line(listings):
    names = [name for name, _ in listings]
    assert sorted(name for name in names if name != "book/references.bib") == sorted(NEW)
    page = PAGE.read_text(encoding="utf-8")
    for _, _, line in ADDED:
        assert line.strip().strip(",") in page, line


def test_what_the_page_names_is_there():
    """Files and tests that a reader is sent to, but for those that he writes himself."""
    page = LISTING.sub("", PAGE.read_text(encoding="utf-8"))
    named = set(re.findall(r"\b((?:tests|lesionlib|book|tools|benchmarks|notebooks)/[\w./]*\w)", page))
    missing = {name for name in named - set(NEW) if not (PROJECT / name).exists() and "11_toy2026" not in name}
    assert not missing


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# Title\n%% code\nx", "found '# Title', expected"),
        ("%% raw\nx", "found the cell 'raw', expected"),
        ("%% code look\n:name: fig-toy-one\n:caption: One.\nx", "found the figure 'fig-toy-one' without alt"),
    ],
)
def test_a_text_that_is_no_chapter_makes_no_notebook(tmp_path, text, says):
    source, target = tmp_path / "chapter.txt", tmp_path / "chapter.ipynb"
    source.write_text(text)
    command = [sys.executable, PROJECT / "tools" / "notebook_from_text.py", source, target]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1 and says in answer.stderr and len(answer.stderr.splitlines()) == 1
    assert not target.exists()


@pytest.mark.slow
def test_the_dataset_and_the_network(python):
    python("-c", CHECK)


@pytest.mark.slow
def test_the_chapter(python, copy):
    notebook = "notebooks/11_toy2026.ipynb"
    python("tools/notebook_from_text.py", "chapter.txt", notebook)
    python("-m", "ruff", "format", "--check", "--no-cache", notebook)
    python("-m", "ruff", "check", "--no-cache", notebook)
    (copy / "tests" / "notebooks").mkdir()
    for name in ("test_figure_texts.py", "test_teaching.py"):
        shutil.copyfile(PROJECT / "tests" / "notebooks" / name, copy / "tests" / "notebooks" / name)
    python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/notebooks")
    said = python("-m", "lesionlib", "run", "11_toy2026")
    (folder,) = (copy / "runs" / "11_toy2026").iterdir()
    assert {"run.json", "metrics.json", "predictions.parquet", "verdicts.json"} <= {p.name for p in folder.iterdir()}
    assert '"not testable here"' in (folder / "verdicts.json").read_text(), said
