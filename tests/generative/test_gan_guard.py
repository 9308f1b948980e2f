from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_gans import TINY, Killed, pictures, tiny_gan

from lesionlib.errors import InputError, LesionlibError
from lesionlib.generative import Codes, Collapsed, Diverged, GrowthPlan, InfoGAN, diversity, restore, steps, train
from lesionlib.generative.checkpoint import FILE
from lesionlib.generative.guard import check_diversity, check_step, reach
from lesionlib.generative.history import COLUMNS

ROW = dict.fromkeys(COLUMNS, 0.5) | {"images": 100.0, "resolution": 8.0, "learning_rate": 0.002}


@pytest.fixture
def penalty_breaks(monkeypatch):
    """From the given step on, the penalty is no number."""

    def breaks(at: int) -> None:
        done, real = [], steps.gradient_penalty

        def penalty(*arguments):
            done.append(1)
            return real(*arguments) * (torch.nan if len(done) >= at else 1.0)

        monkeypatch.setattr(steps, "gradient_penalty", penalty)

    return breaks


def test_a_loss_that_is_no_number_stops_the_training(penalty_breaks, tmp_path):
    straight = tiny_gan()
    train(straight, pictures())

    penalty_breaks(15)
    seen = []
    with pytest.raises(Diverged, match=r"after 100 images, at 16 x 16: critic_loss, penalty") as caught:
        train(tiny_gan(), pictures(), tmp_path, checkpoint_every=8, on_progress=lambda row: seen.append(row["step"]))
    assert seen == list(range(1, 15))
    assert caught.value.checkpoint == tmp_path / FILE
    assert str(tmp_path / FILE) in str(caught.value)
    assert len(caught.value.history.frame) == 15
    assert isinstance(caught.value, LesionlibError)
    assert "\n" not in str(caught.value)

    kept = tiny_gan()
    assert restore(kept, tmp_path).frame["step"].iloc[-1] == 14
    assert all(torch.isfinite(weight).all() for weight in kept.generator.parameters())


def test_the_last_good_checkpoint_leads_on(penalty_breaks, tmp_path, monkeypatch):
    straight, broken = tiny_gan(), tiny_gan()
    train(straight, pictures())
    penalty_breaks(12)
    with pytest.raises(Diverged):
        train(tiny_gan(), pictures(), tmp_path, checkpoint_every=8)
    monkeypatch.undo()
    train(broken, pictures(), tmp_path)
    for one, other in zip(straight.generator.parameters(), broken.generator.parameters(), strict=True):
        assert torch.equal(one, other)


def test_without_a_checkpoint_the_message_says_so(penalty_breaks):
    penalty_breaks(2)
    with pytest.raises(Diverged, match="no checkpoint was written") as caught:
        train(tiny_gan(), pictures())
    assert caught.value.checkpoint is None


def test_weights_that_are_no_numbers_are_never_written(tmp_path, monkeypatch):
    """The losses of a step are those before its last update: the weights may be lost after it."""
    follow = steps.follow

    def breaks(gan, images, shown):
        follow(gan, images, shown)
        if shown == 16:
            next(gan.generator.parameters()).data[0] = torch.inf

    monkeypatch.setattr("lesionlib.generative.training.follow", breaks)
    with pytest.raises(Diverged, match="a weight is no number any more"):
        train(tiny_gan(), pictures(), tmp_path, checkpoint_every=8)
    assert restore(tiny_gan(), tmp_path).frame["images"].iloc[-1] == 8


def test_a_learning_rate_far_too_high_diverges():
    plan = replace(TINY, learning_rate=10.0, equalized=False, pixel_norm=False)
    with pytest.raises(Diverged, match="a lower learning rate"):
        train(InfoGAN(plan, Codes(noise=4), device="cpu"), pictures())


def test_an_exploding_critic_is_named():
    plan = GrowthPlan.quick()
    most = reach(8)
    check_step(ROW | {"wasserstein": -9.9 * most, "diversity": np.nan}, plan)
    with pytest.raises(Diverged, match=r"more than 10 times the 27\.7 that a 1-Lipschitz critic can reach"):
        check_step(ROW | {"wasserstein": 10.1 * most}, plan)


@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in ("diversity", "images", "resolution")])
def test_any_figure_that_is_no_number_is_named(name):
    with pytest.raises(Diverged, match=f"8 x 8: {name} no number"):
        check_step(ROW | {name: np.inf}, GrowthPlan.quick())


def collapse(gan: InfoGAN) -> None:
    """Whatever it is fed, the generator draws one image, and training cannot change that."""
    dead = [gan.generator.start.weight, *(condition.dense.weight for condition in gan.generator.conditions)]
    for weight in dead:
        weight.requires_grad_(False).zero_()


def test_a_collapsed_generator_is_found(tmp_path):
    gan = tiny_gan(collapse_below=0.2, collapse_patience=2, check_images=20)
    collapse(gan)
    with pytest.raises(Collapsed, match=r"2 looks in a row .* 0\.00 of what real ones do") as caught:
        train(gan, pictures(), tmp_path, checkpoint_every=8)
    # 4 x 4 does not count; its 24 images are followed by looks at 40 and 60.
    frame = caught.value.history.frame
    assert frame["images"].iloc[-1] == 64
    assert frame["diversity"].dropna().tolist() == [0, 0, 0]
    # The checkpoint of the step before the last stands.
    assert (
        restore(tiny_gan(collapse_below=0.2, collapse_patience=2, check_images=20), tmp_path)
        .frame["images"]
        .tolist()[-1]
        == 56
    )


def test_a_look_is_remembered_across_a_break(tmp_path):
    """One look before the break, one after: two in a row."""
    changes = {"collapse_below": 0.2, "collapse_patience": 2, "check_images": 20}

    def stop(row):
        if row["images"] == 48:
            raise Killed

    gan = tiny_gan(**changes)
    collapse(gan)
    with pytest.raises(Killed):
        train(gan, pictures(), tmp_path, checkpoint_every=8, on_progress=stop)
    again = tiny_gan(**changes)
    collapse(again)
    with pytest.raises(Collapsed) as caught:
        train(again, pictures(), tmp_path, checkpoint_every=8)
    frame = caught.value.history.frame
    assert frame["images"].iloc[-1] == 64
    assert caught.value.history.resumed_at == 48


def test_a_look_that_is_good_starts_the_count_anew():
    plan = replace(GrowthPlan.quick(), collapse_below=0.3, collapse_patience=3)
    sides = np.array([4, 4, 4, 8, 8, 16, 16, 16])
    check_diversity(np.zeros(5), sides[:5], 10, plan)
    check_diversity(np.array([0, 0, 0, 0.1, 0.1, 0.4, 0.1, 0.1]), sides, 10, plan)
    with pytest.raises(Collapsed, match=r"differ by 0\.20 of what"):
        check_diversity(np.array([0, 0, 0, 0.9, 0.9, 0.1, 0.2, 0.1]), sides, 10, plan)
    one = replace(plan, resolutions=(4,), widths=(4,), batches=(4,), images_fade=0, images_steady=8)
    with pytest.raises(Collapsed):
        check_diversity(np.zeros(3), sides[:3], 10, one)


def test_diversity_is_the_mean_distance_of_pairs():
    images = np.zeros((3, 2, 2, 3), np.uint8)
    images[1] = 30
    images[2] = 90
    assert diversity(images) == pytest.approx((30 + 90 + 60) / 3)
    assert diversity(images[[1, 1]]) == 0
    assert diversity(np.stack([images[0], images[2]])) == pytest.approx(90)
    with pytest.raises(InputError, match="found 1, expected 2"):
        diversity(images[:1])
