"""A generator alone, as safetensors and JSON: nothing in it is executed when it is read."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from lesionlib.atomic import atomic_folder
from lesionlib.errors import InputError
from lesionlib.generative.codes import Codes
from lesionlib.generative.gan import Painter
from lesionlib.generative.networks import Generator
from lesionlib.generative.plan import GrowthPlan

_WEIGHTS, _CARD = "generator.safetensors", "generator.json"
_VERSION = 1


def save(gan: Painter, folder: str | Path) -> Path:
    """Write the averaged generator into a new folder, whole or not at all.

    Raises
    ------
    InputError
        The folder is already there, or cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"{folder} is already there; choose a new folder, or remove it first")
    card = {
        "schema_version": _VERSION,
        "plan": asdict(gan.plan),
        "codes": asdict(gan.codes),
        "step": gan.step,
        "prior": gan.prior.tolist(),
    }
    weights = {name: tensor.cpu().contiguous() for name, tensor in gan.average.state_dict().items()}
    with atomic_folder(folder) as part:
        (part / _WEIGHTS).write_bytes(to_bytes(weights))
        (part / _CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return folder


def load(folder: str | Path, device: str | torch.device | None = None) -> Painter:
    """Give a saved generator, which draws, samples and traverses as its InfoGAN did.

    Raises
    ------
    InputError
        The folder holds no saved generator.
    """
    folder = Path(folder)
    card = _read_card(folder)
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    try:
        plan, codes = GrowthPlan(**card["plan"]), Codes(**card["codes"])
        net = Generator(plan, codes, torch.Generator())
        net.load_state_dict(load_file(folder / _WEIGHTS))
        painter = Painter(plan, codes, net.requires_grad_(False).to(device), device, int(card["step"]))
        painter.prior = np.array(card["prior"])
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder}: not a whole generator ({reason}); save it again") from error
    return painter


def _read_card(folder: Path) -> dict:
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{folder}: no saved generator here; expected {_CARD} and {_WEIGHTS}") from error
    except ValueError as error:  # not JSON, or not UTF-8
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder / _CARD}: not the description of a generator ({reason}); save it again") from error
    if not isinstance(card, dict) or card.get("schema_version") != _VERSION:
        raise InputError(f"{folder / _CARD}: not the description of a generator of format {_VERSION}; save it again")
    return card
