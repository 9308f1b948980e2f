"""Each figure of a chapter has a number, a caption and a text for those who do not see it; so have the main tables.

They stand in the metadata of the cell that shows the figure, for MyST-NB:
``{"mystnb": {"figure": {"name": ..., "caption": ...}, "image": {"alt": ...}}}``. MyST-NB puts such a figure around
every output of the cell that is not a stream, with the same name each time: so such a cell displays one thing.
A table has a name and a caption there, and ``"classes": "numbered-table"`` (see book/_ext/figures.py).
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

from lesionlib import plots

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
PAGES = [*NOTEBOOKS, *sorted((Path(__file__).parents[2] / "book").glob("*.md"))]
DRAWN_BY_PLOTS = {
    name
    for name, function in inspect.getmembers(plots, inspect.isfunction)
    if function.__module__ == plots.__name__ and function.__annotations__.get("return") == "Figure"
}
RESULT = re.compile(r"\d[.,]\d|\d\s*%|\b\d{3,}\b")
REFERENCE = re.compile(r"\{(?:num)?ref\}`(?:[^`<]*<)?((?:fig|tab)-[^`>]+)>?`")


@dataclass(frozen=True)
class Cell:
    """A code cell, and what of it a reader is told."""

    chapter: str
    id: str
    source: str
    tree: ast.Module
    figure: dict = field(default_factory=dict)
    alt: str = ""

    @property
    def has_figure(self) -> bool:
        return bool(self.alt or self.figure) and not self.has_table

    @property
    def has_table(self) -> bool:
        return self.figure.get("classes") == "numbered-table"

    def __str__(self) -> str:
        return f"{self.chapter}, {self.id}"


def cells_of(path) -> list[Cell]:
    found = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            texts = cell.metadata.get("mystnb", {})
            told = {"figure": texts.get("figure", {}), "alt": texts.get("image", {}).get("alt", "")}
            found.append(Cell(path.stem, cell["id"], cell.source, ast.parse(cell.source), **told))
    return found


def names_of(node) -> list[str]:
    """`ll.plots.confusion(...)` -> ["ll", "plots", "confusion"]."""
    if isinstance(node, ast.Attribute):
        return [*names_of(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


def is_drawn(node, own: set[str]) -> bool:
    """Whether a piece of code makes a figure: by the house's plots, matplotlib, seaborn, pandas, a widget or `own`."""
    if isinstance(node, ast.Attribute) and node.attr == "figure":
        return names_of(node)[0] == "explorer"
    if not isinstance(node, ast.Call):
        return False
    names = names_of(node.func)
    return (
        (names[-2:-1] == ["plots"] and names[-1] in DRAWN_BY_PLOTS)
        or names in (["plt", "subplots"], ["plt", "figure"])
        or (names[0] == "sns" and names[-1].endswith(("plot", "map")))
        or names[-2:-1] == ["plot"]
        or names[-1] == "preview"
        or (len(names) == 1 and names[0] in own)
    )


def run_at_once(tree):
    """The nodes of a cell that run with it: not the bodies of its functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield node
            yield from run_at_once(node)


def drawers(cells: list[Cell]) -> set[str]:
    """The notebook's own functions that make a figure, by themselves or through one another."""
    functions = [node for cell in cells for node in ast.walk(cell.tree) if isinstance(node, ast.FunctionDef)]
    known: set[str] = set()
    while True:
        more = {one.name for one in functions if any(is_drawn(node, known) for node in ast.walk(one))}
        if more <= known:
            return known
        known |= more


def shows_a_figure(cell: Cell, own: set[str]) -> bool:
    return any(is_drawn(node, own) for node in run_at_once(cell.tree))


def words(text: str) -> int:
    return len(text.split())


def is_well_told(cell: Cell, kind: str) -> bool:
    key, caption = cell.chapter.split("_", 1)[1].replace("_", "-"), cell.figure["caption"]
    is_named = re.fullmatch(rf"{kind}-{key}(-[a-z0-9]+)+", cell.figure["name"])
    return bool(is_named) and 5 <= words(caption) <= 55 and caption[0].isupper() and caption.endswith(".")


@pytest.fixture(scope="module")
def all_cells():
    return [cell for path in NOTEBOOKS for cell in cells_of(path)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_has_the_texts_of_a_figure_if_it_shows_one(path):
    cells = cells_of(path)
    own = drawers(cells)
    assert [str(cell) for cell in cells if shows_a_figure(cell, own)] == [
        str(cell) for cell in cells if cell.has_figure
    ]


def test_the_sign_of_a_figure():
    """What the test above takes for a figure, on cells whose answer is known."""
    source = {
        "plots": "ll.plots.roc_grid(a, b, c)",
        "style": "ll.plots.use_style()",
        "matplotlib": "figure, ax = plt.subplots()",
        "pandas": "counts.plot.barh()",
        "seaborn": "colors = sns.color_palette('colorblind')",
        "helper": "def one():\n    return two()\n\n\ndef two():\n    return ll.plots.curves(a)",
        "shown": "if x:\n    display(one())",
        "widget": "display(explorer.figure)",
    }
    cells = [Cell("toy", name, text, ast.parse(text)) for name, text in source.items()]
    own = drawers(cells)
    assert own == {"one", "two"}
    shown = {cell.id for cell in cells if shows_a_figure(cell, own)}
    assert shown == {"plots", "matplotlib", "pandas", "shown", "widget"}


def test_there_are_figures_in_every_chapter(all_cells):
    counted = Counter(cell.chapter for cell in all_cells if cell.has_figure)
    assert set(counted) == {path.stem for path in NOTEBOOKS}
    assert sum(counted.values()) > 100


def test_a_figure_has_a_name_a_caption_and_an_alternative_text(all_cells):
    for cell in all_cells:
        if not cell.has_figure:
            continue
        assert set(cell.figure) == {"name", "caption"}, cell
        assert is_well_told(cell, "fig"), cell
        assert 10 <= words(cell.alt) <= 45, f"{cell}: {words(cell.alt)} words"
        assert cell.alt != cell.figure["caption"], cell
        assert cell.alt[0].isupper(), cell
        assert cell.alt.endswith("."), cell


def test_a_table_has_a_name_and_a_caption_above_it(all_cells):
    tables = [cell for cell in all_cells if cell.has_table]
    for cell in tables:
        assert set(cell.figure) == {"name", "caption", "caption_before", "classes"}, cell
        assert cell.figure["caption_before"] is True, cell
        assert is_well_told(cell, "tab"), cell
        assert not cell.alt, cell
    # A phantom is set beside no paper, and has no such table.
    assert {cell.chapter for cell in tables} == {path.stem for path in NOTEBOOKS} - {"00_phantoms"}


def test_no_result_is_typed(all_cells):
    """The profiles show other figures; a text that holds one of them would soon be wrong."""
    for cell in all_cells:
        for text in (cell.alt, cell.figure.get("caption", "")):
            assert not RESULT.search(text), f"{cell}: {text}"


@pytest.mark.parametrize(("text", "is_one"), [("an AUC of 0.93", 1), ("90 % of them", 1), ("1502 images", 1)])
def test_what_a_typed_result_looks_like(text, is_one):
    assert bool(RESULT.search(text)) == is_one
    assert not RESULT.search("EfficientNet-Lite0 on HAM10000, two panels, 13 copies")


def test_names_are_unique_in_the_book(all_cells):
    names = Counter(cell.figure["name"] for cell in all_cells if cell.figure)
    assert not [name for name, count in names.items() if count > 1]


def test_alternative_texts_are_unique_in_a_chapter(all_cells):
    texts = Counter((cell.chapter, cell.alt) for cell in all_cells if cell.alt)
    assert not [text for text, count in texts.items() if count > 1]


def test_references_lead_to_figures_and_tables(all_cells):
    """The build keeps quiet about a name that a cell has; what other pages name themselves is the build's affair."""
    names = {cell.figure["name"] for cell in all_cells if cell.figure}
    keys = {path.stem.split("_", 1)[1].replace("_", "-") for path in NOTEBOOKS}
    found = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join(cell.source for cell in nbformat.reads(text, 4).cells if cell.cell_type == "markdown")
        told = REFERENCE.findall(text)
        found += [(path.stem, name) for name in told if path in NOTEBOOKS or name.split("-", 1)[1].startswith((*keys,))]
    assert len(found) > 80
    assert [one for one in found if one[1] not in names] == []


def test_a_figure_stands_alone_in_its_cell(all_cells):
    """A second thing displayed would be a second figure of the same name and number: printed text would not."""
    for cell in all_cells:
        if not cell.figure:
            continue
        displayed = [
            node for node in run_at_once(cell.tree) if isinstance(node, ast.Call) and names_of(node.func) == ["display"]
        ]
        assert len(displayed) <= 1, f"{cell}: split it"
        inside = [
            node
            for loop in run_at_once(cell.tree)
            if isinstance(loop, ast.For | ast.While)
            for node in ast.walk(loop)
            if node in displayed
        ]
        assert not inside, f"{cell}: displays in a loop"
        last = cell.tree.body[-1]
        is_shown_as_well = isinstance(last, ast.Expr) and last.value not in displayed and displayed
        assert not is_shown_as_well or names_of(getattr(last.value, "func", last.value)) == ["print"], cell
