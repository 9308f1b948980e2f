"""What a schedule's figures may be."""

from __future__ import annotations

from collections.abc import Callable

from lesionlib.errors import InputError
from lesionlib.numeric import is_number, is_whole


def need(wanted: str, holds: Callable[[float], bool], values: dict) -> None:
    for name, value in values.items():
        if not is_number(value) or not holds(value):
            raise InputError(f"{name}: expected {wanted}; got {value!r}")


def whole(**values) -> None:
    need("a whole number, 1 or more", lambda value: is_whole(value, 1), values)


def positive(**values) -> None:
    need("a number above 0", lambda value: value > 0, values)


def rate(name: str, value) -> None:
    ends = [value.start, value.stop] if isinstance(value, slice) else [value]
    for end in ends[-1:] if ends[0] is None else ends:
        positive(**{name: end})


def bounds(low: float, high: float) -> None:
    if not low < high:
        raise InputError(f"low, high: expected the lower rate first; got {low:g} and {high:g}")
