import numpy as np
import pandas as pd
import pytest

from lesionlib.datasets import load
from lesionlib.widgets import Study, StudyPlan


@pytest.fixture(scope="session")
def lesions(tmp_path_factory):
    """210 phantom lesions of 40 pixels, split by lesion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESIONLIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield load("phantom:ham10000", n=210, size=40, seed=0).with_split(0.5, 0, 0.5, seed=0)


@pytest.fixture(scope="session")
def predictions(lesions):
    """Probabilities of a model that is often wrong."""
    prob = np.random.default_rng(0).dirichlet(np.ones(7), len(lesions))
    return pd.DataFrame(prob, columns=[f"p_{label}" for label in lesions.classes]).assign(
        image_id=lesions.frame["image_id"], split=lesions.frame["split"]
    )


@pytest.fixture
def plan():
    """Two rounds of seven images, 45 seconds each, the second with the model's output."""
    return StudyPlan("trial", images=7, ai=(False, True), seconds=45)


@pytest.fixture
def study(lesions, plan, predictions, tmp_path):
    return Study(lesions, plan, predictions, folder=tmp_path / "studies")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()
