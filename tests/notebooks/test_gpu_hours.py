"""The estimates of GPU hours in the paper profile: what its parameters give, and nothing else."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu_hours.py"


@pytest.fixture(scope="module")
def hours():
    found = importlib.util.spec_from_file_location("gpu_hours", SCRIPT)
    module = importlib.util.module_from_spec(found)
    # Dataclasses look their module up.
    sys.modules["gpu_hours"] = module
    found.loader.exec_module(module)
    yield module
    del sys.modules["gpu_hours"]


@pytest.mark.slow
def test_every_estimate_is_what_its_parameters_give(hours):
    apart = [
        f"{chapter} {parameters}: the file says {written}, the parameters give {found:.3g}"
        for chapter, parameters, written, found in hours.reckoned("paper")
        if not hours.agrees(written, found)
    ]
    assert not apart, "\n".join(apart)


@pytest.mark.parametrize(
    # Thousand millions of multiplications and additions, and layers with weights (batch norm counts), as known of them.
    ("arch", "giga", "layers"),
    [("resnet50", 8.2, 107), ("vgg16", 30.9, 15), ("mobilenetv2_100", 0.6, 105), ("densenet121", 5.7, 241)],
)
def test_operations_and_layers_are_those_of_the_networks(hours, arch, giga, layers):
    found = hours.cost(arch, 224, 224)
    assert found.operations / 1e9 == pytest.approx(giga, rel=0.06)
    assert abs(found.layers - layers) <= 1


def test_a_pass_takes_its_arithmetic_or_the_start_of_its_layers(hours):
    small = hours.Cost(operations=hours.PEAK * hours.SHARE * 1e-3, layers=100)
    # Batches of 64: 64 ms of arithmetic, 7 ms of layers; of 1: 1 ms and 7 ms.
    assert small.seconds(6400, 64, 3) == pytest.approx(3 * 6.4)
    assert small.seconds(6400, 1, 3) == pytest.approx(3 * 6400 * 100 * hours.LAYER)


def test_an_estimate_a_fifth_off_or_missing_does_not_pass(hours):
    assert hours.agrees(1.19, 1.0) and hours.agrees(0.81, 1.0) and hours.agrees(0.0, 0.0004)
    assert not hours.agrees(1.21, 1.0) and not hours.agrees(0.79, 1.0)
    assert not hours.agrees(None, 1.0) and not hours.agrees(0.0, 0.0006)


def test_more_epochs_images_or_pixels_take_longer(hours):
    from lesionlib import runs

    notebook = runs.chapters(hours.PROJECT)["04_lucius2020"]
    base = {"data": "ham10000", "arch": "resnet34", "height": 224, "width": 300, "epochs": 90}
    once = hours.lucius(runs.resolve(notebook, base))
    assert hours.lucius(runs.resolve(notebook, base | {"epochs": 180})) == pytest.approx(2 * once, rel=0.05)
    assert hours.lucius(runs.resolve(notebook, base | {"data": "isic2019"})) == pytest.approx(2.53 * once, rel=0.05)
    # Twice the pixels each way; the network's last layers round up.
    assert hours.lucius(runs.resolve(notebook, base | {"height": 448, "width": 600})) > 3.5 * once
