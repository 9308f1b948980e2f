"""Reader studies: printed kappas, analytic variances, declared rates that come back, and an honest test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special
from scipy import stats as scipy_stats
from sklearn.metrics import accuracy_score, recall_score

from lesionlib.errors import InputError
from lesionlib.metrics import readers

LABELS = ["bcc", "mel", "nv"]
AI = {"bcc": 1.0, "mel": 0.6, "nv": 0.8}

# Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses; kappa 0.430.
FLEISS = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 "
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)
# Wikipedia, "Fleiss' kappa": 10 subjects, 14 raters, 5 classes; kappa 0.210.
WIKIPEDIA = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def kappa_of(counts):
    """Kappa of a table of counts (images, classes); who gave which answer makes no difference."""
    given = [np.repeat(np.arange(len(row)), row) for row in counts]
    answers = pd.DataFrame(
        [(f"reader-{r}", f"image-{c}", code) for c, codes in enumerate(given) for r, code in enumerate(codes)],
        columns=["reader", "image_id", "answer"],
    ).assign(truth=0, ai_shown=False, ai_answer=pd.NA)
    return readers.agreement(answers, range(len(counts[0])), n_resamples=1).value


def frame(codes, truth, shown=False, ai=None, prefix="image"):
    """A frame of answers from codes (readers, images); negative: none was given."""
    codes, truth = np.asarray(codes), np.asarray(truth)
    names = np.array([*LABELS, pd.NA], dtype=object)
    n_readers, n_images = codes.shape
    return pd.DataFrame(
        {
            "reader": np.repeat([f"reader-{r:02d}" for r in range(n_readers)], n_images),
            "image_id": [f"{prefix}-{c:03d}" for c in range(n_images)] * n_readers,
            "truth": np.tile(names[truth], n_readers),
            "answer": names[np.where(codes < 0, -1, codes)].ravel(),
            "ai_shown": shown,
            "ai_answer": pd.NA if ai is None else np.tile(names[np.asarray(ai)], n_readers),
        }
    )


def cohort(**changes):
    told = {
        "alone": {"bcc": 0.1, "mel": 0.3, "nv": 0.7},
        "follow_right": {"bcc": 0.5, "mel": 0.5, "nv": 0.5},
        "follow_wrong": 0.3,
    }
    return readers.Cohort(**(told | changes))


def images(per_class, shown=True, seed=0, prefix="image", labels=LABELS):
    truth = np.repeat(labels, per_class)
    rng = np.random.default_rng(seed)
    right = rng.random(len(truth)) < np.array([AI.get(label, 0.8) for label in truth])
    other = np.where(truth == labels[0], labels[1], labels[0])
    names = [f"{prefix}-{k:04d}" for k in range(len(truth))]
    return pd.DataFrame(
        {"image_id": names, "truth": truth, "ai_answer": np.where(right, truth, other), "ai_shown": shown}
    )


def row(table, **where):
    for name, value in where.items():
        table = table[table[name].isna() if value is None else table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


# ---- kappa ----


def test_fleiss_kappa_of_the_paper_that_named_it():
    counts = [[int(digit) for digit in line] for line in FLEISS.split()]
    assert kappa_of(counts) == pytest.approx(0.430, abs=5e-4)


def test_fleiss_kappa_of_wikipedia():
    assert kappa_of(WIKIPEDIA) == pytest.approx(0.210, abs=5e-4)


def test_kappa_is_one_zero_or_undefined():
    assert kappa_of([[3, 0], [0, 3]]) == 1
    assert np.isnan(kappa_of([[3, 0], [3, 0]]))
    rng = np.random.default_rng(0)
    assert kappa_of(rng.multinomial(10, [0.5, 0.3, 0.2], 5000)) == pytest.approx(0, abs=0.01)


def test_an_image_with_one_answer_says_nothing_about_agreement():
    both = [[2, 1], [0, 4], [3, 3]]
    # It adds to the shares of the classes nothing either: it is left out whole.
    assert kappa_of([*both, [1, 0], [0, 0]]) == kappa_of(both)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=2, max_size=8))
def test_kappa_of_answers_is_that_of_pairs(rows):
    codes = np.array(rows).T
    counts = np.stack([(codes == k).sum(axis=0) for k in range(3)], axis=1)
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    seen = np.mean([codes[a] == codes[b] for a, b in pairs])
    chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    expected = np.nan if chance == 1 else (seen - chance) / (1 - chance)
    answers = frame(codes, np.zeros(codes.shape[1], int))
    assert readers.agreement(answers, LABELS, n_resamples=1).value == pytest.approx(expected, nan_ok=True)


def test_readers_drawn_twice_do_not_agree_with_themselves():
    # Answers by chance: kappa 0, and its replicates as well, though each resample holds readers several times.
    rng = np.random.default_rng(0)
    answers = frame(rng.integers(3, size=(6, 60)), np.zeros(60, int))
    found = readers.agreement(answers, LABELS, over="readers", n_resamples=400)
    assert found.low < 0 < found.high
    assert (found.low + found.high) / 2 == pytest.approx(found.value, abs=0.03)


def test_agreement_leaves_missing_answers_out():
    codes = np.array([[0, 1, 2, -1], [0, 1, 1, 2], [0, 1, 2, -1]])
    found = readers.agreement(frame(codes, [0, 1, 2, 2]), LABELS, n_resamples=50)
    assert found.value == kappa_of([[3, 0, 0], [0, 3, 0], [0, 1, 2]])


# ---- rates and their intervals ----


def test_rates_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], 4)
    codes, ai = rng.integers(3, size=(5, 12)), rng.integers(3, size=12)
    answers = frame(codes, truth, ai=ai)
    found = readers.rates(answers, LABELS, n_resamples=20)
    said, all_truth = answers["answer"].astype(str), answers["truth"]
    assert row(found, who="readers", label=None)["value"] == pytest.approx(accuracy_score(all_truth, said))
    recalls = recall_score(all_truth, said, labels=LABELS, average=None)
    assert found.query("who == 'readers'")["value"].iloc[1:].to_numpy() == pytest.approx(recalls)
    assert row(found, who="AI", label=None)["value"] == pytest.approx(accuracy_score(truth, ai))
    each = readers.by_reader(answers, LABELS).query("label.isna()")
    assert each["value"].to_numpy() == pytest.approx((codes == truth).mean(axis=1))
    one = row(readers.by_reader(answers, LABELS), reader="reader-02", label="mel")
    assert (one["right"], one["answers"]) == ((codes[2, 4:8] == 1).sum(), 4)
    counts = readers.confusion(answers, LABELS)
    assert counts.to_numpy().sum() == 60
    assert counts.loc["mel", "nv"] == (codes[:, 4:8] == 2).sum()


def test_two_way_bootstrap_has_the_analytic_variance():
    rng = np.random.default_rng(2)
    chance = special.expit(rng.normal(size=(12, 1)) + rng.normal(size=(1, 40)))
    right = (rng.random((12, 40)) < chance).astype(float)
    answers = frame(np.where(right, 0, 1), np.zeros(40, int))
    by_reader = right.mean(axis=1, keepdims=True) - right.mean()
    by_image = right.mean(axis=0, keepdims=True) - right.mean()
    rest = right - right.mean() - by_reader - by_image
    parts = {"readers": (by_reader**2).mean() / 12, "images": (by_image**2).mean() / 40}
    parts["both"] = parts["readers"] + parts["images"] + (rest**2).mean() / 480
    for over, variance in parts.items():
        found = row(readers.rates(answers, LABELS, over=over, n_resamples=20_000), label=None)
        assert (found["high"] - found["low"]) / 3.92 == pytest.approx(variance**0.5, rel=0.04), over
    # What is taken as fixed makes the interval too narrow for what is said.
    assert parts["both"] > parts["readers"] + parts["images"]


def test_the_same_images_are_paired_and_new_ones_are_not():
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1, 2], 10)
    # All readers agree: everything depends on the images.
    codes = np.repeat(rng.integers(3, size=(1, 30)), 8, axis=0)
    alone = frame(codes, truth)
    same = readers.difference(pd.concat([alone, frame(codes, truth, shown=True)]), LABELS)
    assert (same[["value", "low", "high"]].to_numpy() == 0).all()
    assert row(same, label=None)["shared"] == 30
    new = pd.concat([alone, frame(codes, truth, shown=True, prefix="other")])
    found = row(readers.difference(new, LABELS), label=None)
    assert (found["value"], found["shared"], found["images"]) == (0, 0, 60)
    # Stratified by class: the variance of two independent means of 3 x 10 images.
    hits = (codes[0] == truth).reshape(3, 10).mean(axis=1)
    sd = np.sqrt(2 * (hits * (1 - hits)).sum() / 10 / 9)
    assert (found["high"] - found["low"]) / 3.92 == pytest.approx(sd, rel=0.08)


def test_a_design_fixes_how_many_images_of_each_class_are_shown():
    codes = np.repeat([[0] * 6 + [0] * 6], 3, axis=0)
    # bcc always right, mel never: drawing images without regard to their class would move the accuracy.
    found = row(readers.rates(frame(codes, [0] * 6 + [1] * 6), LABELS), label=None)
    assert (found["low"], found["value"], found["high"]) == (0.5, 0.5, 0.5)


def test_missing_answers_count_or_do_not():
    answers = frame([[0, -1, 2, -1], [0, 1, -1, 0]], [0, 1, 2, 2])
    counted = row(readers.rates(answers, LABELS, n_resamples=10), label=None)
    left = row(readers.rates(answers.dropna(subset="answer"), LABELS, n_resamples=10), label=None)
    assert (counted["value"], counted["answers"]) == (4 / 8, 8)
    assert (left["value"], left["answers"]) == (4 / 5, 5)
    assert readers.confusion(answers, LABELS)["no answer"].tolist() == [0, 1, 2]


def test_readers_may_see_different_images():
    codes = np.array([[0, 1], [0, 0]])
    answers = frame(codes, [0, 1]).drop(index=3)
    found = row(readers.rates(answers, LABELS, n_resamples=10), label=None)
    assert (found["value"], found["answers"], found["readers"], found["images"]) == (1, 3, 2, 2)


def test_the_model_is_ahead_by_what_it_is_ahead():
    truth, ai = np.array([0, 1, 2, 2]), np.array([0, 1, 2, 0])
    answers = frame([[0, 0, 0, 0], [0, 1, 0, 0]], truth, ai=ai)
    found = readers.difference(answers, LABELS, ("readers", "alone"), ("AI", "alone"), n_resamples=50)
    assert row(found, label=None)["value"] == pytest.approx(3 / 4 - 3 / 8)
    assert row(found, label="nv")["value"] == pytest.approx(1 / 2)


# ---- following ----


def test_following_by_hand():
    truth, ai = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0])
    alone = frame([[0, 1, 1, -1], [1, 2, 0, 1]], truth, ai=ai)
    aided = frame([[0, 0, 0, 1], [0, 2, 0, -1]], truth, shown=True, ai=ai)
    both = pd.concat([alone, aided])
    found = readers.reliance(both, LABELS, n_resamples=50)
    shares = {(arm, side): value for arm, side, value in found[["arm", "ai", "value"]].to_numpy()}
    assert shares == {
        ("alone", "right"): 0.25,
        ("with AI", "right"): 0.75,
        ("difference", "right"): 0.5,
        ("alone", "wrong"): 0.25,
        ("with AI", "wrong"): 0.5,
        ("difference", "wrong"): 0.25,
    }
    left_out = readers.reliance(both.dropna(subset="answer"), LABELS, n_resamples=50)
    assert row(left_out, arm="with AI", ai="wrong")["value"] == pytest.approx(2 / 3)
    moved = readers.changes(both, LABELS, n_resamples=50)
    assert row(moved, ai="right", first="another", then="as the AI")["value"] == pytest.approx(2 / 3)
    assert row(moved, ai="right", first="another", then="the first again")["value"] == pytest.approx(1 / 3)
    assert row(moved, ai="wrong", first="another", then="none")["value"] == pytest.approx(1 / 2)
    sums = moved.groupby(["ai", "first"])["value"].sum()
    assert sums.to_numpy() == pytest.approx(1)


@pytest.mark.parametrize("follow", [(0.45, 0.45), (0.6, 0.2), (0.0, 0.0), (1.0, 1.0)])
def test_declared_following_comes_back(follow):
    right, wrong = follow
    people = cohort(follow_right=dict.fromkeys(LABELS, right), follow_wrong=wrong, trust_sd=0.8)
    shown = pd.concat([images(60, False), images(60, True)])
    answers = readers.simulate(people, shown, 150, seed=4)
    moved = readers.changes(answers, LABELS, n_resamples=20).query("first == 'another' and then == 'as the AI'")
    assert row(moved, ai="right")["value"] == pytest.approx(right, abs=0.05)
    assert row(moved, ai="wrong")["value"] == pytest.approx(wrong, abs=0.05)
    if not right:
        added = readers.reliance(answers, LABELS, n_resamples=20).query("arm == 'difference'")["value"]
        assert added.to_numpy() == pytest.approx(0)


def test_without_the_same_images_no_mind_is_seen_to_change():
    answers = readers.simulate(cohort(), pd.concat([images(4, False), images(4, True, prefix="b")]), 3)
    assert readers.changes(answers, LABELS).empty
    assert readers.changes(answers[answers["ai_shown"]], LABELS).empty


# ---- the simulated cohort ----


def test_a_cohort_answers_at_its_declared_rates():
    people = cohort(image_sd=0.8, trust_sd=0.3, missed=0.1)
    shown = pd.concat([images(400, False, prefix="a"), images(400, True, prefix="b")])
    answers = readers.simulate(people, shown, 60, seed=5)
    assert answers["answer"].isna().mean() == pytest.approx(0.1, abs=0.01)
    found = readers.rates(answers.dropna(subset="answer"), LABELS, n_resamples=2).query("who == 'readers'")
    # The expectation for the images that were drawn, whose model is right as often as it happens to be.
    ai = images(400, True)["ai_answer"].eq(images(400, True)["truth"]).groupby(images(400)["truth"]).mean()
    expected = people.expected(ai)
    for arm in ("alone", "with AI"):
        rates = found[found["arm"] == arm].dropna(subset="label").set_index("label")["value"]
        assert rates[LABELS].to_numpy() == pytest.approx(expected[arm].to_numpy(), abs=0.03)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0, 3))
def test_the_rate_is_the_mean_over_readers_and_images(rate, spread):
    from lesionlib.metrics.readers.simulation import cohorts

    level = cohorts._level(rate, spread)

    def density(z):
        return special.expit(level + spread * z) * scipy_stats.norm.pdf(z)

    assert integrate.quad(density, -9, 9)[0] == pytest.approx(rate, abs=1e-4)


def test_readers_and_images_differ_as_declared():
    alike = cohort(reader_sd=0.0, image_sd=0.0)
    apart = cohort(reader_sd=2.0, image_sd=0.0)
    spread = []
    for people in (alike, apart):
        answers = readers.simulate(people, images(60, False), 40, seed=6)
        spread.append(readers.by_reader(answers, LABELS).query("label.isna()")["value"].std())
    assert spread[0] == pytest.approx(np.sqrt((0.09 + 0.21 + 0.21) / 3 / 180), rel=0.35)
    assert spread[1] > 3 * spread[0]


def test_wrong_answers_follow_habit():
    people = cohort(habits={"bcc": 1, "mel": 3, "nv": 0}, alone={"bcc": 0.2, "mel": 0.2, "nv": 0.0})
    counts = readers.confusion(readers.simulate(people, images(300, False), 10, seed=7), LABELS)
    assert counts.loc["bcc", "nv"] == 0
    assert counts.loc["nv", "mel"] / counts.loc["nv", "bcc"] == pytest.approx(3, rel=0.15)
    assert counts.loc["nv", "nv"] == 0


def test_opinions_stay_unless_they_are_drawn_anew():
    shown = pd.concat([images(30, False), images(30, True)])
    for redrawn, least, most in ((0.0, 1, 1), (1.0, 0.3, 0.75)):
        people = cohort(follow_right=dict.fromkeys(LABELS, 0.0), follow_wrong=0.0, redrawn=redrawn)
        answers = readers.simulate(people, shown, 20, seed=8)
        twice = answers.pivot(index=["reader", "image_id"], columns="ai_shown", values="answer")
        assert least <= (twice[False] == twice[True]).mean() <= most


def test_the_same_seed_gives_the_same_cohort():
    first, again, other = (readers.simulate(cohort(), images(10), 4, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["answer"].equals(other["answer"])


def test_a_smaller_gain_is_a_smaller_gain():
    for gain in (0.0, 0.05, 0.15):
        rates = cohort().at_gain(gain, AI).expected(AI)
        assert (rates["with AI"] - rates["alone"]).mean() == pytest.approx(gain)
    with pytest.raises(InputError, match="gain"):
        cohort().at_gain(0.6, AI)
    useless = dict.fromkeys(LABELS, 0.0)
    assert cohort().at_gain(0, useless).follow_wrong == 0
    with pytest.raises(InputError, match="gain"):
        cohort().at_gain(0.1, useless)


# ---- designs, their test, and power ----


def test_where_readers_agree_the_test_is_one_of_images():
    rng = np.random.default_rng(9)
    first, second = rng.integers(2, size=(2, 1, 24)).repeat(5, axis=1)
    found = readers.crossed_test(first, second, np.zeros(24), same_images=False)
    expected = np.sqrt(first[0].var(ddof=1) / 24 + second[0].var(ddof=1) / 24)
    assert found.se == pytest.approx(expected)
    paired = readers.crossed_test(first, second, np.zeros(24), same_images=True)
    assert paired.se == pytest.approx((second[0] - first[0]).std(ddof=1) / np.sqrt(24))


def test_where_images_do_not_matter_the_test_is_a_paired_t_test_of_readers():
    rng = np.random.default_rng(10)
    first, second = rng.integers(2, size=(2, 9, 1)).repeat(12, axis=2)
    expected = scipy_stats.ttest_rel(second[:, 0], first[:, 0])
    for same_images in (True, False):
        found = readers.crossed_test(first, second, np.zeros(12), same_images)
        assert found.p_value == pytest.approx(expected.pvalue)
        assert found.df == pytest.approx(8)


def test_equal_arms_are_no_difference():
    answers = np.ones((2, 4, 6))
    found = readers.crossed_test(answers, answers, np.repeat([0, 1], 3), same_images=True)
    assert found.p_value.tolist() == [1, 1]


@pytest.mark.parametrize("design", ["new images", "same images"])
@pytest.mark.parametrize("n_readers, per_class", [(6, 4), (19, 12)])
def test_without_a_gain_the_power_is_the_nominal_error(design, n_readers, per_class):
    people = cohort(redrawn=0.5).at_gain(0.0, AI)
    found = readers.power(people, AI, n_readers, per_class, design, n_studies=3000, seed=11)
    # Truncating a variance at 0 makes the test a little strict in small studies; it must never be loose.
    assert 0.025 < found.value < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 3000)
    assert found.gain == pytest.approx(0, abs=0.005)


def test_power_grows_with_the_gain_the_readers_and_the_images():
    small, large = cohort(redrawn=0.3).at_gain(0.05, AI), cohort(redrawn=0.3).at_gain(0.12, AI)

    def power(people, n_readers, per_class, design="new images"):
        return readers.power(people, AI, n_readers, per_class, design, n_studies=3000, seed=12)

    base = power(small, 8, 6)
    assert base.low < base.value < base.high
    assert base.gain == pytest.approx(0.05, abs=0.01)
    for better in (
        power(large, 8, 6),
        power(small, 40, 6),
        power(small, 8, 60),
        power(small, 8, 6, "same images"),
    ):
        assert better.low > base.high


def test_easier_images_pass_for_help_unless_the_sets_are_exchanged():
    people = cohort().at_gain(0.0, AI)
    gains = {
        design: readers.studies(people, AI, 20, 10, design, easier=0.8, n_studies=300, seed=13).gain.mean()
        for design in ("new images", "exchanged")
    }
    assert gains["new images"] > 0.05
    assert gains["exchanged"] == pytest.approx(0, abs=0.01)


def test_exchanged_sets_measure_the_gain():
    people = cohort().at_gain(0.1, AI)
    found = readers.studies(people, AI, 20, 10, "exchanged", n_studies=300, seed=14)
    assert found.gain.mean() == pytest.approx(0.1, abs=0.01)
    assert np.isnan(found.p_value).all()


# ---- bad input ----


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda f: f.drop(columns="ai_answer"), "no column ai_answer"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.assign(answer="wart"), "answer 'wart', expected one of bcc, mel, nv"),
        (lambda f: f.assign(truth=["bcc", "mel", "nv", "nv"] + ["mel"] * 4), "truth differs"),
        (lambda f: f.assign(reader=[None] + ["a"] * 7), "row 0: found no reader"),
        (lambda f: f.assign(ai_shown="yes"), "expected True or False"),
        (lambda f: pd.concat([f, f.iloc[[5]]]), "row 8: reader reader-01 answered image-001 before"),
    ],
)
def test_bad_frames_say_where(change, words):
    answers = frame(np.zeros((2, 4), int), [0, 1, 2, 2])
    with pytest.raises(InputError, match=words):
        readers.rates(change(answers), LABELS)


def test_bad_arguments_say_what_is_expected():
    answers = frame(np.zeros((2, 4), int), [0, 1, 2, 2])
    for call, words in (
        (lambda: readers.rates(answers, LABELS, over="lesions"), "over"),
        (lambda: readers.rates(answers, LABELS, ci=95), "ci"),
        (lambda: readers.difference(answers, LABELS), "arm: found 'with AI', expected one of alone"),
        (lambda: readers.difference(answers, LABELS, ("readers", "alone"), ("AI", "alone")), "ai_answer is empty"),
        (lambda: readers.difference(answers, LABELS, ("readers", "alone"), ("me", "alone")), "who"),
        (lambda: readers.reliance(answers, LABELS), "ai_answer is empty"),
        (lambda: readers.agreement(answers.iloc[:4], LABELS), "two answers"),
        (lambda: cohort(follow_wrong=1.5), "follow_wrong: found 1.5"),
        (lambda: cohort(alone={"bcc": 0.1, "mel": 2, "nv": 0}), "alone, mel"),
        (lambda: cohort(reader_sd=-1), "reader_sd"),
        (lambda: cohort(habits={"bcc": 1}), "habits: found classes bcc"),
        (lambda: readers.simulate(cohort(), images(2).assign(ai_answer=pd.NA), 3), "ai_answer is missing"),
        (lambda: readers.simulate(cohort(), images(2).assign(truth="wart"), 3), "truth and ai_answer of bcc"),
        (lambda: readers.simulate(cohort(), images(2), 0), "n_readers"),
        (lambda: readers.power(cohort(), AI, 1, 5), "n_readers"),
        (lambda: readers.power(cohort(), AI, 5, 5, "exchanged"), "design"),
        (lambda: readers.power(cohort(), AI, 5, 5, alpha=5, n_studies=2), "alpha: found 5"),
        (lambda: readers.studies(cohort(), {"bcc": 1}, 5, 5), "ai: found classes bcc"),
        (lambda: readers.crossed_test(np.ones((3, 4)), np.ones((3, 5)), np.zeros(4), True), "shapes"),
        (lambda: readers.crossed_test(np.ones((3, 2)), np.ones((3, 2)), [0, 1], True), "two of both"),
    ):
        with pytest.raises(InputError, match=words):
            call()
