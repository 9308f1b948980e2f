"""Image files in folders and zip archives, read in place and never written to."""

from __future__ import annotations

import threading
import zipfile
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath

from PIL import Image, ImageOps

from lesionlib.errors import InputError

SEPARATOR = "!"
"""Stands between an archive and its member: ``part_1.zip!ISIC_0024306.jpg``."""

# RuntimeError: a member with a password, or packed by a method that Python does not know.
_UNREADABLE = (OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


class ImageFiles:
    """The files below `root` and inside its archives, by a reference relative to `root`.

    Safe to use from several threads; each has its own handle on an archive.
    """

    def __init__(self, root: Path):
        self.root = Path(root)
        self._members: dict[str, dict[str, zipfile.ZipInfo]] = {}
        self._local = threading.local()

    def __getstate__(self) -> Path:
        return self.root

    def __setstate__(self, root: Path) -> None:
        self.__init__(root)

    def index(self, names: list[str], suffixes: tuple[str, ...]) -> dict[str, str]:
        """Find files by suffix in the archives or folders called `names`; map stem to reference.

        Of an archive and its unpacked folder, the folder is taken.

        Raises
        ------
        InputError
            An archive that cannot be read, or with a member outside its folder; a stem found twice.
        """
        found: dict[str, str] = {}
        for name in names:
            for stem, reference in self._entries(name, suffixes):
                if stem in found:
                    raise InputError(
                        f"{self.root}: image {stem} stands twice, as {found[stem]} and {reference}; remove one of them"
                    )
                found[stem] = reference
        return found

    def size(self, reference: str) -> int:
        """Size of the file in bytes (unpacked)."""
        archive, _, member = reference.partition(SEPARATOR)
        if member:
            return self._directory(archive)[member].file_size
        return (self.root / archive).stat().st_size

    def read(self, reference: str) -> bytes:
        """Read the whole file.

        Raises
        ------
        InputError
            The file is gone or damaged.
        """
        archive, _, member = reference.partition(SEPARATOR)
        try:
            if member:
                return self._handle(archive).read(member)
            return (self.root / archive).read_bytes()
        except _UNREADABLE as error:
            raise InputError(f"{self.root / reference}: cannot be read ({error}); get the file again") from error

    def image(self, reference: str, mode: str = "RGB") -> Image.Image:
        """Decode an image, upright as its EXIF orientation says, in `mode`.

        Raises
        ------
        InputError
            The image is truncated or not an image.
        """
        try:
            with Image.open(BytesIO(self.read(reference))) as image:
                return ImageOps.exif_transpose(image).convert(mode)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            if isinstance(error, InputError):
                raise
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"{self.root / reference}: not a whole image ({reason}); get the file again") from error

    def _entries(self, name: str, suffixes: tuple[str, ...]) -> list[tuple[str, str]]:
        folder = self.root / name
        if folder.is_dir():
            files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
            return [(path.stem, path.relative_to(self.root).as_posix()) for path in files]
        archive = f"{name}.zip"
        if not (self.root / archive).is_file():
            return []
        members = {member: PurePosixPath(member) for member in self._directory(archive)}
        images = {m: path for m, path in members.items() if path.suffix.lower() in suffixes}
        return [(path.stem, f"{archive}{SEPARATOR}{m}") for m, path in images.items() if "__MACOSX" not in path.parts]

    def _directory(self, archive: str) -> dict[str, zipfile.ZipInfo]:
        if archive not in self._members:
            infos = self._handle(archive).infolist()
            for info in infos:
                _refuse_outside(self.root / archive, info.filename)
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


def _refuse_outside(archive: Path, member: str) -> None:
    path = PurePosixPath(member.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        raise InputError(
            f"{archive}: the member {member!r} points outside the archive's folder; "
            "do not use this file, get it again from its publisher"
        )
