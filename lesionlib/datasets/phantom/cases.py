"""Draw by lot what a phantom shows: lesions, the people who have them, and the photographs of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lesionlib.datasets.phantom import checklist, recipes
from lesionlib.datasets.phantom.populations import ClassPopulation, Population
from lesionlib.datasets.phantom.signs import (
    CameraParameters,
    Clinic,
    LesionParameters,
    Surroundings,
    sample_camera,
    sample_lesion,
    weighted,
)

_TEST_PER_CLASS = 30  # so that a figure a class means something, where n allows it
_UNRECORDED = {"age": "", "sex": "", "site": ""}
_AGE_MISSING = 0.82  # of the lesions of HAM10000 without sex and site, as published
_OF_THE_PERSON = ("skin_type", "ita", "skin_a", "skin_b", "warmth")


@dataclass(frozen=True)
class Case:
    """A lesion, what was written down about it, and the cameras that photographed it.

    `kind` is what the dataset calls it, `label` its class, and `look` what it was drawn as; `record` holds age, sex,
    site, confirmed_by and answers as text, empty where nobody wrote them down; cases with one `patient` are of one
    person.
    """

    label: str
    kind: str
    look: str
    record: Mapping[str, str]
    lesion: LesionParameters
    cameras: tuple[CameraParameters, ...]
    patient: int = 0


@dataclass(frozen=True)
class Photograph:
    """One image of a case; `number`, `lesion` and `patient` count from 0 in a random order and make its names."""

    number: int
    lesion: int
    patient: int
    case: Case
    camera: CameraParameters


def balanced_test(n: int, classes: int, share: float) -> int:
    """How many images each class has in the test set of a phantom of `n` images: 30 or more, where `n` allows it."""
    even = round(share * n / classes)
    return max(_TEST_PER_CLASS, even) if n >= 2 * _TEST_PER_CLASS * classes else max(1, even)


def tempered(published: Mapping[str, int], n: int, evenly: float) -> dict[str, int]:
    """Spread `n` over classes: a share of it evenly, the rest by the square root of the published counts."""
    roots = {name: count**0.5 for name, count in published.items()}
    least = int(evenly * n / len(roots))
    left = n - least * len(roots)
    counts = {name: max(1, least + int(left * root / sum(roots.values()))) for name, root in roots.items()}
    counts[max(roots, key=roots.__getitem__)] += n - sum(counts.values())
    return counts


def photographs(population: Population, n: int, seed: int) -> tuple[list[Photograph], list[Photograph]]:
    """Draw the `n` photographs of a phantom, by number: those of its training pool, and of its official test set."""
    views, classes = len(population.domains), population.classes
    lesions = n // views
    per_test = balanced_test(lesions, len(classes), population.test) if population.test else 0
    counts = tempered(
        {name: facts.published for name, facts in classes.items()},
        lesions - per_test * len(classes),
        population.evenly,
    )
    pool_seed, test_seed, order_seed, patient_seed = np.random.SeedSequence(seed).spawn(4)
    pool: list[Case] = []
    test: list[Case] = []
    for name, facts in classes.items():
        # A stream a class and in it one a lesion: a larger phantom begins with the lesions of a smaller one.
        draws, test_draws = pool_seed.spawn(1)[0], test_seed.spawn(1)[0]
        images = counts[name] * views
        while images > 0:
            pool.append(_case(population, name, facts, draws.spawn(1)[0], most=images))
            images -= len(pool[-1].cameras)
        test += [_case(population, name, facts, child, most=views) for child in test_draws.spawn(per_test)]
    rng = np.random.default_rng(order_seed)
    if population.lesions:
        pool = _with_patients(pool, population.lesions, np.random.default_rng(patient_seed))
    first = numbered(pool, rng)
    return first, numbered(test, rng, len(first), len(pool))


def _case(population: Population, label: str, facts: ClassPopulation, seed: np.random.SeedSequence, most: int) -> Case:
    """One lesion with its record, photographed once or up to `most` times, as often as its class was."""
    rng = np.random.default_rng(seed)
    around = [_surroundings(domain, facts) for domain in population.domains]
    kind = weighted(rng, {name: weight for name, (_, weight) in facts.kinds.items()})
    look, _ = facts.kinds[kind]
    lesion = sample_lesion(recipes.look(look), around[0], rng)
    written = record(facts.clinic, rng, population.age_step)
    written |= {question: str(bool(rng.random() < chance)) for question, chance in facts.answers.items()}
    written |= {column: "" for column, share in population.missing.items() if rng.random() < share}
    times = min(how_many(facts.clinic.images, rng), most // len(around))
    cameras = tuple(sample_camera(view, rng) for _ in range(times) for view in around)
    return Case(label, kind, look, written, lesion, cameras)


def _surroundings(domain: str, facts: ClassPopulation) -> Surroundings:
    around = recipes.domain(domain)
    return replace(around, view=facts.view or around.view, skin_types=facts.skin_types or around.skin_types)


def record(clinic: Clinic, rng: np.random.Generator, age_step: int = 5) -> dict[str, str]:
    """Draw what is written down about a lesion: confirmed_by, age (years), sex and site, as text."""
    age = f"{age_step * round(clinic.age.draw(rng) / age_step):.1f}"
    written = {
        "confirmed_by": weighted(rng, clinic.confirmed_by),
        "age": age,
        "sex": "male" if rng.random() < clinic.male else "female",
        "site": weighted(rng, clinic.site),
    }
    if rng.random() >= clinic.unrecorded:
        return written
    return written | _UNRECORDED | {"age": "" if rng.random() < _AGE_MISSING else age}


def unrecorded(case: Case) -> Case:
    """The same lesion, without age, sex and site."""
    return replace(case, record={**case.record, **_UNRECORDED})


def how_many(shares: tuple[float, ...], rng: np.random.Generator) -> int:
    """Draw a number from 1 on; `shares` says how often each comes, that of 1 first."""
    return 1 + weighted(rng, dict(enumerate(shares)))


def _with_patients(cases: list[Case], lesions: tuple[float, ...], rng: np.random.Generator) -> list[Case]:
    """Deal lesions to people: each has the skin, sex and age of that of his lesions whose class is rarest."""
    rarity = pd.Series([case.label for case in cases]).value_counts()
    order, dealt, patient = list(rng.permutation(len(cases))), list(cases), 0
    while order:
        own = [order.pop() for _ in range(min(len(order), how_many(lesions, rng)))]
        lead = cases[min(own, key=lambda k: rarity[cases[k].label])]
        skin = {name: getattr(lead.lesion, name) for name in _OF_THE_PERSON}
        person = {name: lead.record[name] for name in ("age", "sex")}
        for k in own:
            lesion = replace(cases[k].lesion, **skin)
            dealt[k] = replace(cases[k], lesion=lesion, record={**cases[k].record, **person}, patient=patient)
        patient += 1
    return dealt


def numbered(
    cases: list[Case], rng: np.random.Generator, first_image: int = 0, first_lesion: int = 0
) -> list[Photograph]:
    """Number lesions and images in random orders of their own, so that a number tells nothing."""
    lesion_numbers = first_lesion + rng.permutation(len(cases))
    shots = [(case, camera, k) for case, k in zip(cases, lesion_numbers, strict=True) for camera in case.cameras]
    return [
        Photograph(first_image + place, int(shots[k][2]), shots[k][0].patient, shots[k][0], shots[k][1])
        for place, k in enumerate(rng.permutation(len(shots)))
    ]


def truth(image_ids: list[str], shots: list[Photograph], without: Collection[str] = ()) -> pd.DataFrame:
    """What was drawn, one row an image: all parameters of lesion and camera, `n_colors`, the `cause` and the `look`."""
    rows = []
    for image_id, shot in zip(image_ids, shots, strict=True):
        lesion, camera = dict(vars(shot.case.lesion)), dict(vars(shot.camera))
        lesion["look"] = shot.case.look
        red, green, blue = camera.pop("cast")
        for name in {"texture", *without}:
            lesion.pop(name, None)
            camera.pop(name, None)
        cast = {"cast_red": red, "cast_green": green, "cast_blue": blue}
        n_colors = {"n_colors": len(checklist.colors(shot.case.lesion))}
        rows.append({"image_id": image_id} | lesion | n_colors | camera | cast)
    return pd.DataFrame(rows).round(5)
