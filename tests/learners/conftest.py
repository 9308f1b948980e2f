import pytest
from tiny_lesions import write_lesions

from lesionlib.learners import dataloaders, lesion_learner

ARCH = "test_efficientnet"


@pytest.fixture(autouse=True, scope="module")
def cache(cache_folder):
    """The library's cache, for fixtures of a whole module too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESIONLIB_CACHE", str(cache_folder))
        yield cache_folder


@pytest.fixture(scope="session")
def lesions(tmp_path_factory):
    """120 images of three classes: 72 train, 24 valid, 24 test."""
    return write_lesions(tmp_path_factory.mktemp("lesions"))


@pytest.fixture(scope="session")
def uneven(tmp_path_factory):
    """Training images: 60 nv, 12 mel, 3 vasc."""
    return write_lesions(tmp_path_factory.mktemp("uneven"), {"nv": 100, "mel": 20, "vasc": 5}, seed=1)


@pytest.fixture
def plain(lesions):
    """Loaders without augmentation."""
    return dataloaders(lesions, size=32, bs=12, augment=None)


@pytest.fixture
def fresh(plain):
    """Makes small Learners from scratch."""

    def make(dls=plain, **arguments):
        return lesion_learner(dls, **({"arch": ARCH, "pretrained": False} | arguments))

    return make


@pytest.fixture(scope="module")
def trained(lesions, cache):
    """A small Learner with clinical data that has learned the colors; not to be trained further."""
    dls = dataloaders(lesions, size=32, bs=12, augment=None)
    learn = lesion_learner(dls, ARCH, pretrained=False, clinical=["age", "sex", "site"])
    learn.fit_one_cycle(4, 1e-2)
    return learn
