"""Cue conflicts: lesions whose shape, color and texture come from different classes, so that each can be told apart.

Geirhos et al. 2019 (arXiv:1811.12231) asked networks about pictures with the shape of one class and the texture of
another. A phantom's signs fall into three cues, and here each cue is taken from a lesion of any of the classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from lesionlib.atomic import atomic_folder
from lesionlib.datasets import cards
from lesionlib.datasets import phantom as phantoms
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.library import cache_root
from lesionlib.datasets.phantom import populations, recipes
from lesionlib.datasets.phantom.archives import archive, drawn, jpeg, png, write_table, write_truth
from lesionlib.datasets.phantom.cases import Case, Photograph
from lesionlib.datasets.phantom.signs import LesionParameters, Look, Surroundings, sample_camera, sample_lesion
from lesionlib.datasets.phantom.truth import with_skin_types
from lesionlib.datasets.schema import LesionDataset, build
from lesionlib.errors import InputError

CUES: Mapping[str, tuple[str, ...]] = {
    # What moves the outline: streaks grow out of the rim, and satellites stand around it.
    "shape": (
        "radius", "elongation", "asymmetry", "irregularity", "softness", "patchiness", "streaks", "elevation",
        "satellites", "annular", "rolled_rim", "umbilication",
    ),
    # What colors the lesion as a whole or in broad patches, such as the blue-white veil and white regression.
    "color": ("pigment", "tint", "redness", "center", "variegation", "veil", "regression", "white_patch", "erythema"),
    # Structures much smaller than the lesion.
    "texture": (
        "network", "atypical_network", "globules", "dots", "cysts", "comedones", "vessels", "dotted_vessels", "ulcer",
        "leaves", "nests", "strawberry", "scale", "white_lines", "lacunae", "roughness", "gloss", "papillae", "keratin",
        "crust", "silver", "pustules",
    ),
}  # fmt: skip
"""The signs that make each cue; all else of `LesionParameters` is the skin's, or the chance of one lesion."""

_VERSION = 1  # goes up when the same parameters draw other pictures; those of the phantoms count too
_PER_COMBINATION = 50
_TABLE = "cues.csv"


@dataclass(frozen=True)
class _Plan:
    """What is to be drawn; `classes` in the order of the card."""

    base: str
    classes: tuple[str, ...]
    n: int
    size: int
    seed: int

    @property
    def folder(self) -> str:
        classes = "-".join(self.classes).replace(" ", "_")
        version = f"{phantoms.VERSIONS[self.base]}.{_VERSION}"
        return f"{self.base}-cues-{classes}-n{self.n}-size{self.size}-seed{self.seed}-v{version}"


def cue_conflict(
    name: str, classes: Sequence[str] = ("mel", "nv"), n: int | None = None, size: int = 128, seed: int = 0
) -> LesionDataset:
    """Draw lesions whose shape, color and texture come from any of the classes, in all combinations alike.

    The pictures come in sets, one of each combination. A set has one skin, one camera, one hair and one seed of
    everything that lies at random, and one lesion of each class is drawn for it as the phantom draws them. So two
    pictures of a set differ in what their cues differ in and nothing else, and those with one class in all three cues
    are lesions as the phantom has them.

    Parameters
    ----------
    name : str
        A phantom, such as ``"phantom:ham10000"``. Of a dataset with several sources of photographs, the first one
        takes the pictures.
    classes : sequence of str
        Two classes of the dataset, or more. With k of them there are k x k x k combinations.
    n : int, optional
        Images in all, a multiple of the number of combinations; by default 50 of each.
    size : int
        Height of the images in pixels, 32 to 1024.
    seed : int
        The same numbers give the same files. With a larger `n`, the first sets stay as they are.

    Returns
    -------
    LesionDataset
        The columns `shape`, `color` and `texture` name the class that gave each cue. `label` is the class of the
        shape, as Geirhos et al. keep the class of the outline; over all combinations it tells nothing of the other
        two cues. `lesion_id` is the set, so that intervals resample whole sets. All images are of the split ``test``
        and have a mask; age, sex, site and confirmation are missing. `phantom_truth` knows the signs. The classes are
        those of the phantom, so that ``merge([cues, phantom])`` joins it with one that was split into train and valid
        (the first one's columns stay).

    Raises
    ------
    InputError
        No phantom, unknown or too few classes, or a number out of its range.

    Notes
    -----
    The cues are as strong as in the phantom, no stronger: a class's cause stands in one cue alone, and all of them
    follow distributions that overlap. How well a cue can be seen depends on the classes. Melanoma and nevus of
    ham10000 both have networks, and at 128 pixels a linear reader of ImageNet features tells their textures apart with
    an AUC of only about 0.64, their shapes with 0.83 and their colors with 0.92; for akiec and nv it has 0.88, 0.78 and
    0.87. Where a network leaves a cue aside, ask first whether it could have seen it.

    The cues touch in places: an asymmetric lesion is darker on one side, lines of a network are stronger where there
    is more pigment, and structures have a color of their own.
    """
    plan = _plan(name, classes, n, size, seed)
    folder = cache_root() / "phantoms" / plan.folder
    if not folder.is_dir():
        with atomic_folder(folder) as part:
            _write(part, plan)
    return _read(name, folder)


def _plan(name: str, classes: Sequence[str], n: int | None, size: int, seed: int) -> _Plan:
    base = str(name).removeprefix("phantom:")
    if base not in phantoms.VERSIONS or base == name:
        there = ", ".join(f"phantom:{known}" for known in phantoms.VERSIONS)
        raise InputError(f"cues are drawn of phantoms only; got {name!r}, expected one of {there}")
    known = list(cards.card(base).classes)
    chosen = [classes] if isinstance(classes, str) else list(classes)
    if len(set(chosen)) < 2 or len(set(chosen)) < len(chosen) or not set(chosen) <= set(known):
        raise InputError(f"{name}: classes is {classes!r}; expected two or more different ones of {', '.join(known)}")
    combinations = len(chosen) ** len(CUES)
    n = _PER_COMBINATION * combinations if n is None else n
    phantoms.check_range(base, "n", n, combinations)
    if n % combinations:
        raise InputError(f"{name}: n is {n}; expected a multiple of {combinations}, the combinations of cues")
    phantoms.check_range(base, "size", size, *phantoms.SIZES)
    phantoms.check_range(base, "seed", seed, 0)
    return _Plan(base, tuple(each for each in known if each in chosen), int(n), int(size), int(seed))


def _write(folder: Path, plan: _Plan) -> None:
    shots = _photographs(plan)
    ids = [f"CUES_{shot.number:06}" for shot in shots]
    with archive(folder / "images.zip") as add_image, archive(folder / "masks.zip") as add_mask:
        for image_id, (_, drawing) in zip(ids, drawn(shots, plan.size), strict=True):
            add_image(f"{image_id}.jpg", jpeg(drawing.image))
            add_mask(f"{image_id}.png", png(drawing.mask))
    sets = {"image_id": ids, "lesion_id": [f"SET_{shot.lesion:05}" for shot in shots]}
    write_table(folder / _TABLE, pd.DataFrame([dict(shot.case.record) for shot in shots]).assign(**sets))
    write_truth(folder, ids, shots)


def _photographs(plan: _Plan) -> list[Photograph]:
    """Draw by lot what the pictures show, set by set; a case's record tells the classes of its cues."""
    around, looks = _looks(plan.base)
    combinations = list(product(plan.classes, repeat=len(CUES)))
    shots: list[Photograph] = []
    for number, child in enumerate(np.random.SeedSequence(plan.seed).spawn(plan.n // len(combinations))):
        camera_seed, *seeds = child.spawn(1 + len(plan.classes))
        camera = sample_camera(around, np.random.default_rng(camera_seed))
        lesions = {
            label: sample_lesion(looks[label], around, np.random.default_rng(seed))
            for label, seed in zip(plan.classes, seeds, strict=True)
        }
        for combination in combinations:
            cues = dict(zip(CUES, combination, strict=True))
            lesion = _joined(lesions, cues)
            case = Case(cues["shape"], "cues", "+".join(combination), cues, lesion, (camera,))
            shots.append(Photograph(len(shots), number, number, case, camera))
    return shots


def _looks(base: str) -> tuple[Surroundings, dict[str, Look]]:
    """Give what surrounds the lesions of a phantom, and the look of each of its classes."""
    if base == "ham10000":
        book = recipes.load(base)
        return book.around, dict(book.classes)
    population = populations.load(base)
    looks = {
        label: Look(label, {}, {}, {}, parts=[(recipes.look(look), weight) for look, weight in facts.kinds.values()])
        for label, facts in population.classes.items()
    }
    return recipes.domain(population.domains[0]), looks


def _joined(lesions: Mapping[str, LesionParameters], cues: Mapping[str, str]) -> LesionParameters:
    """Take each cue from the lesion of its class, and skin, hair and chance from the first one."""
    signs = {sign: getattr(lesions[label], sign) for cue, label in cues.items() for sign in CUES[cue]}
    # No single sign made the class of a conflict.
    whole = len(set(cues.values())) == 1
    return replace(next(iter(lesions.values())), **signs, cause=lesions[cues["shape"]].cause if whole else "")


def _read(name: str, folder: Path) -> LesionDataset:
    table = pd.read_csv(folder / _TABLE, dtype="string")
    rows = pd.DataFrame(
        {
            "image_id": table["image_id"],
            "image": "images.zip!" + table["image_id"] + ".jpg",
            "label": table["shape"],
            "lesion_id": table["lesion_id"],
            "mask": "masks.zip!" + table["image_id"] + ".png",
            "split": "test",
        }
    )
    dataset = build(name, with_skin_types(rows, folder), cards.card(name), ImageFiles(folder))
    return replace(dataset, name=f"{name}-cues", frame=dataset.frame.assign(**{cue: table[cue] for cue in CUES}))
