"""Augmentation pipelines: operations in a row, each with a probability, drawn anew for every image.

`mendes2018`, `nedelcu2021` and `lucius2020` are the papers' own. A pipeline works on whole batches, on the device where
they are; its random numbers always come from the CPU, so that a seed gives the same pictures with and without a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch

from lesionlib.errors import InputError
from lesionlib.learners.augmentation.operations import (
    Brightness,
    Distortion,
    Geometric,
    HorizontalFlip,
    Lighting,
    Operation,
    PhoneCamera,
    RandomZoom,
    Rotation,
    Shear,
    VerticalFlip,
    WidthShift,
    Zoom,
    on_floats,
    own_places,
    resampled,
)


@dataclass(frozen=True)
class Draw:
    """What an operation is to do with each image of a batch.

    Attributes
    ----------
    operation : Operation
    hit : torch.Tensor, shape (n,)
        Whether the image is changed (bool).
    magnitudes : torch.Tensor, shape (n, ...)
        Drawn for every image, changed or not.
    """

    operation: Operation
    hit: torch.Tensor
    magnitudes: torch.Tensor


@dataclass(frozen=True)
class Pipeline:
    """Operations one after the other, each on the images that chance gives it.

    Call it with a batch, n x 3 x h x w, of uint8 or of floats in [0, 1]: it gives a new batch. Where no `generator` is
    given, torch's own is used (``torch.manual_seed``).

    Attributes
    ----------
    operations : tuple
        Such as ``HorizontalFlip(p=0.5)`` of ``lesionlib.learners.augmentation.operations``, in their order.

    Raises
    ------
    InputError
        No operations, or something else among them; on a call, a batch of another shape or type.
    """

    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        given = self.operations
        listed = tuple(given) if isinstance(given, Sequence) else (given,)
        odd = [one for one in listed if not isinstance(one, Operation)]
        if odd or not listed:
            found = repr(odd[0]) if odd else "nothing"
            raise InputError(f"a pipeline takes operations such as HorizontalFlip(p=0.5); got {found}")
        object.__setattr__(self, "operations", listed)

    def __call__(self, images: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        return self.apply(images, self.draw(len(images), generator))

    def draw(self, n: int, generator: torch.Generator | None = None) -> list[Draw]:
        """Draw what happens to `n` images, an operation at a time.

        Parameters
        ----------
        n : int
            Number of images.
        generator : torch.Generator, optional
            What is drawn follows from it.

        Returns
        -------
        list of object
            One draw an operation, for `apply`.
        """
        return [
            Draw(each, torch.rand(n, generator=generator) < each.p, each.draw(n, generator)) for each in self.operations
        ]

    def apply(self, images: torch.Tensor, draws: Sequence[Draw]) -> torch.Tensor:
        """Do to images what was drawn for them.

        Parameters
        ----------
        images : torch.Tensor, shape (n, 3, h, w)
            In [0, 1], or uint8.
        draws : sequence of object
            From `draw`, for as many images.

        Returns
        -------
        torch.Tensor, shape (n, 3, h, w)
            A new batch.
        """
        return on_floats(lambda floats: _apply(floats, draws), images)

    def without(self, *names: str) -> Pipeline:
        """Give the pipeline without the operations of these names.

        Parameters
        ----------
        *names : str
            Of operations.

        Returns
        -------
        Pipeline
            The others, in their order.

        Raises
        ------
        InputError
            There is no operation of that name, or none is left.
        """
        known = [each.name for each in self.operations]
        lost = [name for name in names if name not in known]
        if lost:
            raise InputError(f"the pipeline has no operation {lost[0]!r}; it has {', '.join(known)}")
        return Pipeline(tuple(each for each in self.operations if each.name not in names))


def mendes2018() -> Pipeline:
    """Give the pipeline of mendes2018, Table III.

    The probabilities are the paper's; ranges are not printed ("the probability of application and magnitude
    variability are added"). It used the library Augmentor, so these are in its manner: turned by at most 25 degrees
    (all that its `rotate` takes) with the corners cut off; a part of 80 to 100 % of the sides enlarged; 4 x 4 tiles
    whose corners move by at most 1 to 5 % of the side; and our own `Lighting`.

    Augmentor rounds the number that it draws to one decimal before it compares, so that it applies an operation with
    0.05 more than the probability that is asked for. Here, 0.5 is 0.5.
    """
    return Pipeline(
        (
            Rotation(0.5),
            RandomZoom(0.4),
            HorizontalFlip(0.7),
            VerticalFlip(0.5),
            Distortion(0.8),
            Lighting(0.5),
        )
    )


def nedelcu2021() -> Pipeline:
    """Give the pipeline of nedelcu2021, section III-D, with its ranges.

    Rotation 1 to 30 degrees, zoom 0 to 0.2, width shift 0 to 0.1, brightness 0.2 to 0.8, horizontal flip. No
    probability is printed: every image gets every operation, and the flip with 0.5, as Keras' ImageDataGenerator does.
    Rotation and shift go to either side; zoom enlarges.

    In Keras, brightness is a factor, and 1 leaves an image as it is. From 0.2 to 0.8 it only darkens: each training
    image loses 20 to 80 % of its light and no test image does. (Earlier Keras versions first stretched each image's
    own range to 0 to 255, so that a dark image could come out brighter; this one does not.)
    """
    return Pipeline(
        (
            Rotation(1, degrees=(1, 30), corners="edge"),
            WidthShift(1),
            Zoom(1),
            HorizontalFlip(0.5),
            Brightness(1),
        )
    )


def lucius2020() -> Pipeline:
    """Give the pipeline of lucius2020, section 2.3: rotation, zoom, shear, horizontal and vertical flips.

    Neither probabilities nor ranges are printed. Ours: every image is turned by at most 45 degrees, enlarged by at most
    a fifth and sheared by at most 10 degrees, and each flip comes with 0.5.
    """
    turn = Rotation(1, degrees=(0, 45), corners="edge")
    return Pipeline((turn, Zoom(1), Shear(1), HorizontalFlip(0.5), VerticalFlip(0.5)))


def lucius2020_phone() -> Pipeline:
    """Give `lucius2020` and, on half of the images each, another phone's optics and another white balance.

    Probabilities and ranges are ours: those of `PhoneCamera`, and at most 12 % more or less red and blue.
    """
    balance = Lighting(0.5, gain=(1, 1), warmth=(-0.12, 0.12))
    return Pipeline((*lucius2020().operations, PhoneCamera(0.5), balance))


PIPELINES = {each.__name__: each for each in (mendes2018, nedelcu2021, lucius2020, lucius2020_phone)}


def pipeline(name: str | Pipeline) -> Pipeline:
    """Look a pipeline up by its name; a `Pipeline` passes as it is.

    Parameters
    ----------
    name : str or Pipeline
        Such as ``"mendes2018"``.

    Returns
    -------
    Pipeline
        Its operations, in order.

    Raises
    ------
    InputError
        There is no pipeline of that name.
    """
    if isinstance(name, Pipeline):
        return name
    if not isinstance(name, str) or name not in PIPELINES:
        raise InputError(f"no pipeline is called {name!r}; choose from {', '.join(PIPELINES)}, or give a Pipeline")
    return PIPELINES[name]()


def _apply(images: torch.Tensor, draws: Sequence[Draw]) -> torch.Tensor:
    images = images.clone()
    for geometric, run in groupby(draws, key=lambda draw: isinstance(draw.operation, Geometric)):
        if geometric:
            _resample(images, list(run))
            continue
        for draw in run:
            hit = draw.hit.nonzero().flatten()
            if len(hit):
                where = hit.to(images.device)
                images[where] = draw.operation.change(images[where], draw.magnitudes[hit].to(images.device))
    return images


def _resample(images: torch.Tensor, draws: list[Draw]) -> None:
    """Do neighboring geometric operations in place, with one resampling of the images that any of them hits."""
    hit = torch.stack([draw.hit for draw in draws]).any(dim=0).nonzero().flatten()
    if not len(hit):
        return
    where = hit.to(images.device)
    at = own_places(images[where])
    # The last operation's pixel is asked for first: it names a place in the image that the one before it makes.
    for draw in reversed(draws):
        inside = draw.hit[hit].nonzero().flatten()
        if len(inside):
            here = inside.to(images.device)
            at[here] = draw.operation.places(at[here], draw.magnitudes[hit[inside]].to(images.device))
    images[where] = resampled(images[where], at)
