"""Figures of the benchmarks, as their scripts stored them: directive ``{benchmark} NAME``.

What nobody measured says so, and a page cannot say another figure than the file does.
"""

from __future__ import annotations

import json
from typing import Any

from generated import written
from sphinx.util.docutils import SphinxDirective

from lesionlib import runs

# One name of a figure for readers, and its decimals.
_FIGURES = {
    "images_per_second": ("images a second", 0),
    "first_batch_seconds": ("seconds of the first batch", 1),
    "seconds": ("seconds", 2),
    "open_ms": ("milliseconds to open", 1),
    "median_ms": ("milliseconds an image, median", 1),
    "p95_ms": ("milliseconds an image, 95th percentile", 1),
    "own_memory_mib": ("own memory (MiB)", 0),
    "accuracy": ("accuracy", 3),
    "balanced_accuracy": ("balanced accuracy", 3),
    "macro_auc": ("macro AUC", 3),
    "from_clean_seconds": ("seconds from clean", 0),
    "unchanged_seconds": ("seconds when nothing changed", 1),
    "starts_per_second": ("starts a second", 2),
}


class BenchmarkFigures(SphinxDirective):
    """The table of a benchmark, what it was to reach, and where it was measured."""

    required_arguments = 1

    def run(self):
        root = runs.results_root()
        path = root / "benchmarks" / f"{self.arguments[0]}.json" if root else None
        found = json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else None
        return written(self, _measured(found) if found else ["*Not run here.*"])


def setup(app):
    app.add_directive("benchmark", BenchmarkFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _measured(found: dict[str, Any]) -> list[str]:
    asked = ", ".join(f"`{name}` {value}" for name, value in found["arguments"].items())
    return [
        *_table(found["table"]),
        "",
        *_targets(found["targets"]),
        "",
        f"Measured {found['measured']} on {found['machine']}; {asked}.",
    ]


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """One row a side; the ratio with its lowest and highest round in one column."""
    figures = [name for name in _FIGURES if any(name in row for row in rows)]
    times = next((name for name in rows[0] if name.startswith("times ") and "," not in name), None)
    shown = times if times and len(rows) > 1 else None
    heads = ["", *(_FIGURES[name][0] for name in figures), *([f"{shown} (lowest to highest round)"] if shown else [])]
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for row in rows:
        cells = [row["side"], *(_number(row.get(name), _FIGURES[name][1]) for name in figures)]
        if shown:
            cells.append(f"{row[shown]:.2f} ({row[f'{shown}, lowest']:.2f} to {row[f'{shown}, highest']:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:,.{decimals}f}"


def _targets(targets: list[dict[str, Any]]) -> list[str]:
    lines = []
    for target in targets:
        name, decimals = _FIGURES[target["figure"]]
        decimals = 2 if target.get("times") else decimals
        of = f"{name}, as a multiple of {target['times']}'s" if target.get("times") else name
        ends = " to ".join(_number(target[key], decimals) for key in ("lowest", "highest"))
        verdict = "**reached**" if target["reached"] else "**not reached**"
        lines.append(
            f"- {target['side']}, {of}: asked {_asked(target)}, "
            f"measured {_number(target['measured'], decimals)} ({ends}): {verdict}."
        )
    return lines


def _asked(target: dict[str, Any]) -> str:
    low, high = target.get("at_least"), target.get("at_most")
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"
