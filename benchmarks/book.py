"""The quick book: seconds from clean, and when nothing has changed since."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from side_by_side import Benchmark, Target, main

PROJECT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "_build", "runs", ".*_cache", "__pycache__")


def twice(given: argparse.Namespace) -> dict[str, float]:
    """Run every chapter and build the book in a copy of the project without runs or caches; then ask once more."""
    del given
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(PROJECT, copy, ignore=NOT_COPIED)
        here = {"LESIONLIB_CACHE": f"{folder}/cache", "LESIONLIB_RUNS": f"{folder}/runs", "PYTHONPATH": str(copy)}
        return {"from_clean_seconds": seconds_of(copy, here), "unchanged_seconds": seconds_of(copy, here)}


def seconds_of(copy: Path, here: dict[str, str]) -> float:
    """Return how long `lesionlib book` takes."""
    start = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "lesionlib", "book"], cwd=copy, env=os.environ | here, check=True, capture_output=True
    )
    return perf_counter() - start


if __name__ == "__main__":
    targets = [
        Target("quick book", "from_clean_seconds", at_most=600),
        Target("quick book", "unchanged_seconds", at_most=20),
    ]
    parser = argparse.ArgumentParser(description=__doc__)
    main(Benchmark(__file__, {"quick book": twice}, "quick book", "from_clean_seconds", targets), parser)
