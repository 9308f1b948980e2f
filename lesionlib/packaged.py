"""The package's own YAML files: which there are, and one of them as what its model asks for."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from lesionlib.errors import LesionlibError, first_fault

if TYPE_CHECKING:
    from pydantic import BaseModel

    ModelT = TypeVar("ModelT", bound=BaseModel)

_ROOT = "lesionlib"


def names(folder: str) -> list[str]:
    """Names (without ``.yaml``) of the files in a folder of the package, such as ``papers``; sorted."""
    entries = resources.files(_ROOT).joinpath(folder).iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml"))


def read(place: str, model: type[ModelT]) -> ModelT:
    """Read the file at `place`, such as ``papers/lucius2020.yaml``; raises as `parse` does."""
    return parse(_text(place), model, place)


def raw(place: str) -> Any:
    """Read the file at `place` as plain Python."""
    return yaml.safe_load(_text(place))


def parse(text: str, model: type[ModelT], place: str) -> ModelT:
    """Read YAML as `model`; `place` stands in messages.

    Raises
    ------
    LesionlibError
        Not YAML, or not what the model asks for; names the first field at fault.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise LesionlibError(f"{place}: not valid YAML ({reason}); mend the file") from error
    except ValidationError as error:
        raise LesionlibError(f"{place}: {first_fault(error)}; mend the file") from error


def _text(place: str) -> str:
    return resources.files(_ROOT).joinpath(place).read_text(encoding="utf-8")
