"""PH2: an archive with a folder an image, masks, and a table of what experts saw, drawn with ``||``."""

from __future__ import annotations

from pathlib import Path

from lesionlib.datasets.phantom.archives import archive, bmp, drawn, write_truth
from lesionlib.datasets.phantom.cases import Photograph, photographs
from lesionlib.datasets.phantom.checklist import asymmetric_axes, colors, dots, network, regression, streaks, veil
from lesionlib.datasets.phantom.populations import load

_FIRST = 9_000  # the published numbers end at 437
_CODES = {"common_nevus": 0, "atypical_nevus": 1, "melanoma": 2}
_GRADES = {"absent": "A", "typical": "T", "regular": "T", "atypical": "AT", "irregular": "AT", "present": "P"}
_COLORS = {"white": 1, "red": 2, "light brown": 3, "dark brown": 4, "blue-gray": 5, "black": 6}
_HEAD = (
    "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | Dots/Globules "
    "| Streaks | Regression Areas | Blue-Whitish Veil ||           Colors ||"
)
_LEGENDS = """
Legends for Clinical Diagnosis:
   0 - Common Nevus;
   1 - Atypical Nevus;
   2 - Melanoma.

Legends for Asymmetry:
   0 - Fully Symmetric;
   1 - Symetric in 1 axe;
   2 - Fully Asymmetric;

Legends for Pigment Network, Dots/Globules, Streaks, Regression Areas, and Blue-Whitish Veil:
   A  - Absent;
   AT - Atypical;
   P  - Present;
   T  - Typical.

Legends for Colors:
   1 - White;
   2 - Red;
   3 - Light-Brown;
   4 - Dark-Brown;
   5 - Blue-Gray;
   6 - Black.
"""


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`; what the table says of a lesion follows from the signs that were drawn."""
    shots, _ = photographs(load("ph2"), n, seed)
    names = [f"IMD{_FIRST + shot.number}" for shot in shots]
    with archive(folder / "PH2Dataset.zip") as add:
        for name, (_, drawing) in zip(names, drawn(shots, size), strict=True):
            place = f"PH2Dataset/PH2 Dataset images/{name}/{name}"
            add(f"{place}_Dermoscopic_Image/{name}.bmp", bmp(drawing.image))
            add(f"{place}_lesion/{name}_lesion.bmp", bmp(drawing.mask))
        lines = [_HEAD, *(_line(name, shot) for name, shot in zip(names, shots, strict=True)), _LEGENDS]
        add("PH2Dataset/PH2_dataset.txt", "\r\n".join("\n".join(lines).split("\n")).encode())
    write_truth(folder, names, shots)


def _line(name: str, shot: Photograph) -> str:
    lesion = shot.case.lesion
    seen = [_GRADES[grade(lesion)] for grade in (network, dots)]
    seen += ["A" if sign(lesion) == "absent" else "P" for sign in (streaks, regression, veil)]
    codes = "  ".join(sorted(str(_COLORS[color]) for color in colors(lesion)))
    widths = zip(seen, (15, 13, 7, 16, 17), strict=True)
    signs = " | ".join(f"{code:>{width}}" for code, width in widths)
    return (
        f"|| {name} || {shot.case.record['confirmed_by']:>22} || {_CODES[shot.case.label]:>18} "
        f"|| {asymmetric_axes(lesion):>9} | {signs} || {codes:>16} ||"
    )
