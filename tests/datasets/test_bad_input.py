"""Files that are not as they were published: one line that names the thing and the way out."""

from __future__ import annotations

import re
import zipfile

import numpy as np
import pytest
from tiny_ham10000 import (
    HEADER,
    PARTS,
    ROWS,
    TEST_TABLE,
    images_of,
    tree,
    write_extras,
    write_loose,
    write_table,
    write_unpacked,
    write_zip,
    write_zipped,
)

from lesionlib.datasets import add, load, pixels
from lesionlib.datasets.files import ImageFiles
from lesionlib.errors import InputError

METADATA = "HAM10000_metadata.csv"
PART_1, PART_2 = (f"{part}.zip" for part in PARTS)


def rows_but(number, **changes):
    """`ROWS` with one row changed."""
    rows = [list(row) for row in ROWS]
    for column, value in changes.items():
        rows[number][HEADER.index(column)] = value
    return rows


def table_of(rows, header=HEADER):
    return lambda root: write_table(root / METADATA, rows, header)


def without_column(root):
    write_table(root / METADATA, [row[:4] + row[5:] for row in ROWS], HEADER[:4] + HEADER[5:])


def image_without_a_row(root):
    write_table(root / METADATA, ROWS[:4] + ROWS[5:])


def row_without_an_image(root):
    (root / PART_2).unlink()


def shared_test_image(root):
    write_extras(root)
    write_zip(root / "ISIC2018_Task3_Test_Input.zip", images_of(ROWS[:1]))
    write_table(root / f"{TEST_TABLE}.csv", ROWS[:1])


def missing_test_table(root):
    write_extras(root)
    (root / f"{TEST_TABLE}.csv").unlink()


def image_in_both_parts(root):
    write_zip(root / PART_2, images_of(ROWS[6:]))


def member_outside(name):
    def spoil(root):
        with zipfile.ZipFile(root / PART_1, "a") as archive:
            archive.writestr(name, b"x")

    return spoil


def cut_zip(root):
    whole = (root / PART_1).read_bytes()
    (root / PART_1).write_bytes(whole[: len(whole) // 2])


def no_zip_at_all(root):
    (root / PART_1).write_bytes(b"<html>please sign in</html>")


def images_gone(root):
    (root / PART_1).unlink()
    (root / PART_2).unlink()


def metadata_gone(root):
    (root / METADATA).unlink()


def metadata_empty(root):
    (root / METADATA).write_bytes(b"")


def metadata_binary(root):
    (root / METADATA).write_bytes(b"\xff\xfe\x00\x81" * 40)


def metadata_is_a_folder(root):
    (root / METADATA).unlink()
    (root / METADATA).mkdir()


BAD = {
    "row without an image": (
        row_without_an_image,
        [METADATA, "5 of 12 rows have no image", "ISIC_08", "add the missing image files"],
    ),
    "image without a row": (image_without_a_row, [METADATA, "1 images have no row", "ISIC_05.jpg", "get the whole"]),
    "unknown class": (
        table_of(rows_but(4, dx="scc")),
        ["ham10000", "unknown class 'scc'", "ISIC_05", "expected one of akiec, bcc, bkl, df, mel, nv, vasc"],
    ),
    "no class": (table_of(rows_but(4, dx="")), ["unknown class", "ISIC_05"]),
    "class in capitals": (table_of(rows_but(4, dx="MEL")), ["unknown class 'MEL'", "expected one of akiec"]),
    "duplicate id": (
        table_of([*ROWS, ROWS[3]]),
        ["image id ISIC_04 stands in 2 rows", "one row an image", "remove the repeats"],
    ),
    "missing column": (without_column, [METADATA, "column 'age' is missing", "expected lesion_id", "found lesion_id"]),
    "wrong separator": (
        lambda root: write_table(root / METADATA, ROWS).write_text("lesion_id;image_id\n1;2\n"),
        [METADATA, "column 'lesion_id' is missing", "found lesion_id;image_id"],
    ),
    "age in words": (
        table_of(rows_but(5, age="seventy")),
        [f"{METADATA}, line 7", "age is 'seventy'", "expected a number or an empty cell"],
    ),
    "infinite age": (table_of(rows_but(5, age="inf")), [f"{METADATA}, line 7", "age is 'inf'"]),
    "no metadata": (metadata_gone, ["HAM10000_metadata.csv (or .tab) is missing", "put it beside the images"]),
    "metadata is a folder": (metadata_is_a_folder, ["HAM10000_metadata.csv (or .tab) is missing"]),
    "empty metadata": (metadata_empty, [METADATA, "not a readable table", "get the file again"]),
    "binary metadata": (metadata_binary, [METADATA, "not a readable table", "get the file again"]),
    "no images": (images_gone, ["no HAM10000 images found", "expected HAM10000_images_part_1.zip", "or .jpg files"]),
    "image twice": (image_in_both_parts, ["image ISIC_07 stands twice", PART_1, PART_2, "remove one of them"]),
    "zip cut short": (cut_zip, [PART_1, "not a whole zip archive", "get the file again"]),
    "not a zip": (no_zip_at_all, [PART_1, "not a whole zip archive", "get the file again"]),
    "member above": (member_outside("../evil.jpg"), [PART_1, "'../evil.jpg' points outside", "get it again"]),
    "member above, below": (member_outside("a/../../evil.txt"), [PART_1, "points outside"]),
    "absolute member": (member_outside("/etc/evil.jpg"), [PART_1, "'/etc/evil.jpg' points outside"]),
    "Windows member": (member_outside("..\\evil.jpg"), [PART_1, "points outside"]),
    "drive member": (member_outside("C:\\evil.jpg"), [PART_1, "points outside"]),
    "test image in the training set": (
        shared_test_image,
        ["image id ISIC_01 stands in 2 rows", "remove the repeats"],
    ),
    "test images without a table": (
        missing_test_table,
        [f"{TEST_TABLE}.csv (or .tab) is missing", "put it beside the images"],
    ),
}


def refused(action, *expected) -> str:
    with pytest.raises(InputError) as caught:
        action()
    line = str(caught.value)
    assert "\n" not in line
    for words in expected:
        assert words in line
    return line


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_refused_in_one_line(source, cache, case):
    spoil, expected = BAD[case]
    spoil(source)
    before = tree(source)
    line = refused(lambda: load("ham10000", root=source), *expected)
    assert str(source) in line or line.startswith("ham10000: ")
    # What cannot be read is not taken into the cache either, and nothing of it stays there.
    assert refused(lambda: add("ham10000", source)) == line
    assert not cache.exists()
    assert tree(source) == before


def truncated(root):
    path = root / PARTS[0] / "ISIC_03.jpg"
    path.write_bytes(path.read_bytes()[:-200])


def emptied(root):
    (root / PARTS[0] / "ISIC_03.jpg").write_bytes(b"")


def no_image_at_all(root):
    (root / PARTS[0] / "ISIC_03.jpg").write_bytes(b"<html>please sign in</html>")


@pytest.mark.parametrize("spoil", [truncated, emptied, no_image_at_all])
def test_an_image_that_cannot_be_decoded_is_named(tmp_path, cache, spoil):
    root = write_unpacked(tmp_path / "unpacked")
    spoil(root)
    dataset = load("ham10000", root=root)
    path = str(root / PARTS[0] / "ISIC_03.jpg")
    refused(lambda: dataset.image(2), path, "not a whole image", "get the file again")
    refused(lambda: pixels(dataset, 16), path, "not a whole image", "get the file again")
    assert tree(cache) == {}
    assert dataset.image(1).size == (40, 30)


def test_an_image_that_goes_away_is_named(tmp_path):
    root = write_unpacked(tmp_path / "unpacked")
    dataset = load("ham10000", root=root)
    (root / PARTS[0] / "ISIC_03.jpg").unlink()
    refused(lambda: dataset.image(2), "ISIC_03.jpg", "cannot be read", "get the file again")


def test_a_link_to_nowhere_is_no_image(tmp_path):
    root = write_unpacked(tmp_path / "unpacked")
    (root / PARTS[0] / "ISIC_03.jpg").unlink()
    (root / PARTS[0] / "ISIC_03.jpg").symlink_to(tmp_path / "gone.jpg")
    refused(lambda: load("ham10000", root=root), "1 of 12 rows have no image", "ISIC_03")


@pytest.mark.parametrize("offset", [0, 60, 200])
def test_a_damaged_member_of_an_archive_is_named(source, cache, offset):
    content = bytearray((source / PART_1).read_bytes())
    with zipfile.ZipFile(source / PART_1) as archive:
        member = archive.getinfo("ISIC_03.jpg")
    start = member.header_offset + 30 + len(member.filename) + offset
    content[start : start + 40] = bytes(np.random.default_rng(offset).integers(0, 256, 40, dtype=np.uint8))
    (source / PART_1).write_bytes(content)
    dataset = load("ham10000", root=source)
    for action in (lambda: dataset.image(2), lambda: dataset.image_bytes(2), lambda: pixels(dataset, 16)):
        refused(action, f"{PART_1}!ISIC_03.jpg", "cannot be read", "get the file again")
    assert tree(cache) == {}
    assert dataset.image(3).size == (40, 30)


def test_an_archive_with_a_password_is_refused(source):
    content = (source / PART_1).read_bytes()
    # The flag of encryption, in every local header and in every entry of the directory.
    content = re.sub(rb"(PK\x03\x04..)\x00", rb"\g<1>" + b"\x01", content, flags=re.DOTALL)
    content = re.sub(rb"(PK\x01\x02....)\x00", rb"\g<1>" + b"\x01", content, flags=re.DOTALL)
    (source / PART_1).write_bytes(content)
    dataset = load("ham10000", root=source)
    refused(lambda: dataset.image(0), f"{PART_1}!ISIC_01.jpg", "encrypted", "get the file again")


def test_a_refused_archive_stays_refused(source):
    member_outside("../evil.jpg")(source)
    files = ImageFiles(source)
    for _ in range(2):
        refused(lambda: files.paths((".jpg",)), "points outside")


def test_loose_images_of_a_wrong_folder_are_not_taken_for_the_dataset(tmp_path):
    root = write_loose(tmp_path / "holiday")
    (root / METADATA).unlink()
    refused(lambda: load("ham10000", root=root), str(root), "HAM10000_metadata.csv (or .tab) is missing")
    root = write_zipped(tmp_path / "extra")
    (root / "notes.txt").write_text("not part of it")
    assert len(load("ham10000", root=root)) == 12
