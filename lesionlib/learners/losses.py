"""Losses beside cross-entropy: k yes/no questions and the SVM's hinge; and the two accuracies they are judged by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from fastai.metrics import AccumMetric, ActivationType
from fastcore.basics import noop
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from lesionlib.errors import InputError

_FORMS = ("crammer_singer", "ovr")


class _MeanOverImages(nn.Module):
    """What fastai asks a loss for; each image counts with the weight of its true class."""

    # fastai's MixUp then mixes losses, not class codes.
    y_int = True

    def __init__(self, weight: torch.Tensor | Sequence[float] | None = None):
        super().__init__()
        # fastai sets "none" while it wants one loss an image.
        self.reduction = "mean"
        weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
        if weight is not None and not (weight.ndim == 1 and torch.isfinite(weight).all() and (weight >= 0).all()):
            raise InputError(f"weight: expected one finite number a class, 0 or more; got {weight.tolist()}")
        self.register_buffer("weight", weight)

    @staticmethod
    def decodes(answers: torch.Tensor) -> torch.Tensor:
        return answers.argmax(dim=-1)

    def _reduced(self, losses: torch.Tensor, targets: torch.Tensor, classes: int) -> torch.Tensor:
        if self.weight is not None and len(self.weight) != classes:
            raise InputError(f"weight: found {len(self.weight)}, expected {classes}, one for each class in their order")
        weights = torch.ones_like(losses) if self.weight is None else self.weight.to(losses)[targets]
        weighted = weights * losses
        return weighted if self.reduction == "none" else weighted.sum() / weights.sum()


class BinaryCrossEntropy(_MeanOverImages):
    """Binary cross-entropy for class codes: k classes are k yes/no questions, each with a sigmoid of its own.

    bhardwaj2021 (section 6) gains "+3%" of accuracy by a switch to this loss; see `per_label_accuracy`. An image's
    loss is the mean over its k answers, as in Keras; the loss of a batch is the mean over its images.

    For two classes, one output z with a sigmoid is no other loss than cross-entropy with z as the difference of two
    outputs. This class keeps two outputs, each asked its own question, and so does differ.

    Parameters
    ----------
    weight : array_like of shape (k,), optional
        Class weights, such as `class_weights` gives. Each image counts with the weight of its true class, and the
        sum is divided by the sum of these weights, as with cross-entropy.

    Raises
    ------
    InputError
        Weights that are negative or not finite, or not as many as classes.

    Notes
    -----
    `activation` (what fastai's ``get_preds`` applies) is the sigmoid: k answers in [0, 1] whose sum may be anything
    from 0 to k. `predict` applies the softmax under every loss: its rows sum to 1, they are the odds of the k answers
    divided by their sum, hence the chance of each class given that exactly one of k independent answers is yes. The
    likeliest class is the same.
    """

    activation = staticmethod(torch.sigmoid)

    def forward(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        scores, targets = scores.as_subclass(torch.Tensor), targets.as_subclass(torch.Tensor)
        truth = one_hot(targets, scores.shape[1]).to(scores.dtype)
        losses = binary_cross_entropy_with_logits(scores, truth, reduction="none").mean(dim=1)
        return self._reduced(losses, targets, scores.shape[1])


class HingeLoss(_MeanOverImages):
    """Hinge loss for class codes: with it, a network's last layer is trained as a linear SVM.

    bhardwaj2021 (section 6) puts an SVM "along with 'hinge-loss'" in the softmax's place. An SVM also keeps its
    weights small: that part is the optimizer's weight decay (``wd`` of ``fit_one_cycle``).

    Parameters
    ----------
    multi_class : {"crammer_singer", "ovr"}
        As in scikit-learn's LinearSVC. Crammer and Singer: the true class is to lead its best rival by 1,
        ``max(0, 1 - s_true + max s_other)``. One against all (ovr): k yes/no questions, each with a margin of 1;
        an image's loss is the mean over them.
    weight : array_like of shape (k,), optional
        Class weights, as for `BinaryCrossEntropy`.

    Raises
    ------
    InputError
        An unknown form, or weights that are negative, not finite, or not as many as classes.

    Notes
    -----
    `activation` changes nothing: scores are margins and no probabilities. `predict` applies the softmax all the
    same: rows sum to 1 and name the same class, but the loss has not calibrated them.
    """

    activation = staticmethod(noop)

    def __init__(self, multi_class: str = "crammer_singer", weight: torch.Tensor | Sequence[float] | None = None):
        super().__init__(weight)
        if multi_class not in _FORMS:
            raise InputError(f"multi_class: {multi_class!r} is not known; choose from {', '.join(_FORMS)}")
        self.multi_class = multi_class

    def forward(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        scores, targets = scores.as_subclass(torch.Tensor), targets.as_subclass(torch.Tensor)
        truth = one_hot(targets, scores.shape[1]).bool()
        if self.multi_class == "ovr":
            losses = (1 - torch.where(truth, scores, -scores)).clamp(min=0).mean(dim=1)
        else:
            rivals = scores.masked_fill(truth, -torch.inf).amax(dim=1)
            losses = (1 - scores[truth] + rivals).clamp(min=0)
        return self._reduced(losses, targets, scores.shape[1])


def per_label_accuracy(y_true, y_prob) -> float:
    """Share of the k yes/no answers of each image that are right, yes being a probability above 0.5.

    Keras reports this as "accuracy" where the loss is binary cross-entropy (``binary_accuracy``), and accuracy by
    image where it is categorical. With k classes a network that always says no reaches ``(k - 1) / k``, so a switch
    of the loss raises the printed figure without a single image more being right. For two classes whose
    probabilities sum to 1 the two accuracies are one (unless both are 0.5).

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Class codes.
    y_prob : array_like of shape (n, k)
        Probabilities or sigmoid answers, in [0, 1]; rows need not sum to 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        No images, other shapes, codes that are none, or values outside [0, 1].
    """
    truth, answers = _checked(y_true, y_prob)
    return float(((answers > 0.5) == (truth[:, None] == np.arange(answers.shape[1]))).mean())


def per_image_accuracy(y_true, y_prob) -> float:
    """Share of images whose likeliest class is the true one: what "accuracy" means everywhere else.

    Parameters
    ----------
    y_true, y_prob
        As for `per_label_accuracy`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        As for `per_label_accuracy`.
    """
    truth, answers = _checked(y_true, y_prob)
    return float((answers.argmax(axis=1) == truth).mean())


def PerLabelAccuracy(activation: str = ActivationType.Sigmoid) -> AccumMetric:
    """Give `per_label_accuracy` as a metric for ``lesion_learner(..., metrics=[accuracy, PerLabelAccuracy()])``.

    Parameters
    ----------
    activation : {"sigmoid", "softmax"}
        What turns scores into answers; softmax is what Keras has under binary cross-entropy with a softmax layer.

    Returns
    -------
    fastai.metrics.AccumMetric
        For the argument `metrics`.
    """
    return AccumMetric(
        per_label_accuracy, dim_argmax=-1, activation=activation, to_np=True, invert_arg=True, flatten=False
    )


def _checked(y_true, y_prob) -> tuple[np.ndarray, np.ndarray]:
    truth, answers = np.asarray(y_true), np.asarray(y_prob)
    if answers.ndim != 2 or truth.shape != answers.shape[:1] or not len(truth):
        raise InputError(f"y_true, y_prob: found shapes {truth.shape} and {answers.shape}, expected (n,) and (n, k)")
    if not ((answers >= 0) & (answers <= 1)).all():
        raise InputError("y_prob: expected values in [0, 1]; apply sigmoid or softmax to scores first")
    if not np.isin(truth, np.arange(answers.shape[1])).all():
        raise InputError(f"y_true: expected class codes 0 to {answers.shape[1] - 1}, one an image")
    return truth, answers
