"""A training on disk: one file that is there in whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from lesionlib.atomic import atomic_file
from lesionlib.errors import InputError
from lesionlib.generative.gan import InfoGAN
from lesionlib.generative.history import History

FILE = "checkpoint.safetensors"
_VERSION = 1
_CARD = "lesionlib"
# Pictures whose pixels enter the digest; at 512 x 512 all of them would take minutes.
_LOOKED_AT = 256

Adams = tuple[torch.optim.Adam, torch.optim.Adam]


def picture_digest(images: np.ndarray) -> str:
    """Give a short hash of an array's shape and of 256 pictures evenly spread over it."""
    rows = np.unique(np.linspace(0, len(images) - 1, _LOOKED_AT).astype(int))
    return sha256(str(images.shape).encode() + np.ascontiguousarray(images[rows]).tobytes()).hexdigest()[:16]


def label_digest(labels: np.ndarray | None) -> str:
    """Give a short hash of the labels; ``"none"`` without."""
    return "none" if labels is None else sha256(labels.tobytes()).hexdigest()[:16]


def identity(gan: InfoGAN, digests: dict[str, str]) -> dict:
    """Tell what a checkpoint must have in common with the training that goes on from it."""
    plan = {f"plan.{name}": value for name, value in asdict(gan.plan).items()}
    codes = {f"codes.{name}": value for name, value in asdict(gan.codes).items()}
    return json.loads(json.dumps(plan | codes | {"seed": gan.seed} | digests))


def write(path: Path, gan: InfoGAN, adams: Adams, history: History, digests: dict[str, str]) -> None:
    """Write the state of a training.

    The random numbers need no state: those of each step follow from the seed and the images shown.

    Raises
    ------
    InputError
        The file cannot be written; an earlier one stays as it was.
    """
    card = {"schema_version": _VERSION, "step": gan.step, "prior": gan.prior.tolist(), "of": identity(gan, digests)}
    tensors = dict(_state(gan, adams)) | {"history": torch.from_numpy(history.array())}
    with atomic_file(path) as part:
        # Not save_file: its error on a full disk is none of the system's.
        part.write_bytes(to_bytes(tensors, metadata={_CARD: json.dumps(card)}))


def read(path: Path, gan: InfoGAN, adams: Adams | None, digests: dict[str, str]) -> History:
    """Bring a training into the state of a checkpoint.

    Raises
    ------
    InputError
        The file is damaged, or belongs to a training with other settings or images.
    """
    card, tensors = _opened(path)
    ours = identity(gan, digests)
    for name, value in ours.items():
        found = card["of"].get(name)
        if found != value:
            raise InputError(
                f"{path}: the checkpoint of another training ({name} is {found!r} there, {value!r} here); "
                "choose another folder, or take the same settings and data"
            )
    try:
        _take_over(gan, adams, tensors)
    except (KeyError, RuntimeError, ValueError) as error:
        raise _damaged(path, error) from error
    gan.step, gan.prior = card["step"], np.array(card["prior"])
    return History([tuple(row) for row in tensors["history"].tolist()])


def _state(gan: InfoGAN, adams: Adams) -> Iterator[tuple[str, Tensor]]:
    for part, net in _nets(gan).items():
        for name, tensor in net.state_dict().items():
            yield f"{part}.{name}", tensor.detach().cpu().contiguous()
    for part, adam in zip(("generator", "critic"), adams, strict=True):
        for number, values in adam.state_dict()["state"].items():
            for name, tensor in values.items():
                yield f"adam.{part}.{number}.{name}", tensor.detach().cpu().contiguous()


def _take_over(gan: InfoGAN, adams: Adams | None, tensors: dict[str, Tensor]) -> None:
    for part, net in _nets(gan).items():
        net.load_state_dict({name: tensors[f"{part}.{name}"] for name in net.state_dict()})
    for part, adam in zip(("generator", "critic"), adams or (), strict=False):
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith(f"adam.{part}."):
                number, _, key = name.removeprefix(f"adam.{part}.").partition(".")
                state.setdefault(int(number), {})[key] = tensor
        adam.load_state_dict({"state": state, "param_groups": adam.state_dict()["param_groups"]})


def _nets(gan: InfoGAN) -> dict[str, torch.nn.Module]:
    return {"generator": gan.generator, "critic": gan.critic, "average": gan.average}


def _opened(path: Path) -> tuple[dict, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})[_CARD])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if card["schema_version"] != _VERSION:
            raise InputError(
                f"{path}: a checkpoint of format {card['schema_version']}, expected {_VERSION}; choose another folder"
            )
        return {"step": int(card["step"]), "prior": card["prior"], "of": dict(card["of"])}, tensors
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(f"{path}: no whole checkpoint ({reason}); remove the file, and the training starts anew")
