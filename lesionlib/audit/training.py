"""Arithmetic of training and of splits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lesionlib.audit.verdict import Verdict, figure

_ROUNDINGS = {"rounded": round, "rounded down": math.floor, "rounded up": math.ceil}


def epochs(iterations: float, batch: float, images: float, printed: float, accumulation: int = 1) -> Verdict:
    """Check printed epochs against iterations, batch size, gradient accumulation and training images.

    Agrees within one epoch. `accumulation` is the number of batches an iteration (an optimizer's step) takes.
    """
    exact = iterations * batch * accumulation / images
    text = f"{figure(exact, 1)} = {figure(iterations)} x {figure(batch * accumulation)} / {figure(images)}"
    return Verdict(abs(exact - printed) < 1, figure(printed), text)


def batch_size(iterations: float, epochs: float, images: float, printed: float | None = None) -> Verdict:
    """Say which batch size iterations, epochs and images ask for; agrees where it rounds to the printed one."""
    exact = images * epochs / iterations
    agrees = None if printed is None else round(exact) == printed
    return Verdict(agrees, "not printed" if printed is None else figure(printed), f"{figure(exact, 1)} images a batch")


def split_rule(counts: Sequence[int], cells: Sequence[int], percent: float) -> Verdict:
    """Check that every cell is `percent` of its class, in any of the three roundings.

    Parameters
    ----------
    counts : sequence of int
        Images a class before the split.
    cells : sequence of int
        Images a class in one part, as printed.
    percent : float
        The part's share as the paper states it.
    """
    off = [
        f"{cell} of {count} ({figure(100 * cell / count, 1)} %)"
        for count, cell in zip(counts, cells, strict=True)
        if cell not in {rounding(count * percent / 100) for rounding in _ROUNDINGS.values()}
    ]
    text = "every class fits" if not off else f"{len(off)} of {len(counts)} classes do not fit: {', '.join(off[:3])}"
    return Verdict(not off, f"{figure(percent)} % of each class", text)


def capped_rule(counts: Sequence[int], cells: Sequence[int], percent: float, cap: int) -> Verdict:
    """Check that every cell is the same share of its class, rounded in one of three ways, and at most `cap`."""
    fits = {
        name: sum(min(cap, rounding(n * percent / 100)) == cell for n, cell in zip(counts, cells, strict=True))
        for name, rounding in _ROUNDINGS.items()
    }
    best = max(fits, key=fits.__getitem__)
    text = f"{fits[best]} of {len(counts)} classes are {figure(percent)} %, {best}, at most {cap}"
    return Verdict(fits[best] == len(counts), f"{len(cells)} cells", text)
