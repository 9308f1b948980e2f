"""Is a printed figure a possible k of n? The GRIM test, for accuracies and sensitivities.

With n images an accuracy moves in steps of 1/n; a figure printed with enough digits that no k/n rounds to cannot be
one run's accuracy on those n images. N. J. L. Brown, J. A. J. Heathers: The GRIM test, Social Psychological and
Personality Science 8 (2017), 363-369.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from lesionlib.audit.verdict import DUST, Verdict, cut_off, figure, half


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
    text = f"no k of {n}: the nearest are {near}{cut_off(scale * (below + 1) / n, value, decimals)}"
    return Verdict(False, figure(value, decimals), text)


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


def rounding_rule(values: Sequence[float], n: int, decimals: int, scale: float = 100) -> Verdict:
    """Check that rounding gives at least as many of the printed figures, as k of n, as cutting off does."""
    rounded = _hits(values, n, decimals, scale)
    # A figure that was cut off lies half a unit below the middle of what it can stand for.
    cut = _hits([value + 0.5 * 10.0**-decimals for value in values], n, decimals, scale)
    text = f"{rounded} of {len(values)} if rounded, {cut} if cut off"
    return Verdict(rounded >= cut, f"{len(values)} figures, n = {n}", text)


def answers(sensitivity: float, precision: float, f1: float, n: int, decimals: int, scale: float = 100) -> list[tuple]:
    """Return every (images right, images called so) that gives a class's three printed figures.

    Parameters
    ----------
    sensitivity, precision, f1 : float
        As printed; with k of n images right and m called so, k/n, k/m and 2k/(n + m).
    n : int
        Test images of the class.
    decimals : int
        Printed digits behind the point.
    scale : float
        100 for percent, 1 for fractions.
    """
    slack = half(decimals)
    found = []
    for right in possible_counts(sensitivity, n, decimals, scale):
        if right == 0:
            continue
        least = math.ceil(scale * right / (precision + slack))
        most = math.floor(scale * right / max(precision - slack, slack))
        called = (m for m in range(max(least, right), most + 1) if abs(2 * scale * right / (n + m) - f1) <= slack)
        found += [(right, m) for m in called]
    return found


def three_figures(
    sensitivity: float, precision: float, f1: float, n: int, decimals: int, scale: float = 100
) -> Verdict:
    """Check that whole numbers of images give a class's printed sensitivity, precision and F1 (see `answers`)."""
    shown = f"{figure(sensitivity)} / {figure(precision)} / {figure(f1)}"
    if sensitivity == precision == f1 == 0:
        return Verdict(True, shown, f"none of {n} right")
    found = answers(sensitivity, precision, f1, n, decimals, scale)
    if not found:
        return Verdict(False, shown, f"no images right of {n} and called so give all three")
    return Verdict(True, shown, " or ".join(f"{right} of {n} right, {called} called so" for right, called in found))


def answers_in_all(
    sensitivities: Sequence[float],
    precisions: Sequence[float],
    f1s: Sequence[float],
    counts: Sequence[int],
    decimals: int,
    scale: float = 100,
) -> Verdict:
    """Check that the answers that a printed table of all classes asks for are no more than the test images.

    Classes with no image right tell nothing of how often they were answered; without any of those the answers must
    be just as many as the images. The lists hold one entry a class (see `answers`).
    """
    rows = list(zip(sensitivities, precisions, f1s, counts, strict=True))
    found = [answers(*row, decimals, scale) for row in rows]
    low = sum(min(called for _, called in pairs) for pairs in found if pairs)
    high = sum(max(called for _, called in pairs) for pairs in found if pairs)
    silent = sum(not pairs for pairs in found)
    n = sum(counts)
    text = f"{low if low == high else f'{low} to {high}'} answers, and those of {silent} classes with none right"
    return Verdict(low <= n if silent else low <= n <= high, f"{n} images", text)


def two_classes(
    accuracy: float,
    weighted_f1: float,
    macro_f1: float,
    counts: Sequence[int],
    classes: Sequence[int],
    decimals: int,
    scale: float = 100,
) -> Verdict:
    """Check that a network which is right in two classes only can have the three printed averages.

    Every number of images right and called so is gone through; an average may be rounded or cut off. Agrees where
    answers to these two classes, as many as the averages ask for, are most of all answers.

    Parameters
    ----------
    accuracy, weighted_f1, macro_f1 : float
        As printed.
    counts : sequence of int
        Test images of each class.
    classes : two ints
        The places of the two classes in `counts`.
    decimals : int
        Printed digits behind the point.
    scale : float
        100 for percent, 1 for fractions.
    """
    n, sizes = sum(counts), [counts[place] for place in classes]
    macro, weighted = ([(v + e) * m for e in _ends(decimals)] for v, m in ((macro_f1, len(counts)), (weighted_f1, n)))
    rights = range(
        math.ceil((accuracy + _ends(decimals)[0]) * n / scale),
        math.floor((accuracy + _ends(decimals)[1]) * n / scale) + 1,
    )
    found = []
    for first, second in _shared_out(rights, sizes):
        for called in range(first, n + 1):
            f1 = 2 * scale * first / (sizes[0] + called)
            low = max(macro[0] - f1, (weighted[0] - sizes[0] * f1) / sizes[1])
            high = min(macro[1] - f1, (weighted[1] - sizes[0] * f1) / sizes[1])
            if 0 < high >= low:
                least = max(second, math.ceil(2 * scale * second / high - sizes[1]))
                most = math.floor(2 * scale * second / max(low, DUST) - sizes[1])
                found += [(first, second, called, m) for m in range(least, min(most, n - called) + 1)]
    shown = f"{figure(accuracy, decimals)} / {figure(weighted_f1, decimals)} / {figure(macro_f1, decimals)}"
    if not found:
        return Verdict(False, shown, "no answers to two classes give all three")
    ranges = [f"{min(column)} to {max(column)}" for column in zip(*found, strict=True)]
    answered = [called + m for _, _, called, m in found]
    text = (
        f"{ranges[0]} and {ranges[1]} right of {sizes[0]} and {sizes[1]}; {ranges[2]} and {ranges[3]} called so, "
        f"together {min(answered)} to {max(answered)} of {n} images"
    )
    return Verdict(min(answered) > n / 2, shown, text)


def _shared_out(rights: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give the ways in which so many right answers fall on two classes, with one of the second class at least."""
    for right in rights:
        for second in range(max(1, right - sizes[0]), min(right, sizes[1]) + 1):
            yield right - second, second


def _ends(decimals: int) -> tuple[float, float]:
    """Return how far a number may lie from its printed figure, be it rounded or cut off."""
    return -half(decimals), 10.0**-decimals - DUST


def _hits(values: Sequence[float], n: int, decimals: int, scale: float) -> int:
    return sum(bool(possible_counts(value, n, decimals, scale)) for value in values)
