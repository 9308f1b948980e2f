"""The official table of derm7pt: diagnoses, and the seven-point checklist of each case."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import numbers, table_below

_NEVI = ["blue", "clark", "combined", "congenital", "dermal", "recurrent", "reed or spitz"]
_MELANOMAS = ["", " (in situ)", " (less than 0.76 mm)", " (0.76 to 1.5 mm)", " (more than 1.5 mm)", " metastasis"]
_GROUPS = {
    "BCC": ["basal cell carcinoma"],
    "NEV": [f"{kind} nevus" for kind in _NEVI],
    "MEL": [f"melanoma{kind}" for kind in _MELANOMAS],
    "MISC": ["dermatofibroma", "lentigo", "melanosis", "miscellaneous", "vascular lesion"],
    "SK": ["seborrheic keratosis"],
}
GROUP_OF = {diagnosis: group for group, diagnoses in _GROUPS.items() for diagnosis in diagnoses}
"""The group (Kawahara et al. 2019) of each of the 20 diagnoses, as published."""
_CRITERIA = ["pigment_network", "streaks", "pigmentation", "regression_structures", "dots_and_globules"]
_CRITERIA += ["blue_whitish_veil", "vascular_structures"]
_JUDGED = ["level_of_diagnostic_difficulty", "elevation", "management"]


def annotations(files: ImageFiles) -> pd.DataFrame:
    """Read the seven-point checklist (Argenziano et al. 1998), one row a case.

    Columns: lesion_id, diagnosis (as published), seven_point_score (0 to 10), the seven criteria, and the
    experts' level_of_diagnostic_difficulty, elevation and management.
    """
    path, table = table_below(
        files, "derm7pt", "meta/meta.csv", ["case_num", "diagnosis", "seven_point_score", *_CRITERIA, *_JUDGED]
    )
    score = numbers(path, table["seven_point_score"]).astype("Int64")
    told = table[["case_num", "diagnosis", "seven_point_score", *_CRITERIA, *_JUDGED]]
    return told.assign(seven_point_score=score).rename(columns={"case_num": "lesion_id"})
