"""What the papers' own numbers say about themselves.

Each check is a small general function (`agreement`, `granularity`, `confusion`, `bounds`, `inference`, `training`,
`words`) that takes plain figures and returns a `Verdict`; a plan, one YAML file a paper, says which check is asked of
which printed figures. A sixth paper needs a YAML of its figures (`lesionlib.papers`) and a plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lesionlib import papers
from lesionlib.audit import agreement, bounds, confusion, granularity, inference, plan, training, words
from lesionlib.audit.plan import Figures, PlannedCheck, available
from lesionlib.audit.verdict import Verdict
from lesionlib.errors import LesionlibError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "Verdict",
    "agreement",
    "available",
    "bounds",
    "confusion",
    "examine",
    "granularity",
    "inference",
    "run",
    "training",
    "words",
]

_ROOMS = {
    room.__name__.rpartition(".")[2]: room
    for room in (agreement, bounds, confusion, granularity, inference, training, words)
}
COLUMNS = (
    "paper",
    "id",
    "item",
    "place",
    "asks",
    "printed",
    "recomputed",
    "agrees",
    "severity",
    "noise",
    "meaning",
    "check",
)


def run(key: str) -> DataFrame:
    """Return the findings of one paper: the checks that its printed figures do not pass.

    Parameters
    ----------
    key : str
        One of `available()`, such as ``"lucius2020"``.

    Returns
    -------
    pandas.DataFrame
        One row a finding: paper, id, item (which row or cell), place, asks, printed, recomputed, agrees (False),
        severity ("slip", "matters", "changes a conclusion"), noise (whether the text copy's faults could explain
        it: "unlikely", "possible"), meaning, check.

    Raises
    ------
    InputError
        No plan for that paper.
    """
    everything = examine(key)
    return everything[everything["agrees"].eq(False)].reset_index(drop=True)


def examine(key: str) -> DataFrame:
    """Return all that was asked of one paper, also what agrees.

    Parameters
    ----------
    key : str
        One of `available()`, such as ``"lucius2020"``.

    Returns
    -------
    DataFrame
        As from `run`; agrees is True, False, or <NA> where a check only informs.

    Raises
    ------
    InputError
        No plan for that paper.
    LesionlibError
        A plan asks for a check that there is not, or hands it what it cannot take.
    """
    import pandas as pd

    figures = Figures(papers.load(key))
    rows = [row for check in plan.load(key).checks for row in _outcomes(key, check, figures)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"agrees": "boolean"})


def _outcomes(key: str, check: PlannedCheck, figures: Figures) -> list[dict]:
    asked = figures.rows(check.over) if check.over else [("", None)]
    found = []
    for name, row in asked:
        verdict = _asked(key, check, figures, row)
        found.append(
            {
                "paper": key,
                "id": check.id,
                "item": name,
                "place": ", ".join(check.place),
                "asks": check.asks,
                "printed": verdict.printed,
                "recomputed": verdict.recomputed,
                "agrees": verdict.agrees,
                "severity": check.severity,
                "noise": check.noise,
                "meaning": check.meaning,
                "check": check.check,
            }
        )
    return found


def _asked(key: str, check: PlannedCheck, figures: Figures, row) -> Verdict:
    room, _, name = check.check.partition(".")
    function = getattr(_ROOMS.get(room), name, None)
    if function is None:
        raise LesionlibError(f"audit/plans/{key}.yaml: {check.id}: there is no check {check.check!r}")
    arguments = {name: figures.value(argument, row) for name, argument in check.arguments.items()}
    try:
        return function(**arguments)
    except (TypeError, ValueError, KeyError, ZeroDivisionError) as error:
        raise LesionlibError(f"audit/plans/{key}.yaml: {check.id}: {type(error).__name__}: {error}") from error
