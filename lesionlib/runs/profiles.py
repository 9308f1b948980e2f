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
HOURS = "estimated_gpu_hours"


class Entry(BaseModel):
    """One run of a profile: what it changes in the notebook, and what somebody reckons that it takes.

    Attributes
    ----------
    parameters : dict
    estimated_gpu_hours : float, optional
        Hours of one GPU for this one run: an estimate, 0 or more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters: dict[str, Value]
    estimated_gpu_hours: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class Profile(BaseModel):
    """A batch: for each chapter a list of parameter sets, each of them a run.

    In a profile's file an entry of a chapter may also be a grid, and then stands for many sets: for each combination
    of the listed values one, beside what else the entry says. The first parameter changes slowest::

        - {grid: {seed: [0, 1], clinical: [null, [age, sex, site]]}, data: ham10000, height: 224}

    Beside the parameters may stand ``estimated_gpu_hours``, of each of the entry's runs. It is no parameter.
    `entries` holds the runs spelled out, in this order; `chapters` their parameter sets alone.

    Attributes
    ----------
    profile : str
        Its name, that of its file.
    entries : dict of str to list
        By chapter, the runs spelled out, in order: `parameters` and `estimated_gpu_hours` of each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str
    entries: dict[str, list[Entry]] = Field(alias="chapters", min_length=1)

    @property
    def chapters(self) -> dict[str, list[dict[str, Value]]]:
        """For each chapter its parameter sets."""
        return {name: [entry.parameters for entry in entries] for name, entries in self.entries.items()}

    @field_validator("entries", mode="before")
    @classmethod
    def _grids_spelled_out(cls, chapters: Any) -> Any:
        if not isinstance(chapters, dict):
            return chapters
        return {
            name: [_apart(one) for entry in entries for one in _spelled_out(name, entry)]
            if isinstance(entries, list)
            else entries
            for name, entries in chapters.items()
        }

    @field_validator("entries")
    @classmethod
    def _each_set_once(cls, entries: dict[str, list[Entry]]) -> dict[str, list[Entry]]:
        for name, runs in entries.items():
            sets = [run.parameters for run in runs]
            if not sets:
                raise ValueError(f"{name} has no parameter set ([{{}}] is the defaults')")
            if any(one in sets[:n] for n, one in enumerate(sets)):
                raise ValueError(f"{name} has the same parameter set twice")
        return entries


def load_profile(name: str, project: Path) -> Profile:
    """Read ``notebooks/profiles/<name>.yml`` of a project.

    Parameters
    ----------
    name : str
        Such as ``"quick"``.
    project : Path
        The book's project.

    Returns
    -------
    Profile
        Checked.

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

    Parameters
    ----------
    path : Path
        The YAML file.
    project : Path
        The book's project, whose chapters it names.

    Returns
    -------
    Profile
        Checked.

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


def _apart(entry: Any) -> Any:
    """Put the parameters of an entry, which has no grid any more, apart from the estimate beside them."""
    if not isinstance(entry, dict):
        return entry
    parameters = {name: value for name, value in entry.items() if name != HOURS}
    return {"parameters": parameters} | ({HOURS: entry[HOURS]} if HOURS in entry else {})


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
