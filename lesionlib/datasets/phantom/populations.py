"""Whom a phantom shows: one YAML file a dataset, with its classes, their looks and whom they befall."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict

from lesionlib import packaged
from lesionlib.datasets.phantom.signs import Clinic, Spread


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassPopulation(_Fact):
    """One class of a dataset.

    Attributes
    ----------
    published : int
        Images of this class in the published dataset.
    kinds : dict of str to (str, float)
        What the dataset itself calls the lesions of this class, each with its look (see `recipes.looks`) and weight.
    age : tuple of float
        Mean, standard deviation, lowest and highest age in years.
    male : float
        Share of men, in [0, 1].
    site, confirmed_by : dict of str to float
        Weights of the dataset's own words.
    images : tuple of float
        Shares of lesions with 1, 2, 3 ... photographs.
    answers : dict of str to float
        Chance of a yes to each question that the dataset records.
    view : dict of str to float
        Weights of the views, where they differ from those of the domain.
    skin_types : tuple of float
        Weights of Fitzpatrick types 1 to 6, where they differ from those of the domain.
    """

    published: int
    kinds: dict[str, tuple[str, float]]
    age: tuple[float, float, float, float] = (52, 18, 0, 90)
    male: float = 0.5
    site: dict[str, float] = {"": 1.0}
    confirmed_by: dict[str, float] = {"": 1.0}
    images: tuple[float, ...] = (1.0,)
    answers: dict[str, float] = {}
    view: dict[str, float] = {}
    skin_types: tuple[float, ...] = ()

    @property
    def clinic(self) -> Clinic:
        """Age, sex, site and confirmation as `cases.record` draws them."""
        return Clinic(Spread(*self.age), self.male, self.site, self.confirmed_by, 0.0, self.images)


class Population(_Fact):
    """One dataset.

    Attributes
    ----------
    domains : tuple of str
        Who photographs whom with what (see `recipes.domains`); each lesion is photographed in each of them.
    images : int
        Images of a phantom whose number nobody chose.
    evenly : float
        Share of the images that the classes get evenly, in [0, 1]; the rest goes by the square root of the
        published counts.
    test : float
        Share of the official test set, where the dataset has one.
    lesions : tuple of float
        Shares of people with 1, 2, 3 ... lesions; empty where the dataset knows no patients.
    missing : dict of str to float
        Share of lesions about which this was not written down.
    age_step : int
        Ages are rounded to this many years.
    """

    domains: tuple[str, ...]
    images: int
    evenly: float = 0.0
    test: float = 0.0
    lesions: tuple[float, ...] = ()
    missing: dict[str, float] = {}
    age_step: int = 5
    classes: dict[str, ClassPopulation]

    @property
    def fewest(self) -> int:
        """The smallest number of images that can be drawn: ten lesions a class."""
        return 10 * len(self.classes) * len(self.domains)


@cache
def load(name: str) -> Population:
    """Read the population of dataset `name`; what ``every_class`` says holds where a class says nothing else."""
    raw = packaged.raw(f"datasets/phantom/populations/{name}.yaml")
    common = raw.pop("every_class", {})
    classes = {str(key): common | own for key, own in raw.pop("classes").items()}
    return Population.model_validate(raw | {"classes": classes})
