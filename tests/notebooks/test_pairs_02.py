"""Chapter 02 pairs stored runs that differ in one thing only."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pandas as pd
import pytest

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_mendes2018.ipynb"
RUNS = pd.DataFrame(
    [
        ("a", True, "fine-tuned", 0),
        ("b", False, "fine-tuned", 0),
        ("c", True, "frozen", 0),
        ("d", True, "fine-tuned", 1),
        ("e", False, "fine-tuned", 1),
        ("f", False, "fine-tuned", 2),
    ],
    columns=["key", "pretrained", "body", "seed"],
)


@pytest.fixture
def pairs():
    """The notebook's function, over runs of our own."""
    (source,) = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if "def pairs(" in cell.source]
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "pairs"]
    names = {"base": RUNS, "training": ["pretrained", "body", "seed"]}
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    return names["pairs"]


def test_arms_that_are_true_and_false_are_paired_by_seed(pairs):
    assert pairs("pretrained", False, True) == [["b", "a"], ["e", "d"]]
    assert pairs("pretrained", True, False) == [["a", "b"], ["d", "e"]]


def test_arms_that_are_words_are_paired(pairs):
    assert pairs("body", "frozen", "fine-tuned") == [["c", "a"]]


def test_an_arm_without_runs_has_no_pair(pairs):
    assert pairs("body", "late stages", "fine-tuned") == []
