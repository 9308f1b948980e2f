"""Operations of augmentation pipelines: each a function of a batch and of one magnitude an image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from kornia.filters import gaussian_blur2d

from lesionlib.errors import InputError
from lesionlib.numeric import is_number, is_whole

Range = tuple[float, float]


@dataclass(frozen=True)
class Operation(ABC):
    """One step of a pipeline.

    Attributes
    ----------
    p : float
        Probability that an image is changed, in [0, 1]; each image has its own draw.
    """

    p: float

    name: ClassVar[str]
    limits: ClassVar[dict[str, Range]] = {}
    """Fields that are ranges, and how far they may reach."""
    either_side: ClassVar[bool] = False
    """Whether a magnitude goes to one side or the other, with equal chance."""

    def __post_init__(self) -> None:
        if not is_number(self.p, 0, 1):
            raise InputError(f"{self.name}: p is {self.p!r}; expected a probability in [0, 1]")
        for field, (least, most) in self.limits.items():
            given = getattr(self, field)
            pair = isinstance(given, tuple) and len(given) == 2 and all(map(is_number, given))
            if not pair or not least <= given[0] <= given[1] <= most:
                raise InputError(
                    f"{self.name}: {field} is {given!r}; expected (lowest, highest) within {least:g} to {most:g}"
                )

    def draw(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw the magnitudes of `n` images, n x ...: one from each range, unless an operation says otherwise."""
        drawn = [uniform(n, getattr(self, field), generator) for field in self.limits]
        magnitudes = torch.stack(drawn or [torch.empty(n)], dim=1).squeeze(1)
        return magnitudes * _either_side(n, generator) if self.either_side else magnitudes

    def apply(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        """Change every image by its magnitude.

        Parameters
        ----------
        images : torch.Tensor, shape (n, 3, h, w)
            uint8, or floats in [0, 1]; stays as it is.
        magnitudes : torch.Tensor, shape (n, ...)
            As `draw` gives them.

        Returns
        -------
        torch.Tensor
            New images of the same shape and type.
        """
        return on_floats(lambda floats: self.change(floats, magnitudes.to(floats.device)), images)

    @abstractmethod
    def change(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        """Do what `apply` does, on floats and on their device."""


class Geometric(Operation):
    """An operation that takes each pixel from another place.

    A place is (x, y), from -1 (left, top edge of the image) to 1 (right, bottom edge). Neighboring geometric operations
    of a pipeline are joined before the image is resampled, once and bilinearly: three resamplings in a row would blur
    it. What lies outside of the image repeats its edge.
    """

    @abstractmethod
    def places(self, at: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        """Say where the pixels at the places `at` (n x h x w x 2) are taken from."""

    def change(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        return resampled(images, self.places(own_places(images), magnitudes))


@dataclass(frozen=True)
class Rotation(Geometric):
    """Turn the image about its center, to either side with equal chance.

    Attributes
    ----------
    degrees : (float, float)
        Range of the angle, 0 to 180. Its magnitude is drawn from it; above 0 is counterclockwise.
    corners : {"crop", "edge"}
        Cut the largest part of the same shape that lies wholly in the turned image, and enlarge it, as Augmentor's
        `rotate` does; or fill the corners by repeating the edge, as Keras does (``fill_mode="nearest"``).
    """

    degrees: Range = (0, 25)
    corners: str = "crop"

    name = "rotation"
    limits: ClassVar = {"degrees": (0, 180)}
    either_side: ClassVar = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.corners not in ("crop", "edge"):
            raise InputError(f"rotation: corners is {self.corners!r}; expected crop or edge")

    def places(self, at: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        height, width = at.shape[1:3]
        angle = torch.deg2rad(magnitudes).view(-1, 1, 1)
        sine, cosine = angle.sin(), angle.cos()
        x, y = at[..., 0] * width, at[..., 1] * height
        if self.corners == "crop":
            scale = _inscribed(angle, height, width)
            x, y = x * scale, y * scale
        return torch.stack([(x * cosine - y * sine) / width, (x * sine + y * cosine) / height], dim=-1)


def _inscribed(angle: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Share of the sides of the largest rectangle of the image's shape that lies wholly in the turned image."""
    sine, cosine = angle.sin().abs(), angle.cos().abs()
    across = width / (width * cosine + height * sine)
    return torch.minimum(across, height / (width * sine + height * cosine))


@dataclass(frozen=True)
class RandomZoom(Geometric):
    """Enlarge a part of the image at a random place (Augmentor's `zoom_random`).

    Attributes
    ----------
    share : (float, float)
        Range of the part's sides as a share of the image's (Augmentor calls it an area, and takes it of both sides).
    """

    share: Range = (0.8, 1.0)

    name = "zoom"
    limits: ClassVar = {"share": (0.01, 1)}

    def draw(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw the share, and where the part lies across and down, from -1 (left, top) to 1."""
        where = [uniform(n, (-1, 1), generator) for _ in range(2)]
        return torch.stack([uniform(n, self.share, generator), *where], dim=1)

    def places(self, at: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        share, where = magnitudes[:, :1].view(-1, 1, 1, 1), magnitudes[:, 1:].view(-1, 1, 1, 2)
        return at * share + where * (1 - share)


@dataclass(frozen=True)
class Zoom(Geometric):
    """Enlarge the middle of the image.

    Attributes
    ----------
    amount : (float, float)
        Range of the enlargement: 0 for none, 0.2 for a fifth larger.
    """

    amount: Range = (0.0, 0.2)

    name = "zoom"
    limits: ClassVar = {"amount": (0, 10)}

    def places(self, at: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        return at / (1 + magnitudes.view(-1, 1, 1, 1))


@dataclass(frozen=True)
class WidthShift(Geometric):
    """Move the image to the left or right, with equal chance.

    Attributes
    ----------
    share : (float, float)
        Range of the way, as a share of the width. Above 0 is to the right.
    """

    share: Range = (0.0, 0.1)

    name = "width shift"
    limits: ClassVar = {"share": (0, 1)}
    either_side: ClassVar = True

    def places(self, at: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        way = 2 * magnitudes.view(-1, 1, 1)
        return torch.stack([at[..., 0] - way, at[..., 1]], dim=-1)


@dataclass(frozen=True)
class Shear(Geometric):
    """Slide the rows of the image against each other, to either side with equal chance; the middle row stays.

    Attributes
    ----------
    degrees : (float, float)
        Range of the angle by which upright lines come to lean, 0 to 60.
    """

    degrees: Range = (0, 10)

    name = "shear"
    limits: ClassVar = {"degrees": (0, 60)}
    either_side: ClassVar = True

    def places(self, at: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        height, width = at.shape[1:3]
        lean = torch.deg2rad(magnitudes).tan().view(-1, 1, 1) * height / width
        return torch.stack([at[..., 0] + lean * at[..., 1], at[..., 1]], dim=-1)


@dataclass(frozen=True)
class Distortion(Geometric):
    """Move the inner corners of a grid of tiles, and stretch the tiles with them (Augmentor's `random_distortion`).

    The image's edge stays. Augmentor's magnitude is in pixels, whatever the image's size; here it is a share.

    Attributes
    ----------
    magnitude : (float, float)
        Range of the farthest way of a corner, as a share of the side; below half a tile, so that no tile folds. Each
        image draws its own, and each corner then its way across and down, from minus that to that.
    tiles : int
        In each direction, 2 or more.
    """

    magnitude: Range = (0.01, 0.05)
    tiles: int = 4

    name = "distortion"

    def __post_init__(self) -> None:
        if not is_whole(self.tiles, 2):
            raise InputError(f"distortion: tiles is {self.tiles!r}; expected a whole number, 2 or more")
        super().__post_init__()

    @property
    def limits(self) -> dict[str, Range]:
        return {"magnitude": (0, 0.5 / self.tiles)}

    def draw(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw each inner corner's way, n x 2 (across, down) x tiles - 1 x tiles - 1, as a share of the side."""
        inner = self.tiles - 1
        ways = torch.rand(n, 2, inner, inner, generator=generator) * 2 - 1
        return ways * uniform(n, self.magnitude, generator).view(-1, 1, 1, 1)

    def places(self, at: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        # Between the corners of a tile the ways are interpolated; with align_corners the outermost lie on the edge.
        ways = F.pad(2 * magnitudes, (1, 1, 1, 1))
        return at + F.grid_sample(ways, at, padding_mode="border", align_corners=True).permute(0, 2, 3, 1)


class HorizontalFlip(Operation):
    """Mirror left and right."""

    name = "horizontal flip"

    def change(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        return images.flip(3)


class VerticalFlip(Operation):
    """Mirror top and bottom."""

    name = "vertical flip"

    def change(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        return images.flip(2)


@dataclass(frozen=True)
class Lighting(Operation):
    """Another lamp: brighter or darker, warmer or colder.

    mendes2018 wrote an operation of its own that "randomizes the natural light effect", for clinics with other lamps,
    and does not say how. This is ours: all channels times a gain, red also times 1 + warmth and blue times 1 - warmth.

    Attributes
    ----------
    gain : (float, float)
        1 leaves the brightness.
    warmth : (float, float)
        0 leaves the colors; above 0 is warmer.
    """

    gain: Range = (0.7, 1.3)
    warmth: Range = (-0.1, 0.1)

    name = "lighting"
    limits: ClassVar = {"gain": (0, 10), "warmth": (-1, 1)}

    def change(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        gain, warmth = magnitudes[:, 0], magnitudes[:, 1]
        channels = torch.stack([gain * (1 + warmth), gain, gain * (1 - warmth)], dim=1)
        return (images * channels.view(-1, 3, 1, 1)).clamp(0, 1)


@dataclass(frozen=True)
class Brightness(Operation):
    """Multiply all pixels by a factor, as Keras' `brightness_range` does: 0 is black, 1 the image as it is.

    Attributes
    ----------
    factor : (float, float)
        A range below 1 only darkens.
    """

    factor: Range = (0.2, 0.8)

    name = "brightness"
    limits: ClassVar = {"factor": (0, 10)}

    def change(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        return (images * magnitudes.view(-1, 1, 1, 1)).clamp(0, 1)


@dataclass(frozen=True)
class PhoneCamera(Operation):
    """Another phone's lens, sensor and tone curve, in the order in which light and signal pass through them.

    lucius2020 (section 2.3) alters its training images "following optical parameters from the different types of phone
    cameras" and prints none of them. So all steps and their ranges are ours: wide enough that two pictures differ as
    those of two phones do, and narrow enough that a lesion keeps its look. They are no measurements of real phones.
    White balance is `Lighting`'s.

    Attributes
    ----------
    aberration : (float, float)
        The lens draws red larger and blue smaller by this share of the distance from the middle (lateral chromatic
        aberration): colored seams near the edge.
    vignetting : (float, float)
        Share of the light that is lost in the corners; it grows with the square of the distance from the middle.
    blur : (float, float)
        Standard deviation of a Gaussian blur, as a share of the height (0.005 is half a pixel of 100): poor focus, or
        a finger on the lens.
    noise : (float, float)
        Standard deviation of the sensor's noise on a white pixel, of 1. On a darker one it is smaller, by the square
        root of its brightness, as that of counted photons is.
    gamma : (float, float)
        Exponent of the tone curve: below 1 brightens the middle tones, above 1 darkens them.
    """

    aberration: Range = (0.0, 0.01)
    vignetting: Range = (0.0, 0.4)
    blur: Range = (0.0, 0.008)
    noise: Range = (0.0, 0.04)
    gamma: Range = (0.8, 1.25)

    name = "phone camera"
    limits: ClassVar = {
        "aberration": (0, 0.1),
        "vignetting": (0, 1),
        "blur": (0, 0.1),
        "noise": (0, 1),
        "gamma": (0.1, 10),
    }

    def draw(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw the five magnitudes in their order, and a seed for the noise."""
        # Below 2 ** 24 a whole number is exact in float32.
        seeds = torch.randint(2**24, (n, 1), generator=generator)
        return torch.cat([super().draw(n, generator), seeds], dim=1)

    def change(self, images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        apart, shade, blur, noise, gamma = magnitudes[:, :5].unflatten(1, (5, 1, 1, 1)).unbind(1)
        at = own_places(images)
        colors = [resampled(images[:, [k]], at * (1 + side * apart)) for k, side in enumerate((-1, 0, 1))]
        seen = torch.cat(colors, dim=1) * (1 - shade * at.square().mean(-1)[:, None])
        deviations = (blur * images.shape[2]).clamp(min=1e-3).view(-1, 1).expand(-1, 2)
        seen = gaussian_blur2d(seen, 2 * int(3 * deviations.max() + 1) + 1, deviations, border_type="replicate")
        seeds = [torch.Generator().manual_seed(int(seed)) for seed in magnitudes[:, 5]]
        grain = torch.stack([torch.randn(images.shape[1:], generator=seed) for seed in seeds])
        return (seen + noise * seen.sqrt() * grain.to(seen)).clamp(0, 1) ** gamma


def on_floats(change: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Change a batch as floats in [0, 1]; bytes come back as bytes."""
    if images.ndim != 4 or images.shape[1] != 3 or not (images.dtype == torch.uint8 or images.is_floating_point()):
        got = f"{tuple(images.shape)}, {images.dtype}"
        raise InputError(f"augmentation takes images of shape n x 3 x h x w, uint8 or floats; got {got}")
    if images.dtype == torch.uint8:
        return change(images.float() / 255).mul(255).round().to(torch.uint8)
    return change(images)


def own_places(images: torch.Tensor) -> torch.Tensor:
    """Places of the images' own pixels, n x h x w x 2."""
    n, _, height, width = images.shape
    still = torch.eye(2, 3, dtype=images.dtype, device=images.device).expand(n, 2, 3)
    return F.affine_grid(still, [n, 1, height, width], align_corners=False)


def resampled(images: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    return F.grid_sample(images, at, mode="bilinear", padding_mode="border", align_corners=False)


def uniform(n: int, ends: Range, generator: torch.Generator | None) -> torch.Tensor:
    """Draw `n` numbers between two ends."""
    low, high = ends
    return torch.rand(n, generator=generator) * (high - low) + low


def _either_side(n: int, generator: torch.Generator | None) -> torch.Tensor:
    return torch.randint(2, (n,), generator=generator) * 2.0 - 1
