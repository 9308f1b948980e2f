"""No picture of a dataset is published whose card forbids it: not on a page, not in a notebook, not in the project."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from number_sources import PROJECT
from prose_walker import code_tree

from lesionlib import datasets, runs

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
# What shows a picture (heat maps stand over one), and the words of a guard.
DRAWERS = {"image_grid", "heat_maps", "imshow", "preview"}
GUARDS = {"publish", "may_publish_images"}
# Chapter 00 holds phantoms alone. Elsewhere these variables do, whatever the chapter's data are.
ONLY_PHANTOMS = "00_phantoms"
PHANTOMS = {"03_bhardwaj2021": ["conflicts"], "08_nedelcu2021": ["shown", "masked"]}
RASTER = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ico", ".npy", ".npz", ".zip", ".pdf"}


@cache
def trees(path: Path) -> list[tuple[int, ast.Module]]:
    cells = nbformat.read(path, as_version=4).cells
    return [(k, code_tree(cell.source)) for k, cell in enumerate(cells) if cell.cell_type == "code"]


def words(node: ast.AST) -> set[str]:
    return {each.id if isinstance(each, ast.Name) else each.attr for each in ast.walk(node) if _is_word(each)}


def _is_word(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute)


def drawn(tree: ast.AST, drawers: set[str], is_guarded: bool = False) -> Iterator[tuple[ast.Call, bool]]:
    """Each call that draws, and whether a guard stands above it; a function counts where it is called."""
    if isinstance(tree, ast.FunctionDef):
        return
    if isinstance(tree, ast.If | ast.IfExp):
        inside = is_guarded or bool(words(tree.test) & GUARDS)
        for part in tree.body if isinstance(tree.body, list) else [tree.body]:
            yield from drawn(part, drawers, inside)
        for part in tree.orelse if isinstance(tree.orelse, list) else [tree.orelse]:
            yield from drawn(part, drawers, is_guarded)
        return
    if isinstance(tree, ast.Call) and called(tree) in drawers:
        yield tree, is_guarded
    for child in ast.iter_child_nodes(tree):
        yield from drawn(child, drawers, is_guarded)


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def drawing_functions(cells: list[tuple[int, ast.Module]]) -> set[str]:
    """The drawers, and the notebook's own functions that call one."""
    functions = [node for _, tree in cells for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    drawers, before = set(DRAWERS), set()
    while drawers != before:
        before = drawers
        drawers = before | {each.name for each in functions if any(_calls(each, before))}
    return drawers


def _calls(function: ast.FunctionDef, drawers: set[str]) -> Iterator[bool]:
    return (True for node in ast.walk(function) if isinstance(node, ast.Call) and called(node) in drawers)


def unguarded(cells: list[tuple[int, ast.Module]], phantoms: list[str]) -> list[str]:
    """Calls that draw without a guard, but for those in cells that draw the variables `phantoms`."""
    drawers = drawing_functions(cells)
    return [
        f"cell {number}: {ast.unparse(call)[:90]}"
        for number, tree in cells
        for call, is_guarded in drawn(tree, drawers)
        if not is_guarded and not words(tree) & set(phantoms)
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_picture_of_a_chapter_is_guarded(path):
    if path.stem == ONLY_PHANTOMS:
        return
    assert unguarded(trees(path), PHANTOMS.get(path.stem, [])) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_guard_asks_the_card(path):
    """Each guard is shut for real images that may not be published, and open for phantoms and for what may be."""
    found = [guard for _, tree in trees(path) for guard in guards(tree)]
    drawers = drawing_functions(trees(path))
    draws = any(is_guarded for _, tree in trees(path) for _, is_guarded in drawn(tree, drawers))
    assert bool(found) == draws
    for guard in found:
        assert not evaluated(guard, is_phantom=False, may_publish=False), ast.unparse(guard)
        assert evaluated(guard, is_phantom=False, may_publish=True), ast.unparse(guard)
        assert evaluated(guard, is_phantom=True, may_publish=True), ast.unparse(guard)


def guards(tree: ast.Module) -> Iterator[ast.expr]:
    """Expressions that ask a card: what `publish` is set to, and tests."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "publish" for target in node.targets):
            yield node.value
        elif isinstance(node, ast.If) and "may_publish_images" in words(node.test):
            yield node.test


def evaluated(guard: ast.expr, is_phantom: bool, may_publish: bool) -> bool:
    """What a guard says when every dataset that it names is of this kind."""
    one = SimpleNamespace(is_phantom=is_phantom, may_publish_images=may_publish)
    one.card = one
    names = {node.id for node in ast.walk(guard) if isinstance(node, ast.Name)} - {"all", "any"}
    # `teachers` stands for several, in a starred place.
    known = {name: [one] if name == "teachers" else one for name in names}
    return bool(eval(compile(ast.Expression(guard), "guard", "eval"), known))


@pytest.mark.parametrize("stem", sorted(PHANTOMS))
def test_what_is_called_a_phantom_is_one(stem):
    cells = trees(PROJECT / "notebooks" / f"{stem}.ipynb")
    for name in PHANTOMS[stem]:
        values = [
            ast.unparse(node.value)
            for _, tree in cells
            for node in outside_functions(tree)
            if isinstance(node, ast.Assign) and name in words(node.targets[0])
        ]
        assert values
        sure = r"load\(\s*'phantom:|if \w+\.is_phantom|^cue_reader\("
        assert all(re.search(sure, value) for value in values), (name, values)


def outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from outside_functions(child)


def test_an_unguarded_picture_is_noticed():
    def found(*sources):
        return len(unguarded([(k, ast.parse(source)) for k, source in enumerate(sources)], ["toys"]))

    assert found("ll.plots.image_grid(pictures)") == 1
    assert found("if publish:\n    ll.plots.image_grid(pictures)") == 0
    assert found("if publish:\n    pass\nelse:\n    ax.imshow(pictures)") == 1
    assert found("def show(x):\n    ax.imshow(x)", "show(pictures)") == 1
    assert found("def show(x):\n    ax.imshow(x)", "if publish and len(x):\n    show(pictures)") == 0
    assert found("ax.imshow(toys.image(0))") == 0


# --- a dataset that forbids it, through the cells of chapter 01


@pytest.fixture(params=[True, False], ids=["may be published", "may not"])
def of_chapter_01(request, monkeypatch, tmp_path):
    """Run chapter 01 up to its pictures, on images whose card allows or forbids it; give what was displayed."""
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    monkeypatch.setenv("LESIONLIB_CACHE", str(tmp_path))
    whole = datasets.load("phantom:ham10000", n=70, size=32)
    card = whole.card.model_copy(update={"may_publish_images": request.param})
    monkeypatch.setattr(datasets, "load", lambda name: replace(whole, name="ham10000", card=card))
    monkeypatch.setattr("IPython.display.display", lambda *shown: displayed.extend(shown))
    displayed, space = [], {}
    for _, tree in trees(PROJECT / "notebooks" / "01_data.ipynb"):
        exec(compile(tree, "01_data", "exec"), space)
        if any(drawn(tree, DRAWERS)):
            break
    plt.close("all")
    return request.param, [each for each in displayed if isinstance(each, Figure)]


def test_chapter_01_shows_no_picture_that_its_card_forbids(of_chapter_01):
    allowed, figures = of_chapter_01
    shown = [image for figure in figures for ax in figure.axes for image in ax.images]
    assert bool(shown) == allowed
    assert all(np.asarray(image.get_array()).ndim == 3 for image in shown)


# --- what is stored and what is published


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_picture_is_stored_in_a_notebook(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    outputs = [output for cell in content["cells"] for output in cell.get("outputs", [])]
    assert not [kind for output in outputs for kind in output.get("data", {}) if kind.startswith("image/")]
    assert "data:image/" not in path.read_text(encoding="utf-8")
    assert not any(cell.get("attachments") for cell in content["cells"])


def test_no_picture_is_committed():
    if not (PROJECT / ".git").exists():
        pytest.skip("no git repository: what is committed cannot be listed")
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True)
    files = listed.stdout.splitlines()
    assert len(files) > 100
    assert [name for name in files if Path(name).suffix.lower() in RASTER] == []


def test_no_picture_stands_in_results():
    files = [path for path in (PROJECT / "results").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".parquet"}


def executed() -> list[Path]:
    """Executed notebooks of runs on real images that may not be published."""
    found = []
    for path in sorted(runs.runs_root().glob("*/*/run.json")):
        name = json.loads(path.read_text(encoding="utf-8"))["data"]
        if name in datasets.cards.names() and not datasets.card(name).may_publish_images:
            found += path.parent.glob("*.ipynb")
    return found


def test_runs_on_such_images_show_none():
    """In the notebooks that the pages are made from, no cell that draws has an image."""
    notebooks = executed()
    if not notebooks:
        pytest.skip("no run on images that may not be published stands in runs/")
    for path in notebooks:
        chapter = path.parent.parent.name
        for cell in nbformat.read(path, as_version=4).cells:
            tree = code_tree(cell.source) if cell.cell_type == "code" else None
            if tree is None or words(tree) & set(PHANTOMS.get(chapter, [])) or not any(drawn(tree, DRAWERS)):
                continue
            kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
            assert "image/png" not in kinds, f"{path}: {cell.source[:80]}"
