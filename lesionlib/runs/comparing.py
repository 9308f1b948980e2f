"""Two finished runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lesionlib.runs.tables import FinishedRun

if TYPE_CHECKING:
    import pandas as pd


def parameters_apart(first: FinishedRun, second: FinishedRun) -> pd.DataFrame:
    """Return what two runs were asked, and made with, differently.

    Parameters
    ----------
    first, second : FinishedRun
        From `load`.

    Returns
    -------
    DataFrame
        Columns ``what, first, second``: chapter, parameters, data, device, code and versions that are not the same.
    """
    import pandas as pd

    facts = [_facts(run) for run in (first, second)]
    names = list(dict.fromkeys([*facts[0], *facts[1]]))
    rows = [(name, *(str(each.get(name, "-")) for each in facts)) for name in names]
    return pd.DataFrame([row for row in rows if row[1] != row[2]], columns=["what", "first", "second"])


def _facts(run: FinishedRun) -> dict[str, object]:
    about = {"key": run.run.key, "chapter": run.run.chapter, "data": run.run.data, "fingerprint": run.run.fingerprint}
    versions = {f"version of {name}": version for name, version in run.run.versions.items()}
    return about | run.parameters | {"device": run.run.device, "code": run.run.code} | versions


def metrics_apart(first: FinishedRun, second: FinishedRun) -> pd.DataFrame:
    """Return the numbers that two runs ended with, side by side.

    Parameters
    ----------
    first, second : FinishedRun
        From `load`.

    Returns
    -------
    DataFrame
        Columns ``split, metric, label, first, second, difference`` (second minus first); no epochs. A number that
        only one of them has is missing at the other.
    """
    index = ["split", "metric", "label"]
    ended = [
        run.metrics[run.metrics["epoch"].isna()].assign(label=lambda rows: rows["label"].fillna("-"))
        for run in (first, second)
    ]
    both = ended[0][[*index, "value"]].merge(
        ended[1][[*index, "value"]], on=index, how="outer", suffixes=("_first", "_second"), sort=False
    )
    both = both.rename(columns={"value_first": "first", "value_second": "second"})
    return both.assign(difference=both["second"] - both["first"])


def shared_splits(first: FinishedRun, second: FinishedRun) -> list[str]:
    """Return the splits in which two runs answered the same images of the same classes, once each.

    Parameters
    ----------
    first, second : FinishedRun
        From `load`.

    Returns
    -------
    list of str
        Where they can be compared image by image; often empty.
    """
    runs = first, second
    if first.run.classes != second.run.classes or not all(run.has_predictions for run in runs):
        return []
    if any("arm" in run.predicted for run in runs):
        return []
    ours, theirs = ({name: set(rows["image_id"]) for name, rows in run.predicted.groupby("split")} for run in runs)
    return [name for name, images in ours.items() if images == theirs.get(name)]
