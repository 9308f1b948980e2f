"""The picture's grid in the lesion's coordinates, and the lesion's outline on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image

from lesionlib.datasets.phantom import texture
from lesionlib.datasets.phantom.signs import CameraParameters, LesionParameters

_OUTLINE = 1024  # points of an outline
_OVERSAMPLED = 2  # strokes are drawn larger and reduced, which smooths their edges

_Bend = Sequence[float | np.ndarray]


# Without a dermatoscope a photographer frames the lesion: magnification at zoom 1, and the smallest and the
# largest share of the picture's width that its mean diameter takes.
_FRAMES = {"macroscopic": (0.92, 0.16, 0.46), "anatomic": (0.31, 0.06, 0.15)}


def chance_of(seed: int, purpose: str) -> np.random.Generator:
    """A source of chance for one purpose of one texture."""
    # One stream a purpose: taking one sign away does not move the others.
    return np.random.default_rng([seed, *purpose.encode()])


def ramp(values: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 at `start`, 1 at `end`, smooth in between (Hermite)."""
    t = (values - np.float32(start)) * np.float32(1 / (end - start))
    np.clip(t, 0, 1, out=t)
    return t * t * (np.float32(3) - t - t)


@cache
def _angles() -> np.ndarray:
    """The angle (radians) of each step of the diamond angle, which stands in for atan2: a table of exact steps."""
    t = np.arange(_OUTLINE) * (4 / _OUTLINE) - 1
    y = np.where(t <= 1, t, 2 - t)
    x = np.where(t <= 1, 1 - np.abs(t), np.abs(2 - t) - 1)
    return np.arctan2(y, x)


class Grid:
    """The picture's grid in the lesion's coordinates, and the lesion's outline on it."""

    def __init__(self, lesion: LesionParameters, camera: CameraParameters, size: int) -> None:
        self.height, self.width = size, round(camera.aspect * size)
        self.zoom = _magnification(lesion, camera)
        self.pixel = 2 / size / self.zoom  # one pixel, in the lesion's units
        self.finest = 0.0 if camera.view == "dermoscopic" else 2 * self.pixel  # smaller bumps fade
        self.reach = 1.0 if camera.view == "dermoscopic" else max(1.0, 1 / self.zoom)  # how far skin is seen
        turn = math.radians(camera.rotation)
        self.cos, self.sin = round(math.cos(turn), 6), round(math.sin(turn), 6)
        self.shift = camera.shift_x, camera.shift_y
        rows = (np.arange(self.height, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - 1
        columns = (np.arange(self.width, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size)
        columns -= np.float32(self.width / size)
        self.rows, self.columns = rows[:, None], columns[None, :]  # in the picture's own coordinates
        away_x = (self.columns - np.float32(camera.shift_x)) * np.float32(1 / self.zoom)
        away_y = (self.rows - np.float32(camera.shift_y)) * np.float32(1 / self.zoom)
        self.x = away_x * np.float32(self.cos) + away_y * np.float32(self.sin)
        self.y = away_y * np.float32(self.cos) - away_x * np.float32(self.sin)
        self.offsets = _offsets(lesion.texture)
        bend = round(40 / 0.45, 4)
        self.bend = texture.look_up(
            (texture.smooth(), texture.smooth_turned()),
            self.x * np.float32(bend) + self.offsets[22, 0],
            self.y * np.float32(bend) + self.offsets[22, 1],
            bend * self.pixel,
        )
        self._set_outline(lesion)

    def _set_outline(self, lesion: LesionParameters) -> None:
        reach = _outline(lesion)
        norm = np.abs(self.x) + np.abs(self.y) + np.float32(1e-6)
        step = self.y / norm
        step = np.where(self.x >= 0, step + 1, 3 - step)
        index = (step * np.float32(_OUTLINE / 4)).astype(np.int32) & (_OUTLINE - 1)
        self.distance = np.sqrt(self.x * self.x + self.y * self.y) / reach.take(index)
        # `level` is 1 in the middle, 0 at the rim and negative outside.
        # The expert's outline follows the large bumps, not the small ones.
        large = self.noise(texture.smooth(), 0.55 * lesion.radius, 40, slot=0)
        level = 1 - self.distance + np.float32(0.15 * lesion.patchiness) * large
        if lesion.satellites > 0:
            level = np.maximum(level, self._satellites(lesion))
            self.distance = np.minimum(self.distance, 1 - np.minimum(level, 1))
        self.mask = level > 0
        self.large_level = level  # without the small bumps
        fine = self.noise(texture.fractal(), 0.5 * lesion.radius + 0.1, 60, slot=1)
        amount = 0.06 * lesion.irregularity + 0.11 * lesion.patchiness + 0.02
        self.level = level + np.float32(amount) * fine
        soft = 0.03 + 0.45 * lesion.softness
        self.inside = ramp(self.level, -0.6 * soft, 0.6 * soft)

    def _satellites(self, lesion: LesionParameters) -> np.ndarray:
        """Level of the smaller lesions around the first one: 0 at their rims, at most 1."""
        spacing = 1.5 * lesion.radius + 0.08
        bend = [np.float32(0.07 * texture.CELL) * b for b in self.bend]
        center, _, chance = self.look_up(texture.cells(0.95), texture.CELL / spacing, 24, bend)
        radius = np.float32(0.12) + np.float32(0.3) * chance
        level = np.where(chance < 0.2 + 0.75 * lesion.satellites, 1 - center / radius, np.float32(-1))
        reach = lesion.radius + 0.25 + 0.75 * lesion.satellites
        away = np.sqrt(self.x * self.x + self.y * self.y) * np.float32(1 / reach)
        return np.float32(0.8) * level - 12 * np.maximum(away - 1, 0)

    def noise(self, tile: np.ndarray, bump: float, tile_bump: float, slot: int) -> np.ndarray:
        """Noise whose bumps are `bump` wide in lesion units and `tile_bump` wide in the tile."""
        found = self.look_up((tile,), tile_bump / bump, slot)[0]
        return found if bump >= self.finest else found * np.float32(bump / self.finest)

    def cells(self, spacing: float, jitter: float, slot: int) -> list[np.ndarray]:
        """Cells `spacing` apart in lesion units: center, edge and chance, as `texture.cells` has them."""
        # Bent, since nothing on skin stands in rows.
        amount = np.float32(0.22 * texture.CELL)
        return self.look_up(texture.cells(jitter), texture.CELL / spacing, slot, [amount * b for b in self.bend])

    def look_up(self, tiles: tuple[np.ndarray, ...], scale: float, slot: int, bend: _Bend = (0, 0)) -> list[np.ndarray]:
        scale = round(scale, 4)
        u = self.x * np.float32(scale) + (self.offsets[slot, 0] + bend[0])
        v = self.y * np.float32(scale) + (self.offsets[slot, 1] + bend[1])
        return texture.look_up(tiles, u, v, scale * self.pixel)

    def patches(self, bump: float, slot: int) -> np.ndarray:
        """Where a pattern shows and where it fades, 0 to 1."""
        return ramp(self.noise(texture.fractal(), bump, 60, slot), -1.1, 0.7)

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Picture coordinates (pixels of the oversampled canvas) of a point in the lesion's coordinates."""
        across = (x * self.cos - y * self.sin) * self.zoom + self.shift[0]
        down = (x * self.sin + y * self.cos) * self.zoom + self.shift[1]
        return self.on_canvas(across, down)

    def on_canvas(self, across: float, down: float) -> tuple[float, float]:
        """Canvas pixels of a point in the picture's own coordinates."""
        half = self.height / 2 * _OVERSAMPLED
        return round(across * half + self.width / 2 * _OVERSAMPLED, 2), round((down + 1) * half, 2)

    def canvas(self) -> Image.Image:
        return Image.new("L", (self.width * _OVERSAMPLED, self.height * _OVERSAMPLED))

    def thick(self, length: float) -> int:
        """Stroke width on the canvas for `length` in picture units, at least one canvas pixel."""
        return max(1, round(length * self.height / 2 * _OVERSAMPLED))

    def share_of_stroke(self, length: float) -> float:
        """How much of its least width a stroke of `length` in picture units fills; 1 through a dermatoscope."""
        return 1.0 if self.finest == 0 else min(1.0, length * self.height / 2 * _OVERSAMPLED)


def _magnification(lesion: LesionParameters, camera: CameraParameters) -> float:
    """Half heights of the picture that one unit of the lesion takes."""
    if camera.view == "dermoscopic":
        return camera.zoom
    usual, smallest, largest = _FRAMES[camera.view]
    # One comes nearer to a small lesion, but not as near as it is small.
    zoom = usual * camera.zoom * math.sqrt(0.5 / lesion.radius)
    unit = camera.aspect / lesion.radius
    return round(min(max(zoom, smallest * unit), largest * unit), 5)


def _offsets(seed: int) -> np.ndarray:
    """Where on its tile each slot's noise begins, float32 (slots, 2)."""
    first = chance_of(seed, "noise").integers(0, texture.SIDE, (24, 2))
    more = chance_of(seed, "more noise").integers(0, texture.SIDE, (12, 2))
    return np.concatenate([first, more]).astype(np.float32)


def _outline(lesion: LesionParameters) -> np.ndarray:
    """Distance of the rim from the center at each diamond angle, shape (_OUTLINE,), float32."""
    rng = chance_of(lesion.texture, "outline")
    angle, phase = _angles(), rng.uniform(0, 2 * math.pi, 16)
    sizes = rng.uniform(0.5, 1.0, 16)
    rim = 1 + lesion.elongation * 0.5 * np.cos(2 * (angle - phase[2]))
    for k, weight in ((1, 0.22), (3, 0.16)):
        rim += lesion.asymmetry * weight * sizes[k] * np.cos(k * angle + phase[k])
    for k in range(4, 14):
        rim += lesion.irregularity * 0.42 / k * sizes[k] * np.cos(k * angle + phase[k])
    if lesion.streaks > 0:
        rim += lesion.streaks * 0.16 * _fingers(rng, angle)
    return np.round(lesion.radius * np.maximum(rim, 0.35), 5).astype(np.float32)


def _fingers(rng: np.random.Generator, angle: np.ndarray) -> np.ndarray:
    """Narrow peaks around the rim, thicker on one side, as streaks and pseudopods are."""
    place = rng.uniform(0, 2 * math.pi) + rng.normal(0, 1.3, 26)
    height, width = rng.uniform(0.4, 1.0, 26), rng.uniform(0.02, 0.05, 26)
    away = np.abs((angle[:, None] - place + math.pi) % (2 * math.pi) - math.pi) / width
    return (height * np.maximum(1 - away, 0)).max(axis=1)


def reduced(canvas: Image.Image) -> np.ndarray:
    """The strokes on a canvas at the picture's size: float32 (h, w), 0 to 1."""
    return np.asarray(canvas.reduce(_OVERSAMPLED)).astype(np.float32) * np.float32(1 / 255)
