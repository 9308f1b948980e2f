"""The machine that a kit is for: its Python, its platform, and the packages that it has already."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import default_environment
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lesionlib.errors import InputError

_HOW = "`python3 -m pip list --format=freeze` on that machine writes such a file"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:==\s*(?P<version>\S+)|@\s*\S.*)?", re.ASCII)
_PYTHON = re.compile(r"3\.\d+")
_PLATFORM = re.compile(r"manylinux_2_(?P<minor>\d+)_(?P<machine>x86_64|aarch64)")
# Names of older standards for the same thing: glibc 2.N.
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_GLIBC = 5

PLAIN = (
    "filelock",
    "fsspec",
    "jinja2",
    "markupsafe",
    "mpmath",
    "networkx",
    "numpy",
    "pillow",
    "setuptools",
    "sympy",
    "torch",
    "torchvision",
    "triton",
    "typing-extensions",
)
"""What a plain PyTorch image has: torch, torchvision, and what these two ask for."""


@dataclass(frozen=True)
class Target:
    """The machine that a kit is for.

    Attributes
    ----------
    python : str
        Its Python, such as ``3.12``.
    platform : str
        A platform tag of wheels, such as ``manylinux_2_28_x86_64``: Linux with glibc 2.28 or newer.
    packages : mapping of str to str or None
        What it has: the normalized name, and the version where it is known.
    """

    python: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    platform: str = "manylinux_2_28_x86_64"
    packages: Mapping[str, str | None] = field(default_factory=lambda: dict.fromkeys(PLAIN))

    def __post_init__(self) -> None:
        if not _PYTHON.fullmatch(self.python):
            raise InputError(f"python: found {self.python!r}, expected a version such as 3.12")
        if not _PLATFORM.fullmatch(self.platform):
            raise InputError(
                f"platform: found {self.platform!r}, expected manylinux_2_N_x86_64 or manylinux_2_N_aarch64, where 2.N "
                "is that machine's glibc (`ldd --version` there tells) or an older one"
            )

    @property
    def tags(self) -> list[str]:
        """All platform tags whose wheels run there, newest first: pip takes each of them by its own name only."""
        found = _PLATFORM.fullmatch(self.platform)
        machine, tags = found["machine"], []
        for minor in range(int(found["minor"]), _OLDEST_GLIBC - 1, -1):
            tags.append(f"manylinux_2_{minor}_{machine}")
            tags += [f"{_OLD_NAMES[minor]}_{machine}"] if minor in _OLD_NAMES else []
        return [*tags, f"linux_{machine}"]

    @property
    def environment(self) -> dict[str, str]:
        """What requirements with a condition ask for there (``python_version >= "3.12"``)."""
        return {
            **default_environment(),
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": _PLATFORM.fullmatch(self.platform)["machine"],
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


def read_packages(path: str | Path) -> dict[str, str | None]:
    """Read which packages a machine has: a line each, ``name==version`` or the name alone.

    What pip writes beside these (comments, options, editable installs) is left out.

    Parameters
    ----------
    path : path
        The file, as ``pip list --format=freeze`` writes it.

    Returns
    -------
    dict of str to str or None
        Normalized names, and versions where they are told.

    Raises
    ------
    InputError
        The file cannot be read, a line is neither, or torch is not among the packages: a kit carries no torch.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a list of packages: {_HOW}") from error
    packages: dict[str, str | None] = {}
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith(("#", "-")):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise InputError(f"{path}, line {number}: found {line!r}, expected name==version or a name: {_HOW}")
        packages[canonicalize_name(found["name"])] = found["version"]
    if "torch" not in packages:
        raise InputError(f"{path}: torch is not in it, and a kit carries none (it has gigabytes): {_HOW}")
    return packages


def public_version(text: str | None) -> str | None:
    """Return a version without what a vendor added (``2.11.0+cu130``), or None where there is none to go by."""
    try:
        return Version(text).public if text else None
    except InvalidVersion:
        return None
