"""Draw a lesion as a camera sees it: numpy on a grid of coordinates, Pillow for strokes.

`grid` lays the lesion's coordinates over the picture, `skin` holds what light meets there, `strokes` draws
each sign, and `camera` photographs it. Everything on a pixel is plain arithmetic or a table look-up, so
that a picture is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lesionlib.datasets.phantom import camera as cameras
from lesionlib.datasets.phantom import scene, surface
from lesionlib.datasets.phantom.grid import Grid
from lesionlib.datasets.phantom.signs import CameraParameters, LesionParameters
from lesionlib.datasets.phantom.skin import Skin
from lesionlib.datasets.phantom.strokes import SIGNS

# What is left of a sign below the surface, or of a border's detail, when nothing makes the skin transparent.
_UNAIDED_EYE = {
    "network": 0.22,
    "atypical_network": 0.45,
    "globules": 0.40,
    "dots": 0.30,
    "streaks": 0.60,
    "veil": 0.75,
    "regression": 0.85,
    "cysts": 0.35,
    "comedones": 0.75,
    "vessels": 0.70,
    "dotted_vessels": 0.25,
    "leaves": 0.70,
    "nests": 0.70,
    "strawberry": 0.55,
    "white_patch": 0.90,
    "white_lines": 0.35,
    "lacunae": 0.85,
    "tint": 0.80,
    "patchiness": 0.55,
    "irregularity": 0.70,
}


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
        Height in pixels; the width follows from `camera.aspect`.

    Returns
    -------
    Drawing
    """
    seen = as_seen(lesion, camera.view)
    grid = Grid(seen, camera, size)
    skin = Skin(grid, seen)
    for name, add_sign in SIGNS.items():
        if getattr(seen, name) > 0:
            add_sign(grid, skin, seen)
    rgb = skin.color()
    if camera.view == "dermoscopic":
        return Drawing(cameras.through_glass(grid, rgb, camera), grid.mask)
    rgb = surface.lit(grid, skin, rgb, seen, camera)
    scene.add_ink(grid, rgb, camera)
    scene.add_surroundings(grid, rgb, camera)
    scene.add_paper_ruler(grid, rgb, camera)
    return Drawing(cameras.through_air(grid, rgb, camera), grid.mask)


def as_seen(lesion: LesionParameters, view: str) -> LesionParameters:
    """The lesion with each sign as strong as it shows in a view: without a dermatoscope, most fade."""
    if view == "dermoscopic":
        return lesion
    return replace(lesion, **{name: round(share * getattr(lesion, name), 5) for name, share in _UNAIDED_EYE.items()})
