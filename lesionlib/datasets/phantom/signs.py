"""What a phantom lesion is made of: its signs, the camera that looks at it, and how both are drawn by lot.

A class is a `Recipe`: data, namely distributions over dermoscopic signs. A lesion of that class is
one draw from it (`sample_lesion`), and each photograph of the lesion one draw of a camera
(`sample_camera`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# Upper ends of the individual typology angle (degrees) that go with Fitzpatrick types I to VI here; the
# bands are those of Chardon et al. 1991 (very light, light, intermediate, tan, brown, dark).
ITA_BANDS = ((55.0, 68.0), (41.0, 55.0), (28.0, 41.0), (10.0, 28.0), (-30.0, 10.0), (-55.0, -30.0))


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
    cause: str = ""  # the sign that made the class

    @property
    def n_colors(self) -> int:
        """How many of the six colors of dermoscopy it shows: light and dark brown, black, blue-gray, white, red."""
        brown = self.pigment > 0.35
        spread = self.pigment * (0.5 * self.variegation + 0.4 * abs(self.center))
        shown = (
            brown and self.pigment - spread < 1.5,
            brown and self.pigment + spread > 1.3,
            self.pigment + spread > 2.6,
            max(self.veil, self.nests, self.leaves) > 0.3 or self.tint > 0.75,
            max(self.regression, self.white_patch, self.scale) > 0.3,
            self.redness > 0.5 or max(self.vessels, self.strawberry, self.lacunae, self.ulcer) > 0.3,
        )
        return max(1, sum(shown))


@dataclass(frozen=True)
class CameraParameters:
    """One photograph: where the camera stands, its light and its optics, and what lies on the glass.

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
class Recipe:
    """A class as data: what its lesions look like, and whom they befall.

    A lesion's `cause` is one of `causes`, drawn by weight and given a strength from its own range; all
    other traits and signs follow their distributions, so that classes overlap as they do in clinic.
    """

    name: str
    published: int  # images of this class in the published dataset
    causes: Mapping[str, Chance]  # here `p` is a weight
    traits: Mapping[str, Spread]
    signs: Mapping[str, Chance]
    clinic: Clinic


@dataclass(frozen=True)
class Surroundings:
    """What belongs to every class alike: the skin and the optics."""

    skin_types: tuple[float, ...]
    skin: Mapping[str, Spread]
    hair: Chance
    optics: Mapping[str, Spread | Chance]


def _rounded(value: float) -> float:
    # Five digits: a machine's last bit in log or exp then changes no parameter.
    return round(float(value), 5)


def weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One key of `weights`, drawn in proportion to its value."""
    mark = rng.random() * sum(weights.values())
    for key, weight in weights.items():
        mark -= weight
        if mark < 0:
            return key
    return key


def sample_lesion(recipe: Recipe, around: Surroundings, rng: np.random.Generator) -> LesionParameters:
    """Draw one lesion of a class.

    Parameters
    ----------
    recipe
        The class.
    around
        The skin, which is independent of the class.
    rng
        Source of chance; the same state gives the same lesion.

    Returns
    -------
    LesionParameters
    """
    texture = int(rng.integers(2**31))
    skin_type = 1 + int(weighted(rng, {str(i): w for i, w in enumerate(around.skin_types)}))
    low, high = ITA_BANDS[skin_type - 1]
    values: dict[str, float] = {"ita": rng.uniform(low, high), "hair": around.hair.draw(rng)}
    values |= {name: spread.draw(rng) for name, spread in around.skin.items()}
    values |= {name: spread.draw(rng) for name, spread in recipe.traits.items()}
    values |= {name: chance.draw(rng) for name, chance in recipe.signs.items()}
    cause = weighted(rng, {name: chance.p for name, chance in recipe.causes.items()})
    values[cause] = rng.uniform(recipe.causes[cause].low, recipe.causes[cause].high)
    values = {name: _rounded(value) for name, value in values.items()}
    return LesionParameters(texture=texture, skin_type=skin_type, cause=cause, **values)


def sample_camera(around: Surroundings, rng: np.random.Generator) -> CameraParameters:
    """Draw one photograph.

    Parameters
    ----------
    around
        The optics.
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
    return CameraParameters(texture=texture, cast=cast, gradient_angle=turn, **values)
