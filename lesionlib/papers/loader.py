"""Find the papers' YAML files in the package and read them."""

from __future__ import annotations

from lesionlib import packaged
from lesionlib.errors import InputError
from lesionlib.papers.schema import Paper


def available() -> list[str]:
    """Keys of the papers that can be loaded, sorted.

    Returns
    -------
    list of str
        For example ``["lucius2020"]``.
    """
    return packaged.names("papers")


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
    return packaged.read(f"papers/{key}.yaml", Paper)
