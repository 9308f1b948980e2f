"""What goes into a kit beside the wheels: the project's files and the datasets."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lesionlib
from lesionlib import datasets, runs
from lesionlib.datasets import cards
from lesionlib.datasets.files import SEPARATOR
from lesionlib.errors import InputError
from lesionlib.kit.manifest import KitData

if TYPE_CHECKING:
    import pandas as pd

_PROJECT_FILES = ("_toc.yml", "pyproject.toml", "LICENSE")
_NOTICE = """\
{title}

License: {license}{url}
Cite as: {citation}
How one comes by the files: {how}

The files in the folder {name}/ stand as they stood where they were packed, none of them changed{without}.
They keep their own terms: whoever gets this folder needs the same right to them as you.
"""


@dataclass(frozen=True)
class Contents:
    """What a kit is to hold.

    Attributes
    ----------
    data : tuple of str
        Names of datasets that are on this machine.
    sweep : path, optional
        A file of runs, which ``run.py`` makes when it is told nothing else.
    half : bool
        The trained weights in half precision.
    masks : bool
        Also the datasets' lesion masks, where these are files of their own.
    """

    data: tuple[str, ...] = ()
    sweep: Path | None = None
    half: bool = False
    masks: bool = True


@dataclass(frozen=True)
class DataPart:
    """One dataset on its way into a kit: its files, relative to `root`, and those among them that hold masks alone."""

    name: str
    root: Path
    fingerprint: str
    files: tuple[Path, ...]
    masks: tuple[Path, ...]
    without_masks: bool

    def bytes(self, files: tuple[Path, ...]) -> int:
        """Size of these of its files."""
        return sum((self.root / file).stat().st_size for file in files)

    @property
    def described(self) -> KitData:
        license = cards.card(self.name).license
        return KitData(name=self.name, fingerprint=self.fingerprint, license=license, without_masks=self.without_masks)


def data_part(name: str, masks: bool = True) -> DataPart:
    """Find a dataset on this machine, and which of its files go.

    Raises
    ------
    InputError
        It is not here, or is drawn where it is needed.
    """
    if name.startswith("phantom:"):
        raise InputError(f"{name} is drawn where it is needed: leave it out, a kit does not carry it")
    dataset = datasets.load(name)
    files = tuple(sorted(_files_below(dataset.root)))
    spare = _holders(dataset.frame["mask"], files) - _holders(dataset.frame["image"], files)
    if masks:
        return DataPart(name, dataset.root, dataset.fingerprint, files, tuple(sorted(spare)), without_masks=False)
    kept = tuple(file for file in files if file not in spare)
    return DataPart(name, dataset.root, dataset.fingerprint, kept, (), without_masks=bool(spare))


def copy_data(part: DataPart, folder: Path) -> None:
    """Copy a dataset's files into ``folder/<name>``, with a notice beside them, and read them there once.

    Raises
    ------
    InputError
        What was copied is not the same dataset: its files changed meanwhile.
    """
    target = folder / part.name
    for file in part.files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(part.root / file, target / file)
    (folder / f"{part.name}.NOTICE.txt").write_text(_notice(part), encoding="utf-8")
    copied = datasets.load(part.name, root=target).fingerprint
    if copied != part.fingerprint:
        raise InputError(
            f"{part.name}: the copy has the fingerprint {copied}, expected {part.fingerprint} as in {part.root}: "
            f"pack it again; `lesionlib data verify {part.name}` looks at its files"
        )


def check_sweep(file: Path, project: Path, data: tuple[str, ...]) -> None:
    """Check a file of runs, and that the datasets that it asks for are to be packed.

    Raises
    ------
    InputError
        The file is no sweep of this project, a parameter is unknown, or a dataset is missing.
    """
    known = cards.names()
    profile = runs.read_profile(file, project)
    for chapter, sets in profile.chapters.items():
        for values in sets:
            resolved = runs.resolve(runs.chapters(project)[chapter], values)
            asked = [resolved.get("data"), *(resolved.get("sources") or [])]
            missing = [name for name in asked if name in known and name not in data]
            if missing:
                raise InputError(
                    f"{file}: {chapter} asks for {missing[0]}, which is not packed: add --data {missing[0]}"
                )


def write_project(project: Path, sweep: Path | None, target: Path) -> None:
    """Write what a run needs of the project into an archive: the library, the notebooks, the sweep.

    No results: a run does not need them. The same files give the same archive.
    """
    members = dict(_project_members(project))
    if sweep:
        members[sweep.name] = sweep.read_bytes()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in sorted(members.items()):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, compresslevel=9)


def _project_members(project: Path) -> Iterator[tuple[str, bytes]]:
    library = Path(lesionlib.__file__).parent
    for path in sorted(path for path in library.rglob("*") if path.suffix in {".py", ".yaml"}):
        yield f"lesionlib/{path.relative_to(library).as_posix()}", path.read_bytes()
    # Runs write down the version by the package's metadata.
    about = f"Metadata-Version: 2.1\nName: lesionlib\nVersion: {lesionlib.__version__}\n"
    yield f"lesionlib-{lesionlib.__version__}.dist-info/METADATA", about.encode()
    notebooks = [*runs.chapters(project).values(), *(project / "notebooks" / "profiles").glob("*.yml")]
    files = [project / name for name in _PROJECT_FILES]
    for path in [*notebooks, *(file for file in files if file.is_file())]:
        yield path.relative_to(project).as_posix(), path.read_bytes()


def _files_below(root: Path) -> Iterator[Path]:
    # A dataset's folder may link to where its parts are kept.
    for folder, below, names in os.walk(root, followlinks=True):
        below[:] = [name for name in below if not name.startswith(".")]
        yield from ((Path(folder) / name).relative_to(root) for name in names if not name.startswith("."))


def _holders(references: pd.Series, files: tuple[Path, ...]) -> set[Path]:
    """Return the files that hold these images or masks: they themselves, or the archives that they are members of."""
    known = {file.as_posix(): file for file in files}
    names = {name if name in known else name.partition(SEPARATOR)[0] for name in references.dropna()}
    return {known[name] for name in names if name in known}


def _notice(part: DataPart) -> str:
    card = cards.card(part.name)
    without = "; the lesion masks were left out" if part.without_masks else ""
    url = f" ({card.license_url})" if card.license_url else ""
    return _NOTICE.format(
        title=card.title,
        license=card.license,
        url=url,
        citation=card.citation,
        how=card.access.how,
        name=part.name,
        without=without,
    )
