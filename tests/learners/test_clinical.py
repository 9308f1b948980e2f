from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_lesions import one_line

from lesionlib.datasets.schema import COLUMNS
from lesionlib.errors import InputError
from lesionlib.learners import ClinicalEncoder, dataloaders, features, lesion_learner, predict

NAMES = ["age", "sex", "site", "skin_type"]


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns).astype({name: COLUMNS[name] for name in columns})


def rows(min_size: int = 0):
    text = st.none() | st.sampled_from(["male", "female", "", "unknown", "NA", "<NA>", "nan", "back"])
    row = st.tuples(st.none() | st.integers(0, 240).map(lambda n: n / 2), text, text, st.none() | st.integers(1, 6))
    return st.lists(row, min_size=min_size, max_size=12).map(
        lambda values: pd.DataFrame(values, columns=NAMES).astype({name: COLUMNS[name] for name in NAMES})
    )


def test_known_answer():
    train = table(age=[40, 60, None], sex=["male", "female", None])
    encoder = ClinicalEncoder.fit(train, ["age", "sex"])
    asked = table(age=[50, 70, None], sex=["female", None, "male"])
    # Mean 50, deviation 10; then: age is missing, female, male, sex is missing.
    expected = [[0, 0, 1, 0, 0], [2, 0, 0, 0, 1], [0, 1, 0, 1, 0]]
    encoded = encoder.encode(asked)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded, expected)
    assert encoder.width == 5


def test_columns_come_in_the_order_asked():
    train = table(age=[40, 60], sex=["male", "female"])
    encoder = ClinicalEncoder.fit(train, ["sex", "age"])
    np.testing.assert_array_equal(encoder.encode(train), [[0, 1, 0, -1, 0], [1, 0, 0, 1, 0]])


def test_a_missing_age_differs_from_the_mean_age():
    encoder = ClinicalEncoder.fit(table(age=[40, 60]), ["age"])
    mean, missing = encoder.encode(table(age=[50, None]))
    assert mean.tolist() == [0, 0]
    assert missing.tolist() == [0, 1]


def test_a_level_not_seen_in_training_counts_as_missing():
    encoder = ClinicalEncoder.fit(table(site=["back", "face"]), ["site"])
    unseen, missing, empty = encoder.encode(table(site=["scalp", None, ""]))
    assert unseen.tolist() == missing.tolist() == empty.tolist() == [0, 0, 1]


def test_an_empty_string_that_was_a_level_is_not_a_missing_value():
    encoder = ClinicalEncoder.fit(table(site=["", "face"]), ["site"])
    np.testing.assert_array_equal(encoder.encode(table(site=["", None])), [[1, 0, 0], [0, 0, 1]])


def test_whole_numbers_as_levels():
    encoder = ClinicalEncoder.fit(table(skin_type=[1, 3, 3, None]), ["skin_type"])
    np.testing.assert_array_equal(encoder.encode(table(skin_type=[3, 2, 1])), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize("ages", [[50, 50], [None, None]], ids=["all alike", "none known"])
def test_ages_without_spread(ages):
    encoder = ClinicalEncoder.fit(table(age=ages), ["age"])
    assert np.isfinite(encoder.encode(table(age=[50, 51, None]))).all()


@settings(deadline=None, max_examples=60)
@given(train=rows(), asked=rows(min_size=1))
def test_never_nan_and_one_signal_a_variable(train, asked):
    encoder = ClinicalEncoder.fit(train, NAMES)
    encoded = encoder.encode(asked)
    assert encoded.shape == (len(asked), encoder.width)
    assert np.isfinite(encoded).all()
    np.testing.assert_array_equal(encoded[:, 1], asked["age"].isna())
    start = 2
    for name in NAMES[1:]:
        block = encoded[:, start : start + len(encoder.levels[name]) + 1]
        np.testing.assert_array_equal(block.sum(axis=1), 1)
        known = asked[name].astype("string").isin(list(encoder.levels[name])).to_numpy()
        np.testing.assert_array_equal(block[:, -1], ~known)
        start += block.shape[1]
    assert start == encoder.width


@settings(deadline=None, max_examples=20)
@given(train=rows(), asked=rows(min_size=1))
def test_json_keeps_the_encoder(train, asked):
    encoder = ClinicalEncoder.fit(train, NAMES)
    again = ClinicalEncoder.model_validate_json(encoder.model_dump_json())
    assert again == encoder
    np.testing.assert_array_equal(again.encode(asked), encoder.encode(asked))


@pytest.mark.parametrize("column", ["confirmed_by", "diagnosis", "label", "lesion_id", "weight"])
def test_what_is_no_input_is_refused(column):
    with pytest.raises(InputError) as error:
        ClinicalEncoder.fit(table(age=[40]).assign(**{column: "x"}), ["age", column])
    assert repr(column) in one_line(error)


@pytest.mark.parametrize("columns", [[], ["age", "age"]], ids=["none", "twice"])
def test_lists_that_make_no_sense_are_refused(columns):
    with pytest.raises(InputError, match="clinical: ") as error:
        ClinicalEncoder.fit(table(age=[40]), columns)
    one_line(error)


def test_statistics_come_from_training_rows_alone(plain, lesions):
    dls = plain.with_clinical(["age", "sex"])
    in_training = lesions.subset("train")["age"].dropna().astype(float)
    assert dls.encoder.mean["age"] == pytest.approx(in_training.mean())
    assert dls.encoder.mean["age"] != pytest.approx(lesions.frame["age"].dropna().astype(float).mean(), abs=1e-6)
    encoded = dls.train.dataset.clinical[:, 0]
    known = encoded[lesions.subset("train")["age"].notna().tolist()]
    assert known.mean().item() == pytest.approx(0, abs=1e-5)
    assert known.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_a_learner_takes_rows_without_any_clinical_value(lesions, fresh):
    empty = {name: pd.array([pd.NA] * len(lesions), dtype=COLUMNS[name]) for name in ("age", "sex", "site")}
    nothing = replace(lesions, frame=lesions.frame.assign(**empty))
    learn = fresh(dataloaders(nothing, size=32, bs=12), clinical=["age", "sex", "site"])
    learn.fit(1, 1e-3)
    assert np.isfinite(predict(learn, "test").y_prob).all()


def test_clinical_data_reach_the_network(trained, lesions):
    """The same images with other ages, sexes and sites get other probabilities."""
    found = features(trained, "test")
    net = trained.model.eval()
    with torch.no_grad():
        ours = net.head(torch.tensor(found.x), torch.tensor(found.clinical))
        others = net.head(torch.tensor(found.x), torch.tensor(found.clinical[::-1].copy()))
    assert (ours - others).abs().max() > 1e-3


def test_confirmed_by_is_refused_by_the_learner_too(plain):
    with pytest.raises(InputError, match="confirmed_by"):
        lesion_learner(plain, "test_efficientnet", pretrained=False, clinical=["age", "confirmed_by"])
