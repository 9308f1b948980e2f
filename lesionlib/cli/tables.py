"""Tables on a terminal, and what all commands' helps share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import pandas as pd

PLAIN = {"no_args_is_help": True, "add_completion": False, "pretty_exceptions_enable": False}


def echo_frame(frame: pd.DataFrame) -> None:
    lines = _left(frame).to_string(index=False, na_rep="-").splitlines()
    typer.echo("\n".join(line.rstrip() for line in lines))


def _left(frame: pd.DataFrame) -> pd.DataFrame:
    """Pad texts and their headings, which stand at the right otherwise, as figures should."""
    padded = {}
    for name, column in frame.items():
        if not column.map(lambda value: isinstance(value, str)).any():
            # pandas writes <NA> in columns of whole numbers, whatever it is told.
            padded[name] = column.astype(object).where(column.notna(), "-") if column.dtype == "Int64" else column
            continue
        texts = column.map(str, na_action="ignore").fillna("-")
        width = max(len(name), texts.str.len().max())
        padded[name.ljust(width)] = texts.str.ljust(width)
    return frame.__class__(padded)
