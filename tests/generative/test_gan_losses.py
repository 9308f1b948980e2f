from __future__ import annotations

from math import e, log, pi

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lesionlib.generative import (
    categorical_information,
    continuous_information,
    gradient_penalty,
    wasserstein,
)
from lesionlib.generative.guard import reach

SHAPE = (6, 3, 4, 4)


def pair(seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=rng), torch.randn(SHAPE, generator=rng), torch.rand(6, generator=rng)


@pytest.mark.parametrize("length", [0.0, 0.3, 1.0, 5.0])
def test_penalty_of_a_linear_critic(length):
    """The slope of w x + b is w everywhere: (|w| - 1)^2, whatever the images."""
    real, fake, mix = pair()
    slope = torch.randn(SHAPE[1:])
    slope *= length / slope.norm()
    found = gradient_penalty(lambda x: (x * slope).sum((1, 2, 3)) + 7, real, fake, mix)
    assert found.item() == pytest.approx((length - 1) ** 2, abs=1e-5)


def test_penalty_of_a_round_critic():
    """The slope of |x|^2 / 2 is x itself: the penalty knows the places between real and generated images."""
    real, fake, mix = pair()
    between = mix.view(-1, 1, 1, 1) * real + (1 - mix.view(-1, 1, 1, 1)) * fake
    expected = (between.flatten(1).norm(dim=1) - 1).square().mean()
    found = gradient_penalty(lambda x: x.square().sum((1, 2, 3)) / 2, real, fake, mix)
    torch.testing.assert_close(found, expected)


def test_penalty_teaches_the_critic():
    """Its own slope in a linear critic of length l is 2 (l - 1), along w."""
    real, fake, mix = pair()
    slope = torch.full(SHAPE[1:], 0.5, requires_grad=True)
    gradient_penalty(lambda x: (x * slope).sum((1, 2, 3)), real, fake, mix).backward()
    length = slope.detach().norm()
    torch.testing.assert_close(slope.grad, 2 * (length - 1) * slope.detach() / length)


def test_a_flat_critic_has_a_finite_penalty():
    slope = torch.zeros(SHAPE[1:], requires_grad=True)
    gradient_penalty(lambda x: (x * slope).sum((1, 2, 3)), *pair()).backward()
    assert torch.isfinite(slope.grad).all()


def test_wasserstein_with_the_best_critic_is_the_distance():
    """Between a sample and its shifted self the identity is the best critic, and SciPy knows the distance."""
    rng = np.random.default_rng(0)
    fake = rng.normal(size=500)
    real = fake + 1.7
    found = wasserstein(torch.from_numpy(real), torch.from_numpy(fake)).item()
    assert found == pytest.approx(stats.wasserstein_distance(real, fake)) == pytest.approx(1.7)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), slope=st.floats(-1, 1), bend=st.floats(0, 3))
def test_no_1_lipschitz_critic_exceeds_the_distance(seed, slope, bend):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(1, 2, 50), rng.normal(size=60)

    def critic(x):
        return torch.from_numpy(slope * np.clip(x, -bend, bend))

    assert wasserstein(critic(real), critic(fake)).item() <= stats.wasserstein_distance(real, fake) + 1e-9


@pytest.mark.parametrize("side", [4, 32])
def test_the_reach_is_that_of_black_and_white(side):
    """A linear critic of slope 1, from black to white, tells them apart by the diagonal of the cube."""
    white = torch.ones(1, 3, side, side)
    slope = white / white.norm()

    def critic(x):
        return (x * slope).sum((1, 2, 3))

    assert wasserstein(critic(white), critic(-white)).item() == pytest.approx(reach(side), rel=1e-5)


@pytest.mark.parametrize("error", [0.1, 0.3])
def test_information_of_a_reader_with_a_known_error(error):
    """log 2 - log s - log(2 pi e) / 2: the entropy of the code less that of the error."""
    rng = torch.Generator().manual_seed(0)
    codes = 2 * torch.rand(200_000, 2, generator=rng) - 1
    mean = codes + error * torch.randn(codes.shape, generator=rng)
    found = continuous_information(codes, mean, torch.full(codes.shape, log(error)))
    expected = log(2) - log(error) - 0.5 * log(2 * pi * e)
    torch.testing.assert_close(found, torch.full((2,), expected), atol=0.01, rtol=0)


def test_information_of_a_reader_who_knows_nothing_is_below_zero():
    """The best that it can say is the code's own mean and variance, 0 and 1/3; Gaussian, where the code is uniform."""
    codes = torch.linspace(-1, 1, 100_001)[:, None]
    best = continuous_information(codes, torch.zeros_like(codes), torch.full_like(codes, -0.5 * log(3)))
    assert best.item() == pytest.approx(log(2) - 0.5 * log(2 * pi * e / 3), abs=1e-3)
    assert best.item() < 0
    for mean, std in ((0.2, 0.577), (0.0, 0.4), (0.0, 0.9)):
        other = continuous_information(codes, torch.full_like(codes, mean), torch.full_like(codes, log(std)))
        assert other.item() < best.item()


def test_information_of_a_perfect_reader_of_classes_is_their_entropy():
    classes = torch.arange(700) % 7
    perfect = 40 * torch.eye(7)[classes]
    assert categorical_information(classes, perfect, torch.full((7,), 1 / 7)).item() == pytest.approx(log(7), abs=1e-5)
    assert categorical_information(classes, 0 * perfect, torch.full((7,), 1 / 7)).item() == pytest.approx(0, abs=1e-5)
    uneven = torch.tensor([0.9, 0.1, 0.0])
    assert categorical_information(torch.tensor([0]), torch.tensor([[40.0, 0, 0]]), uneven).item() == pytest.approx(
        stats.entropy(uneven.numpy()), abs=1e-5
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(2, 6), scale=st.floats(0, 20))
def test_no_reader_of_classes_exceeds_their_entropy(seed, k, scale):
    rng = torch.Generator().manual_seed(seed)
    classes = torch.arange(60) % k
    logits = scale * torch.randn(60, k, generator=rng)
    assert categorical_information(classes, logits, torch.full((k,), 1 / k)).item() <= log(k) + 1e-6
