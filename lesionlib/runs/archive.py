"""From ``runs/`` to ``results/``: what a finished run on real data leaves for everyone."""

from __future__ import annotations

import shutil
from pathlib import Path

from lesionlib.atomic import atomic_file, atomic_folder
from lesionlib.errors import InputError
from lesionlib.runs import store
from lesionlib.runs.recording import cases_hash
from lesionlib.runs.spec import RunSpec
from lesionlib.runs.tables import FinishedRun, load

_KEPT = ("run.json", "metrics.json", "predictions.parquet")


def in_results(spec: RunSpec) -> bool:
    """Tell whether this run stands in ``results/`` already, whoever made it.

    Parameters
    ----------
    spec : RunSpec
        From `plan`.

    Returns
    -------
    bool
        False also where there is no such folder.
    """
    results = store.results_root()
    return results is not None and (results / spec.chapter / spec.key / "run.json").is_file()


def add_to_results(key: str) -> Path:
    """Copy a finished run on real data into ``results/``, without its notebook and pictures.

    Its cases go to ``results/cases/<hash>.parquet``, once for all runs that share them. A run that is
    there already is left as it is.

    Parameters
    ----------
    key : str
        Of the run, or its first digits.

    Returns
    -------
    Path
        The run's folder in ``results/``.

    Raises
    ------
    InputError
        No such run, one on phantoms or tried by hand, or ``results/`` cannot be found or written.
    """
    run = load(key)
    if run.origin == "results":
        return run.folder
    _check_worth_keeping(run)
    results = store.writable_results()
    target = results / run.run.chapter / run.run.key
    if run.run.cases:
        _keep_cases(run, results / store.CASES / f"{run.run.cases}.parquet")
    with atomic_folder(target) as part:
        for name in _KEPT:
            if (run.folder / name).is_file():
                shutil.copyfile(run.folder / name, part / name)
    return target


def _check_worth_keeping(run: FinishedRun) -> None:
    if run.run.is_phantom:
        raise InputError(
            f"run {run.run.key} of {run.run.chapter} was made on {run.run.data}: phantoms are no results; "
            "run the chapter on a dataset"
        )
    if run.origin != "runs" or run.run.status != "finished":
        raise InputError(
            f"run {run.run.key} of {run.run.chapter} was tried by hand: make it with `lesionlib run "
            f"{run.run.chapter}` to have it whole"
        )


def _keep_cases(run: FinishedRun, target: Path) -> None:
    import pandas as pd

    if target.is_file():
        return
    source = run.folder / "cases.parquet"
    if not source.is_file() or cases_hash(pd.read_parquet(source)) != run.run.cases:
        raise InputError(f"{source}: not the cases that run {run.run.key} was made with: run it again")
    with atomic_file(target) as part:
        shutil.copyfile(source, part)
