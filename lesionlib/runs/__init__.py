"""Runs: one notebook, with parameters and data, executed once and kept.

A run is known by a key (the chapter, the code cells that compute, the parameters and the
data's fingerprint) and stands in a folder of its own: the executed notebook, ``run.json``,
``metrics.json``, ``predictions.parquet`` and ``cases.parquet``. This room knows notebooks,
parameters and opaque fingerprints; it knows nothing of lesions.
"""

from __future__ import annotations

from lesionlib.runs.archive import add_to_results, in_results
from lesionlib.runs.book import build_book
from lesionlib.runs.claims import check_verdicts, collect_verdicts, publish_verdicts, verdicts, write_verdicts
from lesionlib.runs.cluster import local_crew, remote_crew
from lesionlib.runs.comparing import metrics_apart, parameters_apart, shared_splits
from lesionlib.runs.execution import (
    Batch,
    Busy,
    RunFailed,
    execute,
    folder_of,
    pending,
    rerun,
    run_batch,
    started,
    unique,
)
from lesionlib.runs.founding import new_project
from lesionlib.runs.profiles import Profile, load_profile, read_profile
from lesionlib.runs.recording import RunRecord, record
from lesionlib.runs.repository import Repository, repository_at
from lesionlib.runs.schema import MetricRow, MetricsFile, Opening, RunFile, Verdict, VerdictsFile, VerdictWord
from lesionlib.runs.spec import RunSpec, chapters, plan, resolve
from lesionlib.runs.store import project_root, results_root, runs_root, this_project
from lesionlib.runs.sweeps import Crew, Outcome, Sweep, alone, plan_sweep, run_sweep, summary
from lesionlib.runs.tables import Answers, FinishedRun, answers, load, table

__all__ = [
    "Answers",
    "Batch",
    "Busy",
    "Crew",
    "FinishedRun",
    "MetricRow",
    "MetricsFile",
    "Opening",
    "Outcome",
    "Profile",
    "Repository",
    "RunFailed",
    "RunFile",
    "RunRecord",
    "RunSpec",
    "Sweep",
    "Verdict",
    "VerdictWord",
    "VerdictsFile",
    "add_to_results",
    "alone",
    "answers",
    "build_book",
    "chapters",
    "check_verdicts",
    "collect_verdicts",
    "execute",
    "folder_of",
    "in_results",
    "load",
    "load_profile",
    "local_crew",
    "metrics_apart",
    "new_project",
    "parameters_apart",
    "pending",
    "plan",
    "plan_sweep",
    "project_root",
    "publish_verdicts",
    "read_profile",
    "record",
    "remote_crew",
    "repository_at",
    "rerun",
    "resolve",
    "results_root",
    "run_batch",
    "run_sweep",
    "runs_root",
    "shared_splits",
    "started",
    "summary",
    "table",
    "this_project",
    "unique",
    "verdicts",
    "write_verdicts",
]
