"""The InfoGAN of lucius2020: it grows from 4 x 4 pixels, and is asked what its code means."""

from lesionlib.generative.codes import Codes, Latents, Reading
from lesionlib.generative.discovery import code_discovery, colors, majority_labels
from lesionlib.generative.gan import InfoGAN, Painter
from lesionlib.generative.guard import Collapsed, Diverged, TrainingFailed, diversity
from lesionlib.generative.history import History
from lesionlib.generative.judging import KernelDistance, Nearest, frechet_distance, kernel_distance, nearest
from lesionlib.generative.losses import (
    categorical_information,
    continuous_information,
    gradient_penalty,
    wasserstein,
)
from lesionlib.generative.plan import GrowthPlan, Position, Stage
from lesionlib.generative.saving import load, save
from lesionlib.generative.training import restore, train

__all__ = [
    "Codes",
    "Collapsed",
    "Diverged",
    "GrowthPlan",
    "History",
    "InfoGAN",
    "KernelDistance",
    "Latents",
    "Nearest",
    "Painter",
    "Position",
    "Reading",
    "Stage",
    "TrainingFailed",
    "categorical_information",
    "code_discovery",
    "colors",
    "continuous_information",
    "diversity",
    "frechet_distance",
    "gradient_penalty",
    "kernel_distance",
    "load",
    "majority_labels",
    "nearest",
    "restore",
    "save",
    "train",
    "wasserstein",
]
