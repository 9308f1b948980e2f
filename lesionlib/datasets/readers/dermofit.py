"""The Dermofit Image Library, as Edinburgh Innovations licenses it."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.cards import card
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import class_folders
from lesionlib.errors import InputError


def read(files: ImageFiles) -> pd.DataFrame:
    """Read one folder (or archive) a class, with one folder an image: ``X.png`` and its mask ``Xmask.png``.

    Some copies name a folder ``ALLBCC`` instead of ``BCC``; both are read. An image id is the class and the name
    of the file (``BCC_P12``).

    Raises
    ------
    InputError
        A class is missing, or a mask has no image.
    """
    classes = card("dermofit").classes
    folders = {prefix + label: label for prefix in ("", "ALL") for label in classes}
    rows = class_folders(files, "dermofit", folders, (".png",))
    rows["image_id"] = rows["folder"] + "_" + rows["stem"].str.removesuffix("mask")
    is_mask = rows["stem"].str.endswith("mask")
    images, masks = rows[~is_mask], rows[is_mask].set_index("image_id")["image"]
    alone = masks[~masks.index.isin(images["image_id"])]
    if len(alone):
        raise InputError(
            f"{files.root}: {len(alone)} masks have no image, the first is {alone.iloc[0]}; "
            "add the missing image files, or remove the masks"
        )
    return pd.DataFrame(
        {
            "image_id": images["image_id"],
            "image": images["image"],
            "label": images["folder"],
            "mask": images["image_id"].map(masks),
        }
    )
