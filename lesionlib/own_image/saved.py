"""A saved model that can be asked about single pictures: the Learner, what it was trained on, and its validation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lesionlib.atomic import atomic_folder
from lesionlib.datasets.pixels import height_width
from lesionlib.errors import InputError, first_fault
from lesionlib.learners import load_learner, predict, save_learner
from lesionlib.learners.saving import LearnerCard, read_card
from lesionlib.metrics import checks

if TYPE_CHECKING:
    from fastai.learner import Learner

VIEWS = 4
"""Flips of a picture whose probabilities are averaged, as by `learners.predict`: of validation images and of yours."""

_ABOUT, _VALIDATION = "asked_for.json", "validation.parquet"


class About(BaseModel):
    """What one must know of a model before asking it.

    Attributes
    ----------
    trained_on : tuple of str
        Names of the datasets that its training images come from.
    modalities : tuple of str
        ``dermoscopic``, ``clinical``, or none where the datasets do not say.
    titles : dict of str to str
        What a class is called, where its dataset's card says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    trained_on: tuple[str, ...] = Field(min_length=1)
    modalities: tuple[str, ...]
    titles: dict[str, str]


@dataclass(frozen=True)
class SavedModel:
    """A model from `load_model`.

    Attributes
    ----------
    learn : Learner
        Without data; its network evaluates.
    card : object
        Network, classes, size of the images.
    about : object
        Names of the training data and of the classes.
    y_true : numpy.ndarray, shape (n,)
        Class codes of the validation images.
    y_prob : numpy.ndarray, shape (n, k)
        What the model said of them.
    """

    learn: Learner
    card: LearnerCard
    about: About
    y_true: np.ndarray
    y_prob: np.ndarray

    @property
    def classes(self) -> list[str]:
        """Class names, in the order of every probability column."""
        return list(self.card.classes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the network looks at, in pixels."""
        return height_width(self.card.size)

    @property
    def drawn(self) -> set[bool]:
        """Whether its training images were drawn (True), photographed (False), or both."""
        return {name.startswith("phantom:") for name in self.about.trained_on}

    def title(self, label: str) -> str:
        """Tell what a class is called.

        Parameters
        ----------
        label : str
            The class.

        Returns
        -------
        str
            Its title; the label itself where it has none.
        """
        return self.about.titles.get(label, label)

    def __str__(self) -> str:
        height, width = self.size
        seen = f" ({', '.join(self.about.modalities)})" if self.about.modalities else ""
        return f"{self.card.arch}, trained on {', '.join(self.about.trained_on)}{seen}, {width} x {height} pixels"


def save_model(learn: Learner, folder: str | Path) -> Path:
    """Save a Learner so that it can be asked about single pictures; `load_learner` reads the folder too.

    Beside what `save_learner` writes stand the names of the training data and what the model says of its validation
    images: from these follow the prediction sets.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`, trained, with its data.
    folder : path
        A new one; it is written whole or not at all. It holds no image.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        The network takes clinical data beside the image, the folder is already there or cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"{folder} is already there; choose a new folder, or remove it first")
    if getattr(learn.dls, "encoder", None) is not None:
        raise InputError(
            f"this network takes {', '.join(learn.dls.encoder.columns)} beside the image, and a single picture has "
            "none; train one with clinical=None"
        )
    found = predict(learn, "valid", VIEWS)
    # In double precision, as they are: a prediction set hangs on which of two probabilities is larger.
    validation = pd.DataFrame(found.y_prob, columns=_columns(found.labels))
    validation["truth"] = [found.labels[code] for code in found.y_true]
    with atomic_folder(folder) as part:
        inner = save_learner(learn, part / "learner")
        for path in inner.iterdir():
            path.rename(part / path.name)
        inner.rmdir()
        (part / _ABOUT).write_text(_about(learn).model_dump_json(indent=2) + "\n", encoding="utf-8")
        validation.to_parquet(part / _VALIDATION, index=False)
    return folder


def load_model(folder: str | Path) -> SavedModel:
    """Load a model that `save_model` has saved.

    Parameters
    ----------
    folder : path
        From `save_model`.

    Returns
    -------
    SavedModel
        Ready to be asked; see `ask`.

    Raises
    ------
    InputError
        The folder holds no such model, or a file of it is damaged.
    """
    folder = Path(folder)
    card = read_card(folder)
    about = _read_about(folder)
    y_true, y_prob = _read_validation(folder, list(card.classes))
    learn = load_learner(folder)
    learn.model.eval()
    return SavedModel(learn, card, about, y_true, y_prob)


def _about(learn: Learner) -> About:
    lesions = learn.dls.lesions
    rows = lesions.subset("train")
    facts = lesions.card.classes
    return About(
        trained_on=tuple(sorted(rows["source"].dropna().unique())) or (lesions.name,),
        modalities=tuple(sorted(rows["modality"].dropna().unique())),
        titles={label: facts[label].title for label in lesions.classes if label in facts},
    )


def _read_about(folder: Path) -> About:
    path = folder / _ABOUT
    try:
        return About.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise _not_asked_for(path) from error
    except ValidationError as error:
        raise InputError(f"{path}: damaged ({first_fault(error)}); save the model again") from error


def _read_validation(folder: Path, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    path = folder / _VALIDATION
    try:
        table = pd.read_parquet(path)
        y_prob = checks.probabilities(table[_columns(classes)].to_numpy())
        return checks.codes(table["truth"], classes, len(table)), y_prob
    except FileNotFoundError as error:
        raise _not_asked_for(path) from error
    except (OSError, KeyError, ValueError) as error:  # pyarrow's errors are ValueErrors, and so is InputError
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: damaged ({reason}); save the model again") from error


def _columns(classes: list[str]) -> list[str]:
    return [f"p_{label}" for label in classes]


def _not_asked_for(path: Path) -> InputError:
    return InputError(
        f"{path}: not there; save the trained Learner with ll.own_image.save_model(learn, folder), which keeps what "
        "single pictures need"
    )
