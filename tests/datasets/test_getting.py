"""Getting a dataset: from the card's addresses to a folder that the reader has read, or one line that says why not."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from fault_server import FaultServer, answer, cut_after, hang_up, redirect, stall_after
from tiny_ham10000 import ROWS, jpeg, picture, refused, tree, write_extras, write_unpacked, write_zipped

from lesionlib.atomic import locked
from lesionlib.datasets import add, cards, get, library, links, load
from lesionlib.datasets import download as downloading
from lesionlib.datasets.cards import Access, Card, FileFacts
from lesionlib.datasets.getting import SOURCES
from lesionlib.errors import InputError

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

COUNTS = {"akiec": 0, "bcc": 0, "bkl": 2, "df": 1, "mel": 4, "nv": 4, "vasc": 1}
CUT = 4 * downloading._CHUNK
KAGGLE_CLASSES = "benign", "malignant"
PART_1, PART_2, TABLE = "HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip", "HAM10000_metadata.csv"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(downloading.time, "sleep", lambda _: None)


def tiny_card(files, **changes) -> Card:
    """The card of the dozen images of `tiny_ham10000`, with these files."""
    facts = cards.card("ham10000")
    classes = {name: each.model_copy(update={"images": COUNTS[name]}) for name, each in facts.classes.items()}
    counted = {"images": 12, "lesions": 9, "classes": classes, "files": tuple(files)}
    return facts.model_copy(update=counted | changes)


@pytest.fixture
def known(monkeypatch):
    """Let a card stand for a dataset."""

    def stand(card: Card) -> Card:
        given = cards.card

        def known_card(name: str) -> Card:
            return card if name == card.name else given(name)

        monkeypatch.setattr(cards, "card", known_card)
        return card

    return stand


def served(server, source: Path, checked=(PART_1, PART_2)) -> list[FileFacts]:
    """Serve every file of `source`; give the card's lines for them, with checksums for `checked`."""
    files = []
    for path in sorted(source.iterdir()):
        content = path.read_bytes()
        facts = {"md5": hashlib.md5(content).hexdigest(), "bytes": len(content)} if path.name in checked else {}
        files.append(FileFacts(name=path.name, url=server.serve(f"/{path.name}", content), **facts))
    return files


@pytest.fixture
def online(server, source, known):
    """The tiny dataset on the server, under a card that tells of it."""
    return known(tiny_card(served(server, source)))


def partial_folder(cache: Path, name: str = "ham10000") -> Path:
    return cache / "data" / f".partial-{name}"


def nothing_is_taken_for_data(cache: Path) -> None:
    assert library.find("ham10000") is None
    assert not (cache / "data" / "ham10000").exists()


def test_an_open_dataset_is_got_read_and_put_in_place(server, source, cache, online):
    delivery = get("ham10000")
    assert delivery.folder == cache / "data" / "ham10000" == library.find("ham10000")
    got = tree(delivery.folder)
    sources = json.loads(got.pop(SOURCES))
    assert got == tree(source)
    assert load("ham10000").fingerprint == load("ham10000", root=source).fingerprint
    assert not partial_folder(cache).exists()

    assert [each["name"] for each in sources] == [PART_1, PART_2, TABLE]
    for each in sources:
        content = got[each["name"]]
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
        assert each["bytes"] == len(content)
        assert each["url"] == f"{server.address}/{each['name']}"
        assert len(each["date"].split("-")) == 3
    (note,) = delivery.notes
    assert note.startswith(f"{TABLE}: no published checksum; the reader has read it")
    assert hashlib.sha256(got[TABLE]).hexdigest() in note

    asked = len(server.requests)
    again = get("ham10000")
    assert again.folder == delivery.folder
    assert "it was here already" in again.notes[0]
    assert len(server.requests) == asked


def test_data_that_were_added_are_not_got_again(server, source, cache, online):
    add("ham10000", source)
    assert "here already" in get("ham10000").notes[0]
    assert server.requests == []


def test_a_get_that_was_interrupted_goes_on_where_it_stopped(server, cache, online, monkeypatch):
    monkeypatch.setattr(downloading, "ATTEMPTS", 2)
    monkeypatch.setattr(downloading, "_CHUNK", 512)
    server.fail(f"/{PART_2}", cut_after(1024), hang_up(), hang_up())
    refused(lambda: get("ham10000"), PART_2, "the connection was cut", "1,024 bytes are here", "run it again")
    nothing_is_taken_for_data(cache)
    assert sorted(tree(partial_folder(cache))) == [PART_1, f"{PART_2}.part", f"{PART_2}.part.json", SOURCES]

    folder = get("ham10000").folder
    assert len(server.asked(f"/{PART_1}")) == 1
    last = server.asked(f"/{PART_2}")[-1]
    assert last.headers["Range"] == "bytes=1024-"
    assert last.sent == (folder / PART_2).stat().st_size - 1024
    assert len(load("ham10000")) == 12


KILLED = """
import json, os, sys
from lesionlib.datasets import cards, get
card = cards.Card.model_validate_json(open(sys.argv[1]).read())
cards.card = lambda name: card
get("ham10000")
"""


def test_a_get_that_was_killed_goes_on_where_it_stopped(server, source, cache, known, tmp_path):
    with zipfile.ZipFile(source / PART_1, "a") as archive:
        archive.writestr("notes.bin", os.urandom(100_000))
    online = known(tiny_card(served(server, source)))
    server.fail(f"/{PART_1}", stall_after(CUT))
    (tmp_path / "card.json").write_text(online.model_dump_json())
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "card.json")], env=dict(os.environ))
    part = partial_folder(cache) / f"{PART_1}.part"
    deadline = time.monotonic() + 60
    try:
        while not (part.exists() and part.stat().st_size == CUT) and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        line = "ham10000 is being downloaded by another process: wait for it, or stop it"
        refused(lambda: get("ham10000"), line)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    nothing_is_taken_for_data(cache)
    folder = get("ham10000").folder
    assert server.asked(f"/{PART_1}")[-1].headers["Range"] == f"bytes={CUT}-"
    assert hashlib.md5((folder / PART_1).read_bytes()).hexdigest() == online.files[0].md5
    assert len(load("ham10000")) == 12


def test_a_kill_between_download_and_note_costs_a_look_not_a_download(server, source, cache, online):
    partial_folder(cache).mkdir(parents=True)
    (partial_folder(cache) / PART_1).write_bytes((source / PART_1).read_bytes())
    (partial_folder(cache) / PART_2).write_bytes(b"x" * len((source / PART_2).read_bytes()))
    refused(lambda: get("ham10000"), PART_2, "md5 is")
    get("ham10000")
    assert len(server.asked(f"/{PART_1}")) == 0
    assert len(server.asked(f"/{PART_2}")) == 1


def test_a_second_get_at_the_same_time_is_refused(server, cache, online):
    with locked(cache / "data" / ".ham10000.lock", InputError("not now")):
        refused(lambda: get("ham10000"), "ham10000 is being downloaded by another process", "wait for it")
    assert server.requests == []
    assert get("ham10000").folder.is_dir()


def wrong_bytes(server):
    file = server.files[f"/{PART_1}"]
    server.serve(f"/{PART_1}", file.content[:-9] + bytes(9))


def another_archive(server):
    server.serve(f"/{PART_1}", server.files[f"/{PART_2}"].content)


def a_page_instead(server):
    server.serve(f"/{PART_1}", b"<html>please sign in</html>", type="text/html")


def a_page_that_claims_to_be_a_table(server):
    server.serve(f"/{TABLE}", b"<html>please sign in</html>", type="text/csv")


def cut_table(server):
    server.serve(f"/{TABLE}", server.files[f"/{TABLE}"].content[:300], length=False)


def gone(server):
    del server.files[f"/{PART_2}"]


def forbidden(server):
    server.fail(f"/{PART_2}", *[answer(403)] * 99)


def always_cut(server):
    server.fail(f"/{PART_2}", *[cut_after(100)] * 99)


def down(server):
    server.fail(f"/{TABLE}", *[answer(503)] * 99)


def around_and_around(server):
    server.fail(f"/{TABLE}", *[redirect(f"/{TABLE}")] * 99)


BAD = {
    wrong_bytes: [PART_1, "md5 is", "expected", "run it again"],
    another_archive: [PART_1, "bytes is", "expected"],
    a_page_instead: [PART_1, "answered with a web page"],
    a_page_that_claims_to_be_a_table: [TABLE, "column 'lesion_id' is missing", f"removed: {TABLE}"],
    cut_table: ["what came of ham10000 is not the dataset", f"removed: {TABLE}"],
    gone: [PART_2, "answered 404", "https://doi.org/10.7910/DVN/DBW86T"],
    forbidden: [PART_2, "answered 403", "https://doi.org/10.7910/DVN/DBW86T"],
    always_cut: [PART_2, "the connection was cut"],
    down: [TABLE, "answered 503"],
    around_and_around: [TABLE, "leads nowhere"],
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_nothing_corrupt_is_taken_for_data(server, source, cache, online, spoil):
    spoil(server)
    refused(lambda: get("ham10000"), *BAD[spoil])
    nothing_is_taken_for_data(cache)
    # Nor is it once the server is well again.
    server.faults.clear()
    served(server, source)
    assert {name: content for name, content in tree(get("ham10000").folder).items() if name != SOURCES} == tree(source)


def test_an_archive_without_a_checksum_is_read_to_its_end(server, source, cache, known):
    known(tiny_card(served(server, source, checked=())))
    whole = server.files[f"/{PART_1}"].content
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        place = archive.getinfo("ISIC_03.jpg").header_offset + 150
    server.serve(f"/{PART_1}", whole[:place] + bytes(20) + whole[place + 20 :])
    refused(lambda: get("ham10000"), PART_1, "a damaged archive", "run it again")
    assert PART_1 not in tree(partial_folder(cache))
    server.serve(f"/{PART_1}", whole[: len(whole) // 2], length=False, etag=None)
    refused(lambda: get("ham10000"), PART_1, "a damaged archive")
    server.serve(f"/{PART_1}", whole)
    assert len(get("ham10000").notes) == 3


def test_a_set_that_lacks_images_is_not_the_dataset(server, tmp_path, cache, known):
    smaller = write_zipped(tmp_path / "smaller", ROWS[:11])
    known(tiny_card(served(server, smaller, checked=())))
    refused(lambda: get("ham10000"), "ham10000 is not the dataset", "images: 11, expected 12", "lesionlib data card")
    nothing_is_taken_for_data(cache)
    # The table that nobody vouched for goes, what was checked stays.
    assert sorted(tree(partial_folder(cache))) == [PART_1, PART_2, SOURCES]
    full = write_zipped(tmp_path / "full")
    server.serve(f"/{TABLE}", (full / TABLE).read_bytes())
    refused(lambda: get("ham10000"), "1 of 12 rows have no image")


def test_optional_files_come_too_and_may_be_missing(server, source, cache, known):
    write_extras(source)
    optional = [path.name for path in source.iterdir() if path.name not in (PART_1, PART_2, TABLE)]
    files = [file.model_copy(update={"optional": file.name in optional}) for file in served(server, source)]
    known(tiny_card(files))
    assert {name for name in tree(get("ham10000").folder) if name != SOURCES} == set(tree(source))
    assert load("ham10000").official_test == {"ISIC_90", "ISIC_91"}


def test_an_optional_file_that_is_gone_is_left_out_and_named(server, source, cache, known):
    masks = FileFacts(name="HAM10000_segmentations_lesion_tschandl.zip", url=f"{server.address}/masks", optional=True)
    known(tiny_card([*served(server, source), masks]))
    notes = get("ham10000").notes
    assert "left out, since it is optional" in notes[0]
    assert "answered 404" in notes[0]
    assert load("ham10000").frame["mask"].isna().all()


def packed(source: Path, above: str = "release/") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in tree(source).items():
            archive.writestr(above + name, content)
    return buffer.getvalue()


@pytest.fixture
def unpacked_card(known):
    def stand(url: str, md5: str | None = None) -> Card:
        return known(tiny_card([FileFacts(name="release.zip", url=url, md5=md5, unpack=True)]))

    return stand


@pytest.mark.parametrize("layout", [write_zipped, write_unpacked])
def test_an_archive_is_unpacked_where_the_card_says_so(server, tmp_path, cache, unpacked_card, layout):
    source = layout(tmp_path / "release")
    unpacked_card(server.serve("/release.zip", packed(source, above="")))
    folder = get("ham10000").folder
    got = tree(folder)
    (each,) = json.loads(got.pop(SOURCES))
    assert got == tree(source)
    assert each["name"] == "release.zip"
    assert each["bytes"] == len(server.files["/release.zip"].content)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*{Path(n).parts[0] for n in got}, SOURCES])


def test_unpacking_that_was_interrupted_is_done_over(server, tmp_path, cache, unpacked_card, monkeypatch):
    source = write_unpacked(tmp_path / "release")
    unpacked_card(server.serve("/release.zip", packed(source, above="")))
    extract, extracted = zipfile.ZipFile.extract, []

    def killed(archive, member, path):
        if len(extracted) == 5:
            raise KeyboardInterrupt
        extracted.append(member)
        return extract(archive, member, path)

    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipFile, "extract", killed)
        with pytest.raises(KeyboardInterrupt):
            get("ham10000")
    nothing_is_taken_for_data(cache)
    # Another attempt came as far as to move a folder, half of it.
    half = partial_folder(cache) / "HAM10000_images_part_1"
    half.mkdir()
    (half / "ISIC_77.jpg").write_bytes(b"x")
    assert {name: content for name, content in tree(get("ham10000").folder).items() if name != SOURCES} == tree(source)
    assert len(server.asked("/release.zip")) == 1


def test_a_disk_that_is_full_while_unpacking_keeps_the_archive(server, tmp_path, cache, unpacked_card, monkeypatch):
    source = write_unpacked(tmp_path / "release")
    unpacked_card(server.serve("/release.zip", packed(source, above="")))

    def full(archive, member, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(zipfile.ZipFile, "extract", full)
        refused(lambda: get("ham10000"), "the disk is full", "run it again")
    nothing_is_taken_for_data(cache)
    get("ham10000")
    assert len(server.asked("/release.zip")) == 1


@pytest.mark.parametrize("member", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"])
def test_an_archive_with_a_member_outside_is_refused_and_removed(server, source, cache, unpacked_card, member):
    content = packed(source, above="")
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(member, b"x")
    unpacked_card(server.serve("/release.zip", buffer.getvalue()))
    refused(lambda: get("ham10000"), "release.zip", "points outside", "do not use this file")
    nothing_is_taken_for_data(cache)
    assert [name for name in tree(cache) if not name.endswith(".lock")] == []
    assert not list(cache.parent.rglob("evil*"))


def test_a_damaged_archive_is_not_unpacked(server, source, cache, unpacked_card):
    content = packed(source, above="")
    unpacked_card(server.serve("/release.zip", content[:2000] + bytes(200) + content[2200:]))
    refused(lambda: get("ham10000"), "release.zip", "a damaged archive", "run it again")
    nothing_is_taken_for_data(cache)
    assert not [name for name in tree(cache) if name.endswith((".zip", ".jpg"))]


def test_a_folder_that_cannot_be_written_is_one_line(server, cache, online):
    cache.write_text("a file")
    refused(lambda: get("ham10000"), str(cache), "a file stands where a folder is needed")


@pytest.mark.parametrize("kind", ["form", "license", "account", "open"])
def test_what_stands_in_between_is_told_with_the_way_on(server, cache, known, kind):
    access = Access(kind=kind, how="Fill in the form at https://example.invalid/form.")
    known(tiny_card([FileFacts(name="release.zip")], access=access))
    refused(
        lambda: get("ham10000"),
        "Fill in the form at https://example.invalid/form.",
        "HAM10000_images_part_1.zip",
        "lesionlib data add ham10000 --from DIR",
    )
    assert server.requests == []
    assert not cache.exists()


@pytest.mark.parametrize("name", ["ph2", "dermofit", "derm7pt", "ddi"])
def test_the_closed_datasets_say_how_to_get_them(cache, name):
    refused(lambda: get(name), f"{name} cannot be downloaded", cards.card(name).access.how.split()[0], "data add")


def test_phantoms_and_unknown_names_are_not_got(cache):
    refused(lambda: get("phantom:ham10000"), "is drawn when it is first loaded")
    refused(lambda: get("ham1000"), "no dataset is called 'ham1000'")


def test_what_is_got_is_as_its_card_says_and_every_open_card_has_addresses():
    for name in cards.names():
        facts = cards.card(name)
        urls = [file.url for file in facts.files if file.url]
        assert all(url.startswith("https://") for url in urls), name
        if facts.access.kind in ("open", "links"):
            assert urls, name
        if facts.access.kind in ("form", "license"):
            assert not urls, name


@pytest.fixture
def kaggle(server, source, known, monkeypatch, tmp_path):
    """The tiny dataset behind an account; the user's home is empty."""
    for variable in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    access = Access(kind="account", how="Sign in and press Download.")
    return known(tiny_card(served(server, source), access=access))


def test_kaggle_without_credentials_says_so(server, cache, kaggle):
    refused(
        lambda: get("ham10000"),
        "needs a Kaggle account, and no credentials are here",
        "KAGGLE_USERNAME and KAGGLE_KEY",
        "kaggle.json",
        "Create New Token",
        "Sign in and press Download.",
        "lesionlib data add ham10000 --from DIR",
    )
    assert server.requests == []


def test_half_of_the_credentials_are_none(cache, kaggle, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    refused(lambda: get("ham10000"), "no credentials are here")


@pytest.mark.parametrize("place", ["environment", ".kaggle", ".config/kaggle", "KAGGLE_CONFIG_DIR"])
def test_kaggle_credentials_go_to_kaggle_alone(server, cache, kaggle, monkeypatch, tmp_path, place):
    if place == "environment":
        monkeypatch.setenv("KAGGLE_USERNAME", "ann")
        monkeypatch.setenv("KAGGLE_KEY", "s3cret")
    else:
        folder = tmp_path / "home" / place
        folder.mkdir(parents=True)
        (folder / "kaggle.json").write_text('{"username": "ann", "key": "s3cret"}')
        if place == "KAGGLE_CONFIG_DIR":
            monkeypatch.setenv(place, str(folder))
    with FaultServer("localhost").running() as storage:
        stored = storage.serve("/stored", server.files[f"/{PART_1}"].content)
        server.fail(f"/{PART_1}", redirect(stored))
        get("ham10000")
        assert [request.headers["Authorization"] for request in storage.requests] == [None]
    assert all(request.headers["Authorization"] == "Basic YW5uOnMzY3JldA==" for request in server.requests)


def test_credentials_that_kaggle_refuses_are_not_shown(server, cache, kaggle, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    monkeypatch.setenv("KAGGLE_KEY", "s3cret")
    server.fail(f"/{PART_1}", answer(401))
    with pytest.raises(InputError) as caught:
        get("ham10000")
    assert "answered 401" in str(caught.value)
    assert "your Kaggle credentials" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "s3cret", '["s3cret"]', '{"username": "ann"}', '"s3cret"'])
def test_a_damaged_credentials_file_is_named_and_not_shown(cache, kaggle, tmp_path, content):
    folder = tmp_path / "home" / ".kaggle"
    folder.mkdir(parents=True)
    (folder / "kaggle.json").write_text(content)
    with pytest.raises(InputError, match=r"kaggle\.json: no Kaggle credentials; expected") as caught:
        get("ham10000")
    assert "s3cret" not in str(caught.value)


def test_kaggles_archive_is_read_as_it_comes(server, cache, known, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    monkeypatch.setenv("KAGGLE_KEY", "s3cret")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, above in enumerate(f"{split}/{label}" for split in ("train", "test") for label in KAGGLE_CLASSES):
            for folder in (above, f"data/{above}"):
                archive.writestr(f"{folder}/{number}.jpg", jpeg(picture(number)))
    facts = cards.card("isic_binary")
    (file,) = facts.files
    assert file.url.startswith("https://www.kaggle.com/api/v1/datasets/download/")
    classes = {name: each.model_copy(update={"images": 2}) for name, each in facts.classes.items()}
    file = file.model_copy(update={"url": server.serve("/api", buffer.getvalue(), type="application/zip")})
    known(facts.model_copy(update={"files": (file,), "images": 4, "classes": classes}))
    get("isic_binary")
    assert sorted(load("isic_binary").frame["label"]) == ["benign"] * 2 + ["malignant"] * 2


# Images on pages of their own, as those of fitzpatrick17k

LABELS = ["benign dermal", "malignant melanoma"]


class Atlas:
    """A table of images, and a server on which they stand."""

    def __init__(self, server, count: int = 8):
        self.server = server
        self.pictures = [jpeg(picture(number)) for number in range(count)]
        self.keys = [hashlib.md5(content).hexdigest() for content in self.pictures]
        self.urls = [server.serve(f"/{k}.jpg", content) for k, content in enumerate(self.pictures)]

    def table(self) -> bytes:
        rows = [
            f"{key},{k % 7 - 1},melanoma,{LABELS[k % 2]},malignant,{url}"
            for k, (key, url) in enumerate(zip(self.keys, self.urls, strict=True))
        ]
        header = "md5hash,fitzpatrick_scale,label,nine_partition_label,three_partition_label,url"
        return "\n".join([header, *rows, ""]).encode()

    def card(self) -> Card:
        facts = cards.card("fitzpatrick17k")
        url = self.server.serve("/fitzpatrick17k.csv", self.table())
        return facts.model_copy(update={"files": (FileFacts(name="fitzpatrick17k.csv", url=url),)})


@pytest.fixture
def atlas(server, monkeypatch):
    monkeypatch.setattr(downloading, "PAUSE", 0)
    return Atlas(server)


@pytest.mark.filterwarnings("ignore:.*images are not here")
def test_dead_links_are_counted_and_not_fatal(server, cache, known, atlas):
    del server.files["/1.jpg"]
    server.serve("/2.jpg", b"<html>moved</html>", type="text/html")
    server.serve("/3.jpg", atlas.pictures[3][:-200])
    atlas.urls[4] = ""
    known(atlas.card())
    delivery = get("fitzpatrick17k")
    assert sorted(path.stem for path in (delivery.folder / "images").iterdir()) == sorted(
        atlas.keys[k] for k in (0, 5, 6, 7)
    )
    (counted,) = [note for note in delivery.notes if "images are here" in note]
    assert counted.startswith("4 of 8 images are here; not taken: ")
    for reason in ("dead link (404) 1", "no image there 2", "without an address 1"):
        assert reason in counted
    dataset = load("fitzpatrick17k")
    assert set(dataset.frame["image_id"]) == {atlas.keys[k] for k in (0, 5, 6, 7)}


def test_images_that_are_here_are_not_asked_for_again(server, cache, known, atlas, monkeypatch):
    known(atlas.card())
    with monkeypatch.context() as killed:
        killed.setattr(links, "_sift", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            get("fitzpatrick17k")
    images = partial_folder(cache, "fitzpatrick17k") / "images"
    assert len(list(images.iterdir())) == 8
    (images / f"{atlas.keys[3]}.jpg").unlink()
    (images / f"{atlas.keys[3]}.part").write_bytes(b"half")
    get("fitzpatrick17k")
    assert [len(server.asked(f"/{k}.jpg")) for k in range(8)] == [1, 1, 1, 2, 1, 1, 1, 1]
    assert len(server.asked("/fitzpatrick17k.csv")) == 1
    assert len(load("fitzpatrick17k")) == 8


def test_images_that_differ_are_counted_and_stand_ins_removed(server, cache, known, atlas):
    missing = jpeg(picture(99))
    for k in (0, 1, 2):
        server.serve(f"/{k}.jpg", missing)
    server.serve("/3.jpg", jpeg(picture(3), quality=50))
    server.serve("/4.jpg", atlas.pictures[5])
    known(atlas.card())
    with pytest.warns(UserWarning, match="images are not here"):
        delivery = get("fitzpatrick17k")
        kept = load("fitzpatrick17k").frame["image_id"]
    assert set(kept) == {atlas.keys[k] for k in (3, 5, 6, 7)}
    assert any("one picture for several 4" in note for note in delivery.notes)
    assert any(note.startswith("1 of them are not byte for byte") for note in delivery.notes)


@pytest.mark.filterwarnings("ignore:.*images are not here")
def test_a_host_that_is_gone_is_not_asked_for_ever(server, cache, known, monkeypatch):
    monkeypatch.setattr(downloading, "PAUSE", 0)
    monkeypatch.setattr(links, "AT_ONCE", 1)
    atlas = Atlas(server, 12)
    with FaultServer("localhost").running() as old:
        atlas.urls[:10] = [f"{old.address}/{k}.jpg" for k in range(10)]
    known(atlas.card())
    delivery = get("fitzpatrick17k")
    assert any("2 of 12 images are here; not taken: host does not answer 10" in note for note in delivery.notes)
    # Each failure is followed by one look whether we are online at all, and after five the host is given up.
    probes = [request for request in server.asked("/fitzpatrick17k.csv") if request.method == "HEAD"]
    assert len(probes) == links.SILENT_AFTER


def test_a_lost_connection_is_no_dead_link(server, cache, known, atlas, monkeypatch):
    known(atlas.card())
    monkeypatch.setattr(links, "AT_ONCE", 1)
    server.fail("/3.jpg", *[hang_up()] * 9)
    server.fail("/fitzpatrick17k.csv", lambda *_: False, *[hang_up()] * 9)
    refused(lambda: get("fitzpatrick17k"), "the connection was lost", "3 images are here", "goes on where it stopped")
    assert library.find("fitzpatrick17k") is None
    server.faults.clear()
    assert len(list((get("fitzpatrick17k").folder / "images").iterdir())) == 8
    assert len(server.asked("/0.jpg")) == 1


def test_a_site_that_asks_to_wait_is_obeyed(server, cache, known, atlas, monkeypatch):
    known(atlas.card())
    monkeypatch.setattr(links, "AT_ONCE", 1)
    server.fail("/3.jpg", answer(429, {"Retry-After": "86400"}))
    refused(lambda: get("fitzpatrick17k"), "asks us to wait", "3 images are here", "run it again later")
    assert library.find("fitzpatrick17k") is None
    get("fitzpatrick17k")
    assert [len(server.asked(f"/{k}.jpg")) for k in range(5)] == [1, 1, 1, 2, 1]


def test_a_short_failure_of_a_site_is_no_dead_link(server, cache, known, atlas):
    known(atlas.card())
    server.fail("/1.jpg", answer(503, {"Retry-After": "86400"}), hang_up())
    server.fail("/2.jpg", cut_after(20))
    assert "8 of 8 images are here" in get("fitzpatrick17k").notes


def test_a_full_disk_is_no_dead_link(server, cache, known, atlas, monkeypatch):
    known(atlas.card())
    write = Path.write_bytes

    def full(path, content):
        if path.parent.name == "images" and len(list(path.parent.glob("*.jpg"))) > 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        refused(lambda: get("fitzpatrick17k"), "the disk is full", "run it again")
    assert library.find("fitzpatrick17k") is None
    assert len(get("fitzpatrick17k").notes) == 2
    assert len(load("fitzpatrick17k")) == 8


@pytest.mark.filterwarnings("ignore:.*images are not here")
def test_a_name_in_the_table_leads_nowhere_else(server, cache, known, atlas):
    atlas.keys[0], atlas.keys[1] = "../../../evil", str(cache / "evil")
    atlas.urls[2] = "file:///etc/hostname"
    known(atlas.card())
    delivery = get("fitzpatrick17k")
    assert any("5 of 8 images are here" in note for note in delivery.notes)
    assert not list(cache.parent.rglob("evil*"))


def test_no_image_at_all_is_not_the_dataset(server, cache, known, atlas):
    for k in range(8):
        del server.files[f"/{k}.jpg"]
    known(atlas.card())
    refused(lambda: get("fitzpatrick17k"), "what came of fitzpatrick17k is not the dataset")
    assert library.find("fitzpatrick17k") is None
