"""Is a copy of a dataset whole, and does a split keep its promises?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError

_NEAR = 2
"""Bits of 64 in which the difference hashes of near duplicates may differ."""


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a check: check, expected, found, ok. Checks without an expectation only inform.
    unreadable : list of str
        One line an image that cannot be decoded.
    duplicates : pandas.DataFrame
        Pairs of images: image_id_a, image_id_b, kind (``exact`` or ``near``), same_lesion.
    """

    table: pd.DataFrame
    unreadable: list[str]
    duplicates: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Whether every check with an expectation holds."""
        return bool(self.table["ok"].all())


def verify(dataset: LesionDataset) -> Verification:
    """Check counts against the card, decode every image, look for duplicates and for leaks.

    Near duplicates are pairs whose 64-bit difference hashes (8 x 8 gray-level gradients) differ
    in at most two bits; they are reported, not counted as a fault.
    """
    hashes, unreadable = _hash_images(dataset)
    duplicates = _duplicates(dataset, hashes)
    apart = duplicates[~duplicates["same_lesion"]]
    rows = [
        *_counts(dataset),
        ("unreadable images", 0, len(unreadable)),
        ("exact duplicates", 0, int((duplicates["kind"] == "exact").sum())),
        ("near duplicates under different lesion ids", None, int((apart["kind"] == "near").sum())),
        *_leaks(dataset),
    ]
    table = pd.DataFrame(rows, columns=["check", "expected", "found"]).astype({"expected": "Int64", "found": "Int64"})
    table["ok"] = (table["expected"].isna() | (table["expected"] == table["found"])).astype(bool)
    return Verification(table, unreadable, duplicates)


def _counts(dataset: LesionDataset) -> list[tuple[str, int | None, int]]:
    # The card counts the dataset itself, without an official test set of another release.
    frame = dataset.frame
    official = frame["image"].str.startswith("ISIC2018_Task3_Test")
    pool = frame[~official]
    known = not dataset.is_phantom
    found = pool["label"].value_counts()
    rows = [("images", dataset.card.images if known else None, len(pool))]
    if official.any():
        rows.append(("official test images", None, int(official.sum())))
    rows.append(("lesions", dataset.card.lesions if known else None, pool["lesion_id"].nunique()))
    rows += [
        (f"images of {label}", facts.images if known else None, int(found.get(label, 0)))
        for label, facts in dataset.card.classes.items()
    ]
    return rows


def _leaks(dataset: LesionDataset) -> list[tuple[str, int | None, int]]:
    rows = []
    for column in ("patient_id", "lesion_id"):
        known = dataset.frame.dropna(subset=[column, "split"])
        if known.empty:
            continue
        sides = known.groupby(column)["split"].nunique()
        rows.append((f"{column} on two sides of the split", 0, int((sides > 1).sum())))
    return rows


def _hash_images(dataset: LesionDataset) -> tuple[pd.DataFrame, list[str]]:
    rows, unreadable = [], []
    for row in range(len(dataset)):
        try:
            content = hashlib.sha256(dataset.image_bytes(row)).hexdigest()
            rows.append((row, content, _difference_hash(dataset.image(row))))
        except InputError as error:
            unreadable.append(str(error))
    return pd.DataFrame(rows, columns=["row", "content", "look"]), unreadable


def _difference_hash(image: Image.Image) -> np.uint64:
    gray = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR), dtype=np.int16)
    return np.packbits(gray[:, 1:] > gray[:, :-1]).view(np.uint64)[0]


def _duplicates(dataset: LesionDataset, hashes: pd.DataFrame) -> pd.DataFrame:
    look = hashes["look"].to_numpy(dtype=np.uint64)
    content = hashes["content"].to_numpy()
    rows = hashes["row"].to_numpy()
    ids, lesions = dataset.frame["image_id"], dataset.frame["lesion_id"]
    pairs = []
    for i in range(len(look)):
        for j in i + 1 + np.flatnonzero(np.bitwise_count(look[i + 1 :] ^ look[i]) <= _NEAR):
            a, b = rows[i], rows[j]
            same = pd.notna(lesions[a]) and lesions[a] == lesions[b]
            kind = "exact" if content[i] == content[j] else "near"
            pairs.append((ids[a], ids[b], kind, bool(same)))
    frame = pd.DataFrame(pairs, columns=["image_id_a", "image_id_b", "kind", "same_lesion"])
    return frame.astype({"same_lesion": bool})
