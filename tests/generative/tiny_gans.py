"""Small plans, small GANs and plain pictures for the tests of `lesionlib.generative`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lesionlib.generative import Codes, GrowthPlan, InfoGAN

TINY = GrowthPlan(
    resolutions=(4, 8, 16),
    widths=(6, 5, 4),
    batches=(8, 8, 4),
    images_fade=32,
    images_steady=24,
    learning_rate=0.002,
    penalty_share=1.0,
    check_images=40,
    collapse_below=0.0,
    ema_images=100,
)

CODES = Codes(noise=5, per_block=2, classes=3)
LABELS = np.arange(37) % 4 - 1


def tiny_gan(seed: int = 0, codes: Codes | None = None, **changes) -> InfoGAN:
    return InfoGAN(replace(TINY, **changes), codes or CODES, seed, device="cpu")


def at_block(gan: InfoGAN, block: int) -> InfoGAN:
    """Put a GAN behind the phase in which a block has faded in, without training it."""
    stages = gan.plan.stages()
    last = max(number for number, stage in enumerate(stages) if stage.block == block)
    gan.step = sum(stage.steps for stage in stages[: last + 1]) - 1
    return gan


def pictures(n: int = 37, side: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3)).astype(np.uint8)


def red_and_blue(n: int = 64, side: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Plain pictures around two colors, every third one blue, and which is which."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3 == 0
    colors = np.where(labels[:, None], [40, 60, 200], [200, 60, 40]) + rng.integers(-25, 25, (n, 3))
    return np.broadcast_to(colors[:, None, None], (n, side, side, 3)).astype(np.uint8), labels.astype(int)


class Killed(Exception):
    """What a test throws into a training."""


def killed_at(step: int):
    def on_progress(row):
        if row["step"] == step:
            raise Killed

    return on_progress


def state(gan: InfoGAN) -> dict[str, torch.Tensor]:
    nets = {"generator": gan.generator, "critic": gan.critic, "average": gan.average}
    return {f"{part}.{name}": tensor for part, net in nets.items() for name, tensor in net.state_dict().items()}


def assert_same(one: InfoGAN, other: InfoGAN) -> None:
    assert one.step == other.step
    for name, tensor in state(one).items():
        assert torch.equal(tensor, state(other)[name]), name
