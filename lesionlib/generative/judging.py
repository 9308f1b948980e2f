"""How good generated images are: distances between sets of features, and the nearest training image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.numeric import check_whole

# Numbers held at once while distances are measured; about 64 MB of float64.
_BLOCK = 8_000_000


def frechet_distance(real, fake) -> float:
    """Fréchet distance between the Gaussians that fit two sets of features best.

    ``|m1 - m2|^2 + trace(S1 + S2 - 2 (S1 S2)^(1/2))``. With features of Inception v3 it is the FID; with those of
    another network it is a number of its own, to be compared with that network's only. It is biased: fewer images
    give a larger distance, so compare sets of one size, and know what real against real gives.

    Parameters
    ----------
    real, fake : array of shape (n, d), (m, d)
        Features, one row an image; two rows or more each.

    Returns
    -------
    float
        0 or more; 0 for a set and itself.

    Raises
    ------
    InputError
        Arrays of other shapes or different widths, or numbers that are not finite.

    Notes
    -----
    Heusel and others, NeurIPS 2017. The root is taken by eigenvalues, so that fewer images than features do no harm.
    """
    real, fake = _pair(real, fake)
    gap = real.mean(axis=0) - fake.mean(axis=0)
    root = _root(_covariance(real))
    middle = np.linalg.eigvalsh(root @ _covariance(fake) @ root).clip(min=0)
    spread = real.var(axis=0, ddof=1).sum() + fake.var(axis=0, ddof=1).sum() - 2 * np.sqrt(middle).sum()
    return float(gap @ gap + max(spread, 0.0))


class KernelDistance(NamedTuple):
    """A squared kernel distance over random subsets.

    Attributes
    ----------
    value : float
        The mean over the subsets; around 0 for one source.
    std : float
        The standard deviation over them.
    subsets : int
        How many were drawn.
    subset_size : int
        Rows of each set in a subset.
    """

    value: float
    std: float
    subsets: int
    subset_size: int


def kernel_distance(real, fake, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> KernelDistance:
    """Squared distance between two sets of features by a polynomial kernel (KID).

    The unbiased estimate of the squared maximum mean discrepancy with ``k(x, y) = (x y / d + 1)^3``, averaged over
    random subsets. Around 0, below it too, where both sets come from one source; unlike `frechet_distance` it does
    not grow as images get fewer.

    Parameters
    ----------
    real, fake : array of shape (n, d), (m, d)
        Features, one row an image.
    subsets : int
        Subsets drawn, without replacement within each.
    subset_size : int
        Rows a subset, of each set; cut to the smaller set.
    seed : int

    Returns
    -------
    KernelDistance
        The standard deviation is that over subsets, as usually printed. Subsets overlap, so it is no standard error.

    Raises
    ------
    InputError
        As for `frechet_distance`, or a number of subsets or rows out of range.

    Notes
    -----
    Binkowski and others, ICLR 2018.
    """
    real, fake = _pair(real, fake)
    check_whole("subsets", subsets, 1)
    check_whole("subset_size", subset_size, 2)
    size = min(subset_size, len(real), len(fake))
    rng = np.random.default_rng(seed)
    values = [
        _discrepancy(real[rng.choice(len(real), size, False)], fake[rng.choice(len(fake), size, False)])
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), subsets, size)


class Nearest(NamedTuple):
    """The nearest training image of each sample.

    Attributes
    ----------
    index : array of int, shape (m,)
        Its row among the training images.
    distance : array of float, shape (m,)
        Root-mean-square difference of their numbers: gray levels for images, else units of the features.
    reference : array of float, shape (h,)
        The same distance of each held-out real image; empty without.
    """

    index: np.ndarray
    distance: np.ndarray
    reference: np.ndarray

    def table(self) -> pd.DataFrame:
        """Compare samples with held-out images.

        Returns
        -------
        DataFrame
            Rows: samples, and held-out images where there are some. Columns: images, smallest, 5 %, median, and
            ``closer than 5 %``, the share nearer to a training image than the nearest twentieth of the held-out images;
            0.05 is expected where samples are no nearer than new images are, far more of a generator that copies.
        """
        limit = np.quantile(self.reference, 0.05) if len(self.reference) else np.nan
        rows = [self._row("samples", self.distance, limit)]
        if len(self.reference):
            rows.append(self._row("held-out images", self.reference, limit))
        return pd.DataFrame(rows)

    @staticmethod
    def _row(name: str, distance: np.ndarray, limit: float) -> dict:
        return {
            "set": name,
            "images": len(distance),
            "smallest": float(distance.min()),
            "5 %": float(np.quantile(distance, 0.05)),
            "median": float(np.median(distance)),
            "closer than 5 %": np.nan if np.isnan(limit) else float((distance <= limit).mean()),
        }


def nearest(train, samples, held_out=None) -> Nearest:
    """Find the nearest training image of each sample: does the generator copy?

    A distance says little alone, for some images are common. So it stands beside that of real images which were not
    trained on.

    Parameters
    ----------
    train, samples, held_out : array of shape (n, ...), (m, ...), (h, ...)
        Images or features; all of one shape but for the first axis.

    Returns
    -------
    Nearest

    Raises
    ------
    InputError
        Shapes that do not fit, nothing to compare, or numbers that are not finite.
    """
    train = _rows(train, "train")
    samples = _rows(samples, "samples", train.shape[1])
    index, distance = _closest(train, samples)
    if held_out is None:
        return Nearest(index, distance, np.empty(0))
    return Nearest(index, distance, _closest(train, _rows(held_out, "held_out", train.shape[1]))[1])


def _closest(train: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    index = np.empty(len(others), np.intp)
    squares = np.einsum("ij,ij->i", train, train)
    step = max(1, _BLOCK // len(train))
    for start in range(0, len(others), step):
        block = others[start : start + step]
        index[start : start + step] = (squares - 2 * block @ train.T).argmin(axis=1)
    # Measured again from the differences: an exact copy shall have the distance 0.
    gaps = (np.square(other - train[found]).mean() for other, found in zip(others, index, strict=True))
    return index, np.sqrt(np.fromiter(gaps, float, len(others)))


def _discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    n, d = x.shape
    within = sum((kernel.sum() - np.trace(kernel)) / (n * (n - 1)) for kernel in (_kernel(x, x, d), _kernel(y, y, d)))
    return float(within - 2 * _kernel(x, y, d).mean())


def _kernel(x: np.ndarray, y: np.ndarray, d: int) -> np.ndarray:
    return (x @ y.T / d + 1) ** 3


def _covariance(features: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.cov(features, rowvar=False))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def _pair(real, fake) -> tuple[np.ndarray, np.ndarray]:
    real = _rows(real, "real", least=2)
    return real, _rows(fake, "fake", real.shape[1], least=2)


def _rows(values, name: str, width: int | None = None, least: int = 1) -> np.ndarray:
    """Return one row an image, float64."""
    found = np.asarray(values)
    if found.dtype.kind not in "uifb" or found.ndim < 2 or len(found) < least:
        raise InputError(
            f"{name}: found shape {found.shape} of {found.dtype}, expected numbers, {least} rows or more, one an image"
        )
    found = found.reshape(len(found), -1).astype(np.float64)
    if width is not None and found.shape[1] != width:
        raise InputError(f"{name}: found {found.shape[1]} numbers a row, expected {width} as in the other set")
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(wrong):
        raise InputError(f"{name} row {wrong[0]}: found a number that is not finite; look at that image")
    return found
