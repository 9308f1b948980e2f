"""Memory that a process frees and needs again a moment later.

glibc gives each large block back to the system as soon as it is freed, and the system clears every page of the next
one. A training step frees and takes the same gigabyte each time: on two cores that was half of the time of a step.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

# What the environment may already ask of malloc about the same matter: how much it maps, and how much it gives back.
_ASKED_FOR = ("MALLOC_MMAP_", "MALLOC_TRIM_", "MALLOC_TOP_PAD_")
_TUNABLES = ("glibc.malloc.mmap_", "glibc.malloc.trim_", "glibc.malloc.top_pad")

# Of glibc's malloc.h: blocks that are mapped one by one (65,536 at most unless asked otherwise), and how much free
# memory at the end of the heap is given back (-1: none).
_M_MMAP_MAX, _M_TRIM_THRESHOLD = -4, -1
_MAPPED, _TRIMMED = 65_536, 128 * 1024
_holders = 0


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory with the process while the block runs, and give it back at its end.

    Blocks may stand inside each other. Where the C library is not glibc, or the environment says itself how much
    memory is mapped and given back (``MALLOC_MMAP_THRESHOLD_`` and the like, also in ``GLIBC_TUNABLES``), nothing is
    changed.
    """
    global _holders
    _holders += 1
    if _holders == 1:
        _ask_for(mapped=0, trimmed=-1)
    try:
        yield
    finally:
        _holders -= 1
        if not _holders:
            _ask_for(mapped=_MAPPED, trimmed=_TRIMMED)
            _give_back()


def _ask_for(mapped: int, trimmed: int) -> None:
    if library := _glibc():
        library.mallopt(_M_MMAP_MAX, mapped)
        library.mallopt(_M_TRIM_THRESHOLD, trimmed)


def _give_back() -> None:
    if library := _glibc():
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if _environment_asks():
        return None
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  (no other C library has it)
    except (TypeError, OSError, AttributeError):
        return None
    return library


def _environment_asks() -> bool:
    if any(name in os.environ.get("GLIBC_TUNABLES", "") for name in _TUNABLES):
        return True
    return any(name.startswith(_ASKED_FOR) for name in os.environ)
