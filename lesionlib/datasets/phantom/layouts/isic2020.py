"""The training set of the SIIM-ISIC 2020 challenge: one archive, and a table with patients."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lesionlib.datasets.phantom.archives import archive, drawn, jpeg, write_table, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load

_FIRST = 9_400_000  # ISIC's own numbers end far below


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`."""
    shots, _ = photographs(load("isic2020"), n, seed)
    ids = [f"ISIC_{_FIRST + shot.number}" for shot in shots]
    with archive(folder / "ISIC_2020_Training_JPEG.zip") as add:
        for name, (_, drawing) in zip(ids, drawn(shots, size), strict=True):
            add(f"train/{name}.jpg", jpeg(drawing.image))
    rows = [
        {
            "image_name": name,
            "patient_id": f"IP_9{shot.patient:06d}",
            "sex": shot.case.record["sex"],
            "age_approx": shot.case.record["age"],
            "anatom_site_general_challenge": shot.case.record["site"],
            "diagnosis": shot.case.kind,
            "benign_malignant": shot.case.label,
            "target": int(shot.case.label == "malignant"),
        }
        for name, shot in zip(ids, shots, strict=True)
    ]
    write_table(folder / "ISIC_2020_Training_GroundTruth.csv", pd.DataFrame(rows))
    write_truth(folder, ids, shots)
