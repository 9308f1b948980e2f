"""HAM10000 and the ISIC 2018 test set, as the Harvard Dataverse and the ISIC archive publish them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lesionlib.datasets.phantom import cases, recipes
from lesionlib.datasets.phantom.archives import TRUTH, archive, drawn, jpeg, png, write_table
from lesionlib.datasets.phantom.cases import Case, Photograph
from lesionlib.datasets.phantom.signs import UNAIDED, Recipe, Surroundings, sample_camera, sample_lesion

_PARTS = ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip")
_MASKS = "HAM10000_segmentations_lesion_tschandl"
_TEST_IMAGES = "ISIC2018_Task3_Test_Input"
_TEST_TABLE = "ISIC2018_Task3_Test_GroundTruth.csv"
_TEST = 0.3
_POOL_PER_CLASS = 5
# Numbers that the published set does not use, so that no phantom is taken for a real image.
_FIRST = 9_000_000


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`.

    The test images are balanced over the classes, and each is of a lesion of its own. The others, the
    training pool, are imbalanced as the square root of the published counts, and show some lesions
    several times.
    """
    pool, test = photographs(n, seed)
    half = (len(pool) + 1) // 2
    with archive(folder / f"{_MASKS}.zip") as add_mask:
        for name, part in zip(_PARTS, (pool[:half], pool[half:]), strict=True):
            with archive(folder / name) as add_image:
                for shot, drawing in drawn(part, size):
                    add_image(f"{image_id(shot)}.jpg", jpeg(drawing.image))
                    add_mask(f"{_MASKS}/{image_id(shot)}_segmentation.png", png(drawing.mask))
    with archive(folder / f"{_TEST_IMAGES}.zip") as add_image:
        for shot, drawing in drawn(test, size):
            add_image(f"{_TEST_IMAGES}/{image_id(shot)}.jpg", jpeg(drawing.image))
    write_table(folder / "HAM10000_metadata.csv", metadata(pool))
    write_table(folder / _TEST_TABLE, metadata(test).assign(dataset="phantom"))
    write_table(folder / TRUTH, truth(pool + test))


def class_counts(n: int) -> tuple[dict[str, int], int]:
    """How many images a class the training pool has, and how many each class has in the test set."""
    classes = recipes.load("ham10000").classes
    per_test = cases.balanced_test(n, len(classes), _TEST)
    left = n - per_test * len(classes)
    roots = {name: recipe.published**0.5 for name, recipe in classes.items()}
    pool = {name: max(_POOL_PER_CLASS, int(left * root / sum(roots.values()))) for name, root in roots.items()}
    pool["nv"] += left - sum(pool.values())
    return pool, per_test


def photographs(n: int, seed: int) -> tuple[list[Photograph], list[Photograph]]:
    """Draw by lot what a phantom shows: the photographs of its training pool and of its test set, by number."""
    book = recipes.load("ham10000")
    pool_counts, per_test = class_counts(n)
    pool_seed, test_seed, order_seed = np.random.SeedSequence(seed).spawn(3)
    pool: list[Case] = []
    test: list[Case] = []
    for name, recipe in book.classes.items():
        # A stream a class and in it one a lesion: a larger phantom begins with the lesions of a smaller one.
        pool += _pool_cases(recipe, book.around, pool_counts[name], pool_seed.spawn(1)[0])
        test += [_case(recipe, book.around, child, most=1) for child in test_seed.spawn(1)[0].spawn(per_test)]
    rng = np.random.default_rng(order_seed)
    pool = _with_unrecorded(pool)
    first = cases.numbered(pool, rng)
    return first, cases.numbered(test, rng, len(first), len(pool))


def _pool_cases(recipe: Recipe, around: Surroundings, images: int, seed: np.random.SeedSequence) -> list[Case]:
    pool: list[Case] = []
    while images > 0:
        pool.append(_case(recipe, around, seed.spawn(1)[0], most=images))
        images -= len(pool[-1].cameras)
    return pool


def _case(recipe: Recipe, around: Surroundings, seed: np.random.SeedSequence, most: int) -> Case:
    """One lesion with its record, photographed once or up to `most` times, as often as its class was."""
    rng = np.random.default_rng(seed)
    lesion = sample_lesion(recipe, around, rng)
    record = cases.record(recipe.clinic, rng)
    times = min(cases.how_many(recipe.clinic.images, rng), most)
    return Case(
        recipe.name, recipe.name, recipe.name, record, lesion, tuple(sample_camera(around, rng) for _ in range(times))
    )


def _with_unrecorded(pool: list[Case]) -> list[Case]:
    """See to it that even a small pool has one nevus without age, sex and site: a trap of the real set."""
    if any(case.record["age"] == "" for case in pool):
        return pool
    last = max(k for k, case in enumerate(pool) if case.label == "nv")
    return [*pool[:last], cases.unrecorded(pool[last]), *pool[last + 1 :]]


def image_id(shot: Photograph) -> str:
    """The name of an image."""
    return f"ISIC_{_FIRST + shot.number}"


def metadata(shots: list[Photograph]) -> pd.DataFrame:
    """The official metadata columns, one row an image: all text, empty where the age is missing."""
    rows = []
    for shot in shots:
        record = shot.case.record
        rows.append(
            {
                "lesion_id": f"HAM_{_FIRST + shot.lesion}",
                "image_id": image_id(shot),
                "dx": shot.case.label,
                "dx_type": record["confirmed_by"],
                "age": record["age"],
                "sex": record["sex"] or "unknown",
                "localization": record["site"] or "unknown",
            }
        )
    return pd.DataFrame(rows)


def truth(shots: list[Photograph]) -> pd.DataFrame:
    """What was drawn, one row an image (see `cases.truth`), of what a dermatoscope shows."""
    return cases.truth([image_id(shot) for shot in shots], shots, without=UNAIDED | {"look"})
