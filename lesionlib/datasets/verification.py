"""Is a copy of a dataset whole, and does a split keep its promises?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError

# Calibrated on HAM10000: pairs within both bounds show one lesion in one framing.
_NEAR_BITS = 40
_NEAR_COLOR = 4.0


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

    Near duplicates are pairs whose difference hashes (the signs of 16 x 16 gray-level gradients)
    differ in at most 40 of 256 bits and whose 16 x 16 thumbnails differ by at most 4 of 255 gray
    levels on average. Duplicates are reported, not counted as a fault: the publisher put them there.
    """
    looks, unreadable = _look_at_all(dataset)
    duplicates = _duplicates(dataset, looks)
    apart = duplicates[~duplicates["same_lesion"]]
    rows = [
        *_counts(dataset),
        ("unreadable images", 0, len(unreadable)),
        ("exact duplicates", None, int((duplicates["kind"] == "exact").sum())),
        ("near duplicates", None, int((duplicates["kind"] == "near").sum())),
        ("duplicates under different lesion ids", None, len(apart)),
        *_leaks(dataset),
    ]
    table = pd.DataFrame(rows, columns=["check", "expected", "found"]).astype({"expected": "Int64", "found": "Int64"})
    table["ok"] = (table["expected"].isna() | (table["expected"] == table["found"])).astype(bool)
    return Verification(table, unreadable, duplicates)


def _counts(dataset: LesionDataset) -> list[tuple[str, int | None, int]]:
    # The card counts the dataset itself, without an official test set of another release.
    frame = dataset.frame
    official = frame["image_id"].isin(dataset.official_test)
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


@dataclass(frozen=True)
class _Looks:
    """What is compared: row numbers, digests of the files, difference hashes, thumbnails."""

    rows: list[int]
    digests: list[str]
    hashes: np.ndarray
    thumbnails: np.ndarray


def _look_at_all(dataset: LesionDataset) -> tuple[_Looks, list[str]]:
    rows, digests, hashes, thumbnails, unreadable = [], [], [], [], []
    for row in tqdm(range(len(dataset)), desc="images", leave=False, mininterval=1):
        try:
            content, image = dataset.image_bytes(row), dataset.image(row)
        except InputError as error:
            unreadable.append(str(error))
            continue
        rows.append(row)
        digests.append(hashlib.sha256(content).hexdigest())
        hashes.append(_difference_hash(image))
        thumbnails.append(np.asarray(image.resize((16, 16), Image.Resampling.BOX), dtype=np.int16).ravel())
    looks = _Looks(rows, digests, np.array(hashes).reshape(-1, 4), np.array(thumbnails).reshape(-1, 768))
    return looks, unreadable


def _difference_hash(image: Image.Image) -> np.ndarray:
    gray = np.asarray(image.convert("L").resize((17, 16), Image.Resampling.BOX), dtype=np.int16)
    return np.packbits(gray[:, 1:] > gray[:, :-1]).view(np.uint64)


def _duplicates(dataset: LesionDataset, looks: _Looks) -> pd.DataFrame:
    ids, lesions = dataset.frame["image_id"], dataset.frame["lesion_id"].fillna("")
    pairs = []
    for i in range(len(looks.rows)):
        bits = np.bitwise_count(looks.hashes[i + 1 :] ^ looks.hashes[i]).sum(axis=1, dtype=np.int64)
        for j in i + 1 + np.flatnonzero(bits <= _NEAR_BITS):
            if np.abs(looks.thumbnails[i] - looks.thumbnails[j]).mean() > _NEAR_COLOR:
                continue
            a, b = looks.rows[i], looks.rows[j]
            same = lesions[a] != "" and lesions[a] == lesions[b]
            kind = "exact" if looks.digests[i] == looks.digests[j] else "near"
            pairs.append((ids[a], ids[b], kind, same))
    frame = pd.DataFrame(pairs, columns=["image_id_a", "image_id_b", "kind", "same_lesion"])
    return frame.astype({"same_lesion": bool})
