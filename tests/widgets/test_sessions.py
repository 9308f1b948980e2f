import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lesionlib.errors import InputError
from lesionlib.widgets import Study, StudyPlan, new_code
from lesionlib.widgets.draws import order


@pytest.fixture
def code():
    return new_code()


@pytest.fixture
def session(study, code, clock):
    begun = study.session(code, clock)
    begun.consent()
    return begun


def answer_all(session, label="nv"):
    given = []
    while session.trial:
        trial = session.show()
        session.answer(label)
        given.append((trial.round, trial.position, trial.image_id))
    return given


def test_a_whole_session_is_kept_as_it_was_given(study, session, clock, lesions):
    given = []
    while session.trial:
        trial = session.show()
        clock.now += 3.25
        label = lesions.classes[trial.position % 7]
        assert session.answer(label)
        given.append((trial.round, trial.position, trial.image_id, label))
    table = study.answers()
    assert list(table[["round", "position", "image_id", "answer"]].itertuples(index=False, name=None)) == given
    assert (table["seconds"] == 3.25).all()
    assert (table["views"] == 1).all()
    assert list(table["ai_shown"]) == 7 * [False] + 7 * [True]
    assert session.trial is None and session.progress == (14, 14)


def test_truth_and_the_models_answer_are_joined(study, session):
    answer_all(session)
    cases = study.cases.set_index("image_id")
    table = study.answers()
    assert list(table["truth"]) == list(cases["truth"].loc[table["image_id"]])
    assert list(table["ai_answer"]) == list(cases["ai_answer"].loc[table["image_id"]])


def test_the_truth_is_not_in_the_folder(study, session):
    """A reader may look into the folder: it must not tell the answers."""
    answer_all(session, "akiec")
    for path in study.folder.iterdir():
        text = path.read_text()
        assert "truth" not in text and "diagnosis" not in text
    assert "label" not in (study.folder / "study.json").read_text()


def test_time_that_is_over_is_no_answer(study, session, clock):
    session.show()
    assert session.left == 45
    clock.now += 44.9
    assert session.left == pytest.approx(0.1)
    session.answer("mel")
    session.show()
    clock.now += 45
    assert session.left == 0
    session.answer(None)
    session.show()
    clock.now += 60
    session.answer("mel")  # a click that came too late
    table = study.answers()
    assert list(table["answer"].fillna("none")) == ["mel", "none", "none"]
    assert list(table["seconds"]) == [44.9, 45, 45]


def test_without_limit_there_is_time(lesions, tmp_path, clock):
    study = Study(lesions, StudyPlan("slow", 7), folder=tmp_path)
    session = study.session(new_code(), clock)
    session.consent()
    session.show()
    assert session.left is None
    clock.now += 86_400
    session.answer("df")
    table = study.answers()
    assert table["answer"][0] == "df" and table["seconds"][0] == 86_400
    assert table["ai_answer"].isna().all()


@pytest.mark.parametrize("wrong", [None, "melanoma", "", 3])
def test_what_is_no_class_is_refused_and_the_image_stays(study, session, wrong):
    trial = session.show()
    with pytest.raises(InputError, match="expected one of akiec, bcc"):
        session.answer(wrong)
    assert session.trial == trial
    assert session.answer("bcc")
    assert len(study.answers()) == 1


def test_an_answer_needs_an_image(session):
    with pytest.raises(InputError, match="call show"):
        session.answer("nv")


def test_consent_comes_first(study, code):
    session = study.session(code)
    with pytest.raises(InputError, match="no such reader here"):
        session.show()
    assert not study.folder.exists() or not list(study.folder.glob("*.jsonl"))


def test_a_finished_session_shows_nothing_more(session):
    answer_all(session)
    with pytest.raises(InputError, match="all images are answered"):
        session.show()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(stops=st.lists(st.integers(0, 14), max_size=4), views=st.lists(st.integers(1, 3), min_size=15, max_size=15))
def test_wherever_it_is_interrupted_it_goes_on_there(study, stops, views):
    """However often the kernel dies, each image is answered once, in the order that the first session had."""
    code = new_code()
    begun = study.session(code)
    begun.consent()
    planned = [(trial.round, trial.position, trial.image_id) for trial in begun._trials]
    done = []
    for stop in [*sorted(stops), 14]:
        session = study.session(code)  # a new process knows only what is on disk
        assert session.progress == (len(done), 14)
        while len(done) < stop:
            for _ in range(views[len(done)]):
                trial = session.show()
            session.answer("mel")
            done.append((trial.round, trial.position, trial.image_id))
    assert done == planned
    table = study.answers()
    table = table[table["reader"] == code]
    assert list(table["views"]) == views[:14]
    assert list(table[["round", "position", "image_id"]].itertuples(index=False, name=None)) == planned


def test_an_image_that_was_left_is_shown_again_and_counted(study, session, code, clock):
    first = session.show()
    clock.now += 30
    again = study.session(code, clock)
    assert again.show() == first
    assert again.left == 45
    again.answer("nv")
    assert study.answers()["views"][0] == 2


def test_two_tabs_of_one_reader_converge(study, code):
    one, two = study.session(code), study.session(code)
    one.consent()
    one.show()
    two.show()
    assert one.answer("nv")
    assert not two.answer("mel")
    assert two.trial == one.trial and one.trial.position == 2
    assert list(study.answers()["answer"]) == ["nv"]


def test_who_withdraws_is_forgotten_and_others_are_not(study, session, code):
    other = study.session(new_code())
    other.consent()
    answer_all(session)
    other.show()
    other.answer("vasc")
    gone = study.forget(code)
    assert gone.answers == 14 and not gone.file.exists()
    assert str(gone).startswith(f"Removed: 14 answers of reader {code}")
    assert study.readers() == [other.reader]
    assert list(study.answers()["answer"]) == ["vasc"]
    assert not [path for path in study.folder.rglob("*") if path.is_file() and code in path.read_text() + path.name]
    with pytest.raises(InputError, match="nothing was removed"):
        study.forget(code)


def test_a_tab_that_is_still_open_after_withdrawal_writes_nothing(study, session, code):
    session.show()
    study.forget(code)
    with pytest.raises(InputError, match="withdrew"):
        session.answer("nv")
    assert study.readers() == []


def test_nothing_is_written_before_consent(lesions, plan, predictions, tmp_path):
    study = Study(lesions, plan, predictions, folder=tmp_path / "none")
    study.session(new_code())
    assert study.readers() == [] and study.answers().empty
    assert list(study.answers().columns)[:4] == ["study", "reader", "round", "position"]
    assert not (tmp_path / "none").exists()


def test_git_ignores_the_folder(study, session):
    assert (study.folder / ".gitignore").read_text() == "*\n"


def test_by_default_answers_stand_with_the_user(lesions, monkeypatch, tmp_path):
    monkeypatch.delenv("LESIONLIB_STUDIES", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / name))
    study = Study(lesions, StudyPlan("here", 7))
    assert study.folder == tmp_path / "lesionlib" / "studies" / study.key
    monkeypatch.setenv("LESIONLIB_STUDIES", str(tmp_path / "mine"))
    assert Study(lesions, StudyPlan("here", 7)).folder == tmp_path / "mine" / study.key


def test_another_plan_or_other_images_are_another_study(lesions, predictions, tmp_path):
    plans = [StudyPlan("a", 7), StudyPlan("a", 7, seed=1), StudyPlan("a", 7, seconds=45), StudyPlan("b", 7)]
    keys = [Study(lesions, plan, predictions, tmp_path).key for plan in plans]
    keys.append(Study(lesions.with_split(seed=3), plans[0], predictions, tmp_path).key)
    assert len(set(keys)) == 5
    # A model that is trained again, and answers a little otherwise, does not cut a reader off.
    assert Study(lesions, plans[0], folder=tmp_path).key == keys[0]


def test_the_order_can_be_made_again_from_the_export(study, session, tmp_path):
    answer_all(session)
    table = pd.read_csv(study.export(tmp_path / "answers.csv"))
    for number, part in table.groupby("round"):
        ids = study.cases["image_id"][study.cases["set"] == number]
        assert order(ids, part["order_seed"].iloc[0]) == list(part["image_id"])


def test_the_export_is_tidy(study, session, clock, tmp_path):
    session.show()
    clock.now += 45
    session.answer(None)
    table = pd.read_csv(study.export(tmp_path / "answers.csv"))
    assert len(table) == 1
    assert pd.isna(table["answer"][0])
    assert pd.to_datetime(table["time"][0]).tzinfo is not None


def test_heat_maps_belong_to_their_images(lesions, predictions, tmp_path):
    plan = StudyPlan("heat", 7, ai=(False, True), heat_map=True)

    def maps(rows):
        return np.stack([np.full((4, 5), row / 1000) for row in rows])

    study = Study(lesions, plan, predictions, tmp_path, heat_maps=maps)
    for case in study.cases.itertuples():
        assert study.heat(case.image_id)[0, 0] == case.row / 1000
    for wrong, says in [
        (None, "give heat_maps"),
        (lambda rows: np.zeros((3, 4, 4)), r"found shape \(3, 4, 4\)"),
        (lambda rows: np.full((len(rows), 4, 4), 2.0), "outside 0 to 1"),
    ]:
        with pytest.raises(InputError, match=says):
            Study(lesions, plan, predictions, tmp_path, heat_maps=wrong)
    with pytest.raises(InputError, match="heat_map=True, or give none"):
        Study(lesions, StudyPlan("no", 7, ai=(True,)), predictions, tmp_path, heat_maps=maps)
