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
    """Where the preprint stands (`id`: its number there), and when it was posted."""

    server: str
    id: str | None = None
    doi: str | None = None
    posted: str | None = None
    license: str | None = None


class Split(_Entry):
    """Sizes of the training, validation and test sets as one place of the paper prints them, in images.

    `ratio` stands where shares are printed, train first, for example "80:20".
    """

    place: str
    train: int | None
    valid: int | None = None
    test: int | None
    ratio: str | None = None
    note: str | None = None


class Source(_Entry):
    """One of several sets of images that a paper uses.

    `dataset` is its name in our catalogue, None where it cannot be had; `labels` maps our names of its classes to
    the printed ones; `images` is the total as printed.
    """

    key: str
    title: str
    dataset: str | None
    place: tuple[str, ...]
    images: int | None
    modality: str | None = None
    role: str | None = None
    labels: dict[str, str] = {}
    note: str | None = None


class Data(_Entry):
    """What the paper trained and tested on; `labels` maps our class names to the printed ones.

    `dataset`, `images` and `labels` are those of the set that the paper tests on; where it uses several, `sources`
    holds each with its own.
    """

    dataset: str
    images: int
    splits: tuple[Split, ...]
    split_rule: str
    clinical: tuple[str, ...] = ()
    labels: dict[str, str]
    sources: tuple[Source, ...] = ()
    note: str | None = None


class Hyperparameter(_Entry):
    """One setting of a training, as printed."""

    group: str
    name: str
    value: int | float | str | tuple[int | float | str, ...]
    unit: str | None = None
    place: tuple[str, ...]
    note: str | None = None


class PrintedTable(_Entry):
    """One table in tidy form: one row an observation.

    `units` holds the unit of a column ("percent", "fraction", "images"), `totals` what its printed row of totals says.
    `extraction` says how the text at hand holds it: whole, or in fragments that were put together again (cells that
    could not be are None; the note tells what is left of them).
    """

    title: str
    place: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    units: dict[str, str] = {}
    totals: dict[str, int | float] = {}
    extraction: Literal["whole", "fragments"] = "whole"
    note: str | None = None

    @model_validator(mode="after")
    def _rows_fit_columns(self) -> PrintedTable:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number} has {len(row)} cells, expected {len(self.columns)}")
        return self

    @model_validator(mode="after")
    def _columns_exist(self) -> PrintedTable:
        for column in (*self.units, *self.totals):
            if column not in self.columns:
                raise ValueError(f"{column!r} is not among the columns: {', '.join(self.columns)}")
        return self


class PrintedConfusion(_Entry):
    """One confusion matrix in images: rows are the truth, columns the prediction, both in the order of `labels`.

    A cell is None where the text at hand lost it. `row_totals` and `column_totals` are there only where they are
    printed or follow from other printed figures; the note says from which.
    """

    title: str
    place: str
    labels: tuple[str, ...]
    rows: tuple[tuple[int | None, ...], ...]
    row_totals: tuple[int | None, ...] | None = None
    column_totals: tuple[int | None, ...] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _square(self) -> PrintedConfusion:
        size = len(self.labels)
        lengths = {"rows": len(self.rows)} | {f"row {number}": len(row) for number, row in enumerate(self.rows)}
        margins = {"row_totals": self.row_totals, "column_totals": self.column_totals}
        lengths |= {name: len(margin) for name, margin in margins.items() if margin is not None}
        for part, length in lengths.items():
            if length != size:
                raise ValueError(f"{part} holds {length} entries, expected {size} as there are labels")
        return self


class Figure(_Entry):
    """One figure that no table of the paper holds.

    `setting` names the experiment or the data where the other fields do not; `n` is the printed number of cases of
    which `value` is a share.
    """

    id: str
    place: str
    quantity: str
    network: str | None = None
    setting: str | None = None
    resolution: str | None = None
    clinical: bool | None = None
    label: str | None = None
    value: float
    sd: float | None = None
    n: int | None = None
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

    Attributes
    ----------
    title : str
        What it is about.
    place : tuple of str
        Where the paper tells of it.
    readers : int
        How many took part.
    recruited : str or None
        Who they are, in the paper's words.
    seconds_per_image : int or None
        Time limit; None: none, or none printed.
    clinical_shown : bool or None
        Whether readers saw clinical data; None where that is not printed.
    network, network_input : str
        Which network took part, and what it was given.
    printed_images, printed_results, printed_sensitivity : tuple of object
        The YAML's entries; the properties `images`, `results` and `sensitivity` give them as tables.
    note : str or None
        What is to be said beside it.
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

    Figures are as printed, slips included; `unit` of a figure and `units` of a table say whether in percent or from 0
    to 1. Read the tables through the properties; what ends in ``_entries`` holds the YAML's entries behind them.

    Attributes
    ----------
    schema_version : int
        Of the file's form.
    key : str
        Such as ``"lucius2020"``.
    title : str
        Of the paper.
    authors : tuple of str
        In the order printed.
    year : int
        Of publication.
    venue, doi : str or None
        Where it was published.
    preprint : object or None
        Where the preprint stands: `server`, `id`, `doi`, `posted`, `license`.
    peer_reviewed : bool or None
        None where the text does not tell.
    transcribed_from : {"preprint", "reviewed version", "course report", "copy without venue"}
        Which text the figures were taken from.
    not_at_hand : str or None
        What of the text was not there.
    places : dict of str to str
        Short names of places, and what they are in the paper.
    place_notes : tuple of str
        Slips of its numbering, and of the text at hand.
    data : object
        What it trained and tested on: `dataset`, `images`, `splits`, `split_rule`, `clinical`, `labels` (our class
        names to the printed ones), `sources`, `note`.
    hyperparameter_entries, table_entries, confusion_entries, figure_entries, claim_entries : tuple or dict
        See `hyperparameters`, `tables`, `confusion_matrices`, `figures_in_text` and `claims`.
    contests : dict of str to Contest
        By number.
    criteria_rules : str
        How the criteria of all claims are to be read.
    """

    schema_version: Literal[1] = Field(alias="schema")
    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    venue: str | None = None
    doi: str | None = None
    preprint: Preprint | None = None
    peer_reviewed: bool | None = None
    transcribed_from: Literal["preprint", "reviewed version", "course report", "copy without venue"]
    not_at_hand: str | None = None
    places: dict[str, str]
    place_notes: tuple[str, ...] = ()
    data: Data
    hyperparameter_entries: tuple[Hyperparameter, ...] = Field(alias="hyperparameters")
    table_entries: dict[str, PrintedTable] = Field(alias="tables")
    confusion_entries: dict[str, PrintedConfusion] = Field(default={}, alias="confusion_matrices")
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
        for key, matrix in self.confusion_entries.items():
            unknown = sorted(set(matrix.labels) - set(self.data.labels))
            if unknown:
                raise ValueError(f"confusion matrix {key}: label {unknown[0]!r} is not among data.labels")
        return self

    def _all_places(self) -> Iterable[tuple[str, str]]:
        yield from (("data.splits", split.place) for split in self.data.splits)
        yield from ((f"table {key}", table.place) for key, table in self.table_entries.items())
        yield from ((f"confusion matrix {key}", matrix.place) for key, matrix in self.confusion_entries.items())
        yield from ((f"figure {figure.id}", figure.place) for figure in self.figure_entries)
        yield from ((f"source {source.key}", place) for source in self.data.sources for place in source.place)
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
        """The paper's tables by printed number, tidy; its entry's other fields stand in ``.attrs``."""
        import pandas as pd

        frames = {}
        for key, table in self.table_entries.items():
            frames[key] = pd.DataFrame(list(table.rows), columns=list(table.columns))
            frames[key].attrs = table.model_dump(exclude={"columns", "rows"})
        return frames

    @property
    def confusion_matrices(self) -> dict[str, DataFrame]:
        """The printed confusion matrices by the number of their table, in images.

        Rows are the truth, columns the prediction, both named by class; <NA> where the text at hand lost a cell.
        The entry's other fields stand in ``.attrs``, the totals of its rows and columns among them (None: unknown).
        """
        import pandas as pd

        frames = {}
        for key, matrix in self.confusion_entries.items():
            labels = list(matrix.labels)
            frames[key] = pd.DataFrame(list(matrix.rows), index=labels, columns=labels, dtype="Int64")
            frames[key].attrs = matrix.model_dump(exclude={"labels", "rows"})
        return frames

    @property
    def sources(self) -> DataFrame:
        """The sets of images of a paper that uses several.

        Columns: key, title, dataset (name in our catalogue), place, images, modality, role, labels, note.
        """
        return _frame(Source, self.data.sources).astype({"images": "Int64"})

    @property
    def splits(self) -> DataFrame:
        """Printed sizes of training, validation and test set in images: place, train, valid, test, ratio, note."""
        return _frame(Split, self.data.splits).astype(dict.fromkeys(("train", "valid", "test"), "Int64"))

    @property
    def hyperparameters(self) -> DataFrame:
        """Printed settings: group, name, value, unit, place, note."""
        return _frame(Hyperparameter, self.hyperparameter_entries)

    @property
    def figures_in_text(self) -> DataFrame:
        """Figures that no table holds.

        Columns: id, place, quantity, network, setting, resolution, clinical, label, value, sd, n, unit,
        compared_with, test, note. A missing network, setting, resolution, clinical or label means over all of them.
        """
        return _frame(Figure, self.figure_entries).astype({"clinical": "boolean", "sd": "float64", "n": "Int64"})

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
        """One line: authors, year, title, venue or number of the preprint, DOI; says so if not peer-reviewed."""
        parts = [f"{', '.join(self.authors)} ({self.year}). {self.title}", self.venue]
        if not self.venue and self.preprint and self.preprint.id:
            parts.append(f"{self.preprint.server}:{self.preprint.id}")
        if self.doi:
            parts.append(f"https://doi.org/{self.doi}")
        if self.peer_reviewed is False:
            parts.append("Not peer-reviewed")
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
