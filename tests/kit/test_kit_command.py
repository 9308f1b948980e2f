"""``lesionlib kit pack``: its words become a kit, and what is wrong one line."""

from __future__ import annotations

from functools import partial

import pytest
from small_index import packages_here

from lesionlib import kit


@pytest.fixture
def command(place, lesionlib_command):
    return partial(lesionlib_command, "kit", "pack")


def test_its_words_reach_the_kit(command, wheels_at_hand, tmp_path):
    packages = tmp_path / "packages.txt"
    packages.write_text("".join(f"{name}=={version}\n" for name, version in packages_here().items()))
    code, out, err = command(
        *(tmp_path / "made", "--data", "ham10000", "--sweep", "grid.yml", "--target", packages, "--no-masks"),
        *("--python", "3.12", "--platform", "manylinux_2_34_x86_64", "--max-size", "64MiB", "--half"),
    )
    assert (code, err) == (0, "")
    manifest = kit.read_manifest(tmp_path / "made")
    assert (manifest.python, manifest.platform, manifest.half) == ("3.12", "manylinux_2_34_x86_64", True)
    assert (manifest.sweep, manifest.data[0].without_masks) == ("grid.yml", True)
    assert wheels_at_hand[0].packages == kit.read_packages(packages)
    assert "data ham10000" in out
    assert out.endswith("there: python3.12 made/run.py\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-size", "64 bananas"], "--max-size: found '64 bananas', expected a size such as 64MiB"),
        (["--max-size", "10KB", "--data", "ham10000"], "is more than --max-size 9.8 KiB"),
        (["--target", "none.txt"], "none.txt: cannot be read"),
        (["--python", "three"], "python: found 'three'"),
        (["--sweep", "none.yml"], "none.yml: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(command, wheels_at_hand, tmp_path, words, said):
    listed = [] if "--target" in words else ["--target", tmp_path / "packages.txt"]
    (tmp_path / "packages.txt").write_text("".join(f"{n}=={v}\n" for n, v in packages_here().items()))
    code, out, err = command(tmp_path / "made", *words, *listed)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "made").exists()
