"""A tidy frame of answers as tables, readers by images, one an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks

COLUMNS = ("reader", "image_id", "truth", "answer", "ai_shown", "ai_answer")
"""The columns of a frame of answers; `tabulated` says what stands in them."""
ALONE, WITH_AI = "alone", "with AI"
"""The names of the two arms of a study: without and with the model's output."""
NO_ANSWER, NOT_SHOWN = -1, -2


@dataclass(frozen=True)
class Answers:
    """Answers as codes, readers by images.

    Attributes
    ----------
    readers : list
        R codes of readers, sorted.
    images : list
        C names of images, sorted.
    labels : list of str
        The k classes.
    truth : numpy.ndarray, shape (C,)
        Class codes.
    ai : numpy.ndarray, shape (C,)
        What the model said, shown or not: class codes; -1 where that is not known.
    arms : mapping of str to numpy.ndarray, each of shape (R, C)
        ``"alone"`` and ``"with AI"``, as far as there are answers: class codes; -1: shown and not answered; -2: not
        shown to this reader.
    """

    readers: list
    images: list
    labels: list[str]
    truth: np.ndarray
    ai: np.ndarray
    arms: Mapping[str, np.ndarray]

    def arm(self, name: str) -> np.ndarray:
        """Give the table of an arm.

        Parameters
        ----------
        name : str
            "alone" or "with AI".

        Returns
        -------
        numpy.ndarray, shape (R, C)
            Class codes of the readers' answers; negative where there is none.

        Raises
        ------
        InputError
            No such arm; the line says which there are.
        """
        if name not in self.arms:
            raise InputError(f"arm: found {name!r}, expected one of {', '.join(self.arms)}")
        return self.arms[name]

    def model(self) -> np.ndarray:
        """Give what the model said.

        Returns
        -------
        numpy.ndarray, shape (C,)
            A class code for each image.

        Raises
        ------
        InputError
            There was no model.
        """
        if (self.ai < 0).all():
            raise InputError("answers: ai_answer is empty, expected the model's class for each image")
        return self.ai

    def strata(self) -> np.ndarray:
        """Give what a study fixes of each image: its class, and in which arms it is shown.

        Returns
        -------
        numpy.ndarray, shape (C,)
            A code; images with the same one can be drawn for each other.
        """
        shown = [(codes != NOT_SHOWN).any(axis=0) for codes in self.arms.values()]
        return np.unique(np.stack([self.truth, *shown]), axis=1, return_inverse=True)[1].ravel()


def tabulated(answers: pd.DataFrame, labels: Sequence[str]) -> Answers:
    """Check a frame of answers and lay it out, readers by images.

    Parameters
    ----------
    answers : DataFrame
        One row an answer: reader, image_id, truth (class), answer (class; <NA>: none was given, say because time ran
        out), ai_shown (bool), ai_answer (class, shown or not; <NA> where there is no model). Other columns are
        ignored.
    labels : sequence of str
        The k classes.

    Returns
    -------
    Answers
        Tables of class codes.

    Raises
    ------
    InputError
        A column or every row is missing, a class is unknown, a reader answered an image twice in one arm, or an image
        has two truths or two answers of the model.
    """
    names = checks.class_labels(labels, len(labels))
    missing = [column for column in COLUMNS if column not in answers]
    if missing:
        raise InputError(f"answers: no column {', '.join(missing)}; expected {', '.join(COLUMNS)}")
    if answers.empty:
        raise InputError("answers: found no rows, expected one an image that a reader was shown")
    answers = answers.reset_index(drop=True)
    for column in ("reader", "image_id", "truth", "ai_shown"):
        _none_missing(answers[column])
    shown = answers["ai_shown"]
    if not shown.isin([True, False]).all():
        raise InputError(
            f"answers: ai_shown holds {shown[~shown.isin([True, False])].iloc[0]!r}, expected True or False"
        )
    twice = answers[answers.duplicated(["reader", "image_id", "ai_shown"])]
    if len(twice):
        raise InputError(
            f"answers row {twice.index[0]}: reader {twice['reader'].iloc[0]} answered {twice['image_id'].iloc[0]} "
            "before, in the same arm; keep one of the rounds"
        )
    readers, people = np.unique(answers["reader"].astype(str), return_inverse=True)
    images, places = np.unique(answers["image_id"].astype(str), return_inverse=True)
    truth = _of_images(answers["truth"], places, len(images), names)
    ai = _of_images(answers["ai_answer"], places, len(images), names)
    given = _codes(answers["answer"], names)
    arms = {}
    for name, chosen in ((ALONE, ~shown.astype(bool)), (WITH_AI, shown.astype(bool))):
        if chosen.any():
            arms[name] = np.full((len(readers), len(images)), NOT_SHOWN)
            arms[name][people[chosen], places[chosen]] = given[chosen]
    return Answers(list(readers), list(images), names, truth, ai, arms)


def _none_missing(column: pd.Series) -> None:
    if column.isna().any():
        raise InputError(f"answers row {column.isna().idxmax()}: found no {column.name}, expected one in every row")


def _codes(column: pd.Series, names: list) -> np.ndarray:
    position = {name: code for code, name in enumerate(names)}
    codes = np.array([position.get(name, NO_ANSWER) for name in column])
    unknown = np.flatnonzero((codes < 0) & column.notna())
    if len(unknown):
        raise InputError(
            f"answers row {unknown[0]}: {column.name} {column.iloc[unknown[0]]!r}, expected one of "
            f"{', '.join(map(str, names))}"
        )
    return codes


def _of_images(column: pd.Series, places: np.ndarray, n: int, names: list) -> np.ndarray:
    codes, rows = np.full(n, NO_ANSWER), _codes(column, names)
    codes[places] = rows
    other = np.flatnonzero(codes[places] != rows)
    if len(other):
        raise InputError(f"answers row {other[0]}: {column.name} differs from that of another row of the same image")
    return codes
