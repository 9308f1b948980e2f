"""Image files in folders and zip archives, read in place and never written to."""

from __future__ import annotations

import re
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image

from lesionlib.datasets.decoding import UNDECODABLE, decode
from lesionlib.errors import InputError

SEPARATOR = "!"
"""Stands between an archive and its member: ``part_1.zip!ISIC_0024306.jpg``."""

# A file of one's own may have the sign in its name; an archive ends in .zip.
_MEMBER = re.compile(rf"(.+?\.zip){SEPARATOR}(.+)", re.IGNORECASE | re.DOTALL)

# RuntimeError: a member with a password, or packed by a method that Python does not know.
_UNREADABLE = (OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


class ImageFiles:
    """The files below `root` and inside its archives, by a reference relative to `root`.

    Safe to use from several threads; each has its own handle on an archive.
    """

    def __init__(self, root: Path):
        self.root = Path(root)
        self._members: dict[str, dict[str, zipfile.ZipInfo]] = {}
        self._walked: list[Path] = []
        self._local = threading.local()

    def __getstate__(self) -> Path:
        return self.root

    def __setstate__(self, root: Path) -> None:
        self.__init__(root)

    def paths(self, suffixes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Find files by suffix anywhere below the root; map reference to the parts of the path.

        A zip archive counts as the folder that it unpacks to, and is left out where that folder stands beside it.
        Hidden files, as macOS adds them, are left out too.

        Raises
        ------
        InputError
            An archive that cannot be read, or with a member outside its folder.
        """
        found: dict[str, tuple[str, ...]] = {}
        self._walked = self._walked or list(self._walk())
        for path in self._walked:
            place = path.relative_to(self.root)
            if path.suffix.lower() in suffixes:
                found[place.as_posix()] = place.parts
            elif path.suffix.lower() == ".zip" and not path.with_suffix("").is_dir():
                found |= self.unpacked(place, suffixes)
        return {reference: parts for reference, parts in found.items() if not any(map(_is_hidden, parts))}

    def unpacked(self, archive: Path, suffixes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Find files by suffix in one archive, as `paths` does; the path's parts begin with the folder it unpacks to.

        Raises
        ------
        InputError
            The archive cannot be read, or has a member outside its folder.
        """
        folder = archive.with_suffix("").parts
        found = {}
        for member in self._directory(archive.as_posix()):
            path = PurePosixPath(member.replace("\\", "/"))
            # Most archives hold one folder of their own name.
            inside = path.parts[1:] if path.parts[:1] == (archive.stem,) else path.parts
            if path.suffix.lower() in suffixes:
                found[f"{archive.as_posix()}{SEPARATOR}{member}"] = (*folder, *inside)
        return {reference: parts for reference, parts in found.items() if not any(map(_is_hidden, parts))}

    def size(self, reference: str) -> int:
        """Size of the file in bytes (unpacked).

        Raises
        ------
        InputError
            The file is gone.
        """
        archive, member = _place(reference)
        try:
            if member:
                return self._directory(archive)[member].file_size
            return (self.root / archive).stat().st_size
        except (OSError, KeyError) as error:
            raise InputError(f"{self.root / reference}: cannot be read ({error}); get the file again") from error

    def read(self, reference: str) -> bytes:
        """Read the whole file.

        Raises
        ------
        InputError
            The file is gone or damaged.
        """
        archive, member = _place(reference)
        try:
            if member:
                return self._handle(archive).read(member)
            return (self.root / archive).read_bytes()
        except _UNREADABLE as error:
            raise InputError(f"{self.root / reference}: cannot be read ({error}); get the file again") from error

    def image(self, reference: str, mode: str = "RGB") -> Image.Image:
        """Decode an image, upright as its EXIF orientation says, in `mode` (``"RGB"``, or ``"L"`` for a mask).

        See `lesionlib.datasets.decoding.decode` for gray levels of more than 8 bits, transparency and CMYK.

        Raises
        ------
        InputError
            The image is truncated or not an image.
        """
        content = self.read(reference)
        try:
            return decode(content, mode)
        except UNDECODABLE as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"{self.root / reference}: not a whole image ({reason}); get the file again") from error

    def _walk(self) -> Iterator[Path]:
        # Entry by entry: rglob does not follow links, but a dataset's folder may link to where its parts are kept.
        for entry in sorted(self.root.iterdir()):
            yield from (path for path in sorted(entry.rglob("*")) if path.is_file())
            if entry.is_file():
                yield entry

    def _directory(self, archive: str) -> dict[str, zipfile.ZipInfo]:
        if archive not in self._members:
            infos = self._handle(archive).infolist()
            for info in infos:
                refuse_outside(self.root / archive, info.filename)
            self._members[archive] = {info.filename: info for info in infos if not info.is_dir()}
        return self._members[archive]

    def _handle(self, archive: str) -> zipfile.ZipFile:
        handles = self._local.__dict__.setdefault("handles", {})
        if archive not in handles:
            try:
                handles[archive] = zipfile.ZipFile(self.root / archive)
            except (*_UNREADABLE, UnicodeDecodeError) as error:
                raise InputError(
                    f"{self.root / archive}: not a whole zip archive ({error}); get the file again"
                ) from error
        return handles[archive]


def refuse_outside(archive: Path, member: str) -> None:
    path = PurePosixPath(member.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        raise InputError(
            f"{archive}: the member {member!r} points outside the archive's folder; "
            "do not use this file, get it again from its publisher"
        )


def _place(reference: str) -> tuple[str, str]:
    """Tell the archive and its member apart; for a plain file, the file and nothing."""
    found = _MEMBER.fullmatch(reference)
    return (found[1], found[2]) if found else (reference, "")


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"
