import re
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionlib import papers
from lesionlib.errors import InputError
from lesionlib.widgets import Study, StudyPlan, contest, draws, new_code


def test_contest_1_is_as_printed():
    plan = contest("1")
    assert (plan.readers, plan.images, plan.seconds, plan.ai) == (22, 162, None, (False,))
    assert plan.clinical


def test_contest_2_is_as_printed():
    plan = contest("2")
    assert (plan.readers, plan.images, plan.seconds, plan.ai) == (19, 35, 45, (False, True))
    assert plan.new_images and not plan.crossed


def test_why_contest_1_cannot_have_the_classes_shares():
    """The nevi that the readers got right cannot be more than all images that they got right."""
    printed = papers.load("lucius2020").contests["1"]
    right = printed.results.set_index("reader")["accuracy"]["GPs"] / 100
    of_nevi = printed.sensitivity.set_index("label")["value"]["nv"]
    assert right / of_nevi < 0.36
    assert 1140 / 1702 > 0.66  # nevi in the printed test set


def test_a_contest_can_be_made_small():
    plan = contest("2", images=7, seconds=20)
    assert (plan.images, plan.seconds, plan.readers) == (7, 20, 19)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: contest("3"), "found '3', expected one of '1', '2'"),
        (lambda: contest("1", image=3), "no field 'image'"),
        (lambda: contest("1", images=0), "images is 0"),
        (lambda: StudyPlan("a b", 3), "name is 'a b'"),
        (lambda: StudyPlan("../a", 3), "name is '../a'"),
        (lambda: StudyPlan("a", 3, ai=()), "ai is ()"),
        (lambda: StudyPlan("a", 3, ai=[True]), "ai is [True]"),
        (lambda: StudyPlan("a", 3, seconds=0), "seconds is 0"),
        (lambda: StudyPlan("a", 3, seconds=float("nan")), "seconds is nan"),
        (lambda: StudyPlan("a", 3, by_class="all"), "by_class is 'all'"),
        (lambda: StudyPlan("a", 3, clinical=1), "clinical is 1"),
        (lambda: StudyPlan("a", 3, seed=-1), "seed is -1"),
        (lambda: StudyPlan("a", 3, heat_map=True), "heat_map needs a round"),
        (lambda: StudyPlan("a", 3, crossed=True), "crossed needs two rounds"),
    ],
)
def test_a_bad_plan_is_refused(call, says):
    with pytest.raises(InputError, match=re.escape(says)):
        call()


def test_every_set_has_each_class_alike(study):
    counts = study.cases.groupby("set")["truth"].value_counts().unstack()
    assert (counts == 1).all(axis=None)
    assert study.cases["image_id"].is_unique


def test_images_come_from_the_test_split_one_a_lesion(lesions, predictions, tmp_path):
    study = Study(lesions, StudyPlan("all", images=50), predictions, tmp_path)
    rows = lesions.frame.loc[study.cases["row"]]
    assert set(rows["split"]) == {"test"}
    assert rows["lesion_id"].is_unique
    assert list(rows["image_id"]) == list(study.cases["image_id"])
    assert list(rows["label"]) == list(study.cases["truth"])
    assert lesions.subset("test")["lesion_id"].duplicated().any()


def test_shares_follow_the_split(lesions, tmp_path):
    study = Study(lesions, StudyPlan("shares", images=40, by_class="shares"), folder=tmp_path)
    lesion_classes = lesions.subset("test").drop_duplicates("lesion_id")["label"]
    wanted = 40 * lesion_classes.value_counts(normalize=True)
    drawn = study.cases["truth"].value_counts().reindex(wanted.index, fill_value=0)
    assert (drawn - wanted).abs().max() < 1


@given(room=st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 30), min_size=1), share=st.floats(0, 1))
def test_dealing_is_exact_and_within_the_room(room, share):
    n = int(share * sum(room.values()))
    if n == 0:
        return
    equal, shares = draws._equal(room, n), draws._in_shares(room, n)
    for counts in (equal, shares):
        assert sum(counts.values()) == n
        assert all(0 <= counts[label] <= room[label] for label in room)
    # Who has room left is at most one image behind the class with most.
    most = max(equal.values())
    assert all(equal[label] >= most - 1 for label in room if equal[label] < room[label])
    assert all(abs(shares[label] - n * room[label] / sum(room.values())) < 1 for label in room)


def test_the_same_seed_draws_the_same_images_and_another_seed_others(lesions, tmp_path):
    ids = [list(Study(lesions, StudyPlan("a", 14, seed=s), folder=tmp_path).cases["image_id"]) for s in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


def test_too_many_images_are_refused(lesions, tmp_path):
    with pytest.raises(InputError, match=r"1 x 500 images are planned, and phantom:ham10000 has \d+ lesions in 'test'"):
        Study(lesions, StudyPlan("big", 500), folder=tmp_path)


def test_only_images_with_a_prediction_are_drawn(lesions, predictions, tmp_path):
    some = predictions[predictions["image_id"].isin(lesions.subset("test")["image_id"].iloc[::2])]
    study = Study(lesions, StudyPlan("some", 14), some, tmp_path)
    assert set(study.cases["image_id"]) <= set(some["image_id"])


def test_the_models_answer_is_its_most_probable_class(study, predictions, lesions):
    table = predictions.set_index("image_id")
    for case in study.cases.itertuples():
        best = table.loc[case.image_id, [f"p_{label}" for label in lesions.classes]].astype(float).idxmax()
        assert case.ai_answer == best.removeprefix("p_")


def test_bad_predictions_are_refused(lesions, predictions, plan, tmp_path):
    for broken, says in [
        (None, "give predictions"),
        (predictions.drop(columns="p_nv"), "no column p_nv"),
        (predictions.drop(columns="image_id"), "no column image_id"),
        (pd.concat([predictions, predictions.iloc[[3]]]), "stands in several rows"),
        (predictions.assign(p_nv=2.0), "no probabilities that sum to 1"),
        (predictions.assign(p_nv=float("nan")), "no probabilities that sum to 1"),
    ]:
        with pytest.raises(InputError, match=says):
            Study(lesions, plan, broken, tmp_path)


def test_orders_are_permutations_that_differ_by_reader_and_round(study):
    sessions = [study.session(new_code()) for _ in range(12)]
    for session in sessions:
        for number in (1, 2):
            ids = [trial.image_id for trial in session._trials if trial.round == number]
            assert sorted(ids) == sorted(study.cases["image_id"][study.cases["set"] == number])
    assert len({tuple(trial.image_id for trial in session._trials) for session in sessions}) == 12


def test_the_first_image_is_any_of_them_alike(study):
    """1,400 readers: each of seven images is first 200 times, within four standard deviations."""
    ids = study.cases["image_id"][study.cases["set"] == 1]
    first = Counter(draws.order(ids, draws.order_seed(0, str(k), 1))[0] for k in range(1400))
    assert all(abs(first[image_id] - 200) < 4 * (1400 * (1 / 7) * (6 / 7)) ** 0.5 for image_id in ids)


def test_the_same_images_come_in_another_order_in_the_second_round(lesions, predictions, tmp_path):
    study = Study(lesions, StudyPlan("same", 14, ai=(False, True), new_images=False), predictions, tmp_path)
    trials = study.session(new_code())._trials
    ids = [[trial.image_id for trial in trials if trial.round == number] for number in (1, 2)]
    assert sorted(ids[0]) == sorted(ids[1]) and ids[0] != ids[1]
    assert [trial.ai_shown for trial in trials] == 14 * [False] + 14 * [True]


def test_crossed_sets_change_places_for_half_of_the_readers(lesions, predictions, tmp_path):
    plan = StudyPlan("crossed", 7, ai=(False, True), crossed=True)
    study = Study(lesions, plan, predictions, tmp_path)
    first = set(study.cases["image_id"][study.cases["set"] == 1])
    helped = 0
    for _ in range(60):
        trials = study.session(new_code())._trials
        seen = {number: {trial.image_id for trial in trials if trial.round == number} for number in (1, 2)}
        assert first in (seen[1], seen[2]) and not seen[1] & seen[2]
        helped += seen[2] == first
    assert 10 < helped < 50  # of 60 at one half: outside once in ten million
