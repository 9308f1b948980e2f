from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionlib import papers
from lesionlib.errors import InputError
from lesionlib.generative import Codes, GrowthPlan, InfoGAN


@pytest.fixture(scope="module")
def printed():
    frame = papers.load("lucius2020").hyperparameters
    return frame[frame["group"] == "infogan"].set_index("name")["value"]


def test_the_papers_plan_is_section_2_4(printed):
    plan = GrowthPlan.paper()
    assert len(plan.resolutions) == printed["blocks"] == 8
    assert f"{plan.resolutions[0]}x{plan.resolutions[0]}" == printed["first resolution"] == "4x4"
    assert f"{plan.resolutions[-1]}x{plan.resolutions[-1]}" == printed["last resolution"] == "512x512"
    assert plan.batches[0] == printed["first batch size"] == 128
    assert plan.batches[-1] == printed["last batch size"] == 2
    assert sorted(plan.batches, reverse=True) == list(plan.batches)
    assert plan.learning_rate == printed["learning rate"] == 0.0075


def test_the_papers_decay_is_read_both_ways(printed):
    averages, rate = GrowthPlan.paper("averages"), GrowthPlan.paper("rate")
    assert averages.betas[1] == printed["exponential decay"] == 0.99
    assert averages.rate(10**6) == 0.0075
    assert rate.rate_decay == 0.99
    assert rate.rate(10_014) == 0.0075
    assert rate.rate(10_015) == pytest.approx(0.0075 * 0.99)
    assert rate.rate(3 * 10_015) == pytest.approx(0.0075 * 0.99**3)
    with pytest.raises(InputError, match="expected 'averages'"):
        GrowthPlan.paper("both")


def test_what_the_paper_does_not_say_is_declared():
    told = GrowthPlan.paper().declared().set_index("setting")["source"]
    assert told["resolutions"] == told["learning_rate"] == "section 2.4"
    assert told["betas"].startswith("section 2.4, taken for the second average's")
    assert told["rate_decay"] == told["ema_images"] == told["explosion"] == "ours"
    assert told["pixel_norm"] == told["images_fade"] == "Karras et al. 2018"
    told = GrowthPlan.paper("rate").declared().set_index("setting")["source"]
    assert told["rate_decay"] == "section 2.4, taken for the rate's"
    assert told["betas"] == "Karras et al. 2018"
    told = GrowthPlan.quick().declared().set_index("setting")["source"]
    assert told["learning_rate"] == "section 2.4"
    assert told["resolutions"] == told["batches"] == told["widths"] == "ours"


@pytest.mark.parametrize("plan", [GrowthPlan.paper(), GrowthPlan.quick(), GrowthPlan.cpu(), GrowthPlan.gpu(128)])
def test_a_plan_tells_its_blocks_in_a_table(plan):
    table = plan.table()
    assert list(table["resolution"]) == [f"{side} x {side}" for side in plan.resolutions]
    assert table["steps"].sum() == plan.steps
    assert table[["images fading in", "images steady"]].sum().sum() == plan.images
    assert table["images fading in"].iloc[0] == 0


def test_stages_fade_in_and_stay():
    plan = replace(GrowthPlan.quick(), images_fade=(0, 64, 0, 100), images_steady=32, batches=(32, 32, 16, 16))
    assert [(stage.block, stage.fade, stage.images) for stage in plan.stages()] == [
        (0, False, 32),
        (1, True, 64),
        (1, False, 32),
        (2, False, 32),
        (3, True, 112),  # whole batches
        (3, False, 32),
    ]


@settings(max_examples=60, deadline=None)
@given(
    blocks=st.integers(1, 5),
    batch=st.integers(1, 40),
    fade=st.integers(0, 200),
    steady=st.integers(1, 200),
    critic_steps=st.integers(1, 3),
)
def test_positions_run_through_the_plan_in_order(blocks, batch, fade, steady, critic_steps):
    plan = GrowthPlan(
        resolutions=tuple(4 * 2**block for block in range(blocks)),
        widths=(4,) * blocks,
        batches=(batch,) * blocks,
        images_fade=fade,
        images_steady=steady,
        critic_steps=critic_steps,
    )
    found = [plan.position(step) for step in range(plan.steps)]
    assert [where.block for where in found] == sorted(where.block for where in found)
    assert {where.block for where in found} == set(range(blocks))
    assert all(0 <= where.alpha <= 1 for where in found)
    for before, after in pairwise(found):
        assert after.alpha > before.alpha or after.block > before.block or after.alpha == 1
        assert after.alpha == 0 or after.block == before.block or not fade
    assert [plan.images_before(step) for step in range(plan.steps + 1)] == [
        batch * critic_steps * step for step in range(plan.steps + 1)
    ]
    assert plan.images_before(plan.steps) == plan.images
    assert (
        plan.position(plan.steps)
        == plan.position(plan.steps + 7)
        == found[-1].__class__(blocks - 1, plan.resolutions[-1], 1.0, batch)
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resolutions": (4, 8, 12, 16)}, r"resolutions: found \(4, 8, 12, 16\), expected 4, 8, 16"),
        ({"resolutions": (8, 16, 32, 64)}, "each twice the last"),
        ({"resolutions": ()}, "resolutions"),
        ({"widths": (8, 8)}, "widths: found 2 values, expected 4"),
        ({"widths": (8, 8, 8, 0)}, "widths: found 0"),
        ({"batches": 32}, "batches: found 32, expected a list"),
        ({"images_fade": (1, 2)}, "images_fade: found 2 values"),
        ({"images_steady": 0}, "images_steady: found 0"),
        ({"betas": (0.5, 1.0)}, "betas"),
        ({"learning_rate": 0}, "learning_rate: found 0"),
        ({"learning_rate": float("nan")}, "learning_rate: found nan"),
        ({"rate_decay": 1.5}, "rate_decay: found 1.5"),
        ({"penalty": -1}, "penalty: found -1"),
        ({"critic_steps": 0}, "critic_steps: found 0"),
        ({"layers": 1.5}, "layers: found 1.5"),
        ({"flips": 1}, "flips: found 1, expected True or False"),
        ({"collapse_below": 2}, "collapse_below"),
    ],
)
def test_a_faulty_plan_is_one_clear_line(changes, words):
    with pytest.raises(InputError, match=words) as caught:
        replace(GrowthPlan.quick(), **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resolution", [4, 48, 1024, "64"])
def test_a_gpu_plan_has_a_resolution_that_there_is(resolution):
    with pytest.raises(InputError, match="expected 8, 16, 32"):
        GrowthPlan.gpu(resolution)


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"noise": 0}, "noise: found 0"),
        ({"per_block": 27}, "26 codes a block"),
        ({"classes": 1}, "classes: found 1"),
        ({"classes": 2, "class_blocks": ()}, "class_blocks"),
        ({"classes": 2, "class_blocks": (-1,)}, "class_blocks"),
    ],
)
def test_faulty_codes_are_one_clear_line(settings_, words):
    with pytest.raises(InputError, match=words):
        Codes(**settings_)


def test_codes_must_fit_the_plan():
    with pytest.raises(InputError, match=r"class_blocks: found \(4,\), expected numbers from 0 to 3"):
        InfoGAN(GrowthPlan.quick(), Codes(classes=2, class_blocks=(4,)))


def test_codes_are_named_after_their_block():
    assert Codes(per_block=2).names((4, 8)) == ["4x4 a", "4x4 b", "8x8 a", "8x8 b"]
    assert Codes(per_block=0).names((4, 8)) == []
