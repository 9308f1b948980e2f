"""Between arrays of pictures (uint8, n x h x w x 3) and the networks' tensors (n x 3 x h x w in [-1, 1])."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lesionlib.errors import InputError
from lesionlib.generative.layers import enlarged, halved

_AT_ONCE = 1024
# Pixels that pass a network at once where nothing is trained: 128 images of 64 x 64, 2 of 512 x 512.
_PIXELS = 2**19


def checked_pictures(images, least: int) -> np.ndarray:
    """Return the array as it is; refuse what is not uint8, n x h x h x 3, with h a multiple of `least`."""
    images = images if isinstance(images, np.ndarray) else np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or images.shape[1] != images.shape[2] or not len(images):
        raise InputError(f"images: found shape {images.shape}, expected (n, h, h, 3): square images in RGB")
    if images.dtype != np.uint8:
        raise InputError(f"images: found type {images.dtype}, expected uint8, 0 to 255")
    if images.shape[1] % least:
        raise InputError(
            f"images: found {images.shape[1]} x {images.shape[2]} pixels, expected {least} x {least} or a multiple; "
            f"ll.datasets.pixels(dataset, {least}) gives them so"
        )
    return images


def averaged_down(images: np.ndarray, side: int) -> np.ndarray:
    """Shrink pictures to `side` pixels, squares of pixels to their mean."""
    factor = images.shape[1] // side
    if factor == 1:
        return images
    small = np.empty((len(images), side, side, 3), np.uint8)
    for start in range(0, len(images), _AT_ONCE):
        block = images[start : start + _AT_ONCE]
        squares = block.reshape(len(block), side, factor, side, factor, 3)
        small[start : start + _AT_ONCE] = np.rint(squares.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)
    return small


def at_once(side: int) -> int:
    """Give how many images of `side` pixels pass a network at once where nothing is trained."""
    return max(2, min(128, _PIXELS // side**2))


def to_tensor(images: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """Give pictures as float32 in [-1, 1]."""
    # A copy: torch cannot share memory that may not be written to.
    tensor = torch.tensor(np.ascontiguousarray(images), device=device)
    return tensor.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)


def to_pictures(tensor: Tensor) -> np.ndarray:
    """Give the networks' images as uint8; what lies outside [-1, 1] is cut."""
    return tensor.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def faded(tensor: Tensor, alpha: float) -> Tensor:
    """Blend images with their coarser selves, as the generator does while a block fades in."""
    return tensor if alpha == 1 else torch.lerp(enlarged(halved(tensor)), tensor, alpha)


class RealImages:
    """The training images in an order that follows from seed and position alone.

    So a training that is taken up again needs no memory of its random numbers.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray | None, seed: int, flips: bool, balanced: bool):
        self.images, self.labels, self.seed, self.flips, self.balanced = images, labels, seed, flips, balanced
        self._small: tuple[int, np.ndarray] = (0, images)
        self._pass: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def batch(self, shown: int, n: int, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the n images after `shown` ones, shrunk to `side`, and their labels (-1 without)."""
        rows = self._rows(shown, n)
        pictures = self.small(side)[rows]
        if self.flips:
            rng = np.random.default_rng((self.seed, 2, shown))
            across, down = rng.random((2, n)) < 0.5
            pictures[across] = pictures[across, :, ::-1]
            pictures[down] = pictures[down, ::-1]
        return pictures, np.full(n, -1) if self.labels is None else self.labels[rows]

    def small(self, side: int) -> np.ndarray:
        """Give all images, shrunk to `side`; kept until another size is asked for."""
        if self._small[0] != side:
            self._small = (side, averaged_down(self.images, side))
        return self._small[1]

    def _rows(self, shown: int, n: int) -> np.ndarray:
        size = len(self.images)
        found = []
        while n > 0:
            number, start = divmod(shown, size)
            found.append(self._order(number)[start : start + n])
            shown, n = shown + len(found[-1]), n - len(found[-1])
        return np.concatenate(found)

    def _order(self, number: int) -> np.ndarray:
        """Give one pass over the images: each once; balanced: each label equally often."""
        if self._pass[0] != number:
            rng = np.random.default_rng((self.seed, 1, number))
            order = self._by_label(rng) if self.balanced else rng.permutation(len(self.images))
            self._pass = (number, order)
        return self._pass[1]

    def _by_label(self, rng: np.random.Generator) -> np.ndarray:
        piles = [np.flatnonzero(self.labels == label) for label in np.unique(self.labels[self.labels >= 0])]
        turns = rng.permutation(np.arange(len(self.images)) % len(piles))
        return np.array([rng.choice(piles[turn]) for turn in turns])
