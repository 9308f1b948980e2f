import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from lesionlib.errors import InputError
from lesionlib.metrics import bootstrap, report
from lesionlib.metrics.intervals import resample_weights


def sample(n=120, k=3, seed=1):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    prob = rng.dirichlet(np.ones(k), size=n) * 0.6
    prob[np.arange(n), y] += 0.4
    return y, prob


def accuracy(y, prob):
    return accuracy_score(y, prob.argmax(axis=1))


def auc(y, prob):
    return roc_auc_score(y == 1, prob[:, 1])


@pytest.mark.parametrize("groups", [None, np.arange(120) // 3])
def test_report_draws_the_same_resamples_as_bootstrap(groups):
    y, prob = sample()
    options = {"groups": groups, "n_resamples": 200, "ci": 0.9, "seed": 5}
    found = report(y, prob, **options)
    for statistic, expected in (
        (accuracy, found.overall_ci.loc["accuracy"]),
        (auc, found.per_class_ci.loc[(1, "auc")]),
    ):
        interval = bootstrap(statistic, y, prob, **options)
        assert [interval.low, interval.high] == pytest.approx(expected.tolist())
        assert interval.low < interval.value < interval.high
        assert interval.n_resamples == 200 and interval.dropped == 0


def test_same_seed_same_interval_other_seed_another():
    values = np.random.default_rng(0).normal(size=50)
    assert bootstrap(np.mean, values, seed=3) == bootstrap(np.mean, values, seed=3)
    assert bootstrap(np.mean, values, seed=3) != bootstrap(np.mean, values, seed=4)


def test_interval_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap(np.mean, values, n_resamples=4000)
    half = 1.96 * values.std() / 20
    assert [found.low, found.high] == pytest.approx([values.mean() - half, values.mean() + half], abs=0.01)


def test_nominal_coverage_of_a_mean():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        found = bootstrap(np.mean, rng.normal(3, 1, size=60), n_resamples=200, ci=0.9, seed=seed)
        covered += found.low <= 3 <= found.high
    assert 0.83 <= covered / 200 <= 0.95


def test_a_constant_has_no_width():
    assert bootstrap(np.mean, np.ones(20), n_resamples=50)[:3] == (1, 1, 1)


def test_copies_of_an_image_make_the_interval_wider_by_lesion():
    y, prob = (np.repeat(array, 4, axis=0) for array in sample())
    lesions = np.arange(len(y)) // 4
    by_image, by_lesion = bootstrap(accuracy, y, prob), bootstrap(accuracy, y, prob, groups=lesions)
    # Four copies are one observation: the honest interval is about twice as wide.
    ratio = (by_lesion.high - by_lesion.low) / (by_image.high - by_image.low)
    assert 1.6 < ratio < 2.4
    by_image, by_lesion = report(y, prob, ci=0.95), report(y, prob, ci=0.95, groups=lesions)
    for metric in ("accuracy", "balanced_accuracy", "macro_auc", "macro_f1"):
        width = [found.overall_ci.loc[metric, "high"] - found.overall_ci.loc[metric, "low"]
                 for found in (by_image, by_lesion)]  # fmt: skip
        assert width[1] > 1.5 * width[0], metric


def test_groups_come_and_go_together():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    seen = []
    bootstrap(lambda g: seen.append(g) or 0.0, groups, groups=groups, n_resamples=30)
    sizes = {"a": 2, "b": 3, "c": 1}
    for drawn in seen[:30]:
        names, counts = np.unique(drawn, return_counts=True)
        times = [count / sizes[name] for name, count in zip(names, counts, strict=True)]
        assert all(t == int(t) for t in times) and sum(times) == 3


def test_weights_do_not_depend_on_the_block_size(monkeypatch):
    units = np.arange(50) // 2
    whole = np.concatenate(list(resample_weights(units, 40, seed=0)))
    monkeypatch.setattr("lesionlib.metrics.intervals._BLOCK", 350)
    blocks = list(resample_weights(units, 40, seed=0))
    assert len(blocks) == 6
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert (whole.sum(axis=1) == 50).all()


def test_undefined_replicates_are_dropped_and_counted():
    def rare(values):
        return values.mean() if (values == 1).any() else np.nan

    values = np.array([1, 0, 0, 0])
    found = bootstrap(rare, values, n_resamples=1000)
    # A given one of four images is missed with probability (3/4)^4 = 0.316.
    assert 260 < found.dropped < 375
    assert found.low == 0.25 and found.value == 0.25
    never = bootstrap(lambda values: np.nan, values, n_resamples=10)
    assert never.dropped == 10 and np.isnan([never.value, never.low, never.high]).all()


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ((), {}, "no arrays"),
        (([],), {}, "array 0 is empty"),
        (([1, 2], [1]), {}, "the arrays have [2, 1] rows"),
        (([1, 2],), {"groups": [1]}, "groups: found 1 rows"),
        (([1, 2],), {"groups": [1, None]}, "groups row 1"),
        (([1, 2],), {"ci": 1}, "ci: found 1"),
        (([1, 2],), {"n_resamples": -1}, "n_resamples: found -1"),
    ],
)
def test_bad_input(arrays, options, words):
    with pytest.raises(InputError) as error:
        bootstrap(np.mean, *arrays, **options)
    assert words in str(error.value)
