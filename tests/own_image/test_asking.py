"""One picture and a saved model: the numbers are those of the library, and drawn and photographed never mix."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_pictures import all_files, encoded, one_line, photo

from lesionlib.datasets.library import cache_root
from lesionlib.errors import InputError
from lesionlib.learners import load_learner, predict
from lesionlib.metrics.decisions import conformal_sets
from lesionlib.own_image import NOTICE, ask, load_model, phantom_of, save_model
from lesionlib.own_image.layers import heat_layer


def by_class(answer, column, labels):
    return answer.table.set_index("class").loc[labels, column].to_numpy()


@pytest.mark.parametrize("alpha", [0.1, 0.3])
def test_probabilities_and_set_are_those_of_the_library(of_photos, photos, photo_model, alpha):
    valid, test = (predict(of_photos, split, views=4) for split in ("valid", "test"))
    sets = conformal_sets(valid.y_true, valid.y_prob, test.y_prob, alpha)
    assert sets.any()
    for row, expected, inside in zip(test.frame.index[:5], test.y_prob, sets, strict=False):
        answer = ask(photo_model, photos.image_bytes(row), alpha)
        np.testing.assert_allclose(by_class(answer, "probability", test.labels), expected, atol=1e-5)
        assert list(by_class(answer, "in_set", test.labels)) == list(inside)
        assert answer.prediction_set == answer.table.loc[answer.table["in_set"], "class"].tolist()


def test_an_answer_has_all_its_parts(photo_model, tmp_path):
    path = tmp_path / "mole.png"
    photo(0.3, 99, (200, 150)).save(path)
    answer = ask(photo_model, path)
    assert answer.name == str(path)
    assert answer.table["probability"].is_monotonic_decreasing
    assert answer.table["probability"].sum() == pytest.approx(1)
    assert answer.picture.shape == (128, 128, 3)  # four times what the network saw: as large as the file allows
    assert answer.heat.shape == (32, 32) and 0 <= answer.heat.min() <= answer.heat.max() <= 1
    assert answer.model == "test_efficientnet, trained on mine (clinical), 32 x 32 pixels"
    assert "90%" in answer.sentence and ", ".join(answer.prediction_set) in answer.sentence
    figure = answer.figure()
    assert " ".join(figure._supxlabel.get_text().split()) == NOTICE
    assert plt.get_fignums() == []


def test_the_camera_may_be_turned(photo_model):
    upright = photo(0.5, 7)
    exif = upright.getexif()
    exif[0x0112] = 8
    turned = encoded(upright.transpose(2).transpose(2).transpose(2), exif=exif.tobytes())
    first, second = (ask(photo_model, content).table for content in (encoded(upright), turned))
    pd.testing.assert_frame_equal(first, second)


def test_a_model_of_phantoms_refuses_a_photograph(phantom_model):
    with pytest.raises(
        InputError, match=r"mole: this model was trained on drawn lesions \(phantom:ham10000\)"
    ) as error:
        ask(phantom_model, encoded(photo()), name="mole")
    assert "has never seen a photograph" in one_line(error)


def test_it_says_so_before_it_looks_at_the_quality(phantom_model):
    with pytest.raises(InputError, match="has never seen a photograph"):
        ask(phantom_model, encoded(photo(size=(20, 20))))


def test_a_model_of_phantoms_answers_to_phantoms(phantom_model, phantoms):
    answer = ask(phantom_model, phantoms.image_bytes(3))
    assert len(answer.table) == 7
    assert answer.table["title"].str.contains("melanoma").any()


def test_a_phantom_saved_again_is_none(phantom_model, phantoms):
    content = phantoms.image_bytes(3)
    assert phantom_of(content) == "phantom:ham10000"
    assert phantom_of(content[:-1] + b"\x00") is None
    with pytest.raises(InputError, match="has never seen"):
        ask(phantom_model, encoded(phantoms.image(3)))


def test_a_phantoms_loose_file_is_known_and_a_half_written_one_is_not():
    folder = cache_root() / "phantoms"
    for name in ("dermofit-n10-size48-seed0-v1", ".ddi-n10-size48-seed0-v1.host.1.x"):
        (folder / name / "images").mkdir(parents=True)
        (folder / name / "images" / "1.png").write_bytes(name.encode())
    (folder / ".ddi-n10-size48-seed0-v1.host.1.x" / "half.zip").write_bytes(b"PK")
    assert phantom_of(b"dermofit-n10-size48-seed0-v1") == "phantom:dermofit"
    assert phantom_of(b".ddi-n10-size48-seed0-v1.host.1.x") is None
    assert phantom_of(b"") is None


def test_a_model_of_photographs_refuses_a_phantom(photo_model, phantoms):
    with pytest.raises(InputError, match=r"a drawn lesion \(phantom:ham10000\), and .* photographs \(mine\)") as error:
        ask(photo_model, phantoms.image_bytes(0))
    one_line(error)


def test_a_model_of_both_answers_to_both(photo_model, phantoms):
    both = replace(photo_model, about=photo_model.about.model_copy(update={"trained_on": ("mine", "phantom:ham10000")}))
    ask(both, phantoms.image_bytes(0))
    ask(both, encoded(photo()))


def test_what_is_not_usable_is_refused_by_name(photo_model, tmp_path):
    small = tmp_path / "small.png"
    photo(size=(20, 20)).save(small)
    with pytest.raises(InputError, match=r"small.png: it has 20 x 20 pixels and the model looks at 32 x 32"):
        ask(photo_model, small)
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as error:
            ask(photo_model, path)
        assert str(path) in one_line(error)


@pytest.mark.parametrize("alpha", [0, 1, -0.1])
def test_an_impossible_alpha(photo_model, alpha):
    with pytest.raises(InputError, match="alpha"):
        ask(photo_model, encoded(photo()), alpha)


def test_nothing_is_written(photo_model, tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mole.png"
    photo().save(path)
    before = all_files(tmp_path, cache)
    ask(photo_model, path)
    ask(photo_model, path.read_bytes())
    assert all_files(tmp_path, cache) == before


def test_the_heat_map_has_places(photo_model):
    stages = [stage["module"] for stage in photo_model.learn.model.body.feature_info]
    net = photo_model.learn.model
    reductions = [stage["reduction"] for stage in net.body.feature_info]
    finest = heat_layer(net, (4 * reductions[1], 9 * reductions[1]))
    assert finest == stages[1]
    assert heat_layer(net, (4 * reductions[-1], 4 * reductions[-1])) is None
    assert heat_layer(net, (8, 8)) in (None, stages[0])


def test_the_folder_is_a_saved_learner_too(photo_folder, of_photos):
    names = ["asked_for.json", "learner.json", "model.safetensors", "validation.parquet"]
    assert sorted(path.name for path in photo_folder.iterdir()) == names
    again = load_learner(photo_folder, of_photos.dls)
    np.testing.assert_array_equal(predict(again).y_prob, predict(of_photos).y_prob)
    about = json.loads((photo_folder / "asked_for.json").read_text())
    assert about["trained_on"] == ["mine"]


def test_a_network_with_clinical_data_is_not_saved_so(of_photos, phantoms, tmp_path):
    from lesionlib.learners import dataloaders, lesion_learner

    dls = dataloaders(phantoms, size=32, bs=8)
    learn = lesion_learner(dls, "test_efficientnet", pretrained=False, clinical=["age"])
    with pytest.raises(InputError, match="takes age beside the image") as error:
        save_model(learn, tmp_path / "model")
    one_line(error)
    assert not (tmp_path / "model").exists()


def test_an_existing_folder_stays(of_photos, tmp_path):
    with pytest.raises(InputError, match="already there"):
        save_model(of_photos, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(of_photos, tmp_path, monkeypatch):
    def full(table, path, **_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(InputError, match="the disk is full") as error:
        save_model(of_photos, tmp_path / "model")
    one_line(error)
    assert list(tmp_path.iterdir()) == []


def spoil_table(change):
    def spoil(folder):
        path = folder / "validation.parquet"
        change(pd.read_parquet(path)).to_parquet(path)

    return spoil


DAMAGES = {
    "no description": (lambda f: (f / "asked_for.json").unlink(), "asked_for.json: not there; save the trained"),
    "no validation": (lambda f: (f / "validation.parquet").unlink(), "validation.parquet: not there; save the trained"),
    "a saved Learner alone": (lambda f: (f / "learner.json").unlink(), "no saved Learner here"),
    "a description of noise": (lambda f: (f / "asked_for.json").write_bytes(b"\xff{"), "asked_for.json: damaged"),
    "trained on nothing": (
        lambda f: (f / "asked_for.json").write_text(
            (f / "asked_for.json").read_text().replace('[\n    "mine"\n  ]', "[]")
        ),
        "trained_on",
    ),
    "a table of noise": (lambda f: (f / "validation.parquet").write_bytes(b"PAR1 no"), "validation.parquet: damaged"),
    "a class less": (spoil_table(lambda table: table.drop(columns="p_dark")), "p_dark"),
    "no probabilities": (spoil_table(lambda table: table.assign(p_dark=2.0)), "expected a probability"),
    "an unknown class": (spoil_table(lambda table: table.assign(truth="gray")), "expected one of dark, light"),
    "no rows": (spoil_table(lambda table: table[:0]), "found no images"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_line(photo_folder, tmp_path, damage):
    spoil, said = DAMAGES[damage]
    folder = tmp_path / "model"
    folder.mkdir()
    for path in photo_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    spoil(folder)
    with pytest.raises(InputError) as error:
        load_model(folder)
    assert said in one_line(error)
    assert str(folder) in str(error.value)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="no saved Learner here"):
        load_model(Path(tmp_path / "nothing"))
