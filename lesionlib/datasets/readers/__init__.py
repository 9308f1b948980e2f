"""One reader a dataset: from its official layout to rows of the one frame, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers import ham10000

Reader = Callable[[ImageFiles], pd.DataFrame]

READERS: dict[str, Reader] = {"ham10000": ham10000.read}
"""Readers by dataset name. Each takes the files and returns rows; it never writes."""
