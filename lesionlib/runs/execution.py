"""Execute runs with papermill: each in a folder that is put in place when all is there."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lesionlib.atomic import locked, writing_to
from lesionlib.errors import InputError, LesionlibError
from lesionlib.runs import schema, store
from lesionlib.runs.spec import RunSpec, default_parameters, seen_digest

NOTEBOOK = "notebook.ipynb"
_PART = ".part"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class RunFailed(LesionlibError):
    """A notebook did not end well; it is kept, with its traceback."""


class RunRefused(RunFailed, InputError):
    """A notebook did not end well for what the user can mend."""


class Busy(InputError):
    """Another process is at this run."""


@dataclass(frozen=True)
class Batch:
    """What became of a list of runs: the folders of those that stand, the errors of the others.

    Attributes
    ----------
    finished : list of Path
        Folders.
    failed : list of LesionlibError
        What went wrong, one a run.
    """

    finished: list[Path] = field(default_factory=list)
    failed: list[LesionlibError] = field(default_factory=list)


def folder_of(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the finished run stands, or will.

    Parameters
    ----------
    spec : RunSpec
        From `plan`.
    root : Path, optional
        The folder of the runs; `runs_root()` by default.

    Returns
    -------
    Path
        ``<root>/<chapter>/<key>``.
    """
    return (root or store.runs_root()) / spec.chapter / spec.key


def failed_folder(spec: RunSpec, root: Path | None = None) -> Path:
    """Return where the notebook and the traceback stand if the run failed."""
    return (root or store.runs_root()) / store.FAILED / spec.chapter / spec.key


def part_folder(spec: RunSpec, root: Path) -> Path:
    """Return where this process puts the run together; what a killed one left there is removed by the next."""
    return root / _PART / f"{spec.chapter}-{spec.key}-{os.getpid()}"


def started(spec: RunSpec) -> str:
    """Return when a finished run was started.

    Parameters
    ----------
    spec : RunSpec
        From `plan`.

    Returns
    -------
    str
        ISO 8601, UTC; empty where the run does not say.

    Raises
    ------
    InputError
        There is no such run.
    """
    return schema.read(folder_of(spec) / "run.json", schema.RunFile).started or ""


def is_current(spec: RunSpec, root: Path | None = None) -> bool:
    """Return whether a run is finished and need not be made again.

    A quick run, or one that names no data, must also be of today's code and have seen today's other runs; any other
    one is kept: it took hours.
    """
    root = root or store.runs_root()
    folder = folder_of(spec, root)
    if not (folder / NOTEBOOK).is_file():
        return False
    try:
        run = schema.read(folder / "run.json", schema.RunFile)
    except InputError:
        return False
    if run.status != "finished":
        return False
    return not run.is_made_again or (run.code, run.seen) == (
        spec.code,
        seen_digest(spec.chapter, spec.key, root),
    )


def pending(specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return the runs that have to be made.

    Parameters
    ----------
    specs : iterable of RunSpec
        From `plan`.

    Returns
    -------
    list of RunSpec
        Those of `specs` that do not stand, or are stale; each key once.
    """
    return [spec for spec in unique(specs) if not is_current(spec)]


def unique(specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return each run once: overrides can make two parameter sets of a profile the same.

    Parameters
    ----------
    specs : iterable of RunSpec
        From `plan`.

    Returns
    -------
    list of RunSpec
        In the order given.
    """
    return list({(spec.chapter, spec.key): spec for spec in specs}.values())


def execute(spec: RunSpec, root: Path | None = None) -> Path:
    """Run a notebook, unless this run is finished already, and return the run's folder.

    Parameters
    ----------
    spec : RunSpec
        From `plan`.
    root : Path, optional
        The folder of the runs; `runs_root()` by default.

    Returns
    -------
    Path
        The run's folder.

    Raises
    ------
    RunFailed
        The notebook raised, its kernel died, or it recorded nothing; it is kept under
        ``failed/<chapter>/<key>/`` with the traceback in ``error.txt``.
    Busy
        Another process is at this run.
    InputError
        The folder cannot be written.
    """
    root = root or store.runs_root()
    with only_writer(spec, root):
        return folder_of(spec, root) if is_current(spec, root) else _run(spec, root)


def rerun(spec: RunSpec) -> Path:
    """Run a notebook, in place of an earlier run of the same key; otherwise like `execute`.

    Parameters
    ----------
    spec : RunSpec
        From `plan`.

    Returns
    -------
    Path
        The run's folder.

    Raises
    ------
    RunFailed
        As from `execute`.
    Busy
        As from `execute`.
    """
    root = store.runs_root()
    with only_writer(spec, root):
        return _run(spec, root)


def run_batch(specs: Sequence[RunSpec], run_one: Callable[[RunSpec], Path] = execute) -> Batch:
    """Run a list of notebooks one after the other; one that fails does not stop the others.

    Parameters
    ----------
    specs : sequence of RunSpec
        From `plan`.
    run_one : callable
        `execute` or `rerun`.

    Returns
    -------
    Batch
        What became of them.
    """
    batch = Batch()
    for number, spec in enumerate(specs, start=1):
        _say(f"run {number} of {len(specs)}: {spec}")
        try:
            batch.finished.append(run_one(spec))
        except (RunFailed, Busy) as error:
            _say(str(error))
            batch.failed.append(error)
    return batch


def _run(spec: RunSpec, root: Path) -> Path:
    part = part_folder(spec, root)
    started, clock = schema.now(), time.monotonic()
    seen = seen_digest(spec.chapter, spec.key, root)
    _say(f"{spec}: started, {_shown(spec)}")
    try:
        with writing_to(part):
            part.mkdir(parents=True)
            with _environment(spec, root, part):
                _papermill(spec, part / NOTEBOOK)
        run = _recorded(spec, part)
        _complete(spec, part / "run.json", run, started, time.monotonic() - clock, seen)
        target = folder_of(spec, root)
        with writing_to(target):
            store.put_in_place(part, target)
    except InputError:
        raise
    except KeyboardInterrupt:
        _say(f"{spec}: stopped; nothing of it is kept, and the same command starts it again")
        raise
    except Exception as error:
        raise _kept(spec, part, root, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(failed_folder(spec, root), ignore_errors=True)
    _say(f"{spec}: finished in {time.monotonic() - clock:.0f} s")
    return target


def _papermill(spec: RunSpec, output: Path) -> None:
    import papermill

    # papermill warns of parameters that its line-wise reading misses; plan() has checked them.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    papermill.execute_notebook(
        str(spec.notebook),
        str(output),
        parameters=_changed(spec),
        kernel_name="python3",
        language="python",
        progress_bar=False,
        stderr_file=sys.stderr,
        cwd=str(spec.notebook.parent),
        execution_timeout=None,
        extra_arguments=["--IPKernelApp.log_level=40"],
    )


def _changed(spec: RunSpec) -> dict[str, Any]:
    """Return the parameters that differ from the notebook's own: a page repeats no defaults."""
    defaults = default_parameters(spec.notebook)
    # repr tells 1 from True and from 1.0.
    return {name: value for name, value in spec.parameters.items() if repr(value) != repr(defaults[name])}


@contextmanager
def _environment(spec: RunSpec, root: Path, part: Path) -> Iterator[None]:
    """Tell the kernel, which inherits our environment, where it records and as what."""
    ours = {
        "LESIONLIB_RUNS": str(root.resolve()),
        store.RUN_DIR: str(part.resolve()),
        store.RUN_KEY: spec.key,
        store.RUN_PROFILE: spec.profile,
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _recorded(spec: RunSpec, part: Path) -> schema.RunFile:
    if not ((part / "run.json").is_file() and (part / "metrics.json").is_file()):
        raise LesionlibError("the notebook ended without recording anything: it must call lesionlib.runs.record")
    try:
        schema.read(part / "metrics.json", schema.MetricsFile)
        run = schema.read(part / "run.json", schema.RunFile)
    except InputError as error:
        raise LesionlibError(f"what the notebook recorded is damaged: {error}") from error
    told = {"chapter": spec.chapter, "fingerprint": spec.fingerprint}
    told |= {f"parameter {name}": schema.portable(value) for name, value in spec.parameters.items()}
    wrote = {"chapter": run.chapter, "fingerprint": run.fingerprint}
    wrote |= {f"parameter {name}": value for name, value in run.parameters.items()}
    for name in sorted(told.keys() & wrote.keys()):
        if told[name] != wrote[name]:
            raise LesionlibError(f"the notebook recorded {name} = {wrote[name]!r}, but ran with {told[name]!r}")
    return run


def _complete(spec: RunSpec, path: Path, run: schema.RunFile, started: str, seconds: float, seen: str) -> None:
    ours = {
        "key": spec.key,
        "profile": spec.profile,
        "status": "finished",
        "parameters": run.parameters | {n: schema.portable(v) for n, v in spec.parameters.items()},
        "code": spec.code,
        "seen": seen,
        "commit": _commit(spec.notebook.parent),
        "started": started,
        "seconds": round(seconds, 1),
    }
    schema.write(path, schema.checked(run.model_dump(by_alias=True) | ours, schema.RunFile, str(path)))


def _commit(folder: Path) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _kept(spec: RunSpec, part: Path, root: Path, error: Exception) -> RunFailed:
    """Keep what a failed run left, with its traceback, and return the error that names it."""
    target = failed_folder(spec, root)
    with store.replaced_folder(target) as kept:
        if (part / NOTEBOOK).is_file():
            shutil.copyfile(part / NOTEBOOK, kept / NOTEBOOK)
        text = "".join(traceback.format_exception(error))
        (kept / "error.txt").write_text(_ANSI.sub("", text), encoding="utf-8")
    kind = RunRefused if getattr(error, "ename", None) == "InputError" else RunFailed
    return kind(f"{spec} failed: {_in_one_line(error)}; notebook and traceback in {target}")


def _in_one_line(error: Exception) -> str:
    name, text = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
    lines = _ANSI.sub("", text).strip().splitlines()
    first = lines[0] if lines else ""
    return first if isinstance(error, LesionlibError) else f"{name}: {first}"


@contextmanager
def only_writer(spec: RunSpec, root: Path) -> Iterator[None]:
    """Hold a run, so that no other process makes it meanwhile.

    Raises
    ------
    Busy
        Another process is at this run.
    """
    _remove_leftovers(root)
    busy = Busy(f"{spec} is being run by another process: wait for it, or stop it")
    # The second is for another process that is looking for leftovers of this very run.
    with locked(_lock_file(root, f"{spec.chapter}-{spec.key}"), busy, timeout=1):
        yield


def _lock_file(root: Path, name: str) -> Path:
    return root / ".locks" / f"{name}.lock"


def _remove_leftovers(root: Path) -> None:
    """Remove the temporary folders that killed runs left: those whose lock nobody holds."""
    for folder in (root / _PART).glob("*"):
        name = folder.name.rpartition("-")[0]
        with suppress(Busy), locked(_lock_file(root, name), Busy(f"{name} is being run")):
            shutil.rmtree(folder, ignore_errors=True)


def _shown(spec: RunSpec) -> str:
    return ", ".join(f"{name}={value}" for name, value in spec.parameters.items()) or "no parameters"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
