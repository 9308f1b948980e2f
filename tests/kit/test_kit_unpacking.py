"""The kit's script, started as on the other machine: another process, an empty environment, another folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_index import write_wheel

from lesionlib import datasets, runs
from lesionlib.kit import unpacker


@pytest.fixture
def kit(packed, tmp_path):
    """A copy of the kit, as on the other machine."""
    return shutil.copytree(packed.folder, tmp_path / "elsewhere" / "kit")


def start(kit, *words, cwd=None, **environment):
    """Call the script as it is called there."""
    home = kit.parent / "no home"
    return subprocess.run(
        [sys.executable, str(kit / "run.py"), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd or kit.parent,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), **environment},
    )


def changed(kit, **values):
    manifest = json.loads((kit / "kit.json").read_text())
    (kit / "kit.json").write_text(json.dumps(manifest | values))


def fault(kit, *said):
    """Check that the script ends with one line that says so, and leaves nothing."""
    answer = start(kit)
    assert answer.returncode == 2
    last = answer.stderr.splitlines()[-1]
    for words in said:
        assert words in last
    assert "Traceback" not in answer.stderr
    left = [path.name for path in kit.parent.glob("kit-work/*")]
    assert [name for name in left if name != ".lock"] == []


def test_a_changed_file_is_found_and_named(kit):
    path = kit / "data" / "ham10000" / "HAM10000_images_part_2.zip"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    fault(kit, "data/ham10000/HAM10000_images_part_2.zip is not as it was packed", "copy the kit again")


def test_a_cut_file_and_a_missing_one(kit):
    path = kit / "project.zip"
    size = path.stat().st_size
    os.truncate(path, size - 1)
    fault(kit, f"project.zip has {size - 1} bytes, expected {size}")
    path.unlink()
    (kit / "wheels.tar.xz").unlink()
    fault(kit, "project.zip is missing (and 1 more like this)")


def test_another_python(kit):
    changed(kit, python="3.7")
    fault(kit, "the kit was packed for 3.7", "start it with python3.7")


def test_an_image_that_lacks_something(kit):
    changed(kit, image={"numpy": None, "not-here-at-all": "1.0"})
    fault(kit, "lacks not-here-at-all")


def test_another_schema_and_no_manifest(kit):
    changed(kit, schema=2)
    fault(kit, "schema 2, expected 1")
    (kit / "kit.json").unlink()
    fault(kit, "kit.json: cannot be read")


def test_a_place_that_cannot_be_written(kit, tmp_path):
    (tmp_path / "file").write_text("")
    answer = start(kit, "--into", str(tmp_path / "file" / "below"))
    assert answer.returncode == 2
    assert "cannot unpack into" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_wheel_is_unpacked_as_it_would_be_installed(tmp_path):
    modules = {
        "first.py": "A = 1",
        "packed-1.0.data/purelib/second.py": "B = 2",
        "packed-1.0.data/platlib/deep/third.so": "C",
        "packed-1.0.data/scripts/command": "#!python",
        "packed-1.0.data/data/share/man.1": "",
        "../outside.py": "",
    }
    wheel = write_wheel(tmp_path, "packed", "1.0", modules=modules)
    unpacker.unpack_wheel(wheel, tmp_path / "site")
    files = {
        path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*") if path.is_file()
    }
    assert {name for name in files if ".dist-info" not in name} == {
        *("first.py", "second.py", "deep/third.so", "outside.py")
    }
    assert not (tmp_path / "outside.py").exists()


def test_what_a_killed_start_left_is_removed_and_two_unpack_once(packed, tmp_path):
    manifest = json.loads((packed.folder / "kit.json").read_text())
    left = tmp_path / "work" / ".unpacking-killed"
    left.mkdir(parents=True)
    home = unpacker.unpacked(packed.folder, manifest, tmp_path / "work")
    assert not left.exists()
    stamp = home.stat().st_mtime_ns
    assert unpacker.unpacked(packed.folder, manifest, tmp_path / "work") == home
    assert home.stat().st_mtime_ns == stamp
    assert (home / "packages" / "smalldep.py").is_file()
    assert datasets.load("ham10000", root=home / "data" / "ham10000").fingerprint == packed.manifest.data[0].fingerprint


def test_the_surroundings_hold_nothing_of_the_users_own(tmp_path):
    given = {
        "PATH": "/bin",
        "JUPYTER_PATH": "/x",
        "LESIONLIB_DATA": "/y",
        "XDG_CACHE_HOME": "/z",
        "PYTHONPATH": "/mine",
    }
    found = unpacker.surroundings(given, tmp_path / "home", tmp_path)
    ours = {name: value for name, value in found.items() if name not in ("PATH", "PYTHONUSERBASE", "HF_HUB_OFFLINE")}
    assert found["PATH"] == "/bin"
    assert ours.pop("PYTHONPATH").split(os.pathsep)[-1] == "/mine"
    assert all(value.startswith(str(tmp_path)) for value in ours.values())
    assert unpacker.surroundings({"LESIONLIB_RUNS": "/runs"}, tmp_path, tmp_path)["LESIONLIB_RUNS"] == "/runs"


@pytest.mark.slow
def test_a_sweep_from_the_kit_goes_on_where_it_stopped(kit, place, code):
    made = kit.parent / "kit-work" / "runs" / "01_toy"
    notebook = place / "book" / "notebooks" / "01_toy.ipynb"
    lesions = datasets.load("ham10000")
    wanted = {n: runs.plan(notebook, {"epochs": n}, lesions.fingerprint, "grid") for n in (1, 2)}
    answer = start(kit)
    assert answer.returncode == 0, answer.stderr
    assert {path.name for path in made.iterdir()} == {wanted[1].key, wanted[2].key}
    for n, spec in wanted.items():
        run = json.loads((made / spec.key / "run.json").read_text())
        metrics = json.loads((made / spec.key / "metrics.json").read_text())
        assert metrics["rows"][0]["value"] == 0.25 + n
        assert (run["code"], run["fingerprint"]) == (code, lesions.fingerprint)
        assert run["commit"] is None
    assert not (kit.parent / "no home").exists()

    shutil.rmtree(made / wanted[2].key)
    kept = (made / wanted[1].key / "run.json").stat().st_mtime_ns
    began = time.time()
    answer = start(kit, "sweep", "grid.yml")
    assert answer.returncode == 0, answer.stderr
    assert "unpacking" not in answer.stderr
    assert (made / wanted[1].key / "run.json").stat().st_mtime_ns == kept
    assert (made / wanted[2].key / "run.json").stat().st_mtime > began

    # Read at home, where the runs were copied to.
    shutil.copytree(made, place / "book" / "runs" / "01_toy")
    assert sorted(runs.table("01_toy")["value"]) == [1.25, 2.25]


def test_a_users_own_file_is_found_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / "mine.yml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert unpacker.whole_path("mine.yml") == str(tmp_path / "mine.yml")
    assert unpacker.whole_path("grid.yml") == "grid.yml"


def test_the_script_stands_alone():
    """It must run where nothing is installed: on the standard library, and on an older Python at least to its say."""
    source = Path(unpacker.__file__).read_text(encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"compile({source!r}, 'run.py', 'exec', dont_inherit=True)"],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0
    answer = subprocess.run([sys.executable, "-I", "-S", unpacker.__file__, "--help"], capture_output=True, text=True)
    assert answer.returncode == 0
    assert "--into DIR" in answer.stdout
