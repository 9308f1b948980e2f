"""Full and read-only disks, two writers at once, and writers that are killed: whole files or none."""

from __future__ import annotations

import errno
import io
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from tiny_ham10000 import refused, tree, write_unpacked

from lesionlib.atomic import atomic_file, atomic_folder
from lesionlib.datasets import add, load, phantom, pixels
from lesionlib.errors import InputError

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
READ_ONLY = OSError(errno.EROFS, os.strerror(errno.EROFS))
DENIED = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
SAYS = {
    FULL: "the disk is full: free some space and run it again",
    READ_ONLY: "the file system is read-only: choose another folder",
    DENIED: "no permission to write there: choose another folder",
}


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


class FullFile(io.BytesIO):
    """Takes the header, and then no more."""

    def writelines(self, lines):
        next(iter(lines))
        raise FULL


def test_pixels_on_a_disk_that_fills_up(tiny, cache, monkeypatch):
    usual = Path.open
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode="r", *a, **k: FullFile() if mode == "wb" else usual(path, mode))
        refused(lambda: pixels(tiny, 16), f"cannot write {cache / 'pixels'}", "-16x16.npy", SAYS[FULL])
    assert tree(cache) == {}
    assert pixels(tiny, 16).shape == (12, 16, 16, 3)


@pytest.mark.parametrize("error", SAYS)
def test_pixels_where_nothing_can_be_written(tiny, cache, monkeypatch, error):
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", raising(error))
        refused(lambda: pixels(tiny, 16), f"cannot write {cache / 'pixels'}", SAYS[error])
    assert tree(cache) == {}
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", raising(error))
        refused(lambda: pixels(tiny, 16), SAYS[error])
    assert tree(cache) == {}


@pytest.mark.parametrize("error", SAYS)
def test_add_where_nothing_can_be_written(source, cache, monkeypatch, error):
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", raising(error))
        refused(lambda: add("ham10000", source), f"cannot write {cache / 'data' / 'ham10000'}", SAYS[error])
    assert tree(cache) == {}


def test_add_on_a_disk_that_fills_up(tmp_path, cache, monkeypatch):
    source = write_unpacked(tmp_path / "disk")
    copied = []

    def copyfile(origin, copy):
        copied.append(Path(copy).write_bytes(Path(origin).read_bytes()))
        if len(copied) == 5:
            # As shutil does it: the file that is read comes first, the full one second.
            raise OSError(errno.ENOSPC, "No space left on device", str(origin), None, str(copy))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", copyfile)
        refused(lambda: add("ham10000", source), f"cannot write {cache / 'data' / 'ham10000'}", SAYS[FULL])
    assert len(copied) == 5
    assert list((cache / "data").iterdir()) == []
    add("ham10000", source)
    assert tree(cache / "data" / "ham10000") == tree(source)


def test_a_phantom_on_a_disk_that_fills_up(cache, monkeypatch):
    def write(_, folder, **__):
        (folder / "HAM10000_images_part_1.zip").write_bytes(b"half of it")
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(phantom, "write", write)
        refused(lambda: load("phantom:ham10000", n=70, size=32), f"cannot write {cache / 'phantoms'}", SAYS[FULL])
    assert list((cache / "phantoms").iterdir()) == []


def test_a_cache_that_is_a_file(tiny, tmp_path, monkeypatch):
    a_file = tmp_path / "cache"
    a_file.write_text("mine")
    monkeypatch.setenv("LESIONLIB_CACHE", str(a_file))
    refused(lambda: pixels(tiny, 16), "a file stands where a folder is needed: choose another folder")
    refused(lambda: pixels(tiny, 16, folder=a_file), "a file stands where a folder is needed")
    assert a_file.read_text() == "mine"


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    elsewhere = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "source" / "locked.jpg"))
    with pytest.raises(PermissionError, match=r"locked\.jpg"), atomic_file(tmp_path / "cache" / "target"):
        raise elsewhere
    assert tree(tmp_path) == {}


def test_a_relative_target_is_named_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "cache" / ".target.123"))
    above = OSError(errno.EROFS, "Read-only file system", str(tmp_path))
    for error in (inside, above):
        with pytest.raises(InputError, match="cannot write cache/target: the"), atomic_file("cache/target"):
            raise error


def test_an_earlier_file_stands_when_writing_fails(tmp_path):
    target = tmp_path / "target"
    target.write_text("before")
    with pytest.raises(RuntimeError), atomic_file(target) as part:
        part.write_text("half")
        raise RuntimeError
    assert tree(tmp_path) == {"target": b"before"}
    with atomic_file(target) as part:
        part.write_text("after")
        assert target.read_text() == "before"
    assert tree(tmp_path) == {"target": b"after"}


def test_of_two_folders_the_first_stays(tmp_path):
    target = tmp_path / "target"
    with atomic_folder(target) as part:
        (part / "name").write_text("second")
        with atomic_folder(target) as other:
            (other / "name").write_text("first")
    assert tree(tmp_path) == {"target/name": b"first"}


# Processes. Each script gets the source folder, the cache and a folder to meet in.

PREAMBLE = """
import os, sys, time
from pathlib import Path
source, cache, meeting = map(Path, sys.argv[1:])
os.environ["LESIONLIB_CACHE"] = str(cache)
import numpy as np
from lesionlib.datasets import add, load, phantom, pixels
from lesionlib.datasets.files import ImageFiles

def wait_for(done):
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, "the other process did not come"
        time.sleep(0.01)

def meet(place):
    (meeting / f"{place}-{os.getpid()}").touch()
    wait_for(lambda: len(list(meeting.glob(f"{place}-*"))) == 2)
"""

TWO_WRITERS = (
    PREAMBLE
    + """
import shutil
image = ImageFiles.image

def image_met(files, reference, *rest):
    if reference.endswith("ISIC_12.jpg"):
        meet("pixels")
    return image(files, reference, *rest)

def draw_met(_, folder, **__):
    # What is drawn does not matter here, and drawing takes seconds.
    shutil.copytree(source, folder, dirs_exist_ok=True)
    ids = [line.split(",")[1] for line in (source / "HAM10000_metadata.csv").read_text().splitlines()[1:]]
    truth = ["image_id,skin_type", *(f"{image_id},2" for image_id in ids)]
    (folder / "phantom_truth.csv").write_text("\\n".join(truth))
    meet("phantom")

ImageFiles.image = image_met
phantom.write = draw_met
print(pixels(load("ham10000", root=source), 16).sum())
print(load("phantom:ham10000", n=70, size=32).fingerprint)
"""
)

KILLED_IN_PIXELS = (
    PREAMBLE
    + """
image = ImageFiles.image

def image_stuck(files, reference, *rest):
    if reference.endswith("ISIC_12.jpg"):
        wait_for(lambda: any(path.stat().st_size > 0 for path in (cache / "pixels").glob(".*")))
        (meeting / "half").touch()
        time.sleep(60)
    return image(files, reference, *rest)

ImageFiles.image = image_stuck
# As if there were very many images: what is decoded is written long before the end.
sys.modules["lesionlib.datasets.pixels"]._AT_ONCE = 4
pixels(load("ham10000", root=source), 128)
"""
)

KILLED_IN_ADD = (
    PREAMBLE
    + """
import shutil
copyfile = shutil.copyfile

def copy_stuck(origin, copy):
    copyfile(origin, copy)
    if Path(origin).suffix == ".zip":
        (meeting / "half").touch()
        time.sleep(60)

shutil.copyfile = copy_stuck
add("ham10000", source)
"""
)


def start(script: str, source: Path, cache: Path, meeting: Path) -> subprocess.Popen:
    meeting.mkdir(exist_ok=True)
    command = [sys.executable, "-c", script, str(source), str(cache), str(meeting)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_writers_at_once_both_succeed(source, cache, tmp_path):
    writers = [start(TWO_WRITERS, source, cache, tmp_path / "meeting") for _ in range(2)]
    answers = [writer.communicate(timeout=90) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], answers
    assert answers[0][0] == answers[1][0]

    total, fingerprint = answers[0][0].split()
    assert [path.suffix for path in (cache / "pixels").iterdir()] == [".npy"]
    assert int(total) == pixels(load("ham10000", root=source), 16).sum()
    assert len(list((cache / "phantoms").iterdir())) == 1
    assert load("phantom:ham10000", n=70, size=32).fingerprint == fingerprint


def kill_half_way(script: str, source: Path, cache: Path, meeting: Path) -> None:
    writer = start(script, source, cache, meeting)
    try:
        while not (meeting / "half").exists():
            assert writer.poll() is None, writer.communicate()
            try:
                writer.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
    finally:
        writer.kill()
        writer.communicate()
    assert writer.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_half_an_array_is_never_taken_for_data(source, cache, tmp_path):
    kill_half_way(KILLED_IN_PIXELS, source, cache, tmp_path / "meeting")
    (left,) = (cache / "pixels").iterdir()
    assert left.name.startswith(".")
    assert left.stat().st_size > 0

    dataset = load("ham10000", root=source)
    array = pixels(dataset, 128)
    assert np.array_equal(array[11], np.asarray(dataset.image(11).resize((128, 128), 2, reducing_gap=3.0)))
    # What the killed writer left is gone.
    assert [path.suffix for path in (cache / "pixels").iterdir()] == [".npy"]
    assert not left.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_half_a_copy_is_never_taken_for_the_dataset(source, cache, tmp_path):
    kill_half_way(KILLED_IN_ADD, source, cache, tmp_path / "meeting")
    (left,) = (cache / "data").iterdir()
    assert left.name.startswith(".")
    refused(lambda: load("ham10000"), "ham10000 is not on this machine")

    target = add("ham10000", source)
    assert tree(target) == tree(source)
    assert list((cache / "data").iterdir()) == [target]


def test_only_the_leftovers_of_dead_writers_here_are_cleared(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = platform.node()
    theirs = {
        f".a.npy.{host}.{os.getpid()}.writing": b"a writer at work",
        f".a.npy.another-{host}.{dead.pid}.x": b"another machine",
        f".b.npy.{host}.{dead.pid}.x": b"another file",
        f".a.npy.{host}.notes": b"not ours",
        "a.npy.bak": b"the user's",
    }
    for name, content in theirs.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / f".a.npy.{host}.{dead.pid}.x").write_bytes(b"half a file")
    (tmp_path / f".a.npy.{host}.{dead.pid}.y").mkdir()
    (tmp_path / f".a.npy.{host}.{dead.pid}.y" / "inside").write_bytes(b"half a folder")
    with atomic_file(tmp_path / "a.npy") as part:
        part.write_bytes(b"whole")
    assert tree(tmp_path) == {**theirs, "a.npy": b"whole"}
    assert len(list(tmp_path.iterdir())) == len(theirs) + 1


SMALL_DISK = """
mount -t tmpfs -o size=64k none "$2" || exit 99
shift
exec "$0" -c '
import sys
from pathlib import Path
from lesionlib.datasets import load, pixels
try:
    pixels(load("ham10000", root=sys.argv[2]), 128, folder=Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
print(list(Path(sys.argv[1]).iterdir()))
' "$@"
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="a small disk needs Linux's unshare")
def test_pixels_on_a_disk_that_is_really_full(source, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["unshare", "-rm", "sh", "-c", SMALL_DISK, sys.executable, "-", str(disk), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    message, left = done.stdout.splitlines()
    assert message.startswith(f"InputError cannot write {disk}")
    assert message.endswith(SAYS[FULL])
    assert left == "[]"
