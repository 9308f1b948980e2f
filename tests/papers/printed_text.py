"""Finds in a paper's text what its YAML says was printed there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lesionlib.papers import Paper

WORDS = ["zero", "one|single", "two", "three", "four", "five", "six"]
WORDS += ["seven", "eight", "nine", "ten", "eleven", "twelve"]


@cache
def text_of(key: str) -> str:
    """The text of paper `key`, white space made even; skips the test where no copy is at hand."""
    beside = Path(__file__).parents[2].parent / "shared" / "papers"
    source = Path(os.environ.get("LESIONLIB_PAPERS") or beside) / f"{key}.txt"
    if not source.is_file():
        pytest.skip(f"no text of the paper: set LESIONLIB_PAPERS to a folder that holds {key}.txt")
    return " ".join(source.read_text(encoding="utf-8").split())


def printed_forms(value: float) -> set[str]:
    """The ways in which a paper may print `value`.

    75.5 as 75.5 or 75.50, 8015 as 8,015 too, 45000 as 45k, 0.003 as 3e-3, 0.0001 as 10^{-4}; never rounded.
    """
    forms = {f"{value:.{places}f}" for places in range(6)} | {f"{value:g}", repr(value), f"{value:.0e}"}
    exact = {form for form in forms if float(form) == value}
    exact |= {re.sub(r"e([+-])0+", r"e\1", form) for form in exact}
    exact |= {re.sub(r"^1e(-?)0*(\d+)$", r"10^{\1\2}", form) for form in exact}
    exact |= {f"{int(value) // 1000}k"} if value > 0 and value % 1000 == 0 else set()
    return exact | ({f"{int(value):,}"} if value == int(value) else set())


def number_pattern(value: float) -> str:
    """Finds `value` as printed, in digits or as a word up to twelve, and not as a part of another number."""
    forms = "|".join(re.escape(form) for form in sorted(printed_forms(value)))
    digits = rf"(?<!\d)(?<!\d[.,])(?:{forms})(?!\d|[.,]\d)"
    in_words = WORDS[int(value)] if value == int(value) and 0 <= value < len(WORDS) else None
    return rf"{digits}|\b(?i:{in_words})\b" if in_words else digits


def is_printed(value: float, text: str) -> bool:
    """Whether `text` holds `value`."""
    return bool(re.search(number_pattern(float(value)), text))


def is_in_pieces(value: float, text: str) -> bool:
    """Whether `text` holds `value` torn apart: 53.59 as 53.5 59 or 5 3.59, the digit at the tear once or twice."""
    forms = [
        "".join(rf"{re.escape(sign)}(?:\s(?:{re.escape(sign)})?)?" for sign in form) for form in printed_forms(value)
    ]
    return any(re.search(rf"(?<!\d){form}", text) for form in forms)


def sections(paper: Paper, text: str) -> dict[str, str]:
    """The text between each section's heading and the next one's; the abstract stands before the first."""
    headings = [(text.index(title), place) for place, title in paper.places.items() if place.startswith("Section")]
    assert headings == sorted(headings), "`places` lists sections in another order than the paper"
    ends = [start for start, _ in headings[1:]] + [len(text)]
    parts = {place: text[start:end] for (start, place), end in zip(headings, ends, strict=True)}
    return {**parts, "Abstract": text[: headings[0][0]]}


def own_words(entry: object, skip: set[str]) -> Iterator[str]:
    """Every text in `entry` (dicts, lists and texts within each other), without what stands under a key of `skip`."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for key, value in entry.items():
            if key not in skip:
                yield from own_words(value, skip)
    elif isinstance(entry, list | tuple):
        for value in entry:
            yield from own_words(value, skip)


def words(text: str) -> str:
    """Lower-case words and numbers, with single spaces between them."""
    return re.sub(r"[^a-z0-9.]+", " ", text.lower())
