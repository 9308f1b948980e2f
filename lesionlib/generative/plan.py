"""How a progressive GAN grows: resolutions, batches, phases, and the settings of its training."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from lesionlib.generative import presets
from lesionlib.generative.plan_checks import checked
from lesionlib.numeric import is_whole


@dataclass(frozen=True)
class Stage:
    """One phase of the growth: the newest block fades in, or all blocks train on.

    Attributes
    ----------
    block : int
        Number of the newest block, from 0.
    resolution : int
        Side of its images, in pixels.
    fade : bool
        Whether the block fades in during this phase.
    batch : int
        Images a batch.
    images : int
        Real images shown to the critic.
    steps : int
        Steps of the generator.
    """

    block: int
    resolution: int
    fade: bool
    batch: int
    images: int
    steps: int


@dataclass(frozen=True)
class Position:
    """Where a training stands.

    Attributes
    ----------
    block : int
        The newest block, from 0.
    resolution : int
        Its side in pixels.
    alpha : float
        Its part in the picture, in [0, 1]; below 1 while it fades in.
    batch : int
        Images a batch.
    """

    block: int
    resolution: int
    alpha: float
    batch: int


@dataclass(frozen=True)
class GrowthPlan:
    """Settings of the training of a progressive InfoGAN; the defaults are those of `quick`.

    Parameters
    ----------
    resolutions : tuple of int
        Sides of the images in pixels, one a block, from 4, each twice the one before.
    widths : tuple of int
        Channels of each block.
    layers : int
        Convolutions a block: 2, or 1 where time is short.
    batches : tuple of int
        Images a batch at each resolution.
    images_fade, images_steady : int or tuple of int
        Real images shown while a block fades in, and after that. The first block does not fade in.
    learning_rate : float
        Adam's, for both networks.
    betas : (float, float)
        Decay rates of Adam's averages.
    rate_decay : float
        Factor of the learning rate after every `decay_images` real images; 1 keeps it.
    decay_images : int
    penalty : float
        Weight of the gradient penalty.
    penalty_share : float
        Share of each batch on which the penalty is measured: 1, or less where time is short, as it costs half of it.
    critic_steps : int
        Steps of the critic for each step of the generator.
    information : float
        Weight of the mutual-information term, in both networks' losses.
    guidance : float
        Weight of the cross-entropy of Q on real images with labels, where `train` is given any.
    drift : float
        Weight of the squared score of real images, which keeps the critic's scores near 0.
    equalized : bool
        Weights drawn from N(0, 1) and scaled at run time, so that Adam moves all of them at one speed.
    pixel_norm : bool
        The generator's features at each place scaled to unit mean square.
    minibatch_stddev : bool
        The critic is shown how much a batch varies.
    ema_images : int
        Half-life, in real images shown, of the averaged generator that draws samples; 0 for no average.
    flips : bool
        Real images mirrored at random, both ways: a dermoscopic image has no up or left.
    balanced : bool
        Real images drawn equally often from each label.
    check_images : int
        Real images between two looks at the diversity of the generated images.
    explosion : float
        A training is stopped where the critic's estimate of the Wasserstein distance is so many times what
        any 1-Lipschitz critic could reach on such images.
    collapse_below : float
        Least diversity of generated images, as a share of that of real ones; 0 lets everything pass.
    collapse_patience : int
        Looks in a row below it before the training is stopped.

    Raises
    ------
    InputError
        A setting of a wrong type or out of range, or lists of different lengths.

    Notes
    -----
    The growth, and what keeps it stable (equalized learning rate, pixel norm, minibatch standard deviation,
    drift, averaged generator): Karras and others, ICLR 2018. Gradient penalty: Gulrajani and others, NeurIPS 2017.
    """

    resolutions: tuple[int, ...] = (4, 8, 16, 32)
    widths: tuple[int, ...] = (32, 32, 24, 12)
    layers: int = 1
    batches: tuple[int, ...] = (32, 32, 24, 16)
    images_fade: int | tuple[int, ...] = (0, 500, 1_000, 1_500)
    images_steady: int | tuple[int, ...] = (1_000, 1_000, 1_500, 3_500)
    learning_rate: float = 0.0075
    betas: tuple[float, float] = (0.0, 0.99)
    rate_decay: float = 1.0
    decay_images: int = 10_000
    penalty: float = 10.0
    penalty_share: float = 0.5
    critic_steps: int = 1
    information: float = 1.0
    guidance: float = 10.0
    drift: float = 1e-3
    equalized: bool = True
    pixel_norm: bool = True
    minibatch_stddev: bool = True
    ema_images: int = 1_000
    flips: bool = True
    balanced: bool = False
    check_images: int = 500
    explosion: float = 10.0
    collapse_below: float = 0.3
    collapse_patience: int = 5

    def __post_init__(self):
        for name, value in checked(self).items():
            object.__setattr__(self, name, value)

    @classmethod
    def paper(cls, decay: Literal["averages", "rate"] = "averages") -> GrowthPlan:
        """Section 2.4 of lucius2020, and what it leaves open as in Karras et al. 2018; see `declared`.

        Parameters
        ----------
        decay : {"averages", "rate"}
            What the paper's "exponential decay of 0.99" is taken for: of Adam's averages (beta 2), or of the
            learning rate, then after each pass over the 10,015 images.

        Returns
        -------
        GrowthPlan
            The paper's.

        Raises
        ------
        InputError
            Another `decay`.
        """
        return cls(**presets.paper(decay))

    @classmethod
    def quick(cls) -> GrowthPlan:
        """32 x 32 in about 20 seconds of one CPU thread, at the paper's learning rate: lesions of a sort.

        Returns
        -------
        GrowthPlan
            The defaults.
        """
        return cls()

    @classmethod
    def cpu(cls) -> GrowthPlan:
        """32 x 32 in about an hour of one CPU thread, for real images.

        Returns
        -------
        GrowthPlan
            For one CPU thread.
        """
        return cls(**presets.cpu())

    @classmethod
    def gpu(cls, resolution: int = 64) -> GrowthPlan:
        """Give a plan for a GPU; not tried at every size, see the chapter.

        Parameters
        ----------
        resolution : int
            Side of the last images in pixels: 8, 16, 32, 64, 128, 256 or 512.

        Returns
        -------
        GrowthPlan
            Up to that resolution.

        Raises
        ------
        InputError
            Another resolution.
        """
        return cls(**presets.gpu(resolution))

    def stages(self) -> list[Stage]:
        """List the phases in order; those without images are left out.

        Returns
        -------
        list of Stage
            One a phase.
        """
        found = []
        for block, resolution in enumerate(self.resolutions):
            batch = self.batches[block]
            for fade, images in ((True, self.images_fade[block]), (False, self.images_steady[block])):
                # The first block has nothing to fade in from.
                if images and not (fade and block == 0):
                    steps = -(-images // (batch * self.critic_steps))
                    found.append(Stage(block, resolution, fade, batch, steps * batch * self.critic_steps, steps))
        return found

    @cached_property
    def steps(self) -> int:
        """Steps of the generator in all."""
        return sum(stage.steps for stage in self.stages())

    @cached_property
    def images(self) -> int:
        """Real images shown to the critic in all; whole batches."""
        return sum(stage.images for stage in self.stages())

    @cached_property
    def _starts(self) -> tuple[np.ndarray, np.ndarray]:
        stages = self.stages()
        steps = np.cumsum([0, *(stage.steps for stage in stages)])
        images = np.cumsum([0, *(stage.images for stage in stages)])
        return steps, images

    def _at(self, step: int) -> tuple[Stage, int, int]:
        """Give the phase of a step, and the steps and images before that phase."""
        stages, (steps, images) = self.stages(), self._starts
        number = min(int(np.searchsorted(steps, step, side="right")) - 1, len(stages) - 1)
        return stages[number], int(steps[number]), int(images[number])

    def position(self, step: int) -> Position:
        """Tell where a training stands at a step.

        Parameters
        ----------
        step : int
            From 0; past the end, the answer is that of the last.

        Returns
        -------
        Position
            Block, resolution, alpha and batch.
        """
        stage, start, _ = self._at(step)
        alpha = (step - start) / stage.steps if stage.fade else 1.0
        return Position(stage.block, stage.resolution, alpha, stage.batch)

    def images_before(self, step: int) -> int:
        """Count the real images shown before a step.

        Parameters
        ----------
        step : int
            From 0.

        Returns
        -------
        int
            Images, repeats counted.
        """
        stage, start, images = self._at(step)
        return images + (min(step, self.steps) - start) * stage.batch * self.critic_steps

    def rate(self, images: int) -> float:
        """Give the learning rate.

        Parameters
        ----------
        images : int
            Real images shown so far.

        Returns
        -------
        float
            Of both networks' optimizers.
        """
        return self.learning_rate * self.rate_decay ** (images // self.decay_images)

    def table(self) -> pd.DataFrame:
        """Tell the plan, one row a block.

        Returns
        -------
        DataFrame
            Columns: block, resolution, channels, batch, images fading in, images steady, steps, learning rate.
        """
        stages = self.stages()
        rows = []
        for block, resolution in enumerate(self.resolutions):
            own = [stage for stage in stages if stage.block == block]
            first = stages.index(own[0])
            rows.append(
                {
                    "block": block,
                    "resolution": f"{resolution} x {resolution}",
                    "channels": self.widths[block],
                    "batch": self.batches[block],
                    "images fading in": sum(stage.images for stage in own if stage.fade),
                    "images steady": sum(stage.images for stage in own if not stage.fade),
                    "steps": sum(stage.steps for stage in own),
                    "learning rate": self.rate(int(self._starts[1][first])),
                }
            )
        return pd.DataFrame(rows)

    def declared(self) -> pd.DataFrame:
        """Tell for each setting its value, and whether section 2.4 prints it.

        Returns
        -------
        DataFrame
            One row a setting: setting, value, source.
        """
        told = presets.sources(self)
        rows = [(field.name, _short(getattr(self, field.name)), told[field.name]) for field in fields(self)]
        return pd.DataFrame(rows, columns=["setting", "value", "source"])


def _short(value) -> str:
    if isinstance(value, tuple) and len(set(value)) == 1:
        return f"{value[0]:,}" if is_whole(value[0]) else str(value[0])
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)
