"""What a photograph without a dermatoscope shows around the lesion: the body's contour, cloth, ink."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from lesionlib.datasets.phantom import texture
from lesionlib.datasets.phantom.grid import Grid, chance_of, ramp, reduced
from lesionlib.datasets.phantom.signs import CameraParameters

_DRAPES = ((222, 224, 226), (70, 142, 128), (62, 110, 170), (44, 44, 52), (150, 146, 140))
_CLOTHES = ((225, 224, 220), (52, 64, 96), (168, 60, 58), (40, 40, 44), (120, 132, 126), (196, 178, 150))
_INK = (58, 40, 120)
_PAPER = (236, 234, 226)


@dataclass(frozen=True)
class _Limb:
    """A part of the body: a bent, tapering band of skin."""

    half: float  # half its width at the lesion, in half heights of the picture
    cos: float  # of the direction it runs in
    sin: float
    along: np.ndarray  # (h, w), from the lesion, in half heights
    side: np.ndarray  # (h, w), 0 on its axis and -1 or 1 on its contours


def add_surroundings(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> None:
    """Put the skin on a part of a body, in place: rounded towards its contour, with cloth beyond it."""
    rng = chance_of(camera.texture, "body")
    anatomic = camera.view == "anatomic"
    backdrop = max(camera.backdrop, rng.uniform(0.2, 0.8)) if anatomic else camera.backdrop
    if backdrop == 0:
        return
    narrowest, widest = (0.42, 1.25) if anatomic else (1.25, 2.3)
    limb = _limb(grid, rng, widest - (widest - narrowest) * backdrop)
    _round_off(rgb, limb, camera)
    away = np.abs(limb.side)
    soft = (1.5 * grid.pixel * grid.zoom + 2 * camera.depth) / limb.half
    _drape(grid, rgb, ramp(away, 1 - soft, 1 + soft), _DRAPES[round(4 * camera.drape)], rng, away)
    if rng.random() < 0.5 * backdrop:
        cuff = np.float32(rng.uniform(0.75, 1.25)) + np.float32(0.1) * limb.side * limb.side
        cover = ramp(limb.along - cuff, -0.012, 0.012) * (away < 1.12)
        _drape(grid, rgb, cover, _CLOTHES[rng.integers(len(_CLOTHES))], rng, away + 1)


def _limb(grid: Grid, rng: np.random.Generator, half: float) -> _Limb:
    angle, offset, bow, taper = rng.uniform(-1, 1, 4)
    cos, sin = round(math.cos(math.pi * angle), 5), round(math.sin(math.pi * angle), 5)
    x, y = grid.columns - np.float32(grid.shift[0]), grid.rows - np.float32(grid.shift[1])
    along = x * np.float32(cos) + y * np.float32(sin)
    # The lesion lies off the axis, but well on the skin.
    across = y * np.float32(cos) - x * np.float32(sin) + np.float32(0.35 * offset * half)
    across += np.float32(0.16 * bow) * along * along
    width = np.float32(half) * np.clip(1 + np.float32(0.22 * taper) * along, 0.6, 1.6)
    return _Limb(half, cos, sin, along, across / width)


def _round_off(rgb: np.ndarray, limb: _Limb, camera: CameraParameters) -> None:
    """Darken the skin, in place, where the limb turns away from the lens and from the light."""
    rounding = np.sqrt(np.maximum(1 - limb.side * limb.side, 0))
    turn = math.radians(camera.gradient_angle)
    towards = round(0.3 * camera.relief * (math.sin(turn) * limb.cos - math.cos(turn) * limb.sin), 5)
    rgb *= (np.float32(0.5) + np.float32(0.5) * rounding + np.float32(towards) * limb.side)[..., None]


def _drape(
    grid: Grid,
    rgb: np.ndarray,
    cover: np.ndarray,
    color: tuple[int, int, int],
    rng: np.random.Generator,
    away: np.ndarray,
) -> None:
    """Lay cloth with folds and weave where `cover` (h, w) is above 0, darker where `away` from the body is near 1."""
    start = rng.integers(0, texture.SIDE, 2).astype(np.float32)
    rows, columns = np.nonzero(cover)
    u, v = grid.columns[0].take(columns), grid.rows[:, 0].take(rows)
    folds = texture.look_up((texture.smooth(),), u * np.float32(26) + start[0], v * np.float32(57) + start[1], 1)[0]
    weave = texture.look_up((texture.grain(),), u * np.float32(220) + start[1], v * np.float32(220) + start[0], 1)[0]
    shade = 1 + np.float32(0.10) * folds + np.float32(0.025) * weave
    shade -= np.float32(0.35) * ramp(-away[rows, columns], -1.5, -1.0)
    below = rgb[rows, columns]
    cloth = shade[:, None] * np.array(color, dtype=np.float32)
    rgb[rows, columns] = below + cover[rows, columns, None] * (cloth - below)


def add_ink(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> None:
    """Dashes of a surgeon's pen around the lesion, in place."""
    if camera.ink == 0:
        return
    rng = chance_of(camera.texture, "ink")
    canvas = grid.canvas()
    pen = ImageDraw.Draw(canvas)
    start, radius = rng.uniform(0, 2 * math.pi), rng.uniform(0.62, 0.82)
    dashes = rng.integers(3, 9)
    for k in range(dashes):
        first, reach = start + 2 * math.pi * k / dashes, rng.uniform(0.25, 0.6) * 2 * math.pi / dashes
        path = [(first + reach * step / 5, radius * (1 + 0.03 * math.sin(3 * first + step))) for step in range(6)]
        points = [grid.on_canvas(grid.shift[0] + r * math.cos(a), grid.shift[1] + r * math.sin(a)) for a, r in path]
        pen.line(points, fill=255, width=grid.thick(0.022))
    cover = np.float32(0.75 * camera.ink) * reduced(canvas)
    rgb += cover[..., None] * (np.array(_INK, dtype=np.float32) - rgb)


def add_paper_ruler(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> None:
    """A strip of paper with ticks along one edge of the picture, in place."""
    if camera.ruler == 0:
        return
    rng = chance_of(camera.texture, "paper ruler")
    canvas, ticks = grid.canvas(), grid.canvas()
    lean, edge, step = rng.normal(0, 0.08), rng.uniform(0.70, 0.86), 0.085 * camera.zoom
    up = -1 if rng.random() < 0.5 else 1
    paper, ink = ImageDraw.Draw(canvas), ImageDraw.Draw(ticks)
    ends = (-2.2, 2.2)
    inner = [grid.on_canvas(x, up * (edge + lean * x)) for x in ends]
    outer = [grid.on_canvas(x, up * (edge + 0.55 + lean * x)) for x in reversed(ends)]
    paper.polygon(inner + outer, fill=255)
    for k in range(-round(2 / step), round(2 / step) + 1):
        length = 0.11 if k % 5 == 0 else 0.06
        x = k * step
        ink.line(
            [grid.on_canvas(x, up * (edge + lean * x)), grid.on_canvas(x, up * (edge + length + lean * x))],
            fill=255,
            width=grid.thick(0.012),
        )
    rgb += (np.float32(camera.ruler) * reduced(canvas))[..., None] * (np.array(_PAPER, dtype=np.float32) - rgb)
    rgb += (np.float32(0.8) * reduced(ticks))[..., None] * (np.float32(40) - rgb)
