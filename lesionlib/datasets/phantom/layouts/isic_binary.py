"""Kaggle's fanconic/skin-cancer-malignant-vs-benign: folders train and test, in each a folder a class."""

from __future__ import annotations

from pathlib import Path

from lesionlib.datasets.phantom.archives import drawn, jpeg, put, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load

_FIRST = 900_000  # the published numbers end at 1799


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`; the test set is balanced."""
    pool, test = photographs(load("isic_binary"), n, seed)
    ids = []
    for split, shots in (("train", pool), ("test", test)):
        for shot, drawing in drawn(shots, size):
            put(folder / split / shot.case.label / f"{_FIRST + shot.number}.jpg", jpeg(drawing.image))
            ids.append(f"{split}_{shot.case.label}_{_FIRST + shot.number}")
    write_truth(folder, ids, pool + test)
