"""Files and folders that are there in whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lesionlib.errors import InputError

_WAYS_OUT = {
    errno.ENOSPC: "the disk is full: free some space and run it again",
    errno.EDQUOT: "the disk quota is used up: free some space and run it again",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "no permission to write there: choose another folder",
    errno.EPERM: "no permission to write there: choose another folder",
}


@contextmanager
def writing_to(target: Path) -> Iterator[None]:
    """Turn the system's errors while writing `target` into one line that names the way out."""
    try:
        yield
    except OSError as error:
        way_out = _WAYS_OUT.get(error.errno)
        elsewhere = error.filename and not Path(error.filename).is_relative_to(target.parent)
        if way_out is None or elsewhere:
            raise
        raise InputError(f"cannot write {target}: {way_out}") from error


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
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        part = Path(name)
        try:
            yield part
            part.chmod(0o644)
            os.replace(part, target)
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
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield part
            part.chmod(0o755)
            with suppress(FileExistsError):
                _rename_folder(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _rename_folder(part: Path, target: Path) -> None:
    try:
        os.rename(part, target)
    except OSError as error:
        # POSIX answers ENOTEMPTY where Windows answers EEXIST or EACCES.
        if target.is_dir():
            raise FileExistsError(target) from error
        raise
