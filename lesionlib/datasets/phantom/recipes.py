"""Read recipes: the YAML file that says what each class of a phantom looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources

import yaml

from lesionlib.datasets.phantom.signs import (
    CameraParameters,
    Chance,
    Clinic,
    LesionParameters,
    Recipe,
    Spread,
    Surroundings,
)
from lesionlib.errors import LesionlibError

_CASTS = {"cast_red", "cast_green", "cast_blue"}
_SKIN = {"skin_a", "skin_b", "warmth", "sun_damage"}


@dataclass(frozen=True)
class Cookbook:
    """All recipes of one dataset, in the order of its classes, and what surrounds them."""

    around: Surroundings
    classes: Mapping[str, Recipe]


@cache
def load(name: str) -> Cookbook:
    """The recipes of one dataset's phantom.

    Parameters
    ----------
    name
        A dataset with a file `<name>.yaml` beside this module, such as "ham10000".

    Returns
    -------
    Cookbook

    Raises
    ------
    LesionlibError
        A recipe names a sign that the renderer does not know.
    """
    text = resources.files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return parse(yaml.safe_load(text), name)


def parse(raw: dict, name: str) -> Cookbook:
    """Recipes from the parsed YAML `raw`; `name` stands in error messages (see `load`)."""
    common = raw["every_class"]
    around = Surroundings(
        skin_types=tuple(common["skin_types"]),
        skin=_spreads(common["skin"], _SKIN, f"{name}: skin"),
        hair=Chance(*common["hair"]),
        optics=_distributions(common["camera"], f"{name}: camera"),
    )
    return Cookbook(around, {key: _recipe(key, raw["classes"][key], name) for key in raw["classes"]})


def _recipe(key: str, raw: dict, name: str) -> Recipe:
    where = f"{name}: class {key}"
    known = {f.name for f in fields(LesionParameters)}
    clinic = raw["clinic"] | {"age": Spread(*raw["clinic"]["age"]), "images": tuple(raw["clinic"]["images"])}
    return Recipe(
        name=key,
        published=raw["published"],
        causes=_chances(raw["causes"], known, where),
        traits=_spreads(raw["traits"], known, where),
        signs=_chances(raw["signs"], known, where),
        clinic=Clinic(**clinic),
    )


def _check(names: Mapping, known: set[str], where: str) -> None:
    for name in names:
        if name not in known:
            raise LesionlibError(f"{where}: unknown '{name}', expected one of {', '.join(sorted(known))}")


def _spreads(raw: dict, known: set[str], where: str) -> dict[str, Spread]:
    _check(raw, known, where)
    return {name: Spread(*numbers) for name, numbers in raw.items()}


def _chances(raw: dict, known: set[str], where: str) -> dict[str, Chance]:
    _check(raw, known, where)
    return {name: Chance(*numbers) for name, numbers in raw.items()}


def _distributions(raw: dict, where: str) -> dict[str, Spread | Chance]:
    _check(raw, {f.name for f in fields(CameraParameters)} | _CASTS, where)
    return {name: (Spread if len(numbers) == 4 else Chance)(*numbers) for name, numbers in raw.items()}
