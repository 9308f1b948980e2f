"""HAM10000 as Harvard Dataverse publishes it (doi:10.7910/DVN/DBW86T)."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import find_table, images_below, match_images, numbers, read_table
from lesionlib.errors import InputError

_COLUMNS = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
_PARTS = ["HAM10000_images_part_1", "HAM10000_images_part_2"]
_MASKS = ["HAM10000_segmentations_lesion_tschandl"]
_TEST_IMAGES = ["ISIC2018_Task3_Test_Input", "ISIC2018_Task3_Test_Images"]
_TEST_TABLE = "ISIC2018_Task3_Test_GroundTruth"


def read(files: ImageFiles) -> pd.DataFrame:
    """Read images, metadata, masks, and the ISIC 2018 test set where it stands beside them.

    Rows of the test set have ``test`` as their split, the others ``train``.

    Raises
    ------
    InputError
        The metadata or the images are not there, or do not belong together.
    """
    images = images_below(files, (".jpg",), _PARTS) or _loose_images(files)
    if not images:
        raise InputError(
            f"{files.root}: no HAM10000 images found; expected {_PARTS[0]}.zip and {_PARTS[1]}.zip, "
            "folders of these names, or .jpg files"
        )
    masks = {stem.removesuffix("_segmentation"): ref for stem, ref in images_below(files, (".png",), _MASKS).items()}
    pool = _rows(files, "HAM10000_metadata", images, masks, "train")
    test_images = images_below(files, (".jpg",), _TEST_IMAGES)
    if not test_images:
        return pool
    test = _rows(files, _TEST_TABLE, test_images, masks, "test")
    return pd.concat([pool, test], ignore_index=True)


def _loose_images(files: ImageFiles) -> dict[str, str]:
    return {path.stem: path.name for path in sorted(files.root.glob("*.jpg"))}


def _rows(files: ImageFiles, stem: str, images: dict[str, str], masks: dict[str, str], split: str) -> pd.DataFrame:
    path = find_table(files.root, stem)
    if path is None:
        raise InputError(f"{files.root}: {stem}.csv (or .tab) is missing; put it beside the images")
    table = read_table(path, _COLUMNS)
    return pd.DataFrame(
        {
            "image_id": table["image_id"],
            "image": match_images(path, table["image_id"], images),
            "label": table["dx"],
            "lesion_id": table["lesion_id"],
            "age": numbers(path, table["age"]),
            "sex": table["sex"].replace("unknown", pd.NA),
            "site": table["localization"].replace("unknown", pd.NA),
            "confirmed_by": table["dx_type"],
            "mask": table["image_id"].map(masks),
            "split": split,
        }
    )
