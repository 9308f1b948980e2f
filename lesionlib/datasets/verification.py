"""Is a copy of a dataset whole, and does a split keep its promises?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

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

    Parameters
    ----------
    dataset : LesionDataset
        As loaded.

    Returns
    -------
    Verification
        Tables of what was expected and what was found.
    """
    looks, unreadable = _look_at_all(dataset)
    duplicates = _duplicates(dataset, looks)
    apart = duplicates[~duplicates["same_lesion"]]
    rows = [
        ("unreadable images", 0, len(unreadable)),
        ("exact duplicates", None, int((duplicates["kind"] == "exact").sum())),
        ("near duplicates", None, int((duplicates["kind"] == "near").sum())),
        ("duplicates under different lesion ids", None, len(apart)),
        *_leaks(dataset),
    ]
    table = pd.concat([counts(dataset), _table(rows)], ignore_index=True)
    return Verification(table, unreadable, duplicates)


def counts(dataset: LesionDataset) -> pd.DataFrame:
    """Count images, lesions, patients and classes, without opening an image.

    Where each image stands on a page of its own, some are gone: there, fewer than the card's count are in order.

    Returns
    -------
    pandas.DataFrame
        One row a check: check, expected, found, ok. `expected` is the card's count, ``<NA>`` for phantoms and one's
        own data.
    """
    frame, card = dataset.frame, dataset.card
    official = frame["image_id"].isin(dataset.official_test)
    # Most cards count the publisher's test images; some leave out a test set that came with another release.
    expected_images = len(frame) if card.images is None else card.images
    pool = min((frame, frame[~official]), key=lambda rows: abs(len(rows) - expected_images))
    found = pool["label"].value_counts()
    rows = [("images", card.images, len(pool))]
    if len(pool) < len(frame):
        rows.append(("official test images", None, int(official.sum())))
    for unit, expected in (("lesion", card.lesions), ("patient", card.patients)):
        if expected is not None or pool[f"{unit}_id"].notna().any():
            rows.append((f"{unit}s", expected, pool[f"{unit}_id"].nunique()))
    rows += [(f"images of {label}", facts.images, int(found.get(label, 0))) for label, facts in card.classes.items()]
    if dataset.is_phantom or card.access.kind == "own":
        rows = [(check, None, number) for check, _, number in rows]
    table = _table(rows)
    if card.access.kind == "links":
        table["ok"] |= (table["found"] < table["expected"]).fillna(False).astype(bool)
    return table


def _table(rows: list[tuple[str, int | None, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["check", "expected", "found"]).astype({"expected": "Int64", "found": "Int64"})
    return table.assign(ok=(table["expected"].isna() | (table["expected"] == table["found"])).astype(bool))


def _leaks(dataset: LesionDataset) -> list[tuple[str, int | None, int]]:
    rows = []
    for column in ("patient_id", "lesion_id"):
        known = dataset.frame.dropna(subset=[column, "split"])
        if len(known):
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
    rows, looks, unreadable = [], [], []
    # Decoding takes nearly all of the time, and Pillow lets other threads run meanwhile.
    with ThreadPoolExecutor() as pool:
        found = pool.map(partial(_look, dataset), range(len(dataset)))
        for row, look in enumerate(tqdm(found, total=len(dataset), desc="images", leave=False, disable=None)):
            if isinstance(look, InputError):
                unreadable.append(str(look))
                continue
            rows.append(row)
            looks.append(look)
    digests, hashes, thumbnails = zip(*looks, strict=True) if looks else ((), (), ())
    arrays = np.array(hashes).reshape(-1, 4), np.array(thumbnails).reshape(-1, 768)
    return _Looks(rows, list(digests), *arrays), unreadable


def _look(dataset: LesionDataset, row: int) -> tuple[str, np.ndarray, np.ndarray] | InputError:
    try:
        content, image = dataset.image_bytes(row), dataset.image(row)
    except InputError as error:
        return error
    thumbnail = np.asarray(image.resize((16, 16), Image.Resampling.BOX), dtype=np.int16).ravel()
    return hashlib.sha256(content).hexdigest(), _difference_hash(image), thumbnail


def _difference_hash(image: Image.Image) -> np.ndarray:
    gray = np.asarray(image.convert("L").resize((17, 16), Image.Resampling.BOX), dtype=np.int16)
    return np.packbits(gray[:, 1:] > gray[:, :-1]).view(np.uint64)


def _duplicates(dataset: LesionDataset, looks: _Looks) -> pd.DataFrame:
    ids, lesions = dataset.frame["image_id"], dataset.frame["lesion_id"].fillna("")
    pairs = []
    for i, j in _near_pairs(looks.hashes, looks.thumbnails):
        a, b = looks.rows[i], looks.rows[j]
        same = lesions[a] != "" and lesions[a] == lesions[b]
        kind = "exact" if looks.digests[i] == looks.digests[j] else "near"
        pairs.append((ids[a], ids[b], kind, same))
    frame = pd.DataFrame(pairs, columns=["image_id_a", "image_id_b", "kind", "same_lesion"])
    return frame.astype({"same_lesion": bool})


def _near_pairs(hashes: np.ndarray, thumbnails: np.ndarray) -> Iterator[tuple[int, int]]:
    """Compare every hash (n x 4 words) with all that follow, and the thumbnails of those that are near.

    33,126 images take about two seconds: all pairs are cheap once the words of the hashes lie side by side.
    """
    words = np.ascontiguousarray(hashes.T)
    for i in range(len(hashes) - 1):
        bits = np.bitwise_count(words[:, i + 1 :] ^ words[:, i, None]).sum(axis=0, dtype=np.int16)
        near = i + 1 + np.flatnonzero(bits <= _NEAR_BITS)
        apart = np.abs(thumbnails[near] - thumbnails[i]).mean(axis=1)
        yield from ((i, int(j)) for j in near[apart <= _NEAR_COLOR])
