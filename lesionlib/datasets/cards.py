"""Cards: every fact of a dataset, once, as data that pydantic checks."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from lesionlib.errors import InputError


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassFacts(_Fact):
    """One class: its title, the shared vocabulary's term for it, and how many images it has."""

    title: str
    diagnosis: str
    category: Literal["benign", "malignant", "precancerous", "uncertain"]
    images: int


class FileFacts(_Fact):
    """One file of the official release; `md5` where the publisher gives it."""

    name: str
    url: str
    md5: str | None = None


class Card(_Fact):
    """What is known of a dataset before any of its files is opened."""

    name: str
    title: str
    modality: Literal["dermoscopic", "clinical", "both"]
    images: int
    lesions: int | None = None
    classes: dict[str, ClassFacts]
    license: str
    license_url: str
    citation: str
    doi: str
    access: str
    may_publish_images: bool
    layout: tuple[str, ...]
    files: tuple[FileFacts, ...]
    traps: tuple[str, ...] = ()


def names() -> list[str]:
    """Names of all datasets that have a card, sorted."""
    folder = resources.files(__package__) / "cards"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def card(name: str) -> Card:
    """Read the card of dataset `name` (a phantom has the card of the dataset it stands for).

    Raises
    ------
    InputError
        There is no dataset of that name.
    """
    known = names()
    base = str(name).removeprefix("phantom:")
    if base not in known:
        raise InputError(f"no dataset is called {name!r}: choose one of {', '.join(known)}, or phantom:<name>")
    text = (resources.files(__package__) / "cards" / f"{base}.yaml").read_text(encoding="utf-8")
    return Card.model_validate(yaml.safe_load(text))
