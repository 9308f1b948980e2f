"""The atlas images of mendes2018, which nobody can have, in the layout of one's own data: a table and its images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lesionlib.datasets.phantom.archives import archive, drawn, jpeg, write_table, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`: scraped from the web, so that the table knows the label and nothing else."""
    shots, _ = photographs(load("atlas"), n, seed)
    names = [f"atlas_phantom_{shot.number:06d}" for shot in shots]
    with archive(folder / "images.zip") as add:
        for name, (_, drawing) in zip(names, drawn(shots, size), strict=True):
            add(f"images/{name}.jpg", jpeg(drawing.image))
    table = {"image": [f"{name}.jpg" for name in names], "label": [shot.case.label for shot in shots]}
    write_table(folder / "atlas.csv", pd.DataFrame(table))
    write_truth(folder, names, shots)
