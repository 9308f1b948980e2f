"""Is this file a phantom that the library has drawn?"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from lesionlib.datasets.library import cache_root


def phantom_of(content: bytes) -> str | None:
    """Name the phantom that a file belongs to; None if it belongs to none that stands on this machine.

    Byte by byte: the phantom's files are in the library's cache, and a picture that was cropped or saved again is no
    longer one of them. Nothing is written into a phantom's files to know them by, since their sizes are part of the
    data's fingerprint.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    str or None
        Such as ``phantom:ham10000``.
    """
    for folder in sorted((cache_root() / "phantoms").glob("[!.]*-n*")):
        if any(_is_in(content, path) for path in folder.rglob("*") if path.is_file()):
            return f"phantom:{folder.name.partition('-n')[0]}"
    return None


def _is_in(content: bytes, path: Path) -> bool:
    """Whether a file, or a member of an archive, has just this content; most are told apart by their size."""
    if path.suffix != ".zip":
        return path.stat().st_size == len(content) and path.read_bytes() == content
    checksum = zlib.crc32(content)
    with zipfile.ZipFile(path) as archive:
        alike = [info for info in archive.infolist() if (info.file_size, info.CRC) == (len(content), checksum)]
        return any(archive.read(info) == content for info in alike)
