"""From one dataset to the next: a trained body under a new head, and two tasks in one head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from fastai.learner import Learner
from fastcore.basics import noop
from torch import nn

from lesionlib.errors import InputError
from lesionlib.learners.learner import lesion_learner
from lesionlib.learners.loading import LesionDataLoaders
from lesionlib.learners.predictions import Predictions


def carry_over(
    learn: Learner, dls: LesionDataLoaders, clinical: Sequence[str] | None = None, seed: int = 0, **learner_arguments
) -> Learner:
    """Go on with another dataset: a new Learner with the body that `learn` has trained so far.

    The step of nedelcu2021's sequences (Figure 2). The body's weights and batch-norm statistics are copied, and
    `learn` stays as it is, so that several Learners can start from it. The head is new, but where the classes and
    their order (and the clinical inputs) are the same it is copied too: without any training, the new Learner then
    predicts as the old one does.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`, or from here.
    dls : LesionDataLoaders
        Of the next dataset; their image size may be another one.
    clinical : list of str, optional
        As for `lesion_learner`.
    seed : int
        The new head and all that is random in training follow from it.
    **learner_arguments
        Handed to `lesion_learner`, such as `loss_func`, and from there to fastai's Learner.

    Returns
    -------
    Learner
        Its body frozen, as `lesion_learner` gives a pretrained one.

    Raises
    ------
    InputError
        A column that is no clinical input.
    """
    following = lesion_learner(
        dls, learn.arch, pretrained=False, clinical=clinical, dropout=learn.dropout, seed=seed, **learner_arguments
    )
    following.model.body.load_state_dict(learn.model.body.state_dict())
    if list(learn.dls.vocab) == list(dls.vocab) and learn.dls.encoder == following.dls.encoder:
        following.model.head.load_state_dict(learn.model.head.state_dict())
    following.freeze()
    return following


class OwnTask(nn.Module):
    """Cross-entropy within the classes of each image's own task: one head, two softmaxes.

    For datasets joined by `lesionlib.datasets.two_tasks`; nedelcu2021 (section V) proposes such a training.

    Parameters
    ----------
    first : int
        Classes of the first task; the columns after them are the second's.
    """

    # What fastai's loss functions have, and `get_preds` asks for.
    activation = staticmethod(noop)

    def __init__(self, first: int):
        super().__init__()
        self.first = first

    @staticmethod
    def decodes(scores: torch.Tensor) -> torch.Tensor:
        """Give the likeliest class of each image, over both tasks.

        Parameters
        ----------
        scores : torch.Tensor, shape (n, k)
            Of the network.

        Returns
        -------
        torch.Tensor, shape (n,)
            Class codes.
        """
        return scores.argmax(dim=-1)

    def forward(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        scores, targets = scores.as_subclass(torch.Tensor), targets.as_subclass(torch.Tensor)
        of_first = torch.arange(scores.shape[1], device=scores.device) < self.first
        own = of_first[None] == (targets < self.first)[:, None]
        return nn.functional.cross_entropy(scores.masked_fill(~own, -torch.inf), targets)


def of_task(predictions: Predictions, labels: Sequence[str]) -> Predictions:
    """Keep these classes of predictions; each row's probabilities are scaled to sum to 1 again.

    For scores of `OwnTask` this is the softmax over the task's own classes.

    Parameters
    ----------
    predictions : Predictions
        Of more classes.
    labels : sequence of str
        The classes to keep, in the order of the new columns.

    Returns
    -------
    Predictions
        The same images.

    Raises
    ------
    InputError
        A class that is not predicted, or an image of another class.
    """
    lost = [label for label in labels if label not in predictions.labels]
    if lost:
        raise InputError(f"there are no predictions of {lost[0]!r}; there are of {', '.join(predictions.labels)}")
    columns = [predictions.labels.index(label) for label in labels]
    place = np.full(len(predictions.labels), -1)
    place[columns] = np.arange(len(columns))
    truth = place[predictions.y_true]
    if (truth < 0).any():
        other = predictions.labels[predictions.y_true[truth < 0][0]]
        raise InputError(f"the predictions hold images of {other!r}, which is none of {', '.join(labels)}")
    chances = predictions.y_prob[:, columns]
    return replace(predictions, y_true=truth, y_prob=chances / chances.sum(axis=1, keepdims=True), labels=list(labels))
