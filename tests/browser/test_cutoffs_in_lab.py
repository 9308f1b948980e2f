"""The cut-off explorer in JupyterLab: all cells run, a key moves the slider, and the figure follows."""

from pathlib import Path

import nbformat
import pytest
from headless_lab import CHROMIUM, browser_page, open_notebook, run_all, running_lab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs Chromium at {CHROMIUM}"),
]

CELLS = (
    """
import numpy as np

from lesionlib.widgets import cutoff_explorer

rng = np.random.default_rng(0)
truth = np.arange(60) % 3 == 0
explorer = cutoff_explorer(truth, rng.normal(size=60) + truth, "melanoma")
explorer
""",
    "from pathlib import Path\nPath('done').touch()",
)


@pytest.fixture
def root(tmp_path):
    pytest.importorskip("playwright.sync_api", reason="needs playwright")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "roc.ipynb")
    return tmp_path


def test_keys_move_the_cutoff_and_the_figure_follows(root):
    with running_lab(root) as address, browser_page() as page:
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        open_notebook(page, address, "roc.ipynb")
        run_all(page)
        app = page.locator(".ll-study")
        app.wait_for()
        for _ in range(120):
            if (root / "done").exists():
                break
            page.wait_for_timeout(250)
        assert (root / "done").exists()
        assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0

        words, figure = app.get_by_role("status"), app.get_by_role("img", name="ROC curve of melanoma")
        figure.wait_for()
        assert figure.evaluate("picture => picture.naturalWidth") > 500
        seen = [(words.inner_text(), figure.get_attribute("alt"), figure.get_attribute("src"))]
        handle = app.locator(".noUi-handle")
        handle.focus()
        for key in ("ArrowRight", "ArrowRight", "End", "Home"):
            page.keyboard.press(key)
            page.wait_for_function("before => document.querySelector('.ll-study img').src != before", arg=seen[-1][2])
            seen.append((words.inner_text(), figure.get_attribute("alt"), figure.get_attribute("src")))
        for column in zip(*seen, strict=True):
            assert len(set(column)) == len(column)
        assert "No image is called positive. Sensitivity 0.00 (0 of 20;" in seen[-2][0]
        assert "Sensitivity 1.00 (20 of 20;" in seen[-1][0]
        assert "20 true and 40 false positives, 0 false and 0 true negatives" in seen[-1][1]

        # From the slider, Tab leads to the rules; the space bar chooses one.
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Closest to the corner"
        page.keyboard.press("Space")
        page.wait_for_function("before => document.querySelector('.ll-study img').src != before", arg=seen[-1][2])
        assert words.inner_text() == seen[0][0]
        assert errors == []
