"""PH2, as the ADDI project of the University of Porto gives it out."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import HISTOLOGY, match_images, one_of, refuse_twice, wrong_layout
from lesionlib.datasets.taxonomy import term
from lesionlib.errors import InputError

_IMAGES = "PH2 Dataset images"
_HEADER = ["name", "histological_diagnosis", "clinical_diagnosis", "asymmetry", "pigment_network", "dots_globules"]
_HEADER += ["streaks", "regression_areas", "blue_whitish_veil", "colors"]
_LABELS = {"0": "common_nevus", "1": "atypical_nevus", "2": "melanoma"}


def read(files: ImageFiles) -> pd.DataFrame:
    """Read images (``.bmp`` as published, or ``.jpg``), clinical diagnoses, and the masks where they are there.

    The label is the clinical diagnosis, which every image has; `diagnosis` is the histological one where there is one.

    Raises
    ------
    InputError
        The table or the images are not there, not as published, or do not belong together.
    """
    reference, place = _locate_table(files)
    path = files.root / reference
    table = _table(path, files.read(reference).decode("latin-1"))
    found = [
        (folder, PurePosixPath(name).stem, image)
        for image, parts in files.paths((".bmp", ".jpg")).items()
        if parts[:-3] == (*place, _IMAGES)
        for folder, name in [parts[-2:]]
    ]
    rows = pd.DataFrame(found, columns=["folder", "stem", "image"], dtype="string")
    refuse_twice(files, rows)
    images = rows[rows["folder"] == rows["stem"] + "_Dermoscopic_Image"].set_index("stem")["image"]
    if images.empty:
        raise wrong_layout(files, "ph2", f"the images of {_IMAGES!r}")
    masks = rows[rows["folder"] == rows["stem"]].set_index("stem")["image"]
    label, histology = one_of(path, table["clinical_diagnosis"], _LABELS), table["histological_diagnosis"]
    return pd.DataFrame(
        {
            "image_id": table["name"],
            "image": match_images(path, table["name"], images.to_dict()),
            "label": label,
            "diagnosis": histology.map(term, na_action="ignore").astype("string").fillna(label),
            "confirmed_by": histology.notna().map({True: HISTOLOGY}),
            "mask": (table["name"] + "_lesion").map(masks),
        }
    )


def _locate_table(files: ImageFiles) -> tuple[str, tuple[str, ...]]:
    """Find the official table nearest to the root; give its reference and the parts of the folder it stands in."""
    tables = {ref: parts[:-1] for ref, parts in files.paths((".txt",)).items() if parts[-1] == "PH2_dataset.txt"}
    if not tables:
        raise wrong_layout(files, "ph2", "PH2_dataset.txt")
    return min(tables.items(), key=lambda item: (len(item[1]), item))


def _table(path: Path, text: str) -> pd.DataFrame:
    """Read the lines between double bars; as in the other readers, a row's index is its line less 2."""
    # The legend stands below the table; "Asymmetry | Pigment Network" has one bar in the header.
    lines = {n: line.strip() for n, line in enumerate(text.splitlines(), start=1) if line.lstrip().startswith("||")}
    rows = {n - 2: re.split(r"\s*\|{1,2}\s*", line)[1:-1] for n, line in lines.items()}
    header = [re.sub(r"\W+", "_", cell.lower()) for cell in rows.pop(min(rows))] if rows else []
    if header != _HEADER:
        raise InputError(f"{path}: not the official table; expected the columns {', '.join(_HEADER)}, found {header}")
    for row, cells in rows.items():
        if len(cells) != len(_HEADER):
            raise InputError(f"{path}, line {row + 2}: {len(cells)} cells; expected {len(_HEADER)}; get the file again")
    table = pd.DataFrame(list(rows.values()), index=list(rows), columns=_HEADER, dtype="string")
    return table.replace("", pd.NA)
