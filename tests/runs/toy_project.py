"""A project with tiny notebooks: no torch, a second each."""

from __future__ import annotations

from pathlib import Path

import nbformat

PARAMETERS = "data = 'phantom:toy'  # the data\nepochs = 1\nlr = 0.1\nclinical = None\nverbose = False"
COMPUTE = "value = 0.5 + 0.1 * epochs"
RECORD = """
import pandas as pd
from lesionlib import runs

parameters = dict(data=data, epochs=epochs, lr=lr, clinical=clinical, verbose=verbose)
cases = pd.DataFrame({"image_id": ["a", "b"], "lesion_id": ["l1", "l2"], "split": "test",
                      "truth": ["nv", "mel"], "age": [45.0, None], "sex": ["female", None], "site": "back"})
predictions = pd.DataFrame({"image_id": ["b", "a"], "split": "test", "p_mel": [0.9, 0.2], "p_nv": [0.1, 0.8]})
done = runs.record(
    "CHAPTER", parameters, metrics=[{"split": "test", "metric": "accuracy", "value": value}],
    predictions=predictions, cases=cases, fingerprint="f00d", data=data, classes=["mel", "nv"],
    seed=0, device="cpu", openings=[{"split": "test", "images": 2}],
)
"""
LOOK = "runs.table('CHAPTER')"


def notebook(chapter: str, *, compute: str = COMPUTE, record: str = RECORD, look: str = LOOK):
    """Return a chapter as the real ones are: a title, parameters, what computes, what records, a look."""
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(f"# {chapter}\n\nA chapter.", id="title"),
        v4.new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        v4.new_code_cell(compute, id="compute"),
        v4.new_code_cell(record.replace("CHAPTER", chapter), id="record"),
        v4.new_code_cell(look.replace("CHAPTER", chapter), id="look", metadata={"tags": ["look"]}),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return v4.new_notebook(cells=cells, metadata=metadata)


def write_notebook(project: Path, chapter: str, **parts: str) -> Path:
    path = project / "notebooks" / f"{chapter}.ipynb"
    nbformat.write(notebook(chapter, **parts), path)
    return path


def new_project(root: Path) -> Path:
    project = root / "project"
    (project / "notebooks" / "profiles").mkdir(parents=True)
    (project / "_toc.yml").write_text("format: jb-book\nroot: book/welcome\n")
    return project
