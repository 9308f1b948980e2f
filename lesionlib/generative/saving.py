"""A generator alone, as safetensors and JSON: nothing in it is executed when it is read."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from lesionlib.errors import InputError
from lesionlib.generative.codes import Codes
from lesionlib.generative.gan import Painter
from lesionlib.generative.networks import Generator
from lesionlib.generative.plan import GrowthPlan
from lesionlib.net_folder import NetFolder

_FILES = NetFolder("generator", "generator.safetensors", "generator.json")
_VERSION = 1


def save(gan: Painter, folder: str | Path) -> Path:
    """Write the averaged generator into a new folder, whole or not at all.

    Parameters
    ----------
    gan : Painter
        An `InfoGAN`, or a painter that was loaded.
    folder : path
        A new one.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        The folder is already there, or cannot be written.
    """
    card = {
        "schema_version": _VERSION,
        "plan": asdict(gan.plan),
        "codes": asdict(gan.codes),
        "step": gan.step,
        "prior": gan.prior.tolist(),
    }
    return _FILES.write(folder, gan.average, json.dumps(card, indent=2))


def load(folder: str | Path, device: str | torch.device | None = None) -> Painter:
    """Give a saved generator, which draws, samples and traverses as its InfoGAN did.

    Parameters
    ----------
    folder : path
        From `save`.
    device : torch.device or str, optional
        A GPU if there is one, unless given.

    Returns
    -------
    Painter
        Ready to draw.

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
        net.load_state_dict(_FILES.read_weights(folder))
        painter = Painter(plan, codes, net.requires_grad_(False).to(device), device, int(card["step"]))
        painter.prior = np.array(card["prior"])
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder}: not a whole generator ({reason}); save it again") from error
    return painter


def _read_card(folder: Path) -> dict:
    card = _FILES.read_card(folder)
    if not isinstance(card, dict) or card.get("schema_version") != _VERSION:
        raise _FILES.not_described(folder, f"expected format {_VERSION}")
    return card
