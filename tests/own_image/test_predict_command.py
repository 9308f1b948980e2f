"""``lesionlib predict``: answers, refusals, exit codes, and what is written."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest
from made_pictures import all_files, photo
from PIL import Image

from lesionlib.own_image import NOTICE, Answer, ask


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two good pictures and a bad one, in which the command is called."""
    monkeypatch.chdir(tmp_path)
    photo(0.3, 1).save("dark.png")
    photo(0.8, 2).save("light.jpg")
    photo(size=(20, 20)).save("small.png")
    return tmp_path


@pytest.fixture
def command(folder, lesionlib_command):
    return partial(lesionlib_command, "predict")


def test_good_pictures_are_answered(command, photo_folder, photo_model, folder):
    before = all_files(folder)
    code, out, err = command(photo_folder, "dark.png", "light.jpg")
    assert (code, err) == (0, "")
    assert out.startswith(f"{NOTICE}\n")
    assert f"Model: {photo_model}" in out
    for name in ("dark.png", "light.jpg"):
        answer = ask(photo_model, folder / name)
        part = out.split(f"\n{name}\n")[1]
        first = part.splitlines()[1].split()
        assert first[0] == answer.table["class"][0]
        assert f"{answer.table['probability'][0]:.3f}" in first
        assert answer.sentence in part
    assert all_files(folder) == before


def test_one_bad_picture_among_good_ones(command, photo_folder):
    code, out, err = command(photo_folder, "dark.png", "small.png", "light.jpg")
    assert code == 2
    assert "\ndark.png\n" in out and "\nlight.jpg\n" in out and "\nsmall.png\n" not in out
    refused, ended = err.splitlines()
    assert refused.startswith("refused: small.png: it has 20 x 20 pixels")
    assert ended == "lesionlib: 1 of 3 pictures refused"


def test_a_photograph_for_a_model_of_phantoms(command, phantom_folder):
    code, out, err = command(phantom_folder, "dark.png")
    assert code == 2
    assert out.startswith(NOTICE)
    assert "has never seen a photograph" in err
    assert err.count("\n") == 1


def test_figures_are_written_for_what_is_answered(command, photo_folder, folder):
    before = all_files(folder)
    code, out, _ = command(photo_folder, "dark.png", "small.png", "--heat", "new/figures")
    assert code == 2
    figure = folder / "new" / "figures" / "dark.png.heat.png"
    assert set(all_files(folder)) - set(before) == {figure}
    assert {path: kept for path, kept in all_files(folder).items() if path != figure} == before
    assert "Heat map: new/figures/dark.png.heat.png" in out
    with Image.open(figure) as image:
        assert image.width > 900


def test_nothing_is_written_over(command, photo_folder, folder):
    (folder / "dark.png.heat.png").write_bytes(b"mine")
    code, out, err = command(photo_folder, "light.jpg", "dark.png", "--heat", ".")
    assert (code, out) == (2, "")
    assert "dark.png.heat.png is already there" in err
    assert (folder / "dark.png.heat.png").read_bytes() == b"mine"
    assert not (folder / "light.jpg.heat.png").exists()


def test_two_pictures_of_one_name(command, photo_folder):
    code, _, err = command(photo_folder, "dark.png", "other/dark.png", "--heat", "figures")
    assert code == 2
    assert "2 pictures are called dark.png" in err


def test_a_figure_that_fails_leaves_nothing(command, photo_folder, folder, monkeypatch):
    class Broken:
        def savefig(self, path, **_):
            path.write_bytes(b"half")
            raise RuntimeError("a screw is loose")

    monkeypatch.setattr(Answer, "figure", lambda answer: Broken())
    code, _, err = command(photo_folder, "dark.png", "--heat", "figures")
    assert code == 1
    assert "a screw is loose" in err
    assert list((folder / "figures").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere", "dark.png"), "nowhere: no saved Learner here"),
        (("MODEL", "none.png"), "none.png: cannot be read"),
        (("MODEL", "dark.png", "--alpha", "0"), "alpha"),
    ],
)
def test_what_the_user_can_mend(command, photo_folder, words, said):
    code, _, err = command(*(photo_folder if word == "MODEL" else word for word in words))
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_help_says_what_it_is_for_and_imports_nothing_heavy():
    program = (
        "import sys\nsys.argv = ['lesionlib', 'predict', '--help']\nfrom lesionlib.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('heavy:', sorted({'torch', 'fastai', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    text = " ".join(answer.stdout.replace("│", " ").split())
    for said in ("not for diagnosis", "MODEL", "IMAGE", "--heat", "--alpha"):
        assert said in text
    assert text.endswith("heavy: []")
