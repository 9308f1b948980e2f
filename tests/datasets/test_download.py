"""One file from a server that fails in every way: it comes whole and checked, or not at all."""

from __future__ import annotations

import errno
import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from fault_server import FaultServer, answer, cut_after, hang_up, redirect, silence, stall_after, then
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_ham10000 import refused, tree

from lesionlib.datasets import download as downloading
from lesionlib.datasets.download import Refused, Remote, download
from lesionlib.errors import InputError

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

CONTENT = np.random.default_rng(7).integers(0, 256, 200_000, dtype=np.uint8).tobytes()
OTHER = np.random.default_rng(8).integers(0, 256, 200_000, dtype=np.uint8).tobytes()
MD5 = hashlib.md5(CONTENT).hexdigest()
CUT = 4 * downloading._CHUNK


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """No waiting; the pauses that were meant."""
    meant = []
    monkeypatch.setattr(downloading.time, "sleep", meant.append)
    return meant


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "images.zip"


def there(target: Path) -> list[str]:
    return sorted(tree(target.parent)) if target.parent.is_dir() else []


def test_a_file_comes_as_it_is(server, target):
    url = server.serve("/a", CONTENT)
    download(Remote(url, MD5, len(CONTENT)), target)
    assert target.read_bytes() == CONTENT
    assert there(target) == ["images.zip"]
    (request,) = server.asked("/a")
    assert request.headers["User-Agent"].startswith("lesionlib/")
    assert request.headers["Range"] is None
    # Packed for the way, it could not be gone on with.
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("fault", [cut_after(CUT), stall_after(CUT)])
def test_a_download_that_is_cut_goes_on_where_it_stopped(server, target, monkeypatch, fault):
    monkeypatch.setattr(downloading, "TIMEOUT", (5.0, 1.0))
    url = server.serve("/a", CONTENT)
    server.fail("/a", fault)
    download(Remote(url), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, f"bytes={CUT}-"]
    assert server.asked("/a")[1].headers["If-Range"] == '"one"'
    assert [request.sent for request in server.asked("/a")] == [CUT, len(CONTENT) - CUT]


def test_the_next_call_goes_on_where_the_last_one_stopped(server, target, monkeypatch):
    monkeypatch.setattr(downloading, "ATTEMPTS", 1)
    url = server.serve("/a", CONTENT)
    server.fail("/a", cut_after(CUT), hang_up(), hang_up())
    refused(lambda: download(Remote(url), target), "images.zip", "connection was cut", "65,536 bytes", url, "goes on")
    assert there(target) == ["images.zip.part", "images.zip.part.json"]
    refused(lambda: download(Remote(url), target), "65,536 bytes are here", "run it again")
    download(Remote(url), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, *[f"bytes={CUT}-"] * 3]
    assert server.asked("/a")[-1].sent == len(CONTENT) - CUT
    assert there(target) == ["images.zip"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 60_000), max_size=5), st.booleans())
def test_cuts_anywhere_cost_a_chunk_each_where_ranges_are_served(server, tmp_path_factory, cuts, ranges):
    target = tmp_path_factory.mktemp("cuts") / "file"
    path = f"/{target.parent.name}"
    url = server.serve(path, CONTENT, ranges=ranges)
    server.fail(path, *map(cut_after, cuts))
    # A server without ranges may bring nothing new five times in a row.
    attempts = len(cuts) + 1
    downloading.ATTEMPTS, kept = attempts + 1, downloading.ATTEMPTS
    try:
        download(Remote(url, MD5), target)
    finally:
        downloading.ATTEMPTS = kept
    assert target.read_bytes() == CONTENT
    assert len(server.asked(path)) == attempts
    sent = sum(request.sent for request in server.asked(path))
    lost = [cut % downloading._CHUNK if ranges else cut for cut in cuts]
    assert sent == len(CONTENT) + sum(lost)


def test_without_ranges_it_begins_anew(server, target):
    url = server.serve("/a", CONTENT, ranges=False)
    server.fail("/a", cut_after(CUT))
    download(Remote(url), target)
    assert target.read_bytes() == CONTENT
    assert [request.code for request in server.asked("/a")] == [200, 200]
    assert server.asked("/a")[1].sent == len(CONTENT)


def test_what_nobody_can_vouch_for_begins_anew(server, target):
    url = server.serve("/a", CONTENT, etag='W/"weak"')
    server.fail("/a", cut_after(CUT))
    download(Remote(url), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, None]


@pytest.mark.parametrize(
    ("known", "md5", "condition"),
    [
        ({"etag": None, "modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, None, "Wed, 21 Oct 2015 07:28:00 GMT"),
        ({"etag": 'W/"x"', "modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, None, "Wed, 21 Oct 2015 07:28:00 GMT"),
        ({"etag": None}, MD5, None),
    ],
)
def test_a_date_or_a_checksum_vouches_too(server, target, known, md5, condition):
    url = server.serve("/a", CONTENT, **known)
    server.fail("/a", cut_after(CUT))
    download(Remote(url, md5), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, f"bytes={CUT}-"]
    assert server.asked("/a")[1].headers["If-Range"] == condition


def test_a_file_that_changes_on_the_server_is_taken_anew(server, target):
    url = server.serve("/a", CONTENT)
    server.fail("/a", cut_after(CUT), then(lambda: server.serve("/a", OTHER, etag='"two"')))
    download(Remote(url), target)
    assert target.read_bytes() == OTHER
    assert [request.code for request in server.asked("/a")] == [200, 200]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (OTHER[CUT:], {"Content-Range": f"bytes {CUT}-199999/200000", "ETag": '"two"'}),
        (OTHER[CUT:], {"Content-Range": f"bytes {CUT}-199999/300000", "ETag": '"one"'}),
        (CONTENT[CUT + 1 :], {"Content-Range": f"bytes {CUT + 1}-199999/200000", "ETag": '"one"'}),
        (CONTENT[:CUT], {"Content-Range": "bytes 0-65535/200000", "ETag": '"one"'}),
        (CONTENT[CUT:], {"ETag": '"one"'}),
    ],
)
def test_a_server_that_sends_another_part_is_not_believed(server, target, content, headers):
    url = server.serve("/a", CONTENT)
    server.fail("/a", cut_after(CUT), answer(206, headers, content))
    download(Remote(url), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, f"bytes={CUT}-", None]


def test_a_server_that_sends_less_than_was_asked_for_is_asked_again(server, target):
    url = server.serve("/a", CONTENT)
    middle = {"Content-Range": f"bytes {CUT}-{2 * CUT - 1}/200000", "ETag": '"one"'}
    server.fail("/a", cut_after(CUT), answer(206, middle, CONTENT[CUT : 2 * CUT]))
    download(Remote(url), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, f"bytes={CUT}-", f"bytes={2 * CUT}-"]


def test_a_part_that_was_not_asked_for_is_not_the_file(server, target):
    url = server.serve("/a", CONTENT)
    server.fail("/a", answer(206, {"Content-Range": "bytes 0-65535/200000"}, CONTENT[:CUT]))
    download(Remote(url), target)
    assert target.read_bytes() == CONTENT


def test_a_file_that_shrank_begins_anew(server, target):
    url = server.serve("/a", OTHER, etag=None)
    server.fail("/a", cut_after(CUT), then(lambda: server.serve("/a", CONTENT[: CUT // 2], etag=None)))
    download(Remote(url, hashlib.md5(CONTENT[: CUT // 2]).hexdigest()), target)
    assert target.read_bytes() == CONTENT[: CUT // 2]
    assert [request.code for request in server.asked("/a")] == [200, 416, 200]


def test_what_came_whole_before_a_kill_is_not_asked_for_again(server, target, monkeypatch):
    url = server.serve("/a", CONTENT)
    with monkeypatch.context() as killed:
        killed.setattr(downloading, "check", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            download(Remote(url, MD5), target)
    assert there(target) == ["images.zip.part", "images.zip.part.json"]
    download(Remote(url, MD5), target)
    assert target.read_bytes() == CONTENT
    assert len(server.asked("/a")) == 1


@pytest.mark.parametrize("note", [b"", b'{"url": ', b"\xff", None])
def test_a_damaged_note_begins_anew(server, target, note):
    url = server.serve("/a", CONTENT)
    target.parent.mkdir()
    Path(f"{target}.part").write_bytes(OTHER[:CUT])
    if note is not None:
        Path(f"{target}.part.json").write_bytes(note)
    download(Remote(url, MD5), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None]


def test_a_part_of_another_address_is_not_gone_on_with(server, target, monkeypatch):
    monkeypatch.setattr(downloading, "ATTEMPTS", 1)
    old, new = server.serve("/old", OTHER), server.serve("/new", CONTENT)
    server.fail("/old", cut_after(CUT), hang_up())
    refused(lambda: download(Remote(old), target), "run it again")
    download(Remote(new), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/new") == [None]


def test_wrong_bytes_are_removed_in_one_line(server, target):
    url = server.serve("/a", OTHER)
    remote = Remote(url, MD5, page="https://doi.org/10.1/x")
    found = hashlib.md5(OTHER).hexdigest()
    refused(
        lambda: download(remote, target),
        f"images.zip: md5 is {found}, expected {MD5}",
        url,
        "run it again",
        "https://doi.org/10.1/x",
    )
    assert not [name for name in there(target) if not name.endswith(".json")]
    server.serve("/a", CONTENT, etag='"two"')
    download(remote, target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, None]


def test_bytes_that_are_wrong_after_a_cut_are_removed_too(server, target):
    """Both halves look fine, and together they are no file."""
    url = server.serve("/a", CONTENT, etag=None)
    server.fail("/a", cut_after(CUT), then(lambda: server.serve("/a", OTHER, etag=None)))
    refused(lambda: download(Remote(url, MD5), target), "md5 is")
    assert not target.exists()
    server.serve("/a", CONTENT, etag=None)
    download(Remote(url, MD5), target)
    assert target.read_bytes() == CONTENT


def test_a_wrong_size_is_said_before_the_download(server, target):
    url = server.serve("/a", CONTENT)
    with pytest.raises(Refused, match="bytes is 200000, expected 200001"):
        download(Remote(url, bytes=200_001), target)
    assert server.asked("/a")[0].code == 200
    assert there(target) == []


def test_a_wrong_size_that_nobody_announced_is_found(server, target):
    url = server.serve("/a", CONTENT, length=False)
    refused(lambda: download(Remote(url, bytes=200_001), target), "bytes is 200000, expected 200001")
    assert not target.exists()
    download(Remote(url, bytes=200_000), target)
    assert target.read_bytes() == CONTENT


def test_what_is_packed_for_the_way_is_unpacked(server, target):
    url = server.serve("/a", gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"})
    server.fail("/a", cut_after(CUT))
    download(Remote(url, MD5, len(CONTENT)), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, None]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed_on_every_attempt(server, target, code):
    server.serve("/there", CONTENT)
    server.fail("/here", redirect("/there", code), redirect(f"{server.address}/there", code))
    server.fail("/there", cut_after(CUT))
    download(Remote(f"{server.address}/here", MD5), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/there") == [None, f"bytes={CUT}-"]


def test_credentials_stay_with_their_host(server, target):
    elsewhere = FaultServer("localhost")
    with elsewhere.running():
        stored = elsewhere.serve("/stored", CONTENT)
        server.fail("/api", redirect("/api2"))
        server.fail("/api2", redirect(stored))
        download(Remote(f"{server.address}/api", auth=("ann", "s3cret")), target)
        assert target.read_bytes() == CONTENT
        assert [request.headers["Authorization"] for request in elsewhere.asked("/stored")] == [None]
    assert server.asked("/api")[0].headers["Authorization"].startswith("Basic ")
    assert server.asked("/api2")[0].headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("fault", [answer(401), answer(500), hang_up(), cut_after(9)])
def test_no_message_holds_credentials_or_the_address_of_a_redirect(server, target, monkeypatch, fault):
    monkeypatch.setattr(downloading, "ATTEMPTS", 1)
    server.serve("/stored?signature=s1gned", CONTENT)
    server.fail("/api", redirect("/stored?signature=s1gned"))
    server.fail("/stored?signature=s1gned", fault)
    remote = Remote(f"{server.address}/api", auth=("ann", "s3cret"))
    with pytest.raises(InputError) as caught:
        download(remote, target)
    for text in (str(caught.value), repr(remote)):
        assert "s3cret" not in text
        assert "s1gned" not in text
    assert remote.url in str(caught.value)


@pytest.mark.parametrize("location", ["/here", "ftp://example.invalid/x", "http://", "nowhere:80:80/"])
def test_a_redirect_to_nowhere_is_refused(server, target, location):
    server.fail("/here", *[redirect(location)] * 40)
    with pytest.raises(Refused, match="leads nowhere"):
        download(Remote(f"{server.address}/here"), target)
    assert not target.exists()


@pytest.mark.parametrize("code", [401, 403, 404, 410, 451])
def test_a_no_is_one_line_and_is_not_asked_twice(server, target, code):
    url = server.serve("/a", CONTENT)
    server.fail("/a", answer(code, content=b"<html>no</html>"))
    with pytest.raises(Refused) as caught:
        download(Remote(url, page="https://doi.org/10.1/x"), target)
    line = str(caught.value)
    assert all(words in line for words in ("images.zip", url, f"answered {code}", "https://doi.org/10.1/x"))
    assert "\n" not in line
    assert len(server.asked("/a")) == 1
    assert there(target) == []


def test_a_web_page_is_not_the_file(server, target):
    url = server.serve("/a", b"<html>please sign in</html>", type="text/html; charset=utf-8")
    with pytest.raises(Refused, match="answered with a web page"):
        download(Remote(url), target)
    assert there(target) == []


@pytest.mark.parametrize("fault", [answer(500), answer(502), answer(503), answer(429), answer(408), hang_up()])
def test_what_may_pass_is_tried_again(server, target, pauses, fault):
    url = server.serve("/a", CONTENT)
    server.fail("/a", fault, fault)
    download(Remote(url, MD5), target)
    assert target.read_bytes() == CONTENT
    assert pauses == [1.0, 2.0]


def test_a_server_that_asks_to_wait_is_obeyed_within_reason(server, target, pauses):
    url = server.serve("/a", CONTENT)
    server.fail("/a", answer(503, {"Retry-After": "7"}), answer(429, {"Retry-After": "86400"}))
    download(Remote(url), target)
    assert pauses == [7.0, 60.0]


def test_a_server_that_stays_down_is_given_up(server, target, pauses):
    url = server.serve("/a", CONTENT)
    server.fail("/a", cut_after(CUT), *[answer(500)] * 50)
    refused(lambda: download(Remote(url), target), "the server answered 500", "5 times", "65,536 bytes", "run it again")
    # The first attempt brought something; five that brought nothing followed.
    assert len(server.asked("/a")) == 1 + downloading.ATTEMPTS
    assert pauses == [1.0, 1.0, 2.0, 4.0, 8.0]
    assert there(target) == ["images.zip.part", "images.zip.part.json"]


def test_a_server_that_never_answers_is_given_up(server, target, monkeypatch):
    monkeypatch.setattr(downloading, "TIMEOUT", (1.0, 0.1))
    monkeypatch.setattr(downloading, "ATTEMPTS", 2)
    url = server.serve("/a", CONTENT)
    server.fail("/a", silence(), silence())
    refused(lambda: download(Remote(url), target), "did not answer in time", url)
    assert there(target) == []


def test_a_host_that_is_not_there_is_named(server, target, monkeypatch):
    monkeypatch.setattr(downloading, "ATTEMPTS", 1)
    with FaultServer().running() as gone:
        url = gone.address + "/a"
    refused(lambda: download(Remote(url), target), "could not be made", url)


class FullDisk:
    """A file on a disk that has room for `room` bytes."""

    def __init__(self, file, room: int):
        self.file, self.room = file, room

    def __enter__(self):
        self.file.__enter__()
        return self

    def __exit__(self, *error):
        return self.file.__exit__(*error)

    def write(self, content: bytes) -> int:
        self.file.write(content[: self.room])
        if len(content) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(content)
        return len(content)


def test_a_full_disk_is_one_line_and_keeps_what_has_come(server, target, monkeypatch):
    url = server.serve("/a", CONTENT)
    opened = Path.open

    def full(path, mode="r", *arguments, **named):
        file = opened(path, mode, *arguments, **named)
        return FullDisk(file, CUT) if mode == "ab" else file

    with monkeypatch.context() as disk:
        disk.setattr(Path, "open", full)
        refused(lambda: download(Remote(url, MD5), target), str(target), "the disk is full", "run it again")
    assert Path(f"{target}.part").read_bytes() == CONTENT[:CUT]
    assert not target.exists()
    download(Remote(url, MD5), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges("/a") == [None, f"bytes={CUT}-"]
    assert server.asked("/a")[1].sent == len(CONTENT) - CUT
