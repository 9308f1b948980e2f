"""A whole reader study in JupyterLab: clicked and typed through, left, killed in the middle, taken up and exported."""

import json
import os
import re
import signal
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from headless_lab import CHROMIUM, browser_page, open_notebook, run_all, running_lab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs Chromium at {CHROMIUM}"),
]

SECONDS = 30
STUDY = """
import os
from pathlib import Path

import numpy as np
import pandas as pd

import lesionlib as ll

Path("kernel.pid").write_text(str(os.getpid()))
lesions = ll.datasets.load("phantom:ham10000", n=140, size=96).with_split(0.5, 0, 0.5)
prob = np.random.default_rng(0).dirichlet(np.ones(7), len(lesions))
said = pd.DataFrame(prob, columns=[f"p_{label}" for label in lesions.classes])
said["image_id"] = lesions.frame["image_id"]
plan = ll.widgets.StudyPlan("trial", 3, ai=(False, True), seconds=%d)
study = ll.widgets.Study(lesions, plan, said, folder="answers")
app = ll.widgets.ReaderStudy(study)
app
"""
EXPORT = """
study.export("answers.csv")
study.cases.to_csv("cases.csv", index=False)
Path("exported").touch()
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    pytest.importorskip("playwright.sync_api", reason="needs playwright")
    monkeypatch.setenv("LESIONLIB_CACHE", str(tmp_path / "cache"))
    cells = [nbformat.v4.new_code_cell(STUDY % SECONDS), nbformat.v4.new_code_cell(EXPORT)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "study.ipynb")
    return tmp_path


def stored(root: Path) -> list[tuple]:
    """What stands on the disk: round, position and answer, as the lines say."""
    files = list((root / "answers").glob("trial-*/*.jsonl"))
    if not files:
        return []
    assert len(files) == 1
    lines = [json.loads(line) for line in files[0].read_text().splitlines()]
    return [(line["round"], line["position"], line["answer"]) for line in lines if line["event"] == "answer"]


def begin(page, root: Path, reader: str | None = None):
    """Run the notebook, agree, and start with a new code or an old one; give the application and the code."""
    (root / "exported").unlink(missing_ok=True)
    run_all(page)
    for _ in range(240):
        if (root / "exported").exists():
            break
        page.wait_for_timeout(500)
    app = page.locator(".ll-study")
    app.get_by_role("checkbox").check()
    app.get_by_role("button", name="Go on", exact=True).click()
    new = app.get_by_role("button", name="Start with this code")
    new.wait_for()
    if reader is None:
        reader = app.locator(".ll-code").inner_text()
        new.click()
    else:
        app.get_by_label("My code").fill(reader.lower().replace("-", " "))
        app.get_by_role("button", name="Go on with my code").click()
    return app, reader


def image_is_up(app, round: int, position: int) -> None:
    """Wait for an image, decoded, and for the keys to go to it."""
    app.get_by_text(f"Round {round} of 2: image {position} of 3").wait_for()
    picture = app.get_by_role("img", name=f"Skin lesion, image {position} of 3")
    picture.wait_for()
    assert picture.evaluate("picture => picture.naturalWidth") > 90
    app.page.wait_for_function("document.activeElement.tagName == 'TEXTAREA'")


def test_a_whole_session_killed_in_the_middle(root):
    with running_lab(root) as address, browser_page() as page:
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, address, "study.ipynb")
        app, reader = begin(page, root)
        assert re.fullmatch(r"[2-9CDFGHJKMPQRTVWX]{4}-[2-9CDFGHJKMPQRTVWX]{4}", reader)
        keys = page.keyboard

        app.get_by_role("button", name="Start", exact=True).click()
        image_is_up(app, 1, 1)
        assert stored(root) == []
        assert app.get_by_role("img", name="model:").count() == 0
        app.get_by_role("button", name="5 melanoma").click()
        app.get_by_text("Chosen: 5 melanoma").wait_for()
        app.get_by_role("button", name="Save and go on").click()

        image_is_up(app, 1, 2)
        assert stored(root) == [(1, 1, "mel")]
        # The tab is closed, and the notebook opened again; its kernel lives.
        open_notebook(page, address, "study.ipynb")
        app, _ = begin(page, root, reader)
        app.get_by_text("Round 1 of 2: 3 images, going on with image 2").wait_for()
        app.get_by_role("button", name="Go on", exact=True).click()
        image_is_up(app, 1, 2)
        keys.type("23")  # corrected before it is saved, without a pause
        keys.press("Enter")

        image_is_up(app, 1, 3)
        assert stored(root)[-1] == (1, 2, "bkl")
        keys.type("1")  # chosen, but not saved in time
        app.get_by_text("The time is over").wait_for(timeout=1000 * (SECONDS + 30))
        assert stored(root)[-1] == (1, 3, None)
        # What leads on has the focus: Enter is enough.
        page.wait_for_function("document.activeElement.textContent == 'Go on'")
        keys.press("Enter")

        app.get_by_text("Round 2 of 2: 3 images").wait_for()
        app.get_by_role("button", name="Start", exact=True).click()
        image_is_up(app, 2, 1)
        assert app.get_by_role("img", name="model:").count() == 7
        # Tab comes to the first diagnosis: the space bar chooses, Enter in the field saves.
        keys.press("Tab")
        keys.press("Space")
        app.get_by_text("Chosen: 1 actinic keratosis").wait_for()
        page.wait_for_function("document.activeElement.tagName == 'TEXTAREA'")
        keys.press("Enter")

        image_is_up(app, 2, 2)
        keys.type("4")
        app.get_by_text("Chosen: 4").wait_for()
        before = [(1, 1, "mel"), (1, 2, "bkl"), (1, 3, None), (2, 1, "akiec")]
        assert stored(root) == before

        os.kill(int((root / "kernel.pid").read_text()), signal.SIGKILL)
        page.wait_for_timeout(3000)  # the server starts another kernel
        assert stored(root) == before
        open_notebook(page, address, "study.ipynb")
        app, _ = begin(page, root, reader)

        app.get_by_text("Round 2 of 2: 3 images, going on with image 2").wait_for()
        app.get_by_text("Answered so far: 4 of 6").wait_for()
        app.get_by_role("button", name="Go on", exact=True).click()
        image_is_up(app, 2, 2)
        keys.type("7")
        keys.press("Enter")
        image_is_up(app, 2, 3)
        app.get_by_role("button", name="6 melanocytic nevus").click()
        app.get_by_text("Chosen: 6").wait_for()
        page.wait_for_function("document.activeElement.tagName == 'TEXTAREA'")
        keys.press("Enter")
        app.get_by_text("Thank you").wait_for()
        after = [*before, (2, 2, "vasc"), (2, 3, "nv")]
        assert stored(root) == after

        begin(page, root, reader)  # the last cell exports
        app.get_by_text("All 6 images are answered").wait_for()
        assert errors == []

    table = pd.read_csv(root / "answers.csv")
    columns = zip(table["round"], table["position"], table["answer"], strict=True)
    assert [(round, position, None if pd.isna(label) else label) for round, position, label in columns] == after
    assert set(table["reader"]) == {reader}
    assert list(table["ai_shown"]) == 3 * [False] + 3 * [True]
    # The images at which the tab was closed and the kernel died were shown twice.
    assert list(table["views"]) == [1, 2, 1, 1, 2, 1]
    assert table["seconds"][2] == SECONDS and (table["seconds"] <= SECONDS).all()
    truth = pd.read_csv(root / "cases.csv").set_index("image_id")["truth"]
    assert list(table["truth"]) == list(truth[table["image_id"]])
    assert table["image_id"].is_unique
