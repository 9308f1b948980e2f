"""Frozen features, computed once, and what is trained on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.torch_core import TensorCategory, trainable_params
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from tqdm import tqdm

from lesionlib.errors import InputError
from lesionlib.learners.batches import SAMPLERS, BatchDL
from lesionlib.learners.learner import assemble
from lesionlib.learners.models import parameter_groups
from lesionlib.learners.predictions import Predictions, loader_of

# What differs from scikit-learn's own; without break_ties an SVC may decide against its own decision_function.
_SVMS = {"rbf": (SVC, {"break_ties": True}), "linear": (LinearSVC, {"loss": "hinge", "max_iter": 10_000})}


@dataclass(frozen=True)
class Features:
    """Pooled features of one split.

    Attributes
    ----------
    x : numpy.ndarray, shape (n, width)
        float32; encoded clinical data are not in it.
    clinical : numpy.ndarray, shape (n, m), or None
        Encoded clinical data; None for a network of images alone.
    y : numpy.ndarray, shape (n,)
        Class codes.
    frame : pandas.DataFrame
        The dataset's rows, in the same order.
    """

    x: np.ndarray
    clinical: np.ndarray | None
    y: np.ndarray
    frame: pd.DataFrame

    @property
    def inputs(self) -> np.ndarray:
        """Features and clinical data side by side."""
        return self.x if self.clinical is None else np.concatenate([self.x, self.clinical], axis=1)


def features(learn: Learner, split: str) -> Features:
    """Compute the body's pooled features of a split, without augmentation.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`.
    split : str
        Such as ``"train"``.

    Returns
    -------
    Features
        One row an image, in the frame's order.

    Raises
    ------
    InputError
        There is no such split.
    """
    loader = loader_of(learn, split)
    net = learn.model.to(learn.dls.device).eval()
    with torch.inference_mode():
        blocks = [
            net.features(images).cpu().numpy() for images, *_ in tqdm(loader, desc=f"features {split}", leave=False)
        ]
    clinical = loader.dataset.clinical
    return Features(
        np.concatenate(blocks),
        None if clinical is None else clinical.numpy(),
        learn.dls.targets(split),
        learn.dls.lesions.subset(split),
    )


def svm_head(
    train: Features,
    c: float = 1.0,
    seed: int = 0,
    *,
    kernel: str = "rbf",
    class_weight: str | dict[int, float] | None = "balanced",
    calibrated: bool = True,
    **svm_arguments,
) -> Pipeline:
    """Train a support vector machine on standardized features.

    bhardwaj2021 (sections 4.1 and 6) puts a linear one with hinge loss in the place of the softmax; see `softmax_head`
    for that other arm.

    Parameters
    ----------
    train : Features
        Of the training split.
    c : float
        The SVM's C: larger fits the training images closer.
    seed : int
        Of the 5-fold cross-validation behind the probabilities (Platt's scaling), and of the linear SVM's solver.
    kernel : {"rbf", "linear"}
        scikit-learn's SVC with a radial basis, or its LinearSVC.
    class_weight : {"balanced", None} or dict
        Every class alike, every image alike, or a weight for each class code.
    calibrated : bool
        True: probabilities by Platt's scaling, and a decision for the likelier class; scaling by the shares of the
        classes undoes much of what class weights and margins do to a decision. False: no probabilities; a decision is
        the side of the SVM's own plane.
    **svm_arguments
        Handed to SVC or LinearSVC. For the linear SVM: ``loss`` (``"hinge"`` unless given, or ``"squared_hinge"``),
        ``multi_class`` (``"ovr"``, one against all, or ``"crammer_singer"``, which has a hinge loss of its own and
        ignores `loss`), ``max_iter`` (10,000), ``tol``. It holds the intercept small too, as one more weight.

    Returns
    -------
    sklearn.pipeline.Pipeline
        ``predict`` takes `Features.inputs`; so do ``predict_proba`` if calibrated, ``decision_function`` if not.

    Raises
    ------
    InputError
        Fewer than two classes, a class with a single image (if calibrated), or arguments that scikit-learn refuses.
    """
    least = 2 if calibrated else 1
    codes, counts = np.unique(train.y, return_counts=True)
    if len(codes) < 2 or counts.min() < least:
        raise InputError(
            f"svm_head: {len(codes)} classes, the smallest with {counts.min()} training images; "
            f"expected two classes or more with {least} or more each"
        )
    if kernel not in _SVMS:
        raise InputError(f"kernel: {kernel!r} is not known; choose from {', '.join(_SVMS)}")
    try:
        kind, own = _SVMS[kernel]
        svm = kind(C=c, class_weight=class_weight, random_state=seed, **(own | svm_arguments))
        if calibrated:
            folds = StratifiedKFold(min(5, counts.min()), shuffle=True, random_state=seed)
            svm = CalibratedClassifierCV(svm, cv=folds, ensemble=False)
        return make_pipeline(StandardScaler(), svm).fit(train.inputs, train.y)
    except (TypeError, ValueError) as error:
        raise InputError(f"svm_head: scikit-learn says: {str(error).splitlines()[0]}") from error


def softmax_head(train: Features, c: float = 1.0, class_weight: str | dict[int, float] | None = None) -> Pipeline:
    """Train a softmax layer (logistic regression) on standardized features: what an SVM is compared with.

    It is the best solution under cross-entropy and a penalty on the squared weights, and needs no seed; `fit_head`
    trains a Learner's own head by steps instead.

    Parameters
    ----------
    train : Features
        Of the training split, of one network or of several (`joined_features`).
    c : float
        As for `svm_head`: the sum of the images' losses is weighed by `c` against half the squared weights.
    class_weight : {"balanced", None} or dict
        As for `svm_head`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        ``predict`` and ``predict_proba`` take `Features.inputs`.

    Raises
    ------
    InputError
        Fewer than two classes, or arguments that scikit-learn refuses.
    """
    try:
        regression = LogisticRegression(C=c, class_weight=class_weight, max_iter=2000)
        return make_pipeline(StandardScaler(), regression).fit(train.inputs, train.y)
    except ValueError as error:
        raise InputError(f"softmax_head: scikit-learn says: {str(error).splitlines()[0]}") from error


class _FeatureItems:
    def __init__(self, features: Features, split_idx: int):
        self.x, self.targets, self.split_idx = torch.as_tensor(features.x), torch.as_tensor(features.y), split_idx
        self.clinical = None if features.clinical is None else torch.as_tensor(features.clinical)
        self.n_inp = 1 if self.clinical is None else 2

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, positions):
        where = np.atleast_1d(positions)
        inputs = (self.x[where],) if self.clinical is None else (self.x[where], self.clinical[where])
        return (*inputs, TensorCategory(self.targets[where]))


def fit_head(
    learn: Learner,
    n_epoch: int,
    lr: float = 2e-3,
    *,
    computed: tuple[Features, Features] | None = None,
    **fit_arguments,
) -> Learner:
    """Train only the head of a Learner, one cycle, on features that are computed once.

    The same as ``freeze()`` and ``fit_one_cycle(n_epoch, lr)`` without augmentation, and many
    times faster, since the body sees each image once. The head is trained in place; loss, optimizer,
    metrics, sampler and history are the Learner's.

    Parameters
    ----------
    learn : Learner
        From `lesion_learner`.
    n_epoch : int
        Epochs over the stored features.
    lr : float
        Highest learning rate of the cycle.
    computed : (Features, Features), optional
        Of ``train`` and ``valid``, where they are at hand: cross-validation asks the body only once for each image.
    **fit_arguments
        Handed to ``fit_one_cycle``.

    Returns
    -------
    Learner
        The same one.
    """
    train, valid = computed or (features(learn, "train"), features(learn, "valid"))
    bs, device = learn.dls.settings.bs, learn.dls.device
    loaders = [
        SAMPLERS[learn.dls.settings.sampler](
            _FeatureItems(train, 0),
            bs=bs,
            shuffle=True,
            drop_last=len(train.y) > bs,
            num_workers=0,
            device=device,
        ),
        BatchDL(_FeatureItems(valid, 1), bs=1024, num_workers=0, device=device),
    ]
    loaders[0].rng.seed(learn.dls.train.rng.random())
    same = {name: getattr(learn, name) for name in ("opt_func", "metrics", "wd", "wd_bn_bias", "moms")}
    head = assemble(
        DataLoaders(*loaders, device=device), learn.model.head, learn.loss_func, splitter=trainable_params, **same
    )
    head.fit_one_cycle(n_epoch, lr, **fit_arguments)
    frozen = len(parameter_groups(learn.model)) - 1
    done = [{**figures, "frozen_groups": frozen} for figures in head.epochs_done]
    learn.epochs_done = [*getattr(learn, "epochs_done", []), *done]
    return learn


def head_predictions(head: Pipeline, split: Features, labels: list[str], name: str) -> Predictions:
    """Ask an `svm_head` or a `softmax_head` about features.

    A class without training images has the probability 0. An SVM that was not calibrated has margins, no probabilities:
    they are put through the softmax (0 and the margin, for two classes), so that rows sum to 1 and the likeliest class
    is the SVM's own decision. Rank by them, decide by them, but read no chance from them.

    Parameters
    ----------
    head : sklearn.pipeline.Pipeline
        From `svm_head` or `softmax_head`.
    split : Features
        Of the images to predict.
    labels : list of str
        The k classes, in the order of their codes.
    name : str
        Of the split, such as ``"test"``.

    Returns
    -------
    Predictions
        One row an image.
    """
    probabilities = np.zeros((len(split.y), len(labels)))
    probabilities[:, head.classes_] = _probabilities(head, split.inputs)
    return Predictions(split.y, probabilities, labels, split.frame, name)


def _probabilities(head: Pipeline, inputs: np.ndarray) -> np.ndarray:
    if hasattr(head, "predict_proba"):
        return head.predict_proba(inputs)
    margins = head.decision_function(inputs)
    if margins.ndim == 1:
        margins = np.stack([np.zeros_like(margins), margins], axis=1)
    return softmax(margins, axis=1)
