"""Benchmarks: what is read off the figures of programs that were run in turn."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PROJECT = Path(__file__).parents[1]
SCRIPTS = PROJECT / "benchmarks"
STORED = sorted((PROJECT / "results" / "benchmarks").glob("*.json"))


def loaded(path: Path):
    """Import a file of benchmarks/ under its own name, as its scripts do."""
    if path.stem in sys.modules:
        return sys.modules[path.stem]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


in_turn = loaded(SCRIPTS / "side_by_side.py")
Target = in_turn.Target
ROWS = pd.DataFrame(
    {
        "round": [1, 1, 2, 2, 3, 3],
        "side": ["ours", "theirs"] * 3,
        "rate": [20.0, 10.0, 30.0, 10.0, 44.0, 11.0],
        "wait": [5.0, None, 7.0, None, 6.0, None],
    }
)


def benchmark(*targets):
    return in_turn.Benchmark("toy.py", {}, "theirs", "rate", targets)


def test_ratios_are_taken_within_a_round():
    table = in_turn.summary(ROWS, benchmark())
    assert table.loc["ours", ["rate", "wait"]].tolist() == [30, 6]
    # 2, 3 and 4 times: not 30 / 10, the ratio of the medians.
    assert table.loc["ours", ["times theirs", "times theirs, lowest", "times theirs, highest"]].tolist() == [3, 2, 4]
    assert (table.loc["theirs"].filter(like="times") == 1).all()


@pytest.mark.parametrize(
    ("target", "measured", "reached"),
    [
        (Target("ours", "rate", at_least=3, times="theirs"), 3, True),
        (Target("ours", "rate", at_least=3.01, times="theirs"), 3, False),
        (Target("ours", "wait", at_most=6), 6, True),
        (Target("ours", "wait", at_most=5.9), 6, False),
        (Target("theirs", "rate", at_least=0.9, at_most=1.1, times="theirs"), 1, True),
        (Target("ours", "rate", at_least=0.9, at_most=1.1, times="theirs"), 3, False),
    ],
)
def test_targets(target, measured, reached):
    (row,) = in_turn.judged(ROWS, [target]).to_dict("records")
    assert (row["measured"], row["reached"]) == (measured, reached)


def test_what_a_side_lacks_is_left_out():
    assert in_turn.records(ROWS.head(2)) == [
        {"round": 1, "side": "ours", "rate": 20.0, "wait": 5.0},
        {"round": 1, "side": "theirs", "rate": 10.0},
    ]


TOY = """
import argparse
from side_by_side import Benchmark, Target, main
def one(given):
    return {"rate": 10.0 * given.round}
def two(given):
    if given.round == 2:
        raise ValueError("a broken side")
    return {"rate": 5.0}
main(Benchmark(__file__, {"one": one, "two": two}, "two", "rate"), argparse.ArgumentParser())
"""


def asked(tmp_path: Path, *words: str) -> subprocess.CompletedProcess:
    script = tmp_path / "toy.py"
    script.write_text(TOY, encoding="utf-8")
    code = f"import sys, runpy; sys.path.insert(0, {str(SCRIPTS)!r}); sys.argv = {[str(script), *words]!r}; "
    code += f"runpy.run_path({str(script)!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_a_side_alone_knows_its_round(tmp_path):
    answer = asked(tmp_path, "--side", "one", "--round", "3")
    assert json.loads(answer.stdout) == {"rate": 30.0}


def test_a_broken_side_ends_the_benchmark_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    answer = asked(tmp_path, "--rounds", "2", "--save")
    assert answer.returncode == 1
    assert "two failed" in answer.stderr
    assert "a broken side" in answer.stderr
    assert not (PROJECT / "results" / "benchmarks" / "toy.json").exists()


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_figures_follow_from_their_rounds(path):
    found = json.loads(path.read_text(encoding="utf-8"))
    script = SCRIPTS / f"{path.stem.removesuffix('_gpu')}.py"
    assert found["benchmark"] == path.stem
    assert script.is_file()
    rows = pd.DataFrame(found["rows"])
    assert (rows.groupby("side")["round"].nunique() == found["arguments"]["rounds"]).all()
    names = list(Target.__dataclass_fields__)
    targets = [Target(**{name: target.get(name) for name in names}) for target in found["targets"]]
    again = in_turn.judged(rows, targets)
    stored = pd.DataFrame(found["targets"])
    for name in ("measured", "lowest", "highest"):
        # Rows are kept to four decimals.
        assert again[name].tolist() == pytest.approx(stored[name].tolist(), rel=0.02, abs=0.002)
    assert again["reached"].tolist() == stored["reached"].tolist()
