"""Networks so small that their heat maps can be written down."""

from __future__ import annotations

import numpy as np
import torch
from fastai.data.core import DataLoaders
from torch import nn

from lesionlib.learners.learner import assemble
from lesionlib.learners.models import Head, LesionNet

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Pooled(nn.Module):
    """Layers and a global average: no `forward_features`, as many networks of one's own."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.stages = nn.Sequential(*layers)

    def forward(self, images):
        return self.stages(images).mean((2, 3))


class AsTimm(Pooled):
    def forward_features(self, images):
        return self.stages(images)


class Residual(nn.Module):
    """Adds and cuts in place, as timm's blocks do."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        y += x
        return y.relu_()


def one_conv(stride: int = 1, channels: int = 5) -> AsTimm:
    return AsTimm(nn.Conv2d(3, channels, 3, stride, padding=1), nn.ReLU(inplace=True))


def deep() -> AsTimm:
    return AsTimm(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), Residual(4), nn.MaxPool2d(2), Residual(4))


def lesion_net(body: nn.Module, features: int, clinical: int = 0, classes: int = 3, seed: int = 0) -> LesionNet:
    """A network whose weights follow from `seed`, with dropout that must be off."""
    torch.manual_seed(seed)
    net = LesionNet(body, Head(features, clinical, classes, dropout=0.5), MEAN, STD)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5)
    return net


def tiny_learner(body: nn.Module | None = None, features: int = 5, dls=None, **net_arguments):
    net = lesion_net(one_conv() if body is None else body, features, **net_arguments)
    dls = DataLoaders() if dls is None else dls
    return assemble(dls, net, splitter=lambda net: list(net.parameters()))


def pictures(n: int = 5, height: int = 12, width: int = 9) -> np.ndarray:
    """Noise over a color that differs from picture to picture."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 40, (n, height, width, 3)) + rng.integers(0, 256, (n, 1, 1, 3))
    return noise.clip(0, 255).astype(np.uint8)


def scaled(maps: np.ndarray) -> np.ndarray:
    """Each map from 0 at its smallest to 1 at its largest; a flat one is 0."""
    maps = maps - maps.min(axis=(1, 2), keepdims=True)
    most = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(most == 0, 1, most)


def one_line(error) -> str:
    """Text of a caught error, checked to be the one line that users see."""
    text = str(error.value)
    assert text and "\n" not in text
    return text
