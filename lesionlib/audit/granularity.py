"""Is a printed figure a possible k of n? The GRIM test, for accuracies and sensitivities.

With n images an accuracy moves in steps of 1/n; a figure printed with enough digits that no k/n rounds to cannot be
one run's accuracy on those n images. N. J. L. Brown, J. A. J. Heathers: The GRIM test, Social Psychological and
Personality Science 8 (2017), 363-369.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lesionlib.audit.verdict import Verdict, figure, half


def possible_counts(value: float, n: int, decimals: int, scale: float = 100) -> list[int]:
    """Return every k for which ``scale * k / n`` rounds to `value` printed with `decimals` digits."""
    low = max(0, math.ceil((value - half(decimals)) * n / scale))
    high = min(n, math.floor((value + half(decimals)) * n / scale))
    return list(range(low, high + 1))


def granularity(value: float, n: int, decimals: int, scale: float = 100) -> Verdict:
    """Check that a printed figure is a possible k/n.

    Parameters
    ----------
    value : float
        The figure as printed.
    n : int
        Images it is a share of; n times the number of repeats for a mean over repeats on the same images.
    decimals : int
        Its printed digits behind the point.
    scale : float
        100 for percent, 1 for a fraction.
    """
    counts = possible_counts(value, n, decimals, scale)
    if counts:
        found = figure(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        return Verdict(True, figure(value, decimals), f"{found} of {n}")
    below = math.floor(value * n / scale)
    near = f"{figure(scale * below / n, decimals + 1)} and {figure(scale * (below + 1) / n, decimals + 1)}"
    return Verdict(False, figure(value, decimals), f"no k of {n}: the nearest are {near}")


def complement(value: float, n: int, decimals: int, scale: float = 100) -> Verdict:
    """Check that `scale` minus a printed figure, such as an error rate, is a possible k/n."""
    verdict = granularity(scale - value, n, decimals, scale)
    return Verdict(verdict.agrees, f"{figure(scale)} - {figure(value, decimals)}", verdict.recomputed)


def possible_share(values: Sequence[float], n: int, decimals: int, scale: float = 100) -> Verdict:
    """Say how many of several printed figures are a possible k/n, beside how many would be by chance.

    Agrees where all of them are possible. By chance, one of ``10**decimals * scale`` printable figures is possible
    with probability about ``n / (10**decimals * scale)``, at most 1: with more images than that the test is blind.
    """
    hits = _hits(values, n, decimals, scale)
    chance = min(1.0, n / (10**decimals * scale)) * len(values)
    text = f"{hits} of {len(values)} are a k of {n}; by chance about {figure(chance, 1)} would be"
    return Verdict(hits == len(values), f"{len(values)} figures, n = {n}", text)


def best_size(values: Sequence[float], n: int, decimals: int, low: int, high: int, scale: float = 100) -> Verdict:
    """Check that the stated n gives more of the printed figures than any other size from `low` to `high`.

    Parameters
    ----------
    values : sequence of float
        Figures that are said to be shares of the same n images.
    n : int
        The stated number of images.
    decimals : int
        Printed digits behind the point.
    low, high : int
        The sizes to go through, both ends with them.
    scale : float
        100 for percent, 1 for fractions.
    """
    hits = {size: _hits(values, size, decimals, scale) for size in range(low, high + 1)}
    first, second = sorted(hits, key=hits.__getitem__, reverse=True)[:2]
    text = f"{first} gives {hits[first]} of {len(values)}, the next best size {hits[second]}"
    return Verdict(first == n, f"n = {n} gives {_hits(values, n, decimals, scale)}", text)


def _hits(values: Sequence[float], n: int, decimals: int, scale: float) -> int:
    return sum(bool(possible_counts(value, n, decimals, scale)) for value in values)
