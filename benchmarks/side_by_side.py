"""Two programs or more in turn, a process each: what the benchmarks share.

A figure of a shared machine means little alone; the ratio of two that were measured one after the other means more. So
each benchmark runs its sides in turn, A B A B, and prints each side's median and the ratio of each round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import psutil

RESULTS = Path(__file__).parent / "results"
Side = Callable[[argparse.Namespace], dict[str, float]]


def main(script: str, sides: dict[str, Side], parser: argparse.ArgumentParser, base: str, figure: str) -> None:
    """Run a benchmark's command line: one side, or all of them in turn.

    Parameters
    ----------
    script : str
        The benchmark's file.
    sides : dict
        Name and function of each side; a function takes the arguments and gives figures.
    parser : argparse.ArgumentParser
        With the benchmark's own arguments.
    base : str
        The side that the others are compared with.
    figure : str
        What is compared; more is better.
    """
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is run")
    parser.add_argument("--side", choices=list(sides), help="run this one alone and print its figures as JSON")
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results/")
    given = parser.parse_args()
    if given.side:
        print(json.dumps(sides[given.side](given)))
        return
    rows = in_turn(script, list(sides), given)
    print(machine())
    print(summary(rows, base, figure).to_string())
    if given.save:
        keep(Path(script).stem, given, rows)


def in_turn(script: str, sides: Sequence[str], given: argparse.Namespace) -> pd.DataFrame:
    """Run each side once a round; return one row a run: round, side and its figures."""
    own = [arg for arg in sys.argv[1:] if arg != "--save"]
    rows = []
    for number in range(1, given.rounds + 1):
        for side in sides:
            command = [sys.executable, script, *own, "--side", side]
            answer = subprocess.run(command, capture_output=True, text=True)
            if answer.returncode:
                raise SystemExit(f"{side} failed:\n{answer.stderr[-3000:]}")
            rows.append({"round": number, "side": side} | json.loads(answer.stdout.splitlines()[-1]))
            print(f"round {number} of {given.rounds}, {side}: {rows[-1]}", file=sys.stderr)
    return pd.DataFrame(rows)


def summary(rows: pd.DataFrame, base: str, figure: str) -> pd.DataFrame:
    """Return each side's median figures, and its ratio to `base`: median, lowest and highest of the rounds."""
    table = rows.drop(columns="round").groupby("side", sort=False).median()
    wide = rows.pivot(index="round", columns="side", values=figure)
    ratios = wide.div(wide[base], axis=0)
    for name, end in {"": "median", " low": "min", " high": "max"}.items():
        table[f"times {base}{name}"] = ratios.agg(end)
    return table.round(3)


def machine() -> str:
    """Name what the figures were measured on."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, {accelerator()}"
    )


def processor() -> str:
    """Name the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def accelerator() -> str:
    """Name the GPU, or say that there is none, with torch's version."""
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"torch {torch.__version__.partition('+')[0]}, {name}"


def keep(name: str, given: argparse.Namespace, rows: pd.DataFrame) -> None:
    """Write the figures to ``results/<name>.json``, with the machine and the arguments."""
    RESULTS.mkdir(exist_ok=True)
    asked = {key: value for key, value in vars(given).items() if key not in ("side", "save")}
    content = {
        "benchmark": name,
        "machine": machine(),
        "measured": datetime.now(UTC).date().isoformat(),
        "arguments": asked,
        "rows": rows.to_dict("records"),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def lesions_parser(description: str | None, images: int = 2000, size: int = 128) -> argparse.ArgumentParser:
    """Return a parser with the arguments that name the data."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="ham10000", help="a dataset's name, or a phantom's")
    parser.add_argument("--images", type=int, default=images, help="how many of its images")
    parser.add_argument("--size", type=int, default=size, help="side of the images, in pixels")
    parser.add_argument("--arch", default="tf_efficientnet_lite0")
    return parser


def lesions_of(given: argparse.Namespace):
    """Return the first images of the dataset, split by lesion."""
    from dataclasses import replace

    from lesionlib import datasets

    whole = datasets.load(given.data)
    few = whole.frame.iloc[: given.images].reset_index(drop=True)
    return replace(whole, frame=few).with_split(by="auto")
