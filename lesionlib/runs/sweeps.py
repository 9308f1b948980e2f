"""A batch of many runs: planned and told before it starts, taken up where it stopped, by one process or by many."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from lesionlib.errors import LesionlibError
from lesionlib.runs import schema, store
from lesionlib.runs.archive import in_results
from lesionlib.runs.execution import Busy, RunFailed, execute, failed_folder, folder_of, is_current, unique
from lesionlib.runs.spec import RunSpec
from lesionlib.runs.tables import groupable

if TYPE_CHECKING:
    import pandas as pd

# How long to wait, in seconds, before a run that another batch is at is looked at again.
_PATIENCE = 2.0

Crew = Callable[[Sequence[RunSpec], Path], Iterator["Outcome"]]
"""Makes runs: takes them and the folder of the runs, gives an `Outcome` as each ends. See `alone` and `local_crew`."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run of a sweep.

    Attributes
    ----------
    spec : RunSpec
        The run.
    seconds : float
        From its start to its end; 0 where another batch made it.
    error : LesionlibError, optional
        Why it did not end well.
    """

    spec: RunSpec
    seconds: float = 0.0
    error: LesionlibError | None = None


@dataclass(frozen=True)
class Sweep:
    """What a sweep would do: the runs to make, those that stand already, those that failed before, those without data.

    A run that failed before is left alone until someone asks for it again. A run whose data are not on this machine
    cannot be named, and not be made.

    Attributes
    ----------
    todo, finished, failed, absent : list of RunSpec
        To make; made before; failed before; without data here.
    gpu_hours : mapping
        Chapter and key of a run to its estimated hours of one GPU, where it has an estimate.
    """

    todo: list[RunSpec]
    finished: list[RunSpec]
    failed: list[RunSpec]
    absent: list[RunSpec] = field(default_factory=list)
    gpu_hours: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @property
    def unfinished(self) -> list[RunSpec]:
        """The runs that do not stand, whatever the reason."""
        return [*self.todo, *self.failed, *self.absent]

    def table(self) -> pd.DataFrame:
        """Count the runs of each chapter by what is to be done with them, and sum up the estimated GPU hours.

        Returns
        -------
        DataFrame
            One row a chapter, and one of all: chapter, runs, to run, finished, failed before. There is a column of runs
            without data only where there are any, and one of hours where any run has an estimate; it sums those of all
            runs that are not finished. A chapter without an estimate has none there.
        """
        import pandas as pd

        parts = {"to run": self.todo, "finished": self.finished, "failed before": self.failed}
        parts |= {"no data here": self.absent} if self.absent else {}
        rows = [(spec.chapter, kind) for kind, specs in parts.items() for spec in specs]
        counts = pd.crosstab(*zip(*rows, strict=True)) if rows else pd.DataFrame()
        counts = counts.reindex(columns=list(parts), fill_value=0)
        counts.insert(0, "runs", counts.sum(axis=1))
        counts.loc["all"] = counts.sum()
        counts = counts.astype(int)
        if self.gpu_hours:
            counts["estimated GPU hours left"] = self._hours_left(list(counts.index))
        return counts.rename_axis(index="chapter", columns=None).reset_index()

    def _hours_left(self, chapters: list[str]) -> list[float | None]:
        """Sum the estimates of what is not finished, of each chapter (None where nobody made any) and of all."""
        known = {chapter for chapter, _ in self.gpu_hours}
        left = {chapter: 0.0 if chapter in known else None for chapter in chapters[:-1]}
        for spec in self.unfinished:
            if spec.chapter in known:
                left[spec.chapter] += self.gpu_hours.get((spec.chapter, spec.key), 0.0)
        total = sum(hours for hours in left.values() if hours is not None)
        return [hours if hours is None else round(hours, 1) for hours in [*left.values(), total]]


def plan_sweep(
    specs: Iterable[RunSpec],
    retry: bool = False,
    absent: Iterable[RunSpec] = (),
    gpu_hours: Mapping[tuple[str, str], float] | None = None,
) -> Sweep:
    """Sort the runs of a sweep by what is to be done with them; each run counts once.

    Parameters
    ----------
    specs : iterable of RunSpec
        From `plan`, in the order in which they are to be made.
    retry : bool
        Make again what failed before.
    absent : iterable of RunSpec
        Those whose data are not on this machine, planned with an empty fingerprint.
    gpu_hours : mapping, optional
        Chapter and key of a run to its estimated hours of one GPU.

    Returns
    -------
    Sweep
        Four lists of runs.
    """
    root, wanted = store.runs_root(), unique(specs)
    finished = [spec for spec in wanted if in_results(spec) or is_current(spec, root)]
    missing = [spec for spec in wanted if spec not in finished]
    failed = [] if retry else [spec for spec in missing if failed_folder(spec, root).is_dir()]
    todo = [spec for spec in missing if spec not in failed]
    return Sweep(todo, finished, failed, unique(absent), dict(gpu_hours or {}))


def run_sweep(specs: Sequence[RunSpec], crew: Crew | None = None, say: Callable[[str], None] = print) -> list[Outcome]:
    """Make the runs of a sweep; one that fails stops no other.

    Parameters
    ----------
    specs : sequence of RunSpec
        What `plan_sweep` calls `todo`.
    crew : callable, optional
        Who makes them: `alone` (the default: this process, one after the other) or what `local_crew` or `remote_crew`
        gives.
    say : callable
        Takes a line each time a run has ended: how far the sweep is, and about how long it will go on.

    Returns
    -------
    list of Outcome
        One a run, in the order in which they ended.
    """
    began, outcomes = time.monotonic(), []
    for outcome in (crew or alone)(specs, store.runs_root()):
        outcomes.append(outcome)
        left = time_left(outcomes, len(specs) - len(outcomes), time.monotonic() - began)
        say(f"{len(outcomes)} of {len(specs)}: {_ended(outcome)}{left}")
    return outcomes


def alone(specs: Sequence[RunSpec], root: Path) -> Iterator[Outcome]:
    """Make runs in this process, one after the other; what another batch is at comes last.

    Parameters
    ----------
    specs : sequence of RunSpec
        What `plan_sweep` calls `todo`.
    root : Path
        The folder of the runs.

    Returns
    -------
    iterator of Outcome
        As each run ends.
    """
    began = time.time()
    waiting, busy = deque(specs), 0
    while waiting:
        spec = waiting.popleft()
        outcome = made_elsewhere(spec, root, began) or _made_here(spec, root)
        if outcome:
            busy = 0
            yield outcome
            continue
        waiting.append(spec)
        busy += 1
        if busy >= len(waiting):
            time.sleep(_PATIENCE)
            busy = 0


def _made_here(spec: RunSpec, root: Path) -> Outcome | None:
    """Make a run in this process; None where another batch is at it."""
    start = time.monotonic()
    try:
        execute(spec, root)
    except Busy:
        return None
    except LesionlibError as error:
        return Outcome(spec, time.monotonic() - start, error)
    except OSError as error:
        # A disk that fails otherwise than by being full: the next run may fare better.
        return Outcome(spec, time.monotonic() - start, RunFailed(f"{spec} failed: {type(error).__name__}: {error}"))
    return Outcome(spec, time.monotonic() - start)


def made_elsewhere(spec: RunSpec, root: Path, began: float) -> Outcome | None:
    """Return what another batch has made of a run since `began` (seconds since 1970), if it has."""
    if is_current(spec, root):
        return Outcome(spec)
    failed = failed_folder(spec, root)
    try:
        lately = failed.stat().st_mtime > began
    except OSError:
        return None
    text = f"{spec} failed in another batch; notebook and traceback in {failed}"
    return Outcome(spec, error=RunFailed(text)) if lately else None


def time_left(outcomes: Sequence[Outcome], remaining: int, elapsed: float) -> str:
    """Say about how long a sweep will go on, from how fast it has been; nothing where nobody can tell.

    Runs that were not made here, and those that failed at once, say nothing about the time of the others.
    """
    made = [outcome.seconds for outcome in outcomes if outcome.error is None and outcome.seconds > 0]
    if not made or not remaining:
        return ""
    at_once = max(1.0, sum(outcome.seconds for outcome in outcomes) / max(elapsed, 1e-9))
    return f"; about {duration(remaining * median(made) / at_once)} left"


def duration(seconds: float) -> str:
    """Write a time as a person would say it: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def summary(sweep: Sweep, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Tell what became of each run of a sweep.

    Parameters
    ----------
    sweep : Sweep
        From `plan_sweep`.
    outcomes : sequence of Outcome
        From `run_sweep`.

    Returns
    -------
    DataFrame
        One row a run: chapter, key (none without its data), state, seconds, and a column a parameter.
    """
    import pandas as pd

    ended = {(each.spec.chapter, each.spec.key): each for each in outcomes}
    rows = []
    for spec in [*sweep.finished, *sweep.failed, *sweep.todo, *sweep.absent]:
        outcome = ended.get((spec.chapter, spec.key))
        key = None if spec in sweep.absent else spec.key
        rows.append(
            {"chapter": spec.chapter, "key": key, "state": _state(spec, sweep, outcome)}
            | {"seconds": _seconds(spec)}
            | {name: groupable(schema.portable(value)) for name, value in spec.parameters.items()}
        )
    return pd.DataFrame(rows)


def _state(spec: RunSpec, sweep: Sweep, outcome: Outcome | None) -> str:
    if spec in sweep.finished:
        return "finished before"
    if spec in sweep.failed:
        return "failed before"
    if spec in sweep.absent:
        return "no data here"
    if outcome is None:
        return "not run"
    return "failed" if outcome.error else "finished"


def _seconds(spec: RunSpec) -> float | None:
    return schema.read(folder_of(spec) / "run.json", schema.RunFile).seconds if is_current(spec) else None


def _ended(outcome: Outcome) -> str:
    if outcome.error:
        return str(outcome.error)
    if not outcome.seconds:
        return f"{outcome.spec}: made by another batch"
    return f"{outcome.spec}: finished in {duration(outcome.seconds)}"
