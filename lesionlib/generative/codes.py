"""The structured code: parts of real numbers, one a block, and a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lesionlib.errors import InputError
from lesionlib.numeric import check_whole, is_whole


@dataclass(frozen=True)
class Codes:
    """What the generator is fed: noise, a part of the code for each block, and perhaps a class.

    Parameters
    ----------
    noise : int
        Numbers of noise, which no reader is asked to find again.
    per_block : int
        Continuous codes fed to each block, uniform in [-1, 1]; 0 for none.
    classes : int
        Values of the categorical code; 0 for none, else 2 or more.
    class_blocks : tuple of int, optional
        Blocks that are fed the class, from 0 (the coarsest); None for all of them.

    Raises
    ------
    InputError
        A number out of range.

    Notes
    -----
    lucius2020 (section 2.4): "splitting the structured code to parts and feeding each part to the network by
    conditioning activation in the corresponding block". How many parts, of which kind, it does not say.
    Continuous and categorical codes: Chen and others, NeurIPS 2016.
    """

    noise: int = 32
    per_block: int = 2
    classes: int = 0
    class_blocks: tuple[int, ...] | None = (0,)

    def __post_init__(self):
        for name, least in (("noise", 1), ("per_block", 0), ("classes", 0)):
            check_whole(name, getattr(self, name), least)
        if self.per_block > 26:
            raise InputError(f"per_block: found {self.per_block}, expected 26 codes a block or fewer")
        if self.classes == 1:
            raise InputError("classes: found 1, expected 0 for no categorical code, or 2 classes or more")
        if self.class_blocks is None:
            return
        object.__setattr__(self, "class_blocks", tuple(self.class_blocks))
        if not self.class_blocks or not all(is_whole(block, 0) for block in self.class_blocks):
            raise InputError(
                f"class_blocks: found {self.class_blocks!r}, expected numbers of blocks from 0, or None for all of them"
            )

    def names(self, resolutions: tuple[int, ...]) -> list[str]:
        """Name the continuous codes after their block's resolution: ``4x4 a``, ``4x4 b``, ``8x8 a`` ...

        Parameters
        ----------
        resolutions : tuple of int
            Of the blocks, in pixels.

        Returns
        -------
        list of str
            In the order of the codes.
        """
        return [f"{side}x{side} {chr(ord('a') + code)}" for side in resolutions for code in range(self.per_block)]

    def fed_class(self, block: int) -> bool:
        """Tell whether a block is fed the class.

        Parameters
        ----------
        block : int
            From 0.

        Returns
        -------
        bool
            False without classes.
        """
        return self.classes > 0 and (self.class_blocks is None or block in self.class_blocks)


class Latents(NamedTuple):
    """What the generator makes n images of.

    Attributes
    ----------
    noise : array of float32, shape (n, noise)
        Standard normal.
    continuous : array of float32, shape (n, codes)
        In [-1, 1], in the order of `InfoGAN.code_names`.
    classes : array of int64, shape (n,)
        From 0; -1 without a categorical code.
    """

    noise: np.ndarray
    continuous: np.ndarray
    classes: np.ndarray


class Reading(NamedTuple):
    """What Q reads in n images.

    Attributes
    ----------
    continuous : array of float, shape (n, codes)
        Means; codes of blocks that have not grown yet are NaN.
    spread : array of float, shape (n, codes)
        Standard deviations: how sure Q is.
    classes : array of float, shape (n, classes)
        Probabilities; no columns without a categorical code.
    """

    continuous: np.ndarray
    spread: np.ndarray
    classes: np.ndarray


def draw(rng: np.random.Generator, n: int, codes: Codes, blocks: int, prior: np.ndarray) -> Latents:
    """Draw noise, codes and classes (from `prior`)."""
    noise = rng.standard_normal((n, codes.noise), dtype=np.float32)
    continuous = (2 * rng.random((n, blocks * codes.per_block), dtype=np.float32) - 1).astype(np.float32)
    classes = rng.choice(codes.classes, n, p=prior) if codes.classes else np.full(n, -1)
    return Latents(noise, continuous, classes.astype(np.int64))
