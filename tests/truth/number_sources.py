"""Where a number in the prose may come from: papers' files, datasets' cards, the settings of the code beside it.

A source gives facts: a value, what it counts, and where it stands. A number rests on a fact of the same value, to the
last digit; percent rest on percent or on a share. Nothing is rounded.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import prose_numbers
from prose_walker import Section, code_tree

from lesionlib import datasets, packaged, papers, runs
from lesionlib.runs import spec

PROJECT = Path(__file__).parents[2]
# What a value counts: percent (or points of it) or other things; a share from 0 to 1 may be said in percent.
_KINDS = {"percent": "percent", "percentage points": "percent"}
_COUNT = "count"
_ANY = "any"
# Arguments that shape a picture or a printed table, and settle nothing of what is computed.
_LOOKS = {
    *("figsize", "fontsize", "linewidth", "alpha", "ncols", "nrows", "columns", "markersize", "rotation", "height"),
    *("aspect", "width", "pad", "s", "zorder", "color", "xlim", "ylim", "labelpad", "fliersize", "loc"),
    *("bbox_to_anchor", "decimals", "precision", "capsize", "width_ratios", "height_ratios", "hspace", "wspace"),
}


@dataclass(frozen=True)
class Fact:
    """A value that a source holds; `noun`, where it is there, has to follow the number."""

    value: float
    kind: str
    where: str
    noun: str = ""

    def carries(self, number: prose_numbers.Number) -> bool:
        """Whether `number` may rest on this fact."""
        if self.noun and not re.match(rf"(?: [\w-]+){{0,2}} {self.noun}", number.after):
            return False
        if number.is_percent:
            is_share = self.kind != "percent" and self.value == round(number.value / 100, 9) and self.value < 1
            return is_share or (self.kind in ("percent", _ANY) and self.value == number.value)
        if self.value == number.value:
            # A list such as "82.46 and 82.52" carries its sign at its end, perhaps a sentence later.
            return self.kind != "percent" or number.value != int(number.value)
        return self.kind == "percent" and round(self.value / 100, 9) == number.value


def printed_facts(section: Section, own_papers: set[str]) -> Iterator[Fact]:
    """Give what the papers, the datasets' cards and the project say of what `section` names."""
    for key in sorted(own_papers | named_papers(section.words)):
        yield from paper_facts(key)
    for name in sorted(named_datasets(section.words)):
        yield from card_facts(name)
    yield from library_facts()


def settings(code: list[str], where: str) -> Iterator[Fact]:
    """Give the settings that stand in pieces of code."""
    for text in code:
        yield from setting_facts(text, where)


def named_papers(text: str) -> set[str]:
    return {key for key in papers.available() if key in text}


def named_datasets(text: str) -> set[str]:
    """Names of datasets in `text`, also as people write them: MED-NODE, ISIC 2019."""
    plain = re.sub(r"[\s_-]", "", text.lower())
    return {name for name in datasets.cards.names() if name.replace("_", "") in plain}


@cache
def paper_facts(key: str) -> tuple[Fact, ...]:
    """Every number of a paper's file: values with their unit, and those that stand in its notes."""
    content = packaged.raw(f"papers/{key}.yaml")
    tables = content.pop("tables")
    found = [fact for name, table in tables.items() for fact in _table_facts(table, f"{key}.yaml, table {name}")]
    return (*found, *_facts(content, f"{key}.yaml"))


@cache
def card_facts(name: str) -> tuple[Fact, ...]:
    content = packaged.raw(f"datasets/cards/{name}.yaml")
    for part in ("files", "doi", "citation", "license_url"):
        content.pop(part, None)
    return tuple(_facts(content, f"the card of {name}"))


@cache
def library_facts() -> tuple[Fact, ...]:
    """What the library and the project say of themselves."""
    shares = inspect.signature(datasets.LesionDataset.with_split).parameters
    ours = [Fact(shares[name].default, _ANY, f"with_split({name}=)") for name in ("train", "valid", "test")]
    ours += [Fact(round(100 * fact.value, 9), _COUNT, fact.where) for fact in ours]
    to_be_had = [name for name in datasets.cards.names() if datasets.card(name).access.kind != "own"]
    key = spec.plan(PROJECT / "notebooks" / "09_audit.ipynb", {}, "none", "quick").key
    ours += [Fact(len(to_be_had), _COUNT, "the cards", "datasets"), Fact(len(key), _COUNT, "a key", "characters")]
    for chapter, sets in runs.load_profile("paper", PROJECT).chapters.items():
        ours.append(Fact(len(sets), _COUNT, f"paper.yml, {chapter}", "runs"))
    return tuple(ours)


def setting_facts(code: str, where: str) -> Iterator[Fact]:
    """Give the constants that code computes with; not what picks a column, rounds, or shapes a figure."""
    tree = code_tree(code)
    if tree is None:
        yield from (Fact(each.value, _ANY, where) for each in prose_numbers.numbers(code))
        return
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield Fact(abs(float(node.value)), _ANY, where)
        waiting += [child for child in ast.iter_child_nodes(node) if not _is_look(node, child)]


def _is_look(node: ast.AST, child: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return child is node.slice and isinstance(child, ast.Constant | ast.Slice | ast.UnaryOp | ast.Tuple)
    if isinstance(node, ast.keyword):
        return node.arg in _LOOKS
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return child in node.args and name in ("round", "head", "tail", "subplots", "reshape", "axhline", "axvline")
    return False


def _table_facts(table: dict[str, Any], where: str) -> Iterator[Fact]:
    units = table.get("units", {})
    for row in table["rows"]:
        for column, cell in zip(table["columns"], row, strict=True):
            yield from _facts(cell, where, _kind(units.get(column)))
    for column, total in table.get("totals", {}).items():
        yield from _facts(total, where, _kind(units.get(column)))
    yield from _facts([table["title"], table.get("note")], where)


def _facts(content: Any, where: str, kind: str = _COUNT) -> Iterator[Fact]:
    """Give the numbers in a piece of YAML; an entry's own unit holds for its values."""
    if isinstance(content, bool) or content is None:
        return
    if isinstance(content, int | float):
        yield Fact(float(content), kind, where)
    elif isinstance(content, str):
        for each in prose_numbers.numbers(content):
            yield Fact(each.value, "percent" if each.is_percent else _COUNT, f"{where}: {content[:60]!r}")
    elif isinstance(content, dict):
        for name, value in content.items():
            unit = content.get("unit") if name in ("value", "baseline", "difference", "sd") else None
            yield from _facts(value, f"{where}, {content.get('id', name)}", _kind_of(name, unit))
    else:
        for value in content:
            yield from _facts(value, where, kind)


def _kind_of(name: str, unit: str | None) -> str:
    return "percent" if name in ("accuracy", "error_rate") else _kind(unit)


def _kind(unit: str | None) -> str:
    return _KINDS.get(unit or "", _COUNT)
