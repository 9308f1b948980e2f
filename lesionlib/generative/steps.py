"""One step of the critic, one of the generator."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lesionlib.generative.codes import Latents, draw
from lesionlib.generative.gan import InfoGAN
from lesionlib.generative.losses import (
    categorical_information,
    continuous_information,
    gradient_penalty,
    wasserstein,
)
from lesionlib.generative.networks import Read
from lesionlib.generative.plan import Position


class CriticFigures(NamedTuple):
    """What a step of the critic found, before the weights; tensors of one number."""

    loss: Tensor
    wasserstein: Tensor
    penalty: Tensor
    information: Tensor
    guidance: Tensor


def critic_step(
    gan: InfoGAN, adam: torch.optim.Adam, real: Tensor, labels: Tensor, where: Position, rng: np.random.Generator
) -> CriticFigures:
    """Let the critic tell real from generated images better, Q the codes, and, where there are labels, classes."""
    plan, critic = gan.plan, gan.critic
    latents = _drawn(gan, rng, len(real))
    with torch.no_grad():
        fake = gan.generator(*latents, where.block, where.alpha)
    few = max(1, round(plan.penalty_share * len(real)))
    mix = torch.from_numpy(rng.random(few, dtype=np.float32)).to(gan.device)
    of_real, of_fake = critic.body(torch.cat([real, fake]), where.block, where.alpha).chunk(2)
    real_scores = critic.score(of_real)
    distance = wasserstein(real_scores, critic.score(of_fake))
    at = partial(critic, block=where.block, alpha=where.alpha)
    penalty = gradient_penalty(at, real[:few], fake[:few], mix) if plan.penalty else torch.zeros_like(distance)
    information = _information(gan, latents, critic.read(of_fake), where)
    guidance = _guidance(critic.read(of_real).logits, labels) if gan.codes.classes else torch.zeros_like(distance)
    loss = (
        -distance
        + plan.penalty * penalty
        + plan.drift * real_scores.square().mean()
        - plan.information * information
        + plan.guidance * guidance
    )
    _descend(adam, loss)
    return CriticFigures(*(figure.detach() for figure in (loss, distance, penalty, information, guidance)))


def generator_step(gan: InfoGAN, adam: torch.optim.Adam, n: int, where: Position, rng: np.random.Generator) -> Tensor:
    """Let the generator draw what the critic takes for real, and what Q can read the codes in."""
    gan.critic.requires_grad_(False)
    latents = _drawn(gan, rng, n)
    features = gan.critic.body(gan.generator(*latents, where.block, where.alpha), where.block, where.alpha)
    information = _information(gan, latents, gan.critic.read(features), where)
    loss = -gan.critic.score(features).mean() - gan.plan.information * information
    _descend(adam, loss)
    gan.critic.requires_grad_(True)
    return loss.detach()


@torch.no_grad()
def follow(gan: InfoGAN, images: int, shown: int) -> None:
    """Move the averaged generator towards the trained one, after `images` real ones more and `shown` in all.

    At first its memory is short, a twentieth of what was shown: else it would keep the untrained weights.
    """
    half_life = min(gan.plan.ema_images, 0.05 * shown)
    weight = 1 - 0.5 ** (images / half_life) if half_life else 1.0
    for average, trained in zip(gan.average.parameters(), gan.generator.parameters(), strict=True):
        average.lerp_(trained, weight)


def _drawn(gan: InfoGAN, rng: np.random.Generator, n: int) -> Latents:
    drawn = draw(rng, n, gan.codes, len(gan.plan.widths), gan.prior)
    return Latents(*(torch.from_numpy(part).to(gan.device) for part in drawn))


def _information(gan: InfoGAN, latents: Latents, read: Read, where: Position) -> Tensor:
    """Sum the bounds of all codes that have their block."""
    live = (where.block + 1) * gan.codes.per_block
    total = continuous_information(latents.continuous[:, :live], read.mean[:, :live], read.log_std[:, :live]).sum()
    if not any(map(gan.codes.fed_class, range(where.block + 1))):
        return total
    prior = torch.tensor(gan.prior, dtype=torch.float32, device=gan.device)
    return total + categorical_information(latents.classes, read.logits, prior)


def _guidance(logits: Tensor, labels: Tensor) -> Tensor:
    known = (labels >= 0).to(logits.dtype)
    # A mean over the known ones, without asking the device how many there are.
    losses = functional.cross_entropy(logits, labels.clamp(min=0), reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)


def _descend(adam: torch.optim.Adam, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()
