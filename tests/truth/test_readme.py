"""Each claim of the README is one that a command or a file shows."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from number_sources import PROJECT
from prose_walker import quoted_code

from lesionlib import datasets
from lesionlib.datasets.readers import READERS

README = (PROJECT / "README.md").read_text(encoding="utf-8")
FENCES, SPANS = quoted_code(README)
MADE = {"_build/html", ".venv"}


def sentence(start: str) -> str:
    """The README's text from `start` to the end of its paragraph or list item, on one line."""
    plain = re.sub(r"\s*\n(?!\n|- )\s*", " ", README)
    return plain[plain.index(start) :].split("\n")[0]


def test_every_chapter_is_listed():
    listed = re.findall(r"\*\*(\d\d)\*\*", sentence("Chapters: "))
    assert listed == [path.stem[:2] for path in sorted((PROJECT / "notebooks").glob("*.ipynb"))]


def test_the_versions_of_python_are_those_of_the_package():
    low, high = re.search(r"Python 3\.(\d+) to 3\.(\d+)", README).groups()
    about = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert about["project"]["requires-python"] == f">=3.{low},<3.{int(high) + 1}"


def test_datasets_that_can_be_had_have_a_card_and_a_reader():
    to_be_had = [name for name in datasets.cards.names() if datasets.card(name).access.kind != "own"]
    assert "eleven datasets that can be had have a card and a reader" in sentence("- It runs on the real thing")
    assert len(to_be_had) == 11
    assert set(to_be_had) <= set(READERS)


def test_stored_runs_are_on_the_datasets_that_it_names():
    files = (PROJECT / "results").glob("*/*/run.json")
    found = {json.loads(path.read_text(encoding="utf-8"))["data"] for path in files}
    assert "Finished runs on HAM10000 and PH2 are in `results/`" in sentence("- It runs on the real thing")
    assert {name for name in found if name in datasets.cards.names()} == {"ham10000", "ph2"}


def test_without_make_the_same_lines_are_run():
    """Windows users copy what the Makefile does: install, book, tests, notebooks, lab."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8").replace("$(PY)", ".venv/bin/python")
    made = {re.sub(r"--disable-pip-version-check |'|\"", "", line.strip()) for line in makefile.splitlines()}
    code = next(text for language, text in FENCES if language == "bash" and "-m venv" in text)
    lines = [line.replace('"', "") for line in code.splitlines() if line.startswith(".venv/bin/python")]
    assert len(lines) == 5
    assert set(lines) <= made


def test_paths_and_links_are_there():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    paths = [span for span in SPANS if re.fullmatch(r"[\w./-]+", span) and ("/" in span or "." in span)]
    assert len(links) >= 4 and len(paths) >= 3
    missing = [path for path in (*links, *paths) if path not in MADE and not (PROJECT / path).exists()]
    assert missing == []


@pytest.mark.slow
def test_the_example_runs(monkeypatch, tmp_path, cache_folder, capsys):
    """As it stands, but for fewer and smaller phantoms and fewer epochs."""
    code = next(text for language, text in FENCES if language == "python")
    for full, small in {
        'load("phantom:ham10000")': 'load("phantom:ham10000", n=70, size=32)',
        "size=96": "size=32",
    }.items():
        assert code.count(full) == 1
        code = code.replace(full, small)
    assert code.count("fine_tune(3,") == 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LESIONLIB_CACHE", str(cache_folder))
    exec(compile(code.replace("fine_tune(3,", "fine_tune(1,"), "README.md", "exec"), {})
    assert "balanced_accuracy" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
