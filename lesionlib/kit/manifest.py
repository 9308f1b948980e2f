"""``kit.json``: what is in a kit, with a checksum of each file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lesionlib.errors import InputError, first_fault

MANIFEST = "kit.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class KitFile(_Part):
    """One file: its place in the kit (with slashes), its size, its checksum."""

    path: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class KitData(_Part):
    """One dataset; `without_masks` says that its masks were left out."""

    name: str
    fingerprint: str
    license: str
    without_masks: bool = False


class Manifest(_Part):
    """The content of ``kit.json``.

    No path and no name of a machine stands in it.

    Attributes
    ----------
    schema_ : int
        Version of the file's form; ``schema`` in the file.
    lesionlib : str
        The library's version.
    python, platform : str
        For which machines the wheels are.
    sweep : str or None
        The file that ``run.py`` runs when it is told nothing else.
    half : bool
        Whether trained weights are kept in half precision.
    data : tuple of object
        Of each dataset: `name`, `fingerprint`, `license`, `without_masks`.
    packages : dict of str to str
        Which versions are carried.
    image : dict of str to str or None
        Which packages that machine must have itself, with their versions where they were told.
    files : tuple of object
        Of each file: `path`, `bytes`, `sha256`.
    """

    schema_: Literal[1] = Field(1, alias="schema")
    lesionlib: str
    python: str = Field(pattern=r"^3\.\d+$")
    platform: str
    sweep: str | None = None
    half: bool = False
    data: tuple[KitData, ...] = ()
    packages: dict[str, str]
    image: dict[str, str | None]
    files: tuple[KitFile, ...]


def described(folder: Path) -> tuple[KitFile, ...]:
    """Name every file below `folder`, sorted by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        KitFile(path=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256=_sha256(path))
        for path in files
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``kit.json`` into a kit that is being packed."""
    text = json.dumps(manifest.model_dump(by_alias=True), indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: str | Path) -> Manifest:
    """Read what is in a kit.

    Parameters
    ----------
    folder : path
        From `pack`.

    Returns
    -------
    Manifest
        The content of its ``kit.json``.

    Raises
    ------
    InputError
        The folder is no kit, or one of another schema.
    """
    path = Path(folder) / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected a folder that `lesionlib kit pack` made"
        ) from error
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}; pack the kit again") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
