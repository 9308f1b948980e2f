"""What a study can see: simulated studies of a design, a test for each, and the share of them that finds the gain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.intervals import wilson
from lesionlib.metrics.readers.simulation.cohorts import Cohort, chance_right, chance_to_follow

DESIGNS = ("new images", "same images", "exchanged")
# Answers held at once in a simulation.
_BLOCK = 1_000_000


class CrossedTest(NamedTuple):
    """Difference of two arms with its standard error, degrees of freedom and two-sided p-value, each an array.

    Attributes
    ----------
    difference : numpy.ndarray
        Second arm minus first, in shares.
    se : numpy.ndarray
        Its standard error.
    df : numpy.ndarray
        Degrees of freedom.
    p_value : numpy.ndarray
        In [0, 1].
    """

    difference: np.ndarray
    se: np.ndarray
    df: np.ndarray
    p_value: np.ndarray


class Studies(NamedTuple):
    """Simulated studies: the gain in accuracy that each found, and the p-value of its test (NaN where it has none).

    Attributes
    ----------
    gain : numpy.ndarray, shape (n_studies,)
        Accuracy with AI minus accuracy alone, in shares.
    p_value : numpy.ndarray, shape (n_studies,)
        In [0, 1], or NaN.
    """

    gain: np.ndarray
    p_value: np.ndarray


class Power(NamedTuple):
    """Share of simulated studies that find a difference, and what they measured.

    Attributes
    ----------
    value, low, high : float
        The share, with Wilson's 95 % interval: the chance in the simulation, which more studies make smaller.
    n_studies : int
        How many were simulated.
    gain, gain_low, gain_high : float
        Mean of the measured gains in accuracy, and the middle 95 % of them.
    """

    value: float
    low: float
    high: float
    n_studies: int
    gain: float
    gain_low: float
    gain_high: float


def crossed_test(alone, with_ai, strata, same_images: bool) -> CrossedTest:
    """Test of a gain where every reader judges every image of an arm: readers and images are both a sample.

    Parameters
    ----------
    alone : array_like of shape (..., R, C)
        1 for a right answer, else 0; whatever stands before the last two axes is one study each. None is missing.
    with_ai : array_like of shape (..., R, C)
        The same readers in the same order, on the same images in the same order, or on others.
    strata : array_like of shape (C,)
        Codes of what the study fixes, such as the class; the same in both arms, and two images of each at least.
    same_images : bool
        Whether column c is the same image in both arms.

    Returns
    -------
    CrossedTest
        Each an array of the leading shape.

    Raises
    ------
    InputError
        Shapes that do not fit, a stratum of a single image, or a single reader.

    Notes
    -----
    The analysis of variance of Obuchowski and Rockette (Communications in Statistics B 24 (1995), 285-308) in its
    marginal form, with Hillis' degrees of freedom (Statistics in Medicine 26 (2007), 596-619): the variance of the
    readers' differences, and on top of it what all readers have in common on an image, from within the strata.
    """
    from scipy import stats

    first, second, strata = (np.asarray(each, dtype=float) for each in (alone, with_ai, strata))
    if first.ndim < 2 or first.shape != second.shape or strata.shape != first.shape[-1:]:
        raise InputError(
            f"crossed_test: found shapes {first.shape}, {second.shape} and {strata.shape}, expected (..., "
            "readers, images) twice and (images,)"
        )
    n_readers, counts = first.shape[-2], np.unique(strata, return_counts=True)[1]
    if n_readers < 2 or counts.min() < 2:
        raise InputError(
            f"crossed_test: found {n_readers} readers and a stratum of {counts.min()}, expected two of both"
        )
    each = second.mean(axis=-1) - first.mean(axis=-1)
    readers = each.var(axis=-1, ddof=1) / n_readers
    tables = [second - first] if same_images else [first, second]
    variance = readers + sum(np.maximum(_of_images(table, strata), 0) for table in tables)
    difference, se = each.mean(axis=-1), np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(readers > 0, variance**2 / (readers**2 / (n_readers - 1)), np.inf)
        size = np.where(variance > 0, np.abs(difference) / se, np.where(difference == 0, 0, np.inf))
    return CrossedTest(difference, se, df, 2 * stats.t.sf(size, df))


def _of_images(table: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Variance of the mean of (..., R, C) from what readers have in common on an image, within strata."""
    n_readers, n_images, total = *table.shape[-2:], 0.0
    for stratum in np.unique(strata):
        part = table[..., strata == stratum]
        n = part.shape[-1]
        image = part.mean(axis=-2, keepdims=True) - part.mean(axis=(-2, -1), keepdims=True)
        rest = part - part.mean(axis=-1, keepdims=True) - image
        between = n_readers * (image**2).sum(axis=(-2, -1)) / (n - 1)
        within = (rest**2).sum(axis=(-2, -1)) / ((n - 1) * (n_readers - 1))
        total = total + (between - within) / n_readers * n / n_images**2
    return total


def studies(
    cohort: Cohort,
    ai: Mapping[str, float],
    n_readers: int,
    per_class: int,
    design: str = "new images",
    easier: float = 0.0,
    n_studies: int = 400,
    seed: int = 0,
) -> Studies:
    """Simulate studies of one design: readers, images, opinions and the model's answers all drawn anew.

    Parameters
    ----------
    cohort : Cohort
        Who reads; no answer is missing here, whatever its `missed`.
    ai : mapping of str to float
        The model's sensitivity for each class.
    n_readers : int
        Two or more.
    per_class : int
        Images of each class and round, two or more.
    design : {"new images", "same images", "exchanged"}
        Round one is alone, round two with AI: on other images; on the same; or on other images, with the two sets
        exchanged for every second reader.
    easier : float
        How much easier the second set of images is, in logits; with the same images there is none.
    n_studies : int
    seed : int

    Returns
    -------
    Studies
        Of the exchanged design no p-value.

    Raises
    ------
    InputError
        An unknown design or class, or a number out of range.
    """
    if design not in DESIGNS:
        raise InputError(f"design: found {design!r}, expected one of {', '.join(DESIGNS)}")
    if set(ai) != set(cohort.labels):
        raise InputError(f"ai: found classes {', '.join(ai)}, expected {', '.join(cohort.labels)}")
    for name, value in {"n_readers": n_readers, "per_class": per_class}.items():
        if checks.positive(value, name) < 2:
            raise InputError(f"{name}: found {value}, expected two or more")
    truth = np.repeat(np.arange(len(cohort.labels)), per_class)
    blocks = [
        _block(cohort, np.array([ai[label] for label in cohort.labels]), truth, n_readers, design, easier, size, rng)
        for size, rng in _blocks(checks.positive(n_studies, "n_studies"), n_readers * len(truth), seed)
    ]
    return Studies(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def power(
    cohort: Cohort,
    ai: Mapping[str, float],
    n_readers: int,
    per_class: int,
    design: str = "new images",
    alpha: float = 0.05,
    n_studies: int = 400,
    seed: int = 0,
) -> Power:
    """How often a study of this design finds that answers with AI differ from those alone.

    Parameters
    ----------
    cohort, ai, n_readers, per_class, design, n_studies, seed
        As for `studies`; not the exchanged design. ``cohort.at_gain(...)`` sets the size of the true gain; where it is
        0, the power is the test's error rate.
    alpha : float
        Level of the two-sided test (`crossed_test`), in (0, 1).

    Returns
    -------
    Power
        The share of studies that find a difference, and what they measured.

    Raises
    ------
    InputError
        What `studies` refuses, or the exchanged design.
    """
    if design == DESIGNS[2]:
        raise InputError(f"design: found {design!r}, expected one of {', '.join(DESIGNS[:2])}, which have a test")
    found = studies(cohort, ai, n_readers, per_class, design, 0.0, n_studies, seed)
    hits = int((found.p_value < checks.level(alpha, "alpha")).sum())
    low, high = np.quantile(found.gain, [0.025, 0.975])
    ends = wilson(hits, n_studies)
    return Power(hits / n_studies, *ends, n_studies, float(found.gain.mean()), float(low), float(high))


def _blocks(n_studies: int, answers: int, seed: int) -> Iterator[tuple[int, np.random.Generator]]:
    size, rng = max(1, _BLOCK // answers), np.random.default_rng(seed)
    for start in range(0, n_studies, size):
        yield min(size, n_studies - start), rng


def _block(
    cohort: Cohort,
    ai: np.ndarray,
    truth: np.ndarray,
    n_readers: int,
    design: str,
    easier: float,
    n: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw n studies; gains and p-values, each (n,)."""
    ability, trust = rng.standard_normal((2, n, n_readers, 1))
    same = design == "same images"
    sets = [_Set(cohort, truth, ability, ai, 0.0, rng)]
    sets.append(sets[0] if same else _Set(cohort, truth, ability, ai, easier, rng))
    alone, own = sets[0].opinions(rng), sets[1].opinions(rng)
    if same:
        own = np.where(rng.random(own.shape) < cohort.redrawn, own, alone)
    with_ai = sets[1].aided(own, trust, rng)
    if design == "exchanged":
        odd = (np.arange(n_readers) % 2 == 1)[:, None]
        alone, with_ai = np.where(odd, own, alone), np.where(odd, sets[0].aided(alone, trust, rng), with_ai)
        return (with_ai.mean(axis=-1) - alone.mean(axis=-1)).mean(axis=-1), np.full(n, np.nan)
    found = crossed_test(alone, with_ai, truth, same)
    return found.difference, found.p_value


class _Set:
    """A set of images of each of n studies, and what readers think of them."""

    def __init__(self, cohort, truth, ability, ai, easier, rng):
        shape = (len(ability), 1, len(truth))
        self.cohort, self.truth = cohort, truth
        self.chance = chance_right(cohort, truth, ability, rng.standard_normal(shape), easier)
        self.ai_right = rng.random(shape) < ai[truth]

    def opinions(self, rng) -> np.ndarray:
        return rng.random(self.chance.shape) < self.chance

    def aided(self, own, trust, rng) -> np.ndarray:
        follows = rng.random(own.shape) < chance_to_follow(self.cohort, self.truth, self.ai_right, trust)
        return np.where(follows, self.ai_right, own)
