"""DermAI, the private dataset of nedelcu2021, in the layout of one's own data: a table and its images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lesionlib.datasets.phantom.archives import archive, drawn, jpeg, write_table, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`; each lesion has one picture, a close-up or one of a part of the body (`view`)."""
    shots, _ = photographs(load("dermai"), n, seed)
    names = [f"dermai_phantom_{shot.number:06d}" for shot in shots]
    with archive(folder / "images.zip") as add:
        for name, (_, drawing) in zip(names, drawn(shots, size), strict=True):
            add(f"images/{name}.jpg", jpeg(drawing.image))
    rows = [
        {
            "image": f"{name}.jpg",
            "label": shot.case.label,
            "lesion_id": f"dermai_lesion_{shot.lesion:06d}",
            "patient_id": f"dermai_patient_{shot.patient:06d}",
            "age": shot.case.record["age"],
            "sex": shot.case.record["sex"],
            "site": shot.case.record["site"],
            "skin_type": shot.case.lesion.skin_type,
            "view": shot.camera.view,
        }
        for name, shot in zip(names, shots, strict=True)
    ]
    write_table(folder / "dermai.csv", pd.DataFrame(rows))
    write_truth(folder, names, shots)
