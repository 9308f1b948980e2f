"""Which wheels a machine lacks to run a chapter, found by pip, and fetched."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from lesionlib.errors import InputError, LesionlibError
from lesionlib.kit import stubs
from lesionlib.kit.target import Target, public_version

NOT_TO_RUN = frozenset(
    {
        # The book and the laboratory: a run executes notebooks, and nobody looks.
        "jupyter-book",
        "jupyterlab",
        "jupyterlab-widgets",
        "nbval",
        "widgetsnbextension",
        # What their packages do without where it is missing: completion and debugging in an editor, fastai's texts.
        "debugpy",
        "jedi",
        "spacy",
    }
)
"""Packages that a run does not need, though a requirement names them."""

_TO_RUN_TOO = ("ipykernel",)  # papermill starts one, and asks for none
# No wheels of these are published: they are built here, of Python alone. By the requirement that brings them.
_BUILT_HERE = {"grad-cam": ("grad-cam", "ttach")}
_ADVICE = ("WARNING", "To fix this", "1. ", "2. ", "[notice]")
_PIN = re.compile(r"([\w.-]+)==(\S+)", re.ASCII)


@dataclass(frozen=True)
class Carried:
    """What a kit must bring, and what it relies on.

    Attributes
    ----------
    packages : dict of str to str
        Carried packages with their versions.
    image : dict of str to str or None
        Packages of the other machine that these, or the library, ask for.
    """

    packages: dict[str, str] = field(default_factory=dict)
    image: dict[str, str | None] = field(default_factory=dict)


def fetch_wheels(project: Path, target: Target, folder: Path) -> Carried:
    """Find out which wheels `target` lacks to run the project's chapters, and fetch them into `folder`.

    A package that the target has stays there, whatever its version; where that version does not do, pip's own words
    say for whom. Versions are those of ``constraints.txt`` where they fit to what the target has.

    Raises
    ------
    InputError
        No set of wheels fits, or pip cannot reach them.
    """
    wanted = _requirements(project, target)
    pins = _pins(project / "constraints.txt")
    with tempfile.TemporaryDirectory(prefix="lesionlib-kit-") as scratch:
        pip = _Pip(target, Path(scratch))
        there = _show_what_is_there(target, pins, pip.stubs)
        names = {canonicalize_name(each.name) for each in wanted}
        pip.build([name for root, group in _BUILT_HERE.items() if root in names for name in group], pins)
        carried = _carried(pip, wanted, target, pins, there)
        pip.download(carried.packages, folder)
    return carried


def _requirements(project: Path, target: Target) -> list[Requirement]:
    """Return what the project needs to run there."""
    path = project / "pyproject.toml"
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({error!r}); expected the book's project") from error
    asked = facts.get("requires-python", "")
    if f"{target.python}.0" not in SpecifierSet(asked):
        raise InputError(f"python: found {target.python}, but the project needs {asked}")
    every = [Requirement(line) for line in (*facts["dependencies"], *_TO_RUN_TOO)]
    return [each for each in every if canonicalize_name(each.name) not in NOT_TO_RUN]


def _pins(path: Path) -> dict[str, str]:
    """Read exact versions, by name; none where there is no such file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [_PIN.fullmatch(line.strip()) for line in lines]
    return {canonicalize_name(each[1]): each[2] for each in found if each}


def _show_what_is_there(target: Target, pins: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Write a stub for what is not to be carried, where a version is known or may be supposed; return these versions.

    A package without a version is supposed to be as in ``constraints.txt``.
    """
    there = {}
    for name in {*target.packages, *NOT_TO_RUN}:
        version = public_version(target.packages.get(name)) or pins.get(name)
        if version:
            stubs.write_stub(folder, name, version)
            there[name] = stubs.local_version(version)
    return there


def _carried(
    pip: _Pip, wanted: Sequence[Requirement], target: Target, pins: Mapping[str, str], there: Mapping[str, str]
) -> Carried:
    """Walk from what is wanted through what pip found; ask again for what only the other machine's Python needs."""
    asked, known = list(wanted), {name: version for name, version in pins.items() if name not in there}
    while True:
        found = pip.resolve(asked, {**known, **there}, there)
        carried, unknown = _walk(wanted, found, target)
        if not unknown:
            return carried
        # pip judges conditions (python_version >= "3.12") by the Python that it runs on: these it left out.
        left_out = [each for each in unknown if each not in asked]
        if not left_out:
            raise LesionlibError(f"pip found no place for {unknown[0]}, and no fault either")
        asked += left_out


def _walk(
    wanted: Iterable[Requirement], found: Mapping[str, _Found], target: Target
) -> tuple[Carried, list[Requirement]]:
    """Return what is needed of `found`, and the requirements that it does not hold."""
    carried, unknown, seen = Carried(), {}, set()
    todo = [each for each in wanted if each.marker is None or each.marker.evaluate(target.environment)]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if name in NOT_TO_RUN or (name, *sorted(requirement.extras)) in seen:
            continue
        if name in target.packages:
            carried.image[name] = target.packages[name]
        elif name not in found:
            unknown[name] = _without_condition(requirement)
        else:
            seen.add((name, *sorted(requirement.extras)))
            carried.packages[name] = found[name].version
            todo += _asked_by(found[name], requirement.extras, target)
    return carried, list(unknown.values())


def _asked_by(package: _Found, extras: Iterable[str], target: Target) -> list[Requirement]:
    environments = [target.environment | {"extra": extra} for extra in ("", *extras)]
    every = [Requirement(line) for line in package.requires]
    return [each for each in every if each.marker is None or any(map(each.marker.evaluate, environments))]


def _without_condition(requirement: Requirement) -> Requirement:
    plain = Requirement(str(requirement))
    plain.marker = None
    return plain


@dataclass(frozen=True)
class _Found:
    """What pip would install of one package."""

    version: str
    requires: tuple[str, ...]


class _Pip:
    """pip of this Python, for another machine; its own settings (an index, a proxy) hold as ever."""

    def __init__(self, target: Target, scratch: Path):
        self.target, self.stubs, self._built = target, scratch / "stubs", scratch / "built"
        self._report, self._constraints = scratch / "report.json", scratch / "constraints.txt"
        for folder in (self.stubs, self._built):
            folder.mkdir()

    def build(self, names: Sequence[str], pins: Mapping[str, str]) -> None:
        """Build wheels of Python alone from the sources of packages that publish none."""
        lacking = [name for name in names if name not in self.target.packages]
        if not lacking:
            return
        exact = [f"{name}=={pins[name]}" if name in pins else name for name in lacking]
        self._call(f"no wheel of {', '.join(lacking)} could be built", "wheel", "--no-deps", "-w", self._built, *exact)
        for wheel in self._built.glob("*.whl"):
            if not wheel.name.endswith("-none-any.whl"):
                raise InputError(f"{wheel.name} fits this machine alone: its package must be on the other one already")

    def resolve(
        self, wanted: Sequence[Requirement], pins: Mapping[str, str], there: Mapping[str, str]
    ) -> dict[str, _Found]:
        """Return what pip would install for `wanted`, by name; at the pinned versions where that can be done."""
        try:
            return self._resolve(wanted, pins)
        except InputError:
            if pins.keys() == there.keys():
                raise
            return self._resolve(wanted, there)

    def _resolve(self, wanted: Sequence[Requirement], pins: Mapping[str, str]) -> dict[str, _Found]:
        self._constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
        self._call(
            f"no set of wheels fits Python {self.target.python} ({self.target.platform}) and what is there",
            *("install", "--dry-run", "--ignore-installed", "--report", self._report),
            *("--target", self.stubs / "nowhere", "--find-links", self.stubs, "--constraint", self._constraints),
            *(*self._for_target(), *map(str, wanted)),
        )
        report = json.loads(self._report.read_text(encoding="utf-8"))
        every = [entry["metadata"] for entry in report["install"]]
        return {
            canonicalize_name(each["name"]): _Found(each["version"], tuple(each.get("requires_dist", [])))
            for each in every
        }

    def download(self, packages: Mapping[str, str], folder: Path) -> None:
        """Fetch the wheels of these packages."""
        folder.mkdir()
        exact = [f"{name}=={version}" for name, version in packages.items()]
        if exact:
            self._call(
                "a wheel could not be fetched", "download", "--no-deps", "-d", folder, *self._for_target(), *exact
            )

    def _for_target(self) -> list[str | Path]:
        platforms = [word for tag in self.target.tags for word in ("--platform", tag)]
        python = ["--only-binary=:all:", "--implementation", "cp", "--python-version", self.target.python]
        return [*python, *platforms, "--find-links", self._built]

    def _call(self, failure: str, verb: str, *words: object) -> None:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", verb]
        answer = subprocess.run([*command, *map(str, words)], capture_output=True, text=True, check=False)
        if answer.returncode:
            raise InputError(f"{failure}: {_in_one_line(answer.stderr)}")


def _in_one_line(said: str) -> str:
    """Return what pip complained of; without its advice, which is for another command than ours."""
    lines = [line.strip().removeprefix("ERROR: ") for line in said.splitlines()]
    kept = [line for line in lines if line and not line.startswith(_ADVICE)]
    return "; ".join(kept)[:600] or "pip did not say why"
