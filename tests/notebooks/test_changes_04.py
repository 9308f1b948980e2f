"""Chapter 04's run: sizes, clinical data alone and beside images, unknown values, five folds, on tiny phantoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lesionlib.errors import InputError

# Together longer than a quick check may take.
pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "04_lucius2020.ipynb"
CLINICAL = ["age", "sex", "site"]
TINY = {
    "phantom_n": 280,
    "phantom_size": 48,
    "arch": "bhardwaj2021_cnn_g4",
    "pretrained": False,
    "height": 24,
    "width": 32,
    "start_height": 24,
    "epochs": 1,
    "augment": "none",
    "views": 1,
}
FOLDS = {"folds": 5, "split_by": "lesion_id"}


def stored(left):
    return left["ll"].runs.load(left["run"].key)


def lesions_of(frame):
    return set(frame["lesion_id"].fillna(frame["image_id"]))


def test_images_have_the_height_and_width_that_are_asked_for(run):
    left = run(height=24, width=32, start_height=12, epochs=2)
    assert left["learn"].dls.one_batch()[0].shape[2:] == (24, 32)
    assert left["start"] == (12, 16)
    # One frozen epoch, then two: each has its training accuracy.
    shares = left["watched"].shares
    assert len(shares) == 3 and all(0 <= share <= 1 for share in shares)
    rows = [row for row in left["run"].metrics.rows if (row.split, row.metric) == ("train", "accuracy")]
    assert [(row.epoch, row.value) for row in rows] == list(enumerate(shares, start=1))


def test_training_accuracy_counts_images_as_they_were_shown(run):
    left = run(epochs=1, base_lr=1e-12, dropout=0.0, class_weight_power=0.0, batch_size=500)
    # Nothing is learned, and batch norm looks at the whole training set at once: the same as one look at it.
    learn = left["learn"]
    images, labels = learn.dls.train.one_batch()
    with torch.no_grad():
        right = (learn.model.train()(images).argmax(dim=1) == labels).float().mean()
    assert left["watched"].shares[-1] == pytest.approx(right.item(), abs=0.03)


def test_no_image_is_enlarged(run):
    with pytest.raises(InputError, match="found 49 x 32, and the images of phantom:ham10000 are stored as 48 x 64"):
        run(height=49)
    with pytest.raises(InputError, match="height, width"):
        run(width=65)


@pytest.mark.parametrize("resize", ["trim", "crop", "pad"])
def test_each_way_of_resizing_is_another_picture(run, resize):
    plain, other = run(), run(resize=resize)
    arrays = [left["learn"].dls.array.astype(int) for left in (plain, other)]
    assert arrays[0].shape == arrays[1].shape
    # Phantoms are drawn 4 to 3: crop and pad find nothing to do.
    assert (abs(arrays[0] - arrays[1]).max() > 8) == (resize == "trim")


@pytest.mark.parametrize("augment", ["dermoscopy", "lucius2020", "lucius2020_phone"])
def test_augmentation_changes_training_batches_alone(run, augment):
    left = run(augment=augment)
    dls = left["learn"].dls
    assert len(dls.train.after_batch.fs) > 1
    assert len(dls.valid.after_batch.fs) == 1
    batch = dls.train.one_batch()[0]
    assert batch.shape[2:] == (24, 32) and batch.min() >= 0 and batch.max() <= 1


def test_a_frozen_body_stays(run):
    left = run(arch="tf_efficientnet_lite0", pretrained=True, body="frozen", clinical=CLINICAL)
    fresh = left["learner_on"](left["parted"]).model.state_dict()
    now = left["learn"].model.state_dict()
    changed = {name for name in now if not torch.equal(now[name], fresh[name])}
    assert changed and all(name.startswith("head") for name in changed)


def test_clinical_data_alone_see_no_image(run):
    left = run(body="none", clinical=["age"], height=2000, width=2000)
    assert left["learn"] is None
    kept = stored(left).predictions
    assert set(kept["split"]) == {"valid", "test"}
    # Who has the same age is told the same.
    chances = [name for name in kept if name.startswith("p_")]
    spread = kept.groupby(kept["age"].astype(float).fillna(-1))[chances].agg(np.ptp)
    assert spread.to_numpy().max() < 1e-6
    assert kept[chances].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)


def test_clinical_data_alone_are_a_logistic_regression_with_the_same_class_weights(run):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    left = run(body="none", clinical=CLINICAL, class_weight_power=0.5)
    part, ll = left["parted"], left["ll"]
    train, test = part.subset("train"), part.subset("test")
    encoder = ll.learners.ClinicalEncoder.fit(train, CLINICAL)
    scaler = StandardScaler().fit(encoder.encode(train))
    weights = train["label"].map(1 / np.sqrt(train["label"].value_counts())).to_numpy()
    head = LogisticRegression(max_iter=2000).fit(
        scaler.transform(encoder.encode(train)), train["label"], sample_weight=weights / weights.mean()
    )
    expected = head.predict_proba(scaler.transform(encoder.encode(test)))
    assert list(head.classes_) == sorted(part.classes)
    order = [list(head.classes_).index(name) for name in part.classes]
    assert left["predictions"]["test"].y_prob == pytest.approx(expected[:, order], abs=1e-3)


@pytest.mark.parametrize("unknown", ["own group", "imputed"])
def test_an_unknown_value_tells_nothing_once_it_is_imputed(run, unknown):
    left = run(body="none", clinical=CLINICAL, unknown=unknown)
    part = left["inputs"][0]
    encoder = left["ll"].learners.ClinicalEncoder.fit(part.subset("train"), CLINICAL)
    frame = left["lesions"].frame
    gone = frame[frame[CLINICAL].isna().any(axis=1)]
    assert len(gone)
    encoded = pd.DataFrame(encoder.encode(part.frame), index=part.frame.index)
    nowhere = gone.index[gone["site"].isna()]
    # The last column says "unknown", or a site that no training lesion has.
    assert (encoded.loc[nowhere].iloc[:, -1] == (unknown == "own group")).all()
    if unknown == "imputed":
        assert not part.frame[CLINICAL].isna().any().any()
        train = part.subset("train")
        assert set(part.frame.loc[nowhere, "site"]) == {train["site"].mode()[0]}
        ageless = frame.index[frame["age"].isna()]
        assert part.frame.loc[ageless, "age"].tolist() == pytest.approx([train["age"].mean()] * len(ageless))
    # What is stored is what was written down.
    cases = stored(left).predictions
    assert cases["site"].isna().sum() == frame.loc[frame["image_id"].isin(cases["image_id"]), "site"].isna().sum()


@pytest.mark.parametrize("body", ["frozen", "none"])
def test_five_folds_predict_every_image_once_without_its_lesion(run, body):
    left = run(**FOLDS, body=body, clinical=CLINICAL)
    kept = stored(left).predictions
    assert set(kept["split"]) == {"folds"}
    assert sorted(kept["image_id"]) == sorted(left["lesions"].frame["image_id"])
    assert set(kept["fold"]) == {1, 2, 3, 4, 5}
    for part, number in zip(left["parts"], range(1, 6), strict=True):
        held = part.subset("valid")
        assert set(kept.loc[kept["fold"] == number, "image_id"]) == set(held["image_id"])
        assert not lesions_of(held) & lesions_of(part.subset("train"))
    named = {row.metric for row in left["run"].metrics.rows if row.split == "folds"}
    assert {"accuracy", "accuracy, fold 1", "macro_auc, fold 5"} <= named
    assert [opening.images for opening in left["run"].run.openings] == [280]


def test_a_fold_is_predicted_by_a_head_trained_on_the_others(run):
    left = run(**FOLDS, body="frozen", arch="tf_efficientnet_lite0", pretrained=True, epochs=2)
    part, ll = left["parts"][2], left["ll"]
    learn = left["learner_on"](part)
    ll.learners.fit_head(learn, 2, left["base_lr"])
    again = ll.learners.predict(learn, "valid")
    held = left["held"][2]
    assert list(held.frame["image_id"]) == list(again.frame["image_id"])
    # Batches of another size round otherwise in bfloat16.
    assert np.corrcoef(held.y_prob.ravel(), again.y_prob.ravel())[0, 1] > 0.98


def test_folds_by_image_part_lesions(run):
    left = run(**FOLDS | {"split_by": "image_id"}, body="none", clinical=["age"])
    part = left["parts"][0]
    assert lesions_of(part.subset("valid")) & lesions_of(part.subset("train"))


def test_how_a_lesion_was_confirmed_is_kept_and_never_an_input(run):
    left = run(clinical=CLINICAL)
    kept = stored(left).predictions
    frame = left["lesions"].frame.set_index("image_id")
    assert kept["confirmed_by"].tolist() == frame.loc[kept["image_id"], "confirmed_by"].tolist()
    assert "confirmed_by" not in left["learn"].dls.encoder.columns
    with pytest.raises(InputError, match="'confirmed_by' is not an input"):
        run(clinical=["age", "confirmed_by"])


def test_a_closed_test_set_stays_closed(run):
    left = run(open_test=False)
    assert set(left["predictions"]) == {"valid"}
    assert left["run"].run.openings == []
    assert set(stored(left).predictions["split"]) == {"valid"}


def test_the_seed_decides(run):
    first, again, other = (run(seed=seed)["predictions"]["test"].y_prob for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"body": "thawed"}, "body: found 'thawed', expected one of fine-tuned, frozen, none"),
        ({"unknown": "dropped"}, "unknown: found 'dropped'"),
        ({"body": "none"}, "clinical: found none and no image"),
        ({"folds": 5}, "folds: found a fine-tuned body"),
        ({"folds": 5, "body": "frozen"}, "folds: every image is tested once"),
        ({**FOLDS, "body": "frozen", "views": 2}, "views to 1"),
        ({**FOLDS, "body": "frozen", "open_test": False}, "open_test to true"),
        ({"views": 8}, "views: found 8 of images of 24 x 32, expected at most 4"),
        ({"resize": "stretch"}, "fit: 'stretch' is not known"),
        ({"augment": "phone"}, "augment: no policy is called 'phone'"),
        ({"clinical": []}, "clinical: an empty list"),
        ({"dropout": 1.0}, "dropout"),
        ({"split_by": "hospital"}, "cannot split by 'hospital'"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(run, values, said):
    with pytest.raises(InputError, match=said) as caught:
        run(**values)
    assert "\n" not in str(caught.value)
