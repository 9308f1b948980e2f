"""Chapter 03's run: every task, loss, schedule and head, on tiny phantoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fastai.optimizer import RMSProp
from fastai.vision.all import CrossEntropyLossFlat

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "03_bhardwaj2021.ipynb"
CNN, LITE = "bhardwaj2021_cnn_g4", "tf_efficientnet_lite0"
TINY = {
    "phantom_n": 160,
    "phantom_size": 32,
    "size": 32,
    "epochs": 1,
    "members": [CNN],
    "scratch": [CNN],
    "heads": False,
    "changed": False,
    "cues": 0,
}


def held_out(left):
    return sorted(left["parted"].subset("test")["image_id"])


def stored_arms(left):
    return set(left["ll"].runs.load(left["run"].key).predictions["arm"])


def test_the_three_tasks_share_their_test_lesions(run):
    ways = {task: run(task=task) for task in "ABC"}
    assert ways["B"]["dls"].vocab == ["others", "melanoma"]
    assert ways["C"]["dls"].vocab == ["others", "nevus", "melanoma"]
    assert len(ways["A"]["dls"].vocab) == 8
    assert held_out(ways["A"]) == held_out(ways["B"]) == held_out(ways["C"])
    for left in ways.values():
        assert left["terms"](left["parted"])[left["parted"].classes[left["positive"]]] == "melanoma"


def test_the_papers_way_has_no_test_images(run):
    left = run(holdout="paper")
    counts = left["parted"].frame["split"].value_counts()
    assert counts.to_dict() == {"train": 128, "valid": 32}
    assert left["run"].run.openings == []
    assert set(left["ll"].runs.load(left["run"].key).predictions["split"]) == {"valid"}


def test_few_and_balanced_training_images_leave_the_others_alone(run):
    all_of_them, few, even = run(), run(n_train=60), run(sample="balanced")
    assert held_out(all_of_them) == held_out(few) == held_out(even)
    assert len(few["parted"].subset("train")) == 60
    counts = even["parted"].subset("train")["label"].value_counts()
    assert counts["melanoma"] == counts["others"]
    assert counts["melanoma"] == (all_of_them["parted"].subset("train")["label"] == "melanoma").sum()


def test_one_output_for_two_classes_and_one_for_each_of_more(run):
    two, many = run(loss="binary"), run(loss="binary", task="A")
    assert two["learners"][CNN].model.head.linear.out_features == 1
    assert isinstance(two["learners"][CNN].loss_func, CrossEntropyLossFlat)
    assert two["arms"][CNN]["test"].y_prob.shape[1] == 2
    assert many["learners"][CNN].model.head.linear.out_features == 8


def test_one_output_is_binary_cross_entropy(run):
    left = run(loss="binary")
    learn = left["learners"][CNN]
    scores, truth = learn.model.head.linear(torch.randn(6, 512)), torch.tensor([0, 1, 0, 1, 1, 0])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(scores[:, 1], truth.float())
    assert learn.loss_func(scores, truth).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("loss", ["categorical", "hinge"])
def test_class_weights_are_in_inverse_proportion(run, loss):
    left = run(loss=loss, class_weights=True)
    counts = left["parted"].subset("train")["label"].value_counts().reindex(left["dls"].vocab)
    loss_func = left["learners"][CNN].loss_func
    weight = (loss_func.func if loss == "categorical" else loss_func).weight
    assert weight.numpy() * counts.to_numpy() == pytest.approx(np.full(2, float(weight[0]) * counts.iloc[0]))


def test_rmsprop_is_kerass(run):
    learn = run(optimizer="rmsprop")["learners"][CNN]
    assert learn.opt_func.func is RMSProp
    assert learn.opt.hypers[-1]["sqr_mom"] == 0.9
    assert learn.opt.hypers[-1]["mom"] == 0


RATES = {
    "constant": lambda rates: rates == pytest.approx([1e-3] * len(rates)),
    "plateau": lambda rates: rates == pytest.approx([1e-3] * len(rates)),
    "one cycle": lambda rates: max(rates) == pytest.approx(1e-3, rel=0.1) and rates[-1] < 1e-5 < rates[0] < 1e-3,
    "restarts": lambda rates: rates[0] == rates[len(rates) // 2] == pytest.approx(1e-3) and min(rates) < 2e-4,
    "triangular": lambda rates: rates[0] == pytest.approx(1e-4) and max(rates) == pytest.approx(1e-3),
}


@pytest.mark.parametrize("schedule", RATES)
def test_the_rate_moves_as_the_schedule_says(run, schedule):
    left = run(schedule=schedule, epochs=2, batch_size=8)
    rates = left["rates"][CNN]
    assert len(rates) == 2 * len(left["dls"].train)
    assert RATES[schedule](rates), rates
    assert len(left["watches"][CNN].clock) == 2


def test_a_frozen_body_stays_and_its_head_learns(run):
    left = run(members=[LITE], scratch=[], body="frozen", size=64)
    learn = left["learners"][LITE]
    fresh = left["learner"](LITE).model.state_dict()
    changed = {name for name, now in learn.model.state_dict().items() if not torch.equal(now, fresh[name])}
    assert changed
    assert all(name.startswith("head") for name in changed)


def test_heads_of_several_members_share_their_features(run):
    left = run(task="A", members=[LITE, CNN], size=64, heads=True, changed=True)
    heads = {"softmax head", "SVM head", "SVM head, small intercept", "SVM head, multi-class"}
    assert stored_arms(left) == {LITE, CNN, "average", "blurred", "gray"} | heads
    assert left["known"]["train"].x.shape[1] == 1280 + 512
    for name in heads:
        balanced = {c: left["chosen_c"][name] == c for c in (left["softmax_c"] if "soft" in name else left["svm_c"])}
        assert sum(balanced.values()) == 1
    both = np.mean([left["arms"][name]["test"].y_prob for name in (LITE, CNN)], axis=0)
    assert left["arms"]["average"]["test"].y_prob == pytest.approx(both)


def test_the_best_member_alone_is_the_average_of_one(run):
    left = run(members=[CNN, "bhardwaj2021_cnn_g2"], scratch=[CNN, "bhardwaj2021_cnn_g2"], top_n=1)
    best = left["members"][left["best"][0]]
    assert left["arms"]["average"]["test"].y_prob == pytest.approx(left["arms"][best]["test"].y_prob)
    assert left["added"].order[0] == left["best"][0]


def test_a_gray_image_has_one_value_a_pixel(run):
    left = run(changed=True)
    images = torch.rand(2, 3, 4, 4)
    gray = left["gray"](type("Batch", (), {"images": images}))
    assert torch.equal(gray[:, 0], gray[:, 1])
    light = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    assert (gray[:, 0] - light).abs().max() <= 0.5 / 255 + 1e-6


def test_cues_are_read_and_followed_apart(run):
    rows = {row["metric"]: row["value"] for row in run(cues=160)["cue_rows"]}
    assert len(rows) == 6
    assert all(0 <= value <= 1 for value in rows.values())
    # Color was drawn to be told apart with ease; a reader that cannot has not been trained.
    assert rows["AUC of reading the color"] > 0.6
