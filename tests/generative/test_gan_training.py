from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_gans import CODES, LABELS, TINY, Killed, killed_at, pictures, red_and_blue, state, tiny_gan

from lesionlib.errors import InputError
from lesionlib.generative import Codes, GrowthPlan, InfoGAN, diversity, load, save, train
from lesionlib.generative.pictures import RealImages

STEPS = TINY.steps


def test_the_history_tells_each_step(unbroken):
    frame = unbroken[1].frame
    assert frame["step"].tolist() == list(range(1, STEPS + 1))
    assert frame["images"].iloc[-1] == TINY.images
    assert frame["resolution"].value_counts().to_dict() == {4: 3, 8: 7, 16: 14}
    assert frame.loc[3:6, "fade"].tolist() == [0, 0.25, 0.5, 0.75]
    assert frame["diversity"].notna().sum() == TINY.images // 40
    assert np.isfinite(frame.drop(columns="diversity")).all(axis=None)
    assert (frame["guidance"] > 0).sum() == 0


def test_seeds_and_guidance_change_the_result(unbroken):
    other, guided = tiny_gan(1, CODES), tiny_gan(codes=CODES)
    train(other, pictures())
    history = train(guided, pictures(), labels=LABELS)
    for gan in (other, guided):
        assert not torch.equal(state(gan)["critic.judge.0.weight"], state(unbroken[0])["critic.judge.0.weight"])
    assert (history.frame["guidance"] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"images": pictures(side=12)}, "12 x 12 pixels, expected 16 x 16 or a multiple"),
        ({"images": pictures().astype(float)}, "expected uint8"),
        ({"images": pictures()[:0]}, r"found shape \(0, 16, 16, 3\)"),
        ({"labels": LABELS[:5]}, r"labels: found shape \(5,\)"),
        ({"labels": LABELS + 2}, "labels: found 1 to 4, expected 0 to 2"),
        ({"labels": np.full(37, -1)}, "labels: found -1 to -1"),
        ({"labels": ["nv"] * 37}, "expected .37,. whole numbers"),
        ({"checkpoint_every": 0}, "checkpoint_every: found 0"),
    ],
)
def test_unfit_arguments_are_one_clear_line(arguments, words):
    with pytest.raises(InputError, match=words):
        train(tiny_gan(codes=CODES), **({"images": pictures()} | arguments))


def test_labels_and_what_they_mean_go_together():
    with pytest.raises(InputError, match=r"use Codes\(classes="):
        train(tiny_gan(codes=Codes(noise=5)), pictures(), labels=LABELS)
    with pytest.raises(InputError, match="the plan draws labels equally often"):
        train(tiny_gan(codes=CODES, balanced=True), pictures())


def test_the_class_is_drawn_as_often_as_its_label():
    labels = np.array([0] * 20 + [2] * 10 + [-1] * 7)
    gan = tiny_gan(codes=CODES)
    with pytest.raises(Killed):
        train(gan, pictures(), labels=labels, on_progress=killed_at(1))
    np.testing.assert_allclose(gan.prior, [2 / 3, 0, 1 / 3])
    assert set(gan.draw(200).classes) == {0, 2}


def test_each_image_comes_once_a_pass_and_is_shrunk():
    images = pictures(10)
    real = RealImages(images, None, seed=0, flips=False, balanced=False)
    drawn = np.concatenate([real.batch(shown, 4, 16)[0] for shown in range(0, 20, 4)])
    for start in (0, 10):
        found = {image.tobytes() for image in drawn[start : start + 10]}
        assert found == {image.tobytes() for image in images}
    assert (drawn[:10] != drawn[10:]).any()
    again = RealImages(images, None, seed=0, flips=False, balanced=False)
    np.testing.assert_array_equal(again.batch(12, 4, 16)[0], drawn[12:16])
    assert real.batch(0, 4, 4)[0].shape == (4, 4, 4, 3)


def test_images_are_mirrored_both_ways():
    image = pictures(1)
    real = RealImages(image, None, seed=0, flips=True, balanced=False)
    found = {picture.tobytes() for picture in real.batch(0, 40, 16)[0]}
    ways = (image[0], image[0, ::-1], image[0, :, ::-1], image[0, ::-1, ::-1])
    assert found == {np.ascontiguousarray(way).tobytes() for way in ways}


def test_balanced_batches_hold_each_label_equally_often():
    labels = np.array([0] * 30 + [1] * 3 + [2] * 3 + [-1] * 4)
    real = RealImages(pictures(40), labels, seed=0, flips=False, balanced=True)
    found = real.batch(0, 40, 16)[1]
    assert sorted(np.bincount(found)) == [13, 13, 14]


@pytest.fixture(scope="module")
def colored():
    """Trained, guided, on pictures of two colors."""
    images, labels = red_and_blue()
    plan = GrowthPlan(
        resolutions=(4, 8),
        widths=(12, 12),
        batches=(16, 16),
        images_fade=(0, 1200),
        images_steady=(1600, 1600),
        learning_rate=0.004,
        ema_images=400,
    )
    gan = InfoGAN(plan, Codes(noise=8, per_block=1, classes=2, class_blocks=None), device="cpu")
    return gan, train(gan, images, labels=labels), images, labels


@pytest.mark.slow
def test_a_trained_generator_draws_what_it_was_shown(colored):
    gan, _, images, _ = colored
    drawn = gan.sample(200)
    assert np.abs(drawn.mean(axis=(0, 1, 2)) - images.mean(axis=(0, 1, 2))).max() < 25
    assert 0.6 < diversity(drawn) / diversity(images) < 1.5
    assert gan.prior == pytest.approx([42 / 64, 22 / 64])


@pytest.mark.slow
def test_a_guided_class_means_its_label(colored):
    gan, history, images, labels = colored
    red, blue = (gan.sample(60, klass=klass).mean(axis=(1, 2)) for klass in (0, 1))
    assert (red[:, 0] > red[:, 2]).mean() > 0.95
    assert (blue[:, 2] > blue[:, 0]).mean() > 0.95
    assert (gan.read(images).classes.argmax(axis=1) == labels).mean() > 0.95
    assert history.frame["guidance"].tail(20).mean() < 0.1


@pytest.mark.slow
def test_q_reads_the_codes_that_went_in(colored):
    gan, history, *_ = colored
    drawn = gan.draw(300, seed=9)
    reading = gan.read(gan.render(drawn))
    found = [np.corrcoef(drawn.continuous[:, code], reading.continuous[:, code])[0, 1] for code in range(2)]
    assert max(found) > 0.8
    assert history.frame["information"].tail(20).mean() > history.frame["information"].head(20).mean() + 0.5


def test_a_generator_alone_is_saved_and_loaded(unbroken, tmp_path):
    gan = unbroken[0]
    folder = save(gan, tmp_path / "generator")
    assert sorted(file.name for file in folder.iterdir()) == ["generator.json", "generator.safetensors"]
    alone = load(folder, device="cpu")
    np.testing.assert_array_equal(alone.sample(4, seed=2, klass=1), gan.sample(4, seed=2, klass=1))
    np.testing.assert_array_equal(alone.traverse("8x8 a"), gan.traverse("8x8 a"))
    assert (alone.plan, alone.codes, alone.resolution) == (gan.plan, gan.codes, 16)
    with pytest.raises(InputError, match="already there"):
        save(gan, folder)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("generator.json", "{", "not the description of a generator"),
        ("generator.json", '{"schema_version": 2}', "format 1"),
        ("generator.json", '{"schema_version": 1, "plan": {"widths": 3}}', "not a whole generator"),
        ("generator.safetensors", "no weights", "not a whole generator"),
        ("generator.json", None, "no saved generator here"),
    ],
)
def test_a_faulty_saved_generator_is_one_clear_line(unbroken, tmp_path, file, text, words):
    folder = save(unbroken[0], tmp_path / "generator")
    (folder / file).unlink() if text is None else (folder / file).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
