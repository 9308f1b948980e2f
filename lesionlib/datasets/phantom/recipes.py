"""Read what phantoms look like: recipes of a dataset's classes, looks by diagnosis, and camera domains.

All of it is data: `<dataset>.yaml` holds the recipes of one dataset, `looks.yaml` the looks of all
diagnoses, and `domains.yaml` who photographs whom with what. An entry may say `like:` another one, and
then holds only what differs from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from lesionlib import packaged
from lesionlib.datasets.phantom.signs import (
    VIEWS,
    CameraParameters,
    Chance,
    Clinic,
    LesionParameters,
    Look,
    Recipe,
    Spread,
    Surroundings,
)
from lesionlib.errors import LesionlibError

_CASTS = {"cast_red", "cast_green", "cast_blue"}
_SKIN = {"skin_a", "skin_b", "warmth", "sun_damage"}
_SIGNS = {f.name for f in fields(LesionParameters)}
_OPTICS = {f.name for f in fields(CameraParameters)} | _CASTS
_MERGED = {"traits", "signs", "skin", "camera"}  # a `like` entry changes single names in these


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
    return parse(_yaml(name), name)


def parse(raw: dict, name: str) -> Cookbook:
    """Recipes from the parsed YAML `raw`; `name` stands in error messages (see `load`)."""
    around = _surroundings(raw["every_class"], name)
    return Cookbook(around, {key: _recipe(key, raw["classes"][key], name) for key in raw["classes"]})


@cache
def look(diagnosis: str) -> Look:
    """What lesions of one diagnosis look like, in every view.

    Parameters
    ----------
    diagnosis
        A term of the shared vocabulary, one of `looks`.

    Returns
    -------
    Look

    Raises
    ------
    LesionlibError
        There is no such look, or it names a sign that the renderer does not know.
    """
    raw = _inherited("looks", diagnosis)
    where = f"looks: {diagnosis}"
    if "parts" in raw:
        parts = tuple((look(name), weight) for name, weight in raw["parts"].items())
        return Look(diagnosis, {}, {}, {}, parts=parts)
    return Look(
        name=diagnosis,
        causes=_chances(raw["causes"], _SIGNS, where),
        traits=_spreads(raw["traits"], _SIGNS, where),
        signs=_chances(raw["signs"], _SIGNS, where),
    )


def looks() -> tuple[str, ...]:
    """The diagnoses that have a look."""
    return tuple(_yaml("looks"))


@cache
def domain(name: str) -> Surroundings:
    """The skin and the cameras of one source of photographs.

    Parameters
    ----------
    name
        One of `domains`, such as "isic" or "pad_ufes".

    Returns
    -------
    Surroundings

    Raises
    ------
    LesionlibError
        There is no such domain, or it names a view or a camera setting that the renderer does not know.
    """
    return _surroundings(_inherited("domains", name), f"domains: {name}")


def domains() -> tuple[str, ...]:
    """The sources of photographs that `domain` knows."""
    return tuple(_yaml("domains"))


@cache
def _yaml(name: str) -> dict:
    return packaged.raw(f"datasets/phantom/{name}.yaml")


def _inherited(book: str, name: str) -> dict:
    """An entry of `book`, filled up from the one that it is `like`; `ham10000/mel` is a class of that recipe."""
    if "/" in name:
        book, name = name.split("/")
    entries = _yaml(book).get("classes", _yaml(book))
    if name not in entries:
        raise LesionlibError(f"phantom {book}: unknown '{name}', expected one of {', '.join(sorted(entries))}")
    own = {key: value for key, value in entries[name].items() if key != "like"}
    if "like" not in entries[name]:
        return own
    kept = _inherited(book, entries[name]["like"])
    merged = {key: kept.get(key, {}) | own[key] for key in _MERGED & own.keys()}
    return kept | own | merged


def _surroundings(raw: dict, where: str) -> Surroundings:
    view = raw.get("view", {"dermoscopic": 1.0})
    _check(view, set(VIEWS), f"{where}: view")
    return Surroundings(
        skin_types=tuple(raw["skin_types"]),
        skin=_spreads(raw["skin"], _SKIN, f"{where}: skin"),
        hair=Chance(*raw["hair"]),
        optics=_distributions(raw["camera"], f"{where}: camera"),
        view=view,
    )


def _recipe(key: str, raw: dict, name: str) -> Recipe:
    where = f"{name}: class {key}"
    clinic = raw["clinic"] | {"age": Spread(*raw["clinic"]["age"]), "images": tuple(raw["clinic"]["images"])}
    return Recipe(
        name=key,
        published=raw["published"],
        causes=_chances(raw["causes"], _SIGNS, where),
        traits=_spreads(raw["traits"], _SIGNS, where),
        signs=_chances(raw["signs"], _SIGNS, where),
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
    _check(raw, _OPTICS, where)
    return {name: (Spread if len(numbers) == 4 else Chance)(*numbers) for name, numbers in raw.items()}
