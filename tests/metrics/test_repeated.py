import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from lesionlib import metrics
from lesionlib.errors import InputError

OVERALL = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "kappa": sk.cohen_kappa_score,
    "macro_f1": lambda t, p: sk.f1_score(t, p, average="macro", labels=np.unique(t), zero_division=0),
}
OF_A_CLASS = {
    "sensitivity": lambda t, p: sk.recall_score(t, p),
    "specificity": lambda t, p: sk.recall_score(t, p, pos_label=0),
    "precision": lambda t, p: sk.precision_score(t, p),
    "f1": lambda t, p: sk.f1_score(t, p),
}


def answers(n, k, seed, sharpness=2.0):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    logits = rng.normal(size=(n, k)) + sharpness * np.eye(k)[truth]
    odds = np.exp(logits)
    return truth, odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("measure", OVERALL)
@given(k=st.integers(2, 5), seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_mean_over_seeds_is_the_mean_of_scikit_learns_figures(measure, k, seed):
    truth, first = answers(60, k, seed)
    _, second = answers(60, k, seed + 1, sharpness=0.5)
    expected = np.mean([OVERALL[measure](truth, each.argmax(axis=1)) for each in (first, second)])
    assert metrics.over_seeds(truth, [first, second], measure, n_resamples=2).value == pytest.approx(expected)


@pytest.mark.parametrize("measure", OF_A_CLASS)
def test_measures_of_one_class_against_scikit_learn(measure):
    truth, prob = answers(80, 2, 3, sharpness=1.0)
    found = metrics.over_seeds(truth, [prob], measure, positive=1, n_resamples=2)
    assert found.value == pytest.approx(OF_A_CLASS[measure](truth, prob.argmax(axis=1)))


def test_ranks_against_scikit_learn():
    truth, prob = answers(90, 3, 4, sharpness=0.7)
    macro = sk.roc_auc_score(truth, prob, multi_class="ovr")
    assert metrics.over_seeds(truth, [prob], "macro_auc", n_resamples=2).value == pytest.approx(macro)
    one = sk.roc_auc_score(truth == 2, prob[:, 2])
    assert metrics.over_seeds(truth, [prob], "auc", positive=2, n_resamples=2).value == pytest.approx(one)


@pytest.mark.parametrize(("measure", "positive"), [("balanced_accuracy", None), ("auc", 1), ("kappa", None)])
def test_every_replicate_is_the_measure_of_the_resampled_images(measure, positive):
    truth, prob = answers(40, 3, 5, sharpness=1.0)
    lesions = np.repeat(np.arange(20), 2)

    def again(t, p):
        return metrics.over_seeds(t, [p], measure, positive, n_resamples=1).value

    slow = metrics.bootstrap(again, truth, prob, groups=lesions, n_resamples=60, seed=7)
    fast = metrics.over_seeds(truth, [prob], measure, positive, groups=lesions, n_resamples=60, seed=7)
    assert fast == pytest.approx(slow)


def test_the_interval_is_that_of_the_report():
    truth, prob = answers(120, 4, 6)
    lesions = np.arange(120) // 3
    report = metrics.report(truth, prob, ci=0.95, groups=lesions, n_resamples=300, seed=2)
    found = metrics.over_seeds(truth, [prob], "balanced_accuracy", groups=lesions, n_resamples=300, seed=2)
    assert found[:3] == pytest.approx(
        (report.overall["balanced_accuracy"], *report.overall_ci.loc["balanced_accuracy", ["low", "high"]])
    )


def test_an_arm_against_itself_differs_by_nothing():
    truth, prob = answers(50, 2, 8)
    assert metrics.difference(truth, [prob], [prob], "accuracy")[:3] == (0, 0, 0)


def test_second_minus_first():
    truth, weak = answers(200, 3, 9, sharpness=0.3)
    _, strong = answers(200, 3, 9, sharpness=3.0)
    gain = metrics.difference(truth, [weak], [strong], "accuracy")
    values = [np.mean(each.argmax(axis=1) == truth) for each in (weak, strong)]
    assert gain.value == pytest.approx(values[1] - values[0])
    assert 0 < gain.low < gain.value < gain.high
    loss = metrics.difference(truth, [strong], [weak], "accuracy")
    assert loss[:3] == pytest.approx((-gain.value, -gain.high, -gain.low))


def test_pairing_takes_out_what_is_hard_for_both():
    truth, prob = answers(300, 2, 10, sharpness=0.5)
    second = prob.copy()
    second[:3] = np.eye(2)[truth[:3]]
    alone = metrics.over_seeds(truth, [prob], "accuracy")
    paired = metrics.difference(truth, [prob], [second], "accuracy")
    assert paired.high - paired.low < (alone.high - alone.low) / 3


def test_whole_lesions_are_resampled():
    truth, prob = answers(60, 2, 11, sharpness=0.8)
    copies = [np.repeat(each, 5, axis=0) for each in (truth, prob)]
    lesions = np.repeat(np.arange(60), 5)
    one = metrics.over_seeds(truth, [prob], "accuracy", n_resamples=500)
    many = metrics.over_seeds(copies[0], [copies[1]], "accuracy", groups=lesions, n_resamples=500)
    assert many[:3] == pytest.approx(one[:3])


def test_a_precision_of_no_calls_is_not_defined():
    truth = np.array([0, 1, 0, 1])
    never = np.tile([0.9, 0.1], (4, 1))
    found = metrics.over_seeds(truth, [never], "precision", positive=1, n_resamples=20)
    assert np.isnan(found.value)
    assert found.dropped == 20


def test_kappa_is_nothing_for_answers_of_one_class():
    truth, prob = np.array([0, 0, 0, 1]), np.tile([0.9, 0.1], (4, 1))
    assert metrics.over_seeds(truth, [prob], "kappa", n_resamples=2).value == 0


TRUTH, PROB = answers(12, 3, 0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: metrics.over_seeds(TRUTH, []), "found no networks"),
        (lambda: metrics.over_seeds(TRUTH, [PROB], "sensitivity"), "'sensitivity', expected without positive"),
        (lambda: metrics.over_seeds(TRUTH, [PROB], "accuracy", positive=1), "'accuracy', expected with positive"),
        (lambda: metrics.over_seeds(TRUTH, [PROB], "auc", positive=3), "positive: found 3.*0..2"),
        (lambda: metrics.over_seeds(TRUTH, [PROB, PROB[:5]]), r"\[1\]: found shape \(5, 3\)"),
        (lambda: metrics.over_seeds(TRUTH[:5], [PROB]), "y_true: found 5 rows, expected 12"),
        (lambda: metrics.difference(TRUTH, [PROB], [PROB, PROB]), "found 1 and 2 networks"),
        (lambda: metrics.difference(TRUTH, [PROB], [PROB[:, :2] + PROB[:, 2:] / 2]), r"found shape \(12, 2\)"),
    ],
)
def test_bad_input_is_one_line(call, said):
    with pytest.raises(InputError, match=said) as error:
        call()
    assert "\n" not in str(error.value)
