"""fastai Learners over timm networks for skin lesions: loaders, models, training, predictions."""

import warnings

with warnings.catch_warnings():
    # fastai.layers compiles a function in a way that torch gives up; it is not the reader's to mend.
    warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning)
    import fastai.layers  # noqa: F401

from lesionlib.learners.augmentation import (
    Pipeline,
    balanced_copies,
    mendes2018_split,
    offline_copies,
    pipeline,
    with_validation,
)
from lesionlib.learners.clinical import ClinicalEncoder
from lesionlib.learners.frozen import Features, features, fit_head, head_predictions, svm_head
from lesionlib.learners.learner import GrowImages, class_weights, history, history_rows, lesion_learner
from lesionlib.learners.loading import LesionDataLoaders, dataloaders
from lesionlib.learners.predictions import Predictions, predict
from lesionlib.learners.saving import load_learner, save_learner
from lesionlib.learners.schedules import Accumulate, BlockwiseThaw, CaffeStep, Cyclical, Plateau, caffe_epochs, fit
from lesionlib.learners.transfer import OwnTask, carry_over, of_task

__all__ = [
    "Accumulate",
    "BlockwiseThaw",
    "CaffeStep",
    "ClinicalEncoder",
    "Cyclical",
    "Features",
    "GrowImages",
    "LesionDataLoaders",
    "OwnTask",
    "Pipeline",
    "Plateau",
    "Predictions",
    "balanced_copies",
    "caffe_epochs",
    "carry_over",
    "class_weights",
    "dataloaders",
    "features",
    "fit",
    "fit_head",
    "head_predictions",
    "history",
    "history_rows",
    "lesion_learner",
    "load_learner",
    "mendes2018_split",
    "of_task",
    "offline_copies",
    "pipeline",
    "predict",
    "save_learner",
    "svm_head",
    "with_validation",
]
