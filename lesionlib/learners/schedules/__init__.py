"""Training rules of the papers where they are not fastai's: Caffe's steps, blockwise thawing, plateaus, cycles."""

from lesionlib.learners.schedules.base import Plan, Schedule, fit
from lesionlib.learners.schedules.caffe import CaffeStep, caffe_epochs, caffe_sgd
from lesionlib.learners.schedules.callbacks import Accumulate
from lesionlib.learners.schedules.rates import Cyclical, Plateau
from lesionlib.learners.schedules.thaw import BLOCKS, BlockwiseThaw

__all__ = [
    "BLOCKS",
    "Accumulate",
    "BlockwiseThaw",
    "CaffeStep",
    "Cyclical",
    "Plan",
    "Plateau",
    "Schedule",
    "caffe_epochs",
    "caffe_sgd",
    "fit",
]
