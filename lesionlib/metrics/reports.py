"""One report for every classifier and for every confusion matrix that a paper prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.calibration import BINS, confidence_bins
from lesionlib.metrics.intervals import percentile_interval, resample_weights

PER_CLASS = ("sensitivity", "specificity", "precision", "f1", "auc", "gmean")
OVERALL = (
    "accuracy",
    "error_rate",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "macro_auc",
    "top5",
    "ece",
)
# What no confusion matrix tells.
_BEYOND_COUNTS = {"auc", "macro_auc", "top5", "ece"}


@dataclass(frozen=True, eq=False)
class Report:
    """What `report` and `from_confusion` return.

    Attributes
    ----------
    per_class : DataFrame
        Indexed by label: sensitivity, specificity, precision, f1, auc, gmean (each in [0, 1] or NaN)
        and support (images of the class).
    overall : Series
        accuracy, error_rate, balanced_accuracy, macro_f1, weighted_f1, macro_auc, top5, ece.
    confusion : DataFrame
        Counts of images; rows are the truth, columns the prediction.
    overall_ci : DataFrame or None
        Indexed by metric: low, high.
    per_class_ci : DataFrame or None
        Indexed by (label, metric), support left out: low, high.
    """

    per_class: pd.DataFrame
    overall: pd.Series
    confusion: pd.DataFrame
    overall_ci: pd.DataFrame | None = None
    per_class_ci: pd.DataFrame | None = None

    def rows(self, split: str) -> list[dict]:
        """The report as the tidy rows of ``metrics.json``.

        Parameters
        ----------
        split : str
            Which images were judged: "valid", "test" ...

        Returns
        -------
        list of dict
            split, metric, label (None for overall), epoch (None), value, low, high; plain Python
            numbers, NaN as None. Overall metrics first, then class by class, support included.
        """
        overall = [
            _row(split, metric, None, value, self._bounds(self.overall_ci, metric))
            for metric, value in self.overall.items()
        ]
        per_class = [
            _row(split, metric, str(label), value, self._bounds(self.per_class_ci, (label, metric)))
            for label, values in self.per_class.iterrows()
            for metric, value in values.items()
        ]
        return overall + per_class

    @staticmethod
    def _bounds(table: pd.DataFrame | None, key) -> tuple[float, float]:
        if table is None or key not in table.index:
            return np.nan, np.nan
        return tuple(table.loc[key, ["low", "high"]])


def report(
    y_true,
    y_prob,
    labels: Sequence | None = None,
    ci: float | None = None,
    groups=None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Report:
    """Judge a classifier by class and overall.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Integer codes 0..k-1, or class names when `labels` is given. Numbers are always codes.
    y_prob : array_like of shape (n, k)
        One column a class, k >= 2; each row in [0, 1] and summing to 1 within 0.001. The prediction is
        the largest; a tie goes to the first class.
    labels : sequence of length k, optional
        Class names in column order; without, the codes stand in their place.
    ci : float, optional
        Confidence level in (0, 1), such as 0.95, for percentile bootstrap intervals.
    groups : array_like of shape (n,), optional
        Lesion (or patient) of each image; then groups are resampled, not images. Used with `ci` only.
    n_resamples, seed : int
        Replicates of the bootstrap and the seed of its draws.

    Returns
    -------
    Report
        .per_class, .overall, .confusion, and with `ci` .overall_ci and .per_class_ci.

    Raises
    ------
    InputError
        NaN, values outside [0, 1], rows that do not sum to 1, wrong shapes or lengths, an unknown class,
        a code out of range, no images, a missing group, `ci` or `n_resamples` out of range. One line that
        names the row (counted from 0).

    Notes
    -----
    ============ ==================================== ===================================================
    metric       definition (one class vs the rest)   undefined (NaN) when
    ============ ==================================== ===================================================
    sensitivity  TP / (TP + FN)                       the class is absent from `y_true`
    specificity  TN / (TN + FP)                       every image is of the class
    precision    TP / (TP + FP)                       never predicted (predicted but absent: 0)
    f1           2 TP / (2 TP + FP + FN)              the class is absent (present, never predicted: 0)
    auc          area under the ROC curve, a tie      the class is absent, or every image is of it
                 between two images counts half
    gmean        sqrt(sensitivity x specificity)      either of the two is
    ============ ==================================== ===================================================

    gmean is the geometric mean; lucius2020 section 2.5 says "by using the product of TPR and TNR".

    Overall: accuracy and error_rate = 1 - accuracy; balanced_accuracy (mean sensitivity) and macro_f1 over
    the classes present in `y_true`; weighted_f1 weights f1 by support; macro_auc over the classes whose auc
    is defined, NaN when none is; top5, the truth among the five most probable classes, NaN for k <= 5 where
    it says nothing; ece, the expected calibration error of the predicted class over 15 equal-width bins.

    In a bootstrap replicate the same rules hold for the classes drawn into it; replicates in which a metric
    is NaN are left out of its interval. An interval is NaN where the value is.
    """
    truth, prob, labels = checks.judged(y_true, y_prob, labels)
    judge = Judge.of(truth, prob)
    every_image_once = np.ones((1, len(truth)))
    confusion, auc, top5, ece = judge.measure(every_image_once)
    per_class, overall = metrics_of(confusion, auc, top5, ece)
    plain = _assemble(confusion[0], per_class[0], overall[0], labels)
    if ci is None:
        return plain
    ci, n_resamples = checks.level(ci), checks.positive(n_resamples, "n_resamples")
    units = checks.group_codes(groups, len(truth))
    blocks = [
        metrics_of(*judge.measure(weights.astype(np.float64))) for weights in resample_weights(units, n_resamples, seed)
    ]
    return Report(
        plain.per_class,
        plain.overall,
        plain.confusion,
        overall_ci=_bounds([overall for _, overall in blocks], ci, pd.Index(OVERALL, name="metric")),
        per_class_ci=_bounds(
            [per_class for per_class, _ in blocks],
            ci,
            pd.MultiIndex.from_product([labels, PER_CLASS], names=["label", "metric"]),
        ),
    )


def from_confusion(matrix, labels: Sequence | None = None) -> Report:
    """The report that follows from a printed confusion matrix.

    Parameters
    ----------
    matrix : array_like of shape (k, k)
        Counts of images; rows are the truth, columns the prediction, k >= 2. The index of a DataFrame gives
        the labels and must equal its columns.
    labels : sequence of length k, optional
        Class names in the order of the rows.

    Returns
    -------
    Report
        As from `report`; auc, macro_auc, top5 and ece are NaN, since they need the probabilities.

    Raises
    ------
    InputError
        Not square, negative, not whole, NaN, all zero; names the cell.
    """
    if isinstance(matrix, pd.DataFrame):
        if labels is None and list(matrix.index) != list(matrix.columns):
            raise InputError(
                f"confusion matrix: rows {list(matrix.index)} and columns {list(matrix.columns)} differ; "
                "expected the same classes in the same order, or pass labels="
            )
        labels = list(matrix.index) if labels is None else labels
    counts = _checked_counts(matrix)
    k = len(counts)
    labels = checks.class_labels(labels, k)
    per_class, overall = counted(counts[None])
    return _assemble(counts, per_class[0], overall[0], labels)


@dataclass(frozen=True)
class Judge:
    """All that the metrics need of n images, arranged so that b weightings of them are judged at once.

    A bootstrap replicate is a row of weights (how often each image was drawn). Confusion matrices, top-5
    and calibration are then matrix products, and the AUC is a weighted rank sum over scores sorted once.
    """

    k: int
    cells: np.ndarray  # (n, k * k), one-hot: the cell of the confusion matrix
    hits: np.ndarray  # (n,), the truth among the five most probable classes; NaN for k <= 5
    gaps: np.ndarray  # (n, bins), correct - confidence, in the column of the confidence's bin
    ranks: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]  # for each class, see _ranked

    @classmethod
    def of(cls, truth: np.ndarray, prob: np.ndarray) -> Judge:
        n, k = prob.shape
        rows = np.arange(n)
        predicted, confidence = prob.argmax(axis=1), prob.max(axis=1)
        cells = np.zeros((n, k * k))
        cells[rows, truth * k + predicted] = 1
        gaps = np.zeros((n, BINS))
        gaps[rows, confidence_bins(confidence)] = (predicted == truth) - confidence
        ranks = [_ranked(truth == code, prob[:, code]) for code in range(k)]
        return cls(k, cells, _top5(truth, prob), gaps, ranks)

    def confusion(self, weights: np.ndarray) -> np.ndarray:
        """Return the confusion matrices (b, k, k) for weights (b, n)."""
        return (weights @ self.cells).reshape(-1, self.k, self.k)

    def measure(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return confusion (b, k, k), auc (b, k), top5 (b,) and ece (b,) for weights (b, n)."""
        images = weights.sum(axis=1)
        auc = np.stack([_weighted_auc(weights, *ranks) for ranks in self.ranks], axis=1)
        return (
            self.confusion(weights),
            auc,
            weights @ self.hits / images,
            np.abs(weights @ self.gaps).sum(axis=1) / images,
        )


def _ranked(positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return positives, negatives by rising score, and how many of them are below / at most each positive."""
    positives, negatives = np.flatnonzero(positive), np.flatnonzero(~positive)
    negatives = negatives[np.argsort(score[negatives], kind="stable")]
    below = np.searchsorted(score[negatives], score[positives], side="left")
    at_most = np.searchsorted(score[negatives], score[positives], side="right")
    return positives, negatives, below, at_most


def _weighted_auc(weights, positives, negatives, below, at_most) -> np.ndarray:
    """The Mann-Whitney form of the AUC (b,): pairs won, half of those tied, over all pairs."""
    w_pos = weights[:, positives]
    up_to = np.zeros((len(weights), len(negatives) + 1))
    np.cumsum(weights[:, negatives], axis=1, out=up_to[:, 1:])
    won = (w_pos * (up_to[:, below] + up_to[:, at_most])).sum(axis=1) / 2
    return _ratio(won, w_pos.sum(axis=1) * up_to[:, -1])


def _top5(truth: np.ndarray, prob: np.ndarray) -> np.ndarray:
    if prob.shape[1] <= 5:
        return np.full(len(truth), np.nan)
    first = np.argsort(-prob, axis=1, kind="stable")[:, :5]
    return (first == truth[:, None]).any(axis=1).astype(np.float64)


def metrics_of(confusion, auc, top5, ece) -> tuple[np.ndarray, np.ndarray]:
    """Return per-class (b, k, 6) and overall (b, 8) metrics of b confusion matrices (b, k, k)."""
    tp = np.diagonal(confusion, axis1=1, axis2=2)
    support, called = confusion.sum(axis=2), confusion.sum(axis=1)
    images = support.sum(axis=1)
    rest = images[:, None] - support
    present = support > 0

    sensitivity = _ratio(tp, support)
    specificity = _ratio(rest - (called - tp), rest)
    f1 = np.where(present, _ratio(2 * tp, support + called), np.nan)
    gmean = np.sqrt(sensitivity * specificity)
    per_class = np.stack([sensitivity, specificity, _ratio(tp, called), f1, auc, gmean], axis=2)

    accuracy = tp.sum(axis=1) / images
    weighted_f1 = np.where(present, f1 * support, 0).sum(axis=1) / images
    overall = [accuracy, 1 - accuracy, _mean(sensitivity), _mean(f1), weighted_f1, _mean(auc), top5, ece]
    return per_class, np.stack(overall, axis=1)


def counted(confusion) -> tuple[np.ndarray, np.ndarray]:
    """Return what `metrics_of` does from counts alone: NaN for the AUC, top 5 and calibration."""
    unknown = np.full(len(confusion), np.nan)
    return metrics_of(confusion, np.full(confusion.shape[:2], np.nan), unknown, unknown)


def measured(judge: Judge, weights: np.ndarray, measure: str, positive: int | None = None) -> np.ndarray:
    """Return one metric (b,) for weights (b, n): an overall one, or that of the class `positive`."""
    # Ranks cost far more than counts, so they are weighed only where they are asked for.
    whole = measure in _BEYOND_COUNTS
    per_class, overall = metrics_of(*judge.measure(weights)) if whole else counted(judge.confusion(weights))
    if positive is None:
        return overall[:, OVERALL.index(measure)]
    return per_class[:, positive, PER_CLASS.index(measure)]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the classes where the metric is defined."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1))


def _assemble(counts: np.ndarray, per_class: np.ndarray, overall: np.ndarray, labels: list) -> Report:
    counts = counts.astype(np.int64)
    index = pd.Index(labels, name="label")
    table = pd.DataFrame(per_class, index=index, columns=list(PER_CLASS))
    table["support"] = counts.sum(axis=1)
    return Report(
        per_class=table,
        overall=pd.Series(overall, index=pd.Index(OVERALL, name="metric"), name="value"),
        confusion=pd.DataFrame(counts, index=index.rename("truth"), columns=index.rename("prediction")),
    )


def _bounds(blocks: list[np.ndarray], ci: float, index: pd.Index) -> pd.DataFrame:
    low, high = percentile_interval(np.concatenate(blocks), ci)
    return pd.DataFrame({"low": low.ravel(), "high": high.ravel()}, index=index)


def _row(split: str, metric: str, label: str | None, value, bounds: tuple[float, float]) -> dict:
    numbers = [None if np.isnan(x) else float(x) for x in (value, *bounds)]
    names = {"split": split, "metric": metric, "label": label, "epoch": None}
    return names | dict(zip(("value", "low", "high"), numbers, strict=True))


def _checked_counts(matrix) -> np.ndarray:
    try:
        counts = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "confusion matrix: found rows of different lengths or entries that are no numbers, "
            "expected a square table of counts"
        ) from None
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise InputError(
            f"confusion matrix: found shape {counts.shape}, expected a square table of two classes or more"
        )
    wrong = np.argwhere(~np.isfinite(counts) | (counts < 0) | (counts != np.floor(counts)))
    if len(wrong):
        row, column = wrong[0]
        raise InputError(
            f"confusion matrix row {row}, column {column}: found {counts[row, column]:g}, expected a count "
            "of images (0, 1, 2 ...); percentages must be turned back into counts first"
        )
    if not counts.any():
        raise InputError("confusion matrix: every count is 0, expected at least one image")
    return counts
