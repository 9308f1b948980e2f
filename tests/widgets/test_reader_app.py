import asyncio
import os
from dataclasses import replace

import numpy as np
import pytest
from ipywidgets import HTML, Button
from matplotlib import pyplot as plt

from lesionlib.errors import InputError
from lesionlib.widgets import ReaderStudy, Study, StudyPlan, new_code
from lesionlib.widgets.trial_screen import TrialScreen


@pytest.fixture
def app(study):
    return ReaderStudy(study, contact="Ask <us>")


def parts(widget, kind):
    """All widgets of a kind, below and in this one."""
    below = [found for child in getattr(widget, "children", ()) for found in parts(child, kind)]
    return [widget, *below] if isinstance(widget, kind) else below


def button(app, label):
    found = [each for each in parts(app, Button) if each.description.startswith(label)]
    assert len(found) == 1, [each.description for each in parts(app, Button)]
    return found[0]


def words(app):
    return "".join(each.value for each in parts(app, HTML)[1:])


def to_code(app):
    app.screen.children[1].value = True
    button(app, "Go on").click()


def begin(app):
    """Agree and take a new code; give it."""
    to_code(app)
    button(app, "Start with").click()
    return app._session.reader


def trial_of(app):
    assert isinstance(app.screen.children[0], TrialScreen), words(app)
    return app.screen.children[0]


def labels(study):
    return list(study.answers()["answer"].fillna("none"))


def test_a_whole_session_by_click_and_key(app, study):
    begin(app)
    for number in (1, 2):
        assert f"Round {number} of 2: 7 images" in words(app)
        button(app, "Start").click()
        for position in range(1, 8):
            assert f"image {position} of 7" in words(app)
            screen = trial_of(app)
            if position % 2:
                screen.choices[position - 1].click()
                screen.save.click()
            else:
                screen.key_field.value = "1"
                screen.key_field.value = f"1{position}"
                screen.key_field.value = f"1{position}\n"
    assert "Thank you" in words(app)
    assert labels(study) == 2 * study.images.classes


def test_showing_it_writes_nothing(app, study):
    to_code(app)
    assert not study.folder.exists()


def test_consent_is_asked_first_and_in_full(app, study):
    text = words(app)
    for said in ("14 images", "45 seconds", "teaching and research", "No name", "You can stop at any time"):
        assert said in text
    assert str(study.folder) in text
    assert "Ask &lt;us&gt;" in text and "<us>" not in text
    assert button(app, "Go on").disabled
    app.screen.children[1].value = True
    assert not button(app, "Go on").disabled


def test_what_was_agreed_to_is_kept(app, study):
    reader = begin(app)
    assert study.readers() == [reader]
    line = (study.folder / f"{reader}.jsonl").read_text()
    assert '"event":"consent"' in line and '"consent":""' not in line


@pytest.mark.parametrize("typed", ["Maria Gomez", "K7QM-2XPR", ""])
def test_a_wrong_code_is_refused_and_can_be_mended(app, study, typed):
    to_code(app)
    entry = app.screen.children[-1].children[0]
    entry.value = typed
    button(app, "Go on with").click()
    assert 'role="alert"' in app.message.value
    assert not study.folder.exists()
    entry.value = "k7qm 2xpj"
    button(app, "Go on with").click()
    assert app.message.value == ""
    assert study.readers() == ["K7QM-2XPJ"]


def test_it_goes_on_where_it_stopped(app, study):
    reader = begin(app)
    button(app, "Start").click()
    for _ in range(3):
        trial_of(app).key_field.value = "6\n"
    again = ReaderStudy(study)
    to_code(again)
    again.screen.children[-1].children[0].value = reader
    button(again, "Go on with").click()
    assert "going on with image 4" in words(again) and "Answered so far: 3 of 14" in words(again)
    button(again, "Go on").click()
    assert "image 4 of 7" in words(again)


def test_a_second_click_is_not_the_next_images_answer(app, study):
    begin(app)
    button(app, "Start").click()
    screen = trial_of(app)
    screen.choices[4].click()
    screen.save.click()
    screen.save.click()
    screen.key_field.value = "\n"
    assert labels(study) == ["mel"]
    assert "image 2 of 7" in words(app)


def test_enter_without_a_choice_saves_nothing(app, study):
    begin(app)
    button(app, "Start").click()
    screen = trial_of(app)
    assert screen.save.disabled
    screen.key_field.value = "\n"
    assert labels(study) == [] and trial_of(app) is screen
    screen.key_field.value = "\n2\n"
    assert labels(study) == ["bcc"]


def test_what_is_chosen_is_said_and_marked(app):
    begin(app)
    button(app, "Start").click()
    screen = trial_of(app)
    screen.choices[2].click()
    screen.choices[5].click()
    assert "Chosen: 6 melanocytic nevus" in screen.status.value and 'role="status"' in screen.status.value
    assert [each.description.endswith("✓") for each in screen.choices] == [n == 5 for n in range(7)]


def test_an_answer_that_cannot_be_saved_is_said_and_stays(app, study, monkeypatch):
    begin(app)
    button(app, "Start").click()
    screen = trial_of(app)
    screen.choices[0].click()

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        screen.save.click()
    assert "the disk is full" in app.message.value
    assert trial_of(app) is screen


def test_no_screen_tells_the_truth_or_the_files_name(app, study, lesions):
    begin(app)
    button(app, "Start").click()
    while isinstance(app.screen.children[0], TrialScreen):
        trial = app._session._shown
        html = words(app)
        assert trial.image_id not in html and lesions.frame["lesion_id"][trial.row] not in html
        assert 'alt="Skin lesion, image' in html
        said = html.count('aria-label="model:')
        assert said == (7 if trial.ai_shown else 0)
        trial_of(app).key_field.value = "1\n"
        if trial.position == 7 and trial.round == 1:
            button(app, "Start").click()


def test_bars_say_what_the_model_said(app, study):
    begin(app)
    button(app, "Start").click()
    for _ in range(7):
        trial_of(app).key_field.value = "1\n"
    button(app, "Start").click()
    case = study.cases.set_index("image_id").loc[app._session._shown.image_id]
    html = words(app)
    places = [html.index(f'aria-label="model: {100 * case[f"p_{label}"]:.0f} %"') for label in study.images.classes]
    assert len(places) == 7
    best = html[html.index("ll-best") :]
    assert best.index("model: ") < 60
    assert best.split("model: ")[1].startswith(f"{100 * case[f'p_{case.ai_answer}']:.0f} %")


def test_heat_maps_stand_in_rounds_with_help_only(lesions, predictions, tmp_path):
    plan = StudyPlan("heat", 1, ai=(False, True), heat_map=True)
    study = Study(lesions, plan, predictions, tmp_path, heat_maps=lambda rows: np.zeros((len(rows), 3, 4)))
    app = ReaderStudy(study)
    begin(app)
    button(app, "Start").click()
    assert words(app).count("<img") == 1
    trial_of(app).key_field.value = "1\n"
    button(app, "Start").click()
    assert words(app).count("<img") == 2 and "heat map" in words(app)


def test_clinical_data_stand_there_if_they_are_planned(lesions, tmp_path):
    for clinical in (True, False):
        app = ReaderStudy(Study(lesions, StudyPlan("one", 1, clinical=clinical), folder=tmp_path))
        begin(app)
        button(app, "Start").click()
        assert ("<dt>age</dt>" in words(app)) == clinical
        assert "s left" not in words(app)


def test_what_stands_in_the_data_cannot_become_html(lesions, tmp_path):
    frame = lesions.frame.assign(site="<img src=x onerror=alert(1)>", sex=None)
    app = ReaderStudy(Study(replace(lesions, frame=frame), StudyPlan("odd", 1), folder=tmp_path))
    begin(app)
    button(app, "Start").click()
    assert "<img src=x" not in words(app) and "&lt;img src=x" in words(app)
    assert "<dd>not known</dd>" in words(app)


def test_time_runs_out_by_itself_and_the_next_image_waits(lesions, tmp_path):
    study = Study(lesions, StudyPlan("quick", 3, seconds=0.3), folder=tmp_path)

    async def sit_and_wait():
        app = ReaderStudy(study)
        begin(app)
        button(app, "Start").click()
        first = trial_of(app)
        first.choices[0].click()  # chosen is not saved
        for _ in range(200):
            await asyncio.sleep(0.05)
            if "The time is over" in words(app):
                break
        await asyncio.sleep(0.5)
        assert labels(study) == ["none"]
        button(app, "Go on").click()
        second = trial_of(app)
        assert "image 2 of 3" in words(app)
        second.key_field.value = "1\n"
        await asyncio.sleep(0)
        assert all(task.done() or task.cancelling() for task in second._tasks)
        trial_of(app).stop()

    asyncio.run(sit_and_wait())
    assert study.answers()["seconds"].iloc[0] == 0.3


def test_an_answer_in_another_tab_is_said(app, study):
    reader = begin(app)
    button(app, "Start").click()
    other = study.session(reader)
    other.show()
    other.answer("vasc")
    trial_of(app).key_field.value = "1\n"
    assert "answered in another tab" in app.message.value
    assert labels(study) == ["vasc"]
    assert "image 2 of 7" in words(app)


def test_withdrawal_asks_once_and_says_what_went(app, study):
    reader = begin(app)
    button(app, "Start").click()
    trial_of(app).key_field.value = "1\n"
    trial_of(app).pause.click()
    button(app, "Withdraw").click()
    assert "removes 1 answer, your consent" in words(app)
    button(app, "Keep them").click()
    assert study.readers() == [reader]
    button(app, "Withdraw").click()
    button(app, "Remove them").click()
    assert f"Removed: 1 answer of reader {reader}" in words(app)
    assert study.readers() == [] and not parts(app.screen, Button)


def test_ten_classes_are_too_many_for_the_digits(lesions, tmp_path):
    study = Study(lesions, StudyPlan("many", 7), folder=tmp_path)
    study.images = replace(lesions, classes=[f"c{k}" for k in range(10)])
    with pytest.raises(InputError, match="found 10 classes, expected 9 at most"):
        ReaderStudy(study)


def test_a_preview_is_a_closed_figure_with_all_choices(app):
    for number, bars in ((1, 0), (2, 7)):
        figure = app.preview(number)
        texts = [text.get_text() for text in figure.axes[1].texts]
        assert sum(text.endswith(" %") for text in texts) == bars
        assert any(text.startswith("7") and "vascular lesion" in text for text in texts)
        assert f"Round {number} of 2" in figure.get_suptitle()
        assert len(figure.axes[0].images) == 1
    assert not plt.get_fignums()
    with pytest.raises(InputError, match="round is 3; expected a whole number from 1 to 2"):
        app.preview(3)


def test_a_preview_keeps_an_image_back_that_may_not_be_published(lesions, tmp_path):
    card = lesions.card.model_copy(update={"may_publish_images": False})
    study = Study(replace(lesions, card=card), StudyPlan("closed", 7), folder=tmp_path)
    picture = ReaderStudy(study).preview().axes[0]
    assert "license" in picture.texts[0].get_text()
    assert np.ptp(picture.images[0].get_array()) == 0


def test_its_repr_is_short(app):
    begin(app)
    button(app, "Start").click()
    assert len(repr(app)) < 60
    assert len(repr(trial_of(app))) < 300


def test_codes_of_two_readers_differ(app, study):
    first = begin(app)
    assert first != begin(ReaderStudy(study)) != new_code()
    assert len(study.readers()) == 2
