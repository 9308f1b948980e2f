"""What is in a kit, and when there is none."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile

import pytest
from small_index import packages_here

from lesionlib import datasets, kit
from lesionlib.datasets import phantom
from lesionlib.errors import InputError
from lesionlib.kit.contents import data_part


def tree(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refused(place, *said, contents=None, max_size=None, folder="refused"):
    before = tree(place)
    with pytest.raises(InputError) as caught:
        kit.pack(place / folder, contents or kit.Contents(), kit.Target(packages=packages_here()), max_size)
    assert tree(place) == before
    assert "\n" not in str(caught.value)
    for words in said:
        assert words in str(caught.value)


def test_the_manifest_names_every_file_with_its_checksum(packed):
    manifest = json.loads((packed.folder / "kit.json").read_text())
    files = tree(packed.folder)
    named = {each["path"]: each for each in manifest["files"]}
    assert set(named) == set(files) - {"kit.json"}
    for path, content in files.items():
        if path != "kit.json":
            assert named[path]["sha256"] == hashlib.sha256(content).hexdigest()
            assert named[path]["bytes"] == len(content)
    assert manifest["schema"] == 1
    assert manifest["sweep"] == "grid.yml"
    assert set(manifest["packages"]) == {"smalldep", "deeper", "later" if sys.version_info >= (3, 12) else "earlier"}
    assert set(manifest["image"]) == {"torch", "numpy", "ipykernel"}
    assert kit.read_manifest(packed.folder) == packed.manifest
    assert packed.bytes == sum(map(len, files.values()))


def test_no_path_of_this_machine_stands_in_it(packed, place):
    for name in ("kit.json", "README.txt", "data/ham10000.NOTICE.txt"):
        assert str(place) not in (packed.folder / name).read_text()


def test_the_data_stand_as_they_stood_with_their_terms_beside_them(packed, place):
    assert tree(packed.folder / "data" / "ham10000") == tree(place / "data" / "ham10000")
    notice = (packed.folder / "data" / "ham10000.NOTICE.txt").read_text()
    assert "CC BY-NC 4.0" in notice
    assert "Tschandl" in notice
    (described,) = packed.manifest.data
    assert described.fingerprint == datasets.load("ham10000").fingerprint


def test_the_project_goes_without_results_and_tests(packed):
    with zipfile.ZipFile(packed.folder / "project.zip") as archive:
        names = set(archive.namelist())
    assert {"grid.yml", "_toc.yml", "notebooks/01_toy.ipynb", "lesionlib/__init__.py"} <= names
    assert "lesionlib/datasets/cards/ham10000.yaml" in names
    assert {name.partition("/")[0] for name in names} <= {
        *("grid.yml", "_toc.yml", "pyproject.toml", "notebooks", "lesionlib"),
        f"lesionlib-{packed.manifest.lesionlib}.dist-info",
    }


def test_masks_can_stay_at_home(place, wheels_at_hand):
    contents = kit.Contents(data=("ham10000",), masks=False)
    made = kit.pack(place / "without", contents, kit.Target(packages=packages_here()))
    masks = "HAM10000_segmentations_lesion_tschandl.zip"
    there = set(tree(made.folder / "data" / "ham10000"))
    assert there == set(tree(place / "data" / "ham10000")) - {masks}
    assert made.manifest.data[0].without_masks
    assert made.manifest.data[0].fingerprint == datasets.load("ham10000").fingerprint


def test_masks_within_the_archive_of_the_images_go_with_it(tmp_path, monkeypatch):
    (tmp_path / "ph2").mkdir()
    phantom.write("ph2", tmp_path / "ph2", n=30, size=32)
    monkeypatch.setenv("LESIONLIB_DATA", str(tmp_path))
    assert datasets.load("ph2").frame["mask"].notna().all()
    assert data_part("ph2", masks=False) == data_part("ph2")


def test_what_is_too_large_is_told_by_its_parts(place, packed, wheels_at_hand):
    contents = kit.Contents(data=("ham10000",))
    refused(
        place,
        *("is more than --max-size 2.0 KiB: ", "data ham10000 ", "wheels ", "project ", "--no-masks saves "),
        contents=contents,
        max_size=2048,
    )
    refused(place, "is more than", contents=contents, max_size=packed.bytes - 4096)


def test_the_size_counts_every_file_and_the_same_is_packed_alike(place, wheels_at_hand):
    contents = kit.Contents(data=("ham10000",), sweep=place / "book" / "grid.yml")
    first = kit.pack(place / "first", contents, kit.Target(packages=packages_here()))
    refused(place, "is more than", contents=contents, max_size=first.bytes - 1)
    again = kit.pack(place / "again", contents, kit.Target(packages=packages_here()), first.bytes)
    assert tree(again.folder) == tree(first.folder)


def test_a_folder_that_is_there_stays(place, packed):
    refused(place, "is already there", folder="kit")


@pytest.mark.parametrize(
    ("data", "said"),
    [("phantom:ham10000", "is drawn where it is needed"), ("ph2", "is not on this machine"), ("ham", "no dataset")],
)
def test_data_that_cannot_be_packed(place, data, said):
    refused(place, said, contents=kit.Contents(data=(data,)))


def test_a_sweep_is_checked_first(place, tmp_path):
    grid = place / "book" / "grid.yml"
    refused(place, "01_toy asks for ham10000, which is not packed", contents=kit.Contents(sweep=grid))
    other = tmp_path / "grid.yml"
    other.write_text(grid.read_text().replace("epochs", "epoch"))
    contents = kit.Contents(data=("ham10000",), sweep=other)
    refused(place, "unknown parameter epoch; known: data, epochs; did you mean epochs?", contents=contents)


def test_a_manifest_of_another_kind(tmp_path):
    (tmp_path / "kit.json").write_text('{"schema": 2}')
    with pytest.raises(InputError, match="schema"):
        kit.read_manifest(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        kit.read_manifest(tmp_path / "none")
