"""What a model says about one picture: probabilities, a prediction set and a heat map, under a notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from PIL import Image

from lesionlib.datasets.pixels import resized
from lesionlib.errors import InputError
from lesionlib.metrics.decisions import conformal_sets
from lesionlib.own_image.figure import drawn
from lesionlib.own_image.layers import heat_layer
from lesionlib.own_image.origin import phantom_of
from lesionlib.own_image.saved import VIEWS, SavedModel
from lesionlib.own_image.usable import opened, why_not
from lesionlib.probes import gradcam
from lesionlib.probes.inputs import inputs_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTICE = (
    "For teaching and research, not for diagnosis. A model can be wrong, also where it is sure. "
    "If a spot on your skin worries you, see a physician, whatever stands here."
)
"""Stands with every answer."""

# Height of the picture that is shown, at most.
_SHOWN = 512


@dataclass(frozen=True)
class Answer:
    """What a model said about one picture.

    Attributes
    ----------
    name : str
        The picture.
    table : DataFrame
        One row a class, the likeliest first: class, title, probability (in [0, 1]), in_set (bool).
    alpha : float
        The prediction set was made to leave the truth out for this share of images like the validation's.
    picture : numpy.ndarray, shape (h, w, 3)
        uint8: what the model looked at, or the same in finer pixels, where the picture has them.
    heat : numpy.ndarray, shape (rows, columns)
        Grad-CAM for the likeliest class, in [0, 1], over the same field as `picture`.
    model : str
        What answered.
    """

    name: str
    table: pd.DataFrame
    alpha: float
    picture: np.ndarray
    heat: np.ndarray
    model: str

    @property
    def prediction_set(self) -> list[str]:
        """Titles of the classes that the model cannot rule out, the likeliest first; may be empty."""
        return self.table.loc[self.table["in_set"], "title"].tolist()

    @property
    def sentence(self) -> str:
        """The prediction set in words, and what it promises."""
        named = ", ".join(self.prediction_set) or "empty (no class is as probable as the truth usually is)"
        return (
            f"Prediction set: {named}. Of images like its validation images, such sets hold the truth for "
            f"{1 - self.alpha:.0%} or more; for pictures of another kind nothing is promised."
        )

    def figure(self) -> Figure:
        """Draw the picture, the heat map over it, and the probabilities, with the notice below them.

        Returns
        -------
        matplotlib.figure.Figure
            For a notebook, or to be saved.
        """
        return drawn(self, NOTICE)


def ask(model: SavedModel, picture: str | Path | bytes, alpha: float = 0.1, name: str | None = None) -> Answer:
    """Ask a model about one picture; nothing is written.

    The probabilities are the mean over four flips, as from ``learners.predict(learn, split, views=4)``.

    Parameters
    ----------
    model : SavedModel
        From `load_model`.
    picture : path or bytes
        A file, or its content.
    alpha : float
        Share of prediction sets that may leave the truth out, in (0, 1).
    name : str, optional
        What messages call the picture; else its path.

    Returns
    -------
    Answer
        Probabilities, a prediction set and a heat map.

    Raises
    ------
    InputError
        The picture is refused: see `opened` and `why_not`. Or the model was trained on phantoms and this is none that
        the library has drawn on this machine, or the other way round.
    """
    content = picture if isinstance(picture, bytes) else _read(Path(picture))
    name = name or ("the picture" if isinstance(picture, bytes) else str(picture))
    image = opened(content, name)
    _refuse_other_world(model, content, name)
    reason = why_not(image, model.size)
    if reason:
        raise InputError(f"{name}: {reason}")
    return _answer(model, image, alpha, name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a picture file") from error


def _refuse_other_world(model: SavedModel, content: bytes, name: str) -> None:
    phantom = phantom_of(content)
    trained_on = ", ".join(model.about.trained_on)
    if phantom is None and model.drawn == {True}:
        raise InputError(
            f"{name}: this model was trained on drawn lesions ({trained_on}) and has never seen a photograph, so its "
            "answer would mean nothing; ask it about a phantom that this machine has drawn, or take a model that was "
            "trained on photographs"
        )
    if phantom and model.drawn == {False}:
        raise InputError(
            f"{name}: a drawn lesion ({phantom}), and this model was trained on photographs ({trained_on}), so its "
            "answer would mean nothing; ask it about a photograph, or take a model that was trained on phantoms"
        )


def _answer(model: SavedModel, image: Image.Image, alpha: float, name: str) -> Answer:
    card = model.card
    seen = np.asarray(resized(image, model.size, card.fit, card.resample))
    probabilities = _probabilities(model, seen)
    likeliest = int(probabilities.argmax())
    table = pd.DataFrame(
        {
            "class": model.classes,
            "title": [model.title(label) for label in model.classes],
            "probability": probabilities,
            "in_set": _in_set(model, probabilities, alpha),
        }
    )
    table = table.sort_values("probability", ascending=False, kind="stable", ignore_index=True)
    heat = gradcam(model.learn, seen[None], likeliest, heat_layer(model.learn.model, model.size))[0]
    return Answer(name, table, alpha, _shown(model, image), heat, str(model))


def _probabilities(model: SavedModel, seen: np.ndarray) -> np.ndarray:
    """Mean over the first views of `learners.predict`: as it is, and flipped across, down, and both."""
    views = np.stack([seen, seen[:, ::-1], seen[::-1], seen[::-1, ::-1]][:VIEWS])
    with torch.no_grad():
        scores = [model.learn.model(*given) for _, given in inputs_of(model.learn, views).batches(VIEWS)]
    return torch.cat(scores).double().softmax(dim=1).mean(dim=0).cpu().numpy()


def _in_set(model: SavedModel, probabilities: np.ndarray, alpha: float) -> np.ndarray:
    try:
        return conformal_sets(model.y_true, model.y_prob, probabilities[None], alpha)[0]
    except InputError as error:
        raise InputError(f"no prediction set from this model's validation images: {error}") from error


def _shown(model: SavedModel, image: Image.Image) -> np.ndarray:
    """Cut the picture as for the model, in finer pixels where it has them: the least that is enlarged is nothing."""
    height, width = model.size
    times = max(1, min(image.width // width, image.height // height, _SHOWN // height))
    return np.asarray(resized(image, (times * height, times * width), model.card.fit))
