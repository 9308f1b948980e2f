"""``lesionlib run``, ``sweep`` and ``book``: what executes notebooks."""

from __future__ import annotations

import platform
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lesionlib.cli.tables import echo_frame
from lesionlib.errors import InputError, LesionlibError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pandas as pd

    from lesionlib.runs import Batch, Crew, Profile, RunSpec

ProfileOption = Annotated[str, typer.Option(help="A file in notebooks/profiles: which runs.")]
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

    specs = _planned(_project(), chapter, _overrides(parameter or []), profile)
    plan = runs.plan_sweep(specs, retry=True)
    for spec in [] if force else plan.finished:
        place = "results" if runs.in_results(spec) else runs.folder_of(spec)
        typer.echo(f"{spec}: finished already, in {place}")
    todo = runs.unique(specs) if force else plan.todo
    _end_on_failures(runs.run_batch(todo, runs.rerun if force else runs.execute))


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
    project = _project()
    specs = _specs(project, runs.read_profile(file, project))
    plan = runs.plan_sweep(specs, retry=retry)
    echo_frame(plan.table())
    if plan.failed:
        typer.echo(f"{len(plan.failed)} run(s) failed before and are left alone: --retry makes them again")
    if dry_run or not plan.todo:
        return
    with _crew(workers, scheduler) as crew:
        outcomes = runs.run_sweep(plan.todo, crew, say=typer.echo)
    echo_frame(_changing(runs.summary(plan, outcomes)))
    failed = [outcome.error for outcome in outcomes if outcome.error]
    _end_on_failures(runs.Batch([outcome.spec for outcome in outcomes if not outcome.error], failed))


def book(
    profile: ProfileOption = "quick",
    open_it: Annotated[bool, typer.Option("--open", help="Open the book in the browser.")] = False,
) -> None:
    """Run what is missing or stale of a profile and build the book to _build/html."""
    from lesionlib import runs

    project = _project()
    specs = _planned(project, "all", {}, profile)
    _end_on_failures(runs.run_batch(runs.pending(specs)))
    index = project / "_build" / "html" / "index.html"
    pages = {spec.chapter: runs.folder_of(spec) for spec in sorted(specs, key=runs.started)}
    built = runs.build_book(project, pages)
    typer.echo(f"{'built' if built else 'nothing has changed'}: {index}")
    if open_it:
        typer.launch(index.as_uri())


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


def _project() -> Path:
    from lesionlib import runs

    project = runs.project_root()
    if project is None:
        raise InputError(f"{Path.cwd()}: not in the book's project: go to the folder with _toc.yml and notebooks/")
    return project


def _planned(project: Path, chapter: str, overrides: dict[str, Any], name: str) -> list[RunSpec]:
    from lesionlib import runs

    profile = runs.load_profile(name, project)
    if chapter != "all" and chapter not in profile.chapters:
        raise InputError(f"profile {name} has no chapter {chapter!r}; it has: {', '.join(profile.chapters)}")
    return _specs(project, profile, None if chapter == "all" else chapter, overrides)


def _specs(
    project: Path, profile: Profile, chapter: str | None = None, overrides: dict[str, Any] | None = None
) -> list[RunSpec]:
    """Name the runs of a profile, of all its chapters or of one."""
    from lesionlib import datasets, runs

    specs, prints = [], {}
    for name in [chapter] if chapter else profile.chapters:
        notebook = runs.chapters(project)[name]
        for values in profile.chapters[name]:
            wanted = values | (overrides or {})
            resolved = runs.resolve(notebook, wanted)
            # A grid asks for the same data hundreds of times.
            asked = repr([resolved.get(key) for key in ("data", "sources", "phantom_n", "phantom_size")])
            prints[asked] = prints.get(asked) or datasets.fingerprint(resolved)
            specs.append(runs.plan(notebook, wanted, prints[asked], profile.profile))
    return specs


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
    for name in [parameters.get("data"), *(parameters.get("sources") or [])]:
        if name and not available.get(name, True):
            datasets.get(name)
    here = datasets.fingerprint(parameters)
    if here != fingerprint:
        raise InputError(
            f"{platform.node()}: {parameters.get('data')} has the fingerprint {here}, expected {fingerprint} as where "
            "the sweep was planned: `lesionlib data verify` there says what differs"
        )


def _end_on_failures(batch: Batch) -> None:
    if not batch.failed:
        return
    kind = InputError if all(isinstance(error, InputError) for error in batch.failed) else LesionlibError
    count = len(batch.failed) + len(batch.finished)
    raise kind(f"{len(batch.failed)} of {count} run(s) did not end well: {batch.failed[-1]}")


def _changing(table: pd.DataFrame) -> pd.DataFrame:
    """What tells the runs of a sweep apart, and what became of them; parameters that all share are left out."""
    fixed = ["chapter", "key", "state", "seconds"]
    others = [name for name in table if name not in fixed and table[name].map(str).nunique() > 1]
    return table[[*fixed, *others]]
