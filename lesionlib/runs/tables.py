"""Finished runs as tables: what the chapters compare."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionlib.errors import InputError
from lesionlib.runs import schema, spec, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import pandas as pd

RUN_COLUMNS = ["key", "chapter", "origin", "profile", "stale", "data", "seed", "device"]
METRIC_COLUMNS = ["split", "metric", "label", "epoch", "value", "low", "high"]


@dataclass(frozen=True)
class FinishedRun:
    """A run read back from its folder.

    Attributes
    ----------
    folder : Path
        Where it stands.
    origin : str
        Where it was found: ``"results"``, ``"runs"``, ``"interactive"`` or ``"current"``.
    run : RunFile
        The content of its ``run.json``.
    """

    folder: Path
    origin: str
    run: schema.RunFile

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter's value, by name."""
        return dict(self.run.parameters)

    @property
    def has_predictions(self) -> bool:
        """Whether it stored what it said of single images."""
        return self.run.cases is not None and (self.folder / "predictions.parquet").is_file()

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row a number: split, metric, label, epoch, value, low, high."""
        import pandas as pd

        rows = schema.read(self.folder / "metrics.json", schema.MetricsFile).rows
        return _typed(pd.DataFrame([row.model_dump() for row in rows], columns=METRIC_COLUMNS))

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """One row an image: image_id, split, p_<class>, joined with its case (truth, lesion_id, age ...).

        A run that stored several answers to each image has one row an image and ``arm``.

        Raises
        ------
        InputError
            The run has no predictions, or its cases are gone.
        """
        return self.with_cases(self.predicted)

    @cached_property
    def predicted(self) -> pd.DataFrame:
        """The stored predictions alone: image_id, split, p_<class>, and ``arm`` where there are several.

        Raises
        ------
        InputError
            The run has no predictions.
        """
        import pandas as pd

        if not self.has_predictions:
            raise InputError(f"run {self.run.key} of {self.run.chapter} has no predictions")
        return pd.read_parquet(self.folder / "predictions.parquet")

    def with_cases(self, predicted: pd.DataFrame) -> pd.DataFrame:
        """Join rows of predictions with what is known of their images.

        Parameters
        ----------
        predicted : DataFrame
            With image_id and split, such as part of `predicted`.

        Returns
        -------
        DataFrame
            Its columns and those of the cases.

        Raises
        ------
        InputError
            The run's cases are gone, or lack an image.
        """
        import pandas as pd

        cases = pd.read_parquet(self._cases_file())
        joined = predicted.merge(cases, on=["image_id", "split"], validate="many_to_one")
        if len(joined) != len(predicted):
            raise InputError(f"{self.folder}: predictions hold images that are no cases: remove this folder")
        return joined

    def _cases_file(self) -> Path:
        places = [self.folder / "cases.parquet"]
        places += [self.folder.parents[1] / store.CASES / f"{self.run.cases}.parquet"]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise InputError(f"the cases of run {self.run.key} are missing: expected {places[-1]}")
        return found


def table(chapter: str | None = None, data: str | None = None) -> pd.DataFrame:
    """Return the metrics of all finished runs, tidy: one row a run and number.

    Reads ``results/``, the run being executed, ``runs/`` and ``runs/interactive/``, in this order; a
    key that stands in two of them counts once. While a run is executed, interactive ones are
    left out: a published page shows no trials by hand.

    Parameters
    ----------
    chapter : str, optional
        Of this chapter only.
    data : str, optional
        On this dataset only.

    Returns
    -------
    DataFrame
        ``key, chapter, origin ("results", "current", "runs" or "interactive"), profile, stale, data,
        seed, device``, one column a parameter (a list joined by "+", None as "none"), ``split, metric,
        label, epoch, value, low, high``. Without runs, no rows.
    """
    import pandas as pd

    runs = [run for run in _finished() if chapter in (None, run.run.chapter)]
    # A chapter's table has the same columns whichever dataset is asked for, also without rows.
    names = dict.fromkeys(n for run in runs for n in run.run.parameters if n not in RUN_COLUMNS)
    runs = [run for run in runs if data in (None, run.run.data)]
    code_now, rows = cache(spec.code_here), []
    for run in runs:
        try:
            metrics = schema.read(run.folder / "metrics.json", schema.MetricsFile).rows
        except InputError as error:
            _skip(error)
            continue
        about = _about(run, _is_stale(run, code_now))
        rows += [about | row.model_dump() for row in metrics]
    return _typed(pd.DataFrame(rows, columns=[*RUN_COLUMNS, *names, *METRIC_COLUMNS]))


def load(key: str) -> FinishedRun:
    """Return a finished run.

    Parameters
    ----------
    key : str
        Its key, or the first digits of it.

    Returns
    -------
    FinishedRun
        Read when asked for.

    Raises
    ------
    InputError
        No run has that key, or several do.
    """
    found = [run for run in _finished(key) if run.run.key.startswith(key)]
    if not found:
        raise InputError(f"no finished run has the key {key}: `lesionlib results list` names them")
    if len(found) > 1:
        keys = ", ".join(sorted(run.run.key for run in found))
        raise InputError(f"the key {key} is short for several runs: {keys}: give more digits")
    return found[0]


@dataclass(frozen=True)
class Answers:
    """What a run said of the images of one split, in the order of their names.

    Attributes
    ----------
    y_true : numpy.ndarray, shape (n,)
        Class codes.
    y_prob : numpy.ndarray, shape (n, k)
    labels : list of str
        The classes, in the order of the columns.
    lesions : numpy.ndarray, shape (n,)
        What is resampled together: the lesion, or the image where no lesion is named.
    frame : DataFrame
        The cases: image_id, age, sex, and whatever else the run kept.
    """

    y_true: np.ndarray
    y_prob: np.ndarray
    labels: list[str]
    lesions: np.ndarray
    frame: pd.DataFrame


def answers(key: str, split: str = "test", arm: str | None = None) -> Answers:
    """Return what a stored run said of a split: two runs of the same images pair row by row.

    Parameters
    ----------
    key : str
        Of the run, or its first digits.
    split : str
        Such as ``"test"``.
    arm : str, optional
        Which of several answers to each image; needed where the run stored several, and only there.

    Returns
    -------
    Answers
        In the order of image_id.

    Raises
    ------
    InputError
        No such run, split or arm, or a run without predictions.
    """
    import pandas as pd

    stored = load(key)
    rows = stored.predicted[stored.predicted["split"] == split]
    if rows.empty:
        found = ", ".join(sorted(stored.predicted["split"].unique()))
        raise InputError(f"run {stored.run.key}: no predictions of the split {split!r}, expected one of {found}")
    rows = _of_arm(rows, arm, stored.run.key)
    # Joined last: most rows of a run with many arms are not asked for.
    rows = stored.with_cases(rows).sort_values("image_id", ignore_index=True)
    labels = list(stored.run.classes)
    truth = pd.Categorical(rows["truth"], categories=labels).codes.astype(int)
    chances = [f"p_{name}" for name in labels]
    lesions = rows["lesion_id"].fillna(rows["image_id"]).to_numpy()
    # float32 on disk: rows sum to 1 up to their last digits.
    return Answers(truth, rows[chances].to_numpy(float), labels, lesions, rows.drop(columns=chances))


def _of_arm(rows: pd.DataFrame, arm: str | None, key: str) -> pd.DataFrame:
    arms = list(rows["arm"].unique()) if "arm" in rows else []
    if arm is None and not arms:
        return rows
    if arm not in arms:
        known = f"expected one of {', '.join(arms)}" if arms else "expected none: it stored one answer to each image"
        raise InputError(f"run {key}: arm: found {arm!r}, {known}")
    return rows[rows["arm"] == arm]


def _finished(key: str = "") -> Iterator[FinishedRun]:
    """Yield every run that can be read, each key once; say of each that cannot why.

    With the first digits of a `key`, folders that are named otherwise are not opened.
    """
    seen = set()
    for origin, folder in _places():
        # The run being executed stands in a folder of another name.
        if origin != "current" and not folder.name.startswith(key):
            continue
        try:
            run = schema.read(folder / "run.json", schema.RunFile)
            _check_place(origin, folder, run)
        except InputError as error:
            _skip(error)
            continue
        if run.key not in seen:
            seen.add(run.key)
            yield FinishedRun(folder, origin, run)


def _places() -> Iterator[tuple[str, Path]]:
    results, runs, current = store.results_root(), store.runs_root(), store.current_folder()
    if results:
        yield from (("results", folder) for folder in store.run_folders(results))
    if current and (current / "run.json").is_file():
        yield "current", current
    yield from (("runs", folder) for folder in store.run_folders(runs))
    if not current:
        yield from (("interactive", folder) for folder in store.run_folders(runs / store.INTERACTIVE))


def _check_place(origin: str, folder: Path, run: schema.RunFile) -> None:
    if origin == "current":
        return
    if (run.chapter, run.key) != (folder.parent.name, folder.name):
        raise InputError(f"{folder}: holds the run {run.chapter}/{run.key}: put it there or remove it")
    if origin != "interactive" and run.status != "finished":
        raise InputError(f"{folder}: the run never finished: remove its folder")


def _skip(error: InputError) -> None:
    warnings.warn(f"left out: {error}", stacklevel=2)


def _is_stale(run: FinishedRun, code_now: Callable[[str], str | None]) -> bool:
    """Return whether the run was made with other code; False where nobody can tell."""
    if run.origin == "current" or run.run.code is None:
        return False
    return code_now(run.run.chapter) not in (None, run.run.code)


def _about(run: FinishedRun, stale: bool) -> dict[str, Any]:
    values = {name: groupable(value) for name, value in run.run.parameters.items()}
    return values | {
        "key": run.run.key,
        "chapter": run.run.chapter,
        "origin": run.origin,
        "profile": run.run.profile,
        "stale": stale,
        "data": run.run.data,
        "seed": run.run.seed,
        "device": run.run.device,
    }


def groupable(value: Any) -> Any:
    """Return a parameter's value as a table holds it: pandas groups neither by lists nor, by default, by None."""
    if value is None:
        return "none"
    return "+".join(map(str, value)) if isinstance(value, list) else value


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = {
        "value": "float64",
        "low": "float64",
        "high": "float64",
        "epoch": "Int64",
        "seed": "Int64",
        "stale": "bool",
    }
    return frame.astype({name: kind for name, kind in kinds.items() if name in frame})
