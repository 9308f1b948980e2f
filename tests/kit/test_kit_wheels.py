"""Which wheels a machine lacks: pip says, around what is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import parse_tag
from small_index import write_wheel

from lesionlib import kit
from lesionlib.errors import InputError
from lesionlib.kit.target import public_version
from lesionlib.kit.wheels import fetch_wheels


def fetched(place, folder, python="3.12", **packages):
    target = kit.Target(python, packages={"torch": "2.11.0", "numpy": "2.5.2", **packages})
    carried = fetch_wheels(place / "book", target, folder / "wheels")
    return carried, sorted(path.name.rpartition("-py3")[0] for path in (folder / "wheels").iterdir())


def test_only_what_is_lacking_is_fetched_and_only_what_a_run_needs(place, tmp_path):
    # That `later` is needed is told by the other machine's Python, whichever runs pip here.
    carried, wheels = fetched(place, tmp_path, ipykernel="7.0")
    assert wheels == ["deeper-2.0", "later-2.0", "smalldep-1.2"]
    assert carried.packages == {"smalldep": "1.2", "deeper": "2.0", "later": "2.0"}
    assert carried.image == {"torch": "2.11.0", "numpy": "2.5.2", "ipykernel": "7.0"}


def test_what_is_there_stays_with_its_own_version(place, tmp_path):
    carried, wheels = fetched(place, tmp_path, ipykernel="7.0", smalldep="1.0+vendor")
    assert wheels == []
    assert carried.packages == {}
    assert carried.image["smalldep"] == "1.0+vendor"


def test_a_version_that_does_not_do_is_named(place, tmp_path):
    with pytest.raises(InputError, match=r"no set of wheels fits Python 3\.12 .*torch") as caught:
        fetched(place, tmp_path, ipykernel="7.0", torch="1.13.1+cu117")
    assert "\n" not in str(caught.value)


def test_exact_versions_give_way_where_they_do_not_fit(place, tmp_path):
    write_wheel(place / "index", "smalldep", "1.3", ["numpy>=3"])
    pins = place / "book" / "constraints.txt"
    before = pins.read_text()
    try:
        pins.write_text("smalldep==1.3\n")
        carried, _ = fetched(place, tmp_path, ipykernel="7.0")
    finally:
        pins.write_text(before)
        (place / "index" / "smalldep-1.3-py3-none-any.whl").unlink()
    assert carried.packages["smalldep"] == "1.2"


def test_a_python_that_the_project_does_not_run_on(place, tmp_path):
    with pytest.raises(InputError, match=r"found 3\.10, but the project needs >=3\.11"):
        fetched(place, tmp_path, python="3.10")


def test_a_list_of_packages(tmp_path):
    path = tmp_path / "packages.txt"
    path.write_text("# there\n\n-e /src/own\nTorch==2.11.0+cu130\nruamel.yaml == 0.18\nmine @ file:///x\nscipy\n")
    assert kit.read_packages(path) == {"torch": "2.11.0+cu130", "ruamel-yaml": "0.18", "mine": None, "scipy": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("torch==2\nPackage Version\n", "line 2: found 'Package Version', expected name==version"),
        ("torch==2\n{}\n", "line 2"),
        ("numpy==2\n", "torch is not in it"),
        (None, "cannot be read"),
    ],
)
def test_a_list_that_is_none(tmp_path, text, said):
    path = tmp_path / "packages.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        kit.read_packages(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(5, 60), st.sampled_from(["x86_64", "aarch64"]))
def test_every_older_platform_is_asked_for(minor, machine):
    tags = kit.Target(platform=f"manylinux_2_{minor}_{machine}").tags
    glibc = {f"manylinux_2_{n}_{machine}" for n in range(5, minor + 1)}
    assert glibc <= set(tags)
    assert len(tags) == len(set(tags))
    assert (f"manylinux2014_{machine}" in tags) == (minor >= 17)
    assert f"manylinux_2_{minor + 1}_{machine}" not in tags
    assert all(parse_tag(f"cp312-cp312-{tag}") for tag in tags)


@pytest.mark.parametrize("platform", ["linux", "win_amd64", "manylinux2014_x86_64", ""])
def test_other_platforms_are_refused(platform):
    with pytest.raises(InputError, match="expected manylinux_2_N_x86_64"):
        kit.Target(platform=platform)


def test_versions_of_vendors():
    assert [public_version(text) for text in ("2.6.0a0+ecf3bae", "1.2-3ubuntu1", None)] == ["2.6.0a0", None, None]
