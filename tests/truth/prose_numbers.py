"""Which numbers of a text are results: all of them, but for what names, numbers or scales something.

Everything that looks like a number is caught unless one of the patterns below tells why it is none: a year, a table's
number, a size of images. So a new kind of figure is caught, not missed. Numbers in words are caught from eleven on;
smaller ones are turns of phrase too often ("one of the two").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_IN_WORDS = {word: 11 + k for k, word in enumerate(_TEENS)} | {word: 20 + 10 * k for k, word in enumerate(_TENS)}
_IN_WORDS |= {f"{tens}-{ones}": _IN_WORDS[tens] + k for tens in _TENS for k, ones in enumerate(_ONES, 1)}

_WORDS = rf"\b(?:{'|'.join(sorted(_IN_WORDS, key=len, reverse=True))})\b"
# Not the end of a name (ResNet-50, x86-64) or of a longer number, and not the beginning of a word (3D).
_NO_NAME = r"(?<![\w.,])(?<![A-Za-z][-−])(?<![A-Za-z]\d[-−])(?<![A-Za-z]\d\d[-−])"
_DIGITS = rf"{_NO_NAME}(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?(?:e[-−+]?\d+)?(?!\w|[.,]\d)"
NUMBER = re.compile(rf"{_DIGITS}|(?i:{_WORDS})")
_AND = r"(?:,? (?:and|or|to) |, | ?[–-] ?|/)"


def _named(words: str) -> str:
    """Match `words` and the numbers after them: "Tables 2 and 3"."""
    number = r"\d+(?:\.\d+)*"
    return rf"\b(?i:{words})s? {number}(?:{_AND}{number})*(?![\d%]|\.\d| %| points)"


# Each pattern tells of numbers that are no results.
STRUCTURE = {
    "a year": r"(?<![\w.,])(?:19|20)\d\d(?![\w,%]|\.\d| %| (?:images|lesions|readers|runs|answers))",
    "the number of a part of a text": _named("table|figure|section|chapter|exercise|contest|part|step"),
    "an address": r"\bdoi:\S+",
    "a place in code or in a study": _named("line|cell|exit code|key|repeat|round|version"),
    "a version": _named("Python|PyTorch|CC BY|CC BY-NC|glibc|Jupyter Book"),
    "a size of images, maps or layers": r"\b\d+(?: x \d+)+\b|\b\d+(?:\*\d+)+\b",
    "a side of images": rf"\b\d+(?:{_AND}\d+)* pixels\b",
    "a width of numbers": r"\b\d+ bits\b|\b0 to 255\b",
    "the number of an item": r"^\d+\. ",
    "the name of a group by age": r"\b(?:below 40|40 to 59|60 or more)\b",
    "time to read, which tests/notebooks/test_teaching.py counts": r"\bAbout \d+ minutes to read\b",
    "the level of an interval": r"\b95 % (?:confidence )?intervals?\b|\bmiddle 95 %",
    "an end of a scale": r"(?<![\w.,:])(?:0|1|1\.0)(?![\w:%]|[.,]\d| %| (?:of|in)\b)|(?<![\d.,])(?:0|100) %(?! of)",
}
_STRUCTURE = re.compile("|".join(f"(?:{pattern})" for pattern in STRUCTURE.values()))
_PERCENT = re.compile(rf"(?:{_AND}{_DIGITS})* ?(?:%|percent\b|(?:percentage )?points?\b)")


@dataclass(frozen=True)
class Number:
    """A number as it stands in a text; `is_percent` if percent or points are counted, `after` are the next words."""

    shown: str
    value: float
    is_percent: bool
    start: int
    after: str


def numbers(text: str) -> list[Number]:
    """Return all numbers of a text, structure included."""
    found = []
    for match in NUMBER.finditer(text):
        after = text[match.end() :]
        percent = bool(_PERCENT.match(after))
        found.append(Number(match[0], _value(match[0]), percent, match.start(), after[:40]))
    return found


def results(text: str) -> list[Number]:
    """Return the numbers of a text that are no structure."""
    structure = [match.span() for match in _STRUCTURE.finditer(text)]
    return [each for each in numbers(text) if not any(low <= each.start < high for low, high in structure)]


def _value(shown: str) -> float:
    in_words = _IN_WORDS.get(shown.lower())
    return float(shown.replace(",", "").replace("−", "-")) if in_words is None else float(in_words)
