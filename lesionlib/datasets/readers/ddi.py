"""Diverse Dermatology Images as Stanford AIMI gives them out."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets import taxonomy
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import HISTOLOGY, images_below, match_images, one_of, table_below, wrong_layout

_COLUMNS = ["DDI_file", "skin_tone", "malignant", "disease"]
_LABELS = {"true": "malignant", "false": "benign"}
_TONES = {"12": "I-II", "34": "III-IV", "56": "V-VI"}


def read(files: ImageFiles) -> pd.DataFrame:
    """Read images, diseases (all seen in tissue) and skin tones.

    Skin tone is a pair of Fitzpatrick types: it stands in `skin_tone_group`, and `skin_type` stays ``<NA>``.

    Raises
    ------
    InputError
        The metadata or the images are not there, or do not belong together.
    """
    path, table = table_below(files, "ddi", "ddi_metadata.csv", _COLUMNS)
    images = images_below(files, (".png",))
    if not images:
        raise wrong_layout(files, "ddi", "the images (000001.png to 000656.png)")
    ids = table["DDI_file"].str.removesuffix(".png")
    return pd.DataFrame(
        {
            "image_id": ids,
            "image": match_images(path, ids, images),
            "label": one_of(path, table["malignant"], _LABELS),
            "diagnosis": table["disease"].map(taxonomy.term, na_action="ignore"),
            "skin_tone_group": one_of(path, table["skin_tone"], _TONES),
            "confirmed_by": HISTOLOGY,
        }
    )
