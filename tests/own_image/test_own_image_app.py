"""The application for one's own picture: what is chosen is answered or refused, and kept nowhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from made_pictures import all_files, encoded, photo

from lesionlib import own_image
from lesionlib.own_image import NOTICE, ask
from lesionlib.own_image.figure import percent
from lesionlib.widgets import try_own_image


@pytest.fixture
def app(photo_model):
    return try_own_image(photo_model)


def choose(app, content: bytes, name: str = "mole.png"):
    file = {
        "name": name,
        "type": "image/png",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime(2026, 1, 1, tzinfo=UTC),
    }
    app.upload.value = (file,)


def test_the_notice_stands_there_from_the_start(app):
    assert NOTICE in app.children[1].value
    assert "trained on mine" in app.children[1].value
    assert app.answer.value == "" and app.remove.disabled


def test_a_picture_is_answered_and_not_kept(app, photo_model, tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    before = all_files(tmp_path, cache)
    content = encoded(photo(0.3, 5))
    choose(app, content)
    said = app.answer.value
    expected = ask(photo_model, content)
    lines = [
        f"<li>{title}: {percent(share)}</li>"
        for title, share in zip(expected.table["title"], expected.table["probability"], strict=True)
    ]
    for line in lines:
        assert line.replace("<1%", "&lt;1%").replace(">99%", "&gt;99%") in said
    assert expected.sentence in said
    assert 'alt="The picture, the heat map over it' in said and "data:image/png;base64," in said
    assert app.upload.value == ()
    assert "mole.png" not in said
    assert all_files(tmp_path, cache) == before

    assert not app.remove.disabled
    app.remove.click()
    assert app.answer.value == "" and app.remove.disabled


def test_a_refusal_is_spoken_and_another_picture_can_follow(app):
    choose(app, b"no picture", "<b>mole</b>.png")
    assert 'role="alert"' in app.answer.value
    assert "&lt;b&gt;mole&lt;/b&gt;.png: no picture that can be read" in app.answer.value
    choose(app, encoded(photo()))
    assert "Prediction set" in app.answer.value


def test_a_model_of_phantoms_refuses_in_the_application_too(phantom_folder):
    app = try_own_image(phantom_folder)
    choose(app, encoded(photo()))
    assert "has never seen a photograph" in app.answer.value


def test_what_fails_is_said_and_raised(app, monkeypatch):
    def breaks(*_):
        raise RuntimeError("a screw is loose")

    monkeypatch.setattr(own_image, "ask", breaks)
    with pytest.raises(RuntimeError):
        choose(app, encoded(photo()))
    assert "Something failed here" in app.answer.value


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0%"),
        (1e-9, "<1%"),
        (0.00499, "<1%"),
        (0.0051, "1%"),
        (0.5, "50%"),
        (0.9949, "99%"),
        (0.998, ">99%"),
        (1.0, "100%"),
    ],
)
def test_what_is_nearly_sure_does_not_look_sure(share, said):
    assert percent(share) == said
