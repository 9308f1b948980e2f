"""Reader studies: what people answered, alone and with a model's output shown, and what such a study can tell.

Readers and images are both a sample, so that intervals resample both. All functions take one tidy frame, a row an
answer (`COLUMNS`), as `lesionlib.widgets` stores it and `simulate` draws it.
"""

from __future__ import annotations

from lesionlib.metrics.readers.agreement import agreement
from lesionlib.metrics.readers.answers import ALONE, COLUMNS, WITH_AI, Answers, tabulated
from lesionlib.metrics.readers.rates import by_reader, confusion, difference, rates
from lesionlib.metrics.readers.reliance import changes, reliance
from lesionlib.metrics.readers.simulation.cohorts import Cohort, simulate
from lesionlib.metrics.readers.simulation.designs import CrossedTest, Power, Studies, crossed_test, power, studies

__all__ = [
    "ALONE",
    "COLUMNS",
    "WITH_AI",
    "Answers",
    "Cohort",
    "CrossedTest",
    "Power",
    "Studies",
    "agreement",
    "by_reader",
    "changes",
    "confusion",
    "crossed_test",
    "difference",
    "power",
    "rates",
    "reliance",
    "simulate",
    "studies",
    "tabulated",
]
