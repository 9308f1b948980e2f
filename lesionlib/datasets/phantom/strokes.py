"""How each sign is drawn on the skin: pigment or blood added, a color laid over, a height raised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from PIL import ImageDraw

from lesionlib.datasets.phantom import texture
from lesionlib.datasets.phantom.grid import Grid, chance_of, ramp, reduced
from lesionlib.datasets.phantom.signs import LesionParameters
from lesionlib.datasets.phantom.skin import Skin

_VEIL = (158, 168, 200)
_PEPPER = (88, 88, 98)
_CYST = (246, 236, 205)
_PLUG = (62, 40, 26)
_CRUST = (120, 48, 26)
_SCALE = (240, 226, 200)
_FOLLICLE = (238, 214, 178)
_SEPTUM = (206, 170, 190)
_WHITE = (240, 224, 220)
_KERATIN = (226, 204, 176)
_PEARL = (238, 206, 198)
_HORN = (196, 160, 106)
_SILVER = (236, 230, 226)
_HONEY = (192, 144, 84)
_PUS = (238, 228, 170)


def _add_network(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    # An atypical network takes the place of the typical one.
    strength = lesion.network * (1 - 0.8 * lesion.atypical_network)
    _, edge, _ = grid.cells(0.07 + 0.03 * lesion.radius, 0.7, slot=10)
    _add_lines(grid, skin, strength, np.clip(1.5 - edge * 5, 0, 1))


def _add_atypical_network(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    strength = lesion.atypical_network
    _, edge, _ = grid.cells(0.09 + 0.05 * lesion.radius, 0.95, slot=10)
    # Its lines thicken and break off.
    width = np.float32(0.22) + np.float32(0.2 * strength) * grid.noise(texture.smooth(), 0.25, 40, slot=11)
    _add_lines(grid, skin, strength, np.clip(1.5 - edge / np.maximum(width, np.float32(0.05)), 0, 1))


def _add_lines(grid: Grid, skin: Skin, strength: float, lines: np.ndarray) -> None:
    """Lay a network's `lines` over the lesion, darker than its body; the holes between them are paler."""
    area = grid.inside * ramp(grid.level, -0.1, 0.25) * grid.patches(0.6 * skin.lesion.radius, slot=11)
    skin.melanin += np.float32(strength * (0.5 + 0.5 * skin.lesion.pigment)) * area * (lines - np.float32(0.4))


def _add_globules(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.09 + 0.03 * lesion.radius, 0.8, slot=12)
    dots = np.clip((np.float32(0.26) + np.float32(0.22) * chance - center) * 5, 0, 1) * (chance < 0.8)
    area = grid.inside * (np.float32(0.35) + grid.patches(0.7 * lesion.radius, slot=14))
    skin.melanin += np.float32(lesion.globules * (0.45 + 0.3 * lesion.pigment)) * dots * area


def _add_dots(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.055, 1.0, slot=13)
    area = grid.inside * grid.patches(0.5 * lesion.radius, slot=14)
    dots = np.clip((np.float32(0.42) - center) * 6, 0, 1) * (chance < 0.6)
    skin.paint(_PEPPER, np.float32(0.65 * lesion.dots) * dots * area)


def _add_streaks(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    rim = ramp(grid.level, -0.02, 0.08) * (1 - ramp(grid.level, 0.15, 0.4))
    skin.melanin += np.float32(0.6 * lesion.streaks) * rim


def _add_regression(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    patch = ramp(_patch(grid, lesion, "regression", 0.45), 0.0, 0.5) * grid.inside
    kept = 1 - np.float32(0.9 * lesion.regression) * patch
    skin.melanin *= kept
    skin.deep *= kept
    skin.blood += np.float32(0.15 * lesion.regression) * patch
    skin.paint(_WHITE, np.float32(0.30 * lesion.regression) * patch)


def _add_veil(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    patch = ramp(_patch(grid, lesion, "veil", 0.6), 0.0, 0.7) * grid.inside
    skin.deep += np.float32(1.1 * lesion.veil) * patch
    haze = np.float32(0.6) + np.float32(0.4) * grid.patches(0.25, slot=17)
    skin.paint(_VEIL, np.float32(0.42 * lesion.veil) * patch * haze)


def _patch(grid: Grid, lesion: LesionParameters, purpose: str, reach: float) -> np.ndarray:
    """Positive in one ragged, off-center patch about `reach` of the lesion's radius wide."""
    rng = chance_of(lesion.texture, purpose)
    angle, away = rng.uniform(0, 2 * math.pi), rng.uniform(0.15, 0.5) * lesion.radius
    x = grid.x - np.float32(round(away * math.cos(angle), 5))
    y = grid.y - np.float32(round(away * math.sin(angle), 5))
    rough = grid.noise(texture.fractal(), 0.5 * lesion.radius, 50, slot=15)
    return 1 - np.sqrt(x * x + y * y) * np.float32(1 / (reach * lesion.radius)) + np.float32(0.35) * rough


def _add_white_patch(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    rough = grid.noise(texture.fractal(), 0.5 * lesion.radius, 50, slot=16)
    patch = ramp(np.float32(0.6) - grid.distance + np.float32(0.15) * rough, -0.2, 0.3)
    _, edge, _ = grid.cells(0.13, 0.9, slot=17)
    lines = np.clip(1 - edge * 4, 0, 1)
    kept = 1 - np.float32(0.85 * lesion.white_patch) * patch
    skin.melanin *= kept
    skin.deep *= kept
    skin.paint(_WHITE, np.float32(lesion.white_patch) * patch * (np.float32(0.26) + np.float32(0.24) * lines))


def _add_strawberry(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.14, 1.0, slot=18)
    area = np.float32(lesion.strawberry) * grid.inside * grid.patches(0.7 * lesion.radius, slot=16)
    skin.blood += area * (np.clip(center * 2.2, 0, 1) * np.float32(0.9))
    openings = np.clip((np.float32(0.12) + np.float32(0.16) * chance - center) * 5, 0, 1)
    skin.paint(_FOLLICLE, np.float32(0.7) * area * openings)


def _add_lacunae(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.15 + 0.14 * lesion.radius, 0.9, slot=19)
    bags = ramp(np.float32(0.62) + np.float32(0.12) * chance - center, 0.0, 0.35)
    strength = np.float32(lesion.lacunae) * grid.inside
    skin.blood += strength * (np.float32(0.9) + bags * (np.float32(0.8) + chance))
    # Clotted ones are nearly black.
    clotted = chance * chance
    skin.deep += strength * bags * np.float32(1.1) * clotted * clotted
    skin.paint(_SEPTUM, strength * np.float32(0.22) * (1 - bags) * grid.patches(0.3, slot=16))


def _add_leaves(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    blobs = grid.noise(texture.fractal(), 0.32 * lesion.radius + 0.05, 40, slot=20)
    band = 1 - np.abs(grid.distance - np.float32(0.75)) * np.float32(2.2)
    leaf = ramp(blobs + 2 * band, 1.9, 2.9)
    skin.deep += np.float32(0.75 * lesion.leaves) * leaf
    skin.melanin += np.float32(0.35 * lesion.leaves) * leaf


def _add_nests(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.32 * lesion.radius + 0.06, 0.9, slot=21)
    blobs = np.clip((np.float32(0.30) + chance * np.float32(0.4) - center) * 4, 0, 1) * (chance < 0.4)
    skin.deep += np.float32(1.5 * lesion.nests) * blobs * grid.inside


def _add_dotted_vessels(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.075, 0.9, slot=21)
    dots = np.clip((np.float32(0.40) - center) * 5, 0, 1) * (chance < 0.6)
    area = grid.inside * grid.patches(0.6 * lesion.radius, slot=20)
    skin.blood += np.float32(1.3 * lesion.dotted_vessels) * dots * area


def _add_vessels(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    rng = chance_of(lesion.texture, "vessels")
    canvas = grid.canvas()
    pen = ImageDraw.Draw(canvas)
    for _ in range(2 + round(3 * lesion.vessels)):
        for path, width in _tree(rng, lesion.radius):
            pen.line([grid.to_picture(x, y) for x, y in path], fill=255, width=grid.thick(width * grid.zoom))
    fade = ramp(grid.level, -0.35, 0.05)
    fade *= np.float32(0.3) + np.float32(0.7) * grid.patches(0.5, slot=20)
    skin.blood += np.float32(1.0 + 1.0 * lesion.vessels) * fade * reduced(canvas)


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


def _add_ulcer(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    patch = ramp(_patch(grid, lesion, "ulcer", 0.28), 0.0, 0.3)
    skin.blood += np.float32(0.7 * lesion.ulcer) * patch
    crust = ramp(grid.noise(texture.fractal(), 0.12, 40, slot=23), 0.0, 0.8)
    skin.paint(_CRUST, np.float32(0.85 * lesion.ulcer) * patch * (np.float32(0.4) + np.float32(0.6) * crust))


def _add_cysts(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.06 + 0.13 * lesion.radius, 1.0, slot=3)
    spots = _spots(center, chance, 0.12 + 0.25 * lesion.cysts, 0.34)
    skin.paint(_CYST, np.float32(0.4 + 0.4 * lesion.cysts) * spots * grid.inside)


def _add_comedones(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.07 + 0.14 * lesion.radius, 1.0, slot=5)
    spots = _spots(center, chance, 0.2 + 0.4 * lesion.comedones, 0.40)
    skin.paint(_PLUG, np.float32(0.45 + 0.4 * lesion.comedones) * spots * ramp(grid.level, 0.0, 0.15))


def _spots(center: np.ndarray, chance: np.ndarray, share: float, largest: float) -> np.ndarray:
    """Soft round spots of unequal size in a `share` of the cells."""
    radius = np.float32(0.4 * largest) + np.float32(0.6 * largest / share) * chance
    return np.clip((radius - center) * 5, 0, 1) * (chance < share)


def _add_scale(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    where = grid.noise(texture.fractal(), 0.5 * lesion.radius, 60, slot=7)
    flakes = grid.noise(texture.fractal(), 0.12, 24, slot=6)
    cover = ramp(flakes + np.float32(0.8) * where, 1.0 - 0.9 * lesion.scale, 2.8)
    skin.paint(_SCALE, np.float32(0.85 * lesion.scale) * cover * ramp(grid.level, -0.2, 0.15))


def _add_white_lines(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    rng = chance_of(lesion.texture, "white lines")
    canvas = grid.canvas()
    pen = ImageDraw.Draw(canvas)
    heading = rng.uniform(0, math.pi)
    for _ in range(8 + round(14 * lesion.white_lines)):
        x, y = rng.uniform(-0.6, 0.6, 2) * lesion.radius
        angle = heading + (math.pi / 2 if rng.random() < 0.3 else 0) + rng.normal(0, 0.06)
        half = rng.uniform(0.04, 0.14) * lesion.radius
        dx, dy = half * math.cos(angle), half * math.sin(angle)
        ends = [grid.to_picture(x - dx, y - dy), grid.to_picture(x + dx, y + dy)]
        pen.line(ends, fill=255, width=grid.thick(0.013 * grid.zoom))
    skin.paint(_WHITE, np.float32(0.5 * lesion.white_lines) * reduced(canvas) * grid.inside)


def _add_papillae(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, edge, chance = grid.cells(0.07 + 0.09 * lesion.radius, 0.9, slot=27)
    area = np.float32(lesion.papillae) * grid.inside
    knobs = np.clip(edge * 1.6, 0, 1)
    skin.height = skin.height + np.float32(0.05) * area * knobs
    skin.melanin *= 1 - np.float32(0.5) * area * knobs
    skin.paint(_KERATIN, np.float32(0.30) * area * knobs)
    skin.paint(_PLUG, np.float32(0.7) * area * np.clip((np.float32(0.24) - center) * 8, 0, 1) * (chance < 0.25))


def _add_rolled_rim(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    rim = ramp(grid.level, -0.10, 0.10) * (1 - ramp(grid.level, 0.14, 0.42))
    beads = np.float32(0.75) + np.float32(0.25) * grid.noise(texture.smooth(), 0.24, 40, slot=28)
    skin.height = skin.height + np.float32(0.14 * lesion.rolled_rim * (0.3 + lesion.radius)) * rim * beads
    skin.shine = skin.shine + np.float32(0.5 * lesion.rolled_rim) * rim
    skin.paint(_PEARL, np.float32(0.38 * lesion.rolled_rim) * rim)


def _add_umbilication(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    dimple = ramp(grid.level, 0.55, 0.95)
    skin.height = skin.height - np.float32(0.22 * lesion.umbilication * lesion.radius) * dimple
    skin.paint(_KERATIN, np.float32(0.45 * lesion.umbilication) * dimple)


def _add_annular(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    clear = np.float32(0.85 * lesion.annular) * ramp(grid.level, 0.15, 0.65)
    for density in (skin.melanin, skin.deep, skin.blood):
        density *= 1 - clear
    skin.height = skin.height - np.float32(0.35 * lesion.radius * lesion.elevation) * clear


def _add_erythema(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    halo = ramp(grid.level, -0.9, 0.0) * (1 - np.float32(0.6) * grid.inside)
    skin.blood += np.float32(0.42 * lesion.erythema) * halo


def _add_pustules(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    center, _, chance = grid.cells(0.20, 0.95, slot=29)
    area = np.float32(lesion.pustules) * grid.inside * (chance < 0.5)
    dome = np.clip((np.float32(0.36) - center) * 4, 0, 1)
    skin.height = skin.height + np.float32(0.03) * area * dome
    skin.blood += np.float32(0.4) * area * np.clip((np.float32(0.6) - center) * 3, 0, 1)
    skin.paint(_PUS, np.float32(0.85) * area * dome)


def _add_keratin(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    rough = grid.noise(texture.fractal(), 0.16, 30, slot=30)
    plug = ramp(_patch(grid, lesion, "keratin", 0.62), 0.0, 0.45) * grid.inside * np.float32(lesion.keratin)
    skin.height = skin.height + plug * (np.float32(0.20 * lesion.radius) + np.float32(0.02) * rough)
    tone = np.float32(0.72) + np.float32(0.20) * rough
    skin.paint(_HORN, np.clip(plug * tone, 0, 0.92))


def _add_silver(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    sheets = grid.noise(texture.fractal(), 0.30, 50, slot=31)
    flakes = grid.noise(texture.fractal(), 0.10, 24, slot=32)
    cover = ramp(sheets + np.float32(0.6) * flakes, 1.0 - 1.7 * lesion.silver, 1.9) * ramp(grid.level, -0.05, 0.2)
    skin.height = skin.height + np.float32(0.018) * cover * (1 + flakes)
    skin.paint(_SILVER, np.float32(0.8) * cover)


def _add_crust(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    lumps = grid.noise(texture.fractal(), 0.20, 40, slot=33)
    patch = ramp(_patch(grid, lesion, "crust", 0.7) + np.float32(0.25) * lumps, 0.0, 0.4) * grid.inside
    cover = np.float32(lesion.crust) * patch
    skin.height = skin.height + cover * (np.float32(0.03) + np.float32(0.02) * lumps)
    skin.paint(_CRUST, np.clip(cover * (np.float32(0.62) + np.float32(0.22) * lumps), 0, 0.9))
    skin.paint(_HONEY, np.float32(0.38) * cover * ramp(lumps, 0.5, 1.6))


def _add_hair(grid: Grid, skin: Skin, lesion: LesionParameters) -> None:
    rng = chance_of(lesion.texture, "hair")
    canvas = grid.canvas()
    pen = ImageDraw.Draw(canvas)
    comb = rng.uniform(0, 2 * math.pi)
    shade = rng.uniform(20, 70)
    width = rng.uniform(0.009, 0.02) * (0.65 if grid.finest else 1.0)
    for _ in range(1 + round(22 * lesion.hair * lesion.hair * grid.reach)):
        x, y = rng.uniform(-1.9, 1.9) * grid.reach, rng.uniform(-1.5, 1.5) * grid.reach
        heading, bend, length = comb + rng.normal(0, 0.5), rng.normal(0, 0.09), rng.uniform(0.05, 0.14)
        length *= grid.reach
        path = [(x, y)]
        for _ in range(9):
            heading += bend
            x, y = x + math.cos(heading) * length, y + math.sin(heading) * length
            path.append((x, y))
        pen.line([grid.to_picture(*point) for point in path], fill=230, width=grid.thick(width * grid.zoom))
    # Thinner than a pixel, a hair is paler.
    skin.paint(
        (shade, shade * 0.75, shade * 0.65), np.float32(grid.share_of_stroke(width * grid.zoom)) * reduced(canvas)
    )


SIGNS: dict[str, Callable[[Grid, Skin, LesionParameters], None]] = {
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
    "annular": _add_annular,
    "erythema": _add_erythema,
    "rolled_rim": _add_rolled_rim,
    "papillae": _add_papillae,
    "umbilication": _add_umbilication,
    "pustules": _add_pustules,
    "keratin": _add_keratin,
    "ulcer": _add_ulcer,
    "cysts": _add_cysts,
    "comedones": _add_comedones,
    "white_lines": _add_white_lines,
    "scale": _add_scale,
    "silver": _add_silver,
    "crust": _add_crust,
    "hair": _add_hair,
}
