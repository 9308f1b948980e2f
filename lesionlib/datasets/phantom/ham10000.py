"""Write a phantom of HAM10000 in the layout that the Harvard Dataverse and the ISIC archive publish it in."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lesionlib.datasets.phantom import recipes
from lesionlib.datasets.phantom.draw import Drawing, draw
from lesionlib.datasets.phantom.signs import (
    CameraParameters,
    Clinic,
    LesionParameters,
    Recipe,
    Surroundings,
    sample_camera,
    sample_lesion,
    weighted,
)
from lesionlib.errors import InputError

_PARTS = ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip")
_MASKS = "HAM10000_segmentations_lesion_tschandl"
_TEST_IMAGES = "ISIC2018_Task3_Test_Input"
_TEST_TABLE = "ISIC2018_Task3_Test_GroundTruth.csv"

_FEWEST, _SMALLEST, _LARGEST = 70, 32, 1024
_TEST_PER_CLASS = 30  # so that a figure a class means something, where n allows it
_POOL_PER_CLASS = 5
_JPEG_QUALITY = 90
_EPOCH = (1980, 1, 1, 0, 0, 0)  # archives are the same, byte for byte, whenever they are written
# Numbers that the published set does not use, so that no phantom is taken for a real image.
_FIRST_IMAGE, _FIRST_LESION = 9_000_000, 9_000_000
_UNRECORDED = {"age": "", "sex": "unknown", "localization": "unknown"}
_AGE_MISSING = 0.82  # of the lesions without sex and site, as published


@dataclass(frozen=True)
class Case:
    """A lesion, what was written down about it, and the cameras that photographed it."""

    dx: str
    record: dict[str, str]  # dx_type, age, sex, localization
    lesion: LesionParameters
    cameras: tuple[CameraParameters, ...]


@dataclass(frozen=True)
class Photograph:
    """One image: its names, the case it shows and the camera it was taken with."""

    image_id: str
    lesion_id: str
    case: Case
    camera: CameraParameters


def write_ham10000(folder: Path, n: int = 700, size: int = 128, seed: int = 0) -> None:
    """Draw a phantom of HAM10000 and the ISIC 2018 test set into `folder`, in their official layout.

    The test images are balanced over the classes, and each is of a lesion of its own. The others, the
    training pool, are imbalanced as the square root of the published counts, and show some lesions
    several times. `phantom_truth.csv` tells what was drawn: the skin, the signs, and the sign that
    made the class (`cause`).

    Parameters
    ----------
    folder
        An existing, empty folder.
    n
        Number of images in all, at least 70; from 420 on, each class has 30 test images or more.
    size
        Height of the images in pixels, 32 to 1024; they are 4:3.
    seed
        The same numbers give the same files.

    Raises
    ------
    InputError
        `n`, `size` or `seed` is not a whole number in its range.
    """
    _check("n", n, _FEWEST, None)
    _check("size", size, _SMALLEST, _LARGEST)
    _check("seed", seed, 0, None)
    pool, test = photographs(n, seed)
    folder = Path(folder)
    half = (len(pool) + 1) // 2
    with zipfile.ZipFile(folder / f"{_MASKS}.zip", "w") as masks:
        for name, part in zip(_PARTS, (pool[:half], pool[half:]), strict=True):
            with zipfile.ZipFile(folder / name, "w") as images:
                for shot, drawing in _drawn(part, size):
                    _add(images, f"{shot.image_id}.jpg", _jpeg(drawing))
                    _add(masks, f"{_MASKS}/{shot.image_id}_segmentation.png", _png(drawing))
    with zipfile.ZipFile(folder / f"{_TEST_IMAGES}.zip", "w") as images:
        for shot, drawing in _drawn(test, size):
            _add(images, f"{_TEST_IMAGES}/{shot.image_id}.jpg", _jpeg(drawing))
    _write(folder / "HAM10000_metadata.csv", metadata(pool))
    _write(folder / _TEST_TABLE, metadata(test).assign(dataset="phantom"))
    _write(folder / "phantom_truth.csv", truth(pool + test))


def _check(name: str, value: int, lowest: int, highest: int | None) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and value >= lowest and (highest is None or value <= highest):
        return
    expected = f"{lowest} or more" if highest is None else f"{lowest} to {highest}"
    raise InputError(f"phantom of ham10000: {name} is {value!r}, expected a whole number, {expected}")


def class_counts(n: int) -> tuple[dict[str, int], int]:
    """How many images a class the training pool has, and how many each class has in the test set."""
    book = recipes.load("ham10000")
    published = {name: recipe.published for name, recipe in book.classes.items()}
    share = round(0.3 * n / len(published))
    per_test = max(_TEST_PER_CLASS, share) if n >= 2 * _TEST_PER_CLASS * len(published) else max(1, share)
    left = n - per_test * len(published)
    roots = {name: count**0.5 for name, count in published.items()}
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
    first = _numbered(pool, rng, _FIRST_IMAGE, _FIRST_LESION)
    return first, _numbered(test, rng, _FIRST_IMAGE + len(first), _FIRST_LESION + len(pool))


def _pool_cases(recipe: Recipe, around: Surroundings, images: int, seed: np.random.SeedSequence) -> list[Case]:
    cases: list[Case] = []
    while images > 0:
        cases.append(_case(recipe, around, seed.spawn(1)[0], most=images))
        images -= len(cases[-1].cameras)
    return cases


def _case(recipe: Recipe, around: Surroundings, seed: np.random.SeedSequence, most: int) -> Case:
    """One lesion with its record, photographed once or up to `most` times, as often as its class was."""
    rng = np.random.default_rng(seed)
    lesion = sample_lesion(recipe, around, rng)
    record = _record(recipe.clinic, rng)
    times = 1 + int(weighted(rng, {str(k): share for k, share in enumerate(recipe.clinic.images)}))
    return Case(recipe.name, record, lesion, tuple(sample_camera(around, rng) for _ in range(min(times, most))))


def _record(clinic: Clinic, rng: np.random.Generator) -> dict[str, str]:
    age = f"{5 * round(clinic.age.draw(rng) / 5):.1f}"
    record = {
        "dx_type": weighted(rng, clinic.confirmed_by),
        "age": age,
        "sex": "male" if rng.random() < clinic.male else "female",
        "localization": weighted(rng, clinic.site),
    }
    if rng.random() >= clinic.unrecorded:
        return record
    return record | _UNRECORDED | {"age": "" if rng.random() < _AGE_MISSING else age}


def _with_unrecorded(pool: list[Case]) -> list[Case]:
    """See to it that even a small pool has one nevus without age, sex and site: a trap of the real set."""
    if any(case.record["age"] == "" for case in pool):
        return pool
    last = max(k for k, case in enumerate(pool) if case.dx == "nv")
    unrecorded = replace(pool[last], record=pool[last].record | _UNRECORDED)
    return [*pool[:last], unrecorded, *pool[last + 1 :]]


def _numbered(cases: list[Case], rng: np.random.Generator, image: int, lesion: int) -> list[Photograph]:
    """Number lesions and images in random orders of their own, so that a number tells nothing."""
    lesion_numbers = lesion + rng.permutation(len(cases))
    shots = [(case, camera, k) for case, k in zip(cases, lesion_numbers, strict=True) for camera in case.cameras]
    return [
        Photograph(f"ISIC_{image + place}", f"HAM_{shots[k][2]}", shots[k][0], shots[k][1])
        for place, k in enumerate(rng.permutation(len(shots)))
    ]


def metadata(shots: list[Photograph]) -> pd.DataFrame:
    """The official metadata columns, one row an image: all text, empty where the age is missing."""
    return pd.DataFrame(
        [
            {"lesion_id": shot.lesion_id, "image_id": shot.image_id, "dx": shot.case.dx, **shot.case.record}
            for shot in shots
        ]
    )


def truth(shots: list[Photograph]) -> pd.DataFrame:
    """What was drawn, one row an image: every parameter of lesion and camera, `n_colors`, and the `cause`."""
    rows = []
    for shot in shots:
        lesion, camera = asdict(shot.case.lesion), asdict(shot.camera)
        red, green, blue = camera.pop("cast")
        del lesion["texture"], camera["texture"]
        cast = {"cast_red": red, "cast_green": green, "cast_blue": blue}
        colors = {"n_colors": shot.case.lesion.n_colors}
        rows.append({"image_id": shot.image_id} | lesion | colors | camera | cast)
    return pd.DataFrame(rows).round(5)


def _drawn(shots: list[Photograph], size: int) -> Iterator[tuple[Photograph, Drawing]]:
    return ((shot, draw(shot.case.lesion, shot.camera, size)) for shot in shots)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _jpeg(drawing: Drawing) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(drawing.image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _png(drawing: Drawing) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(drawing.mask.astype(np.uint8) * 255).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _write(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False, lineterminator="\n")
