"""Changed copies of images: single operations, pipelines of them, policies while training, copies made before it."""

from lesionlib.learners.augmentation.copies import (
    balanced_copies,
    mendes2018_split,
    offline_copies,
    with_validation,
)
from lesionlib.learners.augmentation.pipelines import Pipeline, pipeline
from lesionlib.learners.augmentation.policies import policy

__all__ = [
    "Pipeline",
    "balanced_copies",
    "mendes2018_split",
    "offline_copies",
    "pipeline",
    "policy",
    "with_validation",
]
