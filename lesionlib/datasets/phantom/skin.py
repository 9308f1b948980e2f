"""What the light meets: densities of melanin and blood in the skin, and what is painted above them.

Colors are made as skin makes them: light passes melanin and blood, each of which takes its share of
every channel (Beer-Lambert, one density a pixel); what lies above the pigment, such as a veil, a cyst,
scale, hair or gel, is painted over it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lesionlib.datasets.phantom import texture
from lesionlib.datasets.phantom.grid import Grid, chance_of, ramp
from lesionlib.datasets.phantom.signs import LesionParameters

# Optical density a unit of melanin (high in the skin, deep in it) and of blood takes from red, green, blue.
_MELANIN = (0.36, 0.61, 0.84)
_WARM = (-0.03, -0.07, 0.12)  # what a warmer pigment takes beyond that
_DEEP_MELANIN = (0.80, 0.66, 0.46)
_BLOOD = (0.05, 0.51, 0.36)


def skin_color(ita: float, a: float, b: float) -> tuple[float, float, float]:
    """The sRGB color, each channel in [0, 255], of skin with this typology angle (degrees) and CIELAB a*, b*.

    ITA is atan((L* - 50) / b*), so that L* follows from it (Chardon et al. 1991); white point D65.
    """
    lightness = 50 + b * math.tan(math.radians(ita))
    fy = (lightness + 16) / 116
    xyz = [_lab_inverse(fy + a / 500) * 0.95047, _lab_inverse(fy), _lab_inverse(fy - b / 200) * 1.08883]
    return tuple(
        255 * _gamma(sum(weight * value for weight, value in zip(row, xyz, strict=True)))
        for row in ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))
    )


def _lab_inverse(t: float) -> float:
    return t**3 if t > 6 / 29 else 3 * (6 / 29) ** 2 * (t - 4 / 29)


def _gamma(linear: float) -> float:
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


class Skin:
    """What the light meets: densities of melanin and blood, and what is painted above them."""

    def __init__(self, grid: Grid, lesion: LesionParameters) -> None:
        self.lesion = lesion
        self.height: np.ndarray | float = 0.0  # of the surface, in lesion units; only side light shows it
        self.shine: np.ndarray | float = 0.0  # beyond that of plain skin
        self.paints: list[tuple[tuple[float, float, float], np.ndarray]] = []
        inside, sun = grid.inside, lesion.sun_damage
        grain = grid.noise(texture.grain(), 0.035, 5, slot=2)
        broad = grid.noise(texture.fractal(), 0.7 * grid.reach, 60, slot=3)
        rosy = grid.noise(texture.fractal(), 0.5 * grid.reach, 60, slot=4)
        self.melanin = np.float32(0.035) * grain + np.float32(0.03 + 0.05 * sun) * broad
        self.blood = np.float32(0.05 + 0.08 * sun) * rosy + np.float32(0.04) * grain
        if sun > 0.3:
            self._add_sun_damage(grid)
        pigment = self._pigment(grid, grain)
        depth = np.clip(lesion.tint + np.float32(0.28 * lesion.variegation) * broad, 0, 1)
        self.deep = inside * pigment * depth  # melanin deep in the skin, which looks blue-gray
        self.melanin += inside * pigment - self.deep
        mottle = grid.noise(texture.fractal(), 0.35 * lesion.radius + 0.05, 50, slot=5)
        self.blood += inside * np.float32(lesion.redness) * (1 + np.float32(0.3) * mottle)

    def _add_sun_damage(self, grid: Grid) -> None:
        """Freckles and fine red vessels around the lesion."""
        amount = np.float32(self.lesion.sun_damage)
        freckles = ramp(grid.noise(texture.fractal(), 0.42, 60, slot=6), 0.8, 2.4)
        self.melanin += np.float32(0.6) * amount * freckles
        threads = 1 - np.abs(grid.noise(texture.fractal(), 0.7, 60, slot=7)) * 9
        self.blood += np.float32(0.3) * amount * np.maximum(threads, 0)

    def _pigment(self, grid: Grid, grain: np.ndarray) -> np.ndarray:
        lesion = self.lesion
        broad = grid.noise(texture.smooth(), 0.55 * lesion.radius + 0.08, 40, slot=8)
        clumps = grid.noise(texture.fractal(), 0.30 * lesion.radius + 0.06, 40, slot=9)
        # The rim is paler than the body, and the center darker or paler than both.
        shade = np.float32(0.75) + np.float32(0.35) * ramp(grid.level, 0, 0.35) + np.float32(0.07) * grain
        shade += np.float32(1.2 * lesion.center) * (np.clip(grid.level, 0, 1) - np.float32(0.4))
        shade += np.float32(0.05 + 0.36 * lesion.variegation) * broad
        shade += np.float32(0.10 + 0.22 * lesion.variegation) * clumps
        side = chance_of(lesion.texture, "side").uniform(-1, 1, 2) * lesion.asymmetry * 0.7 / lesion.radius
        shade += np.float32(side[0]) * grid.x + np.float32(side[1]) * grid.y
        return np.float32(lesion.pigment) * np.clip(shade, 0.10, 2.2)

    def paint(self, color: tuple[float, float, float], cover: np.ndarray) -> None:
        """Lay `color` over the skin where `cover` (h, w) is above 0, opaque where it is 1."""
        self.paints.append((color, cover))

    def color(self) -> np.ndarray:
        """The skin as the eye would see it, float32 (h, w, 3), 0 to 255."""
        lesion = self.lesion
        melanin = [a + lesion.warmth * b for a, b in zip(_MELANIN, _WARM, strict=True)]
        rgb = left_behind(self.melanin, melanin, skin_color(lesion.ita, lesion.skin_a, lesion.skin_b))
        rgb *= left_behind(self.deep, _DEEP_MELANIN)
        rgb *= left_behind(self.blood, _BLOOD)
        for color, cover in self.paints:
            rgb += cover[..., None] * (np.array(color, dtype=np.float32) - rgb)
        return rgb


def left_behind(density: np.ndarray, absorbed: Sequence[float], base: Sequence[float] = (1, 1, 1)) -> np.ndarray:
    """Light of color `base` left behind a `density` (h, w), by a table; float32 (h, w, 3)."""
    # Half a unit below 0: skin a little paler than its mean.
    steps = np.arange(1024) / 204.6 - 0.5
    table = np.exp(-steps[:, None] * np.array(absorbed)) * np.array(base)
    index = np.clip((density + np.float32(0.5)) * np.float32(204.6), 0, 1023).astype(np.int32)
    return np.round(table, 4).astype(np.float32).take(index, axis=0)
