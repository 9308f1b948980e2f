"""What printed figures allow of each other: bounds, prevalence, and the score of always answering one class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from lesionlib.audit.verdict import DUST, Verdict, figure, half


def within(value: float, low: float, high: float) -> Verdict:
    """Check that a figure is possible at all: low <= value <= high."""
    return Verdict(low - DUST <= value <= high + DUST, figure(value, 4), f"{figure(low, 4)} to {figure(high, 4)}")


def majority(counts: Sequence[float], accuracy: float, scale: float = 100) -> Verdict:
    """Check that a printed accuracy beats always answering the most frequent class.

    Parameters
    ----------
    counts : sequence of float
        Images a class in the set that was tested on, or in one with the same proportions.
    accuracy : float
        As printed.
    scale : float
        100 for percent, 1 for a fraction.
    """
    baseline = scale * max(counts) / sum(counts)
    text = f"{figure(baseline, 1 if scale > 1 else 3)} by always answering the largest class"
    return Verdict(accuracy > baseline, figure(accuracy), text)


def implied_prevalence(
    accuracy: float, precision: float, recall: float, decimals: Sequence[int]
) -> tuple[float, float]:
    """Return the lowest and highest prevalence that accuracy, precision and recall allow together.

    With prevalence q the errors are q (1 - recall) missed and q recall (1 - precision) / precision false alarms, in
    shares of all images, so that q = (1 - accuracy) / (1 - recall + recall (1 - precision) / precision).

    Parameters
    ----------
    accuracy, precision, recall : float
        Fractions, as printed, of one two-class problem.
    decimals : three ints
        Printed digits behind the point of each, as fractions.
    """
    ends = [
        (max(value - half(digits), DUST), min(value + half(digits), 1.0))
        for value, digits in zip((accuracy, precision, recall), decimals, strict=True)
    ]
    found = [(1 - a) / max(1 - r + r * (1 - p) / p, DUST) for a, p, r in product(*ends)]
    return min(found), min(max(found), 1.0)


def prevalence(
    accuracy: float, precision: float, recall: float, positives: int, n: int, decimals: Sequence[int]
) -> Verdict:
    """Check that accuracy, precision and recall are possible together at the prevalence ``positives / n``."""
    low, high = implied_prevalence(accuracy, precision, recall, decimals)
    stated = positives / n
    text = f"together they ask for a prevalence of {figure(low, 3)} to {figure(high, 3)}"
    return Verdict(low - DUST <= stated <= high + DUST, f"{figure(stated, 3)} ({positives} of {n})", text)


def geometric_mean(sensitivity: float, gmean: float, decimals: int = 2) -> Verdict:
    """Check that some specificity up to 1 gives the printed geometric mean, sqrt(sensitivity x specificity)."""
    highest = (sensitivity + half(decimals)) ** 0.5
    needed = gmean**2 / sensitivity if sensitivity else float("inf")
    text = f"at most {figure(highest, 3)}; it asks for a specificity of {figure(needed, 3)}"
    return Verdict(gmean - half(decimals) <= highest, figure(gmean, decimals), text)


def f1(precision: float, recall: float, printed: float, decimals: int = 2) -> Verdict:
    """Check a printed F1 against the printed precision and recall it is the harmonic mean of."""
    slack = half(decimals)
    low, high = (_harmonic(max(precision + sign * slack, DUST), max(recall + sign * slack, DUST)) for sign in (-1, 1))
    agrees = low - slack <= printed <= high + slack
    return Verdict(agrees, figure(printed, decimals), f"{figure(_harmonic(precision, recall), decimals + 1)}")


def weighted_accuracy(
    sensitivities: Sequence[float], counts: Sequence[float], printed: float, decimals: int
) -> Verdict:
    """Check a printed accuracy against printed sensitivities, each weighted with its class's images (fractions)."""
    exact = sum(s * n for s, n in zip(sensitivities, counts, strict=True)) / sum(counts)
    return Verdict(abs(exact - printed) <= 2 * half(decimals), figure(printed, decimals), figure(exact, decimals + 1))


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
