"""Results by group (skin tone, sex, site, clinic), and how far apart the groups are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks, reports
from lesionlib.metrics.intervals import percentile_interval, resample_weights

ALL = "all"
UNKNOWN = "unknown"

_OVERALL = ("accuracy", "balanced_accuracy")
_OF_A_CLASS = ("sensitivity", "specificity", "auc")
# Codes held at once; about 32 MB.
_BLOCK = 4_000_000
# Two gaps that differ by less than rounding are the same.
_EQUAL = 1e-12


class Gap(NamedTuple):
    """The largest minus the smallest value of a metric over groups.

    Attributes
    ----------
    value : float
        The gap, 0 or more; NaN where fewer than two groups have a value.
    low, high : float
        Its bootstrap interval. It cannot tell whether there is a gap: see the notes of `gap`.
    ratio : float
        The smallest value over the largest, in [0, 1].
    lowest, highest : object
        The groups where the metric is smallest and largest; None without a gap.
    expected : float
        The mean gap of groups of these sizes drawn by lot, so between groups that do not differ.
    p_value : float
        Share of such draws whose gap is as large as `value`, or larger.
    """

    value: float
    low: float
    high: float
    ratio: float
    lowest: object
    highest: object
    expected: float
    p_value: float


def by_group(
    y_true,
    y_prob,
    groups,
    labels: Sequence | None = None,
    positive=None,
    ci: float | None = None,
    resample=None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge a classifier in each group of images.

    gupta2021 (sections 6, 9 and 11) asks it of skin tone, with nine malignant lesions on darker skin and no benign
    one: a share of right answers, and no specificity.

    Parameters
    ----------
    y_true, y_prob, labels
        As for `report`.
    groups : array_like of shape (n,)
        The group of each image: names, numbers, or a pandas Categorical, whose order the rows keep. Images whose
        group is missing form a group of their own, ``"unknown"``.
    positive : class, optional
        One of `labels` (a code 0..k-1 without them). Then sensitivity, specificity and auc of this class against the
        rest come along.
    ci : float, optional
        Confidence level in (0, 1), such as 0.95, for percentile bootstrap intervals.
    resample : array_like of shape (n,), optional
        Lesion (or patient) of each image; then these are resampled within the group, not images. Used with `ci` only.
    n_resamples, seed : int
        Replicates of the bootstrap and the seed of its draws.

    Returns
    -------
    DataFrame
        Indexed by group, after a first row ``"all"``: images, positives (images of the class `positive`), accuracy,
        balanced_accuracy, sensitivity, specificity, auc; with `ci`, each metric's `_low` and `_high` beside it. Each
        in [0, 1]; NaN where the group has no image that a metric needs, such as the sensitivity without a positive.

    Raises
    ------
    InputError
        As for `report`; groups of another length or shape, a group named ``"all"``, or an unknown `positive`.

    Notes
    -----
    Every figure is that of `report` on the group's images alone. So balanced_accuracy is the mean over the classes that
    occur in the group, and two groups that hold different classes cannot be compared by it. The interval of a small
    group is too narrow, and of one lesion it has no width: look at `images` first.
    """
    case = _Case.of(y_true, y_prob, groups, labels, positive, resample)
    ci = ci if ci is None else checks.level(ci)
    groups = {ALL: np.arange(len(case.truth))}
    groups |= {name: np.flatnonzero(case.codes == code) for code, name in enumerate(case.names)}
    rows = [case.row(images, ci, n_resamples, seed) for images in groups.values()]
    return pd.DataFrame(rows, index=pd.Index(list(groups), dtype=object, name="group"))


def gap(
    y_true,
    y_prob,
    groups,
    metric: str = "balanced_accuracy",
    labels: Sequence | None = None,
    positive=None,
    ci: float = 0.95,
    resample=None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Gap:
    """How far a metric lies apart between the groups where it is best and worst, and how far by chance alone.

    Parameters
    ----------
    y_true, y_prob, groups, labels, positive
        As for `by_group`. Images of the group ``"unknown"``, or without a group, are left out.
    metric : {"balanced_accuracy", "accuracy", "sensitivity", "specificity", "auc"}
        The last three need `positive`.
    ci : float
        Confidence level of the interval, in (0, 1).
    resample : array_like of shape (n,), optional
        Lesion (or patient) of each image. Whole lesions are drawn from all groups together, and whole lesions are
        dealt to groups by lot.
    n_resamples, seed : int
        Replicates of the bootstrap, as many draws by lot, and the seed of both.

    Returns
    -------
    Gap
        value, low, high, ratio, lowest, highest, expected, p_value.

    Raises
    ------
    InputError
        As for `by_group`; an unknown `metric`, or fewer than two groups.

    Notes
    -----
    The largest of several noisy values minus the smallest is never below 0, and biased upward: the more and the smaller
    the groups, the wider apart they look where nothing sets them apart. A bootstrap replicate adds noise to noise, so
    its interval lies higher still, and an interval away from 0 proves nothing. Read `value` beside `expected`, and
    whether it is more than chance from `p_value`: the images stay, their groups are drawn by lot (sizes kept; a lesion
    is split only where it stands on the border of two groups), and the share of draws, the observed one among them,
    with a gap as large is the p-value of a permutation test. It fits groups that belong to a lesion or person, as skin
    tone does, not two photographs of each lesion. Other classes or harder cases in one group are a gap too.

    A group where the metric is undefined stands aside, in replicates and draws alike.
    Value and ratio are those of fairlearn's ``MetricFrame``: ``difference()`` and ``ratio()`` between groups.
    """
    from fairlearn.metrics import MetricFrame

    case = _Case.of(y_true, y_prob, groups, labels, positive, resample).without_unknown()
    ci, n_resamples = checks.level(ci), checks.positive(n_resamples, "n_resamples")
    if metric not in case.metrics:
        which = ", ".join(case.metrics) if metric not in _OF_A_CLASS else "positive=, the class that it is about"
        raise InputError(f"metric: found {metric!r}, expected {which}")
    if len(case.names) < 2:
        raise InputError(f"groups: found {case.names or 'none'}, expected two groups or more to compare")
    frame = MetricFrame(
        metrics=lambda images, _: case.row(images)[metric],
        y_true=np.arange(len(case.truth)),
        y_pred=np.arange(len(case.truth)),
        sensitive_features=case.codes,
    )
    if frame.by_group.notna().sum() < 2:
        return Gap(np.nan, np.nan, np.nan, np.nan, None, None, np.nan, np.nan)
    value = float(frame.difference())
    low, high = percentile_interval(case.replicates(metric, n_resamples, seed), ci)
    chance = case.chance(metric, n_resamples, seed)
    chance = chance[~np.isnan(chance)]
    return Gap(
        value,
        float(low),
        float(high),
        float(frame.ratio()),
        case.names[frame.by_group.idxmin()],
        case.names[frame.by_group.idxmax()],
        float(chance.mean()) if len(chance) else np.nan,
        float((1 + (chance >= value - _EQUAL).sum()) / (1 + len(chance))),
    )


@dataclass(frozen=True)
class _Case:
    """Checked input: truth (n,) and prob (n, k), group codes (n,) with their names, resampling units (n,)."""

    truth: np.ndarray
    prob: np.ndarray
    codes: np.ndarray
    names: list
    units: np.ndarray
    positive: int | None

    @classmethod
    def of(cls, y_true, y_prob, groups, labels, positive, resample) -> _Case:
        truth, prob, labels = checks.judged(y_true, y_prob, labels)
        if positive is not None and positive not in labels:
            raise InputError(f"positive: found {positive!r}, expected one of {', '.join(map(str, labels))}")
        named = named_groups(groups, len(prob))
        return cls(
            truth,
            prob,
            named.codes,
            [name.item() if isinstance(name, np.generic) else name for name in named.categories],
            checks.group_codes(resample, len(prob), "resample"),
            None if positive is None else labels.index(positive),
        )

    @property
    def metrics(self) -> tuple[str, ...]:
        return _OVERALL if self.positive is None else _OVERALL + _OF_A_CLASS

    def without_unknown(self) -> _Case:
        if UNKNOWN not in self.names:
            return self
        unknown = self.names.index(UNKNOWN)
        known = self.codes != unknown
        # Codes above the one that goes move down by one.
        codes = self.codes[known] - (self.codes[known] > unknown)
        names = [name for name in self.names if name != UNKNOWN]
        units = pd.factorize(self.units[known])[0]
        return _Case(self.truth[known], self.prob[known], codes, names, units, self.positive)

    def row(self, images, ci: float | None = None, n_resamples: int = 1, seed: int = 0) -> dict[str, float]:
        """One row of the table: what `report` says of these images."""
        images = np.asarray(images)
        truth = self.truth[images]
        found = reports.report(truth, self.prob[images], None, ci, self.units[images], n_resamples, seed)
        row = {"images": len(images)}
        if self.positive is not None:
            row["positives"] = int((truth == self.positive).sum())
        for metric in self.metrics:
            of_class = metric in _OF_A_CLASS
            key = (self.positive, metric) if of_class else metric
            row[metric] = found.per_class.loc[key] if of_class else found.overall[metric]
            if ci is not None:
                bounds = (found.per_class_ci if of_class else found.overall_ci).loc[key]
                row |= {f"{metric}_low": bounds["low"], f"{metric}_high": bounds["high"]}
        return row

    def replicates(self, metric: str, n: int, seed: int) -> np.ndarray:
        """The gap (n,) in resamples of all images."""
        inside = [self.codes == code for code in range(len(self.names))]
        blocks = resample_weights(self.units, n, seed)
        return np.concatenate([self._gaps(metric, (weights * group for group in inside)) for weights in blocks])

    def chance(self, metric: str, n: int, seed: int) -> np.ndarray:
        """The gap (n,) between groups drawn by lot: units in random order fill one group after the other."""
        blocks = _dealt(self.codes, self.units, n, seed)
        every = range(len(self.names))
        return np.concatenate([self._gaps(metric, (codes == code for code in every)) for codes in blocks])

    def _gaps(self, metric: str, weights_by_group: Iterator[np.ndarray]) -> np.ndarray:
        """The gap (b,) over groups, from how often each image stands in each of them (b, n)."""
        judge = reports.Judge.of(self.truth, self.prob)
        positive = self.positive if metric in _OF_A_CLASS else None
        values = []
        for weights in weights_by_group:
            with np.errstate(invalid="ignore"):  # a group of which no image was drawn
                values.append(reports.measured(judge, weights.astype(np.float64), metric, positive))
        values = np.array(values)
        enough = (~np.isnan(values)).sum(axis=0) > 1
        gaps = np.full(values.shape[1], np.nan)
        gaps[enough] = np.nanmax(values[:, enough], axis=0) - np.nanmin(values[:, enough], axis=0)
        return gaps


def _dealt(codes: np.ndarray, units: np.ndarray, n: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks (b, images) of group codes: units in random order fill one group after the other."""
    rng = np.random.default_rng((seed, 1))
    queue, size = np.sort(codes), max(1, _BLOCK // len(codes))
    for start in range(0, n, size):
        order = [
            np.argsort(rng.permutation(units.max() + 1)[units], kind="stable")
            for _ in range(start, min(start + size, n))
        ]
        block = np.empty((len(order), len(codes)), dtype=np.intp)
        np.put_along_axis(block, np.array(order), queue[None], axis=1)
        yield block


def named_groups(groups, n: int) -> pd.Categorical:
    """The group of each image, the missing ones named; only groups that occur."""
    try:
        # With two dimensions, pandas raises a NotImplementedError.
        named = pd.Categorical(groups).remove_unused_categories()
    except (TypeError, ValueError, NotImplementedError):
        raise InputError(f"groups: expected shape ({n},), one name or number an image") from None
    if len(named) != n:
        raise InputError(f"groups: found {len(named)} rows, expected {n}, one for each row of scores")
    if ALL in named.categories:
        raise InputError(f"groups: {ALL!r} is the name of the row of all images; give this group another name")
    if not named.isna().any():
        return named
    names = [*(name for name in named.categories if name != UNKNOWN), UNKNOWN]
    return pd.Categorical(pd.Series(named, dtype=object).fillna(UNKNOWN), categories=names)
