"""One's own images, from folders or from a table: the same dataset as any other, or one line that says why not."""

from __future__ import annotations

import io
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_ham10000 import jpeg, picture, png_mask, refused, tree, write_folder, write_zip

from lesionlib.datasets import from_csv, from_folder, load, pixels, verify
from lesionlib.datasets.schema import COLUMNS

# A holiday folder: other suffixes, capitals, nested folders, and what computers leave behind.
NESTED = {
    "nevus/1.jpg": "JPEG",
    "nevus/2.JPEG": "JPEG",
    "nevus/clinic b/deep/1.png": "PNG",
    "melanoma/1.JPG": "JPEG",
    "melanoma/x.bmp": "BMP",
    "melanoma/x.y.tif": "TIFF",
    "Seborrhoeic keratosis/1.webp": "WEBP",
    "Seborrhoeic keratosis/2.TIFF": "TIFF",
}
LEFT_BEHIND = {
    "nevus/.1.jpg": b"hidden",
    ".trash/9.jpg": b"hidden",
    "__MACOSX/nevus/1.jpg": b"resource fork",
    "nevus/Thumbs.db": b"thumbs",
    "readme.txt": b"read me",
    "melanoma/notes.csv": b"a,b",
}


def encoded(number: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture(number).save(buffer, kind)
    return buffer.getvalue()


def nested() -> dict[str, bytes]:
    return {name: encoded(number, kind) for number, (name, kind) in enumerate(NESTED.items())} | LEFT_BEHIND


def jpegs(*names: str) -> dict[str, bytes]:
    return {name: jpeg(picture(number)) for number, name in enumerate(names)}


@pytest.fixture
def folder(tmp_path) -> Path:
    write_folder(tmp_path / "lesions", nested())
    return tmp_path / "lesions"


@pytest.fixture
def images(tmp_path) -> Path:
    write_folder(tmp_path / "pictures", jpegs("a.jpg", "b.JPG", "deep/c.jpg", "deep/d.jpeg", "masks/a_mask.png"))
    return tmp_path / "pictures"


def write_csv(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.strip() + "\n", encoding="utf-8")
    return path


def column(dataset, name: str) -> list:
    return [None if value is pd.NA else value for value in dataset.frame[name]]


def test_folders_are_classes(folder):
    before = tree(folder)
    dataset = from_folder(folder)
    assert dataset.name == "lesions"
    assert dataset.classes == ["Seborrhoeic keratosis", "melanoma", "nevus"]
    assert {name: str(kind) for name, kind in dataset.frame.dtypes.items()} == COLUMNS
    rows = dict(zip(column(dataset, "image_id"), column(dataset, "label"), strict=True))
    assert rows == {
        "nevus/1": "nevus",
        "nevus/2": "nevus",
        "nevus/clinic b/deep/1": "nevus",
        "melanoma/1": "melanoma",
        "melanoma/x": "melanoma",
        "melanoma/x.y": "melanoma",
        "Seborrhoeic keratosis/1": "Seborrhoeic keratosis",
        "Seborrhoeic keratosis/2": "Seborrhoeic keratosis",
    }
    assert sorted(column(dataset, "image")) == sorted(NESTED)
    found = dataset.frame.set_index("image_id")
    assert found.loc["Seborrhoeic keratosis/1", "diagnosis"] == "seborrheic_keratosis"
    assert set(found["source"]) == {"lesions"}
    empty = ["lesion_id", "patient_id", "age", "sex", "site", "skin_type", "skin_tone_group", "modality", "mask"]
    assert found[[*empty, "split", "confirmed_by"]].isna().all(axis=None)
    for row in range(len(dataset)):
        assert dataset.image(row).size == (40, 30)
        assert dataset.image_bytes(row) == before[dataset.frame["image"].iat[row]]
    assert tree(folder) == before


def test_its_card_says_that_it_is_ones_own(folder):
    dataset = from_folder(folder, name="mine", modality="clinical")
    card = dataset.card
    assert (dataset.name, card.name, card.license, card.may_publish_images) == ("mine", "mine", "your own", False)
    assert (card.images, card.modality, card.access.kind) == (8, "clinical", "own")
    assert {key: facts.images for key, facts in card.classes.items()} == {
        "Seborrhoeic keratosis": 2,
        "melanoma": 3,
        "nevus": 3,
    }
    assert [facts.category for facts in card.classes.values()] == ["benign", "malignant", "benign"]
    assert card.classes["Seborrhoeic keratosis"].diagnosis == "seborrheic_keratosis"
    assert set(column(dataset, "modality")) == {"clinical"}
    assert from_folder(folder).card.modality == "unknown"


@pytest.mark.filterwarnings("ignore:neither patients nor lesions")
@pytest.mark.parametrize("names", [("train", "valid", "test"), ("TRAINING", "Val", "Testing"), ("train", "test")])
def test_folders_of_splits_stand_above_the_classes(tmp_path, names):
    members = [f"{split}/{label}/{n}.jpg" for split in names for label in ("nevus", "melanoma") for n in range(2)]
    write_folder(tmp_path / "mine", jpegs(*members))
    dataset = from_folder(tmp_path / "mine")
    assert dataset.classes == ["melanoma", "nevus"]
    parts = {"train": "train", "training": "train", "valid": "valid", "val": "valid", "test": "test", "testing": "test"}
    ids = column(dataset, "image_id")
    assert ids == [name.removesuffix(".jpg") for name in sorted(members)]
    assert column(dataset, "split") == [parts[each.split("/")[0].lower()] for each in ids]
    assert column(dataset, "label") == [each.split("/")[1] for each in ids]
    assert len(dataset.official_test) == 4
    assert set(dataset.with_split(0.5, 0.5, 0, by="official").subset("test")["image_id"]) == dataset.official_test


@pytest.mark.parametrize("inside", ["", "lesions/"])
def test_an_archive_is_as_good_as_its_folder(tmp_path, folder, inside):
    (tmp_path / "zipped").mkdir()
    write_zip(tmp_path / "zipped" / "lesions.zip", {f"{inside}{name}": content for name, content in nested().items()})
    (tmp_path / "zipped" / "other.zip").write_bytes(b"not ours, and broken")
    zipped, unpacked = from_folder(tmp_path / "zipped" / "lesions.zip"), from_folder(folder)
    by_id = [dataset.frame.drop(columns="image").sort_values("image_id") for dataset in (zipped, unpacked)]
    pd.testing.assert_frame_equal(*(frame.reset_index(drop=True) for frame in by_id))
    assert zipped.classes == unpacked.classes
    row = column(zipped, "image_id").index("nevus/clinic b/deep/1")
    assert zipped.image_bytes(row) == encoded(2, "PNG")


def test_it_works_wherever_a_dataset_of_the_catalog_does(tmp_path, folder):
    dataset = from_folder(folder)
    assert len(dataset.fingerprint) == 12
    assert from_folder(folder, name="other").fingerprint == dataset.fingerprint
    with pytest.warns(UserWarning, match="neither patients nor lesions are known"):
        split = dataset.with_split(0.5, 0.25, 0.25)
    assert split.counts().loc["nevus"].sum() == 3
    array = pixels(split, 16, folder=tmp_path / "pixels")
    assert array.shape == (8, 16, 16, 3)
    again = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(np.asarray(again.image(3)), np.asarray(dataset.image(3)))

    result = verify(dataset)
    assert result.ok
    counts = result.table.set_index("check")
    assert counts.loc["images", "found"] == 8
    assert counts.loc["images of melanoma", "found"] == 3
    assert counts.drop(index="unreadable images")["expected"].isna().all()
    (folder / "nevus" / "1.jpg").write_bytes(b"<html>")
    result = verify(dataset)
    assert not result.ok
    assert len(result.unreadable) == 1


def test_the_order_of_the_classes_can_be_chosen(folder):
    order = ["nevus", "melanoma", "Seborrhoeic keratosis", "wart"]
    dataset = from_folder(folder, classes=order)
    assert dataset.classes == order
    assert dataset.card.classes["wart"].images == 0
    assert dataset.counts().loc["wart"].tolist() == [0]
    refused(
        lambda: from_folder(folder, classes=order[:2]), "unknown class 'Seborrhoeic keratosis'", "one of nevus, mel"
    )
    # One class of images alone is no fault where the classes are known: an external test set of melanomas.
    write_folder(folder.parent / "melanomas", jpegs("melanoma/1.jpg"))
    assert from_folder(folder.parent / "melanomas", classes=["melanoma", "nevus"]).classes == ["melanoma", "nevus"]


BAD_FOLDERS = {
    "no images": ({"nevus/readme.txt": b""}, ["no images (.jpg", "expected one folder a class"]),
    "an empty folder": ({}, ["no images"]),
    "only hidden images": (dict.fromkeys(["__MACOSX/nevus/1.jpg", ".nevus/1.jpg"], b""), ["no images"]),
    "one class": (jpegs("nevus/1.jpg", "nevus/2.jpg"), ["the classes are nevus", "two or more"]),
    "one class, nested": (jpegs("nevus/a/1.jpg", "nevus/b/2.jpg"), ["the classes are nevus", "two or more"]),
    "one class, split": (jpegs("train/nevus/1.jpg", "test/nevus/2.jpg"), ["the classes are nevus"]),
    "classes that differ in case": (jpegs("Nevus/1.jpg", "nevus/2.jpg"), ["Nevus, nevus", "differ in more than case"]),
    "an image in no class": (
        jpegs("a.jpg", "nevus/1.jpg", "melanoma/1.jpg"),
        ["1 of 3 images stand in no class folder, the first is a.jpg", "move them"],
    ),
    "an image in a split, but no class": (
        jpegs("train/nevus/1.jpg", "train/melanoma/1.jpg", "test/2.jpg"),
        ["1 of 3 images stand in no class folder", "test/2.jpg"],
    ),
    "splits beside classes": (
        jpegs("train/nevus/1.jpg", "train/melanoma/1.jpg", "wart/2.jpg"),
        ["the folder train is named like a split, the folder wart is not"],
    ),
    "two images of one name": (
        {"nevus/1.jpg": b"", "nevus/1.png": b"", "melanoma/1.jpg": b""},
        ["image id nevus/1 stands in 2 rows"],
    ),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_a_bad_folder_is_refused_in_one_line(tmp_path, case):
    members, expected = BAD_FOLDERS[case]
    (tmp_path / "mine").mkdir()
    write_folder(tmp_path / "mine", members)
    refused(lambda: from_folder(tmp_path / "mine"), *expected)


def test_an_exclamation_mark_is_no_archive(tmp_path):
    write_folder(tmp_path / "mine", jpegs("nevus/wow!.jpg", "nevus!/a!b.jpg"))
    write_zip(tmp_path / "mine" / "wart.ZIP", jpegs("wart/c!d.jpg"))
    dataset = from_folder(tmp_path / "mine")
    assert column(dataset, "label") == ["nevus", "nevus!", "wart"]
    assert dataset.image_bytes(1) == jpegs("", "b")["b"]
    assert dataset.image(2).size == (40, 30)


def test_what_is_no_folder_is_refused(tmp_path, folder):
    refused(lambda: from_folder(tmp_path / "nowhere"), str(tmp_path / "nowhere"), "no such folder")
    refused(lambda: from_folder(folder / "readme.txt"), "readme.txt", "expected a folder with images, or a zip")
    (tmp_path / "broken.zip").write_bytes(b"<html>")
    refused(lambda: from_folder(tmp_path / "broken.zip"), "broken.zip", "not a whole zip archive")
    for name in ("ham10000", "phantom:mine", "", 3):
        refused(lambda name=name: from_folder(folder, name=name), "cannot be called", repr(name), "name=...")
    refused(lambda: from_folder(folder.rename(tmp_path / "ddi")), "'ddi'", "load('ddi', root=...)")
    refused(lambda: from_folder(tmp_path / "ddi", name="d", modality="x-ray"), "modality is 'x-ray'", "dermoscopic")


def test_a_table_says_what_the_images_are(tmp_path, images):
    csv = write_csv(
        tmp_path / "mine.csv",
        """
file,dx,years,gender,who,lesion,where,fst,kind,how,part,mask file
a.jpg,melanoma,70,M,p1,l1,back,2,dermoscopy,histo,train,masks/a_mask.png
b,Melanocytic Nevus,,female,p2,l2,,,Clinical,,VAL,
deep/c,melanoma,35.5,Unknown,p1,l3,face,6,clinical,follow_up,Testing,
d,Melanocytic Nevus,0,,,,,-1,,,,
""",
    )
    mapping = {
        "image": "file",
        "label": "dx",
        "age": "years",
        "sex": "gender",
        "patient_id": "who",
        "lesion_id": "lesion",
        "site": "where",
        "skin_type": "fst",
        "modality": "kind",
        "confirmed_by": "how",
        "split": "part",
        "mask": "mask file",
    }
    before = tree(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = from_csv(csv, images=images, columns=mapping)
    assert dataset.name == "mine"
    assert dataset.classes == ["Melanocytic Nevus", "melanoma"]
    assert column(dataset, "image_id") == ["a", "b", "deep/c", "deep/d"]
    assert column(dataset, "image") == ["a.jpg", "b.JPG", "deep/c.jpg", "deep/d.jpeg"]
    assert column(dataset, "label") == ["melanoma", "Melanocytic Nevus", "melanoma", "Melanocytic Nevus"]
    assert column(dataset, "diagnosis") == ["melanoma", "nevus", "melanoma", "nevus"]
    assert column(dataset, "age") == [70, None, 35.5, 0]
    assert column(dataset, "sex") == ["male", "female", None, None]
    assert column(dataset, "patient_id") == ["p1", "p2", "p1", None]
    assert column(dataset, "lesion_id") == ["l1", "l2", "l3", None]
    assert column(dataset, "site") == ["back", None, "face", None]
    assert column(dataset, "skin_type") == [2, None, 6, None]
    assert column(dataset, "skin_tone_group") == ["I-II", None, "V-VI", None]
    assert column(dataset, "modality") == ["dermoscopic", "clinical", "clinical", None]
    assert column(dataset, "confirmed_by") == ["histo", None, "follow_up", None]
    assert column(dataset, "split") == ["train", "valid", "test", None]
    assert column(dataset, "mask") == ["masks/a_mask.png", None, None, None]
    assert set(column(dataset, "source")) == {"mine"}
    assert {name: str(kind) for name, kind in dataset.frame.dtypes.items()} == COLUMNS
    assert dataset.mask(0).mode == "L"
    assert dataset.official_test == {"deep/c"}
    assert tree(tmp_path) == before
    split = dataset.with_split(0.5, 0, 0.5)
    assert split.frame.set_index("image_id").loc[["a", "deep/c"], "split"].nunique() == 1


TWO = "file,dx\na.jpg,nevus\nb.JPG,melanoma"
MAPPING = {"image": "file", "label": "dx"}


def test_tabs_by_suffix_and_an_id_of_its_own(tmp_path, images):
    csv = write_csv(tmp_path / "mine.tsv", "id\tfile\tdx\n7\ta\tnevus, common\n8\tdeep\\c.png\tmelanoma")
    with pytest.warns(UserWarning, match=r"3 of 5 images below .*pictures have no row: left out"):
        dataset = from_csv(csv, images=images, columns={**MAPPING, "image_id": "id"}, modality="dermoscopic", name="me")
    assert column(dataset, "image_id") == ["7", "8"]
    assert column(dataset, "image") == ["a.jpg", "deep/c.jpg"]
    assert dataset.classes == ["melanoma", "nevus, common"]
    assert (dataset.name, set(column(dataset, "modality"))) == ("me", {"dermoscopic"})


@pytest.mark.filterwarnings("ignore:.*left out")
def test_one_column_a_class(tmp_path, images):
    csv = write_csv(tmp_path / "mine.csv", "image,NV,MEL,BCC\na,1.0,0.0,0\nb,0,1,0\nc,0,0,1.0")
    dataset = from_csv(csv, images=images, columns={"image": "image", "label": ["NV", "MEL", "BCC"]})
    assert dataset.classes == ["NV", "MEL", "BCC"]
    assert column(dataset, "label") == ["NV", "MEL", "BCC"]
    assert column(dataset, "diagnosis") == ["nevus", "melanoma", "basal_cell_carcinoma"]
    again = from_csv(
        csv, images=images, columns={"image": "image", "label": ["NV", "MEL", "BCC"]}, classes=["BCC", "MEL", "NV"]
    )
    assert again.classes == ["BCC", "MEL", "NV"]
    assert again.fingerprint == dataset.fingerprint


@pytest.mark.filterwarnings("ignore:.*left out")
def test_the_images_may_be_zipped(tmp_path, images):
    write_zip(tmp_path / "zipped.zip", {f"zipped/{name}": content for name, content in tree(images).items()})
    csv = write_csv(tmp_path / "mine.csv", TWO)
    zipped = from_csv(csv, images=tmp_path / "zipped.zip", columns=MAPPING)
    unpacked = from_csv(csv, images=images, columns=MAPPING)
    pd.testing.assert_frame_equal(zipped.frame.drop(columns="image"), unpacked.frame.drop(columns="image"))
    assert zipped.fingerprint == unpacked.fingerprint
    assert zipped.image_bytes(1) == unpacked.image_bytes(1)


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("zipped", [False, True])
def test_a_stand_in_finds_its_masks_beside_its_images(tmp_path, zipped):
    files = jpegs("a.jpg", "b.jpg") | {"masks/a.png": png_mask()}
    if zipped:
        write_zip(tmp_path / "images.zip", files)
    else:
        write_folder(tmp_path / "images", files)
    write_csv(tmp_path / "atlas.csv", "image,label,mask\na.jpg,melanoma,masks/a.png\nb.jpg,wart,")
    dataset = load("atlas", root=tmp_path)
    assert np.array_equal(np.asarray(dataset.image(0)), np.asarray(Image.open(io.BytesIO(files["a.jpg"]))))
    assert (np.asarray(dataset.mask(0)) == 255).sum() == 10 * 20
    assert column(dataset, "mask")[1] is None


def test_the_same_images_from_a_table_and_from_folders(tmp_path):
    write_folder(tmp_path / "mine", jpegs("nevus/1.jpg", "nevus/2.jpg", "melanoma/1.jpg"))
    csv = write_csv(tmp_path / "mine.csv", "file,dx\nmelanoma/1,melanoma\nnevus/1,nevus\nnevus/2.jpg,nevus")
    table = from_csv(csv, images=tmp_path / "mine", columns=MAPPING)
    pd.testing.assert_frame_equal(table.frame, from_folder(tmp_path / "mine").frame)
    assert table.fingerprint == from_folder(tmp_path / "mine").fingerprint


ONE_HOT = {"image": "file", "label": ["nv", "mel"]}
BAD_TABLES = {
    "unknown column of the frame": (TWO, {**MAPPING, "gender": "dx"}, ["no column 'gender'", "image_id", "sex"]),
    "source": (TWO, {**MAPPING, "source": "dx"}, ["no column 'source'"]),
    "no label": (TWO, {"image": "file"}, ["'label' stands", "add it"]),
    "no image": (TWO, {"label": "dx"}, ["'image' stands"]),
    "a column that is not there": (TWO, {**MAPPING, "age": "years"}, ["column 'years' is missing", "found file, dx"]),
    "a number for a column": (TWO, {**MAPPING, "age": 3}, ["columns['age'] is 3", "the name of a column"]),
    "a list for the image": (TWO, {"image": ["file"], "label": "dx"}, ["columns['image'] is ['file']"]),
    "semicolons": (TWO.replace(",", ";"), MAPPING, ["column 'file' is missing", "found file;dx"]),
    "a header alone": ("file,dx", MAPPING, ["no rows below the header"]),
    "no image of that name": ("file,dx\na,nevus\nz.jpg,melanoma", MAPPING, ["line 3", "file is 'z.jpg'", "no image"]),
    "another folder": (
        "file,dx\na,nevus\nelsewhere/c.jpg,melanoma",
        MAPPING,
        ["line 3", "'elsewhere/c.jpg'", "no image"],
    ),
    "no name": ("file,dx\na,nevus\n,melanoma", MAPPING, ["line 3", "file is ''", "no image"]),
    "an image twice": (
        "file,dx\na,nevus\nb,nevus\na.jpg,melanoma",
        MAPPING,
        ["line 4", "the image a.jpg stands in line 2 already"],
    ),
    "an id twice": (
        "id,file,dx\n1,a,nevus\n1,b,melanoma",
        {**MAPPING, "image_id": "id"},
        ["the image id 1 stands in 2 rows"],
    ),
    "an empty class": ("file,dx\na,nevus\nb, ", MAPPING, ["line 3", "dx is empty", "expected a class"]),
    "one class": ("file,dx\na,nevus\nb,nevus", MAPPING, ["the classes are nevus", "two or more"]),
    "two ones": (
        "file,nv,mel\na,1,0\nb,1,1",
        ONE_HOT,
        ["line 3", "nv 1, mel 1", "expected 1 in one of nv, mel and 0 in the others"],
    ),
    "no one": ("file,nv,mel\na,1,0\nb,0,0", ONE_HOT, ["line 3", "every class is 0"]),
    "neither one nor zero": ("file,nv,mel\na,1,0\nb,0.5,0.5", ONE_HOT, ["line 3", "nv 0.5"]),
    "one in words": ("file,nv,mel\na,1,0\nb,no,yes", ONE_HOT, ["line 3", "nv is 'no'", "expected a number"]),
    "an age in words": ("file,dx,n\na,nevus,old\nb,melanoma,3", {**MAPPING, "age": "n"}, ["line 2", "n is 'old'"]),
    "a third sex": (
        "file,dx,s\na,nevus,f\nb,melanoma,x",
        {**MAPPING, "sex": "s"},
        ["line 3", "s is 'x'", "expected one of male, m, man, female"],
    ),
    "a seventh skin type": (
        "file,dx,s\na,nevus,7\nb,melanoma,1",
        {**MAPPING, "skin_type": "s"},
        ["line 2", "s is '7'", "1 to 6"],
    ),
    "a fourth split": (
        "file,dx,s\na,nevus,train\nb,melanoma,holdout",
        {**MAPPING, "split": "s"},
        ["line 3", "s is 'holdout'", "expected one of train, training, valid"],
    ),
    "another modality": (
        "file,dx,s\na,nevus,x-ray\nb,melanoma,clinical",
        {**MAPPING, "modality": "s"},
        ["line 2", "s is 'x-ray'", "expected one of dermoscopic"],
    ),
    "a mask that is not there": (
        "file,dx,m\na,nevus,\nb,melanoma,b_mask.png",
        {**MAPPING, "mask": "m"},
        ["line 3", "m is 'b_mask.png'", "no image"],
    ),
}


@pytest.mark.parametrize("case", BAD_TABLES)
@pytest.mark.filterwarnings("ignore:.*left out")
def test_a_bad_table_is_refused_in_one_line(tmp_path, images, case):
    text, mapping, expected = BAD_TABLES[case]
    csv = write_csv(tmp_path / "mine.csv", text)
    refused(lambda: from_csv(csv, images=images, columns=mapping), *expected)


def test_a_name_that_two_images_have_is_refused(tmp_path, images):
    write_folder(images, jpegs("other/c.jpg"))
    csv = write_csv(tmp_path / "mine.csv", "file,dx\na,nevus\nc,melanoma")
    refused(
        lambda: from_csv(csv, images=images, columns=MAPPING),
        "line 3",
        "'c', which names deep/c.jpg and other/c.jpg",
        "write its path",
    )


def test_an_unreadable_table_is_refused(tmp_path, images):
    refused(lambda: from_csv(tmp_path / "no.csv", images=images, columns=MAPPING), "no.csv", "no such file", "file, dx")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xfe\x00\x81" * 40)
    refused(lambda: from_csv(tmp_path / "picture.csv", images=images, columns=MAPPING), "not a readable table")
    csv = write_csv(tmp_path / "mine.csv", TWO)
    refused(lambda: from_csv(csv, images=tmp_path / "nowhere", columns=MAPPING), "nowhere", "no such folder")
    (tmp_path / "empty").mkdir()
    refused(lambda: from_csv(csv, images=tmp_path / "empty", columns=MAPPING), "line 2", "'a.jpg'", "no image")


@pytest.mark.parametrize("kind", ["I;16", "CMYK", "LA", "turned"])
def test_odd_images_come_through_the_pixels(tmp_path, kind):
    half = Image.new("L", (40, 30))
    half.paste(255, (0, 0, 20, 30))
    exif = Image.Exif()
    exif[0x0112] = 3
    odd = {
        "I;16": (Image.fromarray(np.asarray(half, dtype=np.uint16) * 257), "PNG", {}),
        "CMYK": (half.convert("RGB").convert("CMYK"), "TIFF", {}),
        "LA": (Image.merge("LA", (Image.new("L", half.size), half.point(lambda level: 255 - level))), "PNG", {}),
        "turned": (half.rotate(180), "PNG", {"exif": exif}),
    }
    image, suffix, options = odd[kind]
    for label in ("nevus", "melanoma"):
        (tmp_path / "mine" / label).mkdir(parents=True)
        image.save(tmp_path / "mine" / label / f"1.{suffix.lower()}", suffix, **options)
    array = pixels(from_folder(tmp_path / "mine"), (30, 40), folder=tmp_path / "pixels")
    assert np.array_equal(array[1], np.asarray(half.convert("RGB")))
