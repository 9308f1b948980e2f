"""How good a classifier is, from plain arrays: reports, cut-offs, intervals, tests, calibration."""

from __future__ import annotations

from lesionlib.metrics import decisions, readers
from lesionlib.metrics.calibration import expected_calibration_error, reliability
from lesionlib.metrics.comparisons import AucDifference, TestResult, delong, mann_whitney, mcnemar, wilcoxon
from lesionlib.metrics.cutoffs import Cutoff, cutoff, roc
from lesionlib.metrics.groups import Gap, by_group, gap
from lesionlib.metrics.hierarchies import Hierarchy, hierarchy
from lesionlib.metrics.intervals import Interval, bootstrap, wilson
from lesionlib.metrics.repeated import difference, over_seeds
from lesionlib.metrics.reports import Report, from_confusion, report

__all__ = [
    "AucDifference",
    "Cutoff",
    "Gap",
    "Hierarchy",
    "Interval",
    "Report",
    "TestResult",
    "bootstrap",
    "by_group",
    "cutoff",
    "decisions",
    "delong",
    "difference",
    "expected_calibration_error",
    "from_confusion",
    "gap",
    "hierarchy",
    "mann_whitney",
    "mcnemar",
    "over_seeds",
    "readers",
    "reliability",
    "report",
    "roc",
    "wilcoxon",
    "wilson",
]
