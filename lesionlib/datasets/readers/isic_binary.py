"""Benign and malignant images of the ISIC archive, as Kaggle serves fanconic/skin-cancer-malignant-vs-benign."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import class_folders

_FOLDERS = [f"{split}/{label}" for split in ("train", "test") for label in ("benign", "malignant")]


def read(files: ImageFiles) -> pd.DataFrame:
    """Read the images of the folders ``train`` and ``test``; the folders are the split and the label.

    Each folder counts its images from 1 or so: an image id is split, label and number (``train_benign_3``).
    The archive holds everything twice, the second time below ``data``; one copy is read.

    Raises
    ------
    InputError
        A folder is missing or has no images.
    """
    rows = class_folders(files, "isic_binary", {folder: folder for folder in _FOLDERS}, (".jpg", ".jpeg"))
    parts = rows["folder"].str.split("/", expand=True)
    return pd.DataFrame(
        {
            "image_id": rows["folder"].str.replace("/", "_") + "_" + rows["stem"],
            "image": rows["image"],
            "label": parts[1],
            "split": parts[0],
        }
    )
