"""The skin's surface under a light from the side: shading, shine and shadow, which a dermatoscope takes away."""

from __future__ import annotations

import math

import numpy as np

from lesionlib.datasets.phantom import texture
from lesionlib.datasets.phantom.grid import Grid, chance_of, ramp
from lesionlib.datasets.phantom.signs import CameraParameters, LesionParameters
from lesionlib.datasets.phantom.skin import Skin

_PLATES = 0.10  # distance between two furrows of bare skin, in lesion units
_STEEPEST = 2.0


def lit(grid: Grid, skin: Skin, rgb: np.ndarray, lesion: LesionParameters, camera: CameraParameters) -> np.ndarray:
    """`rgb` (h, w, 3) under the camera's light, which comes from `camera.gradient_angle`."""
    turn = math.radians(camera.gradient_angle)
    to_light = round(math.cos(turn), 5), round(math.sin(turn), 5)
    height = _body_of(grid, lesion) + _bare(grid, lesion) + skin.height
    across, down = _slopes(height, grid.pixel)
    # A slope that falls towards the light faces it.
    facing = across * np.float32(-to_light[0]) + down * np.float32(-to_light[1])
    steep = across * across + down * down
    shade = (1 + np.float32(0.55 * camera.relief) * facing) / np.sqrt(1 + np.float32(0.35) * steep)
    shade = np.clip(shade, 0.5, 1.45) * (1 - _shadow(grid, lesion, to_light, camera.relief))
    rgb *= shade[..., None]
    # It shines where the surface is a mirror between light and lens.
    tilt = 0.28
    off = (across + np.float32(tilt * to_light[0])) ** 2 + (down + np.float32(tilt * to_light[1])) ** 2
    peak = np.maximum(1 - off * np.float32(14), 0)
    shine = np.float32(1.4 * camera.glare) * (np.float32(0.12) + skin.shine + grid.inside * np.float32(lesion.gloss))
    rgb += (np.minimum(peak * peak * shine, np.float32(0.85)))[..., None] * (np.float32(252) - rgb)
    return rgb


def _body_of(grid: Grid, lesion: LesionParameters) -> np.ndarray:
    """Height of the lesion itself: a dome where its border is soft, a plateau where it is sharp."""
    level = np.clip(grid.large_level, 0, 1)
    sharp = 1 - min(lesion.softness * 1.4, 1.0)
    left = 1 - level
    dome = 1 - left * left
    plateau = ramp(grid.large_level, -0.02, 0.3)
    rise = np.float32((0.50 - 0.25 * sharp) * lesion.radius * lesion.elevation) * dome
    rise += np.float32(0.16 * sharp * lesion.radius * lesion.elevation) * plateau
    coarse = grid.noise(texture.fractal(), 0.22, 30, slot=25)
    return rise + np.float32(0.030 * lesion.roughness) * grid.inside * coarse


def _bare(grid: Grid, lesion: LesionParameters) -> np.ndarray:
    """Height of bare skin: fine furrows, and wrinkles where the sun has aged it."""
    if grid.finest > _PLATES:
        return np.float32(0)
    # A raised lesion stretches the furrows away.
    plain = 1 - np.float32(min(1.0, 0.5 + lesion.elevation)) * grid.inside
    plates = grid.noise(texture.hide(), _PLATES, texture.CELL, slot=26) * plain
    coarse = chance_of(lesion.texture, "furrows").uniform(0.0008, 0.0028)
    amount = coarse + 0.002 * lesion.sun_damage
    return np.float32(amount) * plates + np.float32(0.026 * lesion.sun_damage) * _wrinkles(grid, lesion) * plain


def _wrinkles(grid: Grid, lesion: LesionParameters) -> np.ndarray:
    """Parallel folds, bent and broken, as on the back of a hand."""
    angle = chance_of(lesion.texture, "wrinkles").uniform(0, math.pi)
    along = grid.x * np.float32(round(math.cos(angle), 5)) + grid.y * np.float32(round(math.sin(angle), 5))
    phase = along * np.float32(2.6) + np.float32(0.16) * grid.bend[0] + np.float32(64)
    within = np.abs(phase - np.floor(phase) - np.float32(0.5))
    return 1 - (1 - ramp(within, 0.0, 0.2)) * ramp(grid.bend[1], -0.9, 1.2)


def _slopes(height: np.ndarray, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """Rise of `height` (h, w) a unit to the right and a unit down, each (h, w)."""
    across, down = np.zeros_like(height), np.zeros_like(height)
    half = np.float32(0.5 / pixel)
    np.subtract(height[:, 2:], height[:, :-2], out=across[:, 1:-1])
    np.subtract(height[2:], height[:-2], out=down[1:-1])
    return tuple(np.clip(slope * half, -_STEEPEST, _STEEPEST) for slope in (across, down))


def _shadow(grid: Grid, lesion: LesionParameters, to_light: tuple[float, float], relief: float) -> np.ndarray:
    """What a raised lesion keeps of the light from the skin behind it, 0 to 1."""
    length = 0.32 * lesion.elevation * lesion.radius / grid.pixel
    cast = np.zeros_like(grid.inside)
    for share in (0.25, 0.5, 0.75, 1.0):
        cast += _moved(grid.inside, round(-share * length * to_light[0]), round(-share * length * to_light[1]))
    return np.float32(0.5 * relief) * np.clip(cast * np.float32(0.25) - grid.inside, 0, 1)


def _moved(field: np.ndarray, right: int, below: int) -> np.ndarray:
    """`field` (h, w) moved by whole pixels; 0 where nothing comes from."""
    height, width = field.shape
    right, below = (max(-limit, min(limit, by)) for by, limit in ((right, width), (below, height)))
    moved = np.zeros_like(field)
    moved[max(below, 0) : height + min(below, 0), max(right, 0) : width + min(right, 0)] = field[
        max(-below, 0) : height + min(-below, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return moved
