"""Phantoms: synthetic lesions that the library draws, so that every chapter runs without data.

What a diagnosis looks like is data (`recipes`), and so is whom it befalls in which dataset (`populations`). A
lesion is one draw from both (`signs`, `cases`), a photograph is a lesion seen by a camera (`draw`), and one
module a dataset writes its official layout (`layouts`). A phantom is not data about people, and no verdict on a
paper rests on one.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from math import inf
from pathlib import Path

from lesionlib.datasets.phantom import populations
from lesionlib.errors import InputError
from lesionlib.numeric import is_whole

VERSIONS = {
    "ham10000": 1,
    "isic2019": 1,
    "isic2020": 1,
    "isic_binary": 1,
    "mednode": 1,
    "dermofit": 1,
    "derm7pt": 1,
    "pad_ufes_20": 1,
    "ph2": 1,
    "fitzpatrick17k": 1,
    "ddi": 1,
    "atlas": 1,
    "dermai": 1,
}
"""The datasets whose phantom can be drawn. A version goes up when the same parameters draw other pictures or rows."""

SIZES = 32, 1024
"""The smallest and the largest height of a phantom's images, in pixels."""

_HAM10000 = (700, 70)  # images when nobody chose a number, and the fewest; its population stands with its recipes


def images(name: str) -> int:
    """How many images a phantom of dataset `name` has when nobody chose a number."""
    return _HAM10000[0] if name == "ham10000" else populations.load(name).images


def write(name: str, folder: str | Path, n: int | None = None, size: int = 128, seed: int = 0) -> None:
    """Draw a phantom of dataset `name` into `folder`, in the layout that the dataset's reader reads.

    Training images are imbalanced as the square root of the published counts, tempered so that each class has enough
    of them; where the dataset has an official test set, that one is balanced, with 30 images a class or more where `n`
    allows it. `phantom_truth.csv` tells what was drawn: the skin, the signs, the view, and the sign that made the
    class (`cause`).

    Parameters
    ----------
    name
        One of `VERSIONS`.
    folder
        An existing, empty folder.
    n
        Number of images in all, at least ten lesions a class; by default `images(name)`.
    size
        Height of the images in pixels, 32 to 1024.
    seed
        The same numbers give the same files.

    Raises
    ------
    InputError
        `n`, `size` or `seed` is not a whole number in its range.
    """
    n = images(name) if n is None else n
    fewest, views = _HAM10000[1], 1
    if name != "ham10000":
        fewest, views = populations.load(name).fewest, len(populations.load(name).domains)
    check_range(name, "n", n, fewest)
    if n % views:
        raise InputError(f"phantom of {name}: n is {n}, expected an even number: each lesion is photographed twice")
    check_range(name, "size", size, *SIZES)
    check_range(name, "seed", seed, 0)
    layout = import_module(f"lesionlib.datasets.phantom.layouts.{name}")
    layout.write(Path(folder), n=int(n), size=int(size), seed=int(seed))


def check_range(phantom: str, name: str, value: int, lowest: int, highest: float = inf) -> None:
    """Refuse a number of a phantom that is not whole or out of its range.

    Raises
    ------
    InputError
        In one line, with the range.
    """
    if is_whole(value, lowest, highest):
        return
    expected = f"{lowest} or more" if highest == inf else f"{lowest} to {highest}"
    raise InputError(f"phantom of {phantom}: {name} is {value!r}, expected a whole number, {expected}")


write_ham10000 = partial(write, "ham10000")
