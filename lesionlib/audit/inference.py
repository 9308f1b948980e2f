"""What printed samples can show: tests redone, and intervals for small tests."""

from __future__ import annotations

from collections.abc import Sequence

from lesionlib import metrics
from lesionlib.audit.verdict import Verdict, figure, half


def rank_tests(a: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """Return the p-values of the tests that could stand behind a comparison of `a` and `b`, by name.

    One-sided means that `b` is greater. The paired ones take the values as pairs in the order given.
    """
    return {
        "Mann-Whitney, two-sided": metrics.mann_whitney(a, b).p_value,
        "Mann-Whitney, one-sided": metrics.mann_whitney(a, b, "less").p_value,
        "Wilcoxon signed-rank (paired), two-sided": metrics.wilcoxon(a, b).p_value,
    }


def mann_whitney(a: Sequence[float], b: Sequence[float], printed: float, decimals: int = 2) -> Verdict:
    """Check a printed p-value of the two-sided Mann-Whitney U test, and name the variants beside it."""
    found = rank_tests(a, b)
    agrees = abs(found["Mann-Whitney, two-sided"] - printed) <= half(decimals)
    text = "; ".join(f"{name} {figure(p, 4)}" for name, p in found.items())
    return Verdict(agrees, f"p = {figure(printed, 4)}", text)


def conclusion(a: Sequence[float], b: Sequence[float], printed: float, level: float = 0.05) -> Verdict:
    """Check that the paired test, which knows that the same networks stand in both samples, says what is printed."""
    paired = metrics.wilcoxon(a, b).p_value
    agrees = (paired < level) == (printed < level)
    return Verdict(
        agrees, f"p = {figure(printed, 4)}", f"Wilcoxon signed-rank (paired), two-sided: p = {figure(paired, 4)}"
    )


def small_sample(successes: int, n: int, reference: float, ci: float = 0.95) -> Verdict:
    """Check that k of n can be told from a reference proportion: is that outside Wilson's interval?"""
    low, high = metrics.wilson(successes, n, ci)
    text = f"{figure(100 * low, 0)} to {figure(100 * high, 0)} % ({figure(100 * ci, 0)} % interval)"
    outside = not low <= reference <= high
    return Verdict(outside, f"{successes} of {n} against {figure(100 * reference, 1)} %", text)


def two_proportions(a: int, n_a: int, b: int, n_b: int, level: float = 0.05) -> Verdict:
    """Check that two proportions of different images can be told apart, by Fisher's exact test (two-sided)."""
    from scipy import stats

    p = float(stats.fisher_exact([[a, n_a - a], [b, n_b - b]]).pvalue)
    low_a, high_a = metrics.wilson(a, n_a)
    low_b, high_b = metrics.wilson(b, n_b)
    shown = (low_a, high_a, low_b, high_b)
    text = "p = {}; intervals {} to {} % and {} to {} %".format(figure(p, 3), *(figure(100 * x, 1) for x in shown))
    return Verdict(p < level, f"{a} of {n_a} and {b} of {n_b}", text)


def images_between(a: float, b: float, n: int, most: int, scale: float = 100) -> Verdict:
    """Check that two accuracies on the same n images lie more than `most` images apart.

    For two networks on the same images an exact McNemar test needs 6 discordant images, all on one side, to reach
    p < 0.05 (2 * 0.5**6 = 0.031), so that a difference of 5 images or fewer can never be told.
    """
    images = abs(a - b) * n / scale
    text = f"{figure(images, 1)} of {n} images between them; fewer than {most + 1} can show nothing"
    return Verdict(round(images) > most, f"{figure(a)} against {figure(b)}", text)


def spread(values: Sequence[float], n: int, scale: float = 100, ci: float = 0.95) -> Verdict:
    """Check that several accuracies on n images differ by more than one accuracy's own interval is wide."""
    middle = sum(values) / len(values) / scale
    low, high = metrics.wilson(round(middle * n), n, ci)
    width = scale * (high - low)
    between = max(values) - min(values)
    text = f"they span {figure(between)}; one of them alone has an interval {figure(width, 1)} wide"
    return Verdict(between > width, f"{len(values)} accuracies on {n} images", text)
