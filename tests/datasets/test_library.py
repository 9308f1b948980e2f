"""Where datasets live: the catalog, the order in which they are looked for, and copies taken."""

from __future__ import annotations

import pandas as pd
import pytest
from tiny_ham10000 import PARTS, ROWS, refused, tree, write_extras, write_unpacked, write_zipped

from lesionlib.datasets import add, card, catalog, fingerprint, label_map, library, load, pixels, relabel, verify
from lesionlib.datasets.library import cache_root, find


def test_the_card_of_ham10000_adds_up():
    facts = card("ham10000")
    assert sum(each.images for each in facts.classes.values()) == facts.images == 10015
    assert list(facts.classes) == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    assert facts.license == "CC BY-NC 4.0"
    assert card("phantom:ham10000") is not None
    assert card("phantom:ham10000").name == "ham10000"


def test_the_catalog_lists_data_and_phantoms(cache):
    table = catalog().set_index("name")
    assert list(table) == ["title", "images", "classes", "modality", "license", "available"]
    assert table.loc["ham10000", ["images", "classes", "modality", "license", "available"]].tolist() == [
        10015,
        7,
        "dermoscopic",
        "CC BY-NC 4.0",
        False,
    ]
    assert table.loc["phantom:ham10000", ["images", "classes", "available"]].tolist() == [700, 7, True]
    write_zipped(cache / "data" / "ham10000")
    assert catalog().set_index("name").loc["ham10000", "available"]


def test_data_are_looked_for_in_order(tmp_path, cache, monkeypatch):
    assert find("ham10000") is None
    write_zipped(cache / "data" / "ham10000")
    assert find("ham10000") == cache / "data" / "ham10000"
    monkeypatch.setenv("LESIONLIB_DATA", str(tmp_path / "lab"))
    assert find("ham10000") == cache / "data" / "ham10000"
    write_unpacked(tmp_path / "lab" / "ham10000")
    assert find("ham10000") == tmp_path / "lab" / "ham10000"
    assert load("ham10000").root == tmp_path / "lab" / "ham10000"
    elsewhere = write_zipped(tmp_path / "elsewhere")
    assert load("ham10000", root=str(elsewhere)).root == elsewhere


def test_without_the_variable_the_cache_is_the_users_own(monkeypatch):
    monkeypatch.delenv("LESIONLIB_CACHE", raising=False)
    assert cache_root().name == "lesionlib"
    assert cache_root().is_absolute()


def test_an_unknown_dataset_is_refused_with_the_known_ones(cache):
    for name in ("ham1000", "phantom:ham1000", "", 5, None):
        refused(
            lambda name=name: load(name), f"no dataset is called {name!r}", "choose one of ", "ham10000", "phantom:"
        )


def test_data_that_are_not_here_say_how_to_get_them(tmp_path, cache):
    refused(
        lambda: load("ham10000"),
        "ham10000 is not on this machine",
        "lesionlib data get ham10000",
        "lesionlib data add ham10000 --from DIR",
        "lesionlib data card ham10000",
        "set LESIONLIB_DATA",
    )
    refused(
        lambda: load("ham10000", root=tmp_path / "nowhere"),
        f"{tmp_path / 'nowhere'}: no such folder",
        "expected the official files of ham10000",
    )
    a_file = tmp_path / "file"
    a_file.write_text("")
    refused(lambda: load("ham10000", root=a_file), "no such folder")


def test_parameters_of_phantoms_are_for_phantoms(source, cache):
    refused(lambda: load("ham10000", root=source, n=5), "ham10000", "n can be chosen for phantoms only")
    refused(lambda: load("phantom:ham10000", sice=5), "no parameter 'sice'", "expected n, size or seed")
    refused(lambda: load("phantom:ham10000", root=source), "takes no root")
    for bad in ({"n": 0}, {"n": "many"}, {"size": 2.5}, {"seed": -1}):
        refused(lambda bad=bad: load("phantom:ham10000", **bad), f"{next(iter(bad))} is {next(iter(bad.values()))!r}")
    assert tree(cache) == {}
    assert not list((cache / "phantoms").glob("*"))


def test_the_fingerprint_of_a_chapters_data(source, cache, monkeypatch, tmp_path):
    monkeypatch.setenv("LESIONLIB_DATA", str(tmp_path))
    source.rename(tmp_path / "ham10000")
    assert fingerprint({"data": "ham10000", "epochs": 3}) == load("ham10000").fingerprint
    assert fingerprint({"epochs": 3}) == ""


@pytest.mark.parametrize("layout", [write_zipped, write_unpacked])
def test_add_takes_a_whole_copy_once(tmp_path, cache, layout):
    source = write_extras(layout(tmp_path / "disk"))
    before = tree(source)
    target = add("ham10000", source)
    assert target == cache / "data" / "ham10000"
    assert tree(target) == before
    assert load("ham10000").fingerprint == load("ham10000", root=source).fingerprint
    assert [path.name for path in target.parent.iterdir()] == ["ham10000"]

    refused(lambda: add("ham10000", source), f"ham10000 is already in {target}", "remove that folder")
    assert tree(target) == before
    assert tree(source) == before


def test_add_refuses_a_wrong_folder(tmp_path, cache):
    holiday = tmp_path / "holiday"
    holiday.mkdir()
    (holiday / "beach.png").write_bytes(b"sand")
    refused(lambda: add("ham10000", holiday), str(holiday), "no HAM10000 images found")
    refused(lambda: add("ham10000", tmp_path / "nowhere"), "no such folder")
    refused(lambda: add("ham1000", holiday), "no dataset is called 'ham1000'")
    refused(lambda: add("phantom:ham10000", holiday), "drawn when it is first loaded", "nothing to add")
    assert not cache.exists()


def test_add_does_not_copy_a_folder_into_itself(tmp_path, monkeypatch):
    source = write_zipped(tmp_path / "home")
    monkeypatch.setenv("LESIONLIB_CACHE", str(source / ".cache"))
    before = tree(source)
    refused(lambda: add("ham10000", source), str(source), "holds the user's cache too", "move the files")
    assert tree(source) == before


def test_the_users_files_are_never_written_to(source, cache):
    write_extras(source)
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")} | tree(source)
    dataset = load("ham10000", root=source).with_split(by="official")
    pixels(dataset, 16)
    verify(dataset)
    list(dataset.folds(2))
    add("ham10000", source)
    assert {path: path.stat().st_mtime_ns for path in source.rglob("*")} | tree(source) == before


def test_a_small_phantom_is_read_by_the_same_reader(cache):
    phantom = load("phantom:ham10000", n=70, size=32, seed=1)
    assert phantom.is_phantom
    assert len(phantom) == 70
    assert phantom.classes == list(card("ham10000").classes)
    assert set(phantom.frame["source"]) == {"phantom:ham10000"}
    assert set(phantom.frame["split"]) == {"train", "test"}
    written = [path for path in (cache / "phantoms").iterdir() if path.is_dir()]
    assert len(written) == 1
    before = {path: path.stat().st_mtime_ns for path in written[0].rglob("*")}
    again = load("phantom:ham10000", n=70, size=32, seed=1)
    assert {path: path.stat().st_mtime_ns for path in written[0].rglob("*")} == before
    pd.testing.assert_frame_equal(again.frame, phantom.frame)


def test_part_of_the_archives_is_not_the_dataset(tmp_path):
    root = write_zipped(tmp_path / "half")
    (root / f"{PARTS[0]}.zip").unlink()
    refused(lambda: load("ham10000", root=root), f"7 of {len(ROWS)} rows have no image", "ISIC_01")


def test_a_label_map_stands_for_its_sources(cache):
    phantom = load("phantom:mendes2018", n=370, size=32)
    assert phantom.name == "phantom:mendes2018"
    assert phantom.is_phantom
    assert phantom.classes == list(label_map("mendes2018").classes)
    assert phantom.card.classes["lentigo"].category == "benign"
    # Dealt by classes (10, 2 and 6 of 18) in pairs: 205.6, 41.1 and 123.3.
    counts = phantom.frame["source"].value_counts().to_dict()
    assert counts == {"phantom:dermofit": 204, "phantom:mednode": 40, "phantom:atlas": 122}
    pairs = set(phantom.frame[["label", "source"]].itertuples(index=False, name=None))
    assert {source for label, source in pairs if label == "wart"} == {"phantom:atlas"}
    assert {source for label, source in pairs if label == "hemangioma"} == {"phantom:dermofit"}
    assert {source for label, source in pairs if label == "nevus"} == set(counts)
    assert phantom.image(0).height == 32
    drawn = {path.name.rpartition("-v")[0] for path in (cache / "phantoms").iterdir() if path.is_dir()}
    assert drawn == {"dermofit-n204-size32-seed0", "mednode-n40-size32-seed0", "atlas-n122-size32-seed0"}
    assert load("phantom:mendes2018", n=370, size=32).fingerprint == phantom.fingerprint


def test_without_a_number_a_collection_has_forty_images_a_class_of_each_source(monkeypatch):
    asked = {}
    monkeypatch.setattr(library, "merge", lambda parts, classes: parts[0])
    monkeypatch.setattr(library, "relabel", lambda part, label_map: part)
    monkeypatch.setattr(library, "replace", lambda part, name: part)
    one = library.load

    def recorded(name, **phantom):
        asked[name] = phantom
        return name

    monkeypatch.setattr(library, "load", recorded)
    one("phantom:mendes2018")
    assert asked == {"phantom:dermofit": {"n": 400}, "phantom:mednode": {"n": 80}, "phantom:atlas": {"n": 240}}


def test_a_collection_takes_the_sources_that_are_here(source, cache, monkeypatch, tmp_path):
    refused(
        lambda: load("gupta2021"),
        "gupta2021 is made of ",
        "ham10000",
        "none of them is on this machine",
        "lesionlib data get NAME",
        "phantom:gupta2021",
    )
    monkeypatch.setenv("LESIONLIB_DATA", str(tmp_path))
    source.rename(tmp_path / "ham10000")
    with pytest.warns(UserWarning, match=r"^gupta2021: without .*isic2019.*, not on this machine$"):
        found = load("gupta2021")
    direct = relabel(load("ham10000"), "gupta2021")
    assert found.name == "gupta2021"
    assert not found.is_phantom
    assert found.frame["image_id"].tolist() == direct.frame["image_id"].tolist()
    assert found.frame["label"].tolist() == direct.frame["label"].tolist()
    with pytest.warns(UserWarning, match="isic2019"):
        assert fingerprint({"data": "gupta2021"}) == found.fingerprint


def test_bad_parameters_of_a_collection(cache, source):
    refused(lambda: load("mendes2018", root=source), "made of dermofit, mednode, atlas", "takes no root")
    refused(lambda: load("mendes2018", n=400), "mendes2018", "n can be chosen for phantoms only")
    refused(lambda: load("phantom:mendes2018", sice=5), "no parameter 'sice'", "expected n, size or seed")
    for bad in (359, 0, "many", 400.5, True):
        refused(lambda bad=bad: load("phantom:mendes2018", n=bad), f"n is {bad!r}", "whole number, 360 or more")
    refused(lambda: load("phantom:mendes2019"), "no dataset is called 'phantom:mendes2019'")
    assert not list((cache / "phantoms").glob("*"))
