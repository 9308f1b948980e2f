"""book/_ext/figures.py: numbered tables, and references to what a page does not show."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

EXTENSIONS = Path(__file__).parents[2] / "book" / "_ext"
SETTINGS = f"""\
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_nb", "figures"]
nb_execution_mode = "off"
numfig = True
numfig_format = {{"table": "Book table %s"}}
nitpicky = True
root_doc = "notebooks/toy"
"""
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
)
NAMES = ("fig-toy-one", "tab-toy-one", "tab-toy-two", "fig-toy-empty", "fig-toy-onne")
PROSE = "# Toy\n\n" + ", ".join(f"{{numref}}`{name}`" for name in NAMES)


def cell(kind, word, data=None, **more):
    texts = {"name": f"{kind}-toy-{word}", "caption": f"About {word}.", **more}
    outputs = [nbformat.v4.new_output("display_data", data)] if data else []
    return nbformat.v4.new_code_cell("1", outputs=outputs, metadata={"mystnb": {"figure": texts}})


def table(word):
    return cell("tab", word, {"text/html": f"<table><td>{word}</td></table>"}, classes="numbered-table")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A page of two figures, one of them not drawn, and two tables; and what Sphinx says of it."""
    folder = tmp_path_factory.mktemp("book")
    cells = [nbformat.v4.new_markdown_cell(PROSE), table("one"), cell("fig", "one", {"image/png": PICTURE})]
    cells += [cell("fig", "empty"), table("two")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    (folder / "notebooks").mkdir()
    nbformat.write(notebook, folder / "notebooks" / "toy.ipynb")
    (folder / "conf.py").write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", str(folder), str(folder / "out")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return (folder / "out" / "notebooks" / "toy.html").read_text(encoding="utf-8"), answer.stderr


@pytest.fixture
def page(built):
    return built[0]


def test_tables_and_figures_are_counted_apart(page):
    captions = re.findall(r'<span class="caption-number">(.*?)</span><span class="caption-text">(.*?)</span>', page)
    assert [(number.strip(), text) for number, text in captions] == [
        ("Book table 1", "About one."),
        ("Fig. 1", "About one."),
        ("Book table 2", "About two."),
    ]


def test_references_lead_to_them(page):
    links = re.findall(r'href="#([\w-]+)"><span class="std std-numref">(.*?)</span>', page)
    assert links == [
        ("fig-toy-one", "Fig. 1"),
        ("tab-toy-one", "Book table 1"),
        ("tab-toy-two", "Book table 2"),
    ]
    for name, _ in links:
        assert re.search(rf'<figure[^>]* id="{name}"', page)


def test_a_figure_that_is_not_drawn_is_said_to_be_absent(page):
    assert "<em>a figure that is not drawn here</em>" in page


def test_a_name_that_stands_nowhere_is_a_mistake(built):
    complaints = [line for line in built[1].splitlines() if "WARNING" in line]
    assert len(complaints) == 1, complaints
    assert "fig-toy-onne" in complaints[0]
