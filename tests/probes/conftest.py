import pytest
from tiny_nets import tiny_learner

from lesionlib.datasets import load
from lesionlib.learners import dataloaders


@pytest.fixture
def learn():
    """A Learner of known weights, without data."""
    return tiny_learner()


@pytest.fixture(scope="session")
def phantom(tmp_path_factory):
    """70 phantom lesions of 40 pixels, split; some have masks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESIONLIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield load("phantom:ham10000", n=70, size=40, seed=0).with_split(by="image_id", seed=0)


@pytest.fixture(scope="session")
def phantom_loaders(phantom):
    return dataloaders(phantom, size=40, bs=6, augment=None)
