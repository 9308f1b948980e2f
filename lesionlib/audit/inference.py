"""What printed samples can show: tests redone, and intervals for small tests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from lesionlib import metrics
from lesionlib.audit.bounds import source_auc
from lesionlib.audit.confusion import Matrix, counted
from lesionlib.audit.granularity import possible_counts
from lesionlib.audit.verdict import DUST, Verdict, figure, half, p_value

# Share of test images that change between right and wrong from one training of a network to the next, at the least. Our
# own runs on HAM10000 (results/04_lucius2020), same split and network, another seed: 6 to 8 % where all layers were
# trained, 2 to 4 % where only the last one was.
_FLIPPED = 0.02


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
    """Check that the paired test, which knows that the same networks stand in both samples, says what is printed.

    As the printed test it takes the networks for a sample of networks. They share their test images, so that neither
    says how far the gain would hold on others.
    """
    paired = metrics.wilcoxon(a, b).p_value
    agrees = (paired < level) == (printed < level)
    return Verdict(
        agrees, f"p = {figure(printed, 4)}", f"Wilcoxon signed-rank (paired), two-sided: p = {figure(paired, 4)}"
    )


def small_sample(successes: int, n: int, reference: float, ci: float = 0.95, scale: float = 1) -> Verdict:
    """Check that k of n can be told from a reference proportion: is that outside Wilson's interval?

    `scale` is 100 where the reference is printed in percent.
    """
    reference = reference / scale
    low, high = metrics.wilson(int(successes), n, ci)
    text = f"{figure(100 * low, 0)} to {figure(100 * high, 0)} % ({figure(100 * ci, 0)} % interval)"
    outside = not low <= reference <= high
    return Verdict(outside, f"{figure(successes)} of {n} against {figure(100 * reference, 1)} %", text)


def compatible(successes: int, n: int, reference: float, ci: float = 0.95) -> Verdict:
    """Check that k of n is what a reference proportion (a fraction) could give: does Wilson's interval hold it?"""
    verdict = small_sample(successes, n, reference, ci)
    return Verdict(not verdict.agrees, verdict.printed, verdict.recomputed)


def alike(a: int, n_a: int, b: int, n_b: int, level: float = 0.05) -> Verdict:
    """Check that two proportions of different images can come from one rate; the contrary of `two_proportions`."""
    verdict = two_proportions(a, n_a, b, n_b, level)
    return Verdict(not verdict.agrees, verdict.printed, verdict.recomputed)


def two_proportions(a: int, n_a: int, b: int, n_b: int, level: float = 0.05) -> Verdict:
    """Check that two proportions of different images, `a` of `n_a` and `b` of `n_b`, can be told apart.

    By Fisher's exact test (two-sided); Wilson's intervals stand beside it.
    """
    from scipy import stats

    p = float(stats.fisher_exact([[a, n_a - a], [b, n_b - b]]).pvalue)
    low_a, high_a = metrics.wilson(a, n_a)
    low_b, high_b = metrics.wilson(b, n_b)
    shown = (low_a, high_a, low_b, high_b)
    text = "{}; intervals {} to {} % and {} to {} %".format(p_value(p), *(figure(100 * x, 1) for x in shown))
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
    """Check that several accuracies on n images differ by more than one accuracy's own interval is wide.

    A rough view, as if each were of its own images. On the same images a paired test can tell apart what lies closer
    together; where its data can be had, or bounded, use `images_between` and `paired_by_class`.
    """
    middle = sum(values) / len(values) / scale
    low, high = metrics.wilson(round(middle * n), n, ci)
    width = scale * (high - low)
    between = max(values) - min(values)
    text = f"they span {figure(between)}; one of them alone has an interval {figure(width, 1)} wide"
    return Verdict(between > width, f"{len(values)} accuracies on {n} images", text)


def paired_by_class(
    a: Sequence[float], b: Sequence[float], counts: Sequence[int], level: float = 0.05, scale: float = 100
) -> Verdict:
    """Check that two models on the same images can be told apart, where only their sensitivities are printed.

    From a class's images right under each, at least the difference changed sides. With as few changes as these
    the exact McNemar test has its lowest p-value: each further pair of changes, one either way, raises it. So that
    where even this one is above `level`, no images could have shown a difference. Q. McNemar: Note on the sampling
    error of the difference between correlated proportions or percentages, Psychometrika 12 (1947), 153-157.

    Parameters
    ----------
    a, b : sequences of float
        Sensitivities of the same classes under two models.
    counts : sequence of int
        Test images of each class.
    level : float
        The level of significance.
    scale : float
        100 for percent, 1 for fractions.
    """
    from scipy import stats

    steps = [round(y * n / scale) - round(x * n / scale) for x, y, n in zip(a, b, counts, strict=True)]
    gained, lost = sum(step for step in steps if step > 0), -sum(step for step in steps if step < 0)
    p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    text = f"at least {gained} images gained and {lost} lost; McNemar's p is {figure(p, 3)} at the least"
    return Verdict(p < level, f"{figure(gained - lost)} of {figure(sum(counts))} images between them", text)


def macro_f1_apart(a: Matrix, b: Matrix, level: float = 0.05, draws: int = 2000) -> Verdict:
    """Check that two models on the same images can be told apart by their macro F1, where only matrices are printed.

    Which image got which answer is not known. Here as few answers differ as the matrices allow, which favors the
    difference; those that do are swapped between the models at random, each with probability 1/2 (a randomization
    test, two-sided). A. Yeh: More accurate tests for the statistical significance of result differences, COLING
    (2000), 947-953.

    Parameters
    ----------
    a, b : k x k
        Confusion matrices, rows are the truth, lost cells None and counted as 0; the same images a class in both.
    level : float
        The level of significance.
    draws : int
        Random swaps, from a fixed seed.
    """
    first, second = counted(a), counted(b)
    common = np.minimum(first, second)
    k = len(common)
    truth = np.repeat(np.arange(k), (first - common).sum(axis=1))
    answers = [np.concatenate([np.repeat(np.arange(k), row) for row in m - common]) for m in (first, second)]
    rng = np.random.default_rng(0)
    gaps = []
    for swapped in rng.random((draws, len(truth))) < 0.5:
        drawn = [common.copy(), common.copy()]
        np.add.at(drawn[0], (truth, np.where(swapped, answers[1], answers[0])), 1)
        np.add.at(drawn[1], (truth, np.where(swapped, answers[0], answers[1])), 1)
        gaps.append(_macro_f1(drawn[1]) - _macro_f1(drawn[0]))
    observed = _macro_f1(second) - _macro_f1(first)
    p = (1 + sum(abs(gap) >= abs(observed) - DUST for gap in gaps)) / (1 + draws)
    text = f"{len(truth)} answers differ at the least; swapped by chance, a gap as large: {p_value(p)}"
    return Verdict(p < level, f"{figure(_macro_f1(first))} and {figure(_macro_f1(second))}", text)


def _macro_f1(matrix: np.ndarray) -> float:
    sums = matrix.sum(axis=0) + matrix.sum(axis=1)
    return float(100 * (2 * matrix.diagonal() / sums.clip(min=1)).mean())


def falling(x: Sequence[float], y: Sequence[float], level: float = 0.05) -> Verdict:
    """Check that `y` falls as `x` rises: Spearman's rank correlation is negative and can be told from 0 (two-sided)."""
    from scipy import stats

    result = stats.spearmanr(x, y)
    rho, p = float(result.statistic), float(result.pvalue)
    return Verdict(rho < 0 and p < level, f"falling over {len(x)}", f"rank correlation {figure(rho)}, {p_value(p)}")


def gains_too_even(
    a: Sequence[float], b: Sequence[float], n: int, repeats: int = 1, scale: float = 100, level: float = 0.001
) -> Verdict:
    """Check that the gains from `a` to `b`, network by network, vary at least as much as chance makes them.

    Two trainings of a network differ in some of the same n test images. If a share d of the images changes between
    right and wrong, the gain has a standard deviation of sqrt(d / n). Here d is 0.02, which is low. The spread of the
    gains is set against it by a one-sided chi-square test of the variance; the text also names the share d below
    which so little spread would no longer be odd.

    Parameters
    ----------
    a, b : sequences of float
        Accuracies of the same networks, in the same order, under two conditions.
    n : int
        Test images.
    repeats : int
        Trainings that each accuracy is the mean of.
    scale : float
        100 for percent, 1 for fractions.
    level : float
        Below this probability of so little spread the gains are called too even.
    """
    from scipy import stats

    gains = np.subtract(b, a) / scale
    chance = (_FLIPPED / (n * repeats)) ** 0.5
    found = float(np.std(gains, ddof=1))
    free = len(gains) - 1
    p = float(stats.chi2.cdf(free * (found / chance) ** 2, free))
    least = n * repeats * free * found**2 / float(stats.chi2.ppf(level, free))
    span = f"{figure(scale * gains.min())} to {figure(scale * gains.max())}"
    text = f"standard deviation {figure(scale * found)}, by chance at least {figure(scale * chance)}; {p_value(p)}"
    if p < level:
        text += _unless(least)
    return Verdict(p >= level, f"{len(gains)} gains of {span}", text)


def same_gain(
    a: Sequence[float], b: Sequence[float], n: int, decimals: int, scale: float = 100, level: float = 0.001
) -> Verdict:
    """Check that the gains from `a` to `b`, in images, do not coincide more often than chance makes them.

    Gains of independent trainings scatter by at least sqrt(0.02 n) images (see `gains_too_even`), so that a given gain
    has a probability of at most q = 1 / sqrt(2 pi 0.02 n). That m of N gains coincide has a probability of at most
    C(N, m) q**(m - 1). The text also names the share of images, in place of 0.02, below which that would no longer
    be odd.

    Parameters
    ----------
    a, b : sequences of float
        Accuracies of the same networks, in the same order, under two conditions. Pairs of which one is no k/n
        are left out.
    n : int
        Test images.
    decimals : int
        Printed digits behind the point.
    scale : float
        100 for percent, 1 for fractions.
    level : float
        Below this probability the gains are called the same.
    """
    counts = [
        (possible_counts(x, n, decimals, scale), possible_counts(y, n, decimals, scale))
        for x, y in zip(a, b, strict=True)
    ]
    gains = [after[0] - before[0] for before, after in counts if before and after]
    gain, times = Counter(gains).most_common(1)[0]
    ways = math.comb(len(gains), times)
    bound = min(1.0, ways * (2 * math.pi * _FLIPPED * n) ** (-(times - 1) / 2))
    text = f"{times} of {len(gains)} gain just {gain} images; by chance {p_value(bound)} at most"
    if bound < level:
        text += _unless((ways / level) ** (2 / (times - 1)) / (2 * math.pi * n))
    return Verdict(bound >= level, f"{len(gains)} gains", text)


def _unless(share: float) -> str:
    return f", unless under {figure(100 * share, 1)} % of the images change between trainings"


def auc_interval(auc: float, positives: int, n: int, ci: float = 0.95) -> tuple[float, float]:
    """Return the interval of an AUC from its value and the numbers of images alone, cut at 0 and 1.

    J. A. Hanley, B. J. McNeil: The meaning and use of the area under a receiver operating characteristic (ROC) curve,
    Radiology 143 (1982), 29-36.
    """
    from scipy import stats

    negatives = n - positives
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    reach = float(stats.norm.ppf(0.5 + ci / 2)) * (variance / (positives * negatives)) ** 0.5
    return max(0.0, auc - reach), min(1.0, auc + reach)


def auc_against(auc: float, positives: int, n: int, reference: float, ci: float = 0.95) -> Verdict:
    """Check that a printed AUC can be told from a reference: is that outside the AUC's own interval?"""
    low, high = auc_interval(auc, positives, n, ci)
    text = f"{figure(low, 3)} to {figure(high, 3)} ({figure(100 * ci, 0)} % interval, {positives} of {n} positive)"
    return Verdict(not low <= reference <= high, f"{figure(auc, 3)} against {figure(reference, 3)}", text)


def auc_beyond_source(
    auc: float, positives: int, n: int, by_source: Sequence[float], totals: Sequence[float], ci: float = 0.95
) -> Verdict:
    """Check that a printed AUC can be told from the one that knowing only an image's source gives.

    Parameters
    ----------
    auc : float
        Of one class against the rest, as printed.
    positives, n : int
        Test images of the class, and of all classes.
    by_source, totals : sequences of float
        Images of the class and of all classes in each source (see `bounds.source_auc`).
    ci : float
        Level of the AUC's interval.
    """
    return auc_against(auc, positives, n, source_auc(by_source, totals), ci)


def perfect_sample(n: int, bound: float, scale: float = 100, ci: float = 0.95) -> Verdict:
    """Check that n images are enough for a perfect score to be told from `bound`: is that below Wilson's interval?"""
    low = scale * metrics.wilson(n, n, ci)[0]
    text = f"{n} of {n} right have an interval from {figure(low, 1)}"
    return Verdict(low > bound, f"above {figure(bound)} on {n} images", text)
