"""The parts of which generator and critic are built; channels first, as torch has them."""

from __future__ import annotations

from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
# He's gain for leaky rectifiers.
_GAIN = sqrt(2 / (1 + SLOPE**2))
# Images over which a batch's variation is measured.
_GROUP = 4


class _Scaled(nn.Module):
    """Weights drawn from N(0, scale^2), the scale applied at run time (equalized) or once and for all."""

    def __init__(self, shape: tuple[int, ...], rng: torch.Generator, equalized: bool, gain: float = _GAIN):
        super().__init__()
        deviation = gain / sqrt(prod(shape[1:]))
        self.scale = deviation if equalized else 1.0
        weight = torch.randn(shape, generator=rng)
        self.weight = nn.Parameter(weight if equalized else weight * deviation)
        self.bias = nn.Parameter(torch.zeros(shape[0]))


class Dense(_Scaled):
    """A linear layer, (n, inputs) -> (n, outputs)."""

    def __init__(self, inputs: int, outputs: int, rng: torch.Generator, equalized: bool, gain: float = _GAIN):
        super().__init__((outputs, inputs), rng, equalized, gain)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight * self.scale, self.bias)


class Conv(_Scaled):
    """A convolution that keeps the size, (n, inputs, h, w) -> (n, outputs, h, w)."""

    def __init__(
        self, inputs: int, outputs: int, rng: torch.Generator, equalized: bool, side: int = 3, gain: float = _GAIN
    ):
        super().__init__((outputs, inputs, side, side), rng, equalized, gain)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class EnlargingConv(Conv):
    """Double height and width (nearest neighbor), then a 3 x 3 convolution: in one, at less than half the cost.

    Karras et al. 2018 fuse the two alike.
    """

    def forward(self, x: Tensor) -> Tensor:
        weight = _spread(self.weight.flip(2, 3) * self.scale).transpose(0, 1)
        return functional.conv_transpose2d(x, weight, self.bias, stride=2, padding=1)


class HalvingConv(Conv):
    """A 3 x 3 convolution, then halve height and width (mean of four): in one, at less than half the cost."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, _spread(self.weight * (self.scale / 4)), self.bias, stride=2, padding=1)


def _spread(weight: Tensor) -> Tensor:
    """Sum a kernel over the four places that it takes within a square of two by two: 3 x 3 to 4 x 4."""
    wide = functional.pad(weight, [1, 1, 1, 1])
    return wide[..., 1:, 1:] + wide[..., :-1, 1:] + wide[..., 1:, :-1] + wide[..., :-1, :-1]


class Condition(nn.Module):
    """Scale and shift each channel by what a part of the code says; a part of zeros changes nothing."""

    def __init__(self, part: int, channels: int, rng: torch.Generator, equalized: bool):
        super().__init__()
        self.dense = Dense(part, 2 * channels, rng, equalized, gain=1.0)

    def forward(self, x: Tensor, part: Tensor) -> Tensor:
        scale, shift = self.dense(part)[:, :, None, None].chunk(2, dim=1)
        return x * (1 + scale) + shift


def rectified(x: Tensor) -> Tensor:
    """Leaky rectifier."""
    return functional.leaky_relu(x, SLOPE)


def pixel_norm(x: Tensor) -> Tensor:
    """Scale the features (dimension 1) at each place to unit mean square."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


def enlarged(x: Tensor) -> Tensor:
    """Double height and width, each pixel four times."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def halved(x: Tensor) -> Tensor:
    """Halve height and width, four pixels to their mean."""
    return functional.avg_pool2d(x, 2)


def with_variation(x: Tensor) -> Tensor:
    """Add one channel: the mean standard deviation over groups of up to four images (minibatch stddev)."""
    n, channels, height, width = x.shape
    group = next(size for size in range(min(_GROUP, n), 0, -1) if n % size == 0)
    # Neighbors in the batch make a group.
    grouped = x.view(n // group, group, channels, height, width)
    spread = (grouped.var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    channel = spread.repeat_interleave(group)[:, None, None, None].expand(n, 1, height, width)
    return torch.cat([x, channel], dim=1)
