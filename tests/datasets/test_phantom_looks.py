from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lesionlib.datasets.phantom import recipes, write_ham10000
from lesionlib.datasets.phantom.draw import Drawing, draw
from lesionlib.datasets.phantom.signs import (
    VIEWS,
    CameraParameters,
    LesionParameters,
    sample_camera,
    sample_lesion,
)
from lesionlib.errors import LesionlibError

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

UNAIDED = ("macroscopic", "anatomic")
# What the catalogue's dermoscopic datasets show.
DERMOSCOPIC = """melanoma melanoma_in_situ nevus common_nevus atypical_nevus blue_nevus clark_nevus combined_nevus
    congenital_nevus dermal_nevus recurrent_nevus reed_nevus spitz_nevus basal_cell_carcinoma squamous_cell_carcinoma
    actinic_keratosis benign_keratosis seborrheic_keratosis lentigo solar_lentigo lichenoid_keratosis melanosis
    dermatofibroma vascular_lesion hemangioma angiokeratoma"""
CLINICAL = """lentigo_maligna melanoma_metastasis intraepithelial_carcinoma pyogenic_granuloma wart keloid
    molluscum_contagiosum skin_tag inflammatory_plaque inflammatory_papules psoriasis eczema acne lichen_planus
    genodermatosis cutaneous_lymphoma benign_lesion malignant_lesion other"""
PLAIN = CameraParameters(texture=1, noise=0)


def cameras(view: str) -> CameraParameters:
    """A plain camera of one view."""
    return replace(PLAIN, view=view, relief=0.5, glare=0.3)


def lesion(name: str, seed: int, domain: str = "mednode") -> LesionParameters:
    return sample_lesion(recipes.look(name), recipes.domain(domain), np.random.default_rng([seed, *name.encode()]))


def shots(domain: str, names: list[str], n: int, size: int = 48) -> list[Drawing]:
    around = recipes.domain(domain)
    rng = np.random.default_rng(12)
    return [
        draw(sample_lesion(recipes.look(name), around, rng), sample_camera(around, rng), size)
        for name in names
        for _ in range(n)
    ]


def far_from(mask: np.ndarray, pixels: int) -> np.ndarray:
    return ~binary_dilation(mask, iterations=pixels)


def skin_statistics(drawing: Drawing) -> np.ndarray:
    """Mean and spread of each channel away from the lesion."""
    away = far_from(drawing.mask, 6)
    pixels = drawing.image[away] if away.sum() > 100 else drawing.image[0]
    return np.concatenate([pixels.mean(axis=0), pixels.std(axis=0)])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


# ---- looks and domains as data -------------------------------------------------------------------


def test_every_diagnosis_that_the_catalogue_needs_has_a_look() -> None:
    assert set(DERMOSCOPIC.split() + CLINICAL.split()) <= set(recipes.looks())


@pytest.mark.parametrize("name", recipes.looks())
def test_a_look_is_whole(name: str) -> None:
    look = recipes.look(name)
    assert look.name == name
    assert bool(look.parts) != bool(look.causes)
    for spread in look.traits.values():
        assert spread.low <= spread.mean <= spread.high
    for chance in look.signs.values():
        assert 0 <= chance.p <= 1
        assert 0 < chance.low <= chance.high <= 1.2
    drawn = [lesion(name, seed) for seed in range(40)]
    weights = {cause for part, _ in look.parts for cause in part.causes} | set(look.causes)
    assert {one.cause for one in drawn} <= weights
    assert len({one.texture for one in drawn}) == 40


def test_a_look_holds_what_it_is_like_and_what_it_says_itself() -> None:
    melanoma, published = recipes.look("melanoma"), recipes.load("ham10000").classes["mel"]
    assert melanoma.traits["pigment"] == published.traits["pigment"]
    assert melanoma.signs["network"] == published.signs["network"]
    in_situ = recipes.look("melanoma_in_situ")
    assert in_situ.traits["asymmetry"] == melanoma.traits["asymmetry"]
    assert in_situ.traits["elevation"].mean < melanoma.traits["elevation"].mean
    assert "veil" not in in_situ.causes  # causes take the place of all others


def test_a_mixture_draws_from_its_parts_by_weight() -> None:
    look = recipes.look("malignant_lesion")
    rng, around = np.random.default_rng(3), recipes.domain("isic")
    drawn = [sample_lesion(look, around, rng) for _ in range(400)]
    share = np.mean([one.cause in recipes.look("basal_cell_carcinoma").causes for one in drawn])
    assert 0.25 < share < 0.55  # 0.3, and ulcers of squamous cell carcinoma


@pytest.mark.parametrize(("ask", "name"), [(recipes.look, "sparkle"), (recipes.domain, "moon")])
def test_an_unknown_name_is_our_error(ask, name: str) -> None:
    with pytest.raises(LesionlibError, match=f"unknown '{name}', expected one of"):
        ask(name)


@pytest.mark.parametrize(
    ("book", "name", "entry", "wrong"),
    [
        ("looks", "nevus", {"like": "ham10000/nv", "signs": {"sparkle": [0.5, 0.1, 0.9]}}, "sparkle"),
        ("domains", "isic", {"like": "ph2", "camera": {"flash": [0.5, 0.1, 0.9]}}, "flash"),
        ("domains", "isic", {"like": "ph2", "view": {"aerial": 1}}, "aerial"),
    ],
)
def test_an_entry_with_an_unknown_word_is_our_error(monkeypatch, book, name, entry, wrong) -> None:
    real = recipes._yaml
    plain = recipes._inherited("domains", "ph2")
    changed = {**real(book), "ph2": plain, name: entry} if book == "domains" else {**real(book), name: entry}
    monkeypatch.setattr(recipes, "_yaml", lambda asked: changed if asked == book else real(asked))
    ask = recipes.look.__wrapped__ if book == "looks" else recipes.domain.__wrapped__
    with pytest.raises(LesionlibError, match=f"{name}.*unknown '{wrong}', expected one of"):
        ask(name)


def test_views_are_drawn_by_weight() -> None:
    around, rng = recipes.domain("dermai"), np.random.default_rng(8)
    views = [sample_camera(around, rng).view for _ in range(1000)]
    assert set(views) == set(UNAIDED)
    assert 0.06 < views.count("anatomic") / 1000 < 0.12  # nedelcu2021: 296 of 3,430


# ---- pinned: a change here changes phantom results, and the VERSIONS of their datasets go up -------


def test_ham10000_is_pinned(tmp_path: Path) -> None:
    write_ham10000(tmp_path, n=70, size=48, seed=0)
    files = sorted(tmp_path.iterdir())
    assert digest(b"".join(path.name.encode() + path.read_bytes() for path in files)) == "592d62f082ab451d"


@pytest.mark.parametrize(
    ("view", "pinned"),
    [("dermoscopic", "f1c615191382e81c"), ("macroscopic", "b91f32abf0f4cefa"), ("anatomic", "49894428f17a9b9b")],
)
def test_pictures_of_each_view_are_pinned(view: str, pinned: str) -> None:
    around, rng = recipes.domain("atlas"), np.random.default_rng(4)
    drawn = []
    for name in (DERMOSCOPIC + " " + CLINICAL).split()[::3]:
        camera = replace(sample_camera(around, rng), view=view, backdrop=0.5, ruler=0.9, ink=0.5)
        drawn.append(draw(sample_lesion(recipes.look(name), around, rng), camera, 48))
    assert digest(b"".join(d.image.tobytes() + d.mask.tobytes() for d in drawn)) == pinned


# ---- what is drawn -------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_every_look_is_drawn_in_every_view(view: str) -> None:
    for name in recipes.looks():
        drawing = draw(lesion(name, 1), cameras(view), 48)
        assert drawing.image.shape == (48, 64, 3)
        low, high = {"dermoscopic": (0.01, 0.95), "macroscopic": (0.015, 0.40), "anatomic": (0.002, 0.08)}[view]
        assert low < drawing.mask.mean() < high, name
        contrast = drawing.image[drawing.mask].mean(axis=0) - drawing.image[far_from(drawing.mask, 3)].mean(axis=0)
        assert np.abs(contrast).max() > 1, name


@pytest.mark.parametrize(("view", "least", "most"), [("macroscopic", 0.15, 0.50), ("anatomic", 0.05, 0.16)])
@pytest.mark.parametrize("domain", ["dermofit", "ddi"])
def test_a_photographer_frames_the_lesion(view: str, least: float, most: float, domain: str) -> None:
    around, rng = recipes.domain(domain), np.random.default_rng(5)
    widths = []
    for _ in range(30):
        one = sample_lesion(recipes.look("nevus"), around, rng)
        drawing = draw(one, replace(sample_camera(around, rng), view=view, shift_x=0, shift_y=0), 96)
        # The diameter of a disk of the same area.
        widths.append(math.sqrt(drawing.mask.sum() * 4 / math.pi) / drawing.mask.shape[1])
    assert least * 0.8 < min(widths)
    assert max(widths) < most * 1.2
    assert least < np.median(widths) < most


def test_a_picture_has_the_aspect_that_was_asked_for() -> None:
    for view in VIEWS:
        drawing = draw(lesion("nevus", 2), replace(cameras(view), aspect=1.0), 50)
        assert drawing.image.shape == (50, 50, 3)
        assert drawing.mask.shape == (50, 50)


@pytest.mark.parametrize("view", UNAIDED)
def test_the_skin_has_the_color_of_its_type(view: str) -> None:
    asked, found = [], []
    for seed in range(40):
        one = lesion("nevus", seed, "ddi")
        drawing = draw(one, cameras(view), 48)
        around = far_from(drawing.mask, 3) & ~far_from(drawing.mask, 9)
        pixels = drawing.image[around].astype(float)
        asked.append(one.ita)
        found.append(np.median(pixels[:, 2]))  # blue falls with melanin
    assert np.corrcoef(asked, found)[0, 1] > 0.85
    dark = np.array(asked) < 10
    assert np.median(np.array(found)[dark]) < np.median(np.array(found)[~dark]) - 40


def without_cause(one: LesionParameters) -> LesionParameters:
    return replace(one, **{one.cause: 0.0})


@pytest.mark.parametrize("name", [name for name in recipes.looks() if not recipes.look(name).parts])
def test_every_cause_can_be_seen(name: str) -> None:
    for cause, chance in recipes.look(name).causes.items():
        for view in ("macroscopic", "dermoscopic") if name in DERMOSCOPIC.split() else ("macroscopic",):
            seen = []
            for seed in range(3):
                one = replace(lesion(name, seed), **{cause: (chance.low + chance.high) / 2})
                with_it, without = (
                    draw(this, cameras(view), 48).image.astype(float) for this in (one, bare(one, cause))
                )
                seen.append(np.sort(np.abs(with_it - without).mean(axis=2).ravel())[-30:].mean())
            assert np.median(seen) > 3, (cause, view, seen)


def bare(one: LesionParameters, cause: str) -> LesionParameters:
    return replace(one, **{cause: 0.0})


@pytest.mark.parametrize("name", [name for name in recipes.looks() if not recipes.look(name).parts])
def test_without_its_cause_a_picture_changes_near_the_lesion_only(name: str) -> None:
    one = lesion(name, 4)
    with_it, without = (draw(this, cameras("anatomic"), 64) for this in (one, bare(one, one.cause)))
    changed = np.abs(with_it.image.astype(int) - without.image).max(axis=2) > 1
    elsewhere = far_from(with_it.mask | without.mask, 10)
    assert elsewhere.mean() > 0.5
    assert not changed[elsewhere].any()


def test_the_side_of_a_raised_lesion_that_faces_the_light_is_brighter() -> None:
    one = replace(lesion("dermal_nevus", 1), elevation=1.0, asymmetry=0.0, variegation=0.0, radius=0.5)
    tilt = []
    for angle in (0, 180):
        camera = replace(cameras("macroscopic"), gradient_angle=angle, relief=0.8)
        drawing = draw(one, camera, 96)
        gray, columns = drawing.image.mean(axis=2), np.nonzero(drawing.mask)[1]
        middle = np.median(columns)
        right = drawing.mask & (np.arange(128) > middle)
        tilt.append(gray[right].mean() - gray[drawing.mask & ~right].mean())
    assert tilt[0] > tilt[1] + 10


def test_without_a_dermatoscope_the_network_fades() -> None:
    plain = LesionParameters(texture=5, skin_type=2, ita=48, skin_a=12, skin_b=15, radius=0.5)
    change = {}
    for view in VIEWS:
        with_it, without = (draw(replace(plain, network=v), cameras(view), 96).image.astype(float) for v in (1.0, 0.0))
        change[view] = np.sort(np.abs(with_it - without).ravel())[-300:].mean()
    assert change["macroscopic"] < 0.5 * change["dermoscopic"]
    assert change["anatomic"] < 0.5 * change["dermoscopic"]


def test_in_an_anatomic_view_cloth_surrounds_the_body_and_leaves_the_lesion_free() -> None:
    around, rng = recipes.domain("derm7pt_clinical"), np.random.default_rng(6)
    cloth = []
    for _ in range(25):
        one, camera = sample_lesion(recipes.look("nevus"), around, rng), sample_camera(around, rng)
        white, dark = (draw(one, replace(camera, view="anatomic", drape=d), 48) for d in (0.0, 0.75))
        differs = np.abs(white.image.astype(int) - dark.image).max(axis=2) > 40
        cloth.append(differs.mean())
        assert differs[white.mask].mean() < 0.1
    assert np.median(cloth) > 0.1


def test_the_same_lesion_is_drawn_the_same_at_another_size() -> None:
    for view in VIEWS:
        small, large = (draw(lesion("seborrheic_keratosis", 3), cameras(view), size).image for size in (60, 240))
        shrunk = np.asarray(Image.fromarray(large).reduce(4)).astype(float)
        assert np.abs(shrunk - small).mean() < 9, view


# ---- no way around the lesion --------------------------------------------------------------------


@pytest.mark.parametrize(("domain", "names"), [("pad_ufes", ("melanoma", "nevus")), ("isic", ("melanoma", "nevus"))])
def test_the_skin_around_a_lesion_does_not_tell_its_class(domain: str, names: tuple[str, str]) -> None:
    drawn = shots(domain, list(names), 60)
    told = np.repeat([1, 0], 60)
    for column in np.array([skin_statistics(drawing) for drawing in drawn]).T:
        assert 0.33 < roc_auc_score(told, column) < 0.67


def test_a_picture_tells_which_camera_took_it() -> None:
    domains = ["mednode", "dermofit", "pad_ufes", "ddi", "derm7pt_clinical", "isic", "ph2"]
    x = [skin_statistics(drawing) for domain in domains for drawing in shots(domain, ["nevus"], 25, 32)]
    y = np.repeat(np.arange(len(domains)), 25)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    assert cross_val_score(model, np.array(x), y, cv=5).mean() > 2.5 / len(domains)


def test_skin_tones_differ_between_domains() -> None:
    def dark(domain: str) -> float:
        return float(np.mean([lesion("nevus", seed, domain).skin_type >= 5 for seed in range(200)]))

    assert dark("mednode") < 0.05
    assert dark("ddi") == pytest.approx(1 / 3, abs=0.1)
