"""One vocabulary of diagnoses, and each paper's map from the datasets' labels to its own classes."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd
from pydantic import ConfigDict, RootModel, model_validator

from lesionlib import packaged
from lesionlib.datasets.cards import Category, Fact
from lesionlib.errors import InputError


class Term(Fact):
    """One diagnosis: its title, its category, the broader diagnosis above it, and its other names.

    Attributes
    ----------
    title : str
        In plain words.
    category : {"benign", "malignant", "precancerous", "uncertain"}
        What it means for a patient.
    parent : str or None
        The broader term.
    synonyms : tuple of str
        Other names of it.
    note : str or None
        What had to be decided.
    """

    title: str
    category: Category
    parent: str | None = None
    synonyms: tuple[str, ...] = ()
    note: str | None = None


class Vocabulary(RootModel[dict[str, Term]]):
    """All terms by name. Parents exist and lead in no circle; a name belongs to one term only.

    Attributes
    ----------
    root : dict of str to Term
        By the term's name.
    """

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _parents_lead_to_the_top(self) -> Vocabulary:
        for name in self.root:
            lineage = [name]
            while (parent := self.root[lineage[-1]].parent) is not None:
                if parent not in self.root:
                    raise ValueError(f"the parent of {lineage[-1]} is {parent}, which is no term")
                if parent in lineage:
                    raise ValueError(f"the parents of {name} lead in a circle: {' -> '.join([*lineage, parent])}")
                lineage.append(parent)
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Vocabulary:
        self.names()
        return self

    def names(self) -> dict[str, str]:
        """Map every name (the term, its title, its synonyms), reduced to letters and digits, to its term.

        Returns
        -------
        dict of str to str
            From a reduced name to a term.

        Raises
        ------
        ValueError
            A name belongs to two terms, or a synonym says nothing new.
        """
        found: dict[str, str] = {}
        for name, term in self.root.items():
            keys = {_reduced(name), _reduced(term.title)}
            for synonym in term.synonyms:
                if _reduced(synonym) in keys:
                    raise ValueError(f"{name}: the synonym {synonym!r} says nothing new")
                keys.add(_reduced(synonym))
            for key in keys:
                if found.setdefault(key, name) != name:
                    raise ValueError(f"{key!r} is a name of both {found[key]} and {name}")
        return found

    def lineage(self, name: str) -> list[str]:
        """Follow a term to the top; a name that is no term stands alone.

        Parameters
        ----------
        name : str
            A term.

        Returns
        -------
        list of str
            The term, then everything above it, the nearest first.
        """
        found = [name]
        while found[-1] in self.root and (parent := self.root[found[-1]].parent) is not None:
            found.append(parent)
        return found


class MapClass(Fact):
    """One class of a paper: its title, and the vocabulary's term for it (None: the class is called so).

    Attributes
    ----------
    title : str
        In plain words.
    diagnosis : str or None
        The vocabulary's term, where the class has another name.
    """

    title: str
    diagnosis: str | None = None


class Note(Fact):
    """What was decided about a label, and why.

    Attributes
    ----------
    about : str
        The label.
    note : str
        The decision and its reason.
    """

    about: str
    note: str


class LabelMap(Fact):
    """A paper's map from the labels of datasets to its own classes.

    Attributes
    ----------
    name, title, paper : str
        `paper` is a key of `lesionlib.papers`.
    places : tuple of str
        Where the paper tells of its classes, in the words of its `places`.
    classes : dict of str to MapClass
        In the order of every probability column.
    sources : dict
        By dataset: from its label, or a term of the vocabulary, to a class, or to None (dropped).
    notes : tuple of Note
        What was decided where the paper is silent or contradicts itself.
    """

    name: str
    title: str
    paper: str
    places: tuple[str, ...]
    classes: dict[str, MapClass]
    sources: dict[str, dict[str, str | None]]
    notes: tuple[Note, ...] = ()

    @model_validator(mode="after")
    def _classes_and_targets_agree(self) -> LabelMap:
        targets = {target for source in self.sources.values() for target in source.values() if target is not None}
        if targets != set(self.classes):
            odd = ", ".join(sorted(targets ^ set(self.classes)))
            raise ValueError(f"the targets of the sources are not the classes; they differ by {odd}")
        for name in self.classes:
            if not is_term(self.diagnosis(name)):
                raise ValueError(f"class {name}: {self.diagnosis(name)!r} is no term of the vocabulary")
        return self

    def diagnosis(self, name: str) -> str:
        """Give the vocabulary's term for a class.

        Parameters
        ----------
        name : str
            A class of this map.

        Returns
        -------
        str
            The term; the class's own name where the map gives no other.
        """
        return self.classes[name].diagnosis or name

    def table(self) -> pd.DataFrame:
        """List what becomes of each label.

        Returns
        -------
        DataFrame
            One row a label of a dataset: dataset, label, class (missing where it is dropped).
        """
        rows = [(dataset, *pair) for dataset, source in self.sources.items() for pair in source.items()]
        return pd.DataFrame(rows, columns=["dataset", "label", "class"]).astype("string")


def term(text: str) -> str:
    """Find the vocabulary's term for what a dataset or a paper calls a diagnosis.

    Case, spaces, punctuation and British spelling (ae, oe) make no difference.

    Parameters
    ----------
    text : str
        For example ``"Bowen's disease"``.

    Returns
    -------
    str
        For example ``"intraepithelial_carcinoma"``; a text that the vocabulary does not know gives itself in
        snake_case.

    Raises
    ------
    InputError
        Not a text, or one without letters and digits.
    """
    if not isinstance(text, str) or not _reduced(text):
        raise InputError(f"a diagnosis is {text!r}; expected a text with letters, such as 'basal cell carcinoma'")
    return _names().get(_reduced(text)) or re.sub(r"[\W_]+", "_", text.lower().replace("'", "")).strip("_")


def is_term(name: str) -> bool:
    """Tell whether the vocabulary has a term of exactly this name.

    Parameters
    ----------
    name : str
        Any name.

    Returns
    -------
    bool
        Synonyms do not count; see `term`.
    """
    return name in _vocabulary().root


def category(name: str) -> Category:
    """Tell what a diagnosis means for a patient.

    Parameters
    ----------
    name : str
        A term, or another name of one.

    Returns
    -------
    {"benign", "malignant", "precancerous", "uncertain"}
        ``uncertain`` also for what is no term.
    """
    known = _vocabulary().root.get(term(name))
    return known.category if known else "uncertain"


def lineage(name: str) -> list[str]:
    """Give the term for a name, and its broader terms.

    Parameters
    ----------
    name : str
        A term, or another name of one.

    Returns
    -------
    list of str
        The nearest first.
    """
    return _vocabulary().lineage(term(name))


def vocabulary() -> pd.DataFrame:
    """List all terms.

    Returns
    -------
    DataFrame
        One row a term: term (index), title, category, parent, synonyms (joined by semicolons), note.
    """
    rows = [{"term": name, **facts.model_dump()} for name, facts in _vocabulary().root.items()]
    table = pd.DataFrame(rows).set_index("term")
    return table.assign(synonyms=table["synonyms"].map("; ".join)).astype("string")


def label_maps() -> list[str]:
    """List the names of all label maps.

    Returns
    -------
    list of str
        Sorted.
    """
    return packaged.names("datasets/label_maps")


@cache
def label_map(name: str) -> LabelMap:
    """Read a label map.

    Parameters
    ----------
    name : str
        One of `label_maps()`, for example ``"mendes2018"``.

    Returns
    -------
    LabelMap
        The map.

    Raises
    ------
    InputError
        There is no label map of that name.
    """
    if name not in label_maps():
        raise InputError(f"no label map is called {name!r}; choose one of {', '.join(label_maps())}")
    return packaged.read(f"datasets/label_maps/{name}.yaml", LabelMap)


@cache
def _vocabulary() -> Vocabulary:
    return packaged.read("datasets/taxonomy.yaml", Vocabulary)


@cache
def _names() -> dict[str, str]:
    return _vocabulary().names()


def _reduced(text: str) -> str:
    """Only letters and digits, small, ae and oe as e: ``Seborrhoeic Keratosis`` becomes ``seborrheickeratosis``."""
    return re.sub(r"[\W_]+", "", text.lower()).replace("ae", "e").replace("oe", "e")
