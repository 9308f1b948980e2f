"""MED-NODE: one archive with a folder a class."""

from __future__ import annotations

from pathlib import Path

from lesionlib.datasets.phantom.archives import archive, drawn, jpeg, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load

_NAME = "complete_mednode_dataset"
_FIRST = 90_000_000  # the published numbers have seven digits or fewer


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`."""
    shots, _ = photographs(load("mednode"), n, seed)
    with archive(folder / f"{_NAME}.zip") as add:
        for shot, drawing in drawn(shots, size):
            add(f"{_NAME}/{shot.case.label}/{_FIRST + shot.number}.jpg", jpeg(drawing.image))
    write_truth(folder, [f"{shot.case.label}_{_FIRST + shot.number}" for shot in shots], shots)
