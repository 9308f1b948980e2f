"""ISIC 2019 and ISIC 2020: one table of classes or diagnoses, one archive of images."""

from __future__ import annotations

import pandas as pd
import pytest
from tiny_ham10000 import jpeg, picture, refused, tree, write_folder, write_table, write_zip

from lesionlib.datasets import card, load
from lesionlib.datasets.schema import COLUMNS

TRUTH_2019 = "ISIC_2019_Training_GroundTruth.csv"
METADATA_2019 = "ISIC_2019_Training_Metadata.csv"
IMAGES_2019 = "ISIC_2019_Training_Input"
TRUTH_HEADER = ("image", "MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
METADATA_HEADER = ("image", "age_approx", "anatom_site_general", "lesion_id", "sex")
CLASS_OF = {
    "ISIC_0000000": "NV",
    "ISIC_0000030_downsampled": "MEL",
    "ISIC_0024306": "BKL",
    "ISIC_0053453": "SCC",
    "ISIC_0053500": "MEL",
}
TRUTH_ROWS = [
    (name, *("1.0" if key == label else "0.0" for key in TRUTH_HEADER[1:])) for name, label in CLASS_OF.items()
]
METADATA_ROWS = [
    ("ISIC_0000000", "55.0", "anterior torso", "", "female"),
    ("ISIC_0000030_downsampled", "30.0", "", "MSK4_0011169", "male"),
    ("ISIC_0024306", "0.0", "upper extremity", "HAM_0000550", ""),
    ("ISIC_0053453", "", "head/neck", "BCN_0003000", "male"),
    ("ISIC_0053500", "85.0", "palms/soles", "BCN_0003000", "female"),
]

TRUTH_2020 = "ISIC_2020_Training_GroundTruth.csv"
IMAGES_2020 = "ISIC_2020_Training_JPEG"
HEADER_2020 = ("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge", "diagnosis")
HEADER_2020 += ("benign_malignant", "target")
ROWS_2020 = [
    ("ISIC_2637011", "IP_7279968", "male", "45.0", "head/neck", "unknown", "benign", "0"),
    ("ISIC_0015719", "IP_3075186", "female", "45.0", "upper extremity", "lentigo NOS", "benign", "0"),
    ("ISIC_0052212", "IP_2842074", "", "", "", "nevus", "benign", "0"),
    ("ISIC_0149568", "IP_0962375", "female", "55.0", "upper extremity", "melanoma", "malignant", "1"),
    ("ISIC_0188432", "IP_0962375", "female", "50.0", "palms/soles", "unknown", "malignant", "1"),
]


def pictures(names, folder=""):
    return {f"{folder}{name}.jpg": jpeg(picture(number)) for number, name in enumerate(names)}


def write_2019(root, truth=TRUTH_ROWS, metadata=METADATA_ROWS):
    """The archive as the challenge serves it: a folder of its own name, and texts beside the images."""
    root.mkdir(parents=True, exist_ok=True)
    members = pictures(CLASS_OF, f"{IMAGES_2019}/") | {f"{IMAGES_2019}/LICENSE.txt": b"CC BY-NC 4.0"}
    write_zip(root / f"{IMAGES_2019}.zip", members)
    write_table(root / TRUTH_2019, truth, TRUTH_HEADER)
    write_table(root / METADATA_2019, metadata, METADATA_HEADER)
    return root


def unpacked_2019(root):
    write_2019(root)
    (root / f"{IMAGES_2019}.zip").unlink()
    write_folder(root / IMAGES_2019, pictures(CLASS_OF))


def both_2019(root):
    write_2019(root)
    write_folder(root / IMAGES_2019, pictures(CLASS_OF))


def below_2019(root):
    write_2019(root / "isic-2019")


def nested_2019(root):
    unpacked_2019(root)
    (root / IMAGES_2019).rename(root / "inner")
    (root / IMAGES_2019).mkdir()
    (root / "inner").rename(root / IMAGES_2019 / IMAGES_2019)
    # The test images of the challenge are of no concern.
    write_zip(root / "ISIC_2019_Test_Input.zip", pictures(["ISIC_0034321"], "ISIC_2019_Test_Input/"))


def write_2020(root, rows=ROWS_2020, header=HEADER_2020, table=TRUTH_2020):
    root.mkdir(parents=True, exist_ok=True)
    write_zip(root / f"{IMAGES_2020}.zip", pictures([row[0] for row in ROWS_2020], "train/"))
    write_table(root / table, rows, header)
    return root


def train_folder_2020(root):
    write_2020(root)
    (root / f"{IMAGES_2020}.zip").unlink()
    write_folder(root / "train", pictures([row[0] for row in ROWS_2020]))


def both_2020(root):
    write_2020(root)
    write_folder(root / "train", pictures([row[0] for row in ROWS_2020]))


def unpacked_below_2020(root):
    write_2020(root / "isic2020")
    (root / "isic2020" / f"{IMAGES_2020}.zip").unlink()
    write_folder(root / "isic2020" / IMAGES_2020 / "train", pictures([row[0] for row in ROWS_2020]))


WRITERS = {"isic2019": write_2019, "isic2020": write_2020}
LAYOUTS = [
    ("isic2019", unpacked_2019),
    ("isic2019", both_2019),
    ("isic2019", below_2019),
    ("isic2019", nested_2019),
    ("isic2020", train_folder_2020),
    ("isic2020", both_2020),
    ("isic2020", unpacked_below_2020),
]


@pytest.mark.parametrize(("name", "layout"), LAYOUTS)
def test_every_layout_gives_the_same_dataset(tmp_path, name, layout):
    zipped = load(name, root=WRITERS[name](tmp_path / "zipped"))
    layout(tmp_path / "other")
    before = tree(tmp_path / "other")
    other = load(name, root=tmp_path / "other")
    pd.testing.assert_frame_equal(other.frame.drop(columns="image"), zipped.frame.drop(columns="image"))
    assert other.fingerprint == zipped.fingerprint
    for row in range(len(zipped)):
        assert other.image_bytes(row) == zipped.image_bytes(row)
    assert tree(tmp_path / "other") == before


def test_the_frame_of_isic2019_cell_by_cell(tmp_path):
    dataset = load("isic2019", root=write_2019(tmp_path))
    frame = dataset.frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert dataset.classes == list(TRUTH_HEADER[1:-1])
    assert list(frame["image_id"]) == list(CLASS_OF)
    assert list(frame["label"]) == ["NV", "MEL", "BKL", "SCC", "MEL"]
    terms = ["nevus", "melanoma", "benign_keratosis", "squamous_cell_carcinoma", "melanoma"]
    assert list(frame["diagnosis"]) == terms
    assert list(frame["lesion_id"]) == [pd.NA, "MSK4_0011169", "HAM_0000550", "BCN_0003000", "BCN_0003000"]
    assert list(frame["age"]) == [55.0, 30.0, 0.0, pd.NA, 85.0]
    assert list(frame["sex"]) == ["female", "male", pd.NA, "male", "female"]
    assert list(frame["site"]) == ["anterior torso", pd.NA, "upper extremity", "head/neck", "palms/soles"]
    assert frame["image"].iat[1] == f"{IMAGES_2019}.zip!{IMAGES_2019}/ISIC_0000030_downsampled.jpg"
    assert set(frame["modality"]) == {"dermoscopic"}
    assert set(frame["source"]) == {"isic2019"}
    assert frame[["patient_id", "skin_type", "confirmed_by", "mask", "split"]].isna().all(axis=None)


def test_the_metadata_of_isic2019_may_stand_in_another_order(tmp_path):
    ordered = load("isic2019", root=write_2019(tmp_path / "ordered"))
    turned = load("isic2019", root=write_2019(tmp_path / "turned", metadata=METADATA_ROWS[::-1]))
    pd.testing.assert_frame_equal(ordered.frame, turned.frame)


def test_the_frame_of_isic2020_cell_by_cell(tmp_path):
    dataset = load("isic2020", root=write_2020(tmp_path))
    frame = dataset.frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert dataset.classes == ["benign", "malignant"]
    assert list(frame["image_id"]) == [row[0] for row in ROWS_2020]
    assert list(frame["patient_id"]) == [row[1] for row in ROWS_2020]
    assert list(frame["label"]) == ["benign", "benign", "benign", "malignant", "malignant"]
    # Where the table knows no diagnosis, the label is all that is known.
    assert list(frame["diagnosis"]) == ["benign_lesion", "lentigo", "nevus", "melanoma", "malignant_lesion"]
    assert list(frame["sex"]) == ["male", "female", pd.NA, "female", "female"]
    assert list(frame["age"]) == [45.0, 45.0, pd.NA, 55.0, 50.0]
    assert list(frame["site"]) == ["head/neck", "upper extremity", pd.NA, "upper extremity", "palms/soles"]
    assert frame["image"].iat[0] == f"{IMAGES_2020}.zip!train/ISIC_2637011.jpg"
    assert set(frame["modality"]) == {"dermoscopic"}
    assert frame[["lesion_id", "skin_type", "confirmed_by", "mask", "split"]].isna().all(axis=None)


def test_a_patient_of_isic2020_stays_on_one_side_of_a_split(tmp_path):
    split = load("isic2020", root=write_2020(tmp_path)).with_split(train=0.5, valid=0, test=0.5)
    assert (split.frame.groupby("patient_id")["split"].nunique() == 1).all()


def test_the_second_version_of_the_table_of_isic2020_names_the_lesions(tmp_path):
    root = write_2020(tmp_path)
    header = ("image_name", "patient_id", "lesion_id", *HEADER_2020[2:])
    rows = [(row[0], row[1], f"IL_{number}", *row[2:]) for number, row in enumerate(ROWS_2020)]
    write_table(root / "ISIC_2020_Training_GroundTruth_v2.csv", rows, header)
    frame = load("isic2020", root=root).frame
    assert list(frame["lesion_id"]) == ["IL_0", "IL_1", "IL_2", "IL_3", "IL_4"]
    (root / TRUTH_2020).unlink()
    pd.testing.assert_frame_equal(load("isic2020", root=root).frame, frame)


def test_columns_that_say_nothing_are_missing_values(tmp_path):
    rows = [(*row[:2], "", "", "", "unknown", *row[6:]) for row in ROWS_2020]
    frame = load("isic2020", root=write_2020(tmp_path / "2020", rows)).frame
    assert list(frame["diagnosis"]) == ["benign_lesion"] * 3 + ["malignant_lesion"] * 2
    assert frame[["age", "sex", "site"]].isna().all(axis=None)
    silent = [(row[0], "", "", "", "") for row in METADATA_ROWS]
    frame = load("isic2019", root=write_2019(tmp_path / "2019", metadata=silent)).frame
    assert frame[["age", "sex", "site", "lesion_id"]].isna().all(axis=None)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS


def truth_with(row, **ones):
    """The ground truth with the classes of one row (from 0) as given, the rest of it 0.0."""
    rows = list(TRUTH_ROWS)
    rows[row] = (rows[row][0], *(ones.get(key, "0.0") for key in TRUTH_HEADER[1:]))
    return lambda root: write_table(root / TRUTH_2019, rows, TRUTH_HEADER)


def remove(name):
    return lambda root: (root / name).unlink()


def table(name, rows, header):
    return lambda root: write_table(root / name, rows, header)


def cut(name):
    def spoil(root):
        whole = (root / name).read_bytes()
        (root / name).write_bytes(whole[: len(whole) // 2])

    return spoil


def twice_in_two_folders(root):
    write_folder(root / "copy" / IMAGES_2019, pictures(["ISIC_0000000"]))


def without(column, rows, header):
    at = header.index(column)
    return [row[:at] + row[at + 1 :] for row in rows], header[:at] + header[at + 1 :]


BAD_2019 = {
    "two classes": (truth_with(2, MEL="1.0", NV="1.0"), ["line 4", "MEL 1.0, NV 1.0", "expected 1 in one of MEL, NV"]),
    "no class": (truth_with(0), ["line 2", "every class is 0"]),
    "half a class": (truth_with(3, MEL="0.5", NV="0.5"), ["line 5", "MEL 0.5, NV 0.5"]),
    "minus one": (truth_with(3, MEL="-1.0", NV="1.0", SCC="1.0"), ["line 5", "MEL -1.0"]),
    "class in words": (truth_with(4, MEL="yes"), ["line 6", "MEL is 'yes'", "expected a number"]),
    "empty cell": (truth_with(4, MEL="1.0", UNK=""), ["line 6", "UNK <NA>"]),
    "UNK": (truth_with(1, UNK="1.0"), ["unknown class 'UNK'", "ISIC_0000030_downsampled", "expected one of MEL, NV"]),
    "no UNK column": (
        table(TRUTH_2019, *without("UNK", TRUTH_ROWS, TRUTH_HEADER)),
        [TRUTH_2019, "column 'UNK' is missing", "found image, MEL"],
    ),
    "no lesion column": (
        table(METADATA_2019, *without("lesion_id", METADATA_ROWS, METADATA_HEADER)),
        [METADATA_2019, "column 'lesion_id' is missing"],
    ),
    "no ground truth": (
        remove(TRUTH_2019),
        [
            f"isic2019 lacks {TRUTH_2019}",
            f"expected {TRUTH_2019} + {METADATA_2019} + {IMAGES_2019}.zip",
            "found ISIC_2019",
        ],
    ),
    "no metadata": (remove(METADATA_2019), [f"isic2019 lacks {METADATA_2019}", f"found {TRUTH_2019}"]),
    "no images": (remove(f"{IMAGES_2019}.zip"), [f"lacks the images of {IMAGES_2019}.zip", f"found {TRUTH_2019}"]),
    "row without an image": (
        table(TRUTH_2019, [*TRUTH_ROWS, ("ISIC_9", *TRUTH_ROWS[0][1:])], TRUTH_HEADER),
        [METADATA_2019, "1 of 6 images have no row here", "ISIC_9"],
    ),
    "image without a row": (
        lambda root: write_2019(root, TRUTH_ROWS[:-1], METADATA_ROWS[:-1]),
        [TRUTH_2019, "1 images have no row", "ISIC_0053500.jpg"],
    ),
    "a row that is in neither": (
        lambda root: write_2019(
            root, [*TRUTH_ROWS, ("ISIC_9", *TRUTH_ROWS[0][1:])], [*METADATA_ROWS, ("ISIC_9", "", "", "", "")]
        ),
        [TRUTH_2019, "1 of 6 rows have no image", "ISIC_9"],
    ),
    "metadata row of no image": (
        table(METADATA_2019, [*METADATA_ROWS, ("ISIC_9", "", "", "", "")], METADATA_HEADER),
        [METADATA_2019, "1 rows belong to no image", "ISIC_9"],
    ),
    "metadata row twice": (
        table(METADATA_2019, [*METADATA_ROWS, METADATA_ROWS[1]], METADATA_HEADER),
        [METADATA_2019, "line 7", "ISIC_0000030_downsampled stands twice"],
    ),
    "truth row twice": (
        table(TRUTH_2019, [*TRUTH_ROWS, TRUTH_ROWS[1]], TRUTH_HEADER),
        ["image id ISIC_0000030_downsampled stands in 2 rows"],
    ),
    "age in words": (
        table(METADATA_2019, [*METADATA_ROWS[:4], ("ISIC_0053500", "old", "", "", "")], METADATA_HEADER),
        [METADATA_2019, "line 6", "age_approx is 'old'"],
    ),
    "zip cut short": (
        cut(f"{IMAGES_2019}.zip"),
        [f"{IMAGES_2019}.zip", "not a whole zip archive", "get the file again"],
    ),
    "image in two folders": (twice_in_two_folders, ["image ISIC_0000000 stands twice", "copy/", "remove one"]),
}

BAD_2020 = {
    "no table": (
        remove(TRUTH_2020),
        [f"isic2020 lacks {TRUTH_2020}", "expected ISIC_2020", f"found {IMAGES_2020}.zip"],
    ),
    "no images": (remove(f"{IMAGES_2020}.zip"), [f"lacks the images of {IMAGES_2020}.zip", f"found {TRUTH_2020}"]),
    "no patients": (
        table(TRUTH_2020, *without("patient_id", ROWS_2020, HEADER_2020)),
        [TRUTH_2020, "column 'patient_id' is missing"],
    ),
    "unknown class": (
        table(TRUTH_2020, [*ROWS_2020[:4], (*ROWS_2020[4][:6], "indeterminate", "1")], HEADER_2020),
        ["unknown class 'indeterminate'", "ISIC_0188432", "expected one of benign, malignant"],
    ),
    "row twice": (table(TRUTH_2020, [*ROWS_2020, ROWS_2020[0]], HEADER_2020), ["ISIC_2637011 stands in 2 rows"]),
    "image without a row": (
        table(TRUTH_2020, ROWS_2020[1:], HEADER_2020),
        ["1 images have no row", "ISIC_2637011.jpg"],
    ),
    "row without an image": (
        table(TRUTH_2020, [*ROWS_2020, ("ISIC_9", *ROWS_2020[0][1:])], HEADER_2020),
        ["1 of 6 rows have no image", "ISIC_9"],
    ),
    "age in words": (
        table(TRUTH_2020, [(*ROWS_2020[0][:3], "old", *ROWS_2020[0][4:]), *ROWS_2020[1:]], HEADER_2020),
        [f"{TRUTH_2020}, line 2", "age_approx is 'old'"],
    ),
    "zip cut short": (cut(f"{IMAGES_2020}.zip"), [f"{IMAGES_2020}.zip", "not a whole zip archive"]),
}
BAD = [("isic2019", case) for case in BAD_2019] + [("isic2020", case) for case in BAD_2020]


@pytest.mark.parametrize(("name", "case"), BAD)
def test_a_bad_folder_is_refused_in_one_line(tmp_path, name, case):
    root = WRITERS[name](tmp_path / "source")
    spoil, expected = {"isic2019": BAD_2019, "isic2020": BAD_2020}[name][case]
    spoil(root)
    refused(lambda: load(name, root=root), *expected)


@pytest.mark.parametrize("name", ["isic2019", "isic2020"])
def test_an_empty_or_foreign_folder_names_what_was_found(tmp_path, name):
    refused(lambda: load(name, root=tmp_path), str(tmp_path), f"{name} lacks", "; expected ISIC_20", "; found nothing")
    for number in range(8):
        (tmp_path / f"{number}.bin").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / ".hidden").mkdir()
    refused(lambda: load(name, root=tmp_path), "; found 0.bin, 1.bin, 2.bin, 3.bin, 4.bin, 5.bin and 3 more")


@pytest.mark.parametrize("name", ["isic2019", "isic2020"])
def test_the_counts_of_the_card_agree(name):
    facts = card(name)
    assert sum(entry.images for entry in facts.classes.values()) == facts.images
    assert facts.images == {"isic2019": 25331, "isic2020": 33126}[name]
    assert facts.access.kind == "open"
    urls = [file.url for file in facts.files]
    assert all(url.endswith(file.name) for url, file in zip(urls, facts.files, strict=True))
