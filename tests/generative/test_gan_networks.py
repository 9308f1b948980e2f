from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_gans import at_block, pictures, tiny_gan

from lesionlib.errors import InputError
from lesionlib.generative import Codes, GrowthPlan, InfoGAN
from lesionlib.generative.layers import (
    Conv,
    EnlargingConv,
    HalvingConv,
    enlarged,
    halved,
    pixel_norm,
    with_variation,
)
from lesionlib.generative.networks import Generator
from lesionlib.generative.pictures import averaged_down, faded, to_pictures, to_tensor
from lesionlib.generative.training import train

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def tall():
    """All eight blocks of the paper, a few channels each."""
    plan = replace(GrowthPlan.paper(), widths=(4,) * 8, images_fade=2, images_steady=2, check_images=10**6)
    return InfoGAN(plan, Codes(noise=3, per_block=1, classes=2), device="cpu")


def latents(gan, n=4, seed=0):
    return [torch.from_numpy(part) for part in gan.draw(n, seed)]


@pytest.mark.parametrize("block", range(8))
def test_each_block_has_the_papers_size(tall, block):
    side = 4 * 2**block
    with torch.no_grad():
        image = tall.generator(*latents(tall, 2), block, 0.5)
        features = tall.critic.body(image, block, 0.5)
        read = tall.critic.read(features)
    assert image.shape == (2, 3, side, side)
    assert features.shape == (2, 4, 4, 4)
    assert tall.critic.score(features).shape == (2,)
    assert read.mean.shape == read.log_std.shape == (2, 8)
    assert read.logits.shape == (2, 2)


def test_a_training_up_to_512_pixels_fits_into_memory():
    """One step a block, forward, backward and penalty, with the paper's last batch of 2."""
    plan = replace(GrowthPlan.paper(), widths=(4, 4, 4, 4, 4, 4, 2, 2), batches=(2,) * 8, layers=1)
    gan = InfoGAN(replace(plan, images_fade=0, images_steady=2), Codes(noise=3, per_block=1), device="cpu")
    history = train(gan, pictures(2, 64).repeat(8, axis=1).repeat(8, axis=2))
    assert history.frame["resolution"].tolist() == [4, 8, 16, 32, 64, 128, 256, 512]
    assert np.isfinite(history.array()[:, :-1]).all()
    assert gan.sample(1).shape == (1, 512, 512, 3)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("block", [1, 2])
def test_a_block_fades_in_from_the_one_before(block, layers):
    gan = tiny_gan(layers=layers)
    parts = latents(gan)
    with torch.no_grad():
        before = enlarged(gan.generator(*parts, block - 1))
        after = gan.generator(*parts, block)
        torch.testing.assert_close(gan.generator(*parts, block, 0.0), before, **CLOSE)
        torch.testing.assert_close(gan.generator(*parts, block, 1.0), after, **CLOSE)
        torch.testing.assert_close(gan.generator(*parts, block, 0.25), 0.75 * before + 0.25 * after, **CLOSE)
        assert (before - after).abs().max() > 0.01


@pytest.mark.parametrize("block", [1, 2])
def test_the_critic_fades_in_alike(block):
    gan = tiny_gan()
    images = torch.randn(4, 3, 4 * 2**block, 4 * 2**block)
    with torch.no_grad():
        torch.testing.assert_close(gan.critic(images, block, 0.0), gan.critic(halved(images), block - 1), **CLOSE)
        torch.testing.assert_close(gan.critic(images, block, 1.0), gan.critic(images, block), **CLOSE)


def test_real_images_are_blurred_while_a_block_fades_in():
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(faded(images, 0.0), enlarged(halved(images)))
    assert faded(images, 1.0) is images


@pytest.mark.parametrize("block", range(3))
def test_a_part_of_the_code_works_through_its_block_alone(block):
    """With the block's condition at zero its part changes nothing; the other parts still do."""
    gan = tiny_gan()
    first, second = gan.draw(4, seed=1), gan.draw(4, seed=2)

    def difference(part: int) -> float:
        mixed = first.continuous.copy()
        mixed[:, 2 * part : 2 * part + 2] = second.continuous[:, 2 * part : 2 * part + 2]
        a, b = (torch.from_numpy(x) for x in (first.continuous, mixed))
        with torch.no_grad():
            noise, classes = torch.from_numpy(first.noise), torch.from_numpy(first.classes)
            return (gan.generator(noise, a, classes, 2) - gan.generator(noise, b, classes, 2)).abs().max().item()

    assert all(difference(part) > 1e-3 for part in range(3))
    torch.nn.init.zeros_(gan.generator.conditions[block].dense.weight)
    assert difference(block) == 0
    assert all(difference(part) > 1e-3 for part in range(3) if part != block)


def test_parts_of_later_blocks_wait_for_them():
    gan = tiny_gan()
    noise, continuous, classes = latents(gan)
    other = continuous.clone()
    other[:, 4:] *= -1
    with torch.no_grad():
        assert torch.equal(gan.generator(noise, continuous, classes, 1), gan.generator(noise, other, classes, 1))
    assert at_block(gan, 1).active.tolist() == [True] * 4 + [False] * 2
    assert np.isnan(gan.read(pictures()).continuous).any(axis=0).tolist() == [False] * 4 + [True] * 2


@pytest.mark.parametrize("fed", [(0,), (1, 2), None])
def test_the_class_goes_to_the_blocks_that_are_named(fed):
    codes = Codes(noise=5, per_block=1, classes=3, class_blocks=fed)
    gan = tiny_gan(codes=codes)
    blocks = (0, 1, 2) if fed is None else fed
    assert [condition.dense.weight.shape[1] for condition in gan.generator.conditions] == [
        4 if block in blocks else 1 for block in range(3)
    ]
    same = [at_block(gan, block).sample(6, klass=0) == gan.sample(6, klass=1) for block in range(3)]
    assert [bool(images.all()) for images in same] == [min(blocks) > block for block in range(3)]


def test_without_any_code_there_is_nothing_to_read():
    gan = at_block(tiny_gan(codes=Codes(noise=4, per_block=0)), 2)
    reading = gan.read(pictures(5))
    assert reading.continuous.shape == (5, 0)
    assert reading.classes.shape == (5, 0)
    assert gan.sample(3).shape == (3, 16, 16, 3)


def test_what_q_reads_does_not_depend_on_the_neighbors():
    gan = at_block(tiny_gan(), 2)
    images = pictures(9)
    together, alone = gan.read(images), gan.read(images[4:5])
    np.testing.assert_allclose(together.continuous[4:5], alone.continuous, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(together.classes.sum(axis=1), 1)
    assert ((together.spread > np.exp(-2.001)) & (together.spread < np.exp(0.501))).all()


def test_larger_images_are_averaged_down_to_be_read():
    gan = at_block(tiny_gan(), 1)
    images = pictures(5, 16)
    small = averaged_down(images, 8)
    np.testing.assert_allclose(small, images.reshape(5, 8, 2, 8, 2, 3).mean(axis=(2, 4)), atol=0.5)
    np.testing.assert_array_equal(gan.read(images).continuous, gan.read(small).continuous)
    np.testing.assert_array_equal(gan.score(images), gan.score(small))


def test_pictures_come_back_from_tensors():
    images = pictures(3)
    np.testing.assert_array_equal(to_pictures(to_tensor(images)), images)
    assert to_tensor(images).shape == (3, 3, 16, 16)
    np.testing.assert_array_equal(to_pictures(torch.full((1, 3, 1, 1), 7.0)), 255)


def test_fused_convolutions_are_those_that_they_stand_for():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, 8, 8)
    for fused, plain in (
        (EnlargingConv(5, 7, rng, True), lambda conv: Conv.forward(conv, enlarged(x))),
        (HalvingConv(5, 7, rng, True), lambda conv: halved(Conv.forward(conv, x))),
    ):
        torch.nn.init.normal_(fused.bias)
        torch.testing.assert_close(fused(x), plain(fused), **CLOSE)


def test_the_equalized_rate_changes_the_steps_not_the_start():
    parts = latents(tiny_gan())
    with torch.no_grad():
        images = [tiny_gan(equalized=equalized).generator(*parts, 2) for equalized in (True, False)]
    torch.testing.assert_close(*images, **CLOSE)
    assert tiny_gan(equalized=True).generator.start.weight.std().item() == pytest.approx(1, rel=0.15)


def test_pixel_norm_gives_unit_mean_square():
    x = pixel_norm(torch.randn(2, 6, 3, 3) * 9)
    torch.testing.assert_close(x.square().mean(dim=1), torch.ones(2, 3, 3), **CLOSE)


@pytest.mark.parametrize(("n", "groups"), [(8, 2), (6, 2), (2, 1), (5, 5), (1, 1)])
def test_the_critic_is_shown_how_a_batch_varies(n, groups):
    x = torch.randn(n, 3, 4, 4)
    channel = with_variation(x)[:, 3]
    size = n // groups
    expected = [part.std(dim=0, correction=0).mean() for part in x.split(size)]
    torch.testing.assert_close(channel[::size, 0, 0], torch.stack(expected), rtol=1e-3, atol=2e-4)
    assert with_variation(x[:1].expand(n, -1, -1, -1))[:, 3].max() < 2e-4


def test_samples_follow_from_their_seed():
    gan = at_block(tiny_gan(), 2)
    np.testing.assert_array_equal(gan.sample(3, seed=5), gan.sample(3, seed=5))
    assert (gan.sample(3, seed=5) != gan.sample(3, seed=6)).any()
    np.testing.assert_array_equal(gan.draw(3, klass=1).noise, gan.draw(3, klass=2).noise)
    assert gan.draw(3, klass=[2, 0, 1]).classes.tolist() == [2, 0, 1]


def test_two_seeds_make_two_gans():
    weights = [next(tiny_gan(seed).generator.parameters()) for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_traversal_changes_one_code():
    gan = at_block(tiny_gan(), 2)
    drawn = gan.draw(2, seed=3)
    own = float(drawn.continuous[0, 3])
    images = gan.traverse("8x8 b", values=(-1, own, 1), n=2, seed=3)
    assert images.shape == (2, 3, 16, 16, 3)
    np.testing.assert_array_equal(images[0, 1], gan.render(drawn)[0])
    assert (images[:, 0] != images[:, 2]).any()
    np.testing.assert_array_equal(images, gan.traverse(3, values=(-1, own, 1), n=2, seed=3))
    np.testing.assert_array_equal(gan.traverse("class", n=2, seed=3)[:, 1], gan.sample(2, seed=3, klass=1))


def test_codes_can_be_set():
    gan = at_block(tiny_gan(), 2)
    np.testing.assert_array_equal(
        gan.sample(2, codes=np.zeros(6)), gan.render(gan.draw(2)._replace(continuous=np.zeros((2, 6), np.float32)))
    )


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda gan: gan.sample(0), "n: found 0"),
        (lambda gan: gan.sample(2, klass=3), "klass: found 3, expected numbers from 0 to 2"),
        (lambda gan: gan.sample(2, klass=[0, 1, 2]), "klass"),
        (lambda gan: gan.sample(2, codes=np.zeros(5)), r"codes: found shape \(5,\), expected \(6,\) or \(2, 6\)"),
        (lambda gan: gan.sample(2, codes=np.full(6, 1.5)), "outside"),
        (lambda gan: gan.traverse("32x32 a"), "expected one of 4x4 a, 4x4 b"),
        (lambda gan: gan.traverse(6), "code: found 6"),
        (lambda gan: gan.traverse(0, values=(0, 2)), "outside"),
        (lambda gan: gan.read(pictures(3, 12)), "found 12 x 12 pixels, expected 16 x 16 or a multiple"),
        (lambda gan: gan.read(pictures(3).astype(float)), "expected uint8"),
        (lambda gan: gan.score(pictures(3)[:, :8]), r"expected \(n, h, h, 3\)"),
        (lambda gan: InfoGAN(gan.plan, seed=-1), "seed: found -1"),
    ],
)
def test_what_cannot_be_is_one_clear_line(ask, words):
    with pytest.raises(InputError, match=words) as caught:
        ask(at_block(tiny_gan(), 2))
    assert "\n" not in str(caught.value)


def test_a_class_needs_a_categorical_code():
    with pytest.raises(InputError, match=r"make it with Codes\(classes="):
        tiny_gan(codes=Codes(noise=4)).sample(2, klass=0)


def test_parameters_are_counted():
    gan = tiny_gan(codes=Codes(noise=5, per_block=1))
    dense, blocks = 5 * 96 + 96, (6 * 5 * 9 + 5) + (5 * 4 * 9 + 4)
    colors, conditions = sum(3 * width + 3 for width in (6, 5, 4)), sum(4 * width for width in (6, 5, 4))
    assert gan.parameters_count()["generator"] == dense + blocks + colors + conditions
    assert isinstance(gan.average, Generator)
