"""What a camera makes of the skin before it: light, optics, what lies on the glass, and the sensor's noise."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lesionlib.datasets.phantom import texture
from lesionlib.datasets.phantom.grid import Grid, chance_of, ramp, reduced
from lesionlib.datasets.phantom.signs import CameraParameters

_BLACK = (12, 10, 10)
_LUMA = (0.30, 0.59, 0.11)
_PIVOT = 140  # contrast leaves the usual brightness of skin as it is


def through_glass(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> np.ndarray:
    """A dermatoscope's picture of the skin `rgb` (h, w, 3): even light, a tube, glass and gel; uint8."""
    _add_gel(grid, rgb, camera)
    light = _light(grid, camera)
    rgb *= light[..., None] * np.array(camera.cast, dtype=np.float32)
    _add_vignette(grid, rgb, camera)
    _add_ruler(grid, rgb, camera)
    return _with_noise(_blurred(_exposed(rgb), camera.defocus), camera)


def through_air(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> np.ndarray:
    """A plain camera's picture of the scene `rgb` (h, w, 3): its light falls off, its focus is shallow; uint8."""
    light = _light(grid, camera)
    corner = np.sqrt(grid.columns * grid.columns + grid.rows * grid.rows)
    light = light * (1 - np.float32(0.45 * camera.vignette) * ramp(corner, 0.4, 1.9))
    gains = [np.float32(gain) for gain in camera.cast]
    parts = (np.float32(weight) * gain * rgb[..., k] for k, (weight, gain) in enumerate(zip(_LUMA, gains, strict=True)))
    gray = light * sum(parts)
    vivid = np.float32(camera.contrast * camera.saturation)
    rgb *= light[..., None] * (vivid * np.array(gains))
    rgb += (np.float32(camera.contrast) - vivid) * gray[..., None] + np.float32(_PIVOT * (1 - camera.contrast))
    image = _blurred(_exposed(rgb), camera.defocus)
    if camera.depth * grid.height > 0.25:
        far = (np.clip((corner - np.float32(0.45)) * np.float32(0.9), 0, 1) * 255).astype(np.uint8)
        sharp, soft = Image.fromarray(image), Image.fromarray(_blurred(image, camera.depth))
        image = np.asarray(Image.composite(soft, sharp, Image.fromarray(far)))
    return _with_noise(image, camera)


def _exposed(rgb: np.ndarray) -> np.ndarray:
    return np.clip(rgb + np.float32(0.5), 0, 255).astype(np.uint8)


def _blurred(image: np.ndarray, radius: float) -> np.ndarray:
    """`image` blurred by a box of `radius`, a fraction of its height."""
    blur = radius * image.shape[0]
    if blur <= 0.25:
        return image
    return np.asarray(Image.fromarray(image).filter(ImageFilter.BoxBlur(round(blur, 2))))


def _light(grid: Grid, camera: CameraParameters) -> np.ndarray:
    turn = math.radians(camera.gradient_angle)
    along = np.float32(round(math.cos(turn), 5)) * grid.columns + np.float32(round(math.sin(turn), 5)) * grid.rows
    return np.float32(camera.exposure) * (1 + np.float32(0.5 * camera.gradient) * along)


def _add_vignette(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> None:
    if camera.vignette == 0:
        return
    radius = grid.width / grid.height * 1.22 - 0.36 * camera.vignette
    away = np.sqrt(grid.columns * grid.columns + grid.rows * grid.rows)
    rgb *= (1 - np.float32(0.25) * ramp(away, 0.4 * radius, radius))[..., None]
    rim = ramp(away, radius - 0.03, radius + 0.03)
    rgb += rim[..., None] * (np.array(_BLACK, dtype=np.float32) - rgb)


def _add_ruler(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> None:
    if camera.ruler == 0:
        return
    rng = chance_of(camera.texture, "ruler")
    canvas = grid.canvas()
    pen = ImageDraw.Draw(canvas)
    # Ticks along an arc near one corner, as on the glass of a dermatoscope.
    middle, radius = rng.uniform(0, 2 * math.pi), rng.uniform(1.05, 1.35)
    for k in range(-6, 7):
        angle = middle + k * 0.075
        length = 0.14 if k % 5 == 0 else 0.08
        ends = [grid.on_canvas(r * math.cos(angle), r * math.sin(angle)) for r in (radius, radius + length)]
        pen.line(ends, fill=255, width=grid.thick(0.02))
    rgb += (np.float32(0.9 * camera.ruler) * reduced(canvas))[..., None] * (np.float32(25) - rgb)


def _add_gel(grid: Grid, rgb: np.ndarray, camera: CameraParameters) -> None:
    if camera.gel == 0:
        return
    rng = chance_of(camera.texture, "gel")
    canvas = grid.canvas()
    pen = ImageDraw.Draw(canvas)
    for _ in range(2 + round(9 * camera.gel)):
        x, y, radius = rng.uniform(-1.3, 1.3), rng.uniform(-1, 1), rng.uniform(0.02, 0.11)
        left, top = grid.on_canvas(x - radius, y - radius)
        right, bottom = grid.on_canvas(x + radius, y + radius)
        pen.ellipse([left, top, right, bottom], outline=150, width=grid.thick(0.012))
        start = rng.uniform(0, 360)
        pen.arc([left, top, right, bottom], start, start + 80, fill=255, width=grid.thick(0.025))
    rgb += (np.float32(0.75 * camera.gel) * reduced(canvas))[..., None] * (np.float32(250) - rgb)


def _with_noise(image: np.ndarray, camera: CameraParameters) -> np.ndarray:
    row, column = chance_of(camera.texture, "noise").integers(0, texture.SIDE, 2)
    rows = (np.arange(image.shape[0]) + row) % texture.SIDE
    columns = (np.arange(image.shape[1]) + column) % texture.SIDE
    noise = texture.sensor()[np.ix_(rows, columns)] * np.float32(255 * camera.noise)
    return np.clip(image + (noise + np.float32(0.5))[..., None], 0, 255).astype(np.uint8)
