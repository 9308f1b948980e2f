"""Find the papers' YAML files in the package and read them."""

from __future__ import annotations

from importlib import resources

import yaml
from pydantic import ValidationError

from lesionlib.errors import InputError, LesionlibError
from lesionlib.papers.schema import Paper


def available() -> list[str]:
    """Keys of the papers that can be loaded, sorted.

    Returns
    -------
    list of str
        For example ``["lucius2020"]``.
    """
    names = [entry.name for entry in resources.files(__package__).iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def load(key: str) -> Paper:
    """What the paper `key` prints and claims.

    Parameters
    ----------
    key : str
        One of `available()`.

    Returns
    -------
    Paper
        Frozen; its tables are new DataFrames at each access, so that changing one changes nothing else.

    Raises
    ------
    InputError
        No paper has this key; the message names those that exist.
    """
    known = available()
    if key not in known:
        raise InputError(f"papers.load: no paper {key!r}; expected one of: {', '.join(known)}")
    text = resources.files(__package__).joinpath(f"{key}.yaml").read_text(encoding="utf-8")
    return parse(text, source=f"{key}.yaml")


def parse(text: str, source: str) -> Paper:
    """Read one paper's YAML.

    Parameters
    ----------
    text : str
        The YAML.
    source : str
        Its file name, for messages.

    Raises
    ------
    LesionlibError
        Not YAML, or not what the schema asks for; names the first field at fault.
    """
    try:
        return Paper.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise LesionlibError(f"papers/{source}{line}: not valid YAML; mend the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(top level)"
        raise LesionlibError(f"papers/{source}: {field}: {first['msg']}; mend the file") from error
