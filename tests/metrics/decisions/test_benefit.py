import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from lesionlib import metrics
from lesionlib.errors import InputError
from lesionlib.metrics import decisions


def cases(n, seed):
    rng = np.random.default_rng(seed)
    sick = np.arange(n) % 4 == 0
    return np.where(sick, "mel", "nv"), np.clip(0.25 + 0.2 * sick + 0.2 * rng.normal(size=n), 0, 1)


def test_a_curve_by_hand():
    # At 0.5 a false positive costs as much as a true one is worth; at 0.2, a quarter of it.
    curve = decisions.decision_curve([1, 1, 0, 0, 0], [0.9, 0.3, 0.6, 0.2, 0.1], 1, [0.5, 0.2])
    assert list(curve.columns) == ["threshold", "model", "treat_all", "treat_none", "gain"]
    assert curve["model"].tolist() == pytest.approx([(1 - 1) / 5, (2 - 2 / 4) / 5])
    assert curve["treat_all"].tolist() == pytest.approx([(2 - 3) / 5, (2 - 3 / 4) / 5])
    assert curve["treat_none"].eq(0).all()
    assert curve["gain"].tolist() == pytest.approx((curve["model"] - curve["treat_all"]).tolist())


@given(n=st.integers(4, 60), seed=st.integers(0, 500), threshold=st.floats(0, 0.95))
@settings(max_examples=40, deadline=None)
def test_the_formula_of_vickers_and_elkin(n, seed, threshold):
    truth, score = cases(n, seed)
    (_, fp), (_, tp) = confusion_matrix(truth == "mel", score >= threshold, labels=[False, True])
    row = decisions.decision_curve(truth, score, "mel", [threshold]).iloc[0]
    assert row["model"] == pytest.approx(tp / n - fp / n * threshold / (1 - threshold))
    share = np.mean(truth == "mel")
    assert row["treat_all"] == pytest.approx(share - (1 - share) * threshold / (1 - threshold))


def test_treating_all_is_worth_nothing_where_the_threshold_is_the_prevalence():
    truth, score = cases(80, 1)
    curve = decisions.decision_curve(truth, score, "mel", [0.2, 0.25, 0.3])
    assert curve["treat_all"].tolist()[1] == pytest.approx(0, abs=1e-12)
    assert curve["treat_all"][0] > 0 > curve["treat_all"][2]


def test_the_ends_of_the_scale():
    truth, score = cases(80, 2)
    at_0 = decisions.decision_curve(truth, score, "mel", [0]).iloc[0]
    assert (at_0["model"], at_0["treat_all"]) == pytest.approx((0.25, 0.25))
    perfect = decisions.decision_curve(truth, truth == "mel", "mel", [0.1, 0.5, 0.9])
    assert perfect["model"].tolist() == pytest.approx([0.25] * 3)
    never = decisions.decision_curve(truth, np.zeros(80), "mel", [0.1, 0.9])
    assert never["model"].eq(0).all()


def test_intervals_are_those_of_the_bootstrap():
    truth, score = cases(60, 3)
    lesions = np.arange(60) // 2
    curve = decisions.decision_curve(truth, score, "mel", [0.1, 0.3], lesions, ci=0.9, n_resamples=200, seed=5)
    for number, threshold in enumerate([0.1, 0.3]):
        for column in ("model", "gain"):

            def again(t, s, threshold=threshold, column=column):
                sick, odds = t == "mel", threshold / (1 - threshold)
                worth = np.where(sick, 1, -odds)
                treated = worth * (s >= threshold)
                return np.mean(treated if column == "model" else treated - worth)

            slow = metrics.bootstrap(again, truth, score, groups=lesions, ci=0.9, n_resamples=200, seed=5)
            found = curve.loc[number, [column, f"{column}_low", f"{column}_high"]]
            assert tuple(found) == pytest.approx(slow[:3])


def test_lesions_widen_the_interval():
    truth, score = (np.repeat(each, 4) for each in cases(40, 4))

    def width(groups):
        row = decisions.decision_curve(truth, score, "mel", [0.2], groups, ci=0.95).iloc[0]
        return row["gain_high"] - row["gain_low"]

    assert width(np.repeat(np.arange(40), 4)) > 1.6 * width(None)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"y_score": [0.5, 1.2]}, "y_score row 1: found 1.2"),
        ({"y_score": [-3, 0.2]}, "y_score row 0: found -3"),
        ({"positive": "bcc"}, "positive: found 'bcc'"),
        ({"positive": None}, "positive: found None"),
        ({"thresholds": [0.1, 1]}, "thresholds: found"),
        ({"thresholds": [-0.1]}, "thresholds: found"),
        ({"thresholds": [np.nan]}, "thresholds: found"),
        ({"thresholds": 0.1}, "thresholds: found 0.1"),
        ({"thresholds": []}, "thresholds: found"),
        ({"thresholds": ["low"]}, "thresholds: found"),
        ({"y_true": ["mel"]}, "y_true: found 1 rows, expected 2"),
        ({"ci": 95}, "ci: found 95"),
        ({"ci": 0.9, "n_resamples": 0}, "n_resamples: found 0"),
        ({"ci": 0.9, "groups": ["a", None]}, "groups row 1"),
    ],
)
def test_what_has_no_curve(wrong, message):
    good = {"y_true": ["mel", "nv"], "y_score": [0.7, 0.2], "positive": "mel", "thresholds": [0.1]}
    with pytest.raises(InputError, match=message):
        decisions.decision_curve(**good | wrong)
