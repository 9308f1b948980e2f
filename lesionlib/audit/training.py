"""Arithmetic of training and of splits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from lesionlib.audit.verdict import Verdict, figure, half, p_value

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


def staged_rule(
    counts: Sequence[int],
    train: Sequence[int],
    valid: Sequence[int],
    test: Sequence[int],
    aside: float,
    test_percent: float,
    copies: int,
    valid_percent: float,
) -> Verdict:
    """Check that one order of steps gives every cell of a printed split: draw the test part, copy, draw validation.

    Of each class `aside` percent stay unused; of the rest `test_percent` become test images; of every image that is
    left there are then `copies`; of these copies `valid_percent` become validation and the others training images.
    Each share is rounded, rounded down or up, in the way that fits best, the same for all classes.

    Parameters
    ----------
    counts : sequence of int
        Images a class before the split.
    train, valid, test : sequences of int
        Images a class in each part, as printed.
    aside, test_percent, valid_percent : float
        Percent, each of what the step before has left.
    copies : int
        Copies of each image that is neither aside nor in the test part (1 for none).
    """
    fits = {
        ways: sum(
            drawn == cell
            for count, cells in zip(counts, zip(train, valid, test, strict=True), strict=True)
            for drawn, cell in zip(
                _staged(count, ways, (aside, test_percent, valid_percent), copies), cells, strict=True
            )
        )
        for ways in product(_ROUNDINGS, repeat=3)
    }
    best = max(fits, key=fits.__getitem__)
    cells = 3 * len(counts)
    ways = " and ".join(f"{part} {way}" for part, way in zip(("aside", "test", "validation"), best, strict=True))
    rule = (
        f"{figure(aside)} % aside, {figure(test_percent)} % of the rest to test, "
        f"{copies} of each other, {figure(valid_percent)} % of these to validation"
    )
    return Verdict(fits[best] == cells, f"{cells} cells", f"{fits[best]} of {cells} by: {rule} ({ways})")


def _staged(
    count: int, ways: tuple[str, str, str], percents: tuple[float, float, float], copies: int
) -> tuple[int, int, int]:
    aside, test, valid = (
        lambda n, way=way, percent=percent: _ROUNDINGS[way](n * percent / 100)
        for way, percent in zip(ways, percents, strict=True)
    )
    kept = count - aside(count)
    tested = test(kept)
    copied = copies * (kept - tested)
    return copied - valid(copied), valid(copied), tested


def whole_copies(parts: Sequence[Sequence[int]], copies: int, names: Sequence[str]) -> Verdict:
    """Check that a part, or parts taken together, hold all `copies` of each of their originals.

    A part that was drawn before its images were copied has a multiple of `copies` images in every class; one that was
    drawn from the copies has not, but by chance.

    Parameters
    ----------
    parts : sequences of int
        Images a class, as printed; several parts are added up.
    copies : int
        Copies of each original.
    names : sequence of str
        The classes.
    """
    sums = [sum(cells) for cells in zip(*parts, strict=True)]
    off = [f"{name} {figure(cell)}" for cell, name in zip(sums, names, strict=True) if cell % copies]
    found = "so it is in all classes" if not off else f"not in {len(off)} of {len(sums)}: {', '.join(off[:3])}"
    return Verdict(not off, f"{copies} copies of each image", found)


def siblings(copies: int, percent: float, tolerance: float = 0.05) -> Verdict:
    """Check that drawing `percent` of all copies keeps the copies of an original together.

    Drawn independently, all copies of an original fall on one side with probability p**copies + (1 - p)**copies;
    agrees where at most a share `tolerance` of the originals is torn apart.
    """
    p = percent / 100
    torn = 1 - p**copies - (1 - p) ** copies
    text = f"{figure(100 * torn, 1)} % of the originals have copies on both sides"
    return Verdict(torn <= tolerance, f"{figure(percent)} % of {figure(copies)} copies each", text)


def unchanged(probabilities: Sequence[float], images: float) -> Verdict:
    """Check that transformations, each applied with its own probability, leave fewer than one of `images` as it was."""
    none = math.prod(1 - p for p in probabilities)
    text = f"{figure(none * images, 0)} of {figure(images)} copies ({figure(100 * none)} %) stay as they were"
    return Verdict(none * images < 1, f"{len(probabilities)} transformations", text)


def stepped_rate(base: float, gamma: float, stepsize: int, iteration: float, above: float) -> Verdict:
    """Check that a learning rate that falls by `gamma` every `stepsize` iterations is above a rate at one iteration.

    Caffe's step policy: base * gamma ** floor(iteration / stepsize).
    """
    steps = int(iteration // stepsize)
    rate = base * gamma**steps
    text = f"{rate:.3g} at iteration {figure(iteration)}, after {steps} steps of {figure(gamma, 6)}"
    return Verdict(rate > above * (1 + 1e-9), f"starts at {base:g}, to be above {above:g}", text)


def duration(iterations: float, seconds: float, per: float, printed: float, extra: float = 0) -> Verdict:
    """Check printed hours against `seconds` for every `per` iterations; `extra` seconds are spent on other things."""
    exact = (iterations * seconds / per + extra) / 3600
    return Verdict(abs(exact - printed) <= half(0), f"{figure(printed)} hours", f"{figure(exact, 1)} hours")


def duration_with_validation(
    iterations: float,
    seconds: float,
    per: float,
    printed: float,
    batch: float,
    images: float,
    every: float,
    accumulation: int = 1,
) -> Verdict:
    """Check printed hours where, every so many iterations, the network also goes over `images` validation images.

    A pass forward takes a third of a training step's time an image, as the backward pass costs about two forward ones
    (J. Kaplan et al.: Scaling Laws for Neural Language Models, arXiv:2001.08361, section 2.1).

    Parameters
    ----------
    iterations : float
        Of the whole training.
    seconds, per : float
        Seconds that `per` iterations take.
    printed : float
        Hours, as printed.
    batch : float
        Images a batch.
    images, every : float
        Validation images, and iterations from one validation to the next.
    accumulation : int
        Batches an iteration (an optimizer's step) takes.
    """
    forward = seconds / per / (batch * accumulation) / 3
    return duration(iterations, seconds, per, printed, extra=iterations // every * images * forward)


def throughput(seconds: float, per: float, batch: float, accumulation: int) -> Verdict:
    """Say how many images a second were trained on, with and without accumulation; only informs.

    `seconds` is the time of `per` iterations, `accumulation` the number of batches that an iteration may have taken.
    """
    rate = batch * per / seconds
    text = f"{figure(rate, 1)} images a second, or {figure(rate * accumulation, 1)} with accumulation"
    return Verdict(None, f"{figure(seconds)} s for {figure(per)} iterations", text)


def too_even(train: Sequence[int], test: Sequence[int], level: float = 0.001) -> Verdict:
    """Check that a split said to be random is as uneven over the classes as chance makes it (chi-square, lower tail).

    A split that is more even than chance was stratified, or adjusted afterwards.
    """
    from scipy import stats

    result = stats.chi2_contingency([train, test])
    p = float(stats.chi2.cdf(result.statistic, result.dof))
    shares = [100 * b / (a + b) for a, b in zip(train, test, strict=True)]
    text = f"chi-square {figure(float(result.statistic), 3)} on {result.dof}; so even by chance: {p_value(p)}"
    return Verdict(p >= level, f"{figure(min(shares), 1)} to {figure(max(shares), 1)} % of each class", text)
