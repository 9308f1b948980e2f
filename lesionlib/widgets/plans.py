"""What a reader study shows: how many images, in which rounds, with what help and how long."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from lesionlib import papers
from lesionlib.errors import InputError
from lesionlib.numeric import is_number, is_whole

_BY_CLASS = ("equal", "shares")


@dataclass(frozen=True)
class StudyPlan:
    """Plan of a reader study.

    Attributes
    ----------
    name : str
        Letters, digits, hyphens and underscores: the study's folder begins with it.
    images : int
        Images a round, 1 or more.
    ai : tuple of bool
        One entry a round: is the model's output shown? ``(False, True)``: first alone, then with it.
    seconds : float, optional
        Time limit of each image; None: there is none.
    clinical : bool
        Whether age, sex and site are shown.
    new_images : bool
        Whether each round has images of its own; otherwise all rounds show the same ones.
    by_class : {"equal", "shares"}
        How a round's images are drawn: as many of each class as the images allow, or in the classes' shares of the
        split.
    heat_map : bool
        Whether rounds with the model's output also show a heat map.
    crossed : bool
        Whether the image sets change places between the rounds for a random half of the readers (of two rounds), so
        that what comes of the help is not mixed with what comes of the images.
    readers : int, optional
        How many are planned. Nobody is turned away.
    seed : int
        Of the draw of images and of every reader's order.

    Raises
    ------
    InputError
        A value out of range, or two that contradict each other.
    """

    name: str
    images: int
    ai: tuple[bool, ...] = (False,)
    seconds: float | None = None
    clinical: bool = True
    new_images: bool = True
    by_class: str = "equal"
    heat_map: bool = False
    crossed: bool = False
    readers: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for field, fits, expected in (
            ("name", _is_name(self.name), "up to 40 letters, digits, hyphens and underscores"),
            ("images", is_whole(self.images, 1), "a whole number, 1 or more"),
            ("ai", _is_truths(self.ai), "a tuple with True or False for each round"),
            ("seconds", self.seconds is None or is_number(self.seconds, 0.1), "seconds, 0.1 or more, or None"),
            ("by_class", self.by_class in _BY_CLASS, f"one of {', '.join(_BY_CLASS)}"),
            ("readers", self.readers is None or is_whole(self.readers, 1), "a whole number, 1 or more, or None"),
            ("seed", is_whole(self.seed, 0), "a whole number, 0 or more"),
            *((flag, isinstance(getattr(self, flag), bool), "True or False") for flag in _FLAGS),
        ):
            if not fits:
                raise InputError(f"study plan: {field} is {getattr(self, field)!r}; expected {expected}")
        if self.heat_map and not any(self.ai):
            raise InputError("study plan: heat_map needs a round with the model's output; ai has none")
        if self.crossed and not (self.new_images and self.rounds > 1):
            raise InputError("study plan: crossed needs two rounds or more, each with new images")

    @property
    def rounds(self) -> int:
        """How many rounds a reader goes through."""
        return len(self.ai)


_FLAGS = ("clinical", "new_images", "heat_map", "crossed")


def contest(key: str, **changes: Any) -> StudyPlan:
    """Plan one of the two contests of lucius2020 (sections 2.5 and 3.3), by the numbers that it prints.

    Contest 1 has 22 readers and 162 images without time limit (163 are printed once; the accuracy fits 162). Contest 2
    has 19 readers, 45 seconds an image, 35 images alone and then 35 new ones with the network's output. Two things
    are not printed, and declared here. *Classes*: as equal as possible; with 79 % of the nevi right but 27.74 % of all
    images, at most 35 % of contest 1's can have been nevi. *Clinical data in contest 2*: shown, as in contest 1.

    Parameters
    ----------
    key : {"1", "2"}
        Which of the two.
    **changes
        Fields of the plan to be changed, such as ``images=14`` for a small trial.

    Returns
    -------
    StudyPlan
        With the printed numbers.

    Raises
    ------
    InputError
        No such contest or field, or a value out of range.
    """
    contests = papers.load("lucius2020").contests
    if key not in contests:
        raise InputError(f"contest: found {key!r}, expected one of {', '.join(map(repr, contests))}")
    printed = contests[key]
    shown = printed.images.set_index("place")["images"]
    with_ai = printed.results["reader"].str.contains("AI").any()
    plan = StudyPlan(
        name=f"contest-{key}",
        images=int(shown["Section 3.3"]),
        ai=(False, True) if with_ai else (False,),
        seconds=printed.seconds_per_image,
        clinical=printed.clinical_shown is not False,
        readers=printed.readers,
    )
    unknown = sorted(set(changes) - set(plan.__dataclass_fields__))
    if unknown:
        raise InputError(f"contest: no field {unknown[0]!r}; expected some of {', '.join(plan.__dataclass_fields__)}")
    return replace(plan, **changes)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name) is not None


def _is_truths(ai: Any) -> bool:
    return isinstance(ai, tuple) and len(ai) > 0 and all(isinstance(shown, bool) for shown in ai)
