from __future__ import annotations

import hashlib
import io
import math
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from lesionlib.datasets.phantom import recipes, write_ham10000
from lesionlib.datasets.phantom.draw import draw
from lesionlib.datasets.phantom.layouts.ham10000 import class_counts, metadata, photographs, truth
from lesionlib.datasets.phantom.signs import (
    ITA_BANDS,
    CameraParameters,
    LesionParameters,
    sample_camera,
    sample_lesion,
)
from lesionlib.datasets.phantom.skin import skin_color
from lesionlib.errors import InputError, LesionlibError

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
COLUMNS = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
SITES = {"abdomen", "acral", "back", "chest", "ear", "face", "foot", "genital", "hand", "lower extremity", "neck"}
SITES |= {"scalp", "trunk", "unknown", "upper extremity"}
SIGN_COLUMNS = {"asymmetry", "irregularity", "n_colors", "network", "globules", "vessels", "scale", "veil", "cause"}
OTHER_COLUMNS = {"image_id", "skin_type", "ita", "hair", "ruler", "gel", "vignette"}
N, SIZE, SEED = 70, 48, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("phantom")
    write_ham10000(place, n=N, size=SIZE, seed=SEED)
    return place


@pytest.fixture(scope="module")
def shots():
    return photographs(700, 0)


@pytest.fixture(scope="module")
def drawings():
    """Lesions of every class under a plain camera, with what was asked for."""
    book = recipes.load("ham10000")
    rng = np.random.default_rng(7)
    lesions = [sample_lesion(book.classes[name], book.around, rng) for name in CLASSES for _ in range(8)]
    camera = CameraParameters(texture=1, noise=0)
    return [(lesion, camera, draw(lesion, camera, 64)) for lesion in lesions]


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def lab(pixels: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB pixels (n, 3), written out here from the standard, apart from the renderer."""
    c = pixels / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(matrix).T / [0.95047, 1, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def measured_ita(pixels: np.ndarray) -> float:
    lightness, _, b = np.median(lab(pixels.astype(float)), axis=0)
    return math.degrees(math.atan2(lightness - 50, b))


# ---- the layout ----------------------------------------------------------------------------------


def test_the_layout_is_the_official_one(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "HAM10000_images_part_1.zip",
        "HAM10000_images_part_2.zip",
        "HAM10000_metadata.csv",
        "HAM10000_segmentations_lesion_tschandl.zip",
        "ISIC2018_Task3_Test_GroundTruth.csv",
        "ISIC2018_Task3_Test_Input.zip",
        "phantom_truth.csv",
    ]
    pool = pd.read_csv(folder / "HAM10000_metadata.csv")
    test = pd.read_csv(folder / "ISIC2018_Task3_Test_GroundTruth.csv")
    assert list(pool.columns) == COLUMNS
    assert list(test.columns) == [*COLUMNS, "dataset"]
    parts = [members(folder / f"HAM10000_images_part_{k}.zip") for k in (1, 2)]
    assert [*parts[0], *parts[1]] == [f"{image}.jpg" for image in pool.image_id]
    masks = members(folder / "HAM10000_segmentations_lesion_tschandl.zip")
    prefix = "HAM10000_segmentations_lesion_tschandl"
    assert list(masks) == [f"{prefix}/{image}_segmentation.png" for image in pool.image_id]
    prefix = "ISIC2018_Task3_Test_Input"
    test_images = members(folder / f"{prefix}.zip")
    assert list(test_images) == [f"{prefix}/{image}.jpg" for image in test.image_id]
    assert pd.read_csv(folder / "phantom_truth.csv").image_id.tolist() == [*pool.image_id, *test.image_id]


def test_images_and_masks_are_whole_and_of_one_size(folder: Path) -> None:
    masks = members(folder / "HAM10000_segmentations_lesion_tschandl.zip")
    for part in (1, 2):
        for name, content in members(folder / f"HAM10000_images_part_{part}.zip").items():
            mask = decoded(
                masks[f"HAM10000_segmentations_lesion_tschandl/{name.removesuffix('.jpg')}_segmentation.png"]
            )
            assert decoded(content).shape == (SIZE, 64, 3)
            assert mask.shape == (SIZE, 64)
            assert set(np.unique(mask)) <= {0, 255}


def test_the_archives_are_stored_uncompressed_and_undated(folder: Path) -> None:
    for archive in folder.glob("*.zip"):
        with zipfile.ZipFile(archive) as opened:
            assert {(i.compress_type, i.date_time) for i in opened.infolist()} == {
                (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
            }


def test_another_process_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from lesionlib.datasets.phantom import write_ham10000;"
        f"write_ham10000(pathlib.Path(sys.argv[1]), n={N}, size={SIZE}, seed={SEED})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_another_seed_writes_another_set(folder: Path, tmp_path: Path) -> None:
    write_ham10000(tmp_path, n=N, size=SIZE, seed=SEED + 1)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() != path.read_bytes(), path.name


@pytest.mark.parametrize(
    "wrong", [{"n": 69}, {"n": 70.0}, {"n": True}, {"size": 31}, {"size": 1025}, {"size": "128"}, {"seed": -1}]
)
def test_numbers_out_of_range_are_refused_and_nothing_is_written(tmp_path: Path, wrong: dict) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(InputError, match=rf"{name} is {value!r}, expected a whole number"):
        write_ham10000(tmp_path, **wrong)
    assert list(tmp_path.iterdir()) == []


# ---- who is in it --------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "per_test"), [(70, 3), (419, 18), (420, 30), (700, 30), (1000, 43), (10_000, 429)])
def test_counts_add_up_and_the_test_set_is_balanced(n: int, per_test: int) -> None:
    pool, found = class_counts(n)
    assert found == per_test
    assert sum(pool.values()) + 7 * per_test == n
    assert list(pool) == CLASSES
    assert min(pool.values()) >= 5
    assert max(pool, key=pool.get) == "nv"


def test_photographs_follow_the_counts(shots) -> None:
    pool, test = shots
    counts, per_test = class_counts(700)
    table, test_table = metadata(pool), metadata(test)
    assert table.dx.value_counts().to_dict() == counts
    assert set(test_table.dx.value_counts()) == {per_test}
    # Tempered, not balanced: the square root of the published 6705 : 115.
    assert counts["nv"] / counts["df"] == pytest.approx(math.sqrt(6705 / 115), rel=0.15)


def test_no_lesion_stands_in_pool_and_test_and_images_are_unique(shots) -> None:
    pool, test = (metadata(part) for part in shots)
    assert not set(pool.lesion_id) & set(test.lesion_id)
    assert test.lesion_id.is_unique
    assert pd.concat([pool.image_id, test.image_id]).is_unique
    assert pool.image_id.str.fullmatch(r"ISIC_9\d{6}").all()


def test_some_lesions_have_several_images_that_share_all_but_the_camera(shots) -> None:
    pool, _ = shots
    table = metadata(pool)
    images = table.groupby("lesion_id").size()
    assert images.max() <= 6
    assert 0.25 < (images > 1).mean() < 0.50
    shared = table.groupby("lesion_id")[["dx", "dx_type", "sex", "localization"]].nunique()
    assert (shared == 1).all(axis=None)
    seen: dict[str, tuple] = {}
    for shot in pool:
        lesion, cameras = seen.setdefault(shot.lesion, (shot.case.lesion, set()))
        assert shot.case.lesion == lesion
        assert shot.camera not in cameras
        cameras.add(shot.camera)


def test_records_hold_the_published_values_and_traps(shots) -> None:
    table = metadata([*shots[0], *shots[1]])
    assert set(table.localization) <= SITES
    assert set(table.sex) == {"male", "female", "unknown"}
    assert set(table.dx_type) == {"histo", "follow_up", "consensus", "confocal"}
    assert table.age.str.fullmatch(r"(\d{1,2}\.0)?").all()
    ages = pd.to_numeric(table.age)
    assert (ages.dropna() % 5 == 0).all()
    assert ages.max() <= 85
    assert 0 < ages.isna().mean() < 0.05
    assert set(table.dx[table.dx_type == "follow_up"]) == {"nv"}
    assert set(table.dx[table.sex == "unknown"]) <= {"nv", "bkl"}
    assert set(table.localization[table.sex == "unknown"]) == {"unknown"}


def test_age_sex_and_site_carry_the_published_signal() -> None:
    pool, test = photographs(3000, 1)
    table = metadata([*pool, *test])
    table["age"] = pd.to_numeric(table.age)
    for name, recipe in recipes.load("ham10000").classes.items():
        of_class = table[table.dx == name].drop_duplicates("lesion_id")
        assert of_class.age.mean() == pytest.approx(recipe.clinic.age.mean, abs=4.5)
        known = of_class[of_class.sex != "unknown"]
        assert (known.sex == "male").mean() == pytest.approx(recipe.clinic.male, abs=0.12)
        favorite = max(recipe.clinic.site, key=recipe.clinic.site.get)
        share = (of_class.localization == favorite).mean()
        assert share == pytest.approx(recipe.clinic.site[favorite], abs=0.12)


def test_the_smallest_phantom_has_a_missing_record(folder: Path) -> None:
    pool = pd.read_csv(folder / "HAM10000_metadata.csv")
    lost = pool[pool.age.isna()]
    assert set(lost.dx) == {"nv"}
    assert set(lost.sex) == {"unknown"}


def test_the_truth_names_what_was_drawn(shots) -> None:
    table = truth([*shots[0], *shots[1]])
    assert set(table.columns) >= SIGN_COLUMNS | OTHER_COLUMNS
    assert set(table.skin_type) == {1, 2, 3, 4, 5, 6}
    assert table.n_colors.between(1, 6).all()
    for skin_type, (low, high) in enumerate(ITA_BANDS, start=1):
        assert table.ita[table.skin_type == skin_type].between(low, high).all()
    causes = {name: set(recipe.causes) for name, recipe in recipes.load("ham10000").classes.items()}
    for shot, cause in zip([*shots[0], *shots[1]], table.cause, strict=True):
        assert cause in causes[shot.case.label]
        assert getattr(shot.case.lesion, cause) >= 0.4


def test_skin_and_artifacts_are_independent_of_the_class() -> None:
    pool, test = photographs(3000, 2)
    table = truth([*pool, *test]).assign(dx=metadata([*pool, *test]).dx)
    for column in ("hair", "ruler", "gel", "vignette"):
        present = (table[column] > 0).groupby(table.dx).mean()
        assert present.max() - present.min() < 0.25, column
    dark = (table.skin_type >= 5).groupby(table.dx).mean()
    assert dark.max() - dark.min() < 0.2


def test_a_larger_phantom_begins_with_the_lesions_of_a_smaller_one() -> None:
    small = {shot.case.lesion.texture for part in photographs(420, 5) for shot in part}
    large = {shot.case.lesion.texture for part in photographs(1500, 5) for shot in part}
    assert small < large


# ---- what is drawn -------------------------------------------------------------------------------


def test_masks_lie_on_the_lesion(drawings) -> None:
    for lesion, _, drawing in drawings:
        fraction = drawing.mask.mean()
        assert 0.005 < fraction < 0.95
        # The area of the outline, cut by the frame: at most that of a disk half as large again.
        assert fraction < 2.3 * math.pi * lesion.radius**2 / (2 * 8 / 3) + 0.02
        rows, columns = np.nonzero(drawing.mask)
        assert abs(rows.mean() / 64 - 0.5) < 0.25
        assert abs(columns.mean() / drawing.mask.shape[1] - 0.5) < 0.25


def test_inside_and_outside_of_the_mask_differ_in_color(drawings) -> None:
    contrast = []
    for lesion, camera, drawing in drawings:
        inside, outside = (lab(drawing.image[m].astype(float)).mean(axis=0) for m in (drawing.mask, ~drawing.mask))
        contrast.append(np.linalg.norm(inside - outside))
        assert contrast[-1] > 1.0, (lesion, camera)
    assert np.median(contrast) > 10


def test_darker_classes_are_darker(drawings) -> None:
    light = {name: [] for name in CLASSES}
    for k, (_, _, drawing) in enumerate(drawings):
        light[CLASSES[k // 8]].append(drawing.image[drawing.mask].mean() - drawing.image[~drawing.mask].mean())
    assert np.mean(light["mel"]) < np.mean(light["bcc"])
    assert np.mean(light["mel"]) < np.mean(light["df"])


def test_ita_measured_on_the_skin_is_the_ita_in_the_truth(drawings) -> None:
    errors = [measured_ita(drawing.image[~drawing.mask]) - lesion.ita for lesion, _, drawing in drawings]
    assert np.median(np.abs(errors)) < 5
    assert np.percentile(np.abs(errors), 90) < 20


def test_a_real_camera_blurs_ita_but_keeps_its_order() -> None:
    pool, _ = photographs(420, 4)
    asked, found = [], []
    for shot in pool[:90]:
        drawing = draw(shot.case.lesion, shot.camera, 48)
        away = np.hypot(*(np.mgrid[:48, :64] - np.array([24, 32])[:, None, None]))
        skin = ~drawing.mask & (away < 25)
        if skin.sum() > 50:
            asked.append(shot.case.lesion.ita)
            found.append(measured_ita(drawing.image[skin]))
    assert np.corrcoef(asked, found)[0, 1] > 0.9


@pytest.mark.parametrize("ita", [60.0, 48.0, 35.0, 20.0, -10.0, -45.0])
def test_skin_color_has_the_ita_that_was_asked_for(ita: float) -> None:
    assert measured_ita(np.array([skin_color(ita, 12, 15)])) == pytest.approx(ita, abs=0.3)


def test_every_cause_can_be_seen() -> None:
    book = recipes.load("ham10000")
    camera = CameraParameters(texture=1, noise=0)
    for name, recipe in book.classes.items():
        for cause, chance in recipe.causes.items():
            found = []
            for seed in range(5):
                lesion = replace(
                    sample_lesion(recipe, book.around, np.random.default_rng(seed)), radius=0.5, **{cause: chance.low}
                )
                with_it = draw(lesion, camera, 64).image.astype(float)
                without = draw(replace(lesion, **{cause: 0.0}), camera, 64).image
                found.append(np.sort(np.abs(with_it - without).mean(axis=2).ravel())[-40:].mean())
            assert np.median(found) > 4, (name, cause)


SIGNS = [
    name
    for name, default in vars(LesionParameters).items()
    if isinstance(default, float) and name in set().union(*(r.signs for r in recipes.load("ham10000").classes.values()))
]


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_changes_the_lesion_and_leaves_far_skin_alone(sign: str) -> None:
    plain = LesionParameters(texture=5, skin_type=2, ita=48, skin_a=13, skin_b=15, radius=0.5)
    camera = CameraParameters(texture=1, noise=0)
    before, after = (draw(lesion, camera, 64) for lesion in (plain, replace(plain, **{sign: 1.0})))
    changed = (before.image != after.image).any(axis=2)
    assert changed[before.mask].mean() > 0.005
    corner = np.zeros_like(changed)
    corner[:8, :8] = corner[-8:, -8:] = corner[:8, -8:] = corner[-8:, :8] = True
    assert not changed[corner].any()


def test_another_photograph_of_a_lesion_resembles_it_more_than_another_lesion_does() -> None:
    book = recipes.load("ham10000")
    rng = np.random.default_rng(11)
    thumbs = []
    for _ in range(24):
        lesion = sample_lesion(book.classes["nv"], book.around, rng)
        pair = [draw(lesion, sample_camera(book.around, rng), 48).image for _ in range(2)]
        thumbs.append([np.array([*np.percentile(p, [5, 25, 50, 75], axis=(0, 1))]).ravel() for p in pair])
    first, second = (np.array([pair[k] for pair in thumbs]) for k in (0, 1))
    distance = np.linalg.norm(first[:, None] - second[None], axis=2)
    rank = (distance < np.diag(distance)[:, None]).sum(axis=1)
    assert np.mean(rank < 6) > 0.6  # by chance 0.25


@pytest.mark.parametrize("size", [32, 33, 100])
def test_any_size_is_drawn_at_four_to_three(size: int) -> None:
    lesion, camera = photographs(70, 0)[0][0].case.lesion, CameraParameters(texture=1)
    drawing = draw(lesion, camera, size)
    assert drawing.image.shape == (size, round(4 * size / 3), 3)
    assert drawing.mask.shape == drawing.image.shape[:2]


def test_the_same_lesion_is_drawn_the_same_at_another_size() -> None:
    lesion, camera = photographs(70, 0)[0][1].case.lesion, CameraParameters(texture=1, noise=0)
    small, large = (draw(lesion, camera, size).image for size in (60, 240))
    shrunk = np.asarray(Image.fromarray(large).reduce(4)).astype(float)
    assert np.abs(shrunk - small).mean() < 8


# ---- pinned: a change here changes every phantom result, and phantom.VERSION goes up --------------


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def test_what_is_written_down_is_pinned(shots) -> None:
    pool, test = shots
    assert digest(metadata(pool + test).to_csv(index=False).encode()) == "b4f30eee31202d68"
    assert digest(truth(pool + test).to_csv(index=False).encode()) == "0ce69b21ef6dd2b5"


def test_a_picture_is_pinned(shots) -> None:
    drawn = [draw(shot.case.lesion, shot.camera, 64) for shot in shots[1][:20]]
    assert digest(b"".join(d.image.tobytes() + d.mask.tobytes() for d in drawn)) == "7396eb9143e0f7a6"


def test_a_recipe_with_an_unknown_sign_is_our_error() -> None:
    raw = yaml.safe_load((Path(recipes.__file__).parent / "ham10000.yaml").read_text())
    raw["classes"]["nv"]["signs"]["sparkle"] = [0.5, 0.1, 0.9]
    with pytest.raises(LesionlibError, match="class nv: unknown 'sparkle', expected one of"):
        recipes.parse(raw, "ham10000")
