"""Cards: every fact of a dataset, once, as data that pydantic checks."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lesionlib import packaged
from lesionlib.errors import InputError

Category = Literal["benign", "malignant", "precancerous", "uncertain"]


class Fact(BaseModel):
    """Part of a YAML file of ours: it cannot be changed, and a field that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassFacts(Fact):
    """One class: its title, the shared vocabulary's term for it, and how many images it has (None: not known)."""

    title: str
    diagnosis: str
    category: Category
    images: int | None


class FileFacts(Fact):
    """One file of the official release; size (bytes) and checksum where the publisher gives them.

    Where `unpack` is true, the file is an archive that holds the layout's files, and is unpacked once it is here.
    """

    name: str
    url: str | None = None
    md5: str | None = None
    bytes: int | None = None
    optional: bool = False
    unpack: bool = False


class Access(Fact):
    """How one comes by the files.

    `kind` is ``open`` (a plain download), ``account``, ``form`` or ``license`` (what stands in between), or ``links``
    (a table is open, each image stands on a page of its own), or ``own`` (no dataset of the catalog: one's own
    files). `how` says what to do, in one or two sentences.
    """

    kind: Literal["open", "account", "form", "license", "links", "own"]
    how: str


class Card(Fact):
    """What is known of a dataset before any of its files is opened.

    Attributes
    ----------
    name : str
        As `load` takes it.
    title : str
        The dataset's full name.
    modality : {"dermoscopic", "clinical", "both", "unknown"}
        What its pictures are.
    images, lesions, patients : int or None
        How many the publisher counts; None where nobody says.
    classes : dict of str to object
        By class, in the order of every probability column: `title`, `diagnosis` (the vocabulary's term), `category`
        (benign, malignant, precancerous, uncertain) and `images`.
    license, license_url : str
        The terms, and where they stand.
    citation, doi : str
        What to cite.
    access : object
        How one comes by the files: `kind` (open, account, form, license, links, own), and `how`, what to do.
    may_publish_images : bool
        Whether a page may show its pictures.
    layout : tuple of str
        The files as published, a line each.
    files : tuple of object
        Of each file that can be downloaded: `name`, `url`, `md5`, `bytes`, `optional`, `unpack`.
    traps : tuple of str
        What to beware of.
    """

    name: str
    title: str
    modality: Literal["dermoscopic", "clinical", "both", "unknown"]
    images: int | None
    lesions: int | None = None
    patients: int | None = None
    classes: dict[str, ClassFacts]
    license: str
    license_url: str | None = None
    citation: str
    doi: str | None = None
    access: Access
    may_publish_images: bool
    layout: tuple[str, ...]
    files: tuple[FileFacts, ...] = ()
    traps: tuple[str, ...] = ()


def names() -> list[str]:
    """Names of all datasets that have a card, sorted."""
    return packaged.names("datasets/cards")


@cache
def card(name: str) -> Card:
    """Read the card of dataset `name` (a phantom has the card of the dataset it stands for).

    Parameters
    ----------
    name : str
        Such as ``"ham10000"`` or ``"phantom:ham10000"``.

    Returns
    -------
    Card
        Its facts.

    Raises
    ------
    InputError
        There is no dataset of that name.
    """
    known = names()
    base = str(name).removeprefix("phantom:")
    if base not in known:
        raise InputError(f"no dataset is called {name!r}: choose one of {', '.join(known)}, or phantom:<name>")
    return packaged.read(f"datasets/cards/{base}.yaml", Card)
