"""``lesionlib results``: finished runs, and those that the book quotes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lesionlib.cli.running import ProfileOption, finished_pages
from lesionlib.cli.tables import PLAIN, echo_frame
from lesionlib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from lesionlib.runs import FinishedRun, VerdictsFile

results_app = typer.Typer(help="Finished runs, and those that the book quotes.", **PLAIN)

ChapterOption = Annotated[str | None, typer.Option(help="Of this chapter only.")]


@results_app.command("list")
def results_list(chapter: ChapterOption = None) -> None:
    """List the finished runs, newest code and old."""
    from lesionlib import runs

    table = runs.table(chapter=chapter)
    if table.empty:
        typer.echo("no finished runs: `lesionlib run CHAPTER` makes one")
        return
    echo_frame(_one_line_a_run(table))


@results_app.command("add")
def results_add(key: Annotated[str, typer.Argument(help="A run's key, or its first digits.")]) -> None:
    """Copy a finished run on real data to results/, without its notebook and pictures."""
    from lesionlib import runs

    found = runs.load(key)
    if found.origin == "results":
        typer.echo(f"it is there already: {found.folder}")
        return
    typer.echo(f"added {runs.add_to_results(key)}")


@results_app.command("verdicts")
def results_verdicts(profile: ProfileOption = "quick") -> None:
    """Copy what the chapters say of the papers' claims to results/, from the runs that the book would show."""
    from lesionlib import runs

    found = runs.collect_verdicts(finished_pages(profile))
    _check_all_claims(found)
    path = runs.publish_verdicts(found)
    echo_frame(runs.verdicts().value_counts(["paper", "verdict"], sort=False).rename("claims").reset_index())
    typer.echo(f"\n{len(found.rows)} claims: {path}")


@results_app.command("export")
def results_export(
    file: Annotated[Path, typer.Argument(help="A new file, .csv or .parquet.")], chapter: ChapterOption = None
) -> None:
    """Write the metrics of all finished runs to one tidy table: a row a run and number."""
    from lesionlib import runs
    from lesionlib.atomic import atomic_file

    if file.suffix not in (".csv", ".parquet"):
        raise InputError(f"{file}: found the ending {file.suffix!r}, expected .csv or .parquet")
    table = runs.table(chapter=chapter)
    with atomic_file(file) as part:
        (table.to_csv if file.suffix == ".csv" else table.to_parquet)(part, index=False)
    typer.echo(f"{len(table):,} rows of {table['key'].nunique()} runs: {file}")


@results_app.command("diff")
def results_diff(
    first: Annotated[str, typer.Argument(help="A run's key, or its first digits.")],
    second: Annotated[str, typer.Argument(help="The key of another run.")],
) -> None:
    """Compare two runs: what was asked, what came out and, on the same images, how sure the difference is."""
    from lesionlib import runs

    a, b = runs.load(first), runs.load(second)
    echo_frame(runs.parameters_apart(a, b))
    typer.echo("")
    echo_frame(runs.metrics_apart(a, b).round(4))
    paired = _paired_differences(a, b)
    if paired is not None:
        typer.echo("\nOn the same images, second minus first, 95 % intervals by lesion:")
        echo_frame(paired.round(4))


def _one_line_a_run(table: pd.DataFrame) -> pd.DataFrame:
    from lesionlib.runs.tables import METRIC_COLUMNS

    return table.drop(columns=METRIC_COLUMNS).drop_duplicates("key").dropna(axis="columns", how="all")


def _check_all_claims(found: VerdictsFile) -> None:
    """See that each claim of each paper has its answer, and no other has."""
    from lesionlib import papers

    claims = {(paper, claim) for paper in papers.available() for claim in papers.load(paper).claims["id"]}
    answered = {(row.paper, row.claim): row.chapter for row in found.rows}
    for paper, claim in sorted(claims - set(answered)):
        raise InputError(f"{paper}, claim {claim}: no chapter answers it: see `write_verdicts` in its chapters")
    for paper, claim in sorted(set(answered) - claims):
        raise InputError(f"{answered[paper, claim]}: {paper} has no claim {claim}: see lesionlib/papers/{paper}.yaml")


def _paired_differences(a: FinishedRun, b: FinishedRun) -> pd.DataFrame | None:
    """Second run minus first on each split whose images they share; None where they share none."""
    import pandas as pd

    from lesionlib import metrics, runs

    measures = ("accuracy", "balanced_accuracy", "macro_auc")
    rows = []
    for split in runs.shared_splits(a, b):
        before, after = (runs.answers(each.run.key, split) for each in (a, b))
        for measure in measures:
            found = metrics.difference(before.y_true, [before.y_prob], [after.y_prob], measure, groups=before.lesions)
            rows.append((split, measure, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=["split", "metric", "difference", "low", "high"]) if rows else None
