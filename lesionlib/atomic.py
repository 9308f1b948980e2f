"""Files and folders that are there in whole, or not at all, and locks on them."""

from __future__ import annotations

import errno
import glob
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from lesionlib.errors import InputError

_WAYS_OUT = {
    errno.ENOSPC: "the disk is full: free some space and run it again",
    errno.EDQUOT: "the disk quota is used up: free some space and run it again",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "no permission to write there: choose another folder",
    errno.EPERM: "no permission to write there: choose another folder",
    errno.ENOTDIR: "a file stands where a folder is needed: choose another folder",
    errno.EEXIST: "a file stands where a folder is needed: choose another folder",
}


@contextmanager
def writing_to(target: Path) -> Iterator[None]:
    """Turn the system's errors while writing `target` into one line that names the way out."""
    try:
        yield
    except OSError as error:
        way_out = _WAYS_OUT.get(error.errno)
        if way_out is None or not _concerns(target, error):
            raise
        raise InputError(f"cannot write {target}: {way_out}") from error


def _concerns(target: Path, error: OSError) -> bool:
    """Whether the error is about `target`, what lies beside or below it, or a folder above it."""
    target = target.absolute()
    # A copy that fails names the source first and the target second.
    names = [Path(name).absolute() for name in (error.filename, error.filename2) if isinstance(name, str | Path)]
    return not names or any(name.is_relative_to(target.parent) or target.is_relative_to(name) for name in names)


@contextmanager
def atomic_file(target: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `target` and rename it to `target` when the block ends well.

    The last of several writers wins; a reader sees a whole file at any time. After an error
    the temporary file is removed and an earlier `target` stands untouched.

    Raises
    ------
    InputError
        The disk is full or read-only, or the folder may not be written to.
    """
    target = Path(target)
    with writing_to(target):
        handle, name = tempfile.mkstemp(prefix=_prepare(target), dir=target.parent)
        os.close(handle)
        part = Path(name)
        try:
            yield part
            part.chmod(0o644)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside `target` and rename it to `target` when the block ends well.

    Where `target` has come into being meanwhile, by another writer of the same content, that
    one stays and ours is dropped.

    Raises
    ------
    InputError
        As for `atomic_file`.
    """
    target = Path(target)
    with writing_to(target):
        part = Path(tempfile.mkdtemp(prefix=_prepare(target), dir=target.parent))
        try:
            yield part
            part.chmod(0o755)
            with suppress(FileExistsError):
                _rename_folder(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def locked(path: Path, busy: InputError, timeout: float = 0) -> Iterator[None]:
    """Hold the lock at `path`; raise `busy` where another process has held it for `timeout` seconds."""
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    lock = FileLock(path)
    try:
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise busy from error
    try:
        yield
    finally:
        lock.release()


def _prepare(target: Path) -> str:
    """Make the folder of `target`, clear what killed writers left there, and name our temporary files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    ours = f".{target.name}.{platform.node()}."
    for left in target.parent.glob(f"{glob.escape(ours)}*"):
        writer = left.name.removeprefix(ours).partition(".")[0]
        if writer.isdecimal() and not _runs(int(writer)):
            _remove(left)
    return f"{ours}{os.getpid()}."


def _runs(process: int) -> bool:
    import psutil

    return psutil.pid_exists(process)


def _remove(left: Path) -> None:
    # Another process may clear the same file at the same time.
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


def _rename_folder(part: Path, target: Path) -> None:
    try:
        part.rename(target)
    except OSError as error:
        # POSIX answers ENOTEMPTY where Windows answers EEXIST or EACCES.
        if target.is_dir():
            raise FileExistsError(target) from error
        raise
