"""The training set of the ISIC 2019 challenge, as challenge.isic-archive.com publishes it."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import (
    beside,
    images_below,
    match_images,
    numbers,
    one_hot,
    table_below,
    wrong_layout,
)

_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
_METADATA = "ISIC_2019_Training_Metadata.csv"
_IMAGES = "ISIC_2019_Training_Input"
_CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"]


def read(files: ImageFiles) -> pd.DataFrame:
    """Read images, one-hot classes and metadata.

    The column ``UNK`` (none of the eight classes) is read, and refused if a row has it: no training image does.

    Raises
    ------
    InputError
        A table or the images are not there, a row is not one-hot, or the three do not belong together.
    """
    path, truth = table_below(files, "isic2019", _TRUTH, ["image", *_CLASSES])
    metadata_path, metadata = table_below(
        files, "isic2019", _METADATA, ["image", "age_approx", "anatom_site_general", "lesion_id", "sex"]
    )
    images = images_below(files, (".jpg",), [_IMAGES])
    if not images:
        raise wrong_layout(files, "isic2019", f"the images of {_IMAGES}.zip")
    ids = truth["image"]
    # The ages are checked before the rows are brought in order, so that the line in the error is the file's.
    metadata["age_approx"] = numbers(metadata_path, metadata["age_approx"])
    metadata = beside(metadata_path, metadata, "image", ids)
    return pd.DataFrame(
        {
            "image_id": ids,
            "image": match_images(path, ids, images),
            "label": one_hot(path, truth, _CLASSES),
            "lesion_id": metadata["lesion_id"],
            "age": metadata["age_approx"],
            "sex": metadata["sex"],
            "site": metadata["anatom_site_general"],
        }
    )
