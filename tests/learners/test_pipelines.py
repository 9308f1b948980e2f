from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats
from tiny_lesions import one_line

import lesionlib as ll
from lesionlib.errors import InputError
from lesionlib.learners import Pipeline, dataloaders, pipeline
from lesionlib.learners.augmentation.operations import (
    Brightness,
    Distortion,
    HorizontalFlip,
    Lighting,
    Operation,
    PhoneCamera,
    RandomZoom,
    Rotation,
    Shear,
    VerticalFlip,
    WidthShift,
    Zoom,
)
from lesionlib.learners.augmentation.policies import Augment, policy

EVERY = [
    Rotation(1),
    Rotation(1, corners="edge"),
    RandomZoom(1),
    Zoom(1),
    WidthShift(1),
    Shear(1),
    Distortion(1),
    PhoneCamera(1),
    HorizontalFlip(1),
    VerticalFlip(1),
    Lighting(1),
    Brightness(1),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n: int = 4, height: int = 12, width: int = 12) -> torch.Tensor:
    return torch.rand(n, 3, height, width, generator=seeded(9))


def smooth(n: int = 2, height: int = 48, width: int = 64) -> torch.Tensor:
    """Waves: what is resampled twice looks as if resampled once."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = torch.stack([0.5 + 0.4 * torch.sin(5 * x + 3 * y), 0.5 + 0.4 * torch.cos(4 * y - 2 * x), 0.2 + 0.6 * x * y])
    return waves.expand(n, 3, height, width).clone()


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    return (images * 255).round().to(torch.uint8)


def places(height: int, width: int) -> torch.Tensor:
    """Places from edge to edge."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([x, y], dim=-1)[None]


# ---- Table III


def test_table_iii_in_its_order_with_its_probabilities():
    table = ll.papers.load("mendes2018").tables["III"]
    found = [(each.name, each.p) for each in pipeline("mendes2018").operations]
    assert found == list(zip(table["transformation"], table["probability"], strict=True))


@pytest.mark.parametrize("name", ["mendes2018", "nedelcu2021", "lucius2020_phone"])
def test_operations_come_as_often_as_their_probability_says(name):
    n = 20_000
    draws = pipeline(name).draw(n, seeded())
    for draw in draws:
        low, high = stats.binom.interval(1 - 1e-6, n, draw.operation.p)
        assert low <= draw.hit.sum() <= high, draw.operation
    # Independently of one another.
    none = ~torch.stack([draw.hit for draw in draws]).any(dim=0)
    low, high = stats.binom.interval(1 - 1e-6, n, math.prod(1 - draw.operation.p for draw in draws))
    assert low <= none.sum() <= high


@pytest.mark.parametrize("operation", pipeline("mendes2018").operations, ids=lambda each: each.name)
def test_what_is_drawn_is_done_and_nothing_else(operation):
    images = noise(200)
    alone = Pipeline((operation,))
    draws = alone.draw(200, seeded(3))
    changed = (alone.apply(images, draws) != images).flatten(1).any(1)
    assert torch.equal(changed, draws[0].hit)
    assert 0 < changed.sum() < 200
    assert torch.equal(alone(images, seeded(3)), alone.apply(images, draws))


def test_magnitudes_fill_their_ranges():
    turned, zoomed, _, _, distorted, lit = (draw.magnitudes for draw in pipeline("mendes2018").draw(5000, seeded()))
    ends = {
        "degrees": (turned, -25, 25),
        "share": (zoomed[:, 0], 0.8, 1),
        "place": (zoomed[:, 1:], -1, 1),
        "way": (distorted, -0.05, 0.05),
        "gain": (lit[:, 0], 0.7, 1.3),
        "warmth": (lit[:, 1], -0.1, 0.1),
    }
    for name, (found, low, high) in ends.items():
        near = 0.02 * (high - low)
        assert low <= found.min() <= low + near, name
        assert high - near <= found.max() <= high, name
    # The farthest way of a corner is the image's own.
    farthest = distorted.abs().flatten(1).amax(1)
    assert farthest.min() < 0.012 and farthest.max() > 0.048
    assert distorted.shape == (5000, 2, 3, 3)


# ---- nedelcu2021


def test_the_ranges_of_nedelcu2021():
    printed = ll.papers.load("nedelcu2021").hyperparameters.query("group == 'augmentation'").set_index("name")["value"]
    ours = {each.name: each for each in pipeline("nedelcu2021").operations}
    assert set(ours) == set(printed.index)
    assert ours["rotation"].degrees == printed["rotation"]
    assert ours["zoom"].amount == printed["zoom"]
    assert ours["width shift"].share == printed["width shift"]
    assert ours["brightness"].factor == printed["brightness"]
    assert [each.p for name, each in ours.items() if name != "horizontal flip"] == [1] * 4
    assert ours["horizontal flip"].p == 0.5


def test_rotation_and_shift_go_to_either_side_and_never_not_at_all():
    turned, shifted, zoomed, _, _ = (draw.magnitudes for draw in pipeline("nedelcu2021").draw(4000, seeded()))
    assert 1 <= turned.abs().min() <= 1.1 and 29.9 <= turned.abs().max() <= 30
    assert shifted.abs().max() <= 0.1 and zoomed.min() >= 0 and zoomed.max() <= 0.2
    for found in (turned, shifted):
        low, high = stats.binom.interval(1 - 1e-6, 4000, 0.5)
        assert low <= (found > 0).sum() <= high


def test_brightness_of_nedelcu2021_only_darkens():
    brightness = next(each for each in pipeline("nedelcu2021").operations if each.name == "brightness")
    images = noise(300).clamp(min=0.01)
    darker = Pipeline((brightness,))(images, seeded())
    factor = (darker / images).flatten(1)
    assert (factor.amax(1) - factor.amin(1)).max() < 1e-4
    assert factor.min() >= 0.2 and factor.max() <= 0.8 + 1e-5
    assert factor[:, 0].min() < 0.22 and factor[:, 0].max() > 0.78
    white = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    assert torch.equal(brightness.apply(white, torch.tensor([0.8])), torch.full_like(white, 204))
    assert torch.equal(brightness.apply(white, torch.tensor([1.0])), white)


# ---- each operation against a known answer


def test_flips_are_exact():
    images = as_bytes(noise())
    nothing = torch.empty(4, 0)
    across, down = HorizontalFlip(1).apply(images, nothing), VerticalFlip(1).apply(images, nothing)
    np.testing.assert_array_equal(across.numpy(), images.numpy()[..., ::-1])
    np.testing.assert_array_equal(down.numpy(), images.numpy()[..., ::-1, :])
    both = Pipeline((HorizontalFlip(1), VerticalFlip(1)))
    assert torch.equal(both(both(images)), images)
    assert torch.equal(both(noise()), noise().flip((2, 3)))


@pytest.mark.parametrize("quarters", [1, 2, -1])
def test_a_quarter_turn_is_a_quarter_turn(quarters):
    images = noise(1)
    for corners in ("edge", "crop"):
        turned = Rotation(1, (90, 90), corners).apply(images, torch.tensor([90.0 * quarters]))
        torch.testing.assert_close(turned, torch.rot90(images, quarters, (2, 3)), atol=1e-5, rtol=0)


def test_rotation_is_pillows():
    picture = Image.fromarray(as_bytes(smooth(1))[0].permute(1, 2, 0).numpy())
    theirs = np.asarray(picture.rotate(17, Image.Resampling.BILINEAR)).astype(int)
    ours = Rotation(1, (17, 17), "edge").apply(as_bytes(smooth(1)), torch.tensor([17.0]))[0].permute(1, 2, 0).numpy()
    inside = np.asarray(Image.new("L", picture.size, 1).rotate(17)).astype(bool)
    inside &= np.roll(inside, 2, 0) & np.roll(inside, -2, 0) & np.roll(inside, 2, 1) & np.roll(inside, -2, 1)
    assert inside.mean() > 0.7
    assert np.abs(ours - theirs)[inside].max() <= 2


@settings(deadline=None, max_examples=60)
@given(st.floats(-180, 180), st.integers(8, 60), st.integers(8, 60))
def test_cropped_corners_take_the_largest_part_and_nothing_from_outside(degrees, height, width):
    at = Rotation(1, (0, 180)).places(places(height, width), torch.tensor([degrees]))
    assert at.abs().max() <= 1 + 1e-4
    assert at.abs().max() >= 1 - 1e-4


def test_a_zoom_into_a_corner_is_that_corner_enlarged():
    images = smooth(2)
    corners = torch.tensor([[0.5, -1.0, -1.0], [0.5, 1.0, 1.0]])
    enlarged = RandomZoom(1, (0.5, 0.5)).apply(images, corners)
    expected = torch.cat([images[:1, :, :24, :32], images[1:, :, 24:, 32:]])
    expected = torch.nn.functional.interpolate(expected, (48, 64), mode="bilinear")
    torch.testing.assert_close(enlarged[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-5, rtol=0)
    assert RandomZoom(1).places(places(9, 9), RandomZoom(1).draw(1, seeded())).abs().max() <= 1 + 1e-6


def test_a_zoom_by_one_is_the_middle_twice_as_large():
    enlarged = Zoom(1, (1, 1)).apply(smooth(1), torch.tensor([1.0]))
    expected = torch.nn.functional.interpolate(smooth(1)[..., 12:36, 16:48], (48, 64), mode="bilinear")
    torch.testing.assert_close(enlarged[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-5, rtol=0)


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    images = noise(2)
    right, left = WidthShift(1, (0, 0.5)).apply(images, torch.tensor([0.25, -0.25]))
    torch.testing.assert_close(right[..., 3:], images[0, ..., :-3], atol=1e-5, rtol=0)
    torch.testing.assert_close(right[..., :3], images[0, ..., :1].expand(3, 12, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(left[..., :-3], images[1, ..., 3:], atol=1e-5, rtol=0)


def test_distortion_is_pillows_mesh():
    """Augmentor moves the corners of Pillow's mesh."""
    tiles, height, width = 4, 48, 64
    distortion = Distortion(1, (0.05, 0.05), tiles)
    ways = distortion.draw(1, seeded(4))
    ours = distortion.apply(as_bytes(smooth(1)), ways)[0].permute(1, 2, 0).numpy()

    def corner(i: int, j: int) -> tuple[float, float]:
        inner = 0 < i < tiles and 0 < j < tiles
        across, down = ways[0, :, i - 1, j - 1].tolist() if inner else (0, 0)
        return (j / tiles + across) * width, (i / tiles + down) * height

    mesh = []
    for i in range(tiles):
        for j in range(tiles):
            box = (j * 16, i * 12, (j + 1) * 16, (i + 1) * 12)
            mesh.append((box, (*corner(i, j), *corner(i + 1, j), *corner(i + 1, j + 1), *corner(i, j + 1))))
    picture = Image.fromarray(as_bytes(smooth(1))[0].permute(1, 2, 0).numpy())
    theirs = np.asarray(picture.transform((width, height), Image.Transform.MESH, mesh, Image.Resampling.BILINEAR))
    off = np.abs(ours.astype(int) - theirs.astype(int))[2:-2, 2:-2]
    assert np.quantile(off, 0.99) <= 3
    assert np.abs(ours.astype(int) - np.asarray(picture)).max() > 10


def test_distortion_leaves_the_edge_and_moves_its_corners():
    distortion = Distortion(1, tiles=2)
    ways = torch.tensor([0.05, -0.02]).view(1, 2, 1, 1)
    moved = distortion.places(places(5, 5), ways) - places(5, 5)
    torch.testing.assert_close(moved[0, 2, 2], torch.tensor([0.1, -0.04]))
    edge = torch.ones(5, 5, dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    assert moved[0, edge].abs().max() == 0
    images = noise(1)
    torch.testing.assert_close(distortion.apply(images, torch.zeros(1, 2, 1, 1)), images, atol=1e-5, rtol=0)


def test_lighting_is_a_gain_and_a_warmth():
    gray = torch.full((2, 3, 8, 8), 0.5)
    lit = Lighting(1).apply(gray, torch.tensor([[1.2, 0.1], [0.8, -0.1]]))
    torch.testing.assert_close(lit[0, :, 0, 0], torch.tensor([0.66, 0.6, 0.54]))
    torch.testing.assert_close(lit[1, :, 0, 0], torch.tensor([0.36, 0.4, 0.44]))
    assert (lit == lit[..., :1, :1]).all()
    assert Lighting(1).apply(gray, torch.tensor([[3.0, 0], [0, 0]])).unique().tolist() == [0, 1]


# ---- what holds for all of them


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: f"{each.name}")
def test_bytes_and_floats_come_back_as_they_came(operation):
    images = as_bytes(smooth(3))
    before, magnitudes = images.clone(), operation.draw(3, seeded())
    changed = operation.apply(images, magnitudes)
    floats = operation.apply(images.float() / 255, magnitudes)
    assert torch.equal(images, before)
    assert changed.dtype == torch.uint8 and changed.shape == images.shape
    assert floats.min() >= 0 and floats.max() <= 1
    assert (changed.float() / 255 - floats).abs().max() <= 0.5 / 255 + 1e-5
    assert (changed != images).any()


@pytest.mark.parametrize("name", ["mendes2018", "nedelcu2021"])
def test_a_pipeline_repeats_by_its_seed(name):
    images = as_bytes(noise(40))
    before, state = images.clone(), torch.get_rng_state()
    first = pipeline(name)(images, seeded(1))
    assert torch.equal(first, pipeline(name)(images, seeded(1)))
    assert not torch.equal(first, pipeline(name)(images, seeded(2)))
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_torchs_own_seed_decides_where_no_generator_is_given():
    torch.manual_seed(5)
    first = pipeline("mendes2018")(noise(20))
    torch.manual_seed(5)
    assert torch.equal(first, pipeline("mendes2018")(noise(20)))
    assert not torch.equal(first, pipeline("mendes2018")(noise(20)))


@pytest.mark.parametrize("order", [(Rotation(1), RandomZoom(1), Distortion(1)), (Distortion(1), Rotation(1))])
def test_geometry_joined_is_geometry_one_by_one(order):
    joined = Pipeline(order)
    draws = joined.draw(2, seeded(6))
    step = smooth()
    for draw in draws:
        step = draw.operation.apply(step, draw.magnitudes)
    together = joined.apply(smooth(), draws)
    inside = (..., slice(8, -8), slice(8, -8))
    assert (together - step)[inside].abs().max() < 0.01
    backward = joined.apply(smooth(), draws[::-1])
    assert (backward - step)[inside].abs().max() > 0.02


def test_a_pipeline_without_an_operation():
    fewer = pipeline("mendes2018").without("rotation", "lighting")
    assert [each.name for each in fewer.operations] == ["zoom", "horizontal flip", "vertical flip", "distortion"]
    with pytest.raises(InputError, match="no operation 'shear'; it has rotation, zoom") as error:
        pipeline("mendes2018").without("shear")
    one_line(error)


@pytest.mark.parametrize("name", ["mendes2018", "nedelcu2021"])
def test_training_batches_go_through_the_pipeline(lesions, name):
    def batch(seed: int):
        dls = dataloaders(lesions, size=32, bs=12, augment=name)
        dls.train.rng.seed(0)
        torch.manual_seed(seed)
        return next(iter(dls.train))[0], dls

    first, dls = batch(1)
    assert torch.equal(first, batch(1)[0])
    assert not torch.equal(first, batch(2)[0])
    assert first.min() >= 0 and first.max() <= 1
    plain = dataloaders(lesions, size=32, bs=12, augment=None)
    plain.train.rng.seed(0)
    torch.manual_seed(1)
    expected = pipeline(name)(torch.Tensor(next(iter(plain.train))[0]))
    torch.testing.assert_close(torch.Tensor(first), expected)
    assert torch.equal(dls.valid.one_batch()[0], plain.valid.one_batch()[0])


def test_a_pipeline_of_ones_own_is_a_policy():
    own = Pipeline((HorizontalFlip(1),))
    (found,) = policy(own)
    assert isinstance(found, Augment) and found.pipeline is own
    assert pipeline(own) is own
    assert policy("nedelcu2021")[0].pipeline == pipeline("nedelcu2021")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Rotation(1.2), "rotation: p is 1.2; expected a probability"),
        (lambda: HorizontalFlip("often"), "horizontal flip: p is 'often'"),
        (lambda: Rotation(0.5, (25, 0)), r"degrees is \(25, 0\); expected \(lowest, highest\) within 0 to 180"),
        (lambda: Rotation(0.5, (0, 25), "black"), "corners is 'black'; expected crop or edge"),
        (lambda: RandomZoom(1, 0.8), "share is 0.8"),
        (lambda: RandomZoom(1, (0, 1)), "within 0.01 to 1"),
        (lambda: Distortion(1, (0, 0.2)), "within 0 to 0.125"),
        (lambda: Distortion(1, tiles=1), "tiles is 1; expected a whole number, 2 or more"),
        (lambda: Brightness(1, (-0.1, 1)), "brightness: factor"),
        (lambda: Lighting(1, warmth=(0, 2)), "lighting: warmth"),
        (lambda: Pipeline(()), "got nothing"),
        (lambda: Pipeline((HorizontalFlip(1), "rotation")), "got 'rotation'"),
        (lambda: pipeline("mendes"), "no pipeline is called 'mendes'; choose from mendes2018, nedelcu2021"),
        (lambda: pipeline("mendes2018")(torch.rand(2, 12, 12, 3)), r"n x 3 x h x w.*got \(2, 12, 12, 3\)"),
        (lambda: pipeline("mendes2018")(torch.zeros(2, 3, 8, 8, dtype=torch.long)), "got .*int64"),
        (lambda: Shear(1, (0, 80)), r"shear: degrees is \(0, 80\)"),
        (lambda: PhoneCamera(1, gamma=(0, 1)), "phone camera: gamma"),
        (lambda: PhoneCamera(1, vignetting=(0, 2)), "phone camera: vignetting"),
        (
            lambda: policy("clinical"),
            "choose from dermoscopy, mendes2018, nedelcu2021, lucius2020, lucius2020_phone, a",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(wrong, says):
    with pytest.raises(InputError, match=says) as error:
        wrong()
    one_line(error)


def test_an_operation_of_ones_own():
    class Negative(Operation):
        name = "negative"

        def change(self, images, magnitudes):
            return 1 - images

    images = as_bytes(noise(2))
    assert torch.equal(Pipeline((Negative(1),))(images), 255 - images)


# ---- lucius2020


def test_lucius2020_does_what_the_paper_names():
    printed = ll.papers.load("lucius2020").hyperparameters.set_index("name")["value"]["augmentations"]
    ours = [each.name for each in pipeline("lucius2020").operations]
    assert ours == list(printed[:-1])
    phone = pipeline("lucius2020_phone").operations
    assert phone[: len(ours)] == pipeline("lucius2020").operations
    assert [each.name for each in phone[len(ours) :]] == ["phone camera", "lighting"]


def test_a_shear_slides_rows_and_leaves_the_middle_one():
    # A vertical line, 41 pixels high: at 45 degrees the top goes 20 pixels one way, the bottom 20 the other.
    images = torch.zeros(1, 3, 41, 81)
    images[..., 40] = 1
    for sign in (1, -1):
        sheared = Shear(1, (45, 45)).apply(images, torch.tensor([45.0 * sign]))[0, 0]
        assert sheared[20, 40] == pytest.approx(1, abs=1e-4)
        assert sheared[0].argmax() == 40 + 20 * sign and sheared[40].argmax() == 40 - 20 * sign
    sides = Shear(1, (5, 10)).draw(1000, seeded())
    assert 400 < (sides > 0).sum() < 600 and sides.abs().min() >= 5 and sides.abs().max() <= 10


def shot(images, aberration=0.0, vignetting=0.0, blur=0.0, noise=0.0, gamma=1.0, seed=0):
    magnitudes = torch.tensor([[aberration, vignetting, blur, noise, gamma, seed]]).expand(len(images), -1)
    return PhoneCamera(1).apply(images, magnitudes)


def test_a_perfect_camera_changes_nothing():
    torch.testing.assert_close(shot(smooth()), smooth(), atol=1e-4, rtol=0)


def test_vignetting_takes_its_share_in_the_corners_and_nothing_in_the_middle():
    dark = shot(torch.full((1, 3, 101, 201), 0.8), vignetting=0.4)[0]
    assert dark[:, 50, 100] == pytest.approx(0.8, abs=1e-3)
    # The outermost pixels lie half a pixel inside the corner.
    assert dark[:, 0, 0] == pytest.approx(0.8 * (1 - 0.4), abs=6e-3)
    assert dark[:, 50, 0] == pytest.approx(0.8 * (1 - 0.2), abs=6e-3)


def test_gamma_is_the_exponent():
    torch.testing.assert_close(shot(smooth(), gamma=2.0), smooth() ** 2, atol=1e-4, rtol=0)


def test_aberration_draws_red_outward_and_blue_inward():
    dot = torch.zeros(1, 3, 101, 101)
    dot[:, :, 50, 90] = 1
    red, green, blue = shot(dot, aberration=0.1)[0].sum(1).argmax(1)
    # 40 pixels from the middle, a tenth more or less.
    assert (red, green, blue) == (94, 90, 86)


def test_blur_has_its_standard_deviation_in_shares_of_the_height():
    dot = torch.zeros(1, 3, 101, 101)
    dot[:, :, 50, 50] = 1
    spread = shot(dot, blur=0.02)[0, 0].sum(0)
    place = torch.arange(101.0) - 50
    assert spread.sum() == pytest.approx(1, abs=1e-3)
    assert (spread * place**2).sum().sqrt() == pytest.approx(2.02, rel=0.03)


def test_noise_grows_with_the_root_of_the_light_and_follows_from_its_seed():
    gray = torch.full((2, 3, 64, 64), 0.36)
    grained = shot(gray, noise=0.05, seed=7)
    assert (grained - gray).std() == pytest.approx(0.05 * 0.6, rel=0.05)
    assert (grained - gray).mean() == pytest.approx(0, abs=2e-3)
    assert torch.equal(grained, shot(gray, noise=0.05, seed=7))
    assert not torch.equal(grained, shot(gray, noise=0.05, seed=8))
    black = torch.zeros(1, 3, 8, 8)
    assert torch.equal(shot(black, noise=0.05), black)


def test_each_phone_has_its_own_draw_within_the_declared_ranges():
    drawn = PhoneCamera(1).draw(4000, seeded())
    for column, (name, limit) in zip(drawn.T, PhoneCamera.limits.items(), strict=False):
        low, high = getattr(PhoneCamera(1), name)
        near = 0.02 * (high - low)
        assert limit[0] <= low <= column.min() <= low + near and high - near <= column.max() <= high <= limit[1]
    assert len(drawn[:, 5].unique()) > 3990
