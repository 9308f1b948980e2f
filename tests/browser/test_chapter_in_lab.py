"""A whole chapter in JupyterLab, as a student runs it: all cells to the last, then a widget of the chapter is moved."""

from pathlib import Path

import nbformat
import pytest
from headless_lab import CHROMIUM, browser_page, open_notebook, run_all, running_lab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs Chromium at {CHROMIUM}"),
]
PROJECT = Path(__file__).parents[2]
CHAPTER = "02_mendes2018"
ALL_IN_SIGHT = '{"windowingMode": "none"}'


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder with a copy of the chapter, at whose end stands a cell that tells that it was reached."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright")
    monkeypatch.delenv("LESIONLIB_DATA", raising=False)
    monkeypatch.setenv("LESIONLIB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("LESIONLIB_RESULTS", str(PROJECT / "results"))
    chapter = nbformat.read(PROJECT / "notebooks" / f"{CHAPTER}.ipynb", as_version=4)
    chapter.cells.append(nbformat.v4.new_code_cell("from pathlib import Path\n\nPath('done').touch()"))
    nbformat.write(chapter, tmp_path / f"{CHAPTER}.ipynb")
    # A page shows no cell that is out of sight unless it is asked to.
    tracker = tmp_path / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text(ALL_IN_SIGHT, encoding="utf-8")
    return tmp_path


def test_a_chapter_runs_to_its_last_cell_and_its_explorer_moves(root):
    with running_lab(root) as address, browser_page() as page:
        open_notebook(page, address, f"{CHAPTER}.ipynb")
        run_all(page)
        for _ in range(600):
            errors = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']")
            assert errors.count() == 0, errors.first.inner_text()
            if (root / "done").exists():
                break
            page.wait_for_timeout(500)
        assert (root / "done").exists()
        assert list((root / "runs" / "interactive" / CHAPTER).glob("*/metrics.json"))

        explorer = page.locator(".ll-study")
        explorer.scroll_into_view_if_needed()
        words, figure = explorer.get_by_role("status"), explorer.get_by_role("img", name="ROC curve")
        figure.wait_for()
        first, drawn = words.inner_text(), figure.get_attribute("src")
        explorer.locator(".noUi-handle").focus()
        page.keyboard.press("Home")
        page.wait_for_function("before => document.querySelector('.ll-study img').src != before", arg=drawn)
        assert "Sensitivity 1.00" in words.inner_text()
        assert words.inner_text() != first
