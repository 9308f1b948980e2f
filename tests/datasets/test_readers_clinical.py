"""derm7pt, PAD-UFES-20, Fitzpatrick17k and DDI: their official layouts, cell by cell."""

from __future__ import annotations

import io
import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_ham10000 import jpeg, picture, refused, tree, write_folder, write_table, write_zip

from lesionlib.datasets import card, catalog, load, verify
from lesionlib.datasets.readers import READERS
from lesionlib.datasets.schema import COLUMNS

NAMES = ["ddi", "derm7pt", "fitzpatrick17k", "pad_ufes_20"]

# The metadata write a name in capitals that the file does not have.
DERM_TABLE = """
case_num,diagnosis,seven_point_score,pigment_network,streaks,pigmentation,regression_structures,dots_and_globules,blue_whitish_veil,vascular_structures,level_of_diagnostic_difficulty,elevation,location,sex,management,clinic,derm,case_id,notes
1,basal cell carcinoma,1,absent,absent,absent,absent,irregular,absent,arborizing,medium,nodular,abdomen,female,excision,NEL/NEL025.JPG,NEL/Nel026.jpg,,
2,clark nevus,0,typical,absent,absent,absent,regular,absent,absent,low,flat,back,male,clinical follow up,NDL/Ndl017.jpg,NDL/Ndl018.jpg,1d171819,
3,melanoma (in situ),5,atypical,irregular,absent,white areas,irregular,absent,absent,high,flat,acral,female,excision,Fgl/Fgl001.jpg,Fgl/Fgl002.jpg,,
4,melanoma (more than 1.5 mm),10,atypical,irregular,localized irregular,combinations,irregular,present,dotted,low,nodular,chest,male,excision,Fgl/Fgl003.jpg,Fgl/Fgl004.jpg,,
5,miscellaneous,0,absent,absent,absent,absent,absent,absent,comma,low,palpable,head neck,male,excision,Gal/Gal061.jpg,Gal/Gal062.jpg,,
6,seborrheic keratosis,0,absent,absent,absent,absent,absent,absent,hairpin,low,palpable,back,female,no further examination,Gal/Gal063.jpg,Gal/Gal064.jpg,,
7,reed or spitz nevus,1,absent,regular,absent,absent,irregular,absent,absent,medium,flat,upper limbs,female,excision,Gal/Gal065.jpg,Gal/Gal066.jpg,,
"""  # noqa: E501
DERM_HEADER, *DERM_ROWS = (line.split(",") for line in DERM_TABLE.split("\n")[1:-1])
DERM_SPLIT = {"train": [0, 2, 4], "valid": [6], "test": [1, 3, 5]}

PAD_TABLE = """
patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,skin_cancer_history,cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,diameter_1,diameter_2,diagnostic,itch,grew,hurt,changed,bleed,elevation,img_id,biopsed
PAT_1516,1765,,,,,8,,,,,,,,ARM,,,NEV,False,False,False,False,False,False,PAT_1516_1765_530.png,False
PAT_46,881,False,False,POMERANIA,POMERANIA,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,5.0,BCC,True,True,False,True,True,True,PAT_46_881_939.png,True
PAT_46,881,False,False,POMERANIA,POMERANIA,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,5.0,BCC,True,UNK,False,UNK,True,True,PAT_46_881_14.png,True
PAT_771,1491,True,True,ITALY,ITALY,69,False,MALE,False,True,True,True,1.0,FACE,6.0,3.0,SCC,True,UNK,False,UNK,False,True,PAT_771_1491_390.png,True
PAT_772,7,True,True,ITALY,ITALY,70,False,MALE,False,True,True,True,4.0,BACK,16.0,3.0,MEL,True,True,False,True,False,True,PAT_772_7_1.png,True
PAT_773,7,,,,,77,,,,,,,,HAND,,,ACK,False,False,False,False,False,False,PAT_773_7_2.png,False
"""
PAD_HEADER, *PAD_ROWS = (line.split(",") for line in PAD_TABLE.split("\n")[1:-1])

FITZ_HEADER = [
    "md5hash",
    "fitzpatrick_scale",
    "fitzpatrick_centaur",
    "label",
    "nine_partition_label",
    "three_partition_label",
    "qc",
    "url",
    "url_alphanum",
]
FITZ_ROWS = [
    (f"{number:032x}", scale, centaur, label, nine, three, qc, f"https://example.org/{number}.jpg", f"{number}jpg.jpg")
    for number, (scale, centaur, label, nine, three, qc) in enumerate(
        [
            ("3", "3", "psoriasis", "inflammatory", "non-neoplastic", ""),
            ("-1", "1", "malignant melanoma", "malignant melanoma", "malignant", ""),
            ("6", "5", "kaposi sarcoma", "malignant dermal", "malignant", ""),
            ("1", "1", "seborrheic keratosis", "benign epidermal", "benign", "1 Diagnostic"),
            ("5", "4", "basal cell carcinoma morpheiform", "malignant epidermal", "malignant", ""),
            ("2", "2", "mycosis fungoides", "malignant cutaneous lymphoma", "malignant", ""),
        ]
    )
]

DDI_HEADER = ("", "DDI_ID", "DDI_file", "skin_tone", "malignant", "disease")
DDI_ROWS = [
    ("0", "1", "000001.png", "56", "True", "melanoma-in-situ"),
    ("1", "2", "000002.png", "12", "False", "melanocytic-nevi"),
    ("2", "3", "000003.png", "34", "False", "seborrheic-keratosis-irritated"),
    ("3", "4", "000004.png", "34", "True", "squamous-cell-carcinoma-keratoacanthoma"),
]


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    picture(number).save(buffer, "PNG")
    return buffer.getvalue()


def write_derm7pt(root: Path) -> Path:
    release = root / "release_v0"
    names = [name for row in DERM_ROWS for name in row[15:17]]
    # The files' own case, and a picture that belongs to no case.
    names = [name.replace("NEL025.JPG", "Nel025.jpg") for name in names] + ["NEL/Nel099.jpg"]
    write_folder(release / "images", {name: jpeg(picture(number)) for number, name in enumerate(names)})
    (release / "meta").mkdir()
    write_table(release / "meta" / "meta.csv", DERM_ROWS, DERM_HEADER)
    for part, rows in DERM_SPLIT.items():
        write_table(release / "meta" / f"{part}_indexes.csv", [(row,) for row in rows], ("indexes",))
    return root


def write_pad(root: Path) -> Path:
    names = [row[24] for row in PAD_ROWS]
    for part in (1, 2, 3):
        members = {f"imgs_part_{part}/{name}": png(names.index(name)) for name in names[part - 1 :: 3]}
        write_folder(root / "images" / f"imgs_part_{part}", {Path(name).name: c for name, c in members.items()})
    write_table(root / "metadata.csv", PAD_ROWS, PAD_HEADER)
    return root


def write_fitzpatrick(root: Path) -> Path:
    write_folder(root / "images", {f"{row[0]}.jpg": jpeg(picture(n)) for n, row in enumerate(FITZ_ROWS)})
    write_table(root / "fitzpatrick17k.csv", FITZ_ROWS, FITZ_HEADER)
    return root


def write_ddi(root: Path) -> Path:
    write_folder(root, {row[2]: png(number) for number, row in enumerate(DDI_ROWS)})
    write_table(root / "ddi_metadata.csv", DDI_ROWS, DDI_HEADER)
    return root


def write(name: str, root: Path) -> Path:
    root.mkdir()
    return {"derm7pt": write_derm7pt, "pad_ufes_20": write_pad, "fitzpatrick17k": write_fitzpatrick, "ddi": write_ddi}[
        name
    ](root)


def zip_away(folder: Path, inside: str = "") -> Path:
    """Put a folder's files into an archive beside it (below the folder `inside`), as publishers do."""
    members = {f"{inside}{name}": content for name, content in tree(folder).items()}
    members[f"__MACOSX/{inside}._{folder.name}"] = b"resource fork"
    write_zip(folder.parent / f"{folder.name}.zip", members)
    shutil.rmtree(folder)
    return folder.parent


def column(dataset, name: str) -> list:
    return [None if value is pd.NA else value for value in dataset.frame[name]]


@pytest.fixture(params=NAMES)
def official(request, tmp_path):
    """The name and the folder of each dataset in its official, unpacked layout."""
    return request.param, write(request.param, tmp_path / "official")


def test_every_card_adds_up_and_has_a_reader():
    for name in NAMES:
        facts = card(name)
        assert sum(each.images for each in facts.classes.values()) == facts.images
        assert facts.name == name
        assert name in READERS
    assert [card(name).images for name in NAMES] == [656, 2022, 16577, 2298]
    assert [card(name).may_publish_images for name in NAMES] == [False, False, False, True]
    assert list(card("pad_ufes_20").classes) == ["ACK", "BCC", "MEL", "NEV", "SCC", "SEK"]
    cases = {"BCC": 42, "NEV": 575, "MEL": 252, "MISC": 97, "SK": 45}
    assert {key: each.images for key, each in card("derm7pt").classes.items()} == {k: 2 * n for k, n in cases.items()}
    assert sum(cases.values()) == card("derm7pt").lesions == 1011
    assert set(NAMES) <= set(catalog()["name"])


def test_the_frame_has_its_columns_and_every_image_opens(official):
    name, root = official
    before = tree(root)
    dataset = load(name, root=root)
    assert {column: str(kind) for column, kind in dataset.frame.dtypes.items()} == COLUMNS
    assert list(dataset.frame.index) == list(range(len(dataset)))
    assert set(dataset.frame["source"]) == {name}
    assert dataset.classes == list(card(name).classes)
    for row in range(len(dataset)):
        assert dataset.image(row).size == (40, 30)
    assert dataset.frame["image"].is_unique
    assert tree(root) == before


def test_derm7pt_gives_two_rows_a_case(tmp_path):
    dataset = load("derm7pt", root=write("derm7pt", tmp_path / "derm"))
    assert column(dataset, "image_id") == [f"{case}_{kind}" for case in range(1, 8) for kind in ("clinic", "derm")]
    assert column(dataset, "modality") == ["clinical", "dermoscopic"] * 7
    assert column(dataset, "image")[:3] == [
        "release_v0/images/NEL/Nel025.jpg",
        "release_v0/images/NEL/Nel026.jpg",
        "release_v0/images/NDL/Ndl017.jpg",
    ]
    assert column(dataset, "label")[::2] == ["BCC", "NEV", "MEL", "MEL", "MISC", "SK", "NEV"]
    assert column(dataset, "diagnosis")[1::2] == [
        "basal_cell_carcinoma",
        "clark_nevus",
        "melanoma_in_situ",
        "melanoma",
        "other",
        "seborrheic_keratosis",
        "spitz_nevus",
    ]
    assert column(dataset, "lesion_id") == [str(case) for case in range(1, 8) for _ in range(2)]
    assert column(dataset, "sex")[::2] == ["female", "male", "female", "male", "male", "female", "female"]
    assert column(dataset, "site")[::2] == ["abdomen", "back", "acral", "chest", "head neck", "back", "upper limbs"]
    assert column(dataset, "split")[::2] == ["train", "test", "train", "test", "train", "test", "valid"]
    assert column(dataset, "split")[::2] == column(dataset, "split")[1::2]
    assert dataset.frame[["patient_id", "age", "skin_type", "mask", "confirmed_by"]].isna().all(axis=None)
    assert len(dataset.official_test) == 6
    split = dataset.with_split(0.5, 0.25, 0.25)
    assert (split.frame.groupby("lesion_id")["split"].nunique() == 1).all()
    assert set(dataset.with_split(by="official").subset("test")["lesion_id"]) == {"2", "4", "6"}


@pytest.mark.parametrize("inside", ["", "release_v0/"])
def test_derm7pt_may_be_zipped_or_be_the_folder_itself(tmp_path, inside):
    root = write("derm7pt", tmp_path / "derm")
    unpacked = load("derm7pt", root=root)
    itself = load("derm7pt", root=root / "release_v0")
    third = np.asarray(itself.image(3))
    zipped = load("derm7pt", root=zip_away(root / "release_v0", inside))
    for other in (itself, zipped):
        pd.testing.assert_frame_equal(other.frame.drop(columns="image"), unpacked.frame.drop(columns="image"))
        assert other.fingerprint == unpacked.fingerprint
    assert zipped.frame["image"].iat[0] == f"release_v0.zip!{inside}images/NEL/Nel025.jpg"
    assert np.array_equal(np.asarray(zipped.image(3)), third)


def test_pad_ufes_20_says_what_the_metadata_say(tmp_path):
    dataset = load("pad_ufes_20", root=write("pad_ufes_20", tmp_path / "pad"))
    assert column(dataset, "image_id") == [row[24].removesuffix(".png") for row in PAD_ROWS]
    assert column(dataset, "image")[1] == "images/imgs_part_2/PAT_46_881_939.png"
    assert column(dataset, "label") == ["NEV", "BCC", "BCC", "SCC", "MEL", "ACK"]
    assert column(dataset, "diagnosis")[5] == "actinic_keratosis"
    assert column(dataset, "patient_id") == ["PAT_1516", "PAT_46", "PAT_46", "PAT_771", "PAT_772", "PAT_773"]
    # Two patients' lesions of one number are two lesions.
    assert column(dataset, "lesion_id")[1:] == ["PAT_46_881", "PAT_46_881", "PAT_771_1491", "PAT_772_7", "PAT_773_7"]
    assert column(dataset, "age") == [8, 55, 55, 69, 70, 77]
    assert column(dataset, "sex") == [None, "female", "female", "male", "male", None]
    assert column(dataset, "site") == ["arm", "neck", "neck", "face", "back", "hand"]
    assert column(dataset, "skin_type") == [None, 3, 3, 1, 4, None]
    assert column(dataset, "skin_tone_group") == [None, "III-IV", "III-IV", "I-II", "III-IV", None]
    assert column(dataset, "confirmed_by") == ["consensus", "histo", "histo", "histo", "histo", "consensus"]
    assert set(column(dataset, "modality")) == {"clinical"}
    assert dataset.frame[["mask", "split"]].isna().all(axis=None)


def parts_zipped(root):
    for part in (1, 2, 3):
        zip_away(root / "images" / f"imgs_part_{part}", f"imgs_part_{part}/")


def parts_beside(root):
    for part in (1, 2, 3):
        (root / "images" / f"imgs_part_{part}").rename(root / f"imgs_part_{part}")
    (root / "images").rmdir()


def one_folder(root):
    for path in list(root.glob("images/*/*.png")):
        path.rename(root / "images" / path.name)


def in_a_folder(root):
    (root / "zr7vgbcyr2-1").mkdir()
    for name in ("images", "metadata.csv"):
        (root / name).rename(root / "zr7vgbcyr2-1" / name)


@pytest.mark.parametrize("layout", [parts_zipped, parts_beside, one_folder, in_a_folder])
def test_pad_ufes_20_in_every_layout(tmp_path, layout):
    official = load("pad_ufes_20", root=write("pad_ufes_20", tmp_path / "pad"))
    root = write("pad_ufes_20", tmp_path / "other")
    layout(root)
    other = load("pad_ufes_20", root=root)
    pd.testing.assert_frame_equal(other.frame.drop(columns="image"), official.frame.drop(columns="image"))
    assert other.fingerprint == official.fingerprint
    assert other.image_bytes(4) == official.image_bytes(4)


def test_fitzpatrick17k_says_what_the_table_says(tmp_path):
    root = write("fitzpatrick17k", tmp_path / "fitz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = load("fitzpatrick17k", root=root)
    assert column(dataset, "image_id") == [f"{number:032x}" for number in range(6)]
    assert column(dataset, "label") == [row[4] for row in FITZ_ROWS]
    assert column(dataset, "diagnosis") == [
        "psoriasis",
        "melanoma",
        "kaposi_sarcoma",
        "seborrheic_keratosis",
        "basal_cell_carcinoma",
        "mycosis_fungoides",
    ]
    assert column(dataset, "skin_type") == [3, None, 6, 1, 5, 2]
    assert column(dataset, "skin_tone_group") == ["III-IV", None, "V-VI", "I-II", "V-VI", "I-II"]
    assert dataset.frame[["lesion_id", "patient_id", "sex", "age"]].isna().all(axis=None)
    zipped = load("fitzpatrick17k", root=zip_away(root / "images"))
    assert zipped.fingerprint == dataset.fingerprint


def test_fitzpatrick17k_counts_the_images_that_are_gone(tmp_path):
    root = write("fitzpatrick17k", tmp_path / "fitz")
    for row in FITZ_ROWS[1::2]:
        (root / "images" / f"{row[0]}.jpg").unlink()
    (root / "images" / "another.jpg").write_bytes(jpeg(picture(9)))
    with pytest.warns(UserWarning, match="3 of 6 images are not here .*; the dataset holds the other 3") as caught:
        dataset = load("fitzpatrick17k", root=root)
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    assert column(dataset, "image_id") == [f"{number:032x}" for number in (0, 2, 4)]
    assert column(dataset, "label") == ["inflammatory", "malignant dermal", "malignant epidermal"]
    assert column(dataset, "skin_type") == [3, 6, 5]
    assert verify(dataset).ok


def test_fitzpatrick17k_without_any_image_is_not_the_dataset(tmp_path):
    root = write("fitzpatrick17k", tmp_path / "fitz")
    shutil.rmtree(root / "images")
    refused(
        lambda: load("fitzpatrick17k", root=root), str(root), "lacks the images", "images/<md5hash>.jpg", "found fitz"
    )


def test_ddi_says_what_the_metadata_say(tmp_path):
    dataset = load("ddi", root=write("ddi", tmp_path / "ddi"))
    assert column(dataset, "image_id") == ["000001", "000002", "000003", "000004"]
    assert column(dataset, "image")[0] == "000001.png"
    assert column(dataset, "label") == ["malignant", "benign", "benign", "malignant"]
    assert column(dataset, "diagnosis") == ["melanoma_in_situ", "nevus", "seborrheic_keratosis", "keratoacanthoma"]
    assert column(dataset, "skin_tone_group") == ["V-VI", "I-II", "III-IV", "III-IV"]
    assert set(column(dataset, "confirmed_by")) == {"histo"}
    assert dataset.frame[["skin_type", "lesion_id", "patient_id"]].isna().all(axis=None)


def to_a_folder(root):
    (root / "images").mkdir()
    for path in list(root.glob("*.png")):
        path.rename(root / "images" / path.name)


def to_an_archive(root):
    to_a_folder(root)
    zip_away(root / "images")


def whole_in_an_archive(root):
    write_zip(root / "ddidiversedermatologyimages.zip", tree(root))
    for path in [*root.glob("*.png"), root / "ddi_metadata.csv"]:
        path.unlink()


def as_a_spreadsheet_saves_it(root):
    table = (root / "ddi_metadata.csv").read_text()
    (root / "ddi_metadata.csv").write_text(table.replace("True", "TRUE").replace("False", "FALSE"))


@pytest.mark.parametrize("layout", [to_a_folder, to_an_archive, whole_in_an_archive, as_a_spreadsheet_saves_it])
def test_ddi_in_every_layout(tmp_path, layout):
    official = load("ddi", root=write("ddi", tmp_path / "ddi"))
    root = write("ddi", tmp_path / "other")
    layout(root)
    other = load("ddi", root=root)
    pd.testing.assert_frame_equal(other.frame.drop(columns="image"), official.frame.drop(columns="image"))
    assert other.fingerprint == official.fingerprint


def edited(name: str, old: str, new: str):
    def spoil(root):
        path = next(root.rglob(name))
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return spoil


def gone(pattern: str):
    def spoil(root):
        paths = list(root.rglob(pattern))
        assert paths
        for path in paths:
            path.unlink()

    return spoil


def twice(root):
    write_folder(root / "copy", {"PAT_46_881_939.png": png(1)})


def one_more(root):
    write_folder(root / "images", {"PAT_1_1_1.png": png(1)})


def cut_short(root):
    zip_away(root / "release_v0")
    content = (root / "release_v0.zip").read_bytes()
    (root / "release_v0.zip").write_bytes(content[: len(content) // 2])


def evil_member(root):
    zip_away(root / "release_v0")
    with zipfile.ZipFile(root / "release_v0.zip", "a") as archive:
        archive.writestr("../evil.csv", b"x")


BAD = {
    "derm7pt without metadata": (
        "derm7pt",
        gone("meta.csv"),
        ["derm7pt lacks meta/meta.csv", "expected", "release_v0"],
    ),
    "derm7pt without a split": ("derm7pt", gone("valid_indexes.csv"), ["lacks meta/valid_indexes.csv"]),
    "derm7pt without an image": ("derm7pt", gone("Fgl002.jpg"), ["1 of 7 rows have no image", "fgl/fgl002.jpg"]),
    "derm7pt without images": ("derm7pt", gone("*.jpg"), ["7 of 7 rows have no image"]),
    "derm7pt, a new diagnosis": (
        "derm7pt",
        edited("meta.csv", "miscellaneous", "unheard of"),
        ["unknown class 'unheard of'", "5_clinic", "expected one of BCC, NEV, MEL, MISC, SK"],
    ),
    "derm7pt, a row in two splits": (
        "derm7pt",
        edited("test_indexes.csv", "3", "2"),
        ["test_indexes.csv, line 3", "row 2", "expected 0 to 6"],
    ),
    "derm7pt, a row that is not there": (
        "derm7pt",
        edited("train_indexes.csv", "4", "7"),
        ["train_indexes.csv, line 4", "row 7"],
    ),
    "derm7pt, a split in words": (
        "derm7pt",
        edited("train_indexes.csv", "4", "four"),
        ["train_indexes.csv, line 4", "indexes is 'four'"],
    ),
    "derm7pt, zip cut short": ("derm7pt", cut_short, ["release_v0.zip", "not a whole zip archive"]),
    "derm7pt, member outside": ("derm7pt", evil_member, ["release_v0.zip", "'../evil.csv' points outside"]),
    "pad without metadata": ("pad_ufes_20", gone("metadata.csv"), ["lacks metadata.csv", "found images/"]),
    "pad without a column": (
        "pad_ufes_20",
        edited("metadata.csv", "fitspatrick", "fitzpatrick"),
        ["column 'fitspatrick' is missing"],
    ),
    "pad without images": ("pad_ufes_20", gone("*.png"), ["lacks the images of imgs_part_1.zip"]),
    "pad, part of the images": ("pad_ufes_20", gone("PAT_46_*.png"), ["2 of 6 rows have no image", "PAT_46_881_939"]),
    "pad, an image more": (
        "pad_ufes_20",
        one_more,
        ["1 images have no row", "images/PAT_1_1_1.png", "move the images"],
    ),
    "pad, an image twice": ("pad_ufes_20", twice, ["image PAT_46_881_939 stands twice", "copy/", "remove one"]),
    "pad, a skin type of its own": (
        "pad_ufes_20",
        edited("metadata.csv", "4.0,BACK", "7.0,BACK"),
        ["metadata.csv, line 6", "fitspatrick is '7.0'", "1 to 6"],
    ),
    "pad, half a skin type": (
        "pad_ufes_20",
        edited("metadata.csv", "4.0,BACK", "2.5,BACK"),
        ["fitspatrick is '2.5'"],
    ),
    "pad, an age in words": (
        "pad_ufes_20",
        edited("metadata.csv", ",69,", ",old,"),
        ["metadata.csv, line 5", "age is 'old'"],
    ),
    "fitzpatrick17k without its table": (
        "fitzpatrick17k",
        gone("fitzpatrick17k.csv"),
        ["lacks fitzpatrick17k.csv", "found images/"],
    ),
    "fitzpatrick17k, a tenth partition": (
        "fitzpatrick17k",
        edited("fitzpatrick17k.csv", "malignant dermal", "unheard of"),
        ["unknown class 'unheard of'", "expected one of inflammatory"],
    ),
    "ddi without its table": ("ddi", gone("ddi_metadata.csv"), ["lacks ddi_metadata.csv", "found 000001.png"]),
    "ddi without images": ("ddi", gone("*.png"), ["ddi lacks the images", "found ddi_metadata.csv"]),
    "ddi without an image": ("ddi", gone("000003.png"), ["1 of 4 rows have no image", "000003"]),
    "ddi, a skin tone of its own": (
        "ddi",
        edited("ddi_metadata.csv", "png,12", "png,1"),
        ["ddi_metadata.csv, line 3", "skin_tone is '1'", "expected one of 12, 34, 56"],
    ),
    "ddi, perhaps malignant": (
        "ddi",
        edited("ddi_metadata.csv", "True", "perhaps"),
        ["line 2", "malignant is 'perhaps'", "expected one of true, false"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_refused_in_one_line(tmp_path, case):
    name, spoil, expected = BAD[case]
    root = write(name, tmp_path / "bad")
    spoil(root)
    before = tree(root)
    refused(lambda: load(name, root=root), *expected)
    assert tree(root) == before


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_names_the_layout_and_what_was_found(tmp_path, name):
    (tmp_path / "holiday.txt").write_text("sand")
    refused(lambda: load(name, root=tmp_path), str(tmp_path), f"{name} lacks", "expected", "found holiday.txt")
