"""A chapter runs under plain papermill, without this library's own command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.slow
def test_plain_papermill_runs_a_chapter(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONLIB_RUNS", str(tmp_path / "runs"))
    notebook, out = PROJECT / "notebooks" / "04_lucius2020.ipynb", tmp_path / "out.ipynb"
    chosen = ["-p", "epochs", "1", "-p", "height", "48", "-p", "width", "64", "-p", "views", "1", "-k", "python3"]
    subprocess.run(
        [sys.executable, "-m", "papermill", notebook, out, *chosen, "--cwd", PROJECT / "notebooks"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (run,) = (tmp_path / "runs" / "interactive" / "04_lucius2020").iterdir()
    recorded = json.loads((run / "run.json").read_text())
    assert recorded["parameters"]["epochs"] == 1
    assert recorded["data"] == "phantom:ham10000"
    assert recorded["openings"][0]["images"] == 210
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    (accuracy,) = (r for r in rows if (r["split"], r["metric"], r["label"]) == ("test", "accuracy", None))
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    shown = json.dumps(nbformat.read(out, as_version=4))
    assert recorded["key"] in shown, "the table of finished runs names the run itself"
