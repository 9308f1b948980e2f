from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from tiny_gans import CODES, LABELS, TINY, Killed, assert_same, killed_at, pictures, tiny_gan

from lesionlib.errors import InputError
from lesionlib.generative import Codes, restore, train
from lesionlib.generative.checkpoint import FILE

STEPS = TINY.steps


def test_the_tiny_plan_has_the_phases_that_the_tests_name():
    found = [(stage.resolution, stage.fade, stage.steps) for stage in TINY.stages()]
    assert found == [(4, False, 3), (8, True, 4), (8, False, 3), (16, True, 8), (16, False, 6)]


@pytest.mark.parametrize("every", [8, 40])
@pytest.mark.parametrize("stop", [1, 3, 5, 7, 10, 14, 18, 22, STEPS])
def test_a_broken_training_ends_like_an_unbroken_one(unbroken, tmp_path, stop, every):
    """Stopped within a phase, while a block fades in, and at the edge of phases; to the last bit."""
    with pytest.raises(Killed):
        train(tiny_gan(codes=CODES), pictures(), tmp_path, checkpoint_every=every, on_progress=killed_at(stop))
    gan = tiny_gan(codes=CODES)
    history = train(gan, pictures(), tmp_path, checkpoint_every=every)
    assert_same(gan, unbroken[0])
    np.testing.assert_array_equal(history.array(), unbroken[1].array())
    assert (tmp_path / FILE).read_bytes() == unbroken[2]
    assert history.finished
    assert history.resumed_at <= TINY.images_before(stop)
    assert every > 8 or history.resumed_at == TINY.images_before(stop) // 8 * 8


@pytest.mark.parametrize(
    "changes",
    [
        {"critic_steps": 2, "rate_decay": 0.9, "decay_images": 20},
        {"balanced": True, "ema_images": 0, "penalty_share": 0.5},
        {"minibatch_stddev": False, "pixel_norm": False, "equalized": False, "flips": False, "layers": 2},
    ],
)
def test_so_does_a_guided_one_with_other_settings(tmp_path, changes):
    straight, broken = (tiny_gan(codes=CODES, seed=3, **changes) for _ in range(2))
    train(straight, pictures(), labels=LABELS)
    for stop in (2, 4):
        with pytest.raises(Killed):
            train(
                tiny_gan(codes=CODES, seed=3, **changes),
                pictures(),
                tmp_path,
                LABELS,
                checkpoint_every=4,
                on_progress=killed_at(stop),
            )
    train(broken, pictures(), tmp_path, LABELS)
    assert_same(straight, broken)


def test_a_finished_training_is_only_read(unbroken, tmp_path):
    (tmp_path / FILE).write_bytes(unbroken[2])
    gan = tiny_gan(codes=CODES)
    history = train(gan, pictures(), tmp_path, on_progress=killed_at(1))
    assert_same(gan, unbroken[0])
    assert history.finished
    assert history.resumed_at == TINY.images
    assert len(history.frame) == STEPS


def test_without_a_folder_nothing_is_written(unbroken, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan = tiny_gan(codes=CODES)
    train(gan, pictures())
    assert_same(gan, unbroken[0])
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="already trained for 24 steps"):
        train(gan, pictures())


def test_restore_needs_no_images(unbroken, tmp_path):
    (tmp_path / FILE).write_bytes(unbroken[2])
    gan = tiny_gan(codes=CODES)
    history = restore(gan, tmp_path)
    assert_same(gan, unbroken[0])
    assert history.finished
    np.testing.assert_array_equal(gan.sample(3), unbroken[0].sample(3))
    with pytest.raises(InputError, match="no checkpoint here"):
        restore(gan, tmp_path / "elsewhere")


KILLED = """
import os, signal, sys
from pathlib import Path
from tiny_gans import pictures, tiny_gan
from lesionlib.generative import Codes, train
import torch
torch.set_num_threads(1)
def on_progress(row):
    if row["step"] == 13:
        os.kill(os.getpid(), signal.SIGKILL)
train(tiny_gan(codes=Codes(noise=5, per_block=2, classes=3)), pictures(), Path(sys.argv[1]), checkpoint_every=8,
      on_progress=on_progress)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_process_goes_on_to_the_same_result(unbroken, tmp_path):
    answer = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parent, check=False)
    assert answer.returncode == -signal.SIGKILL
    gan = tiny_gan(codes=CODES)
    history = train(gan, pictures(), tmp_path, checkpoint_every=8)
    assert 0 < history.resumed_at < TINY.images
    assert_same(gan, unbroken[0])
    assert (tmp_path / FILE).read_bytes() == unbroken[2]
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


WRITING = KILLED.replace("if row", "print(row, flush=True)\n    if row").replace("== 13", "< 0").replace("=8", "=1")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_from_outside_while_it_writes(unbroken, tmp_path):
    """Here every step writes: a file that stands there is whole, wherever the kill falls."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITING, str(tmp_path)], cwd=Path(__file__).parent, stdout=subprocess.PIPE
    )
    for _ in range(7):
        child.stdout.readline()
    time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    gan = tiny_gan(codes=CODES)
    history = train(gan, pictures(), tmp_path, checkpoint_every=1)
    assert history.resumed_at >= TINY.images_before(6)
    assert_same(gan, unbroken[0])


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def of_others(path: Path) -> None:
    path.write_bytes(to_bytes({"weight": torch.zeros(2)}))


def of_the_future(path: Path) -> None:
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["lesionlib"]) | {"schema_version": 9}
    path.write_bytes(to_bytes({"weight": torch.zeros(2)}, metadata={"lesionlib": json.dumps(card)}))


def without_a_weight(path: Path) -> None:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != "critic.judge.0.bias"}  # noqa: SIM118
        metadata = file.metadata()
    path.write_bytes(to_bytes(tensors, metadata=metadata))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (damaged, "no whole checkpoint"),
        (empty, "no whole checkpoint"),
        (of_others, "no whole checkpoint"),
        (of_the_future, "format 9, expected 1"),
        (without_a_weight, r"no whole checkpoint \('critic.judge.0.bias'\)"),
    ],
)
def test_a_faulty_checkpoint_is_one_clear_line(unbroken, tmp_path, fault, words):
    path = tmp_path / FILE
    path.write_bytes(unbroken[2])
    fault(path)
    with pytest.raises(InputError, match=words) as caught:
        train(tiny_gan(codes=CODES), pictures(), tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("gan", "images", "labels", "words"),
    [
        (
            lambda: tiny_gan(codes=CODES, learning_rate=0.001),
            pictures(),
            None,
            "plan.learning_rate is 0.002 there, 0.001",
        ),
        (lambda: tiny_gan(codes=Codes(noise=6, classes=3)), pictures(), None, "codes.noise is 5 there, 6 here"),
        (lambda: tiny_gan(1, CODES), pictures(), None, "seed is 0 there, 1 here"),
        (lambda: tiny_gan(codes=CODES), pictures(seed=1), None, "images is"),
        (lambda: tiny_gan(codes=CODES), pictures(n=38), None, "images is"),
        (lambda: tiny_gan(codes=CODES), pictures(), LABELS, "labels is 'none' there"),
    ],
)
def test_a_foreign_checkpoint_is_refused(unbroken, tmp_path, gan, images, labels, words):
    (tmp_path / FILE).write_bytes(unbroken[2])
    with pytest.raises(InputError, match=words):
        train(gan(), images, tmp_path, labels)
    assert (tmp_path / FILE).read_bytes() == unbroken[2]
