"""Questions to a trained network: where it looks, what its layers see, what it withstands."""

from lesionlib.probes.attacks import FGSM, PGD, AdversarialTraining, fgsm, pgd
from lesionlib.probes.corruptions import (
    JPEG,
    Blur,
    Brightness,
    GaussianNoise,
    NoiseTraining,
    blur,
    brightness,
    gaussian_noise,
    jpeg,
)
from lesionlib.probes.explain import feature_maps, gradcam, gradcam_plusplus
from lesionlib.probes.on_lesion import heat_on_lesion, lesion_masks
from lesionlib.probes.perturbed import Batch, Perturbation, perturbed_images, predict_perturbed, robustness

__all__ = [
    "FGSM",
    "JPEG",
    "PGD",
    "AdversarialTraining",
    "Batch",
    "Blur",
    "Brightness",
    "GaussianNoise",
    "NoiseTraining",
    "Perturbation",
    "blur",
    "brightness",
    "feature_maps",
    "fgsm",
    "gaussian_noise",
    "gradcam",
    "gradcam_plusplus",
    "heat_on_lesion",
    "jpeg",
    "lesion_masks",
    "perturbed_images",
    "pgd",
    "predict_perturbed",
    "robustness",
]
