"""``lesionlib run``, ``sweep`` and ``book``: what executes notebooks."""

from __future__ import annotations

import platform
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lesionlib.cli.pages import page_runs
from lesionlib.cli.planning import data_of, planned_sweep, wanted_runs
from lesionlib.cli.tables import echo_frame
from lesionlib.errors import InputError, LesionlibError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import pandas as pd

    from lesionlib.runs import Crew, RunSpec, Sweep

ProfileOption = Annotated[str, typer.Option(help="A file in notebooks/profiles: which runs.")]
RepositoryOption = Annotated[
    str | None,
    typer.Option(
        envvar="LESIONLIB_REPOSITORY",
        metavar="ADDRESS",
        help="Where the sources are, such as https://github.com/OWNER/NAME: the pages' buttons lead there.",
    ),
]
BranchOption = Annotated[
    str, typer.Option(envvar="LESIONLIB_BRANCH", help="The branch or tag there that the book is built from.")
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option("-p", "--parameter", metavar="NAME VALUE", help="A parameter, its value read as YAML."),
]


def run(
    chapter: Annotated[str, typer.Argument(help="A notebook's name, such as 04_lucius2020, or all.")],
    parameter: ParameterOption = None,
    profile: ProfileOption = "quick",
    force: Annotated[bool, typer.Option("--force", help="Run again what is finished.")] = False,
) -> None:
    """Run a chapter's notebook with the parameter sets of a profile; what is finished is not run again."""
    from lesionlib import runs

    specs = _planned(runs.this_project(), chapter, _overrides(parameter or []), profile)
    plan = runs.plan_sweep(specs, retry=True)
    for spec in [] if force else plan.finished:
        place = "results" if runs.in_results(spec) else runs.folder_of(spec)
        typer.echo(f"{spec}: finished already, in {place}")
    todo = runs.unique(specs) if force else plan.todo
    _end_on_failures(runs.run_batch(todo, runs.rerun if force else runs.execute).failed, len(todo))


def sweep(
    file: Annotated[Path, typer.Argument(help="A YAML file of runs: chapters, parameters, grids.")],
    workers: Annotated[int, typer.Option(help="Processes of this machine that make runs side by side.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Of a Dask cluster instead, such as tcp://host:8786.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Make again what failed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and show the plan only.")] = False,
) -> None:
    """Make all runs of a file; what is finished is not made again, and what is cut off goes on where it stopped."""
    from lesionlib import runs

    if workers < 1:
        raise InputError(f"--workers: found {workers}, expected 1 or more")
    if scheduler and workers != 1:
        raise InputError(f"--workers {workers}: a cluster has its own workers: leave it out, or leave out --scheduler")
    project = runs.this_project()
    plan, missing = planned_sweep(wanted_runs(project, runs.read_profile(file, project)), retry)
    _echo_plan(plan, missing)
    if dry_run:
        return
    outcomes = []
    if plan.todo:
        with _crew(workers, scheduler) as crew:
            outcomes = runs.run_sweep(plan.todo, crew, say=typer.echo)
        echo_frame(_changing(runs.summary(plan, outcomes)))
    failed = [outcome.error for outcome in outcomes if outcome.error]
    unmade = [InputError(f"no {name} on this machine") for name, count in missing.items() for _ in range(count)]
    _end_on_failures([*unmade, *failed], len(unmade) + len(outcomes))


def book(
    profile: ProfileOption = "quick",
    repository: RepositoryOption = None,
    branch: BranchOption = "main",
    open_it: Annotated[bool, typer.Option("--open", help="Open the book in the browser.")] = False,
) -> None:
    """Run what is missing or stale for the pages of a profile, one run a chapter, and build the book to _build/html."""
    from lesionlib import runs

    project = runs.this_project()
    address = runs.repository_at(repository, branch) if repository else None
    index = project / "_build" / "html" / "index.html"
    pages = finished_pages(profile)
    runs.check_verdicts(pages)
    built = runs.build_book(project, pages, repository=address)
    typer.echo(f"{'built' if built else 'nothing has changed'}: {index}")
    if open_it:
        typer.launch(index.as_uri())


def finished_pages(profile: str) -> dict[str, Path]:
    """Run what is missing or stale for the pages of a profile; give, for each chapter, the folder of its newest run.

    A page needs one run: where a profile lists several for a chapter and none is finished, the first is made.
    """
    from lesionlib import runs

    candidates = page_runs(runs.this_project(), profile)
    todo = runs.pending([spec for specs in candidates.values() for spec in specs])
    finished = {chapter: [spec for spec in specs if spec not in todo] for chapter, specs in candidates.items()}
    first = [specs[0] for chapter, specs in candidates.items() if not finished[chapter]]
    _end_on_failures(runs.run_batch(first).failed, len(first))
    pages = {chapter: finished[chapter] or specs[:1] for chapter, specs in candidates.items()}
    return {chapter: runs.folder_of(max(specs, key=runs.started)) for chapter, specs in pages.items()}


def _overrides(pairs: list[str]) -> dict[str, Any]:
    import yaml

    values = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found:
            raise InputError(f"-p {pair}: expected a name and a value, such as -p epochs 3")
        try:
            values[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"-p {name} {value}: no YAML ({' '.join(str(error).split())})") from error
    return values


def _planned(project: Path, chapter: str, overrides: dict[str, Any], name: str) -> list[RunSpec]:
    from lesionlib import runs

    profile = runs.load_profile(name, project)
    if chapter != "all" and chapter not in profile.chapters:
        raise InputError(f"profile {name} has no chapter {chapter!r}; it has: {', '.join(profile.chapters)}")
    return [each.spec() for each in wanted_runs(project, profile, None if chapter == "all" else chapter, overrides)]


def _echo_plan(plan: Sweep, missing: Counter[str]) -> None:
    echo_frame(plan.table())
    if plan.gpu_hours:
        unknown = sum((spec.chapter, spec.key) not in plan.gpu_hours for spec in plan.unfinished)
        others = f"; {unknown} run(s) have no estimate" if unknown else ""
        typer.echo(f"GPU hours are the estimates that the file gives, not measured{others}")
    if plan.failed:
        typer.echo(f"{len(plan.failed)} run(s) failed before and are left alone: --retry makes them again")
    for name, count in missing.items():
        typer.echo(
            f"{count} run(s) need {name}, which is not on this machine: `lesionlib data list` says how to get it"
        )


def _crew(workers: int, scheduler: str | None) -> AbstractContextManager[Crew]:
    """Who makes the runs: this process, several of this machine, or a cluster."""
    from lesionlib import runs

    if scheduler:
        return runs.remote_crew(scheduler, _with_data)
    return nullcontext(runs.alone) if workers == 1 else runs.local_crew(workers, _with_data)


def _with_data(parameters: dict[str, Any], fingerprint: str) -> None:
    """On a worker: see that it has the data of a run, fetch what can be fetched, and that they are the same."""
    from lesionlib import datasets

    available = datasets.catalog().set_index("name")["available"]
    for name in data_of(parameters):
        if not available.get(name, True):
            datasets.get(name)
    here = datasets.fingerprint(parameters)
    if here != fingerprint:
        raise InputError(
            f"{platform.node()}: {parameters.get('data')} has the fingerprint {here}, expected {fingerprint} as where "
            "the sweep was planned: `lesionlib data verify` there says what differs"
        )


def _end_on_failures(failed: Sequence[LesionlibError], count: int) -> None:
    """End with the last failure, if there is any, of so many runs."""
    if failed:
        kind = InputError if all(isinstance(error, InputError) for error in failed) else LesionlibError
        raise kind(f"{len(failed)} of {count} run(s) did not end well: {failed[-1]}")


def _changing(table: pd.DataFrame) -> pd.DataFrame:
    """What tells the runs of a sweep apart, and what became of them; parameters that all share are left out."""
    fixed = ["chapter", "key", "state", "seconds"]
    others = [name for name in table if name not in fixed and table[name].map(str).nunique() > 1]
    return table[[*fixed, *others]]
