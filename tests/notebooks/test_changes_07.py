"""Chapter 07's run: classes, split, networks, attacks and defenses, on tiny phantoms."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "07_gupta2021.ipynb"
LITE = "tf_efficientnet_lite0"
TINY = {
    "phantom_n": 240,
    "phantom_size": 32,
    "arch": "bhardwaj2021_cnn_g4",
    "pretrained": False,
    "size": 32,
    "epochs": 1,
    "augment": "none",
    "eps": [],
    "pgd_eps": [],
    "noise_sd": [],
    "corruptions": False,
    "explain": 0,
}


def lesions_of(frame):
    return set(frame["lesion_id"].fillna(frame["image_id"]))


def test_classes_split_and_shares_are_the_reports(run):
    left = run()
    parted = left["parted"]
    assert parted.classes == ["benign", "malignant"]
    sides = parted.frame.groupby("label")["diagnosis"].unique()
    assert set(sides["malignant"]) == {"melanoma", "basal_cell_carcinoma", "actinic_keratosis"}
    counts = parted.frame["label"].value_counts()
    assert counts["benign"] / counts["malignant"] == pytest.approx(1800 / 1497, rel=0.05)
    shares = parted.frame["split"].value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({"train": 0.72, "valid": 0.08, "test": 0.2}, abs=0.02)
    parts = [lesions_of(parted.subset(name)) for name in ("train", "valid", "test")]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_all_images_where_that_is_asked(run):
    assert len(run(counts="all")["chosen"]) == 240


def test_a_set_that_names_no_lesions_keeps_one_of_two_twins(run):
    left = run(data="phantom:isic_binary")
    assert left["parted"].classes == ["benign", "malignant"]
    assert left["two"].frame["lesion_id"].isna().all()
    assert left["ll"].datasets.verify(left["two"]).duplicates.empty
    twice = left["two"].where(image_id=left["two"].frame["image_id"].iloc[:9])
    twice.frame.loc[8, "image"] = twice.frame.loc[0, "image"]
    assert len(left["without_twins"](twice)) == 8


def test_the_small_network_takes_the_images_as_they_are(run):
    left = run(arch="gupta2021_cnn", schedule="constant", head_mult=1.0, eps=[0.003])
    assert left["learn"].model.head.linear.out_features == 2
    assert set(left["learn"].recorder.lrs) == {left["lr"]}
    # Nothing is normalized, so that a step of the same size is the same step on either scale.
    plain, raw = (left["perturbed"][name].y_prob for name in ("FGSM 0.003", "FGSM 0.003, normalized"))
    assert plain == pytest.approx(raw, abs=0.01)


def test_a_frozen_body_stays(run):
    left = run(arch=LITE, pretrained=True, body="frozen", size=64)
    fresh = left["learner_on"](left["dls"]).model.state_dict()
    now = left["learn"].model.state_dict()
    changed = {name for name in now if not torch.equal(now[name], fresh[name])}
    assert changed
    assert all(name.startswith("head") for name in changed)


def test_other_lesions_first_are_other_lesions(run):
    left = run(first_learn="left-out lesions", first_epochs=1)
    assert not lesions_of(left["rest"].frame) & lesions_of(left["chosen"].frame)
    assert len(left["teacher"].dls.vocab) == 7
    assert left["learn"].dls.vocab == ["benign", "malignant"]


@pytest.mark.parametrize("defense", ["adversarial", "noise"])
def test_a_defense_changes_what_is_learned(run, defense):
    plain, defended = run(), run(defense=defense, defense_size=0.05)
    before, after = (left["predictions"]["test"].y_prob for left in (plain, defended))
    assert before.shape == after.shape
    assert abs(before - after).max() > 1e-4


def test_every_perturbation_is_an_arm_of_as_many_images_as_asked(run):
    left = run(eps=[0.01], pgd_eps=[0.01], pgd_steps=2, noise_sd=[0.1], corruptions=True, probe_images=20)
    arms = left["ll"].runs.load(left["run"].key).predictions.query("split == 'test'")["arm"].value_counts()
    assert arms.pop("clean") == len(left["predictions"]["test"].frame)
    assert set(arms) == {20}
    assert {"FGSM 0.01", "PGD 0.01", "noise 0.1", "Blur 2", "JPEG 10", "Brightness 0.6"} < set(arms.index)
    assert {"FGSM 0.003, normalized", "noise 0.003, normalized"} < set(arms.index)
    named = {row.metric for row in left["run"].metrics.rows}
    assert "balanced_accuracy, PGD 0.01" in named


def test_heat_of_a_trained_and_of_a_random_network(run):
    left = run(explain=8, heat_layers=["last"])
    assert set(left["on_lesion"]) == {("last", "trained"), ("last", "random")}
    assert all(-1 <= found.value <= 1 for _, found in left["on_lesion"].values())


def test_a_closed_test_set_stays_closed(run):
    left = run(open_test=False, noise_sd=[0.01])
    assert set(left["predictions"]) == {"train", "valid"}
    assert left["run"].run.openings == []
    stored = left["ll"].runs.load(left["run"].key).predictions
    assert set(stored["split"]) == {"valid"}
    assert set(stored["image_id"]) == set(left["parted"].subset("valid")["image_id"])


def test_tone_and_type_stand_with_the_cases(run):
    left = run()
    kept = left["ll"].runs.answers(left["run"].key, "test", "clean").frame
    assert kept["ita"].notna().mean() > 0.5
    assert set(left["chances"]) == {"lighter", "both"}
    assert all(each.sum(axis=1) == pytest.approx(1) for each in left["chances"].values())
