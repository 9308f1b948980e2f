"""derm7pt, the seven-point checklist dataset, as Simon Fraser University releases it (release_v0)."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets import taxonomy
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import match_images, numbers, table_below
from lesionlib.errors import InputError

_NEVI = ["blue", "clark", "combined", "congenital", "dermal", "recurrent", "reed or spitz"]
_MELANOMAS = ["", " (in situ)", " (less than 0.76 mm)", " (0.76 to 1.5 mm)", " (more than 1.5 mm)", " metastasis"]
_GROUPS = {
    "BCC": ["basal cell carcinoma"],
    "NEV": [f"{kind} nevus" for kind in _NEVI],
    "MEL": [f"melanoma{kind}" for kind in _MELANOMAS],
    "MISC": ["dermatofibroma", "lentigo", "melanosis", "miscellaneous", "vascular lesion"],
    "SK": ["seborrheic keratosis"],
}
_GROUP_OF = {diagnosis: group for group, diagnoses in _GROUPS.items() for diagnosis in diagnoses}
_MODALITIES = {"clinic": "clinical", "derm": "dermoscopic"}


def read(files: ImageFiles) -> pd.DataFrame:
    """Read two rows a case, its clinical and its dermoscopic image (``1_clinic``, ``1_derm``), and the split.

    The classes are the five groups of Kawahara et al. 2019; `diagnosis` keeps the 20 diagnoses apart,
    but for the four grades of a melanoma's thickness.

    Raises
    ------
    InputError
        The metadata or the images are not there, or do not belong together.
    """
    path, table = table_below(
        files, "derm7pt", "meta/meta.csv", ["case_num", "diagnosis", "location", "sex", "clinic", "derm"]
    )
    names = {"/".join(parts[-2:]).lower(): ref for ref, parts in files.paths((".jpg", ".jpeg", ".png")).items()}
    cases = pd.DataFrame(
        {
            "label": table["diagnosis"].map(_GROUP_OF).fillna(table["diagnosis"]),
            "diagnosis": table["diagnosis"].map(taxonomy.term, na_action="ignore"),
            "lesion_id": table["case_num"],
            "sex": table["sex"],
            "site": table["location"],
            "split": _split(files, len(table)),
        }
    )
    pairs = []
    for column, modality in _MODALITIES.items():
        named = table[column].str.lower()
        # The release's folders may hold pictures of no case.
        images = match_images(path, named, {name: names[name] for name in named if name in names})
        pairs.append(cases.assign(image_id=table["case_num"] + f"_{column}", image=images, modality=modality))
    return pd.concat(pairs).sort_index(kind="stable", ignore_index=True)


def _split(files: ImageFiles, cases: int) -> pd.Series:
    split = pd.Series(pd.NA, index=range(cases), dtype="string")
    for part in ("train", "valid", "test"):
        path, table = table_below(files, "derm7pt", f"meta/{part}_indexes.csv", ["indexes"])
        rows = numbers(path, table["indexes"])
        wrong = rows[~rows.isin(split.index[split.isna()]) | rows.duplicated()]
        if len(wrong):
            raise InputError(
                f"{path}, line {wrong.index[0] + 2}: row {wrong.iloc[0]} is not in meta.csv, or in a split already; "
                f"expected 0 to {cases - 1}, each once: get the release again"
            )
        split[rows.astype(int)] = part
    return split
