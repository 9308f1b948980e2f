"""The notebook's side: what a chapter writes down at its end."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionlib.atomic import atomic_file
from lesionlib.errors import InputError
from lesionlib.runs import schema, spec, store
from lesionlib.runs.tables import METRIC_COLUMNS, RUN_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

_PACKAGES = ("lesionlib", "torch", "torchvision", "timm", "fastai", "numpy", "pandas", "scikit-learn")
_CASE_COLUMNS = {"image_id", "lesion_id", "split", "truth"}
# A parameter of such a name would hide a column of the table of runs.
_RESERVED = {*RUN_COLUMNS, *METRIC_COLUMNS} - {"data", "seed", "device"}


@dataclass(frozen=True)
class RunRecord:
    """What was written down: the folder, and the content of its two JSON files.

    Attributes
    ----------
    path : Path
        The folder.
    run : RunFile
        The content of ``run.json``.
    metrics : MetricsFile
        The content of ``metrics.json``.
    """

    path: Path
    run: schema.RunFile
    metrics: schema.MetricsFile

    @property
    def key(self) -> str:
        """The run's key, twelve hex digits."""
        return self.run.key


def record(
    chapter: str,
    parameters: Mapping[str, Any],
    *,
    metrics: Sequence[Mapping[str, Any]],
    predictions: pd.DataFrame | None = None,
    cases: pd.DataFrame | None = None,
    fingerprint: str,
    data: str,
    classes: Sequence[str],
    seed: int | None,
    device: str,
    openings: Sequence[Mapping[str, Any]] = (),
) -> RunRecord:
    """Write down a run: its parameters, metrics, predictions and cases.

    Under ``lesionlib run`` into the run's own folder; anywhere else (JupyterLab, nbval, papermill)
    into ``runs/interactive/<chapter>/<key>/``, in place of an earlier one of the same key.

    Parameters
    ----------
    chapter : str
        The notebook's name without its ending.
    parameters : mapping
        Scalars, or lists of scalars, by name. Of an absolute path only the last part is kept.
    metrics : sequence of mappings
        Rows of ``split, metric, value`` and, where they apply, ``label`` (a class), ``epoch``,
        ``low``, ``high``. A NaN is kept as None: not defined.
    predictions : DataFrame, optional
        ``image_id``, ``split`` and one column ``p_<class>`` a class, probabilities in [0, 1]. Several answers to one
        image (of another head, or after a perturbation) are told apart by a column ``arm``, a name.
    cases : DataFrame, optional
        ``image_id, lesion_id, split, truth`` and whatever else is known of an image; needed with
        `predictions`, and with a row for each of theirs. Training rows may stand in it too: they keep the split.
    fingerprint : str
        What identifies the data.
    data : str
        The dataset's name.
    classes : sequence of str
        In the order of the probability columns.
    seed : int or None
        Of the training.
    device : str
        Such as "cpu" or "cuda".
    openings : sequence of mappings, optional
        Looks at held-back splits: ``split``, ``images`` and, unless it is now, ``time``.

    Returns
    -------
    RunRecord
        What was written, and where.

    Raises
    ------
    InputError
        A row, a column or a parameter is not what is said above, or the folder cannot be written.
    """
    values = _parameters(chapter, parameters)
    content = schema.checked(
        {"rows": [{name: schema.portable(value) for name, value in row.items()} for row in metrics]},
        schema.MetricsFile,
        f"{chapter}: metrics",
    )
    _check_tables(chapter, list(classes), predictions, cases)
    key = os.environ.get(store.RUN_KEY) if store.current_folder() else None
    run = schema.checked(
        {
            "chapter": chapter,
            "key": key or spec.run_key(chapter, [], values, fingerprint),
            "profile": os.environ.get(store.RUN_PROFILE) if key else None,
            "parameters": values,
            "data": schema.portable(data),
            "fingerprint": fingerprint,
            "cases": None if cases is None else cases_hash(cases),
            "classes": list(classes),
            "seed": schema.portable(seed),
            "device": str(device),
            "versions": _versions(),
            "code": spec.code_here(chapter),
            "started": schema.now(),
            "openings": [dict(opening) for opening in openings],
        },
        schema.RunFile,
        f"{chapter}: run",
    )
    with _folder(chapter, run.key) as folder:
        if predictions is not None:
            _write_table(folder / "predictions.parquet", _predictions(predictions, list(classes)))
            _write_table(folder / "cases.parquet", _cases(cases))
        schema.write(folder / "metrics.json", content)
        schema.write(folder / "run.json", run)
    return RunRecord(_target(chapter, run.key), run, content)


def cases_hash(cases: pd.DataFrame) -> str:
    """Return 12 hex digits of a table of cases, whatever the order of its rows."""
    text = _cases(cases).to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _target(chapter: str, key: str) -> Path:
    return store.current_folder() or store.runs_root() / store.INTERACTIVE / chapter / key


@contextmanager
def _folder(chapter: str, key: str) -> Iterator[Path]:
    current = store.current_folder()
    if current:
        current.mkdir(parents=True, exist_ok=True)
        yield current
        return
    with store.replaced_folder(_target(chapter, key)) as folder:
        yield folder


def _parameters(chapter: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    clash = sorted(_RESERVED & set(parameters))
    if clash:
        raise InputError(f"{chapter}: parameter {clash[0]}: the name is taken by a column of the table of runs")
    return {name: schema.portable(value) for name, value in parameters.items()}


def _check_tables(
    chapter: str, classes: list[str], predictions: pd.DataFrame | None, cases: pd.DataFrame | None
) -> None:
    if (predictions is None) != (cases is None):
        raise InputError(f"{chapter}: predictions and cases go together: one of them is missing")
    if predictions is None or cases is None:
        return
    named = identifiers(predictions)
    wanted = [*named, *(f"p_{name}" for name in classes)]
    if sorted(predictions.columns) != sorted(wanted):
        raise InputError(f"{chapter}: predictions have columns {list(predictions.columns)}, expected {wanted}")
    missing = _CASE_COLUMNS - set(cases.columns)
    if missing:
        raise InputError(f"{chapter}: cases lack the column(s) {', '.join(sorted(missing))}")
    if "arm" in named and predictions["arm"].isna().any():
        raise InputError(f"{chapter}: predictions have a row without its arm; name every arm, or leave the column out")
    for name, table, key in (("predictions", predictions, named), ("cases", cases, ["image_id", "split"])):
        twice = table[table.duplicated(key)]
        if len(twice):
            raise InputError(f"{chapter}: {name} hold the image {twice['image_id'].iloc[0]} twice in one split")
    predicted, known = (set(zip(table["image_id"], table["split"], strict=True)) for table in (predictions, cases))
    if not predicted <= known:
        odd = sorted(map(str, predicted - known))[0]
        raise InputError(
            f"{chapter}: predictions hold an image that is no case: {odd}; cases hold every predicted image"
        )
    probabilities = predictions[wanted[len(named) :]].to_numpy(dtype=float)
    if not ((probabilities >= 0) & (probabilities <= 1 + 1e-6)).all():
        raise InputError(f"{chapter}: predictions hold a value outside [0, 1], or a NaN")


def identifiers(predictions: pd.DataFrame) -> list[str]:
    """Return the columns that name a row of predictions."""
    return ["image_id", "split", *(["arm"] if "arm" in predictions else [])]


def _predictions(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    columns = [f"p_{name}" for name in classes]
    return predictions[[*identifiers(predictions), *columns]].astype(dict.fromkeys(columns, "float32"))


def _cases(cases: pd.DataFrame) -> pd.DataFrame:
    return cases.sort_values(["image_id", "split"], ignore_index=True)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with atomic_file(path) as part:
        table.reset_index(drop=True).to_parquet(part, index=False)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
