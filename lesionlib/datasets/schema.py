"""The one frame that every reader fills, and the dataset around it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from PIL import Image

from lesionlib.datasets import splits
from lesionlib.datasets.cards import Card
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.merged import MergedFiles
from lesionlib.errors import InputError

COLUMNS = {
    "image_id": "string",
    "image": "string",
    "label": "string",
    "diagnosis": "string",
    "lesion_id": "string",
    "patient_id": "string",
    "age": "Float64",
    "sex": "string",
    "site": "string",
    "skin_type": "Int64",
    "skin_tone_group": "string",
    "modality": "string",
    "confirmed_by": "string",
    "mask": "string",
    "source": "string",
    "split": "string",
}
"""Columns of `LesionDataset.frame` and their types; a missing value is ``<NA>``.

`skin_type` is the Fitzpatrick type, 1 to 6. `skin_tone_group` joins two types each, as ddi does: ``I-II``,
``III-IV`` or ``V-VI``.
"""

_TONE_GROUPS = {1: "I-II", 2: "I-II", 3: "III-IV", 4: "III-IV", 5: "V-VI", 6: "V-VI"}


def _nothing_dropped() -> pd.DataFrame:
    return pd.DataFrame(columns=["image_id", "source", "label", "reason"], dtype="string")


@dataclass(frozen=True)
class LesionDataset:
    """Images of skin lesions, one row an image.

    Attributes
    ----------
    name : str
        Name in the catalog; phantoms begin with ``phantom:``.
    frame : pandas.DataFrame
        One row an image, index 0..n-1, the columns of `COLUMNS`. `age` is in years.
    classes : list of str
        The class names, in the order of every probability column.
    card : Card
        What is known of the dataset (license, citation, expected counts).
    root : Path or None
        The folder that `image` and `mask` are relative to; None where `merge` joined several.
    files_digest : str
        Digest of the image files' names and sizes.
    official_test : frozenset of str
        Ids of the publisher's own test images, where they are here.
    dropped_images : pandas.DataFrame
        What `relabel` and `merge` left out, one row an image: image_id, source, label, reason.
    """

    name: str
    frame: pd.DataFrame
    classes: list[str]
    card: Card
    root: Path | None
    files_digest: str
    _files: ImageFiles | MergedFiles = field(repr=False, compare=False)
    official_test: frozenset[str] = field(default=frozenset(), repr=False)
    dropped_images: pd.DataFrame = field(default_factory=_nothing_dropped, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def is_phantom(self) -> bool:
        """Whether the images were drawn by the library."""
        return self.name.startswith("phantom:")

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that stand for the files (names, sizes) and labels.

        The same for archives and their unpacked files, and for every split of the dataset.
        """
        labels = self.frame[["image_id", "label", "lesion_id"]].fillna("").agg("|".join, axis=1)
        return digest([self.files_digest, *labels])

    @property
    def dropped(self) -> pd.DataFrame:
        """What `relabel` and `merge` left out: source, label, reason, images (how many)."""
        by = self.dropped_images.groupby(["source", "label", "reason"], sort=False)
        return by.size().rename("images").reset_index()

    def image(self, row: int) -> Image.Image:
        """Decode the image of a row.

        Parameters
        ----------
        row : int
            Row of the frame, from 0.

        Returns
        -------
        PIL.Image.Image
            RGB.
        """
        return self._files.image(self.frame["image"].iat[row])

    def image_bytes(self, row: int) -> bytes:
        """Read the image file of a row as it is stored.

        Parameters
        ----------
        row : int
            Row of the frame, from 0.

        Returns
        -------
        bytes
            The file's content.
        """
        return self._files.read(self.frame["image"].iat[row])

    def mask(self, row: int) -> Image.Image:
        """Decode the lesion mask of a row.

        Parameters
        ----------
        row : int
            Row of the frame, from 0.

        Returns
        -------
        PIL.Image.Image
            Mode L: 255 on the lesion, 0 elsewhere.

        Raises
        ------
        InputError
            The image has no mask.
        """
        mask = self.frame["mask"].iat[row]
        if pd.isna(mask):
            raise InputError(f"{self.name}: image {self.frame['image_id'].iat[row]} has no mask")
        return self._files.image(mask, mode="L")

    def with_split(
        self,
        train: float = 0.7,
        valid: float = 0.15,
        test: float = 0.15,
        by: str | None = "auto",
        seed: int = 0,
    ) -> LesionDataset:
        """Split into train, valid and test, stratified by class.

        Parameters
        ----------
        train, valid, test : float or int
            Shares of the images, in [0, 1], that sum to 1; a part with 0 is not there. Or how many images each has:
            whole numbers that sum to all of them, for a paper's printed split. By image they are met exactly, and
            each class is within 2 images of its share; by patient or lesion they are met as nearly as whole groups
            allow, exactly where enough of them have one image (`counts` tells).
        by : str or None
            What must not stand on two sides: ``"auto"`` (the patient where known, else the lesion,
            else the image, with a warning), a column, ``"official"`` (the publisher's test set; train
            and valid share the rest in their proportion), or None: by image. The last one leaks
            where a lesion has several images.
        seed : int
            Seed of the split, not of the training. The same on every machine.

        Returns
        -------
        LesionDataset
            The same rows, with ``train``, ``valid`` and ``test`` in the column `split`.

        Raises
        ------
        InputError
            Shares that do not sum to 1, counts that do not sum to the images or stand beside ``"official"``, an
            unknown or empty column, or no official test set here.
        """
        shares = {"train": train, "valid": valid, "test": test}
        return replace(self, frame=splits.split(self.frame, shares, by, seed, self.official_test))

    def only(self, *splits: str) -> LesionDataset:
        """Give the dataset of these splits' images alone, not yet split again.

        Parameters
        ----------
        *splits : str
            Such as ``"train"``.

        Returns
        -------
        LesionDataset
            Those rows, from row 0 on.

        Raises
        ------
        InputError
            The dataset has no such split.
        """
        rows = pd.concat([self.subset(split) for split in splits]).sort_index()
        return replace(self, frame=rows.assign(split=pd.NA).astype(COLUMNS).reset_index(drop=True))

    def where(self, **values: object) -> LesionDataset:
        """Give the dataset of the images whose columns have these values; its classes stay.

        For example ``where(modality="clinical", skin_type=[5, 6])``; ``pd.NA`` finds what is missing.

        Parameters
        ----------
        **values
            By column: a value, or a list of values.

        Returns
        -------
        LesionDataset
            Those rows, from row 0 on.

        Raises
        ------
        InputError
            A column that there is not, or no image left.
        """
        frame = self.frame
        for column, value in values.items():
            if column not in frame:
                raise InputError(f"{self.name}: no column {column!r}; expected one of {', '.join(frame.columns)}")
            wanted = list(value) if pd.api.types.is_list_like(value) else [value]
            rows = frame[frame[column].isin(wanted)]
            if rows.empty:
                asked = ", ".join(map(repr, wanted[:10])) or "anything"
                found = ", ".join(map(str, frame[column].unique()[:10]))
                raise InputError(f"{self.name}: no image where {column} is {asked}; there it is {found}")
            frame = rows
        return replace(self, frame=frame.reset_index(drop=True))

    def folds(self, n: int = 5, by: str | None = "auto", seed: int = 0) -> Iterator[LesionDataset]:
        """Give `n` datasets, each with another fold as ``valid`` and the others as ``train``.

        Parameters
        ----------
        n : int
            Number of folds, 2 or more.
        by : str or None
            What must not stand on two sides: as in `with_split`.
        seed : int
            Of the folds; the same on every machine.

        Returns
        -------
        iterator of LesionDataset
            One dataset a fold.
        """
        for frame in splits.folds(self.frame, n, by, seed):
            yield replace(self, frame=frame)

    def subset(self, split: str) -> pd.DataFrame:
        """Give the rows of one split.

        Parameters
        ----------
        split : str
            ``"train"``, ``"valid"``, ``"test"``, or ``"all"``.

        Returns
        -------
        DataFrame
            Part of the frame, with its row numbers as index.

        Raises
        ------
        InputError
            The dataset has no such split.
        """
        if split == "all":
            return self.frame
        rows = self.frame[self.frame["split"] == split]
        if rows.empty:
            found = sorted(self.frame["split"].dropna().unique())
            has = f"it has {', '.join(found)}" if found else "it has not been split: call with_split()"
            raise InputError(f"{self.name}: no images in the split {split!r}; {has}")
        return rows

    def cases(self) -> pd.DataFrame:
        """What a run keeps of each image beside its predictions: no picture, no path.

        Returns
        -------
        DataFrame
            One row an image: image_id, lesion_id, split, truth, age, sex, site.
        """
        columns = ["image_id", "lesion_id", "split", "label", "age", "sex", "site"]
        return self.frame[columns].rename(columns={"label": "truth"})

    def counts(self) -> pd.DataFrame:
        """Count the images of each class and split.

        Returns
        -------
        DataFrame
            Rows are classes, in class order; columns are splits, ``all`` where there are none, ``none`` for rows
            without one.
        """
        split = self.frame["split"].fillna("all" if self.frame["split"].isna().all() else "none")
        table = pd.crosstab(self.frame["label"], split).reindex(self.classes, fill_value=0)
        order = [name for name in ("train", "valid", "test", "none", "all") if name in table]
        return table[order].rename_axis(index="class", columns=None)


def build(name: str, rows: pd.DataFrame, card: Card, files: ImageFiles) -> LesionDataset:
    """Make a dataset of a reader's rows: fill missing columns, set types, check ids and classes.

    Raises
    ------
    InputError
        Duplicate image ids or classes that the card does not know.
    """
    classes = list(card.classes)
    refuse_duplicates(name, rows)
    unknown = rows.loc[~rows["label"].isin(classes)]
    if len(unknown):
        first = unknown.iloc[0]
        raise InputError(
            f"{name}: unknown class {first['label']!r} for image {first['image_id']} "
            f"({len(unknown)} such rows); expected one of {', '.join(classes)}"
        )
    terms = {key: facts.diagnosis for key, facts in card.classes.items()}
    derived = {"diagnosis": rows["label"].map(terms), "modality": card.modality}
    if "skin_type" in rows:
        derived["skin_tone_group"] = rows["skin_type"].map(_TONE_GROUPS)
    # A reader that knows more than the card (a finer diagnosis, pairs of two modalities) has said so itself.
    rows = rows.assign(source=name, **{column: derived[column] for column in derived if column not in rows})
    frame = rows.reindex(columns=list(COLUMNS)).astype(COLUMNS).reset_index(drop=True)
    sizes = [
        f"{image_id}:{files.size(image)}" for image_id, image in zip(frame["image_id"], frame["image"], strict=True)
    ]
    official_test = frozenset(frame["image_id"][frame["split"] == "test"])
    return LesionDataset(name, frame, classes, card, files.root, digest(sorted(sizes)), files, official_test)


def refuse_duplicates(name: str, rows: pd.DataFrame) -> None:
    """Refuse an image id that stands in two rows."""
    twice = rows["image_id"][rows["image_id"].duplicated()]
    if len(twice):
        raise InputError(
            f"{name}: the image id {twice.iloc[0]} stands in {int((rows['image_id'] == twice.iloc[0]).sum())} rows "
            f"of the metadata ({len(twice)} repeats in all); expected one row an image: remove the repeats"
        )


def digest(lines: list[str]) -> str:
    """Give twelve hex digits that stand for the lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
