import pytest
from made_pictures import photo

from lesionlib.datasets import from_folder, load
from lesionlib.learners import dataloaders, lesion_learner
from lesionlib.learners.models import LesionNet
from lesionlib.own_image import load_model, save_model

ARCH, SIZE = "test_efficientnet", 32


@pytest.fixture(autouse=True, scope="module")
def cache(cache_folder):
    """The library's cache, for fixtures of a whole module too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESIONLIB_CACHE", str(cache_folder))
        # In half precision a batch of one and a batch of many differ in the third digit.
        patch.setattr(LesionNet, "_bfloat16", lambda net, images: False)
        yield cache_folder


@pytest.fixture(scope="module")
def phantoms():
    """70 phantom lesions, split."""
    return load("phantom:ham10000", n=70, size=48).with_split(by="image_id")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """60 pictures of two classes that no phantom drew, split."""
    folder = tmp_path_factory.mktemp("photos")
    for label, darkness in (("dark", 0.3), ("light", 0.8)):
        (folder / label).mkdir()
        for number in range(30):
            photo(darkness, number, (48, 40)).save(folder / label / f"{number}.png")
    dataset = from_folder(folder, name="mine", modality="clinical")
    return dataset.with_split(0.4, 0.4, 0.2, by=None)


def trained(lesions):
    learn = lesion_learner(dataloaders(lesions, size=SIZE, bs=8, augment=None), ARCH, pretrained=False)
    learn.fit_one_cycle(2, 1e-2)
    return learn


@pytest.fixture(scope="module")
def of_photos(photos):
    """A Learner of photographs, with its data."""
    return trained(photos)


@pytest.fixture(scope="module")
def photo_folder(of_photos, tmp_path_factory):
    return save_model(of_photos, tmp_path_factory.mktemp("models") / "of photos")


@pytest.fixture(scope="module")
def phantom_folder(phantoms, tmp_path_factory):
    return save_model(trained(phantoms), tmp_path_factory.mktemp("models") / "of phantoms")


@pytest.fixture(scope="module")
def photo_model(photo_folder):
    return load_model(photo_folder)


@pytest.fixture(scope="module")
def phantom_model(phantom_folder):
    return load_model(phantom_folder)
