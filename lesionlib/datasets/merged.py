"""The files of several datasets behind one face."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from lesionlib.datasets.files import ImageFiles


@dataclass(frozen=True)
class MergedFiles:
    """Files of several datasets: the reference ``mednode/1.jpg`` is ``1.jpg`` of the part ``mednode``.

    It reads as `ImageFiles` does, with the same errors.

    Attributes
    ----------
    parts : dict of str to ImageFiles or MergedFiles
        By a name without a slash.
    """

    parts: dict[str, ImageFiles | MergedFiles]

    def size(self, reference: str) -> int:
        """Size of the file in bytes (unpacked)."""
        files, inside = self._find(reference)
        return files.size(inside)

    def read(self, reference: str) -> bytes:
        """Read the whole file."""
        files, inside = self._find(reference)
        return files.read(inside)

    def image(self, reference: str, mode: str = "RGB") -> Image.Image:
        """Decode an image as `ImageFiles.image` does."""
        files, inside = self._find(reference)
        return files.image(inside, mode)

    def _find(self, reference: str) -> tuple[ImageFiles | MergedFiles, str]:
        part, _, inside = reference.partition("/")
        return self.parts[part], inside
