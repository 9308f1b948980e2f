"""derm7pt's release_v0: a clinical and a dermoscopic picture a case, the seven-point checklist, and the split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lesionlib.datasets.phantom import checklist
from lesionlib.datasets.phantom.archives import drawn, jpeg, put, write_table, write_truth
from lesionlib.datasets.phantom.cases import Photograph, photographs
from lesionlib.datasets.phantom.populations import load

_FIRST = 9_001  # the published cases end at 1011
_VIEWS = ("clinic", "derm")  # in the order of the population's domains
_VALID = 1 / 3  # of the images that are not of the test set, as published


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`; the checklist follows from the signs that were drawn, and the test set is balanced."""
    pool, test = photographs(load("derm7pt"), n, seed)
    root = folder / "release_v0"
    shots = sorted(pool + test, key=lambda shot: shot.lesion)
    views = [_VIEWS[shot.case.cameras.index(shot.camera)] for shot in shots]
    for view, (shot, drawing) in zip(views, drawn(shots, size), strict=True):
        put(root / "images" / _picture(shot, view), jpeg(drawing.image))
    cases = {shot.lesion: shot for shot in shots}
    write_table(root / "meta" / "meta.csv", pd.DataFrame([_row(shot) for shot in cases.values()]))
    rows = dict(zip(cases, range(len(cases)), strict=True))
    own = [rows[k] for k in sorted({shot.lesion for shot in pool})]
    valid = set(np.random.default_rng([seed, 7]).permutation(own)[: round(_VALID * len(own))].tolist())
    parts = {
        "train": [row for row in own if row not in valid],
        "valid": sorted(valid),
        "test": sorted({rows[shot.lesion] for shot in test}),
    }
    for part, indexes in parts.items():
        write_table(root / "meta" / f"{part}_indexes.csv", pd.DataFrame({"indexes": indexes}))
    write_truth(folder, [f"{_FIRST + shot.lesion}_{view}" for shot, view in zip(shots, views, strict=True)], shots)


def _picture(shot: Photograph, view: str) -> str:
    return f"PHA/Pha{view[0]}{_FIRST + shot.lesion}.jpg"


def _row(shot: Photograph) -> dict[str, object]:
    lesion, number = shot.case.lesion, _FIRST + shot.lesion
    score = checklist.seven_points(lesion)
    heights = ("flat", "palpable", "nodular")
    return {
        "case_num": number,
        "diagnosis": shot.case.kind,
        "seven_point_score": score,
        "pigment_network": checklist.network(lesion),
        "streaks": checklist.streaks(lesion),
        "pigmentation": checklist.pigmentation(lesion),
        "regression_structures": checklist.regression(lesion),
        "dots_and_globules": checklist.dots(lesion),
        "blue_whitish_veil": checklist.veil(lesion),
        "vascular_structures": checklist.vessels(lesion),
        "level_of_diagnostic_difficulty": ("low", "medium", "high")[lesion.texture % 3],
        "elevation": heights[int(lesion.elevation > 0.15) + int(lesion.elevation > 0.5)],
        "location": shot.case.record["site"],
        "sex": shot.case.record["sex"],
        "management": "excision" if score >= 3 else "clinical follow up",
        "clinic": _picture(shot, "clinic"),
        "derm": _picture(shot, "derm"),
        "case_id": "",
        "notes": "",
    }
