"""Two programs or more in turn, a process each: what the benchmarks share.

A figure of a shared machine means little alone; the ratio of two that were measured one after the other means more. So
each benchmark runs its sides in turn, A B A B, and prints each side's median and the ratio of each round. What it is
to reach stands in its script, beside what it measures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from lesionlib.atomic import atomic_file

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
Side = Callable[[argparse.Namespace], dict[str, float]]


@dataclass(frozen=True)
class Target:
    """What a side is to reach: a figure of its own, or its ratio to another side's.

    Of a ratio the median of the rounds counts, of a figure the median too.
    """

    side: str
    figure: str
    at_least: float | None = None
    at_most: float | None = None
    times: str | None = None


@dataclass(frozen=True)
class Benchmark:
    """A script's sides and what is read off them.

    Parameters
    ----------
    script : str
        The benchmark's file.
    sides : dict
        Name and function of each side; a function takes the arguments and gives figures.
    base : str
        The side that the others are compared with.
    figure : str
        What is compared; more is better.
    targets : sequence of Target
        What is to be reached.
    """

    script: str
    sides: dict[str, Side]
    base: str
    figure: str
    targets: Sequence[Target] = ()

    @property
    def name(self) -> str:
        return Path(self.script).stem


def main(benchmark: Benchmark, parser: argparse.ArgumentParser) -> None:
    """Run a benchmark's command line: one side, or all of them in turn."""
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is run")
    parser.add_argument("--round", type=int, default=1, help="number of this round, where a side needs a seed")
    parser.add_argument("--side", choices=list(benchmark.sides), help="run this one alone, print its figures as JSON")
    parser.add_argument("--save", action="store_true", help="keep the figures in results/benchmarks")
    given = parser.parse_args()
    if given.side:
        print(json.dumps(benchmark.sides[given.side](given)))
        return
    rows = in_turn(benchmark, given)
    table, reached = summary(rows, benchmark), judged(rows, benchmark.targets)
    print(machine())
    print(table.to_string())
    print(reached.to_string(index=False))
    if given.save:
        keep(benchmark, given, rows, table, reached)


def in_turn(benchmark: Benchmark, given: argparse.Namespace) -> pd.DataFrame:
    """Run each side once a round; return one row a run: round, side and its figures."""
    own = [arg for arg in sys.argv[1:] if arg != "--save"]
    rows = []
    for number in range(1, given.rounds + 1):
        for side in benchmark.sides:
            command = [sys.executable, benchmark.script, *own, "--round", str(number), "--side", side]
            answer = subprocess.run(command, capture_output=True, text=True)
            if answer.returncode:
                raise SystemExit(f"{side} failed:\n{answer.stderr[-3000:]}")
            rows.append({"round": number, "side": side} | json.loads(answer.stdout.splitlines()[-1]))
            print(f"round {number} of {given.rounds}, {side}: {rows[-1]}", file=sys.stderr)
    return pd.DataFrame(rows)


def ratios(rows: pd.DataFrame, figure: str, base: str) -> pd.DataFrame:
    """Return each side's ratio to `base`, one row a round."""
    wide = rows.pivot(index="round", columns="side", values=figure)
    return wide.div(wide[base], axis=0)


def summary(rows: pd.DataFrame, benchmark: Benchmark) -> pd.DataFrame:
    """Return each side's median figures, and its ratio to the base: median, lowest and highest of the rounds."""
    table = rows.drop(columns="round").groupby("side", sort=False).median()
    found = ratios(rows, benchmark.figure, benchmark.base)
    for name, end in {"": "median", ", lowest": "min", ", highest": "max"}.items():
        table[f"times {benchmark.base}{name}"] = found.agg(end)
    return table.round(3)


def judged(rows: pd.DataFrame, targets: Sequence[Target]) -> pd.DataFrame:
    """Return one row a target: what is asked, what was measured (median and range), and whether it is reached."""
    found = []
    for target in targets:
        if target.times:
            values = ratios(rows, target.figure, target.times)[target.side]
        else:
            values = rows.loc[rows["side"] == target.side, target.figure]
        middle = values.median()
        low = -float("inf") if target.at_least is None else target.at_least
        high = float("inf") if target.at_most is None else target.at_most
        found.append(
            {
                **asdict(target),
                "measured": round(middle, 3),
                "lowest": round(values.min(), 3),
                "highest": round(values.max(), 3),
                "reached": bool(low <= middle <= high),
            }
        )
    return pd.DataFrame(found)


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


def keep(
    benchmark: Benchmark, given: argparse.Namespace, rows: pd.DataFrame, table: pd.DataFrame, reached: pd.DataFrame
) -> None:
    """Write the figures to ``results/benchmarks/<name>.json`` (``<name>_gpu.json``), with machine and arguments."""
    import torch

    name = f"{benchmark.name}_gpu" if torch.cuda.is_available() else benchmark.name
    RESULTS.mkdir(parents=True, exist_ok=True)
    asked = {key: value for key, value in vars(given).items() if key not in ("side", "save", "round")}
    content = {
        "benchmark": name,
        "machine": machine(),
        "measured": datetime.now(UTC).date().isoformat(),
        "arguments": asked,
        "rows": records(rows.round(4)),
        "table": records(table.reset_index()),
        "targets": records(reached),
    }
    with atomic_file(RESULTS / f"{name}.json") as part:
        part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table; what a side does not have is left out."""
    return [{name: value for name, value in row.items() if not pd.isna(value)} for row in table.to_dict("records")]


def lesions_parser(description: str | None, images: int = 2000, size: int = 128) -> argparse.ArgumentParser:
    """Return a parser with the arguments that name the data."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="ham10000", help="a dataset's name, or a phantom's")
    parser.add_argument("--images", type=int, default=images, help="how many of its images")
    parser.add_argument("--size", type=int, default=size, help="side of the images, in pixels")
    parser.add_argument("--arch", default="tf_efficientnet_lite0")
    return parser


def lesions_of(given: argparse.Namespace):
    """Return so many images of the dataset, split by lesion; always the same ones, drawn by chance.

    A dataset's table is often sorted by class: its first rows would hold two or three classes only.
    """
    from dataclasses import replace

    from lesionlib import datasets

    whole = datasets.load(given.data)
    few = whole.frame.sample(min(given.images, len(whole.frame)), random_state=0).reset_index(drop=True)
    return replace(whole, frame=few).with_split(by="auto")
