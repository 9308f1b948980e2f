"""Pseudonyms of readers: drawn by chance, with a check character, and never a name."""

from __future__ import annotations

import secrets

from lesionlib.errors import InputError

# 23 characters: a prime number, so that the check finds every wrong character and every exchange of two. Without
# vowels no name can be a code; without 0, 1, B, L, N, S, Y and Z none is taken for another.
ALPHABET = "23456789CDFGHJKMPQRTVWX"
LENGTH = 8


def new_code() -> str:
    """Draw a reader's code, such as ``K7QM-2XPJ``.

    Seven characters are drawn, from 3.4 billion possibilities; the eighth is a check: a code with one wrong
    character, or with two exchanged, is no code (a weighted sum modulo 23, as in an ISBN).

    Returns
    -------
    str
    """
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    # The last weight is 8, and 3 x 8 = 1 modulo 23.
    check = ALPHABET[-3 * _sum(drawn) % len(ALPHABET)]
    return _spaced(drawn + check)


def checked(code: str) -> str:
    """Give a typed code as `new_code` writes it; letters may be small, hyphens and spaces stand anywhere.

    Raises
    ------
    InputError
        Not a code, or one that was mistyped.
    """
    bare = "".join(str(code).upper().replace("-", "").split())
    if len(bare) != LENGTH or set(bare) - set(ALPHABET):
        raise InputError(
            f"reader code: {code!r} is none; expected {LENGTH} characters such as K7QM-2XPJ, as they were given to "
            "you (no name: draw a new code if you have none)"
        )
    if _sum(bare) % len(ALPHABET):
        raise InputError(f"reader code: {_spaced(bare)} was mistyped (its check character does not fit); look again")
    return _spaced(bare)


def _sum(bare: str) -> int:
    return sum(weight * ALPHABET.index(character) for weight, character in enumerate(bare, 1))


def _spaced(bare: str) -> str:
    return f"{bare[:4]}-{bare[4:]}"
