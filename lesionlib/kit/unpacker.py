#!/usr/bin/env python3
"""Unpack this kit and start lesionlib from it, on a machine without network.

    python3 run.py [--into DIR] [what lesionlib is to do ...]

for example

    python3 run.py
    python3 run.py --into /scratch/me sweep grid.yml --workers 4
    python3 run.py results list

Nothing is installed, and nothing is written outside DIR. Use the Python that has PyTorch. This file stands alone: in
a kit it is called run.py, and needs nothing but that Python's own library.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import shutil
import site
import sys
import tarfile
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath

SCHEMA = 1
# papermill asks for a kernel of this name; a home folder may hold another of the same name, for another Python.
KERNEL = {
    "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python 3",
    "language": "python",
}
# What a user's own set-up says of these is not meant for this one.
NOT_OURS = ("JUPYTER", "IPYTHON", "LESIONLIB_", "XDG_", "MPLCONFIGDIR", "HF_", "TORCH_HOME")


class Fault(Exception):
    """What the user can mend, in one line."""


def main() -> None:
    kit = Path(__file__).resolve().parent
    try:
        start(kit, asked())
    except Fault as fault:
        print(f"run.py: {fault}", file=sys.stderr)
        raise SystemExit(2) from fault


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, metavar="DIR", help="where to unpack; by default beside the kit: KIT-work")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="for lesionlib; by default the sweep that was packed")
    return parser.parse_args()


def start(kit: Path, options: argparse.Namespace) -> None:
    """Unpack, unless that is done, and become lesionlib."""
    manifest = read(kit)
    check_python(manifest)
    check_image(manifest)
    work = (options.into or kit.with_name(f"{kit.name}-work")).absolute()
    try:
        home = unpacked(kit, manifest, work)
    except OSError as error:
        raise Fault(f"cannot unpack into {work}: {error}; name another folder with --into, or make room") from error
    environment = surroundings(os.environ, home, work)
    words = [whole_path(word) for word in options.words if word != "--"]
    words = words or (["sweep", manifest["sweep"]] if manifest["sweep"] else ["doctor"])
    say(f"lesionlib {' '.join(words)}; finished runs stand in {environment['LESIONLIB_RUNS']}")
    os.chdir(home / "project")
    os.execve(sys.executable, [sys.executable, "-m", "lesionlib", *words], environment)


def read(kit: Path) -> dict:
    """Read what is in the kit."""
    path = kit / "kit.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        schema = manifest["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault(f"{path}: cannot be read ({error!r}): copy the kit again, the whole folder") from error
    if schema != SCHEMA:
        raise Fault(f"{path}: schema {schema}, expected {SCHEMA}: this run.py is not this kit's own, copy it again")
    return manifest


def check_python(manifest: dict) -> None:
    """Wheels fit one version of Python."""
    here = "{}.{}".format(*sys.version_info[:2])
    if here != manifest["python"]:
        wanted = manifest["python"]
        raise Fault(
            f"this is Python {here} ({sys.executable}), and the kit was packed for {wanted}: "
            f"start it with python{wanted}, or pack it with --python {here}"
        )


def check_image(manifest: dict) -> None:
    """See that what the kit leaves to this machine is here."""
    lacking, other = [], []
    for name, version in manifest["image"].items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            lacking.append(name)
            continue
        if version not in (None, found):
            other.append(f"{name} {found}, not {version}")
    if lacking:
        raise Fault(
            f"{sys.executable} lacks {', '.join(lacking)}, which the kit leaves to it: start run.py with the Python "
            "that has PyTorch, or pack with --target and this machine's own `python3 -m pip list --format=freeze`"
        )
    if other:
        say(f"this Python is not quite the one that the kit was packed for: {'; '.join(other)}")


def unpacked(kit: Path, manifest: dict, work: Path) -> Path:
    """Return the folder of the unpacked kit; it is made in whole, or not at all, and once."""
    content = json.dumps(manifest["files"], sort_keys=True)
    home = work / f"kit-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    work.mkdir(parents=True, exist_ok=True)
    with alone_in(work) as alone:
        if home.is_dir():
            return home
        say(f"checking and unpacking {len(manifest['files'])} files into {home}")
        check_files(kit, manifest)
        for left in work.glob(".unpacking-*") if alone else ():
            shutil.rmtree(left, ignore_errors=True)  # of a start that was killed
        part = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=work))
        try:
            fill(kit, manifest, part)
            part.chmod(0o755)
            put_in_place(part, home)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return home


def put_in_place(part: Path, home: Path) -> None:
    try:
        part.rename(home)
    except OSError:
        # Another node unpacked the same kit meanwhile.
        if not home.is_dir():
            raise


@contextlib.contextmanager
def alone_in(work: Path):
    """Wait until no other start unpacks here; gives whether that can be known (not on every file system)."""
    with (work / ".lock").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            alone = True
        except (ImportError, OSError):
            alone = False
        yield alone


def check_files(kit: Path, manifest: dict) -> None:
    """Compare every file with its checksum."""
    faults = []
    for entry in manifest["files"]:
        path = kit / entry["path"]
        if not path.is_file():
            faults.append(f"{entry['path']} is missing")
        elif path.stat().st_size != entry["bytes"]:
            faults.append(f"{entry['path']} has {path.stat().st_size} bytes, expected {entry['bytes']}")
        elif sha256(path) != entry["sha256"]:
            faults.append(f"{entry['path']} is not as it was packed (its SHA-256 differs)")
    if faults:
        more = f" (and {len(faults) - 1} more like this)" if len(faults) > 1 else ""
        raise Fault(f"{kit}: {faults[0]}{more}: copy the kit again")


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fill(kit: Path, manifest: dict, part: Path) -> None:
    """Unpack project, packages and data into `part`."""
    with tarfile.open(kit / "wheels.tar.xz") as wheels:
        for wheel in wheels:
            unpack_wheel(io.BytesIO(wheels.extractfile(wheel).read()), part / "packages")
    for entry in manifest["files"]:
        path = PurePosixPath(entry["path"])
        if path.suffix == ".whl":
            unpack_wheel(kit / path, part / "packages")
        elif path.parts[0] == "data":
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kit / path, part / path)
    with zipfile.ZipFile(kit / "project.zip") as packed:
        packed.extractall(part / "project")
    kernel = part / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(KERNEL), encoding="utf-8")


def unpack_wheel(wheel: Path | io.BytesIO, folder: Path) -> None:
    """Put a wheel's packages into a folder; its commands and other files are not needed here."""
    with zipfile.ZipFile(wheel) as packed:
        for member in packed.infolist():
            parts = PurePosixPath(member.filename).parts
            if parts[0].endswith(".data"):
                if len(parts) < 3 or parts[1] not in ("purelib", "platlib"):
                    continue
                member.filename = "/".join(parts[2:])
            packed.extract(member, folder)


def surroundings(given: dict, home: Path, work: Path) -> dict:
    """Return the environment of lesionlib, of its kernels and of its workers."""
    kept = {name: value for name, value in given.items() if not name.startswith(NOT_OURS)}
    # Before this Python's own packages: what is carried is what it lacks.
    path = [str(home / "project"), str(home / "packages"), *filter(None, [given.get("PYTHONPATH")])]
    own = work / "home"
    own.mkdir(exist_ok=True)
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(path),
        # Packages that were installed for this user alone are found by it.
        "PYTHONUSERBASE": site.getuserbase(),
        "HOME": str(own),
        "LESIONLIB_DATA": str(home / "data"),
        "LESIONLIB_CACHE": str(work / "cache"),
        "LESIONLIB_RUNS": str(Path(given.get("LESIONLIB_RUNS") or work / "runs").absolute()),
        "JUPYTER_PATH": str(home / "jupyter"),
        "HF_HUB_OFFLINE": "1",
        # A repository that the folder happens to lie in has nothing to do with the runs.
        "GIT_CEILING_DIRECTORIES": str(home),
    }


def whole_path(word: str) -> str:
    """Name a file of the folder where the user stands so that it is found from the project's folder."""
    return str(Path(word).absolute()) if Path(word).is_file() else word


def say(line: str) -> None:
    print(f"run.py: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
