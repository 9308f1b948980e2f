"""Chapter 05's run: generator, codes, tones, memory and lessons, on tiny phantoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "05_infogan.ipynb"
CNN = "bhardwaj2021_cnn_g4"
TINY = {
    "phantom_n": 420,
    "phantom_size": 32,
    "resolution": 8,
    "width": 8,
    "images_a_phase": 32,
    "images_at_last": 64,
    "trial_lr": [],
    "tone_resolution": 0,
    "permutations": 99,
    "arch": CNN,
    "pretrained": False,
    "judge_size": 32,
    "synthetic_a_class": 12,
}


def lesions_of(left, where):
    return set(left["unit"][where])


def stored(left):
    return left["ll"].runs.load(left["run"].key)


def test_the_generator_sees_training_lesions_alone(run):
    left = run()
    assert set(left["seen"]) == set(left["rows"]["train"])
    assert not lesions_of(left, left["seen"]) & lesions_of(left, left["rows"]["test"])
    assert left["array"].shape[1:] == (8, 8, 3)
    assert left["history"]["images"].iloc[-1] == left["plan"].images == 32 + 32 + 64
    assert left["plan"].balanced
    assert left["gan"].codes.class_blocks is None


def test_all_images_are_seen_where_that_is_asked(run):
    left = run(learns_from="all images")
    assert len(left["seen"]) == 420
    assert lesions_of(left, left["rows"]["test"]) <= lesions_of(left, left["seen"])


def test_the_plan_follows_every_parameter(run):
    left = run(
        width=16,
        batch_size=8,
        layers=2,
        lr=1e-3,
        averages_decay=0.9,
        rate_decay=0.5,
        codes_per_block=3,
        information=0.5,
        penalty_share=1.0,
        guidance=2.0,
        balanced=False,
    )
    plan = left["plan"]
    assert plan.resolutions == (4, 8)
    assert plan.widths == (16, 16)
    assert plan.batches == (8, 8)
    assert (plan.layers, plan.learning_rate, plan.betas, plan.rate_decay) == (2, 1e-3, (0.0, 0.9), 0.5)
    assert (plan.information, plan.penalty_share, plan.guidance, plan.balanced) == (0.5, 1.0, 2.0, False)
    assert plan.images_fade[1] == 32
    assert plan.images_steady == (32, 64)
    assert len(left["code_names"]) == 6
    # Unbalanced, the class code is drawn as often as its class stands among the training images.
    counts = np.bincount(left["label"][left["rows"]["train"]])
    assert left["gan"].prior == pytest.approx(counts / counts.sum())


def test_without_stabilizers_nothing_holds_the_training(run):
    plan = run(stabilizers=False)["plan"]
    assert not (plan.equalized or plan.pixel_norm or plan.minibatch_stddev or plan.drift)


def test_channels_and_batches_shrink_beyond_32_pixels(run):
    planned = run()["planned"](128, 16, 32, 1e-3)
    assert planned.widths == (8, 8, 8, 4, 4, 4)
    assert planned.batches == (16, 16, 16, 16, 8, 4)


def test_unguided_groups_are_named_by_majority(run):
    left = run(guide="none")
    assert left["gan"].codes.class_blocks == (0,)
    assert not left["plan"].balanced
    train = left["rows"]["train"]
    for klass in set(left["found_class"]):
        members = left["label"][train][left["found_class"] == klass]
        counts = np.bincount(members, minlength=7)
        assert counts[left["meaning"][klass]] == counts.max()
    assert (left["synthetic_label"] == left["meaning"][left["asked"]]).all()
    assert "class code" in set(left["in_real"]["code"])


def test_a_guide_by_skin_type_has_six_values_and_paints_the_tones(run):
    left = run(guide="skin_type")
    assert left["groups"] == left["gan"].codes.classes == 6
    assert left["toned"] is left["gan"]
    assert left["tones"].groupby("images")["type"].nunique().to_dict() == {"asked for": 6, "real": 6}


def test_a_second_generator_is_told_the_skin_types(run):
    left = run(tone_resolution=8)
    assert left["toned"] is not left["gan"]
    assert left["toned"].codes.classes == 6
    named = {row.metric for row in left["run"].metrics.rows}
    assert "rank correlation, skin type asked for and ITA" in named


def test_the_rim_has_the_tone_that_the_library_measures(run):
    left = run(resolution=32, images_at_last=32)
    theirs = left["ll"].datasets.skin_tone(left["lesions"], around="border", size=32)["ita"]
    apart = np.abs(left["rim_ita"](left["array"]) - theirs.to_numpy(float))
    assert np.nanmedian(apart) < 3


def test_rates_are_tried_and_a_wild_one_fails(run):
    left = run(trial_lr=[1e-3, 3.0], trial_images=64)
    assert left["trials"][1e-3][1] is None
    assert isinstance(left["trials"][3.0][1], left["ll"].generative.Diverged)
    rows = {row.metric: row.value for row in left["run"].metrics.rows}
    assert rows["short trial at 0.001: images until it failed"] is None
    assert rows["short trial at 3: images until it failed"] > 0


def test_a_failed_training_is_told_and_begins_again_at_a_quarter(run):
    left = run(lr=1.0, images_a_phase=200)
    assert left["failures"]
    assert left["trained_rate"] == 1.0 / 4 ** len(left["failures"])
    assert left["plan"].learning_rate == left["trained_rate"]
    rows = {row.metric: row.value for row in left["run"].metrics.rows}
    assert rows["failed trainings"] == len(left["failures"])
    assert rows["learning rate that trained"] == left["trained_rate"]
    assert any(name.startswith("images until diverged at 1") for name in rows)


def test_lessons_hold_what_their_names_say(run):
    left = run()
    train, made, label = set(left["rows"]["train"]), set(left["made"]), left["pool_label"]
    lessons = left["lessons"]
    assert set(lessons["real"]) == train
    assert set(lessons["synthetic only"]) == made
    assert np.bincount(label[lessons["synthetic only"]]).tolist() == [12] * 7
    assert set(lessons["real + synthetic"]) - train <= made
    assert set(lessons["real, repeated"]) == train
    # Both have each class as often, so that only the kind of image differs.
    mixed, again = (np.bincount(label[lessons[name]]) for name in ("real + synthetic", "real, repeated"))
    assert mixed.tolist() == again.tolist()
    assert not train & set(left["rows"]["test"])


def test_memory_is_asked_of_equally_many_images_of_each_class(run):
    left = run()
    inside, outside, label = left["inside"], left["outside"], left["label"]
    assert set(inside) <= set(left["rows"]["train"])
    assert set(outside) <= set(left["rows"]["test"])
    assert np.bincount(label[inside]).tolist() == np.bincount(label[outside]).tolist()
    assert len(set(left["unit"][inside])) == len(inside)
    # A copy is nearest to its original, a held-out image to itself; copies of both sides tell nothing.
    is_member, images = left["nearest_is_member"], left["array"]
    copied, new = is_member(images[left["both"]], images[inside]), is_member(images[left["both"]], images[outside])
    mixed = is_member(images[left["both"]], images[left["both"]])
    assert (copied["value"], new["value"], mixed["value"]) == (1, 0, 0.5)
    assert copied["p"] == new["p"] == pytest.approx(1 / 2001)
    assert mixed["p"] == 1


def test_one_image_that_is_nearest_to_all_is_no_evidence(run):
    left = run()
    lone = left["array"][left["inside"][:1]]
    found = left["nearest_is_member"](left["array"][left["both"]], np.repeat(lone, 50, axis=0))
    assert found["value"] == 1
    assert (found["low"], found["high"]) == (0, 1)
    assert found["p"] == 1


def test_a_score_that_knows_its_members_has_an_auc_of_one(run):
    told_apart = run()["told_apart"]
    member = np.array([True, True, False, False])
    assert told_apart(member, np.array([3.0, 2.0, 1.0, 0.0])) == 1
    assert told_apart(member, np.array([1.0, 1.0, 1.0, 1.0])) == 0.5


def test_the_distance_does_not_change_in_the_space_that_both_span(run):
    left = run()
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(20, 50)), rng.normal(0.3, 2, size=(25, 50))
    found = left["apart"](one, other)[0]
    assert found == pytest.approx(left["ll"].generative.frechet_distance(one, other), rel=1e-6)


def test_fine_tuned_classifiers_answer_beside_linear_ones(run):
    left = run(epochs=1)
    arms = {"real", "synthetic only", "real + synthetic", "real, repeated"}
    given = stored(left).predictions
    assert set(given["arm"]) == arms | {f"{arm}, fine-tuned" for arm in arms}
    assert set(given["split"]) == {"valid", "test"}
    assert given.filter(like="p_").sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    assert np.abs(left["answers"]["real"] - left["answers"]["real, fine-tuned"]).max() > 0.01
    assert {"40 synthetic images", "40 synthetic images, fine-tuned"} < set(left["paper_test"])
    assert ("real, repeated, fine-tuned", "real + synthetic, fine-tuned", "auc") in left["compared"]


def test_a_stopped_training_goes_on_from_its_checkpoint(run, tmp_path):
    whole = run()
    first, second = (run(checkpoint=str(tmp_path / "kept")) for _ in range(2))
    files = list(tmp_path.glob("kept/rate-*/*"))
    assert files
    # The second one only loads what the first has finished, and all three draw the same.
    assert not second["album"]
    for left in (first, second):
        assert (left["synthetic"] == whole["synthetic"]).all()
    # A path of this machine is not kept.
    assert first["run"].run.parameters["checkpoint"] == "kept"


def test_a_closed_test_set_stays_closed(run):
    left = run(open_test=False)
    assert left["run"].run.openings == []
    assert set(stored(left).predictions["split"]) == {"valid"}
    assert set(left["outside"]) <= set(left["rows"]["valid"])


def test_ties_to_labels_are_no_discovery_of_a_plain_gan(run):
    left = run(guide="none", information=0.0)
    assert left["plan"].information == 0
    assert set(left["in_real"]["variable"]) >= {"age", "sex", "site", "diagnosis", "skin type", "hue, rim"}
