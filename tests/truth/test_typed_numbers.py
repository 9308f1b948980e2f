"""Every result-like number in the prose comes from a paper's file, a dataset's card, or the settings beside it.

A figure of our own has no such source: code has to fill it in (`display(Markdown(f"..."))`, a directive, a role).
What is neither and stays stands in ``accepted.yaml``, with the reason.
"""

from __future__ import annotations

import ast
import operator
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import prose_numbers
import prose_walker
import pytest
import yaml
from number_sources import PROJECT, Fact, named_papers, printed_facts, settings
from prose_walker import Passage, Section

PAGES = [
    *sorted((PROJECT / "notebooks").glob("*.ipynb")),
    *sorted((PROJECT / "book").glob("*.md")),
    *(PROJECT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
]
ACCEPTED = Path(__file__).with_name("accepted.yaml")


@dataclass(frozen=True)
class Accepted:
    """A text that may hold numbers, and the reason; `check` is arithmetic that has to come out true."""

    file: str
    says: str
    why: str
    check: str | None = None


@cache
def accepted() -> tuple[Accepted, ...]:
    return tuple(Accepted(**entry) for entry in yaml.safe_load(ACCEPTED.read_text(encoding="utf-8")))


@cache
def sections_of(path: Path) -> tuple[Section, ...]:
    if path.suffix == ".ipynb":
        return tuple(prose_walker.notebook_sections(path))
    return tuple(prose_walker.markdown_sections(path.read_text(encoding="utf-8"), path.name))


def own_papers(path: Path) -> set[str]:
    """The papers that a whole page is about: its name or title says so, or its code loads them by name."""
    sections = sections_of(path)
    if path.suffix != ".ipynb":
        return set()
    code = "\n".join(text for section in sections for text in section.code)
    title = next(section.title for section in sections if section.title)
    return named_papers(f"{path.stem} {title}") | set(re.findall(r'papers\.load\(\s*"(\w+)"', code))


@dataclass(frozen=True)
class Sources:
    """On what a section's numbers may rest."""

    printed: list[Fact]
    beside: list[Fact]
    chapter: list[Fact]

    def carry(self, passage: Passage, number: prose_numbers.Number) -> bool:
        # Code may name its own settings, wherever they stand; a figure that stands in a row is no source of itself.
        more = () if passage.is_row else self.chapter if passage.is_code else self.beside
        return any(fact.carries(number) for fact in (*self.printed, *more))


def sources(path: Path) -> list[tuple[Section, Sources]]:
    """Each section of a page with its sources; the parameters (the second code cell) are those of a whole chapter."""
    cells = [text for each in sections_of(path) for text in each.code]
    is_notebook = path.suffix == ".ipynb"
    chapter = list(settings(cells, path.name)) if is_notebook else []
    found = []
    for section in sections_of(path):
        printed = list(printed_facts(section, own_papers(path)))
        beside = list(settings([*cells[1:2], *section.code] if is_notebook else section.code, section.title))
        found.append((section, Sources(printed, beside, chapter)))
    return found


@cache
def unsourced(path: Path) -> list[tuple[Passage, prose_numbers.Number]]:
    """Numbers of a page that no source carries."""
    return [
        (passage, number)
        for section, known in sources(path)
        for passage in section.passages
        for number in prose_numbers.results(passage.text)
        if not known.carry(passage, number)
    ]


def covers(entry: Accepted, path: Path, passage: Passage, number: prose_numbers.Number) -> bool:
    at = passage.text.find(entry.says)
    return path.name == entry.file and at >= 0 and at <= number.start < at + len(entry.says)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_number_is_typed(path):
    typed = [
        f"{path.name}, {passage.where}: {number.shown!r} in {passage.text[max(0, number.start - 60) :][:120]!r}"
        for passage, number in unsourced(path)
        if not any(covers(entry, path, passage, number) for entry in accepted())
    ]
    advice = "no source holds these numbers: fill them in by code, or name the paper or the dataset they come from"
    assert not typed, "\n".join([advice, *typed])


@pytest.mark.parametrize("entry", accepted(), ids=lambda entry: f"{entry.file}: {entry.says[:40]}")
def test_what_is_accepted_is_still_said_and_needed(entry):
    path = next(path for path in PAGES if path.name == entry.file)
    assert any(covers(entry, path, *found) for found in unsourced(path)), "not in the text, or sourced: take it out"
    assert entry.why.strip()


@pytest.mark.parametrize("entry", [one for one in accepted() if one.check], ids=lambda entry: entry.check)
def test_arithmetic_of_what_is_accepted(entry):
    assert holds(entry.check)
    # It is about the numbers of the text.
    said = {number.value for number in prose_numbers.numbers(entry.says)}
    used = {node.value for node in ast.walk(ast.parse(entry.check)) if isinstance(node, ast.Constant)}
    assert said & used


def test_few_things_are_accepted():
    assert len(accepted()) <= 30


# --- the check itself can fail


@pytest.mark.parametrize(
    ("digits", "share"), [(2, 0.5), (3, 0.85), (4, 0.9)], ids=["two digits", "three digits", "four digits and more"]
)
def test_a_slip_of_a_digit_is_noticed(digits, share):
    """Of the numbers in the chapters' prose, changed in the last digit, this share no longer finds a source."""
    caught = [noticed for length, noticed in slips() if min(length, 4) == digits]
    assert len(caught) > 100
    assert sum(caught) / len(caught) >= share


@cache
def slips() -> tuple[tuple[int, bool], ...]:
    found = []
    for path in PAGES:
        for section, known in sources(path):
            sourced = (
                (passage, number)
                for passage in section.passages
                for number in prose_numbers.results(passage.text)
                if not passage.is_code and known.carry(passage, number)
            )
            for passage, number in sourced:
                length = len(re.sub(r"\D", "", number.shown).lstrip("0"))
                _, _, decimals = number.shown.partition(".")
                for step in (-2, -1, 1, 2):
                    value = round(number.value + step * 10 ** -len(decimals), 9)
                    slip = replace(number, value=value)
                    found.append((length, not known.carry(passage, slip)))
    return tuple(found)


# --- arithmetic, without evaluating code

_OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


def holds(check: str) -> bool:
    """Whether a comparison of numbers such as "224 * 224 * 3 == 150528" is true."""
    compared = ast.parse(check, mode="eval").body
    values = [_value(node) for node in (compared.left, *compared.comparators)]
    pairs = zip(values, compared.ops, values[1:], strict=False)
    return all(_OPERATIONS[type(compare)](low, high) for low, compare, high in pairs)


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp):
        return _OPERATIONS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.Call):
        assert node.func.id == "round"
        return round(*(_value(argument) for argument in node.args))
    return node.value


def test_arithmetic_can_fail():
    assert holds("2 * 3 == 6") and holds("1 < 2 <= 2") and holds("round(100 / 3, 1) == 33.3")
    assert not holds("2 * 3 == 7")
    assert not holds("1 < 2 < 2")
