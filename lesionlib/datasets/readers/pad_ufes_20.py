"""PAD-UFES-20 as Mendeley Data publishes it (doi:10.17632/zr7vgbcyr2.1)."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import (
    HISTOLOGY,
    images_below,
    match_images,
    numbers,
    skin_types,
    table_below,
    wrong_layout,
)

_COLUMNS = ["patient_id", "lesion_id", "age", "gender", "fitspatrick", "region", "diagnostic", "biopsed", "img_id"]


def read(files: ImageFiles) -> pd.DataFrame:
    """Read images, metadata, skin types, and whether the tissue was examined (else dermatologists agreed).

    A lesion's id is the patient's and its own, as in the names of the images.

    Raises
    ------
    InputError
        The metadata or the images are not there, or do not belong together.
    """
    path, table = table_below(files, "pad_ufes_20", "metadata.csv", _COLUMNS)
    images = images_below(files, (".png",))
    if not images:
        raise wrong_layout(files, "pad_ufes_20", "the images of imgs_part_1.zip")
    ids = table["img_id"].str.removesuffix(".png")
    return pd.DataFrame(
        {
            "image_id": ids,
            "image": match_images(path, ids, images),
            "label": table["diagnostic"],
            "lesion_id": table["patient_id"] + "_" + table["lesion_id"],
            "patient_id": table["patient_id"],
            "age": numbers(path, table["age"]),
            "sex": table["gender"].str.lower(),
            "site": table["region"].str.lower(),
            "skin_type": skin_types(path, table["fitspatrick"]),
            "confirmed_by": table["biopsed"].str.lower().map({"true": HISTOLOGY, "false": "consensus"}),
        }
    )
