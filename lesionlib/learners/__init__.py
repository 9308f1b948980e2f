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
from lesionlib.learners.ensembles import Additive, additive, average, joined_features, top_members
from lesionlib.learners.frozen import Features, features, fit_head, head_predictions, softmax_head, svm_head
from lesionlib.learners.learner import (
    GrowImages,
    class_weights,
    compile_training,
    history,
    history_rows,
    lesion_learner,
)
from lesionlib.learners.loading import LesionDataLoaders, dataloaders
from lesionlib.learners.losses import (
    BinaryCrossEntropy,
    HingeLoss,
    PerLabelAccuracy,
    per_image_accuracy,
    per_label_accuracy,
)
from lesionlib.learners.predictions import Predictions, predict
from lesionlib.learners.saving import load_learner, save_learner
from lesionlib.learners.schedules import Accumulate, BlockwiseThaw, CaffeStep, Cyclical, Plateau, caffe_epochs, fit
from lesionlib.learners.threads import leave_threads_to_torch
from lesionlib.learners.transfer import OwnTask, carry_over, of_task

__all__ = [
    "Accumulate",
    "Additive",
    "BinaryCrossEntropy",
    "BlockwiseThaw",
    "CaffeStep",
    "ClinicalEncoder",
    "Cyclical",
    "Features",
    "GrowImages",
    "HingeLoss",
    "LesionDataLoaders",
    "OwnTask",
    "PerLabelAccuracy",
    "Pipeline",
    "Plateau",
    "Predictions",
    "additive",
    "average",
    "balanced_copies",
    "caffe_epochs",
    "carry_over",
    "class_weights",
    "compile_training",
    "dataloaders",
    "features",
    "fit",
    "fit_head",
    "head_predictions",
    "history",
    "history_rows",
    "joined_features",
    "lesion_learner",
    "load_learner",
    "mendes2018_split",
    "of_task",
    "offline_copies",
    "per_image_accuracy",
    "per_label_accuracy",
    "pipeline",
    "predict",
    "save_learner",
    "softmax_head",
    "svm_head",
    "top_members",
    "with_validation",
]

leave_threads_to_torch()
