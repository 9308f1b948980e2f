"""What the probes show a network."""

from __future__ import annotations

import numpy as np

from lesionlib.datasets import pixels
from lesionlib.learners import dataloaders, lesion_learner
from lesionlib.probes.inputs import inputs_of


def test_a_dataset_comes_to_size_as_the_learners_own_images_do(phantom):
    dls = dataloaders(phantom, size=40, bs=6, augment=None, fit="pad", resample="nearest")
    learn = lesion_learner(dls, "test_efficientnet", pretrained=False)
    padded = pixels(phantom, 40, fit="pad", resample="nearest")
    assert not np.array_equal(padded, pixels(phantom, 40))
    np.testing.assert_array_equal(inputs_of(learn, phantom).pixels, padded)
