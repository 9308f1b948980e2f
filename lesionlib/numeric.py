"""Is this argument a number, and within its range? True and False are not."""

from __future__ import annotations

from math import inf, isfinite
from numbers import Integral, Real
from typing import Any

from lesionlib.errors import InputError


def is_number(value: Any, least: float = -inf, most: float = inf) -> bool:
    """Whether `value` is a finite real number from `least` to `most`."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value) and least <= value <= most


def is_whole(value: Any, least: float = -inf, most: float = inf) -> bool:
    """Whether `value` is a whole number (of type int, or of numpy's) from `least` to `most`."""
    return isinstance(value, Integral) and is_number(value, least, most)


def check_whole(name: str, value: Any, least: int) -> None:
    """Refuse what is not a whole number of `least` or more; `name` is the argument's."""
    if not is_whole(value, least):
        raise InputError(f"{name}: found {value!r}, expected a whole number of {least} or more")
