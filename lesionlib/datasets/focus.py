"""The lesion without its surroundings: images cropped to the lesion's mask, or blank outside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from PIL import Image

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.merged import MergedFiles
from lesionlib.datasets.schema import LesionDataset, digest
from lesionlib.errors import InputError
from lesionlib.numeric import is_number

_GRAY = "#808080"
_NEAREST = Image.Resampling.NEAREST


@dataclass(frozen=True)
class FocusedFiles:
    """The files of a dataset, each image cropped or blanked by its mask when it is decoded.

    It reads as `ImageFiles` does; sizes and contents are those of the whole images.

    Attributes
    ----------
    files : ImageFiles or MergedFiles
    masks : dict of str to str
        Reference of an image -> reference of its mask.
    how : str
        ``"crop"`` or ``"mask"``.
    margin : float
        Of the crop, as a share of the lesion's longer side.
    """

    files: ImageFiles | MergedFiles
    masks: dict[str, str]
    how: str
    margin: float

    def size(self, reference: str) -> int:
        """Size of the file in bytes (unpacked)."""
        return self.files.size(reference)

    def read(self, reference: str) -> bytes:
        """Read the whole file: the image as it is stored."""
        return self.files.read(reference)

    def image(self, reference: str, mode: str = "RGB") -> Image.Image:
        """Decode an image and focus it; a mask comes cropped like its image."""
        image = self.files.image(reference, mode)
        of_mask = reference in self._all_masks
        mask = image if of_mask else self.files.image(self.masks[reference], "L").resize(image.size, _NEAREST)
        lesion = mask.point(lambda value: 255 if value else 0).convert("L")
        if lesion.getbbox() is None:
            return image
        if self.how == "crop":
            return image.crop(_box(lesion, self.margin))
        return image if of_mask else Image.composite(image, Image.new(mode, image.size, _GRAY), lesion)

    @cached_property
    def _all_masks(self) -> set[str]:
        return set(self.masks.values())


def on_lesion(dataset: LesionDataset, how: str = "crop", margin: float = 0.25) -> LesionDataset:
    """Focus a dataset's images on the lesions, by their masks.

    nedelcu2021 (section V) names segmentation as future work, "to help the model focus on the most critical regions
    of the image without removing all of the, also important, surrounding context". A crop keeps context as wide as
    its margin; a mask keeps none.

    Parameters
    ----------
    dataset : LesionDataset
        With a mask for every image.
    how : {"crop", "mask"}
        Cut a square around the lesion; or keep the picture's frame and turn all skin outside the lesion gray.
    margin : float
        Skin around the lesion on each side of a crop, as a share of the lesion's longer side, 0 or more. Where
        the picture ends, so does the crop.

    Returns
    -------
    LesionDataset
        The same rows and classes; another fingerprint. An image whose mask is empty stays whole.

    Raises
    ------
    InputError
        An unknown `how`, a negative margin, or images without masks.
    """
    if how not in ("crop", "mask"):
        raise InputError(f"how: {how!r} is not known; choose crop (around the lesion) or mask (gray outside it)")
    if not is_number(margin, 0):
        raise InputError(f"margin: {margin!r}; expected a share of the lesion's side, 0 or more")
    lost = int(dataset.frame["mask"].isna().sum())
    if lost:
        raise InputError(
            f"{dataset.name}: {lost} of {len(dataset)} images have no mask; focusing needs one for each image: take "
            "those that have one with dataset.where(mask=dataset.frame['mask'].dropna()), or another dataset (ham10000 "
            "with its segmentations, dermofit, ph2)"
        )
    masks = dict(zip(dataset.frame["image"], dataset.frame["mask"], strict=True))
    way = f"{how}:{float(margin)}" if how == "crop" else how
    return replace(
        dataset,
        files_digest=digest([dataset.files_digest, way]),
        _files=FocusedFiles(dataset._files, masks, how, float(margin)),
    )


def _box(lesion: Image.Image, margin: float) -> tuple[int, int, int, int]:
    """Give left, top, right and bottom of a square around the lesion, within the picture."""
    left, top, right, bottom = lesion.getbbox()
    half = max(right - left, bottom - top) * (0.5 + margin)
    x, y = (left + right) / 2, (top + bottom) / 2
    return (
        max(0, round(x - half)),
        max(0, round(y - half)),
        min(lesion.width, round(x + half)),
        min(lesion.height, round(y + half)),
    )
