"""PAD-UFES-20: three archives of photographs by phone, and a table of what the patients said."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from lesionlib.datasets.phantom.archives import archive, drawn, png, write_table, write_truth
from lesionlib.datasets.phantom.cases import Photograph, photographs
from lesionlib.datasets.phantom.populations import load

_FIRST = 90_000  # the published numbers of patients and lesions have four digits
_MILLIMETERS = 16  # of a lesion of radius 1, which fills the picture
_PEOPLE = ("POMERANIA", "GERMANY", "ITALY", "BRAZIL", "PORTUGAL")
_ABOUT_THE_PATIENT = ("smoke", "drink", "pesticide", "skin_cancer_history", "cancer_history")
_ABOUT_THE_LESION = ("itch", "grew", "hurt", "changed", "bleed", "elevation")


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`; of lesions without biopsy the patient's history is missing, as in the published set."""
    shots, _ = photographs(load("pad_ufes_20"), n, seed)
    ids = [_name(shot) for shot in shots]
    with ExitStack() as opened:
        parts = [f"imgs_part_{k}" for k in (1, 2, 3)]
        add = [opened.enter_context(archive(folder / "images" / f"{part}.zip")) for part in parts]
        for k, (name, (_, drawing)) in enumerate(zip(ids, drawn(shots, size), strict=True)):
            third = 3 * k // len(ids)
            add[third](f"{parts[third]}/{name}", png(drawing.image))
    rows = [_row(name, shot) for name, shot in zip(ids, shots, strict=True)]
    write_table(folder / "metadata.csv", pd.DataFrame(rows))
    write_truth(folder, [name.removesuffix(".png") for name in ids], shots)


def _name(shot: Photograph) -> str:
    return f"PAT_{_FIRST + shot.patient}_{_FIRST + shot.lesion}_{_FIRST + shot.number}.png"


def _row(name: str, shot: Photograph) -> dict[str, object]:
    record, lesion = shot.case.record, shot.case.lesion
    biopsed = record["confirmed_by"] == "histo"
    asked = _history(shot) | {
        "fitspatrick": f"{lesion.skin_type}.0",
        "diameter_1": f"{max(1, round(_MILLIMETERS * lesion.radius * (1 + lesion.elongation / 2)))}.0",
        "diameter_2": f"{max(1, round(_MILLIMETERS * lesion.radius))}.0",
        "gender": record["sex"].upper(),
    }
    written = asked if biopsed else dict.fromkeys(asked, "")
    about = {"patient_id": f"PAT_{_FIRST + shot.patient}", "lesion_id": _FIRST + shot.lesion}
    seen = {"age": int(float(record["age"])), "region": record["site"], "diagnostic": shot.case.label}
    row = about | written | seen | {question: record[question].upper() for question in _ABOUT_THE_LESION}
    return {column: row[column] for column in _COLUMNS[:-2]} | {"img_id": name, "biopsed": str(biopsed).upper()}


def _history(shot: Photograph) -> dict[str, str]:
    """What a patient tells of his life, the same with each of his lesions; it has no bearing on the class."""
    rng = np.random.default_rng([shot.patient, round(1000 * abs(shot.case.lesion.ita))])
    answers = {question: str(bool(rng.random() < 0.35)).upper() for question in _ABOUT_THE_PATIENT}
    families = {side: str(rng.choice(_PEOPLE)) for side in ("background_father", "background_mother")}
    return answers | families | {"has_piped_water": "TRUE", "has_sewage_system": "TRUE"}


_COLUMNS = (
    *("patient_id", "lesion_id", "smoke", "drink", "background_father", "background_mother", "age", "pesticide"),
    *("gender", "skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick"),
    *("region", "diameter_1", "diameter_2", "diagnostic", *_ABOUT_THE_LESION, "img_id", "biopsed"),
)
