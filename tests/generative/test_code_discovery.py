from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mutual_info_score, roc_auc_score

from lesionlib.errors import InputError
from lesionlib.generative import code_discovery, colors, majority_labels


def asked(codes, variables, **settings_):
    found = code_discovery(codes, variables, **({"permutations": 199} | settings_))
    return found.set_index(["variable", "code"])


@pytest.fixture(scope="module")
def known():
    """Code a knows the age, b the sex, c the site, the class the diagnosis; noise knows nothing."""
    rng = np.random.default_rng(0)
    n = 300
    age = rng.normal(50, 12, n).round()
    sex = rng.choice(["female", "male"], n)
    site = rng.choice(["back", "face", "leg"], n)
    diagnosis = rng.choice(["bcc", "mel", "nv"], n, p=[0.2, 0.2, 0.6])
    codes = pd.DataFrame(
        {
            "a": age / 12 + rng.normal(size=n),
            "b": (sex == "male") + rng.normal(size=n),
            "c": (site == "face") * 1.5 + rng.normal(size=n),
            "noise": rng.normal(size=n),
            "class": np.where(rng.random(n) < 0.7, pd.factorize(diagnosis)[0], rng.integers(0, 3, n)),
        }
    )
    return codes, pd.DataFrame({"age": age, "sex": sex, "site": site, "diagnosis": diagnosis})


def test_each_code_is_found_out(known):
    found = asked(*known, permutations=1999).reset_index()
    assert found.groupby("variable", sort=False)["code"].first().to_dict() == {
        "age": "a",
        "sex": "b",
        "site": "c",
        "diagnosis": "class",
    }
    strong = found[found["p_holm"] < 0.05]
    assert list(zip(strong["variable"], strong["code"], strict=True)) == [
        ("age", "a"),
        ("sex", "b"),
        ("site", "c"),
        ("diagnosis", "class"),
    ]
    assert len(found) == 20
    assert (found["n"] == 300).all()


def test_the_measures_are_those_of_scipy_and_scikit_learn(known):
    codes, variables = known
    found = asked(codes, variables)
    measure, value = found["measure"], found["value"]
    assert measure["age", "a"] == "spearman"
    assert value["age", "a"] == pytest.approx(stats.spearmanr(codes["a"], variables["age"]).statistic)
    assert measure["sex", "b"] == "auc"
    assert value["sex", "b"] == pytest.approx(roc_auc_score(variables["sex"] == "male", codes["b"]))
    assert measure["site", "c"] == "eta squared"
    h = stats.kruskal(*(codes["c"][variables["site"] == site] for site in ("back", "face", "leg"))).statistic
    assert value["site", "c"] == pytest.approx(h / (len(codes) - 1))
    assert measure["diagnosis", "class"] == "uncertainty coefficient"
    entropy = stats.entropy(variables["diagnosis"].value_counts(normalize=True))
    assert value["diagnosis", "class"] == pytest.approx(
        mutual_info_score(variables["diagnosis"], codes["class"]) / entropy
    )
    assert measure["age", "class"] == "eta squared"
    h = stats.kruskal(*(variables["age"][codes["class"] == klass] for klass in range(3))).statistic
    assert value["age", "class"] == pytest.approx(h / (len(codes) - 1))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), ties=st.booleans())
def test_auc_and_spearman_with_ties(seed, ties):
    rng = np.random.default_rng(seed)
    code, age = rng.normal(size=(2, 40))
    if ties:
        code, age = code.round(), age.round()
    sex = rng.permutation(["f"] * 15 + ["m"] * 25)
    found = asked(code[:, None], pd.DataFrame({"sex": sex, "age": age}), permutations=1)["value"]
    assert found["sex", "code 0"] == pytest.approx(roc_auc_score(sex == "m", code))
    assert found["age", "code 0"] == pytest.approx(stats.spearmanr(code, age).statistic)


def test_p_values_are_those_of_scipys_permutation_test():
    """Same null, other shuffles: they agree within their own chance."""
    rng = np.random.default_rng(3)
    code = rng.normal(size=60)
    age = 0.25 * code + rng.normal(size=60)
    found = asked(code[:, None], pd.DataFrame({"age": age}), permutations=9999)["p"].iloc[0]
    expected = stats.spearmanr(code, age).pvalue
    assert found == pytest.approx(expected, abs=0.02)


def test_p_values_are_uniform_where_there_is_nothing():
    rng = np.random.default_rng(0)
    variables = pd.DataFrame({"sex": rng.choice(["f", "m"], 60), "site": rng.choice(list("abc"), 60)})
    found = asked(rng.normal(size=(60, 60)), variables)
    assert stats.kstest(found["p"], "uniform").pvalue > 0.01
    assert (found["p_holm"] > 0.05).all()
    assert (found["p"] >= 1 / 200).all()


def test_holm_is_stepwise_over_the_whole_table(known):
    found = asked(*known, permutations=999)
    p = found["p"].sort_values().to_numpy()
    expected = np.minimum(1, np.maximum.accumulate(p * np.arange(len(p), 0, -1)))
    np.testing.assert_allclose(found.loc[found["p"].sort_values().index, "p_holm"].sort_values(), np.sort(expected))
    assert (found["p_holm"] >= found["p"]).all()


def test_images_without_a_value_are_left_out_for_it(known):
    codes, variables = known
    variables = variables.assign(age=variables["age"].where(variables.index >= 100).astype("Float64"))
    found = asked(codes, variables)
    assert (found.loc["age", "n"] == 200).all()
    assert (found.loc["sex", "n"] == 300).all()
    alone = asked(codes.iloc[100:], variables[["age"]].iloc[100:])
    pd.testing.assert_series_equal(
        found.loc["age", "value"].sort_index(), alone.loc["age", "value"].sort_index(), check_names=False
    )


def test_codes_and_variables_that_tell_nothing_are_left_out():
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.normal(size=20), np.full(20, np.nan), np.ones(20)])
    variables = pd.DataFrame({"sex": ["f"] * 20, "age": rng.normal(size=20), "none": [None] * 20})
    found = code_discovery(codes, variables, permutations=9)
    assert found[["variable", "code"]].to_numpy().tolist() == [["age", "code 0"]]
    empty = code_discovery(codes, variables[["sex"]], permutations=9)
    assert list(empty.columns) == list(found.columns)
    assert empty.empty


def test_categories_may_be_booleans_or_categorical():
    rng = np.random.default_rng(0)
    flag = rng.random(50) < 0.5
    kind = pd.Categorical(rng.choice(["a", "b", "c"], 50), categories=["z", "c", "b", "a"])
    found = asked(rng.normal(size=(50, 1)), pd.DataFrame({"flag": flag, "kind": kind}))
    assert found["measure"].tolist() == ["auc", "eta squared"]
    assert found["value"].notna().all()


def test_the_same_seed_gives_the_same_table(known):
    pd.testing.assert_frame_equal(asked(*known, seed=4), asked(*known, seed=4))
    assert (asked(*known, seed=4)["p"] != asked(*known, seed=5)["p"]).any()


def test_a_class_is_named_after_its_majority():
    found = majority_labels([0, 0, 0, 1, 1, 2, 2], ["nv", "nv", "mel", "mel", "mel", "nv", "df"])
    assert found["klass"].tolist() == [0, 1, 2]
    assert found["label"].tolist() == ["nv", "mel", "df"]  # a tie goes to the rarer label
    np.testing.assert_allclose(found["share"], [2 / 3, 1, 0.5])
    np.testing.assert_allclose(found["base"], [3 / 7, 3 / 7, 1 / 7])
    assert found["images"].tolist() == [3, 2, 2]


def test_colors_are_those_of_cielab():
    plain = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)
    found = colors(np.broadcast_to(plain[:, None, None], (4, 3, 5, 3)))
    np.testing.assert_allclose(found["lightness"], [100, 0, 53.24, 32.30], atol=0.1)
    np.testing.assert_allclose(found["redness"], [0, 0, 80.09, 79.19], atol=0.1)
    np.testing.assert_allclose(found["yellowness"], [0, 0, 67.20, -107.86], atol=0.1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((3, 2)), pd.DataFrame({"a": [1, 2]})), "variables: found 2 rows, expected 3"),
        ((np.zeros(3), pd.DataFrame({"a": [1, 2, 3]})), r"codes: found shape \(3,\)"),
        ((np.zeros((3, 2)), pd.DataFrame(index=range(3))), "one column or more"),
        ((np.zeros((3, 2)), [1, 2, 3]), "expected a DataFrame"),
        ((np.zeros((3, 2)), pd.DataFrame({"a": [1, 2, 3]}), 0), "permutations: found 0"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_line(arguments, words):
    with pytest.raises(InputError, match=words):
        code_discovery(*arguments)


def test_majorities_need_pairs():
    with pytest.raises(InputError, match="one for each image's class"):
        majority_labels([0, 1], ["nv"])
