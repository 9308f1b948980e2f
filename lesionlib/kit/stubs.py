"""Wheels of a metadata file alone, and the record of a wheel's files.

pip resolves what is still needed around what a machine has. It can only be told of that as of packages that it could
install; so each is shown to it as a wheel that is empty and asks for nothing.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

_WHEEL = "Wheel-Version: 1.0\nGenerator: lesionlib\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_LOCAL = "there"


def local_version(public: str) -> str:
    """Name a version so that no index has it: pip must take ours."""
    return f"{public}+{_LOCAL}"


def write_stub(folder: Path, name: str, public: str) -> None:
    """Write an empty wheel of a package at a version."""
    version = local_version(public)
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    members = {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": _WHEEL.encode()}
    write_wheel(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", info, members)


def write_wheel(path: Path, info: str, members: Mapping[str, bytes]) -> None:
    """Write a wheel of these members; its record, in the folder `info`, is made."""
    rows = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in members.items()]
    record = "\n".join([*rows, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in {**members, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
