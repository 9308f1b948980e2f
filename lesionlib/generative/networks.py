"""Generator and critic, which grow block by block; Q reads the codes from the critic's body."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lesionlib.generative.codes import Codes
from lesionlib.generative.layers import (
    Condition,
    Conv,
    Dense,
    EnlargingConv,
    HalvingConv,
    enlarged,
    halved,
    pixel_norm,
    rectified,
    with_variation,
)
from lesionlib.generative.plan import GrowthPlan
from lesionlib.generative.plan_checks import FIRST

# Q's standard deviations lie within e^-2 and e^0.5: a sure reader cannot outshout the critic.
_MIDDLE, _REACH = -0.75, 1.25


class Generator(nn.Module):
    """Noise and codes to images in about [-1, 1]; block k is conditioned by part k of the code.

    lucius2020 (section 2.4) with the blocks of Karras et al. 2018 (table 2).
    """

    def __init__(self, plan: GrowthPlan, codes: Codes, rng: torch.Generator):
        super().__init__()
        self.codes, self.pixel_norm = codes, plan.pixel_norm
        widths, equalized = plan.widths, plan.equalized
        # Karras et al. draw the first layer's weights smaller (gain sqrt(2) / 4).
        self.start = Dense(codes.noise, widths[0] * FIRST**2, rng, equalized, gain=2**0.5 / 4)
        self.blocks, self.to_rgb = nn.ModuleList(), nn.ModuleList()
        for block, width in enumerate(widths):
            # The dense layer stands for the first block's first convolution.
            layers = [Conv(width, width, rng, equalized) for _ in range(plan.layers - 1)]
            if block:
                layers.insert(0, EnlargingConv(widths[block - 1], width, rng, equalized))
            self.blocks.append(nn.ModuleList(layers))
            self.to_rgb.append(Conv(width, 3, rng, equalized, side=1, gain=1.0))
        self.conditions = nn.ModuleList(
            Condition(part, width, rng, equalized) if (part := self._part(block)) else nn.Identity()
            for block, width in enumerate(widths)
        )

    def _part(self, block: int) -> int:
        return self.codes.per_block + (self.codes.classes if self.codes.fed_class(block) else 0)

    def forward(self, noise: Tensor, continuous: Tensor, classes: Tensor, block: int, alpha: float = 1.0) -> Tensor:
        """Make images of the size of `block`, in which that block has the part `alpha`.

        Shapes: noise (n, noise), continuous (n, blocks * per_block), classes (n,) of whole numbers -> (n, 3, h, h).
        """
        if self.pixel_norm:
            noise = pixel_norm(noise)
        x = self._normed(self.start(noise).view(len(noise), -1, FIRST, FIRST))
        for number in range(block + 1):
            before = x
            for layer in self.blocks[number]:
                x = self._normed(layer(x))
            if self._part(number):
                x = self.conditions[number](x, self._fed(number, continuous, classes))
        image = self.to_rgb[block](x)
        if alpha == 1 or not block:
            return image
        return torch.lerp(enlarged(self.to_rgb[block - 1](before)), image, alpha)

    def _normed(self, x: Tensor) -> Tensor:
        x = rectified(x)
        return pixel_norm(x) if self.pixel_norm else x

    def _fed(self, block: int, continuous: Tensor, classes: Tensor) -> Tensor:
        size = self.codes.per_block
        part = continuous[:, block * size : (block + 1) * size]
        if not self.codes.fed_class(block):
            return part
        return torch.cat([part, functional.one_hot(classes, self.codes.classes).to(part.dtype)], dim=1)


class Read(NamedTuple):
    """Q's answer: mean and log standard deviation of the continuous codes (n, codes), logits (n, classes)."""

    mean: Tensor
    log_std: Tensor
    logits: Tensor


class Critic(nn.Module):
    """Images to scores; its body is shared with Q, which tells the codes that a generated image was made of."""

    def __init__(self, plan: GrowthPlan, codes: Codes, rng: torch.Generator):
        super().__init__()
        self.variation = plan.minibatch_stddev
        self.continuous = len(plan.widths) * codes.per_block
        widths, equalized, first = plan.widths, plan.equalized, plan.widths[0]
        self.from_rgb = nn.ModuleList(Conv(3, width, rng, equalized, side=1) for width in widths)
        self.blocks = nn.ModuleList([nn.ModuleList()])
        for finer, coarser in zip(widths[1:], widths, strict=False):
            layers = [Conv(finer, finer, rng, equalized) for _ in range(plan.layers - 1)]
            self.blocks.append(nn.ModuleList([*layers, HalvingConv(finer, coarser, rng, equalized)]))
        self.judge = nn.ModuleList(
            [
                Conv(first + self.variation, first, rng, equalized),
                Dense(first * FIRST**2, first, rng, equalized),
                Dense(first, 1, rng, equalized, gain=1.0),
            ]
        )
        answers = 2 * self.continuous + codes.classes
        # Q does not see how a batch varies: what it reads in an image must not depend on the image's neighbors.
        self.reader = nn.ModuleList(
            [Dense(first * FIRST**2, first, rng, equalized), Dense(first, answers, rng, equalized, gain=1.0)]
            if answers
            else []
        )

    def body(self, images: Tensor, block: int, alpha: float = 1.0) -> Tensor:
        """Give the features (n, channels, 4, 4) of images of the size of `block`."""
        x = rectified(self.from_rgb[block](images))
        for number in range(block, 0, -1):
            for layer in self.blocks[number]:
                x = rectified(layer(x))
            if number == block and alpha < 1:
                x = torch.lerp(rectified(self.from_rgb[block - 1](halved(images))), x, alpha)
        return x

    def score(self, features: Tensor) -> Tensor:
        """Give one score an image, (n,); higher is more real."""
        conv, dense, last = self.judge
        x = rectified(conv(with_variation(features) if self.variation else features))
        return last(rectified(dense(x.flatten(1)))).squeeze(1)

    def read(self, features: Tensor) -> Read:
        """Tell the codes."""
        if not len(self.reader):
            empty = features.new_zeros(len(features), 0)
            return Read(empty, empty, empty)
        dense, last = self.reader
        answers = last(rectified(dense(features.flatten(1))))
        mean, raw = answers[:, : 2 * self.continuous].chunk(2, dim=1)
        return Read(mean, _MIDDLE + _REACH * torch.tanh(raw), answers[:, 2 * self.continuous :])

    def forward(self, images: Tensor, block: int, alpha: float = 1.0) -> Tensor:
        return self.score(self.body(images, block, alpha))
