"""Noise tiles, made once a process, and how a picture looks values up in them.

Tiles are periodic, `SIDE` pixels wide, and rounded to 1/1024, so that the last bit of a machine's
arithmetic does not reach a picture.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SIDE = 512
CELL = 16  # mean distance between two cells of a tile, in tile pixels
# Coordinates are shifted to the positive side, since casting to integers truncates towards zero.
_FAR = 64 * SIDE


def _rounded(tile: np.ndarray) -> np.ndarray:
    return (np.round(tile * 1024) / 1024).astype(np.float32)


def _blurred(seed: int, bumps: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    white = np.random.default_rng(seed).standard_normal((SIDE, SIDE))
    return _standard(gaussian_filter(white, bumps, mode="wrap"))


def _standard(tile: np.ndarray) -> np.ndarray:
    return (tile - tile.mean()) / tile.std()


@cache
def smooth() -> np.ndarray:
    """Blurred white noise of unit variance; its bumps are about 40 tile pixels wide, shape (SIDE, SIDE)."""
    return _rounded(_blurred(11, 10))


@cache
def smooth_turned() -> np.ndarray:
    """`smooth` with rows and columns exchanged, which serves as a second noise, shape (SIDE, SIDE)."""
    return np.ascontiguousarray(smooth().T)


@cache
def fractal() -> np.ndarray:
    """Noise with bumps of every size from 100 to 6 tile pixels, unit variance, shape (SIDE, SIDE)."""
    octaves = [0.62**k * _blurred(20 + k, 24 / 2**k) for k in range(5)]
    return _rounded(_standard(sum(octaves)))


@cache
def grain() -> np.ndarray:
    """Fine noise, bumps of about 5 tile pixels, unit variance, shape (SIDE, SIDE)."""
    return _rounded(_blurred(13, 1.2))


@cache
def sensor() -> np.ndarray:
    """White noise of unit variance, shape (SIDE, SIDE), for the camera's sensor."""
    return _rounded(np.random.default_rng(14).standard_normal((SIDE, SIDE)))


@cache
def hide() -> np.ndarray:
    """Height of bare skin: plates of about 16 tile pixels, furrows between them, some pores, shape (SIDE, SIDE)."""
    center, edge, chance = cells(0.9)
    plates = np.clip(edge * 2.5, 0, 1)
    pores = np.clip(0.22 - center, 0, 1) * (chance < 0.2)
    return _rounded(_standard(plates - 7 * pores + 0.12 * grain()))


@cache
def cells(jitter: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells around jittered grid points: the raw material of networks, globules, cysts and lacunae.

    Parameters
    ----------
    jitter
        0 for a regular lattice, 1 for an irregular one.

    Returns
    -------
    center, edge, chance
        Distance to the cell's own point, distance to its edge (second minus first distance; both
        in units of the mean distance between cells), and a number in [0, 1) that belongs to the
        cell; each of shape (SIDE, SIDE).
    """
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(15)
    grid = np.stack(np.meshgrid(*[np.arange(0, SIDE, CELL)] * 2, indexing="ij"), axis=-1).astype(float)
    grid[:, ::2, 0] += CELL / 2  # brick bond: six neighbors a cell, as in a honeycomb
    points = (grid + CELL * (0.5 + jitter * rng.uniform(-0.5, 0.5, grid.shape))).reshape(-1, 2) % SIDE
    pixels = np.stack(np.meshgrid(*[np.arange(SIDE)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    distance, nearest = cKDTree(points, boxsize=SIDE).query(pixels, k=2)
    distance = distance.reshape(SIDE, SIDE, 2) / CELL
    chance = rng.uniform(size=len(points))[nearest[:, 0]].reshape(SIDE, SIDE)
    return _rounded(distance[..., 0]), _rounded(distance[..., 1] - distance[..., 0]), _rounded(chance)


def look_up(tiles: tuple[np.ndarray, ...], u: np.ndarray, v: np.ndarray, step: float) -> list[np.ndarray]:
    """Values of `tiles` at the tile coordinates (u, v).

    Parameters
    ----------
    tiles
        Each of shape (SIDE, SIDE).
    u, v
        Tile coordinates in pixels; the tiles repeat.
    step
        Tile pixels between two picture pixels. Where a tile pixel is larger than a picture's, its
        values are interpolated, so that large pictures are smooth, not blocky.

    Returns
    -------
    list of numpy.ndarray
        One array a tile, shaped like `u`.
    """
    u, v = u + np.float32(_FAR), v + np.float32(_FAR)
    column, row = u.astype(np.int32), v.astype(np.int32)
    left, top = column & (SIDE - 1), (row & (SIDE - 1)) * SIDE
    if step >= 0.75:
        here = top + left
        return [tile.ravel().take(here) for tile in tiles]
    right, bottom = (column + 1) & (SIDE - 1), ((row + 1) & (SIDE - 1)) * SIDE
    a, b = u - column, v - row
    a, b = a.astype(np.float32), b.astype(np.float32)
    found = []
    for tile in tiles:
        flat = tile.ravel()
        upper, lower = flat.take(top + left), flat.take(bottom + left)
        upper = upper + a * (flat.take(top + right) - upper)
        lower = lower + a * (flat.take(bottom + right) - lower)
        found.append(upper + b * (lower - upper))
    return found
