"""What came of the claims: handed over by a chapter, collected, published, and held against the pages."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from lesionlib import runs
from lesionlib.errors import InputError
from lesionlib.runs import spec

KEYS = "0123456789ab", "fedcba987654"


def record(chapter="01_toy"):
    return runs.record(
        chapter,
        {"epochs": 1},
        metrics=[{"split": "test", "metric": "accuracy", "value": 0.75}],
        fingerprint="f00d",
        data="phantom:toy",
        classes=["mel", "nv"],
        seed=0,
        device="cpu",
    )


def page(chapter, paper, answers, behind=None):
    """The folder of a run that handed its answers over."""
    run = record(chapter)
    runs.write_verdicts(run, paper, answers, behind)
    return run.path


def in_results(project, *keys):
    for key in keys:
        (project / "results" / "01_toy" / key).mkdir(parents=True)


ANSWERS = {
    "first": "holds: +1.2 (+0.3 to +2.0) points; AUC 0.9",
    "second": "not testable here",
    "third": "not testable here; our own readers: +3",
    "fourth": "not run here: 1 of 3 seeds",
    "fifth": "does not hold: lowest 0.62 (nevus)",
}


def test_an_answer_is_parted_into_word_and_measurement(project):
    folder = page("01_toy", "some2020", pd.Series(ANSWERS), {"first": KEYS, "fourth": KEYS[:1]})
    rows = json.loads((folder / "verdicts.json").read_text())["rows"]
    assert [(row["claim"], row["verdict"], row["measured"], row["runs"]) for row in rows] == [
        ("first", "holds", "+1.2 (+0.3 to +2.0) points; AUC 0.9", sorted(KEYS)),
        ("second", "not testable here", "", []),
        ("third", "not testable here", "our own readers: +3", []),
        ("fourth", "not run here", "1 of 3 seeds", []),
        ("fifth", "does not hold", "lowest 0.62 (nevus)", []),
    ]
    assert {(row["chapter"], row["paper"]) for row in rows} == {("01_toy", "some2020")}


@pytest.mark.parametrize("text", ["", "Holds: +1", "holds up: +1", "holdsway", "cannot be told +1", "maybe"])
def test_an_answer_that_begins_otherwise_is_refused(project, text):
    run = record()
    with pytest.raises(InputError, match=r"01_toy: some2020, claim first: found .* expected one of holds, does not"):
        runs.write_verdicts(run, "some2020", {"first": text})
    assert not (run.path / "verdicts.json").exists()


def test_runs_of_a_claim_that_nobody_answers_and_odd_keys_are_refused(project):
    run = record()
    with pytest.raises(InputError, match="runs of second, which is no claim that is answered here"):
        runs.write_verdicts(run, "some2020", {"first": "holds: 1"}, {"second": KEYS})
    with pytest.raises(InputError, match="string should match pattern"):
        runs.write_verdicts(run, "some2020", {"first": "holds: 1"}, {"first": ["../../etc"]})
    assert not (run.path / "verdicts.json").exists()


def test_without_a_table_there_are_no_rows_but_columns(project):
    found = runs.verdicts()
    assert found.empty
    assert list(found) == ["chapter", "paper", "claim", "verdict", "measured", "runs"]


def test_what_is_published_is_what_was_handed_over_and_always_the_same_text(project):
    in_results(project, *KEYS)
    pages = {
        "02_toy": page("02_toy", "other2021", {"only": "holds: 2"}, {"only": KEYS[:1]}),
        "01_toy": page("01_toy", "some2020", ANSWERS, {"first": KEYS}),
        "03_toy": record("03_toy").path,
    }
    path = runs.publish_verdicts(runs.collect_verdicts(pages))
    assert path == project / "results" / "verdicts.json"
    text = path.read_text(encoding="utf-8")
    found = runs.verdicts()
    assert found["claim"].tolist() == [*ANSWERS, "only"]
    assert found.loc[0, "verdict"] == "holds" and type(found.loc[0, "verdict"]) is str
    assert found.loc[0, "runs"] == sorted(KEYS)
    runs.publish_verdicts(runs.collect_verdicts(dict(reversed(pages.items()))))
    assert path.read_text(encoding="utf-8") == text
    assert [part.name for part in path.parent.iterdir() if part.is_file()] == ["verdicts.json"]


def test_two_chapters_cannot_answer_one_claim(project):
    pages = {name: page(name, "some2020", {"first": "holds: 1"}) for name in ("01_toy", "02_toy")}
    with pytest.raises(InputError, match="some2020, claim first: answered twice, by 01_toy and by 02_toy"):
        runs.collect_verdicts(pages)


def test_an_answer_from_a_run_that_is_not_published_is_refused(project):
    in_results(project, KEYS[0])
    pages = {"01_toy": page("01_toy", "some2020", {"first": "holds: 1"}, {"first": KEYS})}
    with pytest.raises(InputError, match=rf"claim first: rests on the run {KEYS[1]}, .*results add {KEYS[1]}"):
        runs.publish_verdicts(runs.collect_verdicts(pages))
    assert not (project / "results" / "verdicts.json").exists()


@pytest.fixture
def published(project):
    """A project whose table and page agree; and a function that gives the page other answers."""
    in_results(project, *KEYS)

    def answered(answers, behind=None):
        return {"01_toy": page("01_toy", "some2020", answers, behind)}

    runs.publish_verdicts(runs.collect_verdicts(answered(ANSWERS, {"first": KEYS})))
    return answered


def test_pages_that_say_the_same_pass(published):
    runs.check_verdicts(published(ANSWERS, {"first": KEYS}))
    # Of a chapter that is no page, and of a page without answers, nothing can differ.
    runs.check_verdicts({})
    runs.check_verdicts({"01_toy": record().path})


@pytest.mark.parametrize(
    ("changed", "behind", "said"),
    [
        ({"first": "holds: +1.3"}, KEYS, r"claim first: the page says 'holds: \+1.3' \(runs: 0123456789ab, fed"),
        ({"first": "cannot be told: +1.2 (+0.3 to +2.0) points; AUC 0.9"}, KEYS, "claim first: .*'cannot be told: "),
        ({}, KEYS[:1], r"claim first: .*\(runs: 0123456789ab\), and .* \(runs: 0123456789ab, fedcba987654\)"),
        ({"sixth": "holds: 1"}, KEYS, "claim sixth: the page says 'holds: 1' .* says nothing"),
        ({"fifth": None}, KEYS, "claim fifth: the page says nothing, and .*'does not hold: lowest"),
    ],
)
def test_a_page_that_says_another_thing_is_refused(published, changed, behind, said):
    answers = {claim: text for claim, text in (ANSWERS | changed).items() if text}
    pages = published(answers, {"first": behind})
    with pytest.raises(InputError, match=f"01_toy: some2020, {said}") as refused:
        runs.check_verdicts(pages)
    assert str(refused.value).endswith("`lesionlib results verdicts` takes over what the pages say")
    assert "\n" not in str(refused.value)


def test_a_damaged_table_is_one_line(project):
    (project / "results").mkdir()
    path = project / "results" / "verdicts.json"
    path.write_text('{"schema": 1, "rows": [{"chapter": "01_toy"}]}')
    with pytest.raises(InputError, match=r"verdicts\.json: rows\.0\.paper"):
        runs.verdicts()
    path.write_text('{"schema": 2, "rows": []}')
    with pytest.raises(InputError, match="schema 2"):
        runs.verdicts()


def test_a_page_that_shows_the_table_is_made_again_when_it_changes(published, project):
    def seen(chapter):
        return spec.seen_digest(chapter, "a" * 12, project / "runs")

    shows, answers = seen("09_shows"), seen("01_toy")
    runs.publish_verdicts(runs.collect_verdicts(published({"first": "holds: 9"})))
    assert seen("09_shows") != shows
    # A chapter's answers come from runs: were its page made again for them, it would never be current.
    assert seen("01_toy") == answers


def test_a_run_without_data_follows_changes_whatever_its_profile(project):
    kept, follows = record(), record("02_toy")
    path = follows.path / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fingerprint": "", "profile": "real"}))
    about = [json.loads((each.path / "run.json").read_text()) for each in (kept, follows)]
    made_again = [runs.RunFile.model_validate(each).is_made_again for each in about]
    assert made_again == [False, True]
    assert runs.RunFile.model_validate(about[0] | {"profile": "quick"}).is_made_again
