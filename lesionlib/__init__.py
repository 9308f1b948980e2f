"""Experiments of five papers on skin-lesion classification, run again.

For teaching and research, not for diagnosis. Heavy modules (torch, fastai) are imported
where they are first used, so that ``import lesionlib`` takes a moment only.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_ROOMS = (
    "audit",
    "datasets",
    "generative",
    "kit",
    "learners",
    "metrics",
    "own_image",
    "papers",
    "plots",
    "probes",
    "runs",
    "widgets",
)

__all__ = ["__version__", *_ROOMS]


def __getattr__(name: str):
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
