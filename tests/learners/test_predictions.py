from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_lesions import one_line

from lesionlib.errors import InputError
from lesionlib.learners import Predictions, dataloaders, predict
from lesionlib.learners.learner import assemble
from lesionlib.learners.models import Head, LesionNet
from lesionlib.learners.predictions import _VIEWS


class Pixel(torch.nn.Module):
    """A body whose features are one pixel's color."""

    def __init__(self, row: int, column: int):
        super().__init__()
        self.row, self.column = row, column

    def forward(self, images):
        return images[:, :, self.row, self.column]


class Mean(torch.nn.Module):
    def forward(self, images):
        return images.mean((2, 3))


def hand_made(dls, body: torch.nn.Module):
    """A Learner whose scores are ten times the body's three features."""
    head = Head(3, 0, 3, 0.0)
    with torch.no_grad():
        head.linear.weight.copy_(10 * torch.eye(3))
        head.linear.bias.zero_()
    return assemble(dls, LesionNet(body, head, (0.0,) * 3, (1.0,) * 3), splitter=lambda net: list(net.parameters()))


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_known_probabilities_in_the_frames_order(plain, lesions, split):
    found = predict(hand_made(plain, Pixel(0, 1)), split)
    rows = lesions.subset(split)
    np.testing.assert_allclose(found.y_prob, softmax(plain.array[rows.index, 0, 1] / 25.5), atol=1e-5)
    assert found.frame.equals(rows)
    assert [found.labels[code] for code in found.y_true] == rows["label"].tolist()
    np.testing.assert_allclose(found.y_prob.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(found.y_pred, found.y_prob.argmax(1))
    assert (found.labels, found.split) == (lesions.classes, split)


def test_views_are_the_eight_flips_and_turns():
    image = torch.arange(9.0).view(1, 1, 3, 3)
    found = {tuple(turn(image).flatten().tolist()) for turn in _VIEWS}
    turns = [torch.rot90(image, k, (2, 3)) for k in range(4)]
    assert found == {tuple(view.flatten().tolist()) for turn in turns for view in (turn, turn.flip(3))}
    assert len(found) == 8
    assert torch.equal(_VIEWS[0](image), image)


def test_views_average_probabilities(plain, lesions):
    array = plain.array[lesions.subset("test").index] / 255
    pixels = {2: [(0, 1), (0, -2)], 4: [(0, 1), (0, -2), (-1, 1), (-1, -2)]}
    pixels[8] = [*pixels[4], (1, 0), (-2, 0), (1, -1), (-2, -1)]
    learn = hand_made(plain, Pixel(0, 1))
    for views, places in pixels.items():
        expected = np.mean([softmax(10 * array[:, row, column]) for row, column in places], axis=0)
        np.testing.assert_allclose(predict(learn, "test", views).y_prob, expected, atol=1e-5)


def test_views_do_not_matter_to_a_network_that_sees_none(plain):
    learn = hand_made(plain, Mean())
    np.testing.assert_allclose(predict(learn, "test", views=8).y_prob, predict(learn, "test").y_prob, atol=1e-5)


def test_predictions_are_the_networks_and_repeat(trained):
    found = predict(trained, "test")
    images, clinical, _ = trained.dls.loader("test").one_batch()
    with torch.no_grad():
        scores = trained.model.eval()(images, clinical)
    np.testing.assert_allclose(found.y_prob, softmax(scores.double().numpy()), atol=1e-6)
    np.testing.assert_array_equal(predict(trained, "test").y_prob, found.y_prob)
    views = predict(trained, "test", views=8)
    np.testing.assert_allclose(views.y_prob.sum(axis=1), 1, atol=1e-12)
    assert np.abs(views.y_prob - found.y_prob).max() > 1e-6


def test_predictions_leave_the_learner_as_it_was(trained):
    before = [cb.name for cb in trained.cbs.sorted("order")]
    weights = {name: tensor.clone() for name, tensor in trained.model.state_dict().items()}
    predict(trained, "test", views=2)
    assert [cb.name for cb in trained.cbs.sorted("order")] == before
    assert all(torch.equal(tensor, weights[name]) for name, tensor in trained.model.state_dict().items())


def test_training_images_are_predicted_without_augmentation(lesions):
    learn = hand_made(dataloaders(lesions, size=32, bs=12, augment="dermoscopy", sampler="oversample"), Mean())
    still = hand_made(dataloaders(lesions, size=32, bs=12, augment=None), Mean())
    np.testing.assert_array_equal(predict(learn, "train").y_prob, predict(still, "train").y_prob)


def test_a_table_as_a_run_stores_it(trained, lesions):
    found = predict(trained, "valid")
    table = found.table()
    assert list(table) == ["image_id", "split", "p_mel", "p_nv", "p_vasc"]
    assert table["image_id"].tolist() == lesions.subset("valid")["image_id"].tolist()
    assert set(table["split"]) == {"valid"}
    assert (table.dtypes[2:] == np.float32).all()
    np.testing.assert_allclose(table["p_nv"], found.y_prob[:, 1], rtol=1e-6)


def test_predictions_from_most_right_to_most_wrong():
    frame = pd.DataFrame({"image_id": list("abcd"), "label": ["nv", "mel", "nv", "mel"]}, index=[7, 3, 9, 4])
    prob = np.array([[0.4, 0.6], [0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    found = Predictions(np.array([1, 0, 1, 0]), prob, ["mel", "nv"], frame, "test")
    ranked = found.ranked()
    assert ranked.index.tolist() == [3, 7, 4, 9], "b is given 0.9 of the truth; a and d tie in their order; c is wrong"
    assert ranked["p_truth"].tolist() == [0.9, 0.6, 0.6, 0.2]
    assert ranked["p_prediction"].tolist() == [0.9, 0.6, 0.6, 0.8]
    assert ranked["prediction"].tolist() == ["mel", "nv", "mel", "mel"]
    assert ranked["correct"].tolist() == [True, True, True, False]
    assert list(frame) == ["image_id", "label"] and found.frame is frame


@pytest.mark.parametrize("views", [0, -1, 9])
def test_views_out_of_range(plain, views):
    with pytest.raises(InputError, match="views: expected 1 to 8") as error:
        predict(hand_made(plain, Mean()), "test", views)
    one_line(error)


def test_images_that_are_not_square_are_not_turned(lesions):
    learn = hand_made(dataloaders(lesions, size=(16, 24), bs=12), Mean())
    assert predict(learn, "test", views=4).y_prob.shape == (24, 3)
    with pytest.raises(InputError, match="at most 4") as error:
        predict(learn, "test", views=5)
    one_line(error)


def test_a_split_that_is_not_there(lesions):
    frame = lesions.frame.assign(split=lesions.frame["split"].replace({"test": pd.NA}))
    learn = hand_made(dataloaders(replace(lesions, frame=frame), size=32, bs=12), Mean())
    with pytest.raises(InputError, match="no images in the split 'test'") as error:
        predict(learn)
    one_line(error)
