"""PH2: a table between double bars, codes with a legend, one folder an image."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_ham10000 import picture, refused, tree, write_folder, write_zip

from lesionlib.datasets import card, load
from lesionlib.datasets.schema import COLUMNS

HEADER = (
    "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | Dots/Globules "
    "| Streaks | Regression Areas | Blue-Whitish Veil ||           Colors ||"
)
ROWS = [
    ("IMD003", "", "0", "0", "T", "A", "A", "A", "A", "4"),
    ("IMD057", "Dysplastic Nevus", "1", "1", "AT", "T", "P", "P", "A", "2  3  4"),
    ("IMD211", "Nodular Melanoma", "2", "2", "AT", "AT", "P", "P", "P", "1  2  3  4  5  6"),
    ("IMD242", "Lentigo Maligna", "2", "2", "AT", "A", "A", "A", "A", "3  4  6"),
]
LEGEND = "\r\n\r\nLegends for Clinical Diagnosis: \r\n   0 - Common Nevus;\r\n   2 - Melanoma.\r\n"
IDS = ["IMD003", "IMD057", "IMD211", "IMD242"]
IMAGES = "PH2 Dataset images"


def line(name, histology, clinical, *signs):
    """One row as it is published, aligned to the right under the header."""
    *signs, colors = signs
    widths = (9, 15, 13, 7, 16, 17)
    middle = " | ".join(f"{sign:>{width}}" for sign, width in zip(signs, widths, strict=False))
    return f"|| {name} || {histology:>22} || {clinical:>18} || {middle} || {colors:>16} ||"


def table(rows=ROWS, header=HEADER):
    return "\r\n".join([header, *(line(*row) for row in rows), LEGEND]).encode()


def bmp(image):
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()


def members(prefix="", content=None):
    """The official files: images, masks of all but the first, one region of interest, and the table."""
    mask = Image.fromarray(np.pad(np.ones((10, 20), dtype=bool), 10))
    files = {"PH2_dataset.txt": content or table(), "PH2_dataset.xlsx": b"the same as a sheet"}
    for number, name in enumerate(IDS):
        files[f"{IMAGES}/{name}/{name}_Dermoscopic_Image/{name}.bmp"] = bmp(picture(number))
        files[f"{IMAGES}/{name}/{name}_lesion/{name}_lesion.bmp"] = bmp(mask)
    del files[f"{IMAGES}/IMD003/IMD003_lesion/IMD003_lesion.bmp"]
    files[f"{IMAGES}/IMD211/IMD211_roi/IMD211_R1_Label3.bmp"] = bmp(mask)
    return {prefix + path: data for path, data in files.items()}


@pytest.fixture
def unpacked(tmp_path):
    write_folder(tmp_path / "ph2", members("PH2Dataset/"))
    return tmp_path / "ph2"


def as_a_zip(root):
    root.mkdir()
    write_zip(root / "PH2Dataset.zip", members("PH2Dataset/"))


def as_a_zip_without_a_folder(root):
    root.mkdir()
    write_zip(root / "PH2Dataset.zip", members())


def the_folder_itself(root):
    write_folder(root, members())


def zip_and_folder(root):
    as_a_zip(root)
    write_folder(root, members("PH2Dataset/"))


def zip_and_its_content(root):
    as_a_zip(root)
    write_folder(root, members())


def two_copies(root):
    write_folder(root, members("copy/PH2Dataset/") | members("PH2Dataset/"))


LAYOUTS = [as_a_zip, as_a_zip_without_a_folder, the_folder_itself, zip_and_folder, zip_and_its_content, two_copies]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_dataset(tmp_path, unpacked, layout):
    first = load("ph2", root=unpacked)
    layout(tmp_path / "other")
    before = tree(tmp_path / "other")
    other = load("ph2", root=tmp_path / "other")
    places = ["image", "mask"]
    pd.testing.assert_frame_equal(other.frame.drop(columns=places), first.frame.drop(columns=places))
    assert other.fingerprint == first.fingerprint
    for row in range(4):
        assert other.image_bytes(row) == first.image_bytes(row)
        assert np.array_equal(np.asarray(other.image(row)), np.asarray(picture(row)))
    assert np.array_equal(np.asarray(other.mask(2)), np.asarray(first.mask(2)))
    assert tree(tmp_path / "other") == before


def test_the_frame_cell_by_cell(unpacked):
    dataset = load("ph2", root=unpacked)
    frame = dataset.frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert list(frame["image_id"]) == IDS
    assert list(frame["label"]) == ["common_nevus", "atypical_nevus", "melanoma", "melanoma"]
    # Histology is finer than the clinical diagnosis, where there is one.
    assert list(frame["diagnosis"]) == ["common_nevus", "atypical_nevus", "nodular_melanoma", "lentigo_maligna"]
    assert list(frame["confirmed_by"]) == [pd.NA, "histo", "histo", "histo"]
    assert frame["image"].iat[0] == f"PH2Dataset/{IMAGES}/IMD003/IMD003_Dermoscopic_Image/IMD003.bmp"
    assert list(frame["mask"].isna()) == [True, False, False, False]
    assert frame["mask"].iat[2] == f"PH2Dataset/{IMAGES}/IMD211/IMD211_lesion/IMD211_lesion.bmp"
    assert set(np.unique(np.asarray(dataset.mask(2)))) == {0, 255}
    assert (np.asarray(dataset.mask(2)) == 255).sum() == 10 * 20
    assert set(frame["modality"]) == {"dermoscopic"}
    empty = ["lesion_id", "patient_id", "age", "sex", "site", "skin_type", "split"]
    assert frame[empty].isna().all(axis=None)


def with_table(content):
    return lambda root: write_folder(root / "PH2Dataset", {"PH2_dataset.txt": content})


def row_but(number, cell, value):
    """The table with one cell (counted from 0) of one row changed."""
    rows = list(ROWS)
    rows[number] = (*rows[number][:cell], value, *rows[number][cell + 1 :])
    return with_table(table(rows))


def path_of(name):
    return f"PH2Dataset/{IMAGES}/{name}/{name}_Dermoscopic_Image/{name}.bmp"


def no_images(root):
    for path in list(root.rglob("*.bmp")):
        path.unlink()


def cut_zip(root):
    whole = io.BytesIO()
    write_zip(whole, members())
    (root / "more.zip").write_bytes(whole.getvalue()[:-300])


def still_a_rar(root):
    (root / "PH2Dataset").rename(root.parent / "away")
    (root / "PH2Dataset.rar").write_bytes(b"Rar!")


TXT = "PH2_dataset.txt"
BAD = {
    "not unpacked": (still_a_rar, [f"ph2 lacks {TXT}", "expected PH2Dataset.zip", "found PH2Dataset.rar"]),
    "no table": (lambda root: (root / "PH2Dataset" / TXT).unlink(), [f"ph2 lacks {TXT}", "found PH2Dataset/"]),
    "another table": (with_table(b"name,age\n1,2\n"), [TXT, "not the official table", "expected the columns name, "]),
    "empty table": (with_table(b""), [TXT, "not the official table"]),
    "other columns": (
        with_table(table(header=HEADER.replace("Streaks", "Strikes"))),
        [TXT, "not the official table", "strikes"],
    ),
    "a cell less": (
        with_table(table([*ROWS[:1], ROWS[1][:5] + ROWS[1][6:], *ROWS[2:]])),
        [f"{TXT}, line 3", "9 cells; expected 10"],
    ),
    "unknown class": (
        row_but(2, 2, "7"),
        [f"{TXT}, line 4", "clinical_diagnosis is '7'", "one of 0, 1, 2"],
    ),
    "row twice": (with_table(table([*ROWS, ROWS[0]])), ["image id IMD003 stands in 2 rows"]),
    "row without an image": (
        lambda root: (root / path_of("IMD057")).unlink(),
        [TXT, "1 of 4 rows have no image", "IMD057"],
    ),
    "image without a row": (with_table(table(ROWS[1:])), [TXT, "1 images have no row", path_of("IMD003")]),
    "no images": (no_images, [f"ph2 lacks the images of '{IMAGES}'", "found PH2Dataset/"]),
    "image as .jpg too": (
        lambda root: (root / path_of("IMD057").replace(".bmp", ".jpg")).write_bytes(b"x"),
        ["image IMD057 stands twice", "IMD057.bmp", "IMD057.jpg", "remove one"],
    ),
    "zip cut short": (cut_zip, ["more.zip", "not a whole zip archive"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_refused_in_one_line(unpacked, case):
    spoil, expected = BAD[case]
    spoil(unpacked)
    refused(lambda: load("ph2", root=unpacked), str(unpacked) if case != "row twice" else "ph2", *expected)


def test_a_histology_that_nobody_knows_names_itself(unpacked):
    row_but(1, 1, "Nevus of a New Kind")(unpacked)
    assert load("ph2", root=unpacked).frame["diagnosis"].iat[1] == "nevus_of_a_new_kind"


def test_without_histology_the_clinical_diagnosis_is_all_there_is(unpacked):
    with_table(table([(row[0], "", *row[2:]) for row in ROWS]))(unpacked)
    frame = load("ph2", root=unpacked).frame
    assert list(frame["diagnosis"]) == ["common_nevus", "atypical_nevus", "melanoma", "melanoma"]
    assert frame["confirmed_by"].isna().all()


def test_the_counts_of_the_card_agree():
    facts = card("ph2")
    assert sum(entry.images for entry in facts.classes.values()) == facts.images == 200
    assert facts.access.kind == "form"
    assert not facts.may_publish_images
