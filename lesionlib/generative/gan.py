"""The InfoGAN as one thing: draw, look along a code, read."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch

from lesionlib.errors import InputError
from lesionlib.generative.codes import Codes, Latents, Reading, draw
from lesionlib.generative.networks import Critic, Generator
from lesionlib.generative.pictures import at_once, averaged_down, checked_pictures, to_pictures, to_tensor
from lesionlib.generative.plan import GrowthPlan, Position
from lesionlib.numeric import is_whole

_STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)


@torch.no_grad()
def painted(net: Generator, latents: Latents, where: Position, device: torch.device) -> np.ndarray:
    """Make a generator's images of some latents at a position of its growth: uint8, n x h x h x 3."""
    step, found = at_once(where.resolution), []
    for start in range(0, len(latents.noise), step):
        # Copies: torch cannot share memory that may not be written to.
        parts = (torch.tensor(part[start : start + step], device=device) for part in latents)
        found.append(to_pictures(net(*parts, where.block, where.alpha)))
    return np.concatenate(found)


class Painter:
    """A generator that draws: what `InfoGAN` and a generator loaded alone have in common.

    Attributes
    ----------
    plan : GrowthPlan
        What it was trained by.
    codes : Codes
        What it is fed beside noise.
    average : torch.nn.Module
        The averaged generator, which draws.
    device : torch.device
        Where it draws.
    step : int
        Steps of training behind it.
    prior : array of float, shape (classes,)
        Probabilities from which classes are drawn.
    """

    def __init__(self, plan: GrowthPlan, codes: Codes, average: Generator, device: torch.device, step: int = 0):
        self.plan, self.codes, self.average, self.device, self.step = plan, codes, average, device, step
        self.prior = np.full(codes.classes, 1 / max(codes.classes, 1))

    @property
    def position(self) -> Position:
        """Where the training stands."""
        return self.plan.position(self.step)

    @property
    def resolution(self) -> int:
        """Side of the images that it draws now, in pixels."""
        return self.position.resolution

    @property
    def code_names(self) -> list[str]:
        """Names of the continuous codes, after the resolution of the block that each is fed to."""
        return self.codes.names(self.plan.resolutions)

    @property
    def active(self) -> np.ndarray:
        """Which continuous codes have their block already: bool, (codes,)."""
        return np.arange(len(self.code_names)) < (self.position.block + 1) * self.codes.per_block

    def draw(self, n: int, seed: int = 0, klass=None) -> Latents:
        """Draw noise and codes for n images.

        Parameters
        ----------
        n : int
            Number of images, 1 or more.
        seed : int
            Same seed, same latents; noise and continuous codes do not depend on `klass`.
        klass : int or array of int, shape (n,), optional
            Value of the categorical code, from 0, for all or for each; else drawn from `prior`.

        Returns
        -------
        Latents
            For `render`.

        Raises
        ------
        InputError
            A class that there is not, or `n` below 1.
        """
        if not is_whole(n, 1):
            raise InputError(f"n: found {n!r}, expected a whole number of images, 1 or more")
        latents = draw(np.random.default_rng((seed, 7)), n, self.codes, len(self.plan.widths), self.prior)
        return latents if klass is None else latents._replace(classes=self._classes(klass, n))

    def render(self, latents: Latents) -> np.ndarray:
        """Make the images of some latents.

        Parameters
        ----------
        latents : Latents
            From `draw`.

        Returns
        -------
        numpy.ndarray, shape (n, h, h, 3)
            uint8; h is the present resolution.
        """
        return painted(self.average, latents, self.position, self.device)

    def sample(self, n: int, seed: int = 0, klass=None, codes=None) -> np.ndarray:
        """Draw n images.

        Parameters
        ----------
        n, seed, klass
            As for `draw`.
        codes : array of float, shape (codes,) or (n, codes), optional
            Continuous codes in [-1, 1] instead of drawn ones.

        Returns
        -------
        array of uint8, shape (n, h, h, 3)

        Raises
        ------
        InputError
            Codes of another shape or outside [-1, 1], or what `draw` refuses.
        """
        latents = self.draw(n, seed, klass)
        if codes is not None:
            latents = latents._replace(continuous=_checked_codes(codes, latents.continuous.shape))
        return self.render(latents)

    def traverse(self, code: int | str, values: Sequence[float] | None = None, n: int = 4, seed: int = 0) -> np.ndarray:
        """Draw n images again and again, with one code at each of some values, all else kept.

        Parameters
        ----------
        code : int or str
            Number or name (see `code_names`) of a continuous code, or ``"class"``.
        values : sequence, optional
            For a continuous code numbers in [-1, 1] (default: -1, -0.5, 0, 0.5, 1), for the class whole
            numbers (default: all of them).
        n, seed : int
            See `draw`.

        Returns
        -------
        array of uint8, shape (n, values, h, h, 3)

        Raises
        ------
        InputError
            A code or a value that there is not.
        """
        latents = self.draw(n, seed)
        if code == "class":
            values = range(self.codes.classes) if values is None else values
            drawn = [self.render(latents._replace(classes=self._classes(int(value), n))) for value in values]
            return np.stack(drawn, axis=1)
        number = self._number(code)
        drawn = []
        for value in _STEPS if values is None else values:
            continuous = latents.continuous.copy()
            continuous[:, number] = value
            drawn.append(self.render(latents._replace(continuous=_checked_codes(continuous, continuous.shape))))
        return np.stack(drawn, axis=1)

    def _number(self, code: int | str) -> int:
        names = self.code_names
        if code in names:
            return names.index(code)
        if is_whole(code, 0, len(names) - 1):
            return int(code)
        raise InputError(
            f"code: found {code!r}, expected one of {', '.join(names) or 'none: there is no continuous code'}"
        )

    def _classes(self, klass, n: int) -> np.ndarray:
        if not self.codes.classes:
            raise InputError("klass: this GAN has no categorical code; make it with Codes(classes=...)")
        found = np.asarray(klass)
        if found.dtype.kind not in "iu" or found.shape not in ((), (n,)):
            raise InputError(f"klass: found {klass!r}, expected one whole number, or {n} of them")
        if found.min() < 0 or found.max() >= self.codes.classes:
            raise InputError(f"klass: found {klass!r}, expected numbers from 0 to {self.codes.classes - 1}")
        return np.broadcast_to(found, n).astype(np.int64)


class InfoGAN(Painter):
    """A progressive InfoGAN, untrained; `train` trains it.

    Parameters
    ----------
    plan : GrowthPlan
    codes : Codes
    seed : int
        Decides the first weights, and in `train` every other random choice.
    device : str or torch.device, optional
        Else a GPU where there is one.

    Attributes
    ----------
    generator, critic : torch modules
        As trained; `average` is the averaged generator, which draws.

    Raises
    ------
    InputError
        Codes for blocks that the plan does not have, or a seed below 0.

    Notes
    -----
    lucius2020, section 2.4; InfoGAN: Chen and others, NeurIPS 2016; growth: Karras and others, ICLR 2018.
    """

    def __init__(self, plan: GrowthPlan, codes: Codes | None = None, seed: int = 0, device=None):
        codes = codes or Codes()
        if not is_whole(seed, 0):
            raise InputError(f"seed: found {seed!r}, expected a whole number from 0")
        if codes.classes and codes.class_blocks is not None and max(codes.class_blocks) >= len(plan.widths):
            raise InputError(
                f"class_blocks: found {codes.class_blocks}, expected numbers from 0 to {len(plan.widths) - 1}, "
                "the plan's blocks"
            )
        self.seed = seed
        rng = torch.Generator().manual_seed(seed)
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.generator = Generator(plan, codes, rng).to(device)
        self.critic = Critic(plan, codes, rng).to(device)
        super().__init__(plan, codes, deepcopy(self.generator).requires_grad_(False), device)

    @torch.no_grad()
    def read(self, images: np.ndarray) -> Reading:
        """Tell which codes Q reads in images, real or generated.

        Parameters
        ----------
        images : array of uint8, shape (n, h, h, 3)
            h is the present resolution or a multiple of it; larger images are averaged down.

        Returns
        -------
        Reading

        Raises
        ------
        InputError
            Images of another type or shape.
        """
        reads = [self.critic.read(features) for features in self._features(images)]
        mean, log_std, logits = (torch.cat(parts).double().cpu() for parts in zip(*reads, strict=True))
        hidden = torch.from_numpy(~self.active)
        mean[:, hidden] = log_std[:, hidden] = torch.nan
        return Reading(mean.numpy(), log_std.exp().numpy(), logits.softmax(dim=1).numpy())

    @torch.no_grad()
    def score(self, images: np.ndarray) -> np.ndarray:
        """Give the critic's score of each image.

        With ``minibatch_stddev`` a score depends a little on the three images beside it, in the order given.

        Parameters
        ----------
        images : array of uint8, shape (n, h, h, 3)
            As for `read`.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Higher is more real to it.

        Raises
        ------
        InputError
            As for `read`.
        """
        return torch.cat([self.critic.score(part) for part in self._features(images)]).double().cpu().numpy()

    def parameters_count(self) -> dict[str, int]:
        """Count the trained numbers of both networks.

        Returns
        -------
        dict of str to int
            ``generator`` and ``critic``.
        """
        nets = {"generator": self.generator, "critic": self.critic}
        return {name: sum(weight.numel() for weight in net.parameters()) for name, net in nets.items()}

    def _features(self, images: np.ndarray) -> list[torch.Tensor]:
        where = self.position
        small = averaged_down(checked_pictures(images, where.resolution), where.resolution)
        step = at_once(where.resolution)
        blocks = (small[start : start + step] for start in range(0, len(small), step))
        return [self.critic.body(to_tensor(block, self.device), where.block, where.alpha) for block in blocks]


def _checked_codes(codes, shape: tuple[int, int]) -> np.ndarray:
    found = np.asarray(codes, dtype=np.float32)
    if found.shape not in (shape, shape[1:]):
        raise InputError(f"codes: found shape {found.shape}, expected {shape[1:]} or {shape}")
    if not (np.abs(found) <= 1).all():
        raise InputError("codes: found a value outside [-1, 1], expected what the generator was trained with")
    return np.broadcast_to(found, shape)
