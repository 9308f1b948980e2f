"""Freed memory: kept while a block runs, given back at its end."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

CODE = """
import resource
import numpy as np
import psutil
from lesionlib.memory import freed_memory_kept

SIZE = 64 * 2**20

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(SIZE // 8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    return psutil.Process().memory_info().rss

faults()
outside = faults()
with freed_memory_kept():
    faults()
    inside = faults()
    with freed_memory_kept():
        pass
    nested = faults()
    full = held()
print(outside, inside, nested, faults(), full - held())
"""


def counted(**asked) -> list[int]:
    """The answers of a process whose environment asks malloc for nothing else than this."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    answer = subprocess.run([sys.executable, "-c", CODE], env=plain | asked, capture_output=True, text=True, check=True)
    return [int(word) for word in answer.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is asked to keep memory")
def test_pages_are_cleared_once_inside_and_each_time_outside():
    outside, inside, nested, after, given_back = counted()
    # The system may clear many pages at one fault, but not fewer at each time round.
    assert outside > 100
    assert inside < outside / 20
    assert nested < outside / 20
    assert after > outside / 2
    assert given_back > 48 * 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is asked to keep memory")
@pytest.mark.parametrize(
    "asked",
    [
        {"MALLOC_TOP_PAD_": "131072"},
        {"MALLOC_MMAP_THRESHOLD_": "131072"},
        {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2:glibc.malloc.trim_threshold=131072"},
    ],
)
def test_what_the_environment_asks_for_is_left_alone(asked):
    outside, inside, *_ = counted(**asked)
    assert inside > outside / 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is asked to keep memory")
@pytest.mark.parametrize("asked", [{"MALLOC_ARENA_MAX": "2"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2"}])
def test_other_options_of_malloc_do_not_stand_in_the_way(asked):
    outside, inside, *_ = counted(**asked)
    assert inside < outside / 20
