"""What a phantom lesion is made of: its signs, the camera that looks at it, and how both are drawn by lot.

A diagnosis is a `Look`: data, namely distributions over what dermatologists look for. A lesion of that
diagnosis is one draw from it (`sample_lesion`), and each photograph of the lesion one draw of a camera
(`sample_camera`). A `Recipe` is the look of one class of a dataset, with whom it befalls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np

KeyT = TypeVar("KeyT")

VIEWS = ("dermoscopic", "macroscopic", "anatomic")
"""Through a dermatoscope; a close-up without one; a part of the body with the lesion somewhere on it."""

# Upper ends of the individual typology angle (degrees) that go with Fitzpatrick types I to VI here; the
# bands are those of Chardon et al. 1991 (very light, light, intermediate, tan, brown, dark).
ITA_BANDS = ((55.0, 68.0), (41.0, 55.0), (28.0, 41.0), (10.0, 28.0), (-30.0, 10.0), (-55.0, -30.0))


def _unaided(default: float | str) -> float | str:
    """A parameter that matters to the eye without a dermatoscope, and that HAM10000's phantom does not have."""
    return field(default=default, metadata={"unaided": True})


@dataclass(frozen=True)
class LesionParameters:
    """One lesion and the skin around it; lengths in units of half the picture's height.

    Strengths of signs lie in [0, 1], and 0 means that the sign is absent.
    """

    texture: int  # seed of all that is drawn freely: outline, positions, noise
    # skin
    skin_type: int  # Fitzpatrick type, 1 to 6
    ita: float  # individual typology angle of the skin, degrees
    skin_a: float  # CIELAB a* of the skin
    skin_b: float  # CIELAB b* of the skin
    warmth: float = 0.0  # hue of this person's pigment, -1 grayish to 1 reddish yellow
    sun_damage: float = 0.0
    hair: float = 0.0
    # outline
    radius: float = 0.5
    elongation: float = 0.1
    asymmetry: float = 0.1
    irregularity: float = 0.1
    softness: float = 0.2
    patchiness: float = 0.2
    # color
    pigment: float = 1.0  # optical density of melanin; 1 is light brown, 3 nearly black
    tint: float = 0.0  # 0 brown, as melanin high in the skin; 1 blue-gray, as melanin deep in it
    redness: float = 0.1  # optical density of blood; 0.4 is pink, 2 crimson
    center: float = 0.2  # how much darker the center is than the rim; lighter when negative
    variegation: float = 0.2
    # signs
    network: float = 0.0
    atypical_network: float = 0.0
    globules: float = 0.0
    dots: float = 0.0
    streaks: float = 0.0
    veil: float = 0.0
    regression: float = 0.0
    cysts: float = 0.0
    comedones: float = 0.0
    vessels: float = 0.0
    dotted_vessels: float = 0.0
    ulcer: float = 0.0
    leaves: float = 0.0
    nests: float = 0.0
    strawberry: float = 0.0
    scale: float = 0.0
    white_patch: float = 0.0
    white_lines: float = 0.0
    lacunae: float = 0.0
    # signs of the surface, which immersion and glass flatten
    elevation: float = _unaided(0.0)  # 0 level with the skin, 1 a dome or a stalk
    roughness: float = _unaided(0.1)
    gloss: float = _unaided(0.2)  # waxy or pearly shine
    rolled_rim: float = _unaided(0.0)  # a raised, translucent border
    umbilication: float = _unaided(0.0)  # a dimple in the middle
    papillae: float = _unaided(0.0)  # a surface of small knobs, some with a clotted vessel
    keratin: float = _unaided(0.0)  # a thick yellowish plug or horn
    crust: float = _unaided(0.0)
    silver: float = _unaided(0.0)  # white scale in large sheets
    annular: float = _unaided(0.0)  # clears from the middle
    erythema: float = _unaided(0.0)  # a red halo
    satellites: float = _unaided(0.0)  # smaller ones of its kind around it
    pustules: float = _unaided(0.0)
    cause: str = ""  # the sign that made the class


@dataclass(frozen=True)
class CameraParameters:
    """One photograph: where the camera stands, its light and its optics, and what lies before it.

    Nothing here depends on the class of the lesion.
    """

    texture: int  # seed of ticks, bubbles and noise
    rotation: float = 0.0  # degrees
    zoom: float = 1.0
    shift_x: float = 0.0  # in units of half the picture's height
    shift_y: float = 0.0
    exposure: float = 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)  # gain of red, green and blue
    gradient: float = 0.0  # fall of the light across the picture, as a fraction
    gradient_angle: float = 0.0  # degrees
    vignette: float = 0.0  # 0 none; otherwise how far the tube's dark rim reaches in
    ruler: float = 0.0
    gel: float = 0.0
    defocus: float = 0.0  # radius of the blur, as a fraction of the height
    noise: float = 0.01  # standard deviation of the sensor's noise, full scale 1
    view: str = _unaided("dermoscopic")  # one of VIEWS; zoom 1 is each view's usual distance
    aspect: float = _unaided(4 / 3)  # width over height
    relief: float = _unaided(0.5)  # 0 light from all sides, 1 one hard light from the side
    glare: float = _unaided(0.3)  # how bright moist or waxy skin shines
    depth: float = _unaided(0.0)  # radius of the blur away from the focus, as a fraction of the height
    contrast: float = _unaided(1.0)
    saturation: float = _unaided(1.0)
    ink: float = _unaided(0.0)  # a surgeon's pen around the lesion
    backdrop: float = _unaided(0.0)  # 0 skin fills the picture; 1 as much of it as can be is cloth
    drape: float = _unaided(0.5)  # cloth behind the body, from 0 white over green, blue and dark to 1 gray


UNAIDED = frozenset(
    f.name for kind in (LesionParameters, CameraParameters) for f in fields(kind) if "unaided" in f.metadata
)
"""Parameters that the dermoscopic recipes of HAM10000 leave at their defaults."""


@dataclass(frozen=True)
class Spread:
    """A normal distribution cut at both ends."""

    mean: float
    sd: float
    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """One value in [low, high]."""
        return min(max(rng.normal(self.mean, self.sd), self.low), self.high)


@dataclass(frozen=True)
class Chance:
    """A sign that is there with probability `p`, and then with a strength between `low` and `high`."""

    p: float
    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """0, or a strength in [low, high]."""
        present, strength = rng.random(), rng.uniform(self.low, self.high)
        return strength if present < self.p else 0.0


@dataclass(frozen=True)
class Clinic:
    """How age, sex, site and confirmation are spread over a class's lesions."""

    age: Spread
    male: float
    site: Mapping[str, float]
    confirmed_by: Mapping[str, float]
    unrecorded: float  # fraction of lesions whose age, sex and site nobody wrote down
    images: tuple[float, ...]  # fraction of lesions with 1, 2, 3 ... photographs


@dataclass(frozen=True)
class Look:
    """What lesions of one diagnosis look like.

    A lesion's `cause` is one of `causes`, drawn by weight and given a strength from its own range; all
    other traits and signs follow their distributions, so that diagnoses overlap as they do in clinic.
    A look with `parts` is a mixture: each lesion follows one part, drawn by weight.
    """

    name: str
    causes: Mapping[str, Chance]  # here `p` is a weight
    traits: Mapping[str, Spread]
    signs: Mapping[str, Chance]
    parts: Sequence[tuple[Look, float]] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Recipe(Look):
    """A class of one dataset: its look, how many images were published, and whom it befalls."""

    published: int
    clinic: Clinic


@dataclass(frozen=True)
class Surroundings:
    """What belongs to every class alike: the skin and the optics."""

    skin_types: tuple[float, ...]
    skin: Mapping[str, Spread]
    hair: Chance
    optics: Mapping[str, Spread | Chance]
    view: Mapping[str, float] = field(default_factory=lambda: {"dermoscopic": 1.0})  # weights of VIEWS


def _rounded(value: float) -> float:
    # Five digits: a machine's last bit in log or exp then changes no parameter.
    return round(float(value), 5)


def weighted(rng: np.random.Generator, weights: Mapping[KeyT, float]) -> KeyT:
    """One key of `weights`, drawn in proportion to its value."""
    mark = rng.random() * sum(weights.values())
    for key, weight in weights.items():
        mark -= weight
        if mark < 0:
            return key
    return key


def sample_lesion(look: Look, around: Surroundings, rng: np.random.Generator) -> LesionParameters:
    """Draw one lesion.

    Parameters
    ----------
    look
        The look of its diagnosis, or the recipe of its class.
    around
        The skin, which is independent of the class.
    rng
        Source of chance; the same state gives the same lesion.

    Returns
    -------
    LesionParameters
    """
    while look.parts:
        looks, weights = zip(*look.parts, strict=True)
        look = looks[weighted(rng, dict(enumerate(weights)))]
    texture = int(rng.integers(2**31))
    skin_type = 1 + weighted(rng, dict(enumerate(around.skin_types)))
    low, high = ITA_BANDS[skin_type - 1]
    values: dict[str, float] = {"ita": rng.uniform(low, high), "hair": around.hair.draw(rng)}
    values |= {name: spread.draw(rng) for name, spread in around.skin.items()}
    values |= {name: spread.draw(rng) for name, spread in look.traits.items()}
    values |= {name: chance.draw(rng) for name, chance in look.signs.items()}
    cause = weighted(rng, {name: chance.p for name, chance in look.causes.items()})
    values[cause] = rng.uniform(look.causes[cause].low, look.causes[cause].high)
    values = {name: _rounded(value) for name, value in values.items()}
    return LesionParameters(texture=texture, skin_type=skin_type, cause=cause, **values)


def sample_camera(around: Surroundings, rng: np.random.Generator) -> CameraParameters:
    """Draw one photograph.

    Parameters
    ----------
    around
        The optics, and how often which view is taken.
    rng
        Source of chance.

    Returns
    -------
    CameraParameters
    """
    texture = int(rng.integers(2**31))
    values = {name: _rounded(spread.draw(rng)) for name, spread in around.optics.items()}
    cast = tuple(1.0 + values.pop(f"cast_{channel}") for channel in ("red", "green", "blue"))
    turn = _rounded(rng.uniform(0, 360))
    # One view takes no draw: the stream of chance then runs as it would without views.
    view = next(iter(around.view)) if len(around.view) == 1 else weighted(rng, around.view)
    return CameraParameters(texture=texture, cast=cast, gradient_angle=turn, view=view, **values)
