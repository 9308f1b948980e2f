"""The house's rules: imports point down, the front door opens fast, files stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lesionlib"
FLOORS = {
    "errors": -1,
    "atomic": 0,
    "memory": 0,
    "numeric": 0,
    "packaged": 0,
    "net_folder": 1,
    "papers": 1,
    "datasets": 1,
    "metrics": 1,
    "runs": 1,
    "plots": 2,
    "audit": 2,
    "learners": 2,
    "generative": 2,
    "kit": 2,
    "probes": 3,
    "own_image": 4,
    "widgets": 5,
    "cli": 9,
    "__main__": 10,
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms of ours that a module imports, at its top or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lesionlib":
            rest = node.module.split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {name[1] for name in names if name[0] == "lesionlib" and len(name) > 1}
    return found - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path):
    room = room_of(path)
    if room == "__init__":
        return
    for other in imported_rooms(path) - {room}:
        assert FLOORS[other] < FLOORS[room], f"{room} imports {other}"


def test_every_room_has_a_floor():
    assert {room_of(path) for path in MODULES} - {"__init__"} == set(FLOORS)


def test_the_front_door_imports_nothing_heavy():
    heavy = "torch", "fastai", "timm", "pandas", "matplotlib", "sklearn", "papermill"
    code = f"import sys, lesionlib, lesionlib.cli; print([m for m in {heavy!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


THIN = {
    "datasets": 1960,
    "learners": 1000,
    "learners/augmentation": 480,
    "learners/networks": 140,
    "learners/schedules": 460,
    "metrics": 760,
    "metrics/decisions": 360,
    "metrics/readers": 280,
    "metrics/readers/simulation": 240,
}
APART = ["datasets/phantom", "datasets/readers", *(room for room in THIN if "/" in room)]


@pytest.mark.parametrize("room", THIN)
def test_the_core_stays_thin(room):
    """Thin means that a room leans on libraries; the papers' methods and the drawing of phantoms stand apart."""
    inside = {PACKAGE / other for other in APART if other.startswith(f"{room}/")}
    lines = sum(code_lines(path) for path in (PACKAGE / room).rglob("*.py") if not inside & set(path.parents))
    assert 0 < lines < THIN[room], lines


@pytest.mark.parametrize("path", sorted((PACKAGE / "datasets" / "readers").glob("*.py")), ids=lambda path: path.stem)
def test_a_reader_is_a_page_at_most(path):
    shared = path.stem == "tables"
    assert code_lines(path) <= (130 if shared else 60)


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    return len(ast.unparse(without_docstrings(ast.parse(path.read_text(encoding="utf-8")))).splitlines())


def without_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return tree
