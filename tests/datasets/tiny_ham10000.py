"""A dozen tiny images in HAM10000's official layout: zipped, unpacked or loose."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionlib.datasets.cards import card
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.schema import COLUMNS, LesionDataset
from lesionlib.errors import InputError

PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
MASKS = "HAM10000_segmentations_lesion_tschandl"
TEST_IMAGES = "ISIC2018_Task3_Test_Input"
TEST_TABLE = "ISIC2018_Task3_Test_GroundTruth"
HEADER = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
ROWS = (
    ("HAM_01", "ISIC_01", "nv", "follow_up", "35.0", "female", "back"),
    ("HAM_01", "ISIC_02", "nv", "follow_up", "35.0", "female", "back"),
    ("HAM_02", "ISIC_03", "nv", "histo", "", "unknown", "unknown"),
    ("HAM_03", "ISIC_04", "nv", "histo", "60.0", "male", "scalp"),
    ("HAM_04", "ISIC_05", "mel", "histo", "70.0", "male", "face"),
    ("HAM_04", "ISIC_06", "mel", "histo", "70.0", "male", "face"),
    ("HAM_04", "ISIC_07", "mel", "histo", "70.0", "male", "face"),
    ("HAM_05", "ISIC_08", "mel", "histo", "45.0", "female", "foot"),
    ("HAM_06", "ISIC_09", "bkl", "consensus", "50.0", "unknown", "trunk"),
    ("HAM_07", "ISIC_10", "bkl", "confocal", "80.0", "female", "unknown"),
    ("HAM_08", "ISIC_11", "df", "histo", "40.0", "male", "hand"),
    ("HAM_09", "ISIC_12", "vasc", "histo", "0.0", "female", "ear"),
)
TEST_ROWS = (
    ("HAM_20", "ISIC_90", "nv", "histo", "30.0", "male", "back"),
    ("HAM_21", "ISIC_91", "mel", "histo", "", "female", "neck"),
)


def picture(number: int) -> Image.Image:
    """40 x 30 pixels of smooth noise; another number gives a picture that looks different."""
    patches = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((40, 30), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def png_mask() -> bytes:
    mask = np.zeros((30, 40), dtype=np.uint8)
    mask[10:20, 10:30] = 255
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()


def images_of(rows) -> dict[str, bytes]:
    return {f"{row[1]}.jpg": jpeg(picture(int(row[1].removeprefix("ISIC_")))) for row in rows}


def write_zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_folder(path: Path, members: dict[str, bytes]) -> None:
    for name, content in members.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def write_table(path: Path, rows, header=HEADER) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        # Dataverse's .tab quotes its texts.
        style = {"delimiter": "\t", "quoting": csv.QUOTE_ALL} if path.suffix == ".tab" else {}
        csv.writer(file, **style).writerows([header, *rows])
    return path


def write_zipped(root: Path, rows=ROWS) -> Path:
    """The archives and ``HAM10000_metadata.csv``, as Dataverse serves them."""
    root.mkdir(parents=True, exist_ok=True)
    write_zip(root / f"{PARTS[0]}.zip", images_of(rows[:7]))
    write_zip(root / f"{PARTS[1]}.zip", images_of(rows[7:]))
    write_table(root / "HAM10000_metadata.csv", rows)
    return root


def write_unpacked(root: Path, rows=ROWS) -> Path:
    write_folder(root / PARTS[0], images_of(rows[:7]))
    write_folder(root / PARTS[1], images_of(rows[7:]))
    write_table(root / "HAM10000_metadata.csv", rows)
    return root


def write_loose(root: Path, rows=ROWS) -> Path:
    write_folder(root, images_of(rows))
    write_table(root / "HAM10000_metadata.csv", rows)
    return root


def write_extras(root: Path) -> Path:
    """Masks of the first three images and the ISIC 2018 test set, beside the rest."""
    masks = {f"{MASKS}/{row[1]}_segmentation.png": png_mask() for row in ROWS[:3]}
    write_zip(root / f"{MASKS}.zip", masks)
    write_zip(root / f"{TEST_IMAGES}.zip", {f"{TEST_IMAGES}/{k}": v for k, v in images_of(TEST_ROWS).items()})
    write_table(root / f"{TEST_TABLE}.csv", [(*row, "isic") for row in TEST_ROWS], (*HEADER, "dataset"))
    return root


def dataset_of(frame) -> LesionDataset:
    """A dataset without files around a frame that names at least image_id and label."""
    facts = card("ham10000")
    frame = frame.reindex(columns=list(COLUMNS)).astype(COLUMNS).reset_index(drop=True)
    return LesionDataset(
        "toy", frame, list(facts.classes), facts, Path("nowhere"), "0" * 12, ImageFiles(Path("nowhere"))
    )


def tree(root: Path) -> dict[str, bytes]:
    """Every file below `root` with its content, hidden ones too."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refused(action, *expected) -> None:
    """Check that an action is refused in one line that holds the expected words."""
    with pytest.raises(InputError) as caught:
        action()
    assert "\n" not in str(caught.value)
    for words in expected:
        assert words in str(caught.value)
