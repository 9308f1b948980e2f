"""fastai Learners over timm networks for skin lesions: loaders, models, training, predictions."""

import warnings

with warnings.catch_warnings():
    # fastai.layers compiles a function in a way that torch gives up; it is not the reader's to mend.
    warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning)
    import fastai.layers  # noqa: F401

from lesionlib.learners.clinical import ClinicalEncoder
from lesionlib.learners.frozen import Features, features, fit_head, head_predictions, svm_head
from lesionlib.learners.learner import GrowImages, class_weights, history, history_rows, lesion_learner
from lesionlib.learners.loading import LesionDataLoaders, dataloaders
from lesionlib.learners.predictions import Predictions, predict
from lesionlib.learners.saving import load_learner, save_learner

__all__ = [
    "ClinicalEncoder",
    "Features",
    "GrowImages",
    "LesionDataLoaders",
    "Predictions",
    "class_weights",
    "dataloaders",
    "features",
    "fit_head",
    "head_predictions",
    "history",
    "history_rows",
    "lesion_learner",
    "load_learner",
    "predict",
    "save_learner",
    "svm_head",
]
