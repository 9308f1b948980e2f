from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_lesions import one_line, write_lesions

from lesionlib.errors import InputError
from lesionlib.learners import dataloaders, features, lesion_learner, load_learner, predict, save_learner

ARCH = "test_efficientnet"


@pytest.fixture(scope="module")
def original(trained, tmp_path_factory):
    return save_learner(trained, tmp_path_factory.mktemp("saved") / "deep" / "model")


@pytest.fixture
def saved(original, tmp_path):
    """A copy to damage."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in original.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_loaded_learner_predicts_the_same(trained, original, plain):
    again = load_learner(original, plain)
    for views in (1, 8):
        np.testing.assert_array_equal(predict(again, "test", views).y_prob, predict(trained, "test", views).y_prob)
    assert again.dls.encoder == trained.dls.encoder
    assert again.model is not trained.model


def test_safetensors_and_json_alone(trained, original):
    assert sorted(path.name for path in original.iterdir()) == ["learner.json", "model.safetensors"]
    assert sorted(path.name for path in original.parent.iterdir()) == ["model"]
    stored = load_file(original / "model.safetensors")
    own = trained.model.state_dict()
    assert set(stored) == set(own)
    assert all(torch.equal(stored[name], tensor) for name, tensor in own.items())
    card = json.loads((original / "learner.json").read_text())
    assert (card["schema_version"], card["arch"], card["size"]) == (1, ARCH, 32)
    assert (card["fit"], card["resample"]) == ("squash", "bilinear")
    assert card["classes"] == ["mel", "nv", "vasc"]
    assert card["clinical"]["columns"] == ["age", "sex", "site"]


def test_images_alone_and_other_shapes(lesions, tmp_path):
    dls = dataloaders(lesions, size=(16, 24), bs=12)
    learn = lesion_learner(dls, "test_resnet", pretrained=False, dropout=0.3)
    again = load_learner(save_learner(learn, tmp_path / "model"), dls)
    assert (again.arch, again.dropout, again.dls.encoder) == ("test_resnet", 0.3, None)
    np.testing.assert_array_equal(predict(again, "test").y_prob, predict(learn, "test").y_prob)
    again.fine_tune(1, 1e-3)
    save_learner(again, tmp_path / "again")


def test_the_clinical_encoder_is_the_one_of_the_training(trained, original, tmp_path):
    other = write_lesions(tmp_path / "other", 15, seed=9)
    other.frame["age"] += 10
    again = load_learner(original, dataloaders(other, size=32, bs=12))
    assert again.dls.encoder == trained.dls.encoder
    expected = trained.dls.encoder.encode(other.subset("test"))
    np.testing.assert_array_equal(features(again, "test").clinical, expected)


def test_an_existing_folder_is_refused(trained, original):
    before = {path.name: path.read_bytes() for path in original.iterdir()}
    with pytest.raises(InputError, match="already there") as error:
        save_learner(trained, original)
    assert str(original) in one_line(error)
    assert {path.name: path.read_bytes() for path in original.iterdir()} == before


def test_other_classes_are_refused(original, tmp_path):
    others = write_lesions(tmp_path / "two", {"mel": 10, "nv": 10})
    others.classes.remove("vasc")
    with pytest.raises(InputError, match="has the classes mel, nv, vasc, the data mel, nv;") as error:
        load_learner(original, dataloaders(others, size=32, bs=4))
    one_line(error)


def test_without_data_it_loads_but_has_nothing_to_predict(trained, original):
    bare = load_learner(original)
    assert all(torch.equal(a, b) for a, b in zip(bare.model.parameters(), trained.model.parameters(), strict=True))
    for verb in (predict, features):
        with pytest.raises(InputError, match="this Learner has no data") as error:
            verb(bare, "test")
        one_line(error)


def _card(folder: Path, **changes) -> None:
    path = folder / "learner.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _one_tensor_less(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop("head.linear.bias")
    save_file(weights, folder / "model.safetensors")


DAMAGES = {
    "weights cut": (lambda f: _cut(f / "model.safetensors"), "model.safetensors: not the weights"),
    "weights of noise": (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 500), "not the weights"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "model.safetensors: not the weights"),
    "a tensor less": (_one_tensor_less, "not the weights of this Learner"),
    "weights of another network": (lambda f: _card(f, arch="test_resnet"), "not the weights of this Learner"),
    "card cut": (lambda f: _cut(f / "learner.json"), "learner.json: not the description"),
    "card of noise": (lambda f: (f / "learner.json").write_bytes(b"\xff\xfe\x00"), "not the description"),
    "card a list": (lambda f: (f / "learner.json").write_text("[1]"), "not the description"),
    "no card": (lambda f: (f / "learner.json").unlink(), "no saved Learner here"),
    "later version": (lambda f: _card(f, schema_version=2), "schema_version"),
    "unknown field": (lambda f: _card(f, run="rm"), "run"),
    "unknown network": (lambda f: _card(f, arch="resnet_of_mine"), "timm knows no network"),
    "impossible dropout": (lambda f: _card(f, dropout=3.0), "dropout"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_line(saved, plain, damage):
    spoil, said = DAMAGES[damage]
    spoil(saved)
    with pytest.raises(InputError) as error:
        load_learner(saved, plain)
    assert said in one_line(error)


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_is_no_folder(tmp_path, name):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="no saved Learner here") as error:
        load_learner(tmp_path / name)
    one_line(error)


@pytest.mark.parametrize("method", ["write_bytes", "write_text"], ids=["weights", "card"])
def test_a_full_disk_leaves_nothing(trained, tmp_path, monkeypatch, method):
    def full(path, *_, **__):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, method, full)
    with pytest.raises(InputError, match="the disk is full") as error:
        save_learner(trained, tmp_path / "models" / "first")
    one_line(error)
    assert list((tmp_path / "models").iterdir()) == []
