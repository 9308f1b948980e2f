"""Real datasets, where they are on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lesionlib.datasets.library import find

PROJECT = Path(__file__).parents[2]


def place(name: str) -> Path | None:
    """Folder of a dataset: where the library finds it, or beside the project."""
    beside = PROJECT.parent / "shared" / "data" / name
    return find(name) or (beside if beside.is_dir() else None)


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a module's tests where the dataset is missing, and say why."""
    reason = f"{name} is not on this machine: add it with `lesionlib data add`, or set LESIONLIB_DATA"
    return pytest.mark.skipif(place(name) is None, reason=reason)
