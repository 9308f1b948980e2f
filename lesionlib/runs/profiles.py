"""Profiles: which chapters a batch runs, and with which sets of parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lesionlib.errors import InputError, first_fault
from lesionlib.runs.schema import Value
from lesionlib.runs.spec import chapters


class Profile(BaseModel):
    """A batch: for each chapter a list of parameter sets, each of them a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str
    chapters: dict[str, list[dict[str, Value]]] = Field(min_length=1)

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
        There is no such profile, it is no valid one, or it names a chapter that is not there.
    """
    folder = project / "notebooks" / "profiles"
    path = folder / f"{name}.yml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in folder.glob("*.yml"))) or "none"
        raise InputError(f"no profile {name!r} in {folder}; known: {known}")
    try:
        profile = Profile.model_validate(yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys))
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}") from error
    if profile.profile != name:
        raise InputError(f"{path}: calls itself {profile.profile!r}, expected {name!r}")
    unknown = [chapter for chapter in profile.chapters if chapter not in chapters(project)]
    if unknown:
        known = ", ".join(chapters(project))
        raise InputError(f"{path}: no chapter {unknown[0]!r} in notebooks/; known: {known}")
    return profile


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
