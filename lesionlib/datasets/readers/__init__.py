"""One reader a dataset: from its official layout to rows of the one frame, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers import (
    ddi,
    derm7pt,
    dermofit,
    fitzpatrick17k,
    ham10000,
    isic2019,
    isic2020,
    isic_binary,
    mednode,
    pad_ufes_20,
    ph2,
    stand_ins,
)

Reader = Callable[[ImageFiles], pd.DataFrame]

READERS: dict[str, Reader] = {
    "atlas": stand_ins.read_atlas,
    "ddi": ddi.read,
    "derm7pt": derm7pt.read,
    "dermai": stand_ins.read_dermai,
    "dermofit": dermofit.read,
    "fitzpatrick17k": fitzpatrick17k.read,
    "ham10000": ham10000.read,
    "isic2019": isic2019.read,
    "isic2020": isic2020.read,
    "isic_binary": isic_binary.read,
    "mednode": mednode.read,
    "pad_ufes_20": pad_ufes_20.read,
    "ph2": ph2.read,
}
"""Readers by dataset name. Each takes the files and returns rows; it never writes."""
