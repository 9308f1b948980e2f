"""The training set of the ISIC 2020 challenge, as challenge2020.isic-archive.com publishes it."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.cards import card
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import images_below, match_images, numbers, table_below, wrong_layout
from lesionlib.datasets.taxonomy import term

_TABLES = ["ISIC_2020_Training_GroundTruth_v2.csv", "ISIC_2020_Training_GroundTruth.csv"]
_FOLDERS = ["ISIC_2020_Training_JPEG", "train"]
_COLUMNS = ["image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"]
_COLUMNS += ["diagnosis", "benign_malignant"]


def read(files: ImageFiles) -> pd.DataFrame:
    """Read images and their table; its second version, which names the lesions, where it is there.

    `diagnosis` is the table's where it says one, else that of the label (benign or malignant).

    Raises
    ------
    InputError
        The table or the images are not there, or do not belong together.
    """
    here = {parts[-1] for parts in files.paths((".csv",)).values()}
    path, table = table_below(files, "isic2020", _TABLES[0] if _TABLES[0] in here else _TABLES[1], _COLUMNS)
    images = next((found for name in _FOLDERS if (found := images_below(files, (".jpg",), [name]))), {})
    if not images:
        raise wrong_layout(files, "isic2020", "the images of ISIC_2020_Training_JPEG.zip")
    said = table["diagnosis"].replace("unknown", pd.NA).map(term, na_action="ignore").astype("string")
    of_label = {label: facts.diagnosis for label, facts in card("isic2020").classes.items()}
    return pd.DataFrame(
        {
            "image_id": table["image_name"],
            "image": match_images(path, table["image_name"], images),
            "label": table["benign_malignant"],
            "diagnosis": said.fillna(table["benign_malignant"].map(of_label)),
            "lesion_id": table.get("lesion_id", pd.NA),
            "patient_id": table["patient_id"],
            "age": numbers(path, table["age_approx"]),
            "sex": table["sex"],
            "site": table["anatom_site_general_challenge"],
        }
    )
