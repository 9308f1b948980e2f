"""The runs of a sweep on many processes or machines: a Dask cluster, whose results come back to one store.

The scheduler hands out one run a worker. What travels is the notebook's source and the parameters; what comes
back is the run's folder. So a worker needs lesionlib and the data, and no folder that it shares with the others.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionlib.atomic import writing_to
from lesionlib.errors import InputError, LesionlibError
from lesionlib.runs import store
from lesionlib.runs.execution import Busy, RunFailed, execute, failed_folder, folder_of, only_writer, part_folder
from lesionlib.runs.spec import RunSpec, code_digest
from lesionlib.runs.sweeps import Crew, Outcome, made_elsewhere

if TYPE_CHECKING:
    from distributed import Client, Future

# What a worker may declare to say how many runs it takes: `dask worker --resources GPU=1`.
RESOURCES = ("GPU", "run")
_POLL = 1.0
_WORKERS_WITHIN = 60

Prepare = Callable[[dict[str, Any], str], None]

# papermill's kernels inherit the environment of the process: two runs in one would mix theirs.
_one_run_a_process = threading.Lock()


@dataclass(frozen=True)
class Parcel:
    """What a worker gets: the run, its notebook's source, the sender's machine, what to do first (fetch the data)."""

    spec: RunSpec
    source: bytes
    prepare: Prepare | None = None
    sender: str = field(default_factory=platform.node)


@dataclass(frozen=True)
class Delivery:
    """What a worker gives back: the files of the run's folder, or of what it kept of a failed one."""

    files: dict[str, bytes]
    seconds: float
    error: str | None = None
    refused: bool = False


@contextmanager
def local_crew(workers: int, prepare: Prepare | None = None) -> Iterator[Crew]:
    """Give a crew of processes on this machine, which share its cores; use it in a ``with``.

    Parameters
    ----------
    workers : int
        How many, 1 or more.
    prepare : callable, optional
        Called on a worker before a run, with its parameters and fingerprint.

    Returns
    -------
    iterator of Crew
        The crew, for `run_sweep`; its processes end with the ``with``.

    Raises
    ------
    InputError
        Fewer than one worker.
    """
    if workers < 1:
        raise InputError(f"workers: found {workers}, expected 1 or more")
    from distributed import Client, LocalCluster

    # The kernels inherit it: more threads than cores would make every run slower.
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // workers))
    with (
        tempfile.TemporaryDirectory(prefix="lesionlib-workers-") as scratch,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            resources={"run": 1},
            # Without a dashboard it would still want one fixed port, and complain where another sweep has it.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            # A worker that is stopped at its run is killed after a while: as it should be, and no news.
            silence_logs=logging.ERROR,
            preload=[__name__],
            local_directory=scratch,
            memory_limit=None,
            env={"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "passive"},
        ) as cluster,
        Client(cluster) as client,
    ):
        yield crew(client, prepare)


def dask_setup(worker: object) -> None:
    """Let Ctrl-C, which a terminal sends to the workers too, stop the sweep and not each worker; Dask calls this."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def remote_crew(address: str, prepare: Prepare | None = None) -> Iterator[Crew]:
    """Give a crew made of the workers of an existing Dask cluster; use it in a ``with``.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://10.0.0.5:8786``.
    prepare : callable, optional
        Called on a worker before a run, with its parameters and fingerprint.

    Returns
    -------
    iterator of Crew
        The crew, for `run_sweep`.

    Raises
    ------
    InputError
        Nobody answers there, or no worker comes within a minute.
    """
    from distributed import Client

    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise InputError(f"scheduler {address}: no answer ({error}): start one with `dask scheduler`") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_WORKERS_WITHIN)
        except TimeoutError as error:
            raise InputError(
                f"scheduler {address}: no worker within {_WORKERS_WITHIN} s: start some with `dask worker {address}`"
            ) from error
        yield crew(client, prepare)


def crew(client: Client, prepare: Prepare | None = None) -> Crew:
    """Give the crew of a cluster's workers: what `run_sweep` hands its runs to.

    A worker that dies has its run done by another; a run that three workers died of has failed.
    """

    def make(specs: Sequence[RunSpec], root: Path) -> Iterator[Outcome]:
        fleet = _Fleet(client, prepare, root, deque(specs))
        try:
            while fleet.waiting or fleet.flying:
                yield from fleet.send()
                yield from fleet.receive()
        finally:
            fleet.give_up()

    return make


@dataclass
class _Fleet:
    """The runs of a sweep: those that wait, and those that workers are at."""

    client: Client
    prepare: Prepare | None
    root: Path
    waiting: deque[RunSpec]
    flying: dict[Future, _Flight] = field(default_factory=dict)
    began: float = field(default_factory=time.time)

    def send(self) -> Iterator[Outcome]:
        """Give every free worker a run; yield those that another batch has made meanwhile, or that nobody can make."""
        if self.client.status in ("closing", "closed"):
            text = "was not made: the scheduler went away; what is finished is kept, start the sweep again"
            while self.waiting:
                spec = self.waiting.popleft()
                yield Outcome(spec, error=LesionlibError(f"{spec} {text}"))
            return
        for _ in range(len(self.waiting)):
            if len(self.flying) >= slots(self.client):
                return
            spec = self.waiting.popleft()
            elsewhere = made_elsewhere(spec, self.root, self.began)
            if elsewhere:
                yield elsewhere
                continue
            try:
                flight = _Flight.start(self.client, spec, self.root, self.prepare)
            except Busy:
                self.waiting.append(spec)
            except LesionlibError as error:
                yield Outcome(spec, error=error)
            else:
                self.flying[flight.future] = flight

    def receive(self) -> Iterator[Outcome]:
        """Wait a moment, and yield the runs that came back."""
        if not self.flying:
            time.sleep(_POLL)
        for future in _landed(list(self.flying)):
            yield self.flying.pop(future).land(self.root)

    def give_up(self) -> None:
        for flight in self.flying.values():
            flight.future.cancel()
            flight.lock.close()


def slots(client: Client) -> int:
    """Return how many runs the cluster takes at once: what its workers declare, else one a worker."""
    workers = _workers(client)
    name = _resource(client)
    return sum(int(worker["resources"].get(name, 0)) if name else 1 for worker in workers)


def _workers(client: Client) -> list[dict[str, Any]]:
    # A client that lost its scheduler knows of nobody.
    return list(client.scheduler_info().get("workers", {}).values())


def _resource(client: Client) -> str | None:
    declared = {name for worker in _workers(client) for name in worker["resources"]}
    return next((name for name in RESOURCES if name in declared), None)


@dataclass(frozen=True)
class _Flight:
    """A run that a worker is at, and the lock that keeps other batches off it."""

    spec: RunSpec
    future: Future
    lock: ExitStack

    @classmethod
    def start(cls, client: Client, spec: RunSpec, root: Path, prepare: Prepare | None) -> _Flight:
        """Send a run off; `Busy` where another batch is at it, InputError where the store cannot be written."""
        lock = ExitStack()
        lock.enter_context(only_writer(spec, root))
        name = _resource(client)
        future = client.submit(
            run_parcel,
            Parcel(spec, spec.notebook.read_bytes(), prepare),
            # A name of its own: Dask would answer a second try of the same key with the first one's failure.
            key=f"{spec.chapter}-{spec.key}-{uuid.uuid4().hex}",
            resources={name: 1} if name else None,
            pure=False,
        )
        return cls(spec, future, lock)

    def land(self, root: Path) -> Outcome:
        """Put what came back into the store."""
        with self.lock:
            try:
                delivery = self.future.result()
                return _unpacked(delivery, self.spec, root)
            except LesionlibError as error:
                return Outcome(self.spec, error=error)
            except Exception as error:
                # Dask's own: the workers died, or the scheduler went away.
                text = " ".join(str(error).split())
                return Outcome(self.spec, error=RunFailed(f"{self.spec} failed: {type(error).__name__}: {text:.300}"))
            finally:
                self.future.release()


def _landed(futures: list[Future]) -> list[Future]:
    """Wait a moment for the first runs to end; return those that did."""
    from distributed import wait

    if not futures:
        return []
    try:
        return list(wait(futures, timeout=_POLL, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []
    except Exception:
        # A cancelled future (a scheduler that went away) makes wait raise; which one it was, they say themselves.
        return [future for future in futures if future.status not in ("pending", "finished")] or futures[:1]


def run_parcel(parcel: Parcel) -> Delivery:
    """Make a run on a worker, in a folder of its own, and give back its files."""
    start = time.monotonic()
    with _one_run_a_process, tempfile.TemporaryDirectory(prefix="lesionlib-run-") as scratch:
        root = Path(scratch) / "runs"
        spec = replace(parcel.spec, notebook=_notebook_here(parcel, Path(scratch)))
        try:
            _check_code(spec, parcel.sender)
            if parcel.prepare:
                parcel.prepare(spec.parameters, spec.fingerprint)
            folder, error = execute(spec, root), None
        except LesionlibError as failure:
            folder, error = failed_folder(spec, root), failure
        text = None if error is None else str(error).partition("; notebook and traceback in")[0]
        return Delivery(_files(folder), time.monotonic() - start, text, isinstance(error, InputError))


def _notebook_here(parcel: Parcel, scratch: Path) -> Path:
    """Return the notebook where it stands, if this machine has the same one there; else a copy of it."""
    original = parcel.spec.notebook
    if original.is_file() and original.read_bytes() == parcel.source:
        return original
    copy = scratch / "notebooks" / original.name
    copy.parent.mkdir()
    copy.write_bytes(parcel.source)
    return copy


def _check_code(spec: RunSpec, sender: str) -> None:
    """On another machine, refuse a run that would be made with other code than it was planned with."""
    machine, here = platform.node(), code_digest(spec.notebook)
    if machine != sender and here != spec.code:
        raise InputError(
            f"{spec}: {machine} has another state of lesionlib than {sender} (code {here}, expected {spec.code}): "
            "install the same one there"
        )


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _unpacked(delivery: Delivery, spec: RunSpec, root: Path) -> Outcome:
    """Put the files of a run in place, whole or not at all."""
    target = folder_of(spec, root) if delivery.error is None else failed_folder(spec, root)
    if delivery.files:
        _write(delivery.files, part_folder(spec, root), target)
    if delivery.error is None:
        shutil.rmtree(failed_folder(spec, root), ignore_errors=True)
        return Outcome(spec, delivery.seconds)
    kept = f"; notebook and traceback in {target}" if delivery.files else ""
    kind = InputError if delivery.refused else RunFailed
    return Outcome(spec, delivery.seconds, kind(f"{delivery.error}{kept}"))


def _write(files: dict[str, bytes], part: Path, target: Path) -> None:
    try:
        with writing_to(part):
            for name, content in files.items():
                path = part / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        with writing_to(target):
            store.put_in_place(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
