"""Diverse Dermatology Images: pictures beside a table with skin tone and disease."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lesionlib.datasets.phantom.archives import drawn, png, put, write_table, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load

_FIRST = 900_000  # the published numbers end at 656 or so
_TONES = {1: 12, 2: 12, 3: 34, 4: 34, 5: 56, 6: 56}


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`."""
    shots, _ = photographs(load("ddi"), n, seed)
    numbers = [_FIRST + shot.number for shot in shots]
    for number, (_, drawing) in zip(numbers, drawn(shots, size), strict=True):
        put(folder / f"{number}.png", png(drawing.image))
    table = {
        "": range(len(shots)),
        "DDI_ID": numbers,
        "DDI_file": [f"{number}.png" for number in numbers],
        "skin_tone": [_TONES[shot.case.lesion.skin_type] for shot in shots],
        "malignant": [shot.case.label == "malignant" for shot in shots],
        "disease": [shot.case.kind for shot in shots],
    }
    write_table(folder / "ddi_metadata.csv", pd.DataFrame(table))
    write_truth(folder, [str(number) for number in numbers], shots)
