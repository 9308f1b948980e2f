"""From probabilities to decisions: calibrate them, answer with several classes, refer, weigh harm, choose a model.

All of it takes plain arrays of predictions that were stored, so that no network need run again.
"""

from __future__ import annotations

from lesionlib.metrics.decisions.abstention import Aurc, aurc, refer_at, refer_below, risk_coverage
from lesionlib.metrics.decisions.benefit import decision_curve
from lesionlib.metrics.decisions.conformal import class_conditional_sets, conformal_sets, coverage
from lesionlib.metrics.decisions.rankings import holm, ranking
from lesionlib.metrics.decisions.temperature import fit_temperature, scale

__all__ = [
    "Aurc",
    "aurc",
    "class_conditional_sets",
    "conformal_sets",
    "coverage",
    "decision_curve",
    "fit_temperature",
    "holm",
    "ranking",
    "refer_at",
    "refer_below",
    "risk_coverage",
    "scale",
]
