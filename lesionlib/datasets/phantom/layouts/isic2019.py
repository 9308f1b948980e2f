"""The training set of the ISIC 2019 challenge: one archive, one-hot classes, and metadata."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lesionlib.datasets.phantom.archives import archive, drawn, jpeg, write_table, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load

_IMAGES = "ISIC_2019_Training_Input"
_FIRST = 9_200_000  # ISIC's own numbers end far below
_COLUMNS = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`; of some lesions no id was written down, as in the published set."""
    shots, _ = photographs(load("isic2019"), n, seed)
    ids = [f"ISIC_{_FIRST + shot.number}" for shot in shots]
    with archive(folder / f"{_IMAGES}.zip") as add:
        for name, (_, drawing) in zip(ids, drawn(shots, size), strict=True):
            add(f"{_IMAGES}/{name}.jpg", jpeg(drawing.image))
    classes = {column: [f"{float(shot.case.label == column)}" for shot in shots] for column in _COLUMNS}
    write_table(folder / "ISIC_2019_Training_GroundTruth.csv", pd.DataFrame({"image": ids} | classes))
    records = pd.DataFrame([dict(shot.case.record) for shot in shots])
    lesions = [shot.case.record.get("lesion", f"PHANTOM_{_FIRST + shot.lesion}") for shot in shots]
    metadata = {
        "image": ids,
        "age_approx": records["age"],
        "anatom_site_general": records["site"],
        "lesion_id": lesions,
        "sex": records["sex"],
    }
    write_table(folder / "ISIC_2019_Training_Metadata.csv", pd.DataFrame(metadata))
    write_truth(folder, ids, shots)
