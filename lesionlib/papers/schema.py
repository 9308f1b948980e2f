"""The shape of a paper's YAML file, and the tables that a chapter asks it for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from pandas import DataFrame

Replication = Literal["direct", "conceptual", "not testable here"]
Cell = bool | int | float | str | None


class _Entry(BaseModel):
    # Unknown fields are refused, so that a misspelled one is noticed and not lost.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Preprint(_Entry):
    """Where the preprint stands, and when it was posted."""

    server: str
    doi: str
    posted: str
    license: str | None = None


class Split(_Entry):
    """Sizes of the training and test sets as one place of the paper prints them, in images."""

    place: str
    train: int | None
    test: int | None
    note: str | None = None


class Data(_Entry):
    """What the paper trained and tested on; `labels` maps our class names to the printed ones."""

    dataset: str
    images: int
    splits: tuple[Split, ...]
    split_rule: str
    clinical: tuple[str, ...] = ()
    labels: dict[str, str]
    note: str | None = None


class Hyperparameter(_Entry):
    """One setting of a training, as printed."""

    group: str
    name: str
    value: int | float | str | tuple[str, ...]
    unit: str | None = None
    place: tuple[str, ...]
    note: str | None = None


class PrintedTable(_Entry):
    """One table in tidy form: one row an observation."""

    title: str
    place: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str | None = None

    @model_validator(mode="after")
    def _rows_fit_columns(self) -> PrintedTable:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number} has {len(row)} cells, expected {len(self.columns)}")
        return self


class Figure(_Entry):
    """One figure that no table of the paper holds."""

    id: str
    place: str
    quantity: str
    network: str | None = None
    resolution: str | None = None
    clinical: bool | None = None
    label: str | None = None
    value: float
    sd: float | None = None
    unit: str | None = None
    compared_with: str | None = None
    test: str | None = None
    note: str | None = None


class ShownImages(_Entry):
    """How many images a reader of a contest saw, as one place prints it."""

    place: str
    images: int
    shown_to: str


class ContestResult(_Entry):
    """Accuracy and error rate of one reader, in percent."""

    reader: str
    accuracy: float
    error_rate: float | None
    place: str


class ContestSensitivity(_Entry):
    """Sensitivity of one reader for one class, from 0 to 1."""

    reader: str
    label: str
    value: float
    place: str


class Contest(_Entry):
    """A comparison of people and a network.

    `printed_images`, `printed_results` and `printed_sensitivity` hold the entries; the properties
    `images`, `results` and `sensitivity` give them as tables.
    """

    title: str
    place: tuple[str, ...]
    readers: int
    recruited: str | None = None
    seconds_per_image: int | None
    clinical_shown: bool | None
    network: str
    network_input: str
    printed_images: tuple[ShownImages, ...] = Field(alias="images")
    printed_results: tuple[ContestResult, ...] = Field(alias="results")
    printed_sensitivity: tuple[ContestSensitivity, ...] = Field(alias="sensitivity")
    note: str | None = None

    @property
    def images(self) -> DataFrame:
        """Printed numbers of images: place, images, shown_to."""
        return _frame(ShownImages, self.printed_images)

    @property
    def results(self) -> DataFrame:
        """Printed results: reader, accuracy and error_rate (percent), place."""
        return _frame(ContestResult, self.printed_results)

    @property
    def sensitivity(self) -> DataFrame:
        """Printed sensitivities: reader, label, value (0 to 1), place."""
        return _frame(ContestSensitivity, self.printed_sensitivity)


class Claim(_Entry):
    """One claim in our words, the values printed for it, and when it holds here.

    `value` is set against `baseline`; `difference` is there only where the paper prints it.
    """

    id: str
    place: tuple[str, ...]
    text: str
    value: float | None = None
    baseline: float | None = None
    difference: float | None = None
    unit: str | None = None
    p_value: float | None = None
    test: str | None = None
    replication: Replication
    criterion: str
    note: str | None = None


class Paper(_Entry):
    """A paper as data: what it printed, where, and what would have to come out here for it to hold.

    Fields ending in ``_entries`` hold the YAML's entries; the properties give them as tables. Figures are as
    printed, slips included: accuracy and error rate in percent, sensitivity from 0 to 1.
    """

    schema_version: Literal[1] = Field(alias="schema")
    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    venue: str | None = None
    doi: str | None = None
    preprint: Preprint | None = None
    transcribed_from: Literal["preprint", "reviewed version"]
    not_at_hand: str | None = None
    places: dict[str, str]
    place_notes: tuple[str, ...] = ()
    data: Data
    hyperparameter_entries: tuple[Hyperparameter, ...] = Field(alias="hyperparameters")
    table_entries: dict[str, PrintedTable] = Field(alias="tables")
    contests: dict[str, Contest] = {}
    figure_entries: tuple[Figure, ...] = Field(alias="figures_in_text")
    criteria_rules: str
    claim_entries: tuple[Claim, ...] = Field(alias="claims")

    @model_validator(mode="after")
    def _ids_unique(self) -> Paper:
        for kind, entries in (("figures_in_text", self.figure_entries), ("claims", self.claim_entries)):
            twice = [name for name, count in Counter(entry.id for entry in entries).items() if count > 1]
            if twice:
                raise ValueError(f"{kind}: id {twice[0]!r} stands twice")
        return self

    @model_validator(mode="after")
    def _places_exist(self) -> Paper:
        for owner, place in self._all_places():
            if place not in self.places:
                raise ValueError(f"{owner}: place {place!r} is not among `places`")
        return self

    @model_validator(mode="after")
    def _labels_exist(self) -> Paper:
        entries: list[Figure | ContestSensitivity] = list(self.figure_entries)
        entries += [entry for contest in self.contests.values() for entry in contest.printed_sensitivity]
        for entry in entries:
            if entry.label is not None and entry.label not in self.data.labels:
                raise ValueError(f"label {entry.label!r} is not among data.labels")
        return self

    def _all_places(self) -> Iterable[tuple[str, str]]:
        yield from (("data.splits", split.place) for split in self.data.splits)
        yield from ((f"table {key}", table.place) for key, table in self.table_entries.items())
        yield from ((f"figure {figure.id}", figure.place) for figure in self.figure_entries)
        for entry in self.hyperparameter_entries:
            yield from ((f"hyperparameter {entry.name}", place) for place in entry.place)
        for claim in self.claim_entries:
            yield from ((f"claim {claim.id}", place) for place in claim.place)
        for key, contest in self.contests.items():
            parts = (*contest.printed_images, *contest.printed_results, *contest.printed_sensitivity)
            yield from ((f"contest {key}", place) for place in contest.place)
            yield from ((f"contest {key}", part.place) for part in parts)

    @property
    def tables(self) -> dict[str, DataFrame]:
        """The paper's tables by printed number, tidy; title, place and note stand in ``.attrs``."""
        import pandas as pd

        frames = {}
        for key, table in self.table_entries.items():
            frames[key] = pd.DataFrame(list(table.rows), columns=list(table.columns))
            frames[key].attrs = {"title": table.title, "place": table.place, "note": table.note}
        return frames

    @property
    def splits(self) -> DataFrame:
        """Printed sizes of training and test set in images: place, train, test, note."""
        return _frame(Split, self.data.splits).astype({"train": "Int64", "test": "Int64"})

    @property
    def hyperparameters(self) -> DataFrame:
        """Printed settings: group, name, value, unit, place, note."""
        return _frame(Hyperparameter, self.hyperparameter_entries)

    @property
    def figures_in_text(self) -> DataFrame:
        """Figures that no table holds.

        Columns: id, place, quantity, network, resolution, clinical, label, value, sd, unit, compared_with,
        test, note. A missing network, resolution, clinical or label means over all of them.
        """
        return _frame(Figure, self.figure_entries).astype({"clinical": "boolean", "sd": "float64"})

    @property
    def claims(self) -> DataFrame:
        """The paper's claims and when each holds here.

        Columns: id, place, text, value, baseline, difference, unit, p_value, test, replication ("direct",
        "conceptual" or "not testable here"), criterion, note.
        """
        numbers = dict.fromkeys(("value", "baseline", "difference", "p_value"), "float64")
        return _frame(Claim, self.claim_entries).astype(numbers)

    @property
    def citation(self) -> str:
        """One line: authors, year, title, venue, DOI."""
        parts = [f"{', '.join(self.authors)} ({self.year}). {self.title}", self.venue]
        if self.doi:
            parts.append(f"https://doi.org/{self.doi}")
        return ". ".join(part for part in parts if part) + "."


def _frame(kind: type[_Entry], entries: Iterable[_Entry]) -> DataFrame:
    import pandas as pd

    columns = [field.alias or name for name, field in kind.model_fields.items()]
    return pd.DataFrame([_row(entry) for entry in entries], columns=columns)


def _row(entry: _Entry) -> dict[str, Any]:
    row = entry.model_dump(by_alias=True)
    if isinstance(row.get("place"), tuple):
        row["place"] = "; ".join(row["place"])
    return row
