"""The official table of PH2: what dermatologists saw in each image, in codes that its legend explains."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import wrong_layout
from lesionlib.errors import InputError

_SIGNS = ["pigment_network", "dots_globules", "streaks", "regression_areas", "blue_whitish_veil"]
_PRESENCE = {"A": "absent", "AT": "atypical", "P": "present", "T": "typical"}
_LEGEND = {
    "clinical_diagnosis": {"0": "common nevus", "1": "atypical nevus", "2": "melanoma"},
    "asymmetry": {"0": "fully symmetric", "1": "symmetric in one axis", "2": "fully asymmetric"},
    **dict.fromkeys(_SIGNS, _PRESENCE),
}
_COLORS = {"1": "white", "2": "red", "3": "light_brown", "4": "dark_brown", "5": "blue_gray", "6": "black"}
_HEADER = ["name", "histological_diagnosis", *_LEGEND, "colors"]


def locate_table(files: ImageFiles) -> tuple[str, tuple[str, ...]]:
    """Find the official table nearest to the root; give its reference and the parts of the folder it stands in."""
    tables = {ref: parts[:-1] for ref, parts in files.paths((".txt",)).items() if parts[-1] == "PH2_dataset.txt"}
    if not tables:
        raise wrong_layout(files, "ph2", "PH2_dataset.txt")
    return min(tables.items(), key=lambda item: (len(item[1]), item))


def annotations(files: ImageFiles) -> pd.DataFrame:
    """Read what the dermatologists annotated, in words, one row an image.

    Parameters
    ----------
    files : ImageFiles
        The files of the dataset: ``ImageFiles(dataset.root)``.

    Returns
    -------
    pandas.DataFrame
        `image_id`; `histological_diagnosis` (as printed, ``<NA>`` for most); `clinical_diagnosis` (common nevus,
        atypical nevus, melanoma); `asymmetry` (fully symmetric, symmetric in one axis, fully asymmetric);
        `pigment_network`, `dots_globules`, `streaks`, `regression_areas` and `blue_whitish_veil` (absent, present,
        typical, atypical); and whether a color is there: `white`, `red`, `light_brown`, `dark_brown`,
        `blue_gray`, `black` (bool).

    Raises
    ------
    InputError
        The table is not there, or a line of it has other cells or codes than its legend.
    """
    reference, _ = locate_table(files)
    path = files.root / reference
    # The legend stands below the table; "Asymmetry | Pigment Network" has one bar in the header.
    lines = enumerate(files.read(reference).decode("latin-1").splitlines(), start=1)
    rows = {n: re.split(r"\s*\|{1,2}\s*", line.strip())[1:-1] for n, line in lines if line.lstrip().startswith("||")}
    header = [re.sub(r"\W+", "_", cell.lower()) for cell in rows.pop(min(rows), [])] if rows else []
    if header != _HEADER:
        raise InputError(f"{path}: not the official table; expected the columns {', '.join(_HEADER)}, found {header}")
    for n, cells in rows.items():
        if len(cells) != len(_HEADER):
            raise InputError(f"{path}, line {n}: {len(cells)} cells; expected {len(_HEADER)}; get the file again")
    table = pd.DataFrame(list(rows.values()), index=list(rows), columns=_HEADER, dtype="string")
    for column, words in _LEGEND.items():
        table[column] = _spelled_out(path, table[column], words)
    colors = table.pop("colors").str.split()
    _spelled_out(path, colors.explode(), _COLORS)
    for code, color in _COLORS.items():
        table[color] = [code in codes for codes in colors]
    table["histological_diagnosis"] = table["histological_diagnosis"].replace("", pd.NA)
    return table.rename(columns={"name": "image_id"}).reset_index(drop=True)


def _spelled_out(path: Path, codes: pd.Series, words: dict[str, str]) -> pd.Series:
    unknown = codes[~codes.isin(list(words))]
    if len(unknown):
        raise InputError(
            f"{path}, line {unknown.index[0]}: {codes.name} is {unknown.iloc[0]!r}; expected one of {', '.join(words)}"
        )
    return codes.map(words).astype("string")
