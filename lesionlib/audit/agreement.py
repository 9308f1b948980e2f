"""Figures that should agree: sums, shares, pairs, means, counts, and one figure in several places.

Rounding is granted everywhere: a figure printed with `decimals` digits stands for all numbers that round to it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from lesionlib.audit.verdict import Verdict, cut_off, figure, figures, half


def total(parts: Sequence[float], printed: float, decimals: int | None = None) -> Verdict:
    """Check that printed parts add up to the printed total.

    Parameters
    ----------
    parts : sequence of float
        The parts as printed.
    printed : float
        Their total as printed.
    decimals : int, optional
        Printed digits behind the point, where the parts are rounded; None for counts, which are exact.
    """
    summed = sum(parts)
    slack = 0 if decimals is None else (len(parts) + 1) * half(decimals)
    return Verdict(abs(summed - printed) <= slack, figure(printed), f"{figure(summed)} = {_sum(parts)}")


def pair(a: float, b: float, whole: float = 100, decimals: int = 2) -> Verdict:
    """Check that two complementary figures, such as accuracy and error rate, sum to `whole`."""
    summed = a + b
    agrees = abs(summed - whole) <= 2 * half(decimals)
    return Verdict(agrees, f"{figure(a, decimals)} + {figure(b, decimals)}", figure(summed, decimals))


def share(part: float, whole: float, printed: float, decimals: int = 0, scale: float = 100) -> Verdict:
    """Check a printed share: ``scale * part / whole`` rounds to it (`scale` 100 for percent, 1 for a fraction)."""
    exact = scale * part / whole
    text = f"{figure(exact, decimals + 2)} = {_of(part, whole)}{cut_off(exact, printed, decimals)}"
    return Verdict(abs(exact - printed) <= half(decimals), figure(printed, decimals), text)


def mean(values: Sequence[float], printed: float, decimals: int, values_decimals: int | None = None) -> Verdict:
    """Check a printed mean of printed values; `values_decimals` are the digits of the values (those of the mean)."""
    exact = sum(values) / len(values)
    slack = half(decimals) + half(decimals if values_decimals is None else values_decimals)
    text = f"{figure(exact, decimals + 2)}, mean of {len(values)}{cut_off(exact, printed, decimals)}"
    return Verdict(abs(exact - printed) <= slack, figure(printed, decimals), text)


def standard_deviation(values: Sequence[float], printed: float, decimals: int) -> Verdict:
    """Check a printed standard deviation of printed values, with n - 1 or with n in its denominator."""
    sample, population = statistics.stdev(values), statistics.pstdev(values)
    agrees = min(abs(sample - printed), abs(population - printed)) <= 2 * half(decimals)
    text = f"{figure(sample, decimals + 2)} of {len(values)} values{cut_off(sample, printed, decimals)}"
    return Verdict(agrees, figure(printed, decimals), text)


def weighted_mean(values: Sequence[float], weights: Sequence[float], printed: float, decimals: int) -> Verdict:
    """Check a printed mean of printed values, each weighted.

    A weighted F1 is such a mean of the classes' F1, an accuracy of their sensitivities, weighted with their images.
    """
    exact = sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
    text = f"{figure(exact, decimals + 2)}, weighted mean of {len(values)}{cut_off(exact, printed, decimals)}"
    return Verdict(abs(exact - printed) <= 2 * half(decimals), figure(printed, decimals), text)


def rounded(longer: float, printed: float, decimals: int = 0) -> Verdict:
    """Check a figure that is printed with fewer digits in one place than in another: the longer one rounds to it."""
    text = f"{figure(longer, 6)}{cut_off(longer, printed, decimals)}"
    return Verdict(abs(longer - printed) <= half(decimals), figure(printed, decimals), text)


def difference(a: float, b: float, printed: float, decimals: int = 2) -> Verdict:
    """Check a printed difference ``a - b`` of two figures that are printed with as many digits."""
    exact = a - b
    agrees = abs(exact - printed) <= 3 * half(decimals)
    text = f"{figure(exact, decimals)} = {figure(a, decimals)} - {figure(b, decimals)}"
    return Verdict(agrees, figure(printed, decimals), text)


def ratio(parts: Sequence[float], printed: Sequence[float], decimals: int = 0) -> Verdict:
    """Check printed shares in percent, such as 70:10:20, against the numbers of images in all parts of a split."""
    whole = sum(parts)
    exact = [100 * part / whole for part in parts]
    agrees = all(abs(e - p) <= half(decimals) for e, p in zip(exact, printed, strict=True))
    return Verdict(agrees, ":".join(figure(p, decimals) for p in printed), ":".join(figure(e, 1) for e in exact))


def same(values: Sequence[float | str]) -> Verdict:
    """Check that one figure, printed in several places, is the same in all of them."""
    written = [value if isinstance(value, str) else figure(value, 6) for value in values]
    distinct = list(dict.fromkeys(written))
    return Verdict(len(distinct) == 1, " / ".join(written), f"{len(distinct)} different value(s)")


def count(items: Sequence[object], printed: int) -> Verdict:
    """Check a printed number of things against the list of them."""
    return Verdict(len(items) == printed, figure(printed), f"{len(items)} listed")


def multiple(value: int, of: int) -> Verdict:
    """Check that a printed count is a whole multiple of another, as of an interval or a step."""
    times, rest = divmod(value, of)
    text = f"{figure(times)} x {figure(of)}" + (f" + {figure(rest)}" if rest else "")
    return Verdict(not rest, figure(value), text)


def product(factors: Sequence[float], printed: float, decimals: int = 0) -> Verdict:
    """Check a printed product, such as values times units or pixels times pixels."""
    exact = math.prod(factors)
    text = f"{figure(exact, decimals + 2)} = {' x '.join(figure(factor, 4) for factor in factors)}"
    return Verdict(abs(exact - printed) <= half(decimals), figure(printed, decimals), text)


def _sum(parts: Sequence[float]) -> str:
    return (
        f"{figures(parts[:1])} + ... + {figures(parts[-1:])} ({len(parts)} parts)"
        if len(parts) > 6
        else " + ".join(figure(part) for part in parts)
    )


def _of(part: float, whole: float) -> str:
    return f"{figure(part)} of {figure(whole)}"
