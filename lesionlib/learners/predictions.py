"""Predictions of a Learner, with the rows that they are about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.learner import Learner

from lesionlib.errors import InputError
from lesionlib.learners.batches import BatchDL
from lesionlib.learners.loading import LesionDataLoaders


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of one split.

    Attributes
    ----------
    y_true : numpy.ndarray, shape (n,)
        Class codes.
    y_prob : numpy.ndarray, shape (n, k)
        Probabilities; rows sum to 1.
    labels : list of str
        The k class names.
    frame : pandas.DataFrame
        The dataset's rows, in the same order.
    split : str
        Name of the split, such as ``"test"``.
    """

    y_true: np.ndarray
    y_prob: np.ndarray
    labels: list[str]
    frame: pd.DataFrame
    split: str

    @property
    def y_pred(self) -> np.ndarray:
        """Most probable class codes, shape (n,)."""
        return self.y_prob.argmax(axis=1)

    def table(self) -> pd.DataFrame:
        """Give the probabilities as a run stores them.

        Returns
        -------
        DataFrame
            One row an image: image_id, split, and ``p_<class>`` (float32).
        """
        columns = {f"p_{label}": self.y_prob[:, k].astype(np.float32) for k, label in enumerate(self.labels)}
        return pd.DataFrame({"image_id": self.frame["image_id"].to_numpy(), "split": self.split, **columns})

    def ranked(self) -> pd.DataFrame:
        """The rows from most right to most wrong, by the probability that the true class was given.

        mendes2018 (section IV) looks at both ends. ``ranked().head(4)`` and ``ranked().tail(4)`` are they; the
        index is the row's number in the dataset. Rows that tie keep their order.

        Returns
        -------
        pandas.DataFrame
            `frame`, and the columns ``p_truth`` and ``p_prediction`` (probabilities of the true and of the
            predicted class), ``prediction`` (class name) and ``correct``.
        """
        rows = np.arange(len(self.y_true))
        found = self.frame.assign(
            p_truth=self.y_prob[rows, self.y_true],
            p_prediction=self.y_prob[rows, self.y_pred],
            prediction=np.array(self.labels)[self.y_pred],
            correct=self.y_pred == self.y_true,
        )
        return found.sort_values("p_truth", ascending=False, kind="stable")


# The eight ways to flip and turn a square; the first n are used.
_VIEWS = (
    lambda x: x,
    lambda x: x.flip(3),
    lambda x: x.flip(2),
    lambda x: x.flip((2, 3)),
    lambda x: x.transpose(2, 3),
    lambda x: x.transpose(2, 3).flip(3),
    lambda x: x.transpose(2, 3).flip(2),
    lambda x: x.transpose(2, 3).flip((2, 3)),
)


class _View(Callback):
    """Turns each batch before the network sees it."""

    def __init__(self, turn):
        self.turn = turn

    def before_batch(self):
        images, *others = self.xb
        self.learn.xb = (self.turn(images), *others)


def predict(learn: Learner, split: str = "test", views: int = 1) -> Predictions:
    """Predict a split of the Learner's dataset.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`.
    split : str
        ``valid``, ``test`` or ``train`` (without augmentation).
    views : int
        Average over this many flips of each image, 1 to 8; from 5 on images must be square.

    Returns
    -------
    Predictions
        One row an image, in the frame's order.

    Raises
    ------
    InputError
        There is no such split, or `views` is out of range.
    """
    if not 1 <= views <= len(_VIEWS):
        raise InputError(f"views: expected 1 to {len(_VIEWS)} flips; got {views}")
    loader = loader_of(learn, split)
    if views > 4 and loader.dataset.array.shape[1] != loader.dataset.array.shape[2]:
        raise InputError(f"views: {views} flips turn images on their side, which needs square ones; use at most 4")
    # The Recorder would forget the training's curves; nothing here is to be recorded.
    with learn.removed_cbs(learn.recorder):
        probabilities = [
            learn.get_preds(dl=loader, act=precise_softmax, cbs=[_View(turn)], reorder=False)[0].numpy()
            for turn in _VIEWS[:views]
        ]
    rows = learn.dls.lesions.subset(split)
    return Predictions(learn.dls.targets(split), np.mean(probabilities, axis=0), list(learn.dls.vocab), rows, split)


def loader_of(learn: Learner, split: str) -> BatchDL:
    """Loader over a split of the Learner's dataset, in the frame's order.

    Raises
    ------
    InputError
        The Learner was loaded without data, or there is no such split.
    """
    if not isinstance(learn.dls, LesionDataLoaders):
        raise InputError("this Learner has no data; load it with them: load_learner(folder, dataloaders(...))")
    return learn.dls.loader(split)


def precise_softmax(scores: torch.Tensor) -> torch.Tensor:
    """Softmax in double precision: rows sum to 1 to the last digit that matters."""
    return scores.double().softmax(dim=-1)
