"""Splits by patient, lesion or image, stratified by class, the same on every machine."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from math import ceil, isclose

import pandas as pd

from lesionlib.errors import InputError
from lesionlib.numeric import is_number, is_whole


def split(
    frame: pd.DataFrame, shares: dict[str, float], by: str | None, seed: int, official_test: frozenset[str]
) -> pd.DataFrame:
    """Return `frame` with its column `split` filled; see `LesionDataset.with_split`."""
    if all(is_whole(share, 0) for share in shares.values()) and sum(shares.values()) > 1:
        _check_images(shares, len(frame), by)
        return frame.assign(split=_deal_images(frame, shares, _groups(frame, by), seed))
    proper = all(is_number(share, 0) for share in shares.values())
    if not proper or not isclose(sum(shares.values()), 1, abs_tol=1e-6):
        raise InputError(f"the shares of a split are numbers from 0 to 1 that sum to 1; got {shares}")
    if by == "official":
        return _official(frame, shares, seed, official_test)
    return frame.assign(split=_deal(frame, shares, _groups(frame, by), seed))


def folds(frame: pd.DataFrame, n: int, by: str | None, seed: int) -> Iterator[pd.DataFrame]:
    """Yield `n` frames, each with another fold as ``valid``; see `LesionDataset.folds`."""
    if not is_whole(n, 2):
        raise InputError(f"cross-validation needs 2 folds or more, a whole number; got {n!r}")
    fold = _deal(frame, {str(k): 1 / n for k in range(n)}, _groups(frame, by), seed)
    for k in range(n):
        yield frame.assign(split=(fold == str(k)).map({True: "valid", False: "train"}).astype("string"))


def staged(frame: pd.DataFrame, aside: float, test: float, seed: int) -> pd.DataFrame:
    """Return `frame` with its column `split` filled in two stages, by image and class by class.

    Of each class a share is set aside (``<NA>``: in no part), of the rest a share becomes ``test``, and what is left
    ``train``; both shares are rounded up. With a tenth and a fifth it is how mendes2018 came to the test images of
    its Table IV, though neither of its sections says so.

    Parameters
    ----------
    frame : pandas.DataFrame
    aside, test : float
        Shares, 0 or more and below 1.
    seed : int

    Raises
    ------
    InputError
        A share out of range, or a class with too few images to leave one for training.
    """
    if not all(is_number(share, 0) and share < 1 for share in (aside, test)):
        raise InputError(f"a staged split takes two shares, each 0 or more and below 1; got {aside!r} and {test!r}")
    ordered = frame.loc[shuffled(frame["image_id"], seed)]
    part = pd.Series(pd.NA, index=frame.index, dtype="string")
    for label, rows in ordered.groupby("label", sort=False).groups.items():
        kept = rows[_up(len(rows) * aside) :]
        tested = _up(len(kept) * test)
        if tested >= len(kept):
            raise InputError(
                f"the class {label} has {len(rows)} images: set {aside:.0%} aside and test {test:.0%} of the rest, "
                "each rounded up, and none is left to train on; add images, or drop the class with relabel()"
            )
        part[kept[:tested]] = "test"
        part[kept[tested:]] = "train"
    return frame.assign(split=part)


def deal_validation(frame: pd.DataFrame, share: float, by: str | None, seed: int) -> pd.DataFrame:
    """Return `frame` with ``train`` and ``valid`` dealt anew between them; all other rows stay where they are.

    Parameters
    ----------
    frame : pandas.DataFrame
        Split already.
    share : float
        Of the dealt images that become ``valid``, above 0 and below 1.
    by : str or None
        What stays together: as in `LesionDataset.with_split`.
    seed : int

    Raises
    ------
    InputError
        A share out of range, an unknown or empty column, or nothing to deal.
    """
    if not is_number(share) or not 0 < share < 1:
        raise InputError(f"the share of validation is {share!r}; expected a number above 0 and below 1")
    pool = frame[frame["split"].isin(["train", "valid"])]
    if pool.empty:
        raise InputError("no image is in train or valid: there is nothing to deal; split the dataset first")
    dealt = _deal(pool, {"train": 1 - share, "valid": share}, _groups(pool, by), seed)
    return frame.assign(split=dealt.reindex(frame.index).fillna(frame["split"]))


def _check_images(images: dict[str, int], there: int, by: str | None) -> None:
    if sum(images.values()) != there:
        raise InputError(
            f"the parts of a split, counted in images, sum to the {there} that are here; got {images}, "
            f"{sum(images.values())} in all"
        )
    if by == "official":
        raise InputError("the official test set has its own size: beside by='official', give shares, not images")


def _up(images: float) -> int:
    # 0.07 x 100 is a little more than 7 in binary.
    return ceil(images - 1e-9)


def _official(frame: pd.DataFrame, shares: dict[str, float], seed: int, official_test: frozenset[str]) -> pd.DataFrame:
    test = frame["image_id"].isin(official_test)
    if not test.any():
        raise InputError(
            "no official test set stands beside this dataset (see `lesionlib data card` for its files); "
            "split by lesion_id instead"
        )
    pool = frame[~test]
    kept = shares["train"] + shares["valid"]
    if kept == 0:
        raise InputError(f"the shares of train and valid are both 0; got {shares}")
    dealt = _deal(pool, {part: shares[part] / kept for part in ("train", "valid")}, _groups(pool, "auto"), seed)
    return frame.assign(split=dealt.reindex(frame.index).fillna("test"))


def _groups(frame: pd.DataFrame, by: str | None) -> pd.Series:
    """Name the group of each row; rows of one group stay together."""
    if by is None:
        return frame["image_id"]
    # An augmented copy shows what its original shows.
    picture = frame["original"].fillna(frame["image_id"]) if "original" in frame else frame["image_id"]
    alone = "image:" + picture
    if by == "auto":
        known = frame["patient_id"].fillna(frame["lesion_id"])
        if known.isna().all():
            warnings.warn(
                "neither patients nor lesions are known: split by image; "
                "where two images show one lesion, the test figures are too good",
                stacklevel=4,
            )
        return known.fillna(alone)
    if not isinstance(by, str) or by not in frame:
        raise InputError(f"cannot split by {by!r}: expected auto, official, None or one of {', '.join(frame.columns)}")
    if frame[by].isna().all():
        raise InputError(f"cannot split by {by!r}: no image has one; split by auto, or by None (by image)")
    return frame[by].astype("string").fillna(alone)


def _deal(frame: pd.DataFrame, shares: dict[str, float], groups: pd.Series, seed: int) -> pd.Series:
    """Deal whole groups to parts, each to the part that lacks most images of the group's class.

    The order is that of a hash of seed and group name, so it depends neither on the order of
    the rows nor on a random number generator's version.
    """
    part_of: dict[str, str] = {}
    for _, members in _table(frame, groups, seed).groupby("label", sort=False):
        lacking = {part: share * members["images"].sum() for part, share in shares.items() if share > 0}
        part_of |= _hand_out(members["images"], lacking)
    return groups.map(part_of).astype("string")


def _deal_images(frame: pd.DataFrame, images: dict[str, int], groups: pd.Series, seed: int) -> pd.Series:
    """Deal as `_deal` does, but to counted parts: what one class leaves lacking, the next makes up for.

    Dealt one image at a time, no part ever lacks less than -2/3 of an image, so at the end none lacks any. Large
    groups go first, so that single images can fill what they leave.
    """
    table = _table(frame, groups, seed).sort_values("images", ascending=False, kind="stable")
    lacking = {part: 0.0 for part, count in images.items() if count > 0}
    part_of: dict[str, str] = {}
    for _, members in table.groupby("label"):
        for part in lacking:
            lacking[part] += images[part] * members["images"].sum() / len(frame)
        part_of |= _hand_out(members["images"], lacking)
    return groups.map(part_of).astype("string")


def _table(frame: pd.DataFrame, groups: pd.Series, seed: int) -> pd.DataFrame:
    """Give label and images of each group, in the order in which they are dealt."""
    rows = pd.DataFrame({"group": groups, "label": frame["label"]})
    table = rows.groupby("group", sort=False).agg(label=("label", "min"), images=("label", "size"))
    return table.loc[sorted(table.index, key=lambda group: _hash(seed, group))]


def _hand_out(sizes: pd.Series, lacking: dict[str, float]) -> dict[str, str]:
    """Give each group to the part that lacks most, and take its size off what that part lacks."""
    part_of = {}
    for group, images in sizes.items():
        part_of[group] = max(lacking, key=lacking.__getitem__)
        lacking[part_of[group]] -= images
    return part_of


def shuffled(names: pd.Series, seed: int) -> list:
    """Give the index of `names` in a random order that follows from seed and names alone."""
    return sorted(names.index, key=lambda row: _hash(seed, names[row]))


def _hash(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
