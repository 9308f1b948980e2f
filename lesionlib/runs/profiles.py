"""Profiles: which chapters a batch runs, and with which sets of parameters."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lesionlib.errors import InputError, first_fault
from lesionlib.runs.schema import Value
from lesionlib.runs.spec import chapters

GRID = "grid"


class Profile(BaseModel):
    """A batch: for each chapter a list of parameter sets, each of them a run.

    In a profile's file an entry of a chapter may also be a grid, and then stands for many sets: for each combination
    of the listed values one, beside what else the entry says. The first parameter changes slowest::

        - {grid: {seed: [0, 1], clinical: [null, [age, sex, site]]}, data: ham10000, height: 224}

    `chapters` holds them spelled out, in this order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str
    chapters: dict[str, list[dict[str, Value]]] = Field(min_length=1)

    @field_validator("chapters", mode="before")
    @classmethod
    def _grids_spelled_out(cls, chapters: Any) -> Any:
        if not isinstance(chapters, dict):
            return chapters
        return {
            name: [one for entry in entries for one in _spelled_out(name, entry)]
            if isinstance(entries, list)
            else entries
            for name, entries in chapters.items()
        }

    @field_validator("chapters")
    @classmethod
    def _each_set_once(cls, chapters: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
        for name, sets in chapters.items():
            if not sets:
                raise ValueError(f"{name} has no parameter set ([{{}}] is the defaults')")
            if any(one in sets[:n] for n, one in enumerate(sets)):
                raise ValueError(f"{name} has the same parameter set twice")
        return chapters


def load_profile(name: str, project: Path) -> Profile:
    """Read ``notebooks/profiles/<name>.yml`` of a project.

    Raises
    ------
    InputError
        There is no such profile, or as for `read_profile`.
    """
    folder = project / "notebooks" / "profiles"
    path = folder / f"{name}.yml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in folder.glob("*.yml"))) or "none"
        raise InputError(f"no profile {name!r} in {folder}; known: {known}")
    return read_profile(path, project)


def read_profile(path: Path, project: Path) -> Profile:
    """Read a batch from a file: the project's profiles, or one's own.

    Raises
    ------
    InputError
        There is no such file, it is no valid profile, it calls itself otherwise than its file, or it names a chapter
        that is not in `project`.
    """
    try:
        profile = Profile.model_validate(yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}): expected a YAML file of runs") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}") from error
    if profile.profile != path.stem:
        raise InputError(f"{path}: calls itself {profile.profile!r}, expected {path.stem!r}")
    unknown = [chapter for chapter in profile.chapters if chapter not in chapters(project)]
    if unknown:
        known = ", ".join(chapters(project))
        raise InputError(f"{path}: no chapter {unknown[0]!r} in notebooks/; known: {known}")
    return profile


def _spelled_out(chapter: str, entry: Any) -> list[Any]:
    """Return the parameter sets that an entry stands for: itself, or the combinations of its grid."""
    if not isinstance(entry, dict) or GRID not in entry:
        return [entry]
    grid = entry[GRID]
    if not isinstance(grid, dict) or not grid:
        raise ValueError(f"{chapter}: {GRID}: found {grid!r}, expected parameters, each with a list of its values")
    beside = {name: value for name, value in entry.items() if name != GRID}
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{chapter}: {GRID}: {name}: found {values!r}, expected a list of one value or more")
        if name in beside:
            raise ValueError(f"{chapter}: {name} stands in the {GRID} and beside it; say it once")
    return [beside | dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


class _UniqueKeys(yaml.SafeLoader):
    """YAML where a key that stands twice is an error, not a silent loss of the first."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        # Here, since the keys of a merged mapping (<<) may well be overridden.
        keys = [key.value for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                mark = node.value[number][0].start_mark
                raise yaml.composer.ComposerError(None, None, f"the key {key!r} stands twice", mark)
        return node
