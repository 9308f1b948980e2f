"""Cue conflicts: what differs between pictures of a set, what does not, and who can tell it from the picture."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from dataclasses import fields
from itertools import combinations, product

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter
from scipy.stats import ks_2samp, rankdata
from tiny_ham10000 import refused, tree

from lesionlib.datasets import cue_conflict, load, merge, phantom_truth
from lesionlib.datasets.library import cache_root
from lesionlib.datasets.phantom import archives, recipes
from lesionlib.datasets.phantom.cues import CUES
from lesionlib.datasets.phantom.draw import Drawing
from lesionlib.datasets.phantom.layouts import ham10000
from lesionlib.datasets.phantom.signs import CameraParameters, LesionParameters

HAM = "phantom:ham10000"
SETS = 40
SIGNS = [sign for signs in CUES.values() for sign in signs]
SKIN = {"texture", "skin_type", "ita", "skin_a", "skin_b", "warmth", "sun_damage", "hair", "cause"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two classes that differ in all three cues, and two whose textures differ plainly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESIONLIB_CACHE", str(tmp_path_factory.mktemp("cues")))
        return {
            "mel": Pictures(cue_conflict(HAM, n=8 * SETS, size=80)),
            "akiec": Pictures(cue_conflict(HAM, ("akiec", "nv"), n=8 * SETS, size=80)),
        }


@pytest.fixture
def undrawn(cache, monkeypatch):
    """Cue conflicts whose pictures are specks: many rows in little time."""
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    monkeypatch.setattr(archives, "draw", lambda *_: Drawing(pixels, pixels[..., 0] > 9))
    return cue_conflict


class Pictures:
    """All pictures of a dataset: `images` (n, h, w, 3), `masks` (n, h, w), rows by set, shape, color and texture."""

    def __init__(self, dataset):
        self.dataset, self.frame = dataset, dataset.frame
        rows = range(len(dataset))
        self.images = np.stack([np.asarray(dataset.image(row)) for row in rows]).astype(np.float32)
        self.masks = np.stack([np.asarray(dataset.mask(row)) > 0 for row in rows])
        self.place = np.arange(len(dataset)).reshape(-1, 2, 2, 2)

    def pairs(self, cue: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows that differ in this cue and in nothing else."""
        axis = 1 + list(CUES).index(cue)
        return tuple(np.take(self.place, k, axis).ravel() for k in (0, 1))

    def core(self, row: int) -> np.ndarray:
        """The lesion without its rim."""
        core = binary_erosion(self.masks[row], iterations=3)
        return core if core.sum() > 20 else self.masks[row]

    def told(self, cue: str, values: np.ndarray, swapped: np.ndarray) -> float:
        """Area under the ROC curve of the classes of a cue, swapped in some sets (bool, one a set), by `values`."""
        truth = (self.frame[cue].to_numpy() == self.frame["label"].iloc[0]) ^ np.repeat(swapped, 8)
        half = len(truth) / 2
        return (rankdata(values)[truth].sum() - half * (half + 1) / 2) / half**2


# ---- the design -----------------------------------------------------------------------------------


def test_all_combinations_are_drawn_alike(drawn):
    dataset = drawn["mel"].dataset
    frame = dataset.frame
    found = Counter(zip(frame["shape"], frame["color"], frame["texture"], strict=True))
    assert found == dict.fromkeys(product(["mel", "nv"], repeat=3), SETS)
    # Any two cues tell nothing of each other, in the whole and in each set.
    for one, other in combinations(CUES, 2):
        assert (frame.groupby([one, other]).size() == 2 * SETS).all()
    assert (frame.groupby("lesion_id")[list(CUES)].nunique() == 2).all(axis=None)
    assert (frame.groupby("lesion_id").size() == 8).all()


def test_a_row_says_what_is_known_of_its_picture(drawn):
    dataset = drawn["mel"].dataset
    frame = dataset.frame
    assert (frame["label"] == frame["shape"]).all()
    assert (frame["split"] == "test").all()
    assert (frame["diagnosis"] == frame["label"].map({"mel": "melanoma", "nv": "nevus"})).all()
    assert frame[["age", "sex", "site", "confirmed_by", "patient_id"]].isna().all(axis=None)
    assert frame["image_id"].is_unique and frame["mask"].notna().all()
    assert dataset.is_phantom and dataset.name == "phantom:ham10000-cues"
    assert dataset.classes == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    assert dataset.image(0).size == (107, 80) == dataset.mask(0).size


def test_every_sign_belongs_to_one_cue_or_to_the_skin():
    assert len(SIGNS) == len(set(SIGNS))
    assert {field.name for field in fields(LesionParameters)} - set(SIGNS) == SKIN


def test_a_set_has_one_skin_one_camera_and_a_lesion_of_each_class(drawn):
    pictures = drawn["mel"]
    truth = phantom_truth(pictures.dataset).assign(set=pictures.frame["lesion_id"])
    same = [*(SKIN - {"texture", "cause"}), *{field.name for field in fields(CameraParameters)} - {"texture", "cast"}]
    assert (truth.groupby("set")[[*same, "cast_red"]].nunique() == 1).all(axis=None)
    assert truth["ita"].nunique() == SETS
    for cue, signs in CUES.items():
        given = truth.assign(label=pictures.frame[cue]).groupby(["set", "label"])[list(signs)].nunique()
        assert (given == 1).all(axis=None), cue
    assert (pictures.frame["skin_type"] == truth["skin_type"]).all()


def test_each_cue_has_the_distribution_of_its_class(undrawn):
    dataset = undrawn(HAM, n=8 * 250, size=32)
    truth = phantom_truth(dataset)
    around, recipe = recipes.load("ham10000").around, recipes.load("ham10000").classes
    for label in ("mel", "nv"):
        rng = np.random.default_rng(5)
        usual = [ham10000.sample_lesion(recipe[label], around, rng) for _ in range(1000)]
        for cue, signs in CUES.items():
            own = truth[dataset.frame[cue] == label][::4]  # each lesion gives its cue to four pictures
            for sign in signs:
                p = ks_2samp(own[sign], [getattr(lesion, sign) for lesion in usual]).pvalue
                assert p > 1e-4, (label, sign)
    skin = [ham10000.sample_lesion(recipe["nv"], around, rng) for _ in range(1000)]
    for name in ("ita", "skin_a", "hair", "sun_damage"):
        assert ks_2samp(truth[name][::8], [getattr(lesion, name) for lesion in skin]).pvalue > 1e-4


def test_without_a_conflict_it_is_a_lesion_of_the_phantom(undrawn):
    dataset = undrawn(HAM, n=8 * 100, size=32)
    truth = phantom_truth(dataset)
    whole = dataset.frame[list(CUES)].nunique(axis=1) == 1
    # A conflict has no cause; of a whole lesion, the one sign that made the class is as strong as it makes it.
    assert (truth["cause"].notna() == whole).all()
    for row in truth[whole].itertuples():
        chance = recipes.load("ham10000").classes[dataset.frame["label"][row.Index]].causes[row.cause]
        assert chance.low <= getattr(row, row.cause) <= chance.high
    causes = truth["cause"][whole & (dataset.frame["label"] == "mel")].value_counts(normalize=True)
    assert causes["veil"] == pytest.approx(3 / 10.5, abs=0.15)
    assert set(causes.index) == {"veil", "asymmetry", "regression", "streaks", "atypical_network"}


# ---- what is in the pictures ----------------------------------------------------------------------


def test_only_the_shape_changes_the_outline(drawn):
    pictures = drawn["mel"]
    for cue in ("color", "texture"):
        a, b = pictures.pairs(cue)
        assert (pictures.masks[a] == pictures.masks[b]).all(), cue
    a, b = pictures.pairs("shape")
    assert (pictures.masks[a] != pictures.masks[b]).any(axis=(1, 2)).all()


def test_only_the_color_changes_the_mean_color(drawn):
    pictures = drawn["mel"]
    mean = np.stack([pictures.images[row][pictures.core(row)].mean(axis=0) for row in range(len(pictures.frame))])
    change = {cue: mean[b] - mean[a] for cue, (a, b) in ((cue, pictures.pairs(cue)) for cue in CUES)}
    size = {cue: np.median(np.abs(difference)) for cue, difference in change.items()}
    # In gray levels; the skins of two pictures differ by about 30.
    assert size["color"] > 15
    assert size["texture"] < 3 and size["shape"] < 5
    assert np.percentile(np.abs(change["texture"]), 95) < 8
    for cue in ("texture", "shape"):
        assert np.abs(change[cue].mean(axis=0)).max() < 3, cue
    assert change["color"].mean(axis=0)[0] > 10  # melanomas are darker, and bluer


def test_every_cue_changes_the_picture_and_only_near_the_lesion(drawn):
    pictures = drawn["mel"]
    for cue in CUES:
        a, b = pictures.pairs(cue)
        lesions = pictures.masks[a] | pictures.masks[b]
        changed = np.abs(pictures.images[a] - pictures.images[b]).max(axis=3) > 8
        far = ~np.stack([binary_dilation(lesion, iterations=16) for lesion in lesions])
        assert np.median([change[lesion].mean() for change, lesion in zip(changed, lesions, strict=True)]) > 0.05, cue
        assert changed[far].mean() < 0.003, cue


def compactness(pictures: Pictures, row: int) -> float:
    """Squared length of the mask's rim over its area."""
    mask = np.pad(pictures.masks[row], 1).astype(int)
    rim = np.abs(np.diff(mask, axis=0)).sum() + np.abs(np.diff(mask, axis=1)).sum()
    return rim**2 / mask.sum()


def blueness(pictures: Pictures, row: int) -> float:
    """Share of blue in the mean color of the lesion."""
    mean = pictures.images[row][pictures.core(row)].mean(axis=0)
    return mean[2] / mean.sum()


def _detail(pictures: Pictures, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Optical density in the lesion, in its finest detail and in the next coarser one."""
    density = -np.log((pictures.images[row].mean(axis=2) + 1) / 256)
    fine, coarse = gaussian_filter(density, 0.8), gaussian_filter(density, 2)
    core = pictures.core(row)
    return (density - fine)[core], (fine - coarse)[core]


def fineness(pictures: Pictures, row: int) -> float:
    """High-frequency energy over that of the next coarser detail; what darkens a lesion cancels out."""
    high, low = _detail(pictures, row)
    return high.std() / low.std()


def darkness_of_detail(pictures: Pictures, row: int) -> float:
    """Skewness of the detail: dark lines and dots on a paler ground, or pale flakes on a darker one."""
    _, low = _detail(pictures, row)
    return ((low - low.mean()) ** 3).mean() / low.std() ** 3


@pytest.mark.parametrize(
    ("classes", "cue", "reading"),
    [
        ("mel", "shape", compactness),
        ("akiec", "shape", compactness),
        ("mel", "color", blueness),
        ("akiec", "texture", fineness),
        ("akiec", "texture", darkness_of_detail),
    ],
)
def test_a_reading_of_one_cue_tells_that_cue_and_no_other(drawn, classes, cue, reading):
    pictures, rng = drawn[classes], np.random.default_rng(1)
    values = np.array([reading(pictures, row) for row in range(len(pictures.frame))])
    none = np.zeros(SETS, dtype=bool)
    told = {other: abs(pictures.told(other, values, none) - 0.5) for other in CUES}
    chance = [abs(pictures.told(cue, values, rng.random(SETS) < 0.5) - 0.5) for _ in range(200)]
    own = told.pop(cue)
    # Were the cue not to be seen, its classes could be swapped in any set: an exact test, p below 0.005.
    assert own > max(chance)
    # The other cues are balanced set by set, so what chance adds is far smaller than for unpaired pictures.
    assert max(told.values()) < 0.05
    assert max(told.values()) < own / 2


# ---- other phantoms, other classes ----------------------------------------------------------------


def test_three_classes_have_27_combinations(undrawn):
    dataset = undrawn(HAM, ("nv", "bcc", "mel"), n=54, size=32)
    assert len(dataset.frame.groupby(["shape", "color", "texture"])) == 27
    # The order in which they are named does not matter.
    assert dataset.fingerprint == undrawn(HAM, ("bcc", "mel", "nv"), n=54, size=32).fingerprint


@pytest.mark.parametrize(
    ("name", "classes", "view"),
    [
        ("isic2019", ("MEL", "NV"), "dermoscopic"),  # kinds of melanoma and of nevus
        ("isic_binary", ("benign", "malignant"), "dermoscopic"),  # looks that are mixtures
        ("derm7pt", ("MEL", "NEV"), "macroscopic"),
        ("fitzpatrick17k", ("malignant melanoma", "benign melanocyte"), None),
    ],
)
def test_other_phantoms_have_cues_too(cache, name, classes, view):
    dataset = cue_conflict(f"phantom:{name}", classes, n=16, size=32)
    truth = phantom_truth(dataset)
    assert set(dataset.frame["color"]) == set(classes)
    assert view is None or set(truth["view"]) == {view}
    assert (truth.groupby(dataset.frame["lesion_id"])["view"].nunique() == 1).all()


def test_numbers_make_the_files_and_a_larger_one_begins_alike(cache, monkeypatch):
    small = cue_conflict(HAM, n=16, size=32, seed=3)
    first = tree(small.root)
    assert cue_conflict(HAM, n=16, size=32, seed=4).fingerprint != small.fingerprint
    larger = cue_conflict(HAM, n=24, size=32, seed=3)
    for row in range(16):
        assert larger.image_bytes(row) == small.image_bytes(row)
    monkeypatch.setenv("LESIONLIB_CACHE", str(cache.parent / "elsewhere"))
    assert tree(cue_conflict(HAM, n=16, size=32, seed=3).root) == first
    assert len(list((cache / "phantoms").iterdir())) == 3


def test_pictures_are_pinned(cache):
    # A change here changes results: the version in cues.py, or that of the phantom, goes up.
    files = tree(cue_conflict(HAM, n=16, size=32).root)
    assert set(files) == {"cues.csv", "images.zip", "masks.zip", "phantom_truth.csv"}
    content = b"".join(name.encode() + files[name] for name in sorted(files))
    assert hashlib.sha256(content).hexdigest()[:16] == "eccbcd2a6264b53a"


def test_what_is_drawn_is_drawn_once_and_whole(cache, monkeypatch):
    def broken(*_):
        raise RuntimeError("the power went out")

    with monkeypatch.context() as patch:
        patch.setattr(archives, "draw", broken)
        with pytest.raises(RuntimeError):
            cue_conflict(HAM, n=8, size=32)
    assert not list((cache_root() / "phantoms").iterdir())
    drawn = cue_conflict(HAM, n=8, size=32)
    monkeypatch.setattr(archives, "draw", broken)
    assert cue_conflict(HAM, n=8, size=32).fingerprint == drawn.fingerprint
    assert cue_conflict(HAM, ("nv", "mel"), n=8, size=32).fingerprint == drawn.fingerprint


def test_fifty_of_each_combination_are_drawn_by_default(undrawn):
    assert len(undrawn(HAM, size=32)) == 400


def test_it_joins_the_phantom_that_a_network_was_trained_on(undrawn):
    cues = undrawn(HAM, n=16, size=32)
    training = load(HAM, n=140, size=32).with_split(0.8, 0.2, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # specks are all one picture
        joined = merge([cues, training])
    assert joined.subset("test")["image_id"].tolist() == cues.frame["image_id"].tolist()
    assert joined.subset("test")["texture"].tolist() == cues.frame["texture"].tolist()
    assert joined.classes == cues.classes


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ham10000",), "cues are drawn of phantoms only; got 'ham10000'"),
        (("phantom:moon",), "expected one of phantom:ham10000"),
        ((HAM, ("mel",)), "two or more different ones of akiec, bcc"),
        ((HAM, ("mel", "mel")), "two or more different ones"),
        ((HAM, "mel"), "classes is 'mel'"),
        ((HAM, ("mel", "naevus")), "two or more different ones"),
        ((HAM, ("mel", "nv"), 12), "n is 12; expected a multiple of 8"),
        ((HAM, ("mel", "nv", "bkl"), 8), "n is 8, expected a whole number, 27 or more"),
        ((HAM, ("mel", "nv"), 8.0), "n is 8.0"),
        ((HAM, ("mel", "nv"), 8, 16), "size is 16, expected a whole number, 32 to 1024"),
        ((HAM, ("mel", "nv"), 8, 32, -1), "seed is -1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(cache, arguments, expected):
    refused(lambda: cue_conflict(*arguments), expected)
    assert not cache.exists()
