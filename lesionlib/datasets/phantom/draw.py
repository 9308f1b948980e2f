"""Draw a lesion as a camera sees it: numpy on a grid of coordinates, Pillow for strokes.

Colors are made as skin makes them: light passes melanin and blood, each of which takes its share of
every channel (Beer-Lambert, one density a pixel); what lies above the pigment, such as a veil, a cyst,
scale, hair or gel, is painted over it. Everything on a pixel is plain arithmetic or a table look-up, so
that a picture is the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lesionlib.datasets.phantom import texture
from lesionlib.datasets.phantom.signs import CameraParameters, LesionParameters

_OUTLINE = 1024  # points of an outline
_OVERSAMPLED = 2  # strokes are drawn larger and reduced, which smooths their edges

# Optical density a unit of melanin (high in the skin, deep in it) and of blood takes from red, green, blue.
_MELANIN = (0.36, 0.61, 0.84)
_WARM = (-0.03, -0.07, 0.12)  # what a warmer pigment takes beyond that
_DEEP_MELANIN = (0.80, 0.66, 0.46)
_BLOOD = (0.05, 0.51, 0.36)

_VEIL = (158, 168, 200)
_PEPPER = (88, 88, 98)
_CYST = (246, 236, 205)
_PLUG = (62, 40, 26)
_CRUST = (120, 48, 26)
_SCALE = (240, 226, 200)
_FOLLICLE = (238, 214, 178)
_SEPTUM = (206, 170, 190)
_WHITE = (240, 224, 220)
_BLACK = (12, 10, 10)

_Bend = Sequence[float | np.ndarray]


@dataclass(frozen=True)
class Drawing:
    """A picture and what is known about it: `image` uint8 (h, w, 3), `mask` bool (h, w)."""

    image: np.ndarray
    mask: np.ndarray


def draw(lesion: LesionParameters, camera: CameraParameters, size: int) -> Drawing:
    """Draw one photograph of one lesion.

    The same lesion with one sign set to 0 differs only where that sign was drawn.

    Parameters
    ----------
    lesion
        The lesion and its skin.
    camera
        The photograph.
    size
        Height in pixels; the picture is 4:3.

    Returns
    -------
    Drawing
    """
    view = _View(lesion, camera, size)
    skin = _Skin(view, lesion)
    for name, add_sign in _SIGNS.items():
        if getattr(lesion, name) > 0:
            add_sign(view, skin, lesion)
    image = _photograph(view, skin.color(), camera)
    return Drawing(image, view.mask)


def width_of(size: int) -> int:
    """Width in pixels of a 4:3 picture of height `size`."""
    return round(4 * size / 3)


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


def _chance(seed: int, purpose: str) -> np.random.Generator:
    # One stream a purpose: taking one sign away does not move the others.
    return np.random.default_rng([seed, *purpose.encode()])


def _ramp(values: np.ndarray, start: float, end: float) -> np.ndarray:
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


class _View:
    """The picture's grid in the lesion's coordinates, and the lesion's outline on it."""

    def __init__(self, lesion: LesionParameters, camera: CameraParameters, size: int) -> None:
        self.height, self.width = size, width_of(size)
        self.pixel = 2 / size / camera.zoom  # one pixel, in the lesion's units
        turn = math.radians(camera.rotation)
        self.cos, self.sin = round(math.cos(turn), 6), round(math.sin(turn), 6)
        self.shift = camera.shift_x, camera.shift_y
        self.zoom = camera.zoom
        rows = (np.arange(self.height, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - 1
        columns = (np.arange(self.width, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size)
        columns -= np.float32(self.width / size)
        self.rows, self.columns = rows[:, None], columns[None, :]  # in the picture's own coordinates
        away_x = (self.columns - np.float32(camera.shift_x)) * np.float32(1 / camera.zoom)
        away_y = (self.rows - np.float32(camera.shift_y)) * np.float32(1 / camera.zoom)
        self.x = away_x * np.float32(self.cos) + away_y * np.float32(self.sin)
        self.y = away_y * np.float32(self.cos) - away_x * np.float32(self.sin)
        self.offsets = _chance(lesion.texture, "noise").integers(0, texture.SIDE, (24, 2)).astype(np.float32)
        bend = round(40 / 0.45, 4)
        self.bend = texture.look_up(
            (texture.smooth(), texture.smooth().T),
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
        self.mask = level > 0
        fine = self.noise(texture.fractal(), 0.5 * lesion.radius + 0.1, 60, slot=1)
        amount = 0.06 * lesion.irregularity + 0.11 * lesion.patchiness + 0.02
        self.level = level + np.float32(amount) * fine
        soft = 0.03 + 0.45 * lesion.softness
        self.inside = _ramp(self.level, -0.6 * soft, 0.6 * soft)

    def noise(self, tile: np.ndarray, bump: float, tile_bump: float, slot: int) -> np.ndarray:
        """Noise whose bumps are `bump` wide in lesion units and `tile_bump` wide in the tile."""
        return self.look_up((tile,), tile_bump / bump, slot)[0]

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
        return _ramp(self.noise(texture.fractal(), bump, 60, slot), -1.1, 0.7)

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


def _outline(lesion: LesionParameters) -> np.ndarray:
    """Distance of the rim from the center at each diamond angle, shape (_OUTLINE,), float32."""
    rng = _chance(lesion.texture, "outline")
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


class _Skin:
    """What the light meets: densities of melanin and blood, and what is painted above them."""

    def __init__(self, view: _View, lesion: LesionParameters) -> None:
        self.lesion = lesion
        self.paints: list[tuple[tuple[float, float, float], np.ndarray]] = []
        inside, sun = view.inside, lesion.sun_damage
        grain = view.noise(texture.grain(), 0.035, 5, slot=2)
        broad = view.noise(texture.fractal(), 0.7, 60, slot=3)
        rosy = view.noise(texture.fractal(), 0.5, 60, slot=4)
        self.melanin = np.float32(0.035) * grain + np.float32(0.03 + 0.05 * sun) * broad
        self.blood = np.float32(0.05 + 0.08 * sun) * rosy + np.float32(0.04) * grain
        if sun > 0.3:
            self._add_sun_damage(view)
        pigment = self._pigment(view, grain)
        depth = np.clip(lesion.tint + np.float32(0.28 * lesion.variegation) * broad, 0, 1)
        self.deep = inside * pigment * depth  # melanin deep in the skin, which looks blue-gray
        self.melanin += inside * pigment - self.deep
        mottle = view.noise(texture.fractal(), 0.35 * lesion.radius + 0.05, 50, slot=5)
        self.blood += inside * np.float32(lesion.redness) * (1 + np.float32(0.3) * mottle)

    def _add_sun_damage(self, view: _View) -> None:
        """Freckles and fine red vessels around the lesion."""
        amount = np.float32(self.lesion.sun_damage)
        freckles = _ramp(view.noise(texture.fractal(), 0.42, 60, slot=6), 0.8, 2.4)
        self.melanin += np.float32(0.6) * amount * freckles
        threads = 1 - np.abs(view.noise(texture.fractal(), 0.7, 60, slot=7)) * 9
        self.blood += np.float32(0.3) * amount * np.maximum(threads, 0)

    def _pigment(self, view: _View, grain: np.ndarray) -> np.ndarray:
        lesion = self.lesion
        broad = view.noise(texture.smooth(), 0.55 * lesion.radius + 0.08, 40, slot=8)
        clumps = view.noise(texture.fractal(), 0.30 * lesion.radius + 0.06, 40, slot=9)
        # The rim is paler than the body, and the center darker or paler than both.
        shade = np.float32(0.75) + np.float32(0.35) * _ramp(view.level, 0, 0.35) + np.float32(0.07) * grain
        shade += np.float32(1.2 * lesion.center) * (np.clip(view.level, 0, 1) - np.float32(0.4))
        shade += np.float32(0.05 + 0.36 * lesion.variegation) * broad
        shade += np.float32(0.10 + 0.22 * lesion.variegation) * clumps
        side = _chance(lesion.texture, "side").uniform(-1, 1, 2) * lesion.asymmetry * 0.7 / lesion.radius
        shade += np.float32(side[0]) * view.x + np.float32(side[1]) * view.y
        return np.float32(lesion.pigment) * np.clip(shade, 0.10, 2.2)

    def paint(self, color: tuple[float, float, float], cover: np.ndarray) -> None:
        """Lay `color` over the skin where `cover` (h, w) is above 0, opaque where it is 1."""
        self.paints.append((color, cover))

    def color(self) -> np.ndarray:
        """The skin as the eye would see it, float32 (h, w, 3), 0 to 255."""
        lesion = self.lesion
        melanin = [a + lesion.warmth * b for a, b in zip(_MELANIN, _WARM, strict=True)]
        rgb = _left(self.melanin, melanin, skin_color(lesion.ita, lesion.skin_a, lesion.skin_b))
        rgb *= _left(self.deep, _DEEP_MELANIN)
        rgb *= _left(self.blood, _BLOOD)
        for color, cover in self.paints:
            rgb += cover[..., None] * (np.array(color, dtype=np.float32) - rgb)
        return rgb


def _left(density: np.ndarray, absorbed: Sequence[float], base: Sequence[float] = (1, 1, 1)) -> np.ndarray:
    """Light of color `base` left behind a `density` (h, w), by a table; float32 (h, w, 3)."""
    # Half a unit below 0: skin a little paler than its mean.
    steps = np.arange(1024) / 204.6 - 0.5
    table = np.exp(-steps[:, None] * np.array(absorbed)) * np.array(base)
    index = np.clip((density + np.float32(0.5)) * np.float32(204.6), 0, 1023).astype(np.int32)
    return np.round(table, 4).astype(np.float32).take(index, axis=0)


# ---- signs, in the order in which they lie on each other -----------------------------------------


def _add_network(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    # An atypical network takes the place of the typical one.
    strength = lesion.network * (1 - 0.8 * lesion.atypical_network)
    _, edge, _ = view.cells(0.07 + 0.03 * lesion.radius, 0.7, slot=10)
    _add_lines(view, skin, strength, np.clip(1.5 - edge * 5, 0, 1))


def _add_atypical_network(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    strength = lesion.atypical_network
    _, edge, _ = view.cells(0.09 + 0.05 * lesion.radius, 0.95, slot=10)
    # Its lines thicken and break off.
    width = np.float32(0.22) + np.float32(0.2 * strength) * view.noise(texture.smooth(), 0.25, 40, slot=11)
    _add_lines(view, skin, strength, np.clip(1.5 - edge / np.maximum(width, np.float32(0.05)), 0, 1))


def _add_lines(view: _View, skin: _Skin, strength: float, lines: np.ndarray) -> None:
    """Lay a network's `lines` over the lesion, darker than its body; the holes between them are paler."""
    area = view.inside * _ramp(view.level, -0.1, 0.25) * view.patches(0.6 * skin.lesion.radius, slot=11)
    skin.melanin += np.float32(strength * (0.5 + 0.5 * skin.lesion.pigment)) * area * (lines - np.float32(0.4))


def _add_globules(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.09 + 0.03 * lesion.radius, 0.8, slot=12)
    dots = np.clip((np.float32(0.26) + np.float32(0.22) * chance - center) * 5, 0, 1) * (chance < 0.8)
    area = view.inside * (np.float32(0.35) + view.patches(0.7 * lesion.radius, slot=14))
    skin.melanin += np.float32(lesion.globules * (0.45 + 0.3 * lesion.pigment)) * dots * area


def _add_dots(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.055, 1.0, slot=13)
    area = view.inside * view.patches(0.5 * lesion.radius, slot=14)
    dots = np.clip((np.float32(0.42) - center) * 6, 0, 1) * (chance < 0.6)
    skin.paint(_PEPPER, np.float32(0.65 * lesion.dots) * dots * area)


def _add_streaks(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    rim = _ramp(view.level, -0.02, 0.08) * (1 - _ramp(view.level, 0.15, 0.4))
    skin.melanin += np.float32(0.6 * lesion.streaks) * rim


def _add_regression(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    patch = _ramp(_patch(view, lesion, "regression", 0.45), 0.0, 0.5) * view.inside
    kept = 1 - np.float32(0.9 * lesion.regression) * patch
    skin.melanin *= kept
    skin.deep *= kept
    skin.blood += np.float32(0.15 * lesion.regression) * patch
    skin.paint(_WHITE, np.float32(0.30 * lesion.regression) * patch)


def _add_veil(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    patch = _ramp(_patch(view, lesion, "veil", 0.6), 0.0, 0.7) * view.inside
    skin.deep += np.float32(1.1 * lesion.veil) * patch
    haze = np.float32(0.6) + np.float32(0.4) * view.patches(0.25, slot=17)
    skin.paint(_VEIL, np.float32(0.42 * lesion.veil) * patch * haze)


def _patch(view: _View, lesion: LesionParameters, purpose: str, reach: float) -> np.ndarray:
    """Positive in one ragged, off-center patch about `reach` of the lesion's radius wide."""
    rng = _chance(lesion.texture, purpose)
    angle, away = rng.uniform(0, 2 * math.pi), rng.uniform(0.15, 0.5) * lesion.radius
    x = view.x - np.float32(round(away * math.cos(angle), 5))
    y = view.y - np.float32(round(away * math.sin(angle), 5))
    rough = view.noise(texture.fractal(), 0.5 * lesion.radius, 50, slot=15)
    return 1 - np.sqrt(x * x + y * y) * np.float32(1 / (reach * lesion.radius)) + np.float32(0.35) * rough


def _add_white_patch(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    rough = view.noise(texture.fractal(), 0.5 * lesion.radius, 50, slot=16)
    patch = _ramp(np.float32(0.6) - view.distance + np.float32(0.15) * rough, -0.2, 0.3)
    _, edge, _ = view.cells(0.13, 0.9, slot=17)
    lines = np.clip(1 - edge * 4, 0, 1)
    kept = 1 - np.float32(0.85 * lesion.white_patch) * patch
    skin.melanin *= kept
    skin.deep *= kept
    skin.paint(_WHITE, np.float32(lesion.white_patch) * patch * (np.float32(0.26) + np.float32(0.24) * lines))


def _add_strawberry(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.14, 1.0, slot=18)
    area = np.float32(lesion.strawberry) * view.inside * view.patches(0.7 * lesion.radius, slot=16)
    skin.blood += area * (np.clip(center * 2.2, 0, 1) * np.float32(0.9))
    openings = np.clip((np.float32(0.12) + np.float32(0.16) * chance - center) * 5, 0, 1)
    skin.paint(_FOLLICLE, np.float32(0.7) * area * openings)


def _add_lacunae(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.15 + 0.14 * lesion.radius, 0.9, slot=19)
    bags = _ramp(np.float32(0.62) + np.float32(0.12) * chance - center, 0.0, 0.35)
    strength = np.float32(lesion.lacunae) * view.inside
    skin.blood += strength * (np.float32(0.9) + bags * (np.float32(0.8) + chance))
    # Clotted ones are nearly black.
    clotted = chance * chance
    skin.deep += strength * bags * np.float32(1.1) * clotted * clotted
    skin.paint(_SEPTUM, strength * np.float32(0.22) * (1 - bags) * view.patches(0.3, slot=16))


def _add_leaves(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    blobs = view.noise(texture.fractal(), 0.32 * lesion.radius + 0.05, 40, slot=20)
    band = 1 - np.abs(view.distance - np.float32(0.75)) * np.float32(2.2)
    leaf = _ramp(blobs + 2 * band, 1.9, 2.9)
    skin.deep += np.float32(0.75 * lesion.leaves) * leaf
    skin.melanin += np.float32(0.35 * lesion.leaves) * leaf


def _add_nests(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.32 * lesion.radius + 0.06, 0.9, slot=21)
    blobs = np.clip((np.float32(0.30) + chance * np.float32(0.4) - center) * 4, 0, 1) * (chance < 0.4)
    skin.deep += np.float32(1.5 * lesion.nests) * blobs * view.inside


def _add_dotted_vessels(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.075, 0.9, slot=21)
    dots = np.clip((np.float32(0.40) - center) * 5, 0, 1) * (chance < 0.6)
    area = view.inside * view.patches(0.6 * lesion.radius, slot=20)
    skin.blood += np.float32(1.3 * lesion.dotted_vessels) * dots * area


def _add_vessels(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    rng = _chance(lesion.texture, "vessels")
    canvas = view.canvas()
    pen = ImageDraw.Draw(canvas)
    for _ in range(2 + round(3 * lesion.vessels)):
        for path, width in _tree(rng, lesion.radius):
            pen.line([view.to_picture(x, y) for x, y in path], fill=255, width=view.thick(width * view.zoom))
    fade = _ramp(view.level, -0.35, 0.05)
    fade *= np.float32(0.3) + np.float32(0.7) * view.patches(0.5, slot=20)
    skin.blood += np.float32(1.0 + 1.0 * lesion.vessels) * fade * _reduced(canvas)


def _tree(rng: np.random.Generator, radius: float) -> Iterator[tuple[list[tuple[float, float]], float]]:
    """Branches of one arborizing vessel as (points, width): a stem from the rim, ever finer twigs."""
    start = rng.uniform(0, 2 * math.pi)
    buds = [(radius * math.cos(start), radius * math.sin(start), start + math.pi + rng.normal(0, 0.4), 0.026, 1.0)]
    for generation in range(3):
        grown = []
        for x, y, heading, width, length in buds:
            path = [(x, y)]
            turns = rng.normal(0, 0.38, 7)
            for k, turn in enumerate(turns):
                heading += turn
                x += math.cos(heading) * 0.17 * radius * length
                y += math.sin(heading) * 0.17 * radius * length
                path.append((x, y))
                if k % 3 == generation % 2 + 1:
                    fork = heading + (0.8 if turn > 0 else -0.8)
                    grown.append((x, y, fork, width * 0.6, length * 0.62))
            yield path, width
        buds = grown


def _add_ulcer(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    patch = _ramp(_patch(view, lesion, "ulcer", 0.28), 0.0, 0.3)
    skin.blood += np.float32(0.7 * lesion.ulcer) * patch
    crust = _ramp(view.noise(texture.fractal(), 0.12, 40, slot=23), 0.0, 0.8)
    skin.paint(_CRUST, np.float32(0.85 * lesion.ulcer) * patch * (np.float32(0.4) + np.float32(0.6) * crust))


def _add_cysts(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.06 + 0.13 * lesion.radius, 1.0, slot=3)
    spots = _spots(center, chance, 0.12 + 0.25 * lesion.cysts, 0.34)
    skin.paint(_CYST, np.float32(0.4 + 0.4 * lesion.cysts) * spots * view.inside)


def _add_comedones(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    center, _, chance = view.cells(0.07 + 0.14 * lesion.radius, 1.0, slot=5)
    spots = _spots(center, chance, 0.2 + 0.4 * lesion.comedones, 0.40)
    skin.paint(_PLUG, np.float32(0.45 + 0.4 * lesion.comedones) * spots * _ramp(view.level, 0.0, 0.15))


def _spots(center: np.ndarray, chance: np.ndarray, share: float, largest: float) -> np.ndarray:
    """Soft round spots of unequal size in a `share` of the cells."""
    radius = np.float32(0.4 * largest) + np.float32(0.6 * largest / share) * chance
    return np.clip((radius - center) * 5, 0, 1) * (chance < share)


def _add_scale(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    where = view.noise(texture.fractal(), 0.5 * lesion.radius, 60, slot=7)
    flakes = view.noise(texture.fractal(), 0.12, 24, slot=6)
    cover = _ramp(flakes + np.float32(0.8) * where, 1.0 - 0.9 * lesion.scale, 2.8)
    skin.paint(_SCALE, np.float32(0.85 * lesion.scale) * cover * _ramp(view.level, -0.2, 0.15))


def _add_white_lines(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    rng = _chance(lesion.texture, "white lines")
    canvas = view.canvas()
    pen = ImageDraw.Draw(canvas)
    heading = rng.uniform(0, math.pi)
    for _ in range(8 + round(14 * lesion.white_lines)):
        x, y = rng.uniform(-0.6, 0.6, 2) * lesion.radius
        angle = heading + (math.pi / 2 if rng.random() < 0.3 else 0) + rng.normal(0, 0.06)
        half = rng.uniform(0.04, 0.14) * lesion.radius
        dx, dy = half * math.cos(angle), half * math.sin(angle)
        ends = [view.to_picture(x - dx, y - dy), view.to_picture(x + dx, y + dy)]
        pen.line(ends, fill=255, width=view.thick(0.013 * view.zoom))
    skin.paint(_WHITE, np.float32(0.5 * lesion.white_lines) * _reduced(canvas) * view.inside)


def _add_hair(view: _View, skin: _Skin, lesion: LesionParameters) -> None:
    rng = _chance(lesion.texture, "hair")
    canvas = view.canvas()
    pen = ImageDraw.Draw(canvas)
    comb = rng.uniform(0, 2 * math.pi)
    shade = rng.uniform(20, 70)
    width = rng.uniform(0.009, 0.02)
    for _ in range(1 + round(22 * lesion.hair * lesion.hair)):
        x, y = rng.uniform(-1.9, 1.9), rng.uniform(-1.5, 1.5)
        heading, bend, length = comb + rng.normal(0, 0.5), rng.normal(0, 0.09), rng.uniform(0.05, 0.14)
        path = [(x, y)]
        for _ in range(9):
            heading += bend
            x, y = x + math.cos(heading) * length, y + math.sin(heading) * length
            path.append((x, y))
        pen.line([view.to_picture(*point) for point in path], fill=230, width=view.thick(width * view.zoom))
    skin.paint((shade, shade * 0.75, shade * 0.65), _reduced(canvas))


_SIGNS: dict[str, Callable[[_View, _Skin, LesionParameters], None]] = {
    "globules": _add_globules,
    "network": _add_network,
    "atypical_network": _add_atypical_network,
    "streaks": _add_streaks,
    "white_patch": _add_white_patch,
    "regression": _add_regression,
    "strawberry": _add_strawberry,
    "lacunae": _add_lacunae,
    "vessels": _add_vessels,
    "dotted_vessels": _add_dotted_vessels,
    "leaves": _add_leaves,
    "nests": _add_nests,
    "dots": _add_dots,
    "veil": _add_veil,
    "ulcer": _add_ulcer,
    "cysts": _add_cysts,
    "comedones": _add_comedones,
    "white_lines": _add_white_lines,
    "scale": _add_scale,
    "hair": _add_hair,
}


# ---- the camera ----------------------------------------------------------------------------------


def _reduced(canvas: Image.Image) -> np.ndarray:
    return np.asarray(canvas.reduce(_OVERSAMPLED)).astype(np.float32) * np.float32(1 / 255)


def _photograph(view: _View, rgb: np.ndarray, camera: CameraParameters) -> np.ndarray:
    _add_gel(view, rgb, camera)
    light = _light(view, camera)
    rgb *= light[..., None] * np.array(camera.cast, dtype=np.float32)
    _add_vignette(view, rgb, camera)
    _add_ruler(view, rgb, camera)
    image = np.clip(rgb + np.float32(0.5), 0, 255).astype(np.uint8)
    blur = camera.defocus * view.height
    if blur > 0.25:
        image = np.asarray(Image.fromarray(image).filter(ImageFilter.BoxBlur(round(blur, 2))))
    return _with_noise(image, camera)


def _light(view: _View, camera: CameraParameters) -> np.ndarray:
    turn = math.radians(camera.gradient_angle)
    along = np.float32(round(math.cos(turn), 5)) * view.columns + np.float32(round(math.sin(turn), 5)) * view.rows
    return np.float32(camera.exposure) * (1 + np.float32(0.5 * camera.gradient) * along)


def _add_vignette(view: _View, rgb: np.ndarray, camera: CameraParameters) -> None:
    if camera.vignette == 0:
        return
    radius = view.width / view.height * 1.22 - 0.36 * camera.vignette
    away = np.sqrt(view.columns * view.columns + view.rows * view.rows)
    rgb *= (1 - np.float32(0.25) * _ramp(away, 0.4 * radius, radius))[..., None]
    rim = _ramp(away, radius - 0.03, radius + 0.03)
    rgb += rim[..., None] * (np.array(_BLACK, dtype=np.float32) - rgb)


def _add_ruler(view: _View, rgb: np.ndarray, camera: CameraParameters) -> None:
    if camera.ruler == 0:
        return
    rng = _chance(camera.texture, "ruler")
    canvas = view.canvas()
    pen = ImageDraw.Draw(canvas)
    # Ticks along an arc near one corner, as on the glass of a dermatoscope.
    middle, radius = rng.uniform(0, 2 * math.pi), rng.uniform(1.05, 1.35)
    for k in range(-6, 7):
        angle = middle + k * 0.075
        length = 0.14 if k % 5 == 0 else 0.08
        ends = [view.on_canvas(r * math.cos(angle), r * math.sin(angle)) for r in (radius, radius + length)]
        pen.line(ends, fill=255, width=view.thick(0.02))
    rgb += (np.float32(0.9 * camera.ruler) * _reduced(canvas))[..., None] * (np.float32(25) - rgb)


def _add_gel(view: _View, rgb: np.ndarray, camera: CameraParameters) -> None:
    if camera.gel == 0:
        return
    rng = _chance(camera.texture, "gel")
    canvas = view.canvas()
    pen = ImageDraw.Draw(canvas)
    for _ in range(2 + round(9 * camera.gel)):
        x, y, radius = rng.uniform(-1.3, 1.3), rng.uniform(-1, 1), rng.uniform(0.02, 0.11)
        left, top = view.on_canvas(x - radius, y - radius)
        right, bottom = view.on_canvas(x + radius, y + radius)
        pen.ellipse([left, top, right, bottom], outline=150, width=view.thick(0.012))
        start = rng.uniform(0, 360)
        pen.arc([left, top, right, bottom], start, start + 80, fill=255, width=view.thick(0.025))
    rgb += (np.float32(0.75 * camera.gel) * _reduced(canvas))[..., None] * (np.float32(250) - rgb)


def _with_noise(image: np.ndarray, camera: CameraParameters) -> np.ndarray:
    row, column = _chance(camera.texture, "noise").integers(0, texture.SIDE, 2)
    rows = (np.arange(image.shape[0]) + row) % texture.SIDE
    columns = (np.arange(image.shape[1]) + column) % texture.SIDE
    noise = texture.sensor()[np.ix_(rows, columns)] * np.float32(255 * camera.noise)
    return np.clip(image + (noise + np.float32(0.5))[..., None], 0, 255).astype(np.uint8)
