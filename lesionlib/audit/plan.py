"""Plans: which check is asked of which printed figures, one YAML file a paper.

A check's arguments are literals, or references to what the paper prints:

``{of: tables.2, where: "network == 'VGG16'", column: accuracy}``
    a column of a frame, as a list; ``cell`` instead of ``column`` takes exactly one value.
``{cell: accuracy}``
    in an entry with ``over``: the cell of the row that is being looked at. Cells of that row may also stand in a
    `where`, as in ``where: "label == '{label}'"``, to look the same thing up in another frame.
``{matrix: VIII}``
    a printed confusion matrix, lost cells filled in where its margins pin them down.
``{labels: VIII}``
    the labels of that matrix, in its order.
``{of: tables.I, total: images}``
    what the printed row of totals says of a column.
``{joined: [..., ...]}``
    several references to columns, one after another in one list.
``{sum: ...}``
    the sum of what a reference to a column gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lesionlib import datasets, metrics, packaged, papers
from lesionlib.audit.confusion import completed, counted
from lesionlib.errors import InputError, LesionlibError

if TYPE_CHECKING:
    from pandas import DataFrame

Severity = Literal["slip", "matters", "changes a conclusion"]
Noise = Literal["unlikely", "possible"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Over(_Entry):
    """The rows that a check is asked of, one by one; `name` says how a row is called, such as "{network}"."""

    of: str
    where: str | None = None
    name: str


class PlannedCheck(_Entry):
    """One question to a paper's figures.

    `severity` and `noise` (whether faults of the text copy could explain it) hold where the check disagrees; `meaning`
    says then what follows, in a sentence or two.
    """

    id: str
    asks: str
    check: str
    place: tuple[str, ...]
    over: Over | None = None
    arguments: dict[str, Any] = Field(alias="with")
    severity: Severity
    noise: Noise = "unlikely"
    meaning: str


class Plan(_Entry):
    """All checks of one paper."""

    schema_version: Literal[1] = Field(alias="schema")
    paper: str
    checks: tuple[PlannedCheck, ...]

    @model_validator(mode="after")
    def _ids_unique(self) -> Plan:
        ids = [check.id for check in self.checks]
        twice = [name for name in ids if ids.count(name) > 1]
        if twice:
            raise ValueError(f"check id {twice[0]!r} stands twice")
        return self


def available() -> list[str]:
    """List the papers that have a plan.

    Returns
    -------
    list of str
        Their keys, sorted.
    """
    return packaged.names("audit/plans")


@cache
def load(key: str) -> Plan:
    """Read the plan of a paper.

    Raises
    ------
    InputError
        No plan for that paper.
    LesionlibError
        A plan that is not what the schema asks for.
    """
    known = available()
    if key not in known:
        raise InputError(f"audit: no plan for the paper {key!r}; expected one of: {', '.join(known)}")
    return packaged.read(f"audit/plans/{key}.yaml", Plan)


class Figures:
    """What one paper prints, by the names that a plan refers to it by."""

    def __init__(self, paper: papers.Paper) -> None:
        self.paper = paper
        # A plan asks for the same frames hundreds of times; they are only read.
        self._frames: dict[str, DataFrame] = {}

    def frame(self, name: str) -> DataFrame:
        """Return one frame.

        tables.KEY, splits, sources, figures, claims, hyperparameters, contests.KEY.PART, or cards.NAME (label, title,
        images, diagnosis, category: the official facts of a dataset's classes), or matrices.KEY (label, images, called,
        right, and sensitivity, precision, f1 in percent: what a printed confusion matrix says of each class, lost
        cells filled in where its margins pin them down).
        """
        if name not in self._frames:
            self._frames[name] = self._built(name)
        return self._frames[name]

    def _built(self, name: str) -> DataFrame:
        kind, _, rest = name.partition(".")
        simple = {
            "splits": "splits",
            "sources": "sources",
            "figures": "figures_in_text",
            "claims": "claims",
            "hyperparameters": "hyperparameters",
        }
        if kind in simple:
            return getattr(self.paper, simple[kind])
        if kind == "tables":
            return self.paper.tables[rest]
        if kind == "cards":
            return _card_frame(rest)
        if kind == "matrices":
            return _matrix_frame(self._matrix(rest), list(self.paper.confusion_matrices[rest].index))
        if kind == "contests":
            contest, _, part = rest.rpartition(".")
            return getattr(self.paper.contests[contest], part)
        raise LesionlibError(f"audit: {self.paper.key} has no figures called {name!r}")

    def rows(self, over: Over) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield name and cells of each row that a check is asked of."""
        for row in self._where(over.of, over.where).to_dict("records"):
            yield over.name.format(**row), row

    def value(self, argument: Any, row: Mapping[str, Any] | None) -> Any:
        """Return what an argument of a check stands for; see the module's text."""
        if isinstance(argument, list):
            return [self.value(item, row) for item in argument]
        if not isinstance(argument, dict):
            return argument
        if "sum" in argument:
            return sum(self.value(argument["sum"], row))
        if "joined" in argument:
            return [item for part in argument["joined"] for item in self.value(part, row)]
        if "total" in argument:
            return self.frame(argument["of"]).attrs["totals"][argument["total"]]
        if "matrix" in argument:
            return self._matrix(argument["matrix"])
        if "labels" in argument:
            return list(self.paper.confusion_matrices[argument["labels"]].index)
        if "of" not in argument:
            return _plain((row or {})[argument["cell"]])
        where = argument.get("where")
        frame = self._where(argument["of"], where.format(**row) if where and row else where)
        if "column" in argument:
            return [_plain(value) for value in frame[argument["column"]]]
        if len(frame) != 1:
            raise LesionlibError(f"audit: {self.paper.key}: {argument} names {len(frame)} rows, expected one")
        return _plain(frame[argument["cell"]].iloc[0])

    def _where(self, name: str, where: str | None) -> DataFrame:
        frame = self.frame(name)
        return frame.query(where) if where else frame

    def _matrix(self, key: str) -> list[list[int | None]]:
        frame = self.paper.confusion_matrices[key]
        cells = [[_plain(cell) for cell in row] for row in frame.to_numpy(dtype=object)]
        return completed(cells, frame.attrs.get("row_totals"), frame.attrs.get("column_totals"))


def _matrix_frame(matrix: list[list[int | None]], labels: list[str]) -> DataFrame:
    cells = counted(matrix)
    report = metrics.from_confusion(cells, labels).per_class
    frame = (100 * report[["sensitivity", "precision", "f1"]]).reset_index(names="label")
    frame.insert(1, "images", cells.sum(axis=1))
    frame.insert(2, "called", cells.sum(axis=0))
    frame.insert(3, "right", cells.diagonal())
    return frame


def _plain(value: Any) -> Any:
    """Return a Python value: numpy's and pandas' own would print as such."""
    import pandas as pd

    if not isinstance(value, list | tuple) and pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _card_frame(name: str) -> DataFrame:
    import pandas as pd

    facts = datasets.card(name)
    columns = ["title", "images", "diagnosis", "category"]
    rows = [(label, *(getattr(known, name) for name in columns)) for label, known in facts.classes.items()]
    return pd.DataFrame(rows, columns=["label", *columns])
