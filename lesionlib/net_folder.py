"""A network in a folder: weights as safetensors, a description as JSON; nothing in it is executed when it is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionlib.atomic import atomic_folder
from lesionlib.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class NetFolder:
    """How the folders of one kind of network look.

    Attributes
    ----------
    kind : str
        What is saved, as messages call it.
    weights, card : str
        Names of the two files.
    """

    kind: str
    weights: str
    card: str

    def write(self, folder: str | Path, net: nn.Module, card: str) -> Path:
        """Write a network and its description (JSON) into a new folder, whole or not at all.

        Raises
        ------
        InputError
            The folder is already there, or cannot be written.
        """
        from safetensors.torch import save

        folder = Path(folder)
        if folder.exists():
            raise InputError(f"{folder} is already there; choose a new folder, or remove it first")
        weights = {name: tensor.cpu().contiguous() for name, tensor in net.state_dict().items()}
        with atomic_folder(folder) as part:
            # Not save_file: its error on a full disk is none of the system's.
            (part / self.weights).write_bytes(save(weights))
            (part / self.card).write_text(card + "\n", encoding="utf-8")
        return folder

    def read_card(self, folder: Path) -> Any:
        """Read the description.

        Raises
        ------
        InputError
            There is none, or it is no JSON.
        """
        try:
            return json.loads((folder / self.card).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(f"{folder}: no saved {self.kind} here; expected {self.card} and {self.weights}") from error
        except ValueError as error:  # not JSON, or not UTF-8
            raise self.not_described(folder, str(error).splitlines()[0]) from error

    def not_described(self, folder: Path, reason: str) -> InputError:
        """Return the error of a description that is none of this kind."""
        return InputError(f"{folder / self.card}: not the description of a {self.kind} ({reason}); save it again")

    def read_weights(self, folder: Path) -> dict[str, Tensor]:
        """Read the weights; safetensors' own errors where they are none."""
        from safetensors.torch import load_file

        return load_file(folder / self.weights)
