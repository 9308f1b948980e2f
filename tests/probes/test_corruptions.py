from __future__ import annotations

import io
import random
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.callback.core import Callback
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from tiny_nets import STD, one_conv, one_line, tiny_learner

from lesionlib.errors import InputError
from lesionlib.learners import Predictions, dataloaders, predict
from lesionlib.metrics import bootstrap, report
from lesionlib.probes import (
    FGSM,
    JPEG,
    Batch,
    Blur,
    Brightness,
    GaussianNoise,
    NoiseTraining,
    blur,
    brightness,
    fgsm,
    gaussian_noise,
    jpeg,
    perturbed_images,
    predict_perturbed,
    robustness,
)


@pytest.fixture(scope="module")
def learner(phantom_loaders):
    return tiny_learner(one_conv(), 5, phantom_loaders, classes=7)


def numbers(split: str, learn) -> np.ndarray:
    return learn.dls.lesions.subset(split).index.to_numpy()


def pictures(learn, split: str = "test") -> np.ndarray:
    """The network's images as they are, uint8, n x h x w x 3."""
    return np.asarray(learn.dls.array)[numbers(split, learn)]


def as_floats(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 255


def as_bytes(images: torch.Tensor) -> np.ndarray:
    """8 bits a channel; fails where a value is not one of the 256."""
    levels = images.double() * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    assert levels.min() >= 0 and levels.max() < 255.5
    return levels.round().byte().permute(0, 2, 3, 1).numpy()


def batch_of(images: np.ndarray) -> Batch:
    floats = as_floats(images)
    return Batch(None, floats, (), torch.zeros(len(images), dtype=torch.long), np.arange(len(images)))


def noise_of(learn, noise, **where) -> torch.Tensor:
    return perturbed_images(learn, noise, **where) - perturbed_images(learn, GaussianNoise(0), **where)


@pytest.mark.parametrize("sigma", [3e-3, 0.2])
def test_noise_has_the_deviation_asked_for_and_no_pattern(learner, sigma):
    noise = noise_of(learner, GaussianNoise(sigma, clip=False)).double() / sigma
    assert noise.mean().abs() < 0.02 and noise.std().item() == pytest.approx(1, abs=0.02)
    assert (noise**3).mean().abs() < 0.05 and (noise**4).mean().item() == pytest.approx(3, abs=0.15)
    assert noise.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=0.03)
    side = (noise[..., 1:] * noise[..., :-1]).mean(), (noise[:, 1:] * noise[:, :-1]).mean()
    assert max(map(abs, side)) < 0.03, "neighbors or channels are alike"
    assert len({tuple(one) for one in noise[:, 0, 0].tolist()}) == len(noise), "images share their noise"


def test_noise_on_the_normalized_scale_is_wider_where_the_deviation_is(learner):
    plain = noise_of(learner, GaussianNoise(0.1, clip=False))
    found = noise_of(learner, GaussianNoise(0.1, "normalized", clip=False))
    torch.testing.assert_close(found, plain * torch.tensor(STD).view(3, 1, 1), rtol=0, atol=1e-6)


def test_noise_stays_within_the_range_unless_told(learner):
    free = perturbed_images(learner, GaussianNoise(0.3, clip=False))
    assert free.min() < -0.1 and free.max() > 1.1
    torch.testing.assert_close(perturbed_images(learner, GaussianNoise(0.3)), free.clamp(0, 1), rtol=0, atol=0)


def test_noise_follows_from_seed_and_row_alone(learner):
    whole = noise_of(learner, GaussianNoise(0.1))
    torch.testing.assert_close(noise_of(learner, GaussianNoise(0.1)), whole, rtol=0, atol=0)
    rows = numbers("test", learner)[[6, 1]]
    torch.testing.assert_close(noise_of(learner, GaussianNoise(0.1), rows=rows), whole[[6, 1]], rtol=0, atol=0)
    assert (noise_of(learner, GaussianNoise(0.1, seed=1)) != whole).float().mean() > 0.9


def test_noise_of_the_papers_strength_is_finer_than_a_file(learner):
    """Not rounded: 3e-3 is less than a gray level."""
    noise = noise_of(learner, GaussianNoise()) * 255
    assert noise.std().item() == pytest.approx(0.765, rel=0.05)
    assert (noise - noise.round()).abs().max() > 0.4


@pytest.mark.parametrize("sigma", [0.5, 1.3, 4.0, 15.0])
def test_blur_is_scipys(learner, sigma):
    found = as_bytes(perturbed_images(learner, Blur(sigma)))
    exact = gaussian_filter(pictures(learner).astype(float), (0, sigma, sigma, 0), mode="nearest", truncate=5)
    assert np.abs(found - exact).max() < 0.6, "a gray level is 1, and rounding takes half of it"
    assert np.abs(found - pictures(learner).astype(float)).mean() > 0.5


@pytest.mark.parametrize("quality", [1, 10, 60, 95, 100])
def test_jpeg_is_pillows(learner, quality):
    found = as_bytes(perturbed_images(learner, JPEG(quality)))
    for picture, ours in zip(pictures(learner), found, strict=True):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, format="jpeg", quality=quality)
        np.testing.assert_array_equal(ours, np.asarray(Image.open(file)))


def test_jpeg_of_less_quality_changes_more(learner):
    cost = [(perturbed_images(learner, JPEG(q)) - as_floats(pictures(learner))).abs().mean() for q in (95, 60, 10, 1)]
    assert 0 < cost[0] < cost[1] < cost[2] < cost[3]


@pytest.mark.parametrize("factor", [0, 0.3, 0.995, 1.4, 100])
def test_brightness_multiplies_cuts_and_rounds(learner, factor):
    expected = (pictures(learner) * np.float64(factor)).clip(0, 255)
    assert np.abs(as_bytes(perturbed_images(learner, Brightness(factor))) - expected).max() < 0.501


@pytest.mark.parametrize("same", [Blur(0), Blur(0.05), Blur(1e-300), Brightness(1), GaussianNoise(0)])
def test_identities_are_the_same_to_the_last_digit(learner, same):
    torch.testing.assert_close(perturbed_images(learner, same), as_floats(pictures(learner)), rtol=0, atol=0)


def test_a_small_blur_changes_no_gray_level():
    """Just above what is taken for none, too."""
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(as_bytes(Blur(0.11)(batch_of(images))), images)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 3), st.integers(1, 17), st.integers(1, 17)),
    st.one_of(
        st.builds(Blur, st.floats(0, 30)),
        st.builds(JPEG, st.integers(1, 100)),
        st.builds(Brightness, st.floats(0, 1e6)),
    ),
)
def test_everyday_corruptions_give_pictures(seed, shape, corruption):
    n, height, width = shape
    images = np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), dtype=np.uint8)
    found = corruption(batch_of(images))
    assert found.shape == (n, 3, height, width) and found.dtype == torch.float32
    as_bytes(found)


def test_the_functions_hand_their_settings_on(learner):
    rows = numbers("valid", learner)[:5]
    for found, perturbation in [
        (gaussian_noise(learner, 0.4, "valid", "normalized", rows, seed=3, clip=False), (0.4, "normalized", 3, False)),
        (gaussian_noise(learner, 0.4, "valid", "normalized", rows, seed=4), (0.4, "normalized", 4, True)),
    ]:
        expected = predict_perturbed(learner, GaussianNoise(*perturbation), "valid", rows)
        np.testing.assert_array_equal(found.y_prob, expected.y_prob)
    for ask, corruption in [(partial(blur, sigma=2), Blur(2)), (partial(jpeg, quality=5), JPEG(5))]:
        found = ask(learner, split="valid", rows=rows)
        np.testing.assert_array_equal(found.y_prob, predict_perturbed(learner, corruption, "valid", rows).y_prob)
    found = brightness(learner, 0.5, "valid", rows)
    np.testing.assert_array_equal(found.y_prob, predict_perturbed(learner, Brightness(0.5), "valid", rows).y_prob)
    assert found.split == "valid" and found.frame.index.tolist() == rows.tolist()
    clean = predict(learner, "valid").y_prob[:5]
    for ask in [partial(blur, sigma=2), partial(jpeg, quality=5), partial(brightness, factor=0.5), gaussian_noise]:
        assert (ask(learner, split="valid", rows=rows).y_prob != clean).any()


def test_the_papers_noise_is_the_default(learner):
    expected = predict_perturbed(learner, GaussianNoise(3e-3, "pixels", 0, True))
    np.testing.assert_array_equal(gaussian_noise(learner).y_prob, expected.y_prob)


MEASURES = {"accuracy": accuracy_score, "balanced_accuracy": balanced_accuracy_score}


def of_known_answers(learn, strength, split, rows) -> Predictions:
    """40 images, 10 of class b; the `strength` first of each class are wrong. Four make a lesion, or none is known."""
    assert learn == "learner" and split == "valid" and rows == [3, 1]
    truth = np.repeat([0, 1], [30, 10])
    wrong = np.concatenate([np.arange(30) < strength, np.arange(10) < strength])
    found = np.where(wrong, 1 - truth, truth)
    lesions = [pd.NA if row < 6 else f"L{row // 4}" for row in range(40)]
    frame = pd.DataFrame({"image_id": [f"I{row}" for row in range(40)], "lesion_id": lesions})
    return Predictions(truth, np.eye(2)[found], ["a", "b"], frame, "valid")


# A resample may be without one of the classes.
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
@pytest.mark.parametrize("metric", MEASURES)
def test_robustness_is_a_row_for_each_strength(metric):
    strengths = [7, 0, 3]
    found = robustness(
        "learner", of_known_answers, strengths, "valid", [3, 1], interval_of=metric, ci=0.8, n_resamples=300, seed=4
    )
    assert found.columns.tolist() == ["strength", "accuracy", "balanced_accuracy", "low", "high"]
    assert found["strength"].tolist() == strengths
    np.testing.assert_allclose(found["accuracy"], [26 / 40, 1, 34 / 40])
    np.testing.assert_allclose(found["balanced_accuracy"], [(23 / 30 + 3 / 10) / 2, 1, (27 / 30 + 7 / 10) / 2])
    settings = {"ci": 0.8, "n_resamples": 300, "seed": 4}
    for strength, row in zip(strengths, found.itertuples(), strict=True):
        asked = of_known_answers("learner", strength, "valid", [3, 1])
        lesions = asked.frame["lesion_id"].fillna(asked.frame["image_id"])
        by_lesion = bootstrap(MEASURES[metric], asked.y_true, asked.y_pred, groups=lesions, **settings)
        assert (row.low, row.high) == pytest.approx((by_lesion.low, by_lesion.high))
        assert strength == 0 or by_lesion.low < by_lesion.value < by_lesion.high
    by_image = bootstrap(MEASURES[metric], asked.y_true, asked.y_pred, **settings)
    assert (by_lesion.low, by_lesion.high) != pytest.approx((by_image.low, by_image.high))


def test_robustness_takes_any_kind(learner):
    for kind, strength in [
        (fgsm, 0.1),
        (partial(gaussian_noise, seed=2), 0.3),
        (jpeg, 20),
        (blur, 1.5),
        (brightness, 0.8),
    ]:
        asked = kind(learner, strength)
        found = robustness(learner, kind, [strength], n_resamples=10)
        assert found["accuracy"].tolist() == [accuracy_score(asked.y_true, asked.y_pred)]
    assert robustness(learner, fgsm, []).shape == (0, 5)


def test_robustness_begins_with_the_clean_split(learner):
    clean = predict(learner, "all")
    expected = report(clean.y_true, clean.y_prob, clean.labels).overall
    found = robustness(learner, fgsm, [0, 0.5], "all", n_resamples=10)
    assert found["accuracy"][0] == expected["accuracy"] > 0
    assert found["balanced_accuracy"][0] == expected["balanced_accuracy"]
    assert found["accuracy"][1] < found["accuracy"][0]


class Seen(Callback):
    """Keeps what the network gets; comes after the defense."""

    order = 5

    def before_batch(self):
        self.learn.shown = [*getattr(self.learn, "shown", []), (self.training, self.xb[0].as_subclass(torch.Tensor))]


def defended(phantom, *cbs, augment=None):
    dls = dataloaders(phantom, size=40, bs=16, augment=augment)
    learn = tiny_learner(one_conv(), 5, dls, classes=7)
    learn.add_cbs([*cbs, Seen()])
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    dls.train.rng.seed(0)
    return learn


@pytest.mark.parametrize("augment", [None, "dermoscopy"])
def test_noise_training_without_strength_is_training(phantom, augment):
    found = []
    for cbs in ([], [NoiseTraining(0)]):
        learn = defended(phantom, *cbs, augment=augment)
        learn.fit(2, 1e-2)
        found.append(learn.model.state_dict())
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=0, atol=0)


def noise_in_training(phantom, *noise) -> torch.Tensor:
    """What stands between the images with and without the callback, over two fits; n x 3 x h x w."""
    pairs = []
    for cbs in ([], [NoiseTraining(*noise)]):
        learn = defended(phantom, *cbs)
        learn.fit(1, 0)
        learn.fit(1, 0)
        pairs.append([images for training, images in learn.shown if training])
        valid = torch.cat([images for training, images in learn.shown if not training])
        expected = as_floats(pictures(learn, "valid"))
        torch.testing.assert_close(valid, torch.cat([expected, expected]), rtol=0, atol=0)
    plain, noisy = map(torch.cat, pairs)
    assert noisy.min() >= 0 and noisy.max() <= 1
    return torch.where((plain > 0.25) & (plain < 0.75), noisy - plain, torch.nan)


@pytest.mark.parametrize("scale", ["pixels", "normalized"])
def test_noise_training_adds_noise_to_training_images_only(phantom, scale):
    noise = noise_in_training(phantom, 0.06, scale)
    for channel, std in enumerate(STD):
        found = noise[:, channel][~noise[:, channel].isnan()]
        assert found.std().item() == pytest.approx(0.06 * (std if scale == "normalized" else 1), rel=0.03)
        assert found.mean().abs() < 1e-3
    first, second = noise[:16], noise[16:32]
    both = ~(first.isnan() | second.isnan())
    assert np.corrcoef(first[both], second[both])[0, 1] == pytest.approx(0, abs=0.05), "the same in each batch"
    first, second = noise.chunk(2)
    both = ~(first.isnan() | second.isnan())
    assert np.corrcoef(first[both], second[both])[0, 1] == pytest.approx(0, abs=0.05), "the same in each fit"


def test_noise_training_follows_from_its_seed(phantom):
    first, same, other = (noise_in_training(phantom, 0.06, "pixels", seed) for seed in (0, 0, 1))
    torch.testing.assert_close(first, same, rtol=0, atol=0, equal_nan=True)
    assert (first.nan_to_num() != other.nan_to_num()).float().mean() > 0.3


def test_noise_training_keeps_clinical_data(phantom):
    dls = dataloaders(phantom, size=40, bs=16, augment=None).with_clinical(["age"])
    learn = tiny_learner(one_conv(), 5, dls, classes=7, clinical=dls.encoder.width)
    given = []
    learn.model.register_forward_pre_hook(lambda net, inputs: given.append(inputs[1].clone()))
    learn.fit(1, 0, cbs=NoiseTraining(0.1))
    assert given[0].shape == (16, dls.encoder.width)


def test_the_learner_and_the_generators_are_left_as_they_were(learner):
    learner.model.train()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    for perturbation in [GaussianNoise(0.1), Blur(1), JPEG(50), Brightness(0.5)]:
        predict_perturbed(learner, perturbation)
        perturbed_images(learner, perturbation)
    drawn = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert drawn == (random.random(), np.random.rand(), torch.rand(1).item())
    assert all(module.training for module in learner.model.modules())
    assert all(p.requires_grad and p.grad is None for p in learner.model.parameters())


def test_perturbations_follow_each_other(learner):
    """An attack that is saved as a file loses what is less than half a gray level."""
    saved = perturbed_images(
        learner, lambda batch: Brightness(1)(Batch(**{**vars(batch), "images": FGSM(1e-3)(batch)}))
    )
    torch.testing.assert_close(saved, as_floats(pictures(learner)), rtol=0, atol=0)


ERRORS = {
    "sigma": (lambda learn: gaussian_noise(learn, -0.1), "sigma", "-0.1"),
    "gray levels": (lambda learn: gaussian_noise(learn, 3), "sigma", "/ 255"),
    "scale": (lambda learn: gaussian_noise(learn, scale="bytes"), "scale", "pixels, normalized"),
    "seed": (lambda learn: gaussian_noise(learn, seed=0.5), "seed", "0.5"),
    "blur": (lambda learn: blur(learn, -1), "sigma", "-1"),
    "endless blur": (lambda learn: blur(learn, float("inf")), "sigma", "inf"),
    "factor": (lambda learn: brightness(learn, -0.5), "factor", "-0.5"),
    "quality 0": (lambda learn: jpeg(learn, 0), "quality", "0"),
    "quality 101": (lambda learn: jpeg(learn, 101), "quality", "100"),
    "half quality": (lambda learn: jpeg(learn, 7.5), "quality", "7.5"),
    "split": (lambda learn: blur(learn, 1, "tset"), "tset", "test"),
    "rows": (lambda learn: jpeg(learn, 50, rows=numbers("train", learn)[:1]), "rows", "'test'"),
    "training sigma": (lambda learn: NoiseTraining(-1), "sigma", "-1"),
    "training scale": (lambda learn: NoiseTraining(scale="bytes"), "scale", "pixels, normalized"),
    "training seed": (lambda learn: NoiseTraining(seed=-1), "seed", "-1"),
    "interval": (lambda learn: robustness(learn, fgsm, [0], interval_of="f1"), "interval_of", "'f1'"),
    "curve": (lambda learn: robustness(learn, fgsm, [-1]), "eps", "-1"),
    "level": (lambda learn: robustness(learn, fgsm, [0], ci=95), "ci", "95"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_input_is_one_line(learner, case):
    ask, name, what = ERRORS[case]
    with pytest.raises(InputError) as caught:
        ask(learner)
    assert name in one_line(caught) and what in one_line(caught)


@pytest.mark.parametrize(
    "ask", [gaussian_noise, partial(blur, sigma=1), partial(jpeg, quality=9), partial(brightness, factor=2)]
)
def test_a_learner_without_data_says_so(ask):
    with pytest.raises(InputError, match="no data") as caught:
        ask(tiny_learner())
    assert one_line(caught)
