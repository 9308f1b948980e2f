"""A trained Learner as safetensors and JSON: nothing in it is executed when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fastai.data.core import DataLoaders
from fastai.learner import Learner
from pydantic import BaseModel, ConfigDict, ValidationError

from lesionlib.errors import InputError, first_fault
from lesionlib.learners.clinical import ClinicalEncoder
from lesionlib.learners.learner import assemble
from lesionlib.learners.loading import LesionDataLoaders
from lesionlib.learners.models import make_net
from lesionlib.net_folder import NetFolder

_FILES = NetFolder("Learner", "model.safetensors", "learner.json")


class LearnerCard(BaseModel):
    """What it takes to build the network again and feed it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    arch: str
    classes: tuple[str, ...]
    size: int | tuple[int, int]
    fit: str = "squash"
    resample: str = "bilinear"
    dropout: float
    clinical: ClinicalEncoder | None


def save_learner(learn: Learner, folder: str | Path) -> Path:
    """Write the network's weights and description into a new folder, whole or not at all.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`.
    folder : path
        A new one.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        The folder is already there, or cannot be written.
    """
    card = LearnerCard(
        arch=learn.arch,
        classes=tuple(learn.dls.vocab),
        size=learn.dls.settings.size,
        fit=learn.dls.settings.fit,
        resample=learn.dls.settings.resample,
        dropout=learn.dropout,
        clinical=learn.dls.encoder,
    )
    return _FILES.write(folder, learn.model, card.model_dump_json(indent=2))


def load_learner(folder: str | Path, dls: LesionDataLoaders | None = None) -> Learner:
    """Build a saved Learner again.

    Parameters
    ----------
    folder : path
        From `save_learner`.
    dls : LesionDataLoaders, optional
        Data to predict or to train on; their classes must be the saved ones. Clinical data are
        encoded as they were in training.

    Returns
    -------
    Learner
        Ready to predict, or to be trained on.

    Raises
    ------
    InputError
        The folder is not a saved Learner, or `dls` has other classes.
    """
    folder = Path(folder)
    card = read_card(folder)
    width = card.clinical.width if card.clinical else 0
    net = make_net(card.arch, len(card.classes), width, card.dropout, card.size)
    try:
        net.load_state_dict(_FILES.read_weights(folder))
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{folder / _FILES.weights}: not the weights of this Learner ({reason}); save it again"
        ) from error
    learn = assemble(DataLoaders() if dls is None else _fitted(dls, card), net)
    learn.arch, learn.dropout = card.arch, card.dropout
    return learn


def read_card(folder: Path) -> LearnerCard:
    """Read what a saved Learner says of itself.

    Raises
    ------
    InputError
        The folder is not a saved Learner.
    """
    raw = _FILES.read_card(folder)
    try:
        return LearnerCard.model_validate(raw)
    except ValidationError as error:
        raise _FILES.not_described(folder, first_fault(error)) from error


def _fitted(dls: LesionDataLoaders, card: LearnerCard) -> LesionDataLoaders:
    if tuple(dls.vocab) != card.classes:
        raise InputError(
            f"the saved Learner has the classes {', '.join(card.classes)}, the data {', '.join(dls.vocab)}; "
            "load the data that it was trained for"
        )
    if card.clinical is None:
        return dls
    return LesionDataLoaders(dls.lesions, dls.settings, card.clinical, dls.device)
