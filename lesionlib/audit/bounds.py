"""What printed figures allow of each other: bounds, prevalence, and the score of always answering one class."""

from __future__ import annotations

import math
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
    accuracy: float,
    precision: float,
    recall: float,
    positives: int,
    n: int,
    decimals: Sequence[int],
    scale: float = 1,
) -> Verdict:
    """Check that accuracy, precision and recall are possible together at the prevalence ``positives / n``.

    Parameters
    ----------
    accuracy : float
        As printed.
    precision, recall : float
        Fractions, as printed.
    positives, n : int
        Images of the class, and in all.
    decimals : three ints
        Printed digits behind the point of accuracy, precision and recall; the accuracy's as a fraction too.
    scale : float
        100 where the accuracy is printed in percent, 1 where as a fraction.
    """
    low, high = implied_prevalence(accuracy / scale, precision, recall, decimals)
    stated = positives / n
    text = f"together they ask for a prevalence of {figure(low, 3)} to {figure(high, 3)}"
    return Verdict(low - DUST <= stated <= high + DUST, f"{figure(stated, 3)} ({positives} of {n})", text)


def common_prevalence(
    accuracies: Sequence[float],
    precisions: Sequence[float],
    recalls: Sequence[float],
    names: Sequence[str],
    decimals: Sequence[Sequence[int]],
    scale: float = 1,
) -> Verdict:
    """Check that one prevalence allows the accuracy, precision and recall of all models of one test set.

    The lists hold one entry a model; each is what `prevalence` takes. `names` are the models'.
    """
    rows = zip(accuracies, precisions, recalls, decimals, strict=True)
    ranges = [implied_prevalence(a / scale, p, r, digits) for a, p, r, digits in rows]
    agrees = max(low for low, _ in ranges) <= min(high for _, high in ranges) + DUST
    asked = [f"{name} {figure(low, 3)} to {figure(high, 3)}" for name, (low, high) in zip(names, ranges, strict=True)]
    return Verdict(agrees, f"{len(ranges)} models, one test set", "; ".join(asked))


def macro_average(
    accuracy: float,
    precision: float,
    recall: float,
    positives: int,
    n: int,
    decimals: Sequence[int],
    scale: float = 1,
) -> Verdict:
    """Check whether precision and recall could be means over both classes of a two-class problem.

    Every number of right positives and of errors that the accuracy allows is gone through. The arguments are those of
    `prevalence`.
    """
    slack = [half(digits) for digits in decimals]
    errors = range(
        max(0, math.ceil((1 - accuracy / scale - slack[0]) * n)), math.floor((1 - accuracy / scale + slack[0]) * n) + 1
    )
    fits = [
        right
        for wrong in errors
        for right in range(max(0, positives - wrong), positives + 1)
        if _fits_macro(right, wrong - (positives - right), positives, n, (precision, recall), slack[1:])
    ]
    text = (
        f"possible with a recall of {figure(min(fits) / positives)} to {figure(max(fits) / positives)} of the positives"
        if fits
        else f"no answers to {positives} positives of {n} give them"
    )
    return Verdict(bool(fits), f"{figure(accuracy)} / {figure(precision)} / {figure(recall)}", text)


def _fits_macro(
    right: int, false_alarms: int, positives: int, n: int, printed: tuple[float, float], slack: Sequence[float]
) -> bool:
    negatives = n - positives
    called, passed = right + false_alarms, n - right - false_alarms
    if not 0 <= false_alarms <= negatives or not called or not passed:
        return False
    spared = negatives - false_alarms
    precision = (right / called + spared / passed) / 2
    recall = (right / positives + spared / negatives) / 2
    return abs(precision - printed[0]) <= slack[0] and abs(recall - printed[1]) <= slack[1]


def no_skill(counts: Sequence[float], accuracy: float, scale: float = 100) -> Verdict:
    """Check words such as "learned nothing": the accuracy is at most that of always answering the largest class."""
    beats = majority(counts, accuracy, scale)
    return Verdict(not beats.agrees, beats.printed, beats.recomputed)


def above_majority(
    a: float, counts_a: Sequence[float], b: float, counts_b: Sequence[float], scale: float = 100
) -> Verdict:
    """Check that accuracy `a` still stands above `b` when each is measured from always answering the largest class.

    Of the errors of the constant answer, the share that is avoided: (accuracy - baseline) / (1 - baseline); Goodman and
    Kruskal's lambda for the accuracy of a prediction. L. A. Goodman, W. H. Kruskal: Measures of association for cross
    classifications, Journal of the American Statistical Association 49 (1954), 732-764.

    Parameters
    ----------
    a, b : float
        Accuracies on two tasks, as printed.
    counts_a, counts_b : sequences of float
        Images a class of each task.
    scale : float
        100 for percent, 1 for fractions.
    """
    baselines = [max(counts) / sum(counts) for counts in (counts_a, counts_b)]
    first, second = ((x / scale - base) / (1 - base) for x, base in zip((a, b), baselines, strict=True))
    text = f"of a constant answer's errors {figure(100 * first, 0)} % and {figure(100 * second, 0)} % are avoided"
    return Verdict(first > second, f"{figure(a)} above {figure(b)}", text)


def span(ends: Sequence[float], value: float) -> Verdict:
    """Check that a printed range holds a value, both ends with it."""
    low, high = ends
    text = f"{figure(value)} lies {'inside' if low <= value <= high else 'outside'}"
    return Verdict(low <= value <= high, f"{figure(low)} to {figure(high)}", text)


def geometric_mean(sensitivity: float, gmean: float, decimals: int = 2) -> Verdict:
    """Check that some specificity up to 1 gives the printed geometric mean, sqrt(sensitivity x specificity).

    All are fractions; `decimals` are the printed digits of both.
    """
    highest = (sensitivity + half(decimals)) ** 0.5
    needed = gmean**2 / sensitivity if sensitivity else float("inf")
    text = f"at most {figure(highest, 3)}; it asks for a specificity of {figure(needed, 3)}"
    return Verdict(gmean - half(decimals) <= highest, figure(gmean, decimals), text)


def f1(precision: float, recall: float, printed: float, decimals: int = 2) -> Verdict:
    """Check a printed F1 against the printed precision and recall that it is the harmonic mean of.

    All three are fractions, or all three in percent, with as many `decimals`.
    """
    slack = half(decimals)
    low, high = (_harmonic(max(precision + sign * slack, DUST), max(recall + sign * slack, DUST)) for sign in (-1, 1))
    agrees = low - slack <= printed <= high + slack
    return Verdict(agrees, figure(printed, decimals), figure(_harmonic(precision, recall), decimals + 1))


def least_accuracy(
    counts: Sequence[int], bound: float, n: int, accuracy: float, decimals: int = 0, scale: float = 100
) -> Verdict:
    """Check a printed accuracy against classes of which each is said to be right in more than `bound`.

    Parameters
    ----------
    counts : sequence of int
        Test images of each of these classes.
    bound : float
        What their sensitivities are above.
    n : int
        All test images; of classes that are not in `counts` none need be right.
    accuracy : float
        As printed.
    decimals : int
        Its printed digits behind the point.
    scale : float
        100 for percent, 1 for fractions.
    """
    right = sum(_least_right(count, bound, scale) for count in counts)
    lowest = scale * right / n
    text = f"at least {right} of {n} = {figure(lowest, decimals + 2)}"
    return Verdict(lowest <= accuracy + half(decimals), figure(accuracy, decimals), text)


def least_mean(
    counts: Sequence[int], bound: float, classes: int, accuracy: float, decimals: int = 0, scale: float = 100
) -> Verdict:
    """Check what `least_accuracy` does, of the mean of all `classes` sensitivities (balanced accuracy) instead."""
    lowest = scale * sum(_least_right(count, bound, scale) / count for count in counts) / classes
    text = f"the mean of {figure(classes)} classes is at least {figure(lowest, decimals + 1)}"
    return Verdict(lowest <= accuracy + half(decimals), figure(accuracy, decimals), text)


def errors_of_one_class(n: int, bound: float, accuracy: float, decimals: int = 0, scale: float = 100) -> Verdict:
    """Check that one class can be at most `bound` accurate against the rest where all classes together are `accuracy`.

    An answer that is wrong about one class (missed, or a false alarm) is also a wrong answer among all classes, so
    that the errors of one class are at most all errors.
    """
    needed = math.ceil(n * (1 - bound / scale) - DUST)
    most = math.floor(n * (1 - (accuracy - half(decimals)) / scale))
    text = f"{needed} errors about the class, of at most {most} in all"
    return Verdict(needed <= most, f"at most {figure(bound)} and {figure(accuracy, decimals)} in all", text)


def _least_right(count: int, bound: float, scale: float) -> int:
    return math.floor(count * bound / scale + DUST) + 1


def few_classes(counts: Sequence[float], few: int, accuracy: float, scale: float = 100) -> Verdict:
    """Check that a printed accuracy is beyond being right in the `few` largest classes and wrong in all others."""
    reached = scale * sum(sorted(counts, reverse=True)[:few]) / sum(counts)
    text = f"{figure(reached, 1)} by the {few} largest of {len(counts)} classes alone"
    return Verdict(accuracy > reached, figure(accuracy), text)


def never(positives: float, n: float, accuracy: float, scale: float = 100) -> Verdict:
    """Check that an accuracy of one class against the rest beats never answering that class."""
    baseline = scale * (1 - positives / n)
    text = f"{figure(baseline, 1)} by never answering a class of {figure(positives)} in {figure(n)}"
    return Verdict(accuracy > baseline, f"above {figure(accuracy)}", text)


def better_than_chance(sensitivity: float, specificity: float) -> Verdict:
    """Check that a point of a ROC curve is better than chance: Youden's J = sensitivity + specificity - 1 above 0.

    W. J. Youden: Index for rating diagnostic tests, Cancer 3 (1950), 32-35.
    """
    j = sensitivity + specificity - 1
    text = f"Youden's J = {figure(j)} (0 is chance, 1 the best)"
    return Verdict(j > DUST, f"sensitivity {figure(sensitivity)}, specificity {figure(specificity)}", text)


def source_auc(positives: Sequence[float], totals: Sequence[float]) -> float:
    """Return the AUC of a class against the rest that knowing only the source of an image gives.

    Images are ranked by how frequent the class is in their source; those of one source stand level (half a pair).

    Parameters
    ----------
    positives : sequence of float
        Images of the class in each source.
    totals : sequence of float
        All images of each source, at least one.
    """
    ranked = sorted(zip(positives, totals, strict=True), key=lambda source: source[0] / source[1], reverse=True)
    others = sum(totals) - sum(positives)
    below, won = others, 0.0
    for own, total_ in ranked:
        below -= total_ - own
        won += own * (below + (total_ - own) / 2)
    return won / (sum(positives) * others)


def source_alone(positives: Sequence[float], totals: Sequence[float], auc: float) -> Verdict:
    """Check that a printed AUC is higher than what knowing only the source of an image gives (see `source_auc`)."""
    alone = source_auc(positives, totals)
    return Verdict(auc > alone, figure(auc, 2), f"{figure(alone, 3)} by the image's source alone")


def class_share(sensitivity: float, accuracy: float, images: int, n: int, decimals: Sequence[int] = (2, 2)) -> Verdict:
    """Check that a class's share of the images allows its sensitivity and the overall accuracy together.

    The class's right answers are a part of all right answers, so that its share is at most accuracy / sensitivity.

    Parameters
    ----------
    sensitivity, accuracy : float
        Fractions, as printed, of the same answers.
    images, n : int
        Images of the class and in all, where the answers are said to come from.
    decimals : two ints
        Printed digits of sensitivity and accuracy, as fractions.
    """
    most = min(1.0, (accuracy + half(decimals[1])) / max(sensitivity - half(decimals[0]), DUST))
    text = f"at most {figure(100 * most, 1)} % of the images can be of this class"
    return Verdict(images / n <= most, f"{figure(100 * images / n, 1)} % ({images} of {n})", text)


def accuracy_of_specificity(specificity: float, negatives: int, n: int, accuracy: float, scale: float = 100) -> Verdict:
    """Check that an accuracy is possible when a class has at most this specificity (a fraction).

    The class's false alarms are all wrong answers: with `negatives` of the `n` images in other classes, the accuracy is
    at most 1 - (1 - specificity) negatives / n.
    """
    most = scale * (1 - (1 - specificity) * negatives / n)
    return Verdict(accuracy <= most + DUST, figure(accuracy), f"at most {figure(most, 1)}")


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
