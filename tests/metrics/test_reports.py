import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from isic_challenge_scoring.classification import ClassificationMetric, ClassificationScore
from sklearn import metrics as sk

from lesionlib.errors import InputError
from lesionlib.metrics import from_confusion, report

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
PER_CLASS = ["sensitivity", "specificity", "precision", "f1", "auc", "gmean"]
OVERALL = [
    "accuracy",
    "error_rate",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "macro_auc",
    "top5",
    "ece",
]

# nedelcu2021, Table V: 13 classes, rows truth.
TABLE_V = """
127 25 10 2 3 24 11 1 6 7 13 4 4
5 66 2 0 1 10 2 6 1 1 6 1 3
24 6 23 5 1 20 9 0 6 17 1 1 11
0 0 0 6 0 0 4 0 1 2 1 0 0
2 0 0 1 3 1 3 0 1 2 0 1 0
10 7 3 0 3 9 2 1 0 5 7 0 2
4 0 0 2 2 0 15 0 4 0 1 0 0
2 3 0 0 0 2 0 1 0 1 1 0 0
2 0 0 2 0 3 1 1 10 4 0 0 0
2 1 2 3 0 3 1 0 0 26 0 1 0
5 2 0 1 0 5 0 1 1 1 6 1 0
2 3 0 0 1 3 0 1 0 1 0 0 0
5 1 1 0 0 1 0 0 0 0 1 1 0
"""


def sample(n=300, k=7, seed=0, decimals=None):
    """Truth and probabilities that know something of it; rounded scores give ties."""
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    y[:k] = np.arange(k)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), y] += 1
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if decimals is None:
        return y, prob
    prob = prob.round(decimals)
    prob[:, -1] = 1 - prob[:, :-1].sum(axis=1)
    return y, np.abs(prob)


@st.composite
def judged(draw, max_n=40):
    """Truth and coarse probabilities (many ties); classes may be absent."""
    k = draw(st.integers(2, 7))
    n = draw(st.integers(2, max_n))
    y = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    raw = draw(st.lists(st.lists(st.integers(0, 3), min_size=k, max_size=k), min_size=n, max_size=n))
    raw = np.array(raw, dtype=float) + 0.5
    return np.array(y), raw / raw.sum(axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(judged())
def test_matches_scikit_learn(case):
    y, prob = case
    k = prob.shape[1]
    found = report(y, prob)
    predicted, codes, present = prob.argmax(axis=1), np.arange(k), np.unique(y)

    np.testing.assert_array_equal(found.confusion, sk.confusion_matrix(y, predicted, labels=codes))
    assert found.overall["accuracy"] == pytest.approx(sk.accuracy_score(y, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        balanced = sk.balanced_accuracy_score(y, predicted)
    assert found.overall["balanced_accuracy"] == pytest.approx(balanced)
    assert found.overall["macro_f1"] == pytest.approx(
        sk.f1_score(y, predicted, labels=present, average="macro", zero_division=0)
    )
    assert found.overall["weighted_f1"] == pytest.approx(sk.f1_score(y, predicted, average="weighted", zero_division=0))
    options = {"labels": codes, "average": None, "zero_division": np.nan}
    np.testing.assert_allclose(found.per_class["sensitivity"], sk.recall_score(y, predicted, **options))
    np.testing.assert_allclose(found.per_class["precision"], sk.precision_score(y, predicted, **options))
    f1 = sk.f1_score(y, predicted, labels=present, average=None, zero_division=0)
    np.testing.assert_allclose(found.per_class["f1"].loc[present], f1)

    aucs = [sk.roc_auc_score(y == c, prob[:, c]) if 0 < (y == c).sum() < len(y) else np.nan for c in range(k)]
    np.testing.assert_allclose(found.per_class["auc"], aucs)
    expected = np.nanmean(aucs) if not np.isnan(aucs).all() else np.nan
    assert found.overall["macro_auc"] == pytest.approx(expected, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(judged(), st.randoms(use_true_random=False))
def test_order_of_the_images_does_not_matter(case, random):
    y, prob = case
    order = list(range(len(y)))
    random.shuffle(order)
    shuffled = report(y[order], prob[order])
    pd.testing.assert_frame_equal(report(y, prob).per_class, shuffled.per_class)
    pd.testing.assert_series_equal(report(y, prob).overall, shuffled.overall)


def test_top5_matches_scikit_learn():
    y, prob = sample()
    assert report(y, prob).overall["top5"] == pytest.approx(sk.top_k_accuracy_score(y, prob, k=5))
    assert math.isnan(report(*sample(k=5)).overall["top5"])
    assert report(*sample(k=6)).overall["top5"] < 1


def test_matches_isic_challenge_scoring():
    """Task 3 of ISIC 2018. Its sensitivity thresholds at 0.5, so one class a row gets more than that."""
    y, prob = sample(400)
    sharp = np.full_like(prob, 0)
    sharp[np.arange(400), prob.argmax(axis=1)] = 1
    prob = 0.6 * sharp + 0.4 * prob
    names = pd.DataFrame(np.eye(7)[y], columns=CLASSES)
    weights = pd.DataFrame({"score_weight": np.ones(400), "validation_weight": np.ones(400)})
    theirs = ClassificationScore(
        names, pd.DataFrame(prob, columns=CLASSES), weights, ClassificationMetric.BALANCED_ACCURACY
    )
    ours = report(y, prob, labels=CLASSES)
    assert ours.overall["balanced_accuracy"] == pytest.approx(theirs.aggregate["balanced_accuracy"])
    assert ours.overall["macro_auc"] == pytest.approx(theirs.macro_average["auc"])
    pairs = {
        "sensitivity": "sensitivity",
        "specificity": "specificity",
        "auc": "auc",
        "precision": "ppv",
        "f1": "dice",
    }
    for mine, other in pairs.items():
        np.testing.assert_allclose(ours.per_class[mine], theirs.per_category[other], err_msg=mine)


def test_known_answers_by_hand():
    """3 melanomas (2 found), 5 naevi (4 found, 1 called melanoma)."""
    found = from_confusion([[2, 1], [1, 4]], ["mel", "nv"])
    mel = found.per_class.loc["mel"]
    assert mel["sensitivity"] == pytest.approx(2 / 3)
    assert mel["specificity"] == pytest.approx(4 / 5)
    assert mel["precision"] == pytest.approx(2 / 3)
    assert mel["f1"] == pytest.approx(2 / 3)
    assert mel["gmean"] == pytest.approx(math.sqrt(8 / 15))
    assert mel["support"] == 3
    assert found.overall["accuracy"] == pytest.approx(6 / 8)
    assert found.overall["error_rate"] == pytest.approx(2 / 8)
    assert found.overall["balanced_accuracy"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found.overall["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found.overall["weighted_f1"] == pytest.approx((3 * 2 / 3 + 5 * 4 / 5) / 8)
    assert found.confusion.loc["mel", "nv"] == 1 and found.confusion.loc["nv", "mel"] == 1
    assert found.confusion.index.name == "truth" and found.confusion.columns.name == "prediction"


def test_auc_counts_a_tie_half():
    prob = np.array([[0.1, 0.9], [0.5, 0.5], [0.5, 0.5], [0.8, 0.2]])
    found = report([1, 1, 0, 0], prob)
    assert found.per_class["auc"].tolist() == pytest.approx([3.5 / 4, 3.5 / 4])


def test_a_tie_for_the_largest_goes_to_the_first_class():
    found = report([0, 1], [[0.5, 0.5], [0.5, 0.5]])
    assert found.confusion.to_numpy().tolist() == [[1, 0], [1, 0]]


def test_constant_scores_give_an_auc_of_one_half():
    found = report([0, 1, 2, 2], np.full((4, 3), 1 / 3))
    assert found.per_class["auc"].tolist() == [0.5, 0.5, 0.5]


def test_absent_class_never_predicted():
    found = report([0, 0, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]], labels=["mel", "nv", "df"])
    df = found.per_class.loc["df"]
    assert np.isnan(df[["sensitivity", "precision", "f1", "auc", "gmean"]].to_numpy(float)).all()
    assert df["specificity"] == 1 and df["support"] == 0
    assert found.overall["balanced_accuracy"] == pytest.approx((0.5 + 1) / 2)
    assert found.overall["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert found.overall["macro_auc"] == pytest.approx(found.per_class["auc"].dropna().mean())


def test_absent_class_predicted_once():
    found = report([0, 0, 1], [[0.8, 0.1, 0.1], [0.2, 0.1, 0.7], [0.1, 0.8, 0.1]])
    absent = found.per_class.loc[2]
    assert absent["precision"] == 0
    assert absent["specificity"] == pytest.approx(2 / 3)
    assert np.isnan(absent["f1"]) and np.isnan(absent["sensitivity"])


def test_present_class_never_predicted():
    found = from_confusion([[0, 2], [0, 5]])
    assert np.isnan(found.per_class.loc[0, "precision"])
    assert found.per_class.loc[0, "f1"] == 0
    assert found.overall["macro_f1"] == pytest.approx((0 + 10 / 12) / 2)


def test_a_single_class():
    found = report([1, 1, 1], [[0.2, 0.8], [0.7, 0.3], [0.1, 0.9]], ci=0.95)
    assert found.per_class["auc"].isna().all() and np.isnan(found.overall["macro_auc"])
    assert np.isnan(found.per_class.loc[1, "specificity"]) and np.isnan(found.per_class.loc[1, "gmean"])
    assert found.per_class.loc[0, "specificity"] == pytest.approx(2 / 3)
    assert found.overall["balanced_accuracy"] == pytest.approx(2 / 3)
    assert found.overall_ci.loc["macro_auc"].isna().all()
    assert found.overall_ci.loc["accuracy"].notna().all()


def test_one_image():
    found = report([1], [[0.2, 0.8]], ci=0.9)
    assert found.overall["accuracy"] == 1
    assert found.overall_ci.loc["accuracy"].tolist() == [1, 1]


def test_names_codes_and_pandas_say_the_same():
    y, prob = sample(50)
    by_code = report(y, prob, labels=CLASSES)
    names = [CLASSES[code] for code in y]
    for truth in (
        names,
        pd.Series(names, index=range(100, 150)),
        pd.Categorical(names),
        pd.Series(y, dtype="Int64"),
    ):
        pd.testing.assert_frame_equal(report(truth, pd.DataFrame(prob), labels=CLASSES).per_class, by_code.per_class)
    assert by_code.per_class.index.tolist() == CLASSES
    assert by_code.per_class.columns.tolist() == [*PER_CLASS, "support"]
    assert by_code.overall.index.tolist() == OVERALL


def test_float32_softmax_is_accepted():
    y, prob = sample(50)
    single = report(y, prob.astype(np.float32))
    assert single.overall["accuracy"] == report(y, prob).overall["accuracy"]


@pytest.mark.parametrize(
    ("accuracy", "error"),
    [(75.32, 24.68), (74.56, 25.44), (76.85, 23.15), (74.21, 25.79), (76.73, 23.27), (75.97, 24.03)],
)
def test_lucius2020_table_2_on_its_1702_test_images(accuracy, error):
    correct = round(accuracy / 100 * 1702)
    found = from_confusion([[correct, 1702 - correct], [0, 0]])
    assert round(100 * found.overall["accuracy"], 2) == accuracy
    assert round(100 * found.overall["error_rate"], 2) == error
    assert found.overall["accuracy"] + found.overall["error_rate"] == 1


def test_nedelcu2021_table_v_follows_from_its_confusion_matrix():
    matrix = [[int(x) for x in line.split()] for line in TABLE_V.split("\n") if line]
    found = from_confusion(matrix, range(1, 14))
    percent = (100 * found.per_class).round(2)
    assert percent.loc[1, ["sensitivity", "precision", "f1"]].tolist() == [53.59, 66.84, 59.48]
    assert percent.loc[2, ["sensitivity", "precision", "f1"]].tolist() == [63.46, 57.89, 60.55]
    assert percent.loc[3, ["sensitivity", "precision", "f1"]].tolist() == [18.55, 56.10, 27.88]
    assert percent.loc[10, ["sensitivity", "precision", "f1"]].tolist() == [66.67, 38.81, 49.06]
    assert percent.loc[12, ["sensitivity", "precision", "f1"]].tolist() == [0, 0, 0]
    # Table IV, whose second decimal is cut off, not rounded.
    overall = np.floor(10_000 * found.overall) / 100
    assert overall[["accuracy", "weighted_f1", "macro_f1"]].tolist() == [42.56, 43.34, 28.60]


def test_from_confusion_agrees_with_report():
    y, prob = sample()
    full = report(y, prob, labels=CLASSES)
    again = from_confusion(full.confusion)
    known = ["sensitivity", "specificity", "precision", "f1", "gmean", "support"]
    pd.testing.assert_frame_equal(again.per_class[known], full.per_class[known])
    pd.testing.assert_frame_equal(again.confusion, full.confusion)
    pd.testing.assert_series_equal(again.overall.iloc[:5], full.overall.iloc[:5])
    assert again.overall[["macro_auc", "top5", "ece"]].isna().all()
    assert again.per_class["auc"].isna().all()
    assert again.overall_ci is None and again.per_class_ci is None


def test_without_ci_there_are_no_intervals():
    found = report(*sample(30))
    assert found.overall_ci is None and found.per_class_ci is None


def test_rows_are_those_of_metrics_json():
    y, prob = sample(60, k=3)
    y[y == 2] = 0
    found = report(y, prob, labels=["mel", "nv", "df"], ci=0.95, n_resamples=50)
    rows = found.rows("test")
    assert len(rows) == 8 + 3 * 7
    assert all(list(row) == ["split", "metric", "label", "epoch", "value", "low", "high"] for row in rows)
    assert all(row["split"] == "test" and row["epoch"] is None for row in rows)
    by_key = {(row["metric"], row["label"]): row for row in rows}
    assert [row["metric"] for row in rows if row["label"] is None] == OVERALL

    accuracy = by_key["accuracy", None]
    assert accuracy["value"] == found.overall["accuracy"]
    assert [accuracy["low"], accuracy["high"]] == found.overall_ci.loc["accuracy"].tolist()
    assert type(accuracy["value"]) is float
    low, high = found.per_class_ci.loc[("mel", "f1")]
    assert by_key["f1", "mel"]["low"] == low and by_key["f1", "mel"]["high"] == high
    support = by_key["support", "mel"]
    assert support["value"] == (y == 0).sum() and support["low"] is None
    assert by_key["auc", "df"]["value"] is None and by_key["top5", None]["value"] is None
    assert all(row["low"] is None for row in report(y, prob).rows("valid"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0, 1], [0.2, 0.8]), "np.column_stack"),
        (([0, 1], [[0.2], [0.8]]), "two classes or more"),
        (([], np.empty((0, 2))), "no images"),
        (([0, 1], [[0.5, 0.5], [np.nan, 1]]), "row 1, column 0: found nan"),
        (([0, 1], [[0.5, 0.5], [0, np.inf]]), "row 1, column 1: found inf"),
        (([0, 1], [[0.5, 0.5], [-0.5, 1.5]]), "row 1, column 0: found -0.5"),
        (([0, 1], [[0.5, 0.5], [0.4, 0.5]]), "row 1: sums to 0.9"),
        (([0, 1, 1], [[0.5, 0.5], [0.5, 0.5]]), "found 3 rows, expected 2"),
        (([[0, 1]], [[0.5, 0.5], [0.5, 0.5]]), "y_true: found shape (1, 2)"),
        (([0, 2], [[0.5, 0.5], [0.5, 0.5]]), "row 1: found 2, expected a class code 0..1"),
        (([0, -1], [[0.5, 0.5], [0.5, 0.5]]), "row 1: found -1"),
        (([0, 0.5], [[0.5, 0.5], [0.5, 0.5]]), "row 1: found 0.5"),
        (([0, None], [[0.5, 0.5], [0.5, 0.5]]), "y_true row 1: found nothing"),
        ((["mel", "nv"], [[0.5, 0.5], [0.5, 0.5]]), "pass labels="),
        (([0, 1], [["a", "b"], ["c", "d"]]), "not an array of numbers"),
        (([0, 1], [[0.5, 0.5], [1.0]]), "not an array of numbers"),
        (([[0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]]), "different lengths"),
    ],
)
def test_bad_arrays_get_one_clear_line(arguments, words):
    with pytest.raises(InputError) as error:
        report(*arguments)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": ["mel"]}, "labels: found 1, expected 2"),
        ({"labels": ["mel", "mel"]}, "'mel' stands there twice"),
        ({"ci": 95}, "ci: found 95"),
        ({"ci": float("nan")}, "ci: found nan"),
        ({"ci": True}, "ci: found True"),
        ({"ci": 0.95, "n_resamples": 0}, "n_resamples: found 0"),
        ({"ci": 0.95, "n_resamples": 1.5}, "n_resamples: found 1.5"),
        ({"ci": 0.95, "groups": ["a"]}, "groups: found 1 rows, expected 2"),
        ({"ci": 0.95, "groups": ["a", None]}, "groups row 1"),
    ],
)
def test_bad_options_get_one_clear_line(options, words):
    with pytest.raises(InputError) as error:
        report([0, 1], [[0.5, 0.5], [0.5, 0.5]], **options)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_unknown_class_names_the_row():
    with pytest.raises(InputError, match=r"y_true row 1: found 'scc', expected one of mel, nv"):
        report(["mel", "scc"], [[0.5, 0.5], [0.5, 0.5]], labels=["mel", "nv"])


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ([[1, 2, 3], [4, 5, 6]], "found shape (2, 3)"),
        ([[1]], "found shape (1, 1)"),
        ([1, 2], "found shape (2,)"),
        ([[1, 2], [3]], "different lengths"),
        ([[1, 2], [-3, 4]], "row 1, column 0: found -3"),
        ([[1, 2.5], [3, 4]], "row 0, column 1: found 2.5"),
        ([[1, 2], [3, np.nan]], "row 1, column 1: found nan"),
        ([[0, 0], [0, 0]], "every count is 0"),
        (pd.DataFrame([[1, 2], [3, 4]], index=["a", "b"], columns=["b", "a"]), "differ"),
    ],
)
def test_bad_confusion_matrix(matrix, words):
    with pytest.raises(InputError) as error:
        from_confusion(matrix)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_confusion_labels_of_wrong_length():
    with pytest.raises(InputError, match="labels: found 3, expected 2"):
        from_confusion([[1, 2], [3, 4]], ["a", "b", "c"])


@settings(max_examples=15, deadline=None)
@given(judged(max_n=25), st.integers(0, 5))
def test_weighted_bootstrap_is_the_report_of_the_resampled_images(case, seed):
    """One replicate: both ends of its interval are the replicate, and it must equal the explicit resample."""
    y, prob = case
    groups = np.arange(len(y)) // 2
    g = groups.max() + 1
    drawn = np.random.default_rng(seed).integers(g, size=g)
    rows = np.concatenate([np.flatnonzero(groups == unit) for unit in drawn])
    assume(len(np.unique(y[rows])) > 1)
    explicit = report(y[rows], prob[rows])
    weighted = report(y, prob, ci=0.95, groups=groups, n_resamples=1, seed=seed)
    np.testing.assert_allclose(weighted.overall_ci["low"], explicit.overall)
    np.testing.assert_allclose(weighted.per_class_ci["high"].to_numpy().reshape(-1, 6), explicit.per_class[PER_CLASS])
    c = y[rows][0]
    assert weighted.per_class_ci.loc[(c, "auc"), "low"] == pytest.approx(sk.roc_auc_score(y[rows] == c, prob[rows, c]))
