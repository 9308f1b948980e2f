"""PH2, as the ADDI project of the University of Porto gives it out."""

from __future__ import annotations

from pathlib import PurePosixPath

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.ph2_table import annotations, locate_table
from lesionlib.datasets.readers.tables import HISTOLOGY, match_images, refuse_twice, wrong_layout
from lesionlib.datasets.taxonomy import term

__all__ = ["annotations", "read"]

_IMAGES = "PH2 Dataset images"


def read(files: ImageFiles) -> pd.DataFrame:
    """Read images (``.bmp`` as published, or ``.jpg``), clinical diagnoses, and the masks where they are there.

    The label is the clinical diagnosis, which every image has; `diagnosis` is the histological one where there is one.

    Raises
    ------
    InputError
        The table or the images are not there, not as published, or do not belong together.
    """
    table = annotations(files)
    reference, place = locate_table(files)
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
    label, histology = table["clinical_diagnosis"].str.replace(" ", "_"), table["histological_diagnosis"]
    return pd.DataFrame(
        {
            "image_id": table["image_id"],
            "image": match_images(files.root / reference, table["image_id"], images.to_dict()),
            "label": label,
            "diagnosis": histology.map(term, na_action="ignore").astype("string").fillna(label),
            "confirmed_by": histology.notna().map({True: HISTOLOGY}),
            "mask": (table["image_id"] + "_lesion").map(masks),
        }
    )
