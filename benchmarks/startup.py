"""How long the command and the library take before they do anything."""

from __future__ import annotations

import argparse
import subprocess
import sys
from time import perf_counter

from side_by_side import Benchmark, Target, main


def timed(*words: str):
    """Return a side that runs Python with these words."""

    def side(given: argparse.Namespace) -> dict[str, float]:
        del given
        start = perf_counter()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        seconds = perf_counter() - start
        return {"seconds": seconds, "starts_per_second": 1 / seconds}

    return side


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    sides = {
        "python": timed("-c", "pass"),
        "import lesionlib": timed("-c", "import lesionlib"),
        "lesionlib --help": timed("-m", "lesionlib", "--help"),
        "import fastai.vision.all": timed("-c", "import fastai.vision.all"),
    }
    targets = [Target(side, "seconds", at_most=1) for side in ("import lesionlib", "lesionlib --help")]
    main(Benchmark(__file__, sides, "python", "starts_per_second", targets), parser)
