"""Frozen features, computed once, and what is trained on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.torch_core import TensorCategory
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from lesionlib.errors import InputError
from lesionlib.learners.learner import assemble
from lesionlib.learners.loading import SAMPLERS, BatchDL
from lesionlib.learners.models import parameter_groups
from lesionlib.learners.predictions import Predictions, loader_of


@dataclass(frozen=True)
class Features:
    """Pooled features of one split.

    Attributes
    ----------
    x : numpy.ndarray, shape (n, width)
        float32; encoded clinical data are not in it.
    clinical : numpy.ndarray, shape (n, m), or None
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


def svm_head(train: Features, c: float = 1.0, seed: int = 0) -> Pipeline:
    """Train a radial-basis SVM with class probabilities on standardized features.

    Parameters
    ----------
    train : Features
        Of the training split.
    c : float
        The SVM's C: larger fits the training images closer.
    seed : int
        Of the 5-fold cross-validation behind the probabilities (Platt's scaling).

    Returns
    -------
    sklearn.pipeline.Pipeline
        ``predict`` and ``predict_proba`` take `Features.inputs`.

    Raises
    ------
    InputError
        Fewer than two classes, or a class with a single image.
    """
    codes, counts = np.unique(train.y, return_counts=True)
    if len(codes) < 2 or counts.min() < 2:
        raise InputError(
            f"svm_head: {len(codes)} classes, the smallest with {counts.min()} training images; "
            "expected two classes or more with two images or more each"
        )
    folds = StratifiedKFold(min(5, counts.min()), shuffle=True, random_state=seed)
    svm = CalibratedClassifierCV(SVC(C=c, class_weight="balanced"), cv=folds, ensemble=False)
    return make_pipeline(StandardScaler(), svm).fit(train.inputs, train.y)


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


def fit_head(learn: Learner, n_epoch: int, lr: float = 2e-3, **fit_arguments) -> Learner:
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
    """
    train, valid = features(learn, "train"), features(learn, "valid")
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
        DataLoaders(*loaders, device=device), learn.model.head, learn.loss_func, splitter=_one_group, **same
    )
    head.fit_one_cycle(n_epoch, lr, **fit_arguments)
    frozen = len(parameter_groups(learn.model)) - 1
    done = [{**figures, "frozen_groups": frozen} for figures in head.epochs_done]
    learn.epochs_done = [*getattr(learn, "epochs_done", []), *done]
    return learn


def _one_group(head: torch.nn.Module) -> list[list[torch.nn.Parameter]]:
    return [list(head.parameters())]


def head_predictions(head: Pipeline, split: Features, labels: list[str], name: str) -> Predictions:
    """Predictions of an `svm_head` on the features of the split called `name`.

    A class without training images has the probability 0.
    """
    probabilities = np.zeros((len(split.y), len(labels)))
    probabilities[:, head.classes_] = head.predict_proba(split.inputs)
    return Predictions(split.y, probabilities, labels, split.frame, name)
