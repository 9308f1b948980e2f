"""What goes wrong, in one line: what, where, what was expected, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class LesionlibError(Exception):
    """Something of ours failed; the command line ends with exit code 1."""


class InputError(LesionlibError, ValueError):
    """The user can mend it (a path, a parameter, a file, a disk); exit code 2."""


def first_fault(error: ValidationError) -> str:
    """Return the first thing that pydantic found, as ``field: what is wrong with it``."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{field}: {first['msg']}"
