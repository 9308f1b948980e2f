"""Fitzpatrick17k: the table of mattgroh/fitzpatrick17k, and the images that were found on their own pages."""

from __future__ import annotations

import warnings

import pandas as pd

from lesionlib.datasets import taxonomy
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import images_below, match_images, skin_types, table_below, wrong_layout

_COLUMNS = ["md5hash", "fitzpatrick_scale", "label", "nine_partition_label"]


def read(files: ImageFiles) -> pd.DataFrame:
    """Read the rows whose image is here, and warn in one line how many are not.

    The classes are the nine partitions; `diagnosis` comes from the 114 labels.

    Raises
    ------
    InputError
        The table is not there, or no image at all.
    """
    path, table = table_below(files, "fitzpatrick17k", "fitzpatrick17k.csv", _COLUMNS)
    found = images_below(files, (".jpg", ".jpeg", ".png"))
    # The folder may hold pictures that a later version of the table has dropped.
    images = {name: found[name] for name in table["md5hash"].dropna() if name in found}
    if not images:
        raise wrong_layout(files, "fitzpatrick17k", "the images of fitzpatrick17k.csv (images/<md5hash>.jpg)")
    here = table["md5hash"].isin(images)
    if not here.all():
        warnings.warn(
            f"{path}: {(~here).sum()} of {len(table)} images are not here (many of their pages are gone); "
            f"the dataset holds the other {here.sum()}",
            stacklevel=3,
        )
    table = table[here]
    return pd.DataFrame(
        {
            "image_id": table["md5hash"],
            "image": match_images(path, table["md5hash"], images),
            "label": table["nine_partition_label"],
            "diagnosis": table["label"].map(taxonomy.term, na_action="ignore"),
            "skin_type": skin_types(path, table["fitzpatrick_scale"]),
        }
    )
