"""Datasets with one folder a class: isic_binary, mednode and dermofit."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from tiny_ham10000 import jpeg, picture, png_mask, refused, tree, write_folder, write_zip

from lesionlib.datasets import add, card, load
from lesionlib.datasets.schema import COLUMNS

BINARY = {
    "train/benign/3.jpg": ("train_benign_3", "benign", "train"),
    "train/benign/10.jpg": ("train_benign_10", "benign", "train"),
    "train/malignant/3.jpg": ("train_malignant_3", "malignant", "train"),
    "test/benign/3.jpg": ("test_benign_3", "benign", "test"),
    "test/malignant/1.jpg": ("test_malignant_1", "malignant", "test"),
}
MEDNODE = {
    "melanoma/1.jpg": ("melanoma_1", "melanoma"),
    "melanoma/205.jpg": ("melanoma_205", "melanoma"),
    "naevus/1.jpg": ("naevus_1", "naevus"),
}
DERMOFIT_CLASSES = ["AK", "BCC", "DF", "IEC", "MEL", "ML", "PYO", "SCC", "SK", "VASC"]
DERMOFIT = {f"{label}/P{number}": label for number, label in enumerate(DERMOFIT_CLASSES)} | {"BCC/P77": "BCC"}


def content(number):
    return jpeg(picture(number))


def binary_files(prefix=""):
    return {prefix + path: content(number) for number, path in enumerate(BINARY)}


def mednode_files(prefix=""):
    return {prefix + path: content(number) for number, path in enumerate(MEDNODE)}


def dermofit_files(prefix="", spell=str):
    """One folder an image with its mask; the last image has none."""
    files = {}
    for number, (folder, label) in enumerate(DERMOFIT.items()):
        name = folder.removeprefix(f"{label}/")
        files[f"{prefix}{spell(label)}/{name}/{name}.png"] = content(number)
        files[f"{prefix}{spell(label)}/{name}/{name}mask.png"] = png_mask()
    del files[f"{prefix}{spell('BCC')}/P77/P77mask.png"]
    return files


def zip_of(name, members):
    def write(root):
        root.mkdir(parents=True, exist_ok=True)
        write_zip(root / name, members)

    return write


def folder_of(members):
    return lambda root: write_folder(root, members)


def binary_twice(root):
    """Kaggle's archive holds its images a second time below data/."""
    zip_of("archive.zip", binary_files() | binary_files("data/"))(root)


def binary_archive_and_its_content(root):
    binary_twice(root)
    write_folder(root, binary_files())


def a_linked_folder(root):
    write_folder(root.parent / "elsewhere", binary_files())
    root.mkdir()
    for split in ("train", "test"):
        (root / split).symlink_to(root.parent / "elsewhere" / split)


def an_archive_with_what_macos_adds(root):
    members = mednode_files("complete_mednode_dataset/")
    members |= {f"__MACOSX/{path.replace('/melanoma/', '/melanoma/._')}": b"fork" for path in members}
    zip_of("complete_mednode_dataset.zip", members)(root)


def mednode_zip_and_folder(root):
    zip_of("complete_mednode_dataset.zip", mednode_files("complete_mednode_dataset/"))(root)
    write_folder(root, mednode_files("complete_mednode_dataset/"))


def a_zip_a_class(inner, outer=""):
    """Archives as ``BCC.zip``, with or without a folder BCC inside."""

    def write(root):
        (root / outer).mkdir(parents=True)
        for label in DERMOFIT_CLASSES:
            prefix = f"{label}/"
            files = {path: data for path, data in dermofit_files().items() if path.startswith(prefix)}
            write_zip(
                root / outer / f"{label}.zip", {path[0 if inner else len(prefix) :]: d for path, d in files.items()}
            )

    return write


def some_zipped(root):
    write_folder(root, dermofit_files())
    files = {f"VASC/{p.relative_to(root / 'VASC').as_posix()}": p.read_bytes() for p in (root / "VASC").rglob("*.png")}
    write_zip(root / "VASC.zip", files)
    shutil.rmtree(root / "VASC")


def upper_case(root):
    write_folder(root, {path.replace(".jpg", ".JPG"): data for path, data in mednode_files().items()})


FIRST = {
    "isic_binary": folder_of(binary_files()),
    "mednode": folder_of(mednode_files()),
    "dermofit": folder_of(dermofit_files()),
}
LAYOUTS = {
    "isic_binary: Kaggle's archive": binary_twice,
    "isic_binary: the archive with what was unpacked from it": binary_archive_and_its_content,
    "isic_binary: below data": folder_of(binary_files("data/")),
    "isic_binary: one of two copies": folder_of(binary_files() | binary_files("data/")),
    "isic_binary: two folders below": folder_of(binary_files("archive/data/")),
    "isic_binary: data in an archive": zip_of("skin-cancer-malignant-vs-benign.zip", binary_files("data/")),
    "isic_binary: an archive packed on Windows": zip_of(
        "archive.zip", {path.replace("/", "\\"): data for path, data in binary_files().items()}
    ),
    "isic_binary: links": a_linked_folder,
    "mednode: archive": zip_of("complete_mednode_dataset.zip", mednode_files("complete_mednode_dataset/")),
    "mednode: archive without its folder": zip_of("complete_mednode_dataset.zip", mednode_files()),
    "mednode: another archive": zip_of("download.zip", mednode_files("complete_mednode_dataset/")),
    "mednode: macOS": an_archive_with_what_macos_adds,
    "mednode: folder": folder_of(mednode_files("complete_mednode_dataset/")),
    "mednode: folder in a folder": folder_of(mednode_files("complete_mednode_dataset/complete_mednode_dataset/")),
    "mednode: archive and folder": mednode_zip_and_folder,
    "mednode: capital suffixes": upper_case,
    "dermofit: one folder below": folder_of(dermofit_files("Dermofit/")),
    "dermofit: ALL before the class": folder_of(
        dermofit_files(spell=lambda label: label if label == "AK" else f"ALL{label}")
    ),
    "dermofit: one archive": zip_of("dermofit.zip", dermofit_files()),
    "dermofit: an archive a class": a_zip_a_class(inner=False),
    "dermofit: an archive a class with its folder": a_zip_a_class(inner=True),
    "dermofit: archives one folder below": a_zip_a_class(inner=True, outer="library"),
    "dermofit: some classes zipped": some_zipped,
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_every_layout_gives_the_same_dataset(tmp_path, case):
    name = case.split(":")[0]
    FIRST[name](tmp_path / "first")
    first = load(name, root=tmp_path / "first")
    LAYOUTS[case](tmp_path / "other")
    before = tree(tmp_path / "other")
    other = load(name, root=tmp_path / "other")
    places = ["image", "mask"]
    pd.testing.assert_frame_equal(other.frame.drop(columns=places), first.frame.drop(columns=places))
    assert other.fingerprint == first.fingerprint
    for row in range(len(first)):
        assert other.image_bytes(row) == first.image_bytes(row)
    assert list(other.frame["mask"].isna()) == list(first.frame["mask"].isna())
    assert tree(tmp_path / "other") == before


def test_the_frame_of_isic_binary_cell_by_cell(tmp_path):
    write_folder(tmp_path, binary_files())
    dataset = load("isic_binary", root=tmp_path)
    frame = dataset.frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    rows = {row.image: (row.image_id, row.label, row.split) for row in frame.itertuples()}
    assert rows == BINARY
    assert dataset.classes == ["benign", "malignant"]
    assert dict(zip(frame["label"], frame["diagnosis"], strict=True)) == {
        "benign": "benign_lesion",
        "malignant": "malignant_lesion",
    }
    assert set(frame["modality"]) == {"dermoscopic"}
    assert dataset.official_test == {"test_benign_3", "test_malignant_1"}
    empty = ["lesion_id", "patient_id", "age", "sex", "site", "skin_type", "confirmed_by", "mask"]
    assert frame[empty].isna().all(axis=None)
    with pytest.warns(UserWarning, match="split by image"):
        official = dataset.with_split(by="official")
    assert set(official.subset("test")["image_id"]) == dataset.official_test


def test_the_frame_of_mednode_cell_by_cell(tmp_path):
    write_folder(tmp_path, mednode_files())
    dataset = load("mednode", root=tmp_path)
    frame = dataset.frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert {row.image: (row.image_id, row.label) for row in frame.itertuples()} == MEDNODE
    assert list(frame["image_id"]) == ["melanoma_1", "melanoma_205", "naevus_1"]
    assert list(frame["diagnosis"]) == ["melanoma", "melanoma", "nevus"]
    assert set(frame["modality"]) == {"clinical"}
    empty = ["lesion_id", "patient_id", "age", "sex", "site", "skin_type", "confirmed_by", "mask", "split"]
    assert frame[empty].isna().all(axis=None)


def test_the_frame_of_dermofit_cell_by_cell(tmp_path):
    write_folder(tmp_path, dermofit_files())
    dataset = load("dermofit", root=tmp_path)
    frame = dataset.frame.set_index("image_id")
    assert sorted(frame.index) == sorted(folder.replace("/", "_") for folder in DERMOFIT)
    assert frame["label"].to_dict() == {folder.replace("/", "_"): label for folder, label in DERMOFIT.items()}
    assert frame.loc["IEC_P3", "image"] == "IEC/P3/P3.png"
    assert frame.loc["IEC_P3", "mask"] == "IEC/P3/P3mask.png"
    assert frame.loc["IEC_P3", "diagnosis"] == "intraepithelial_carcinoma"
    assert frame.loc["ML_P5", "diagnosis"] == "nevus"
    assert list(frame.index[frame["mask"].isna()]) == ["BCC_P77"]
    assert set(frame["modality"]) == {"clinical"}
    mask = np.asarray(dataset.mask(0))
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 10 * 20
    empty = ["lesion_id", "patient_id", "age", "sex", "site", "skin_type", "confirmed_by", "split"]
    assert frame[empty].isna().all(axis=None)


def without(files, *starts):
    return folder_of({path: data for path, data in files.items() if not path.startswith(starts)})


def cut_archive(root):
    zip_of("complete_mednode_dataset.zip", mednode_files())(root)
    whole = (root / "complete_mednode_dataset.zip").read_bytes()
    (root / "complete_mednode_dataset.zip").write_bytes(whole[: len(whole) // 2])


BAD = {
    "isic_binary: no test": (
        without(binary_files(), "test/"),
        [
            "isic_binary lacks images in test/benign, test/malignant",
            "expected the folders train/benign",
            "found train/",
        ],
    ),
    "isic_binary: one folder empty": (
        without(binary_files(), "train/malignant"),
        ["isic_binary lacks images in train/malignant", "found test/, train/"],
    ),
    "isic_binary: half unpacked": (
        folder_of({"train/benign/3.jpg": content(0)} | binary_files("data/")),
        ["isic_binary lacks images in train/malignant, test/benign, test/malignant", "found data/, train/"],
    ),
    "isic_binary: train alone": (
        folder_of({"benign/1.jpg": content(1)}),
        ["isic_binary lacks images in", "found benign/"],
    ),
    "isic_binary: twice": (
        folder_of(binary_files() | {"train/benign/3.jpeg": content(9)}),
        ["image 3 stands twice", "train/benign/3.jpeg", "train/benign/3.jpg", "remove one"],
    ),
    "isic_binary: a member outside": (
        zip_of("archive.zip", binary_files() | {"../evil.jpg": b"x"}),
        ["archive.zip", "'../evil.jpg' points outside"],
    ),
    "mednode: no nevi": (
        without(mednode_files(), "naevus/"),
        ["mednode lacks images in naevus", "expected complete_mednode_dataset.zip", "found melanoma/"],
    ),
    "mednode: American folder": (
        folder_of({path.replace("naevus", "nevus"): data for path, data in mednode_files().items()}),
        ["mednode lacks images in naevus", "found melanoma/, nevus/"],
    ),
    "mednode: empty": (lambda root: root.mkdir(), ["mednode lacks images in melanoma, naevus", "found nothing"]),
    "mednode: no images": (
        folder_of({"melanoma/1.txt": b"x", "naevus/1.txt": b"x"}),
        ["mednode lacks images in melanoma, naevus", "found melanoma/, naevus/"],
    ),
    "mednode: a file is called as a folder": (
        folder_of({"melanoma": b"x", "naevus.jpg": content(1)}),
        ["mednode lacks images in melanoma, naevus", "found melanoma, naevus.jpg"],
    ),
    "mednode: archive cut": (
        cut_archive,
        ["complete_mednode_dataset.zip", "not a whole zip archive", "get the file again"],
    ),
    "dermofit: a class is missing": (
        without(dermofit_files(), "PYO/", "SK/"),
        [
            "dermofit lacks images in SK, PYO",
            "expected one folder (or zip archive) a class",
            "found AK/, BCC/",
            "and 2 more",
        ],
    ),
    "dermofit: a mask without an image": (
        without(dermofit_files(), "DF/P2/P2.png"),
        ["1 masks have no image", "DF/P2/P2mask.png", "add the missing image files"],
    ),
    "dermofit: a class twice": (
        folder_of(dermofit_files() | {"ALLDF/P2/P2.png": content(2)}),
        ["image P2 stands twice", "ALLDF/P2/P2.png", "DF/P2/P2.png"],
    ),
    "dermofit: a name twice": (
        folder_of(dermofit_files() | {"DF/P3/P2.png": content(2)}),
        ["image P2 stands twice", "DF/P2/P2.png and DF/P3/P2.png"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_refused_in_one_line(tmp_path, cache, case):
    name = case.split(":")[0]
    spoil, expected = BAD[case]
    spoil(tmp_path / "source")
    before = tree(tmp_path / "source")
    refused(lambda: load(name, root=tmp_path / "source"), str(tmp_path / "source"), *expected)
    refused(lambda: add(name, tmp_path / "source"), *expected)
    assert not cache.exists()
    assert tree(tmp_path / "source") == before


@pytest.mark.parametrize("name", FIRST)
def test_what_was_added_is_found_again(tmp_path, cache, name):
    FIRST[name](tmp_path / "source")
    target = add(name, tmp_path / "source")
    assert target == cache / "data" / name
    assert load(name).fingerprint == load(name, root=tmp_path / "source").fingerprint


@pytest.mark.parametrize(
    ("name", "images", "kind"),
    [("isic_binary", 3297, "account"), ("mednode", 170, "open"), ("dermofit", 1300, "license")],
)
def test_the_counts_of_the_card_agree(name, images, kind):
    facts = card(name)
    assert facts.images == images
    assert sum(entry.images for entry in facts.classes.values()) == images
    assert facts.access.kind == kind
    assert not facts.may_publish_images
