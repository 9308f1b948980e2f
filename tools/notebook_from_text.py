"""Make a notebook of a text file: the quickest way to begin a chapter.

    python tools/notebook_from_text.py chapter.txt notebooks/11_toy2026.ipynb

A line ``%% markdown`` or ``%% code TAG TAG`` begins a cell, and what follows is its source. A cell that shows a figure
says so on the next lines: ``:name: fig-...``, ``:caption: ...`` and ``:alt: ...``; one that shows a numbered table has
``:name: tab-...`` and ``:caption: ...``. A cell tagged ``solution`` is folded, as solutions are. A notebook that is
there already is left alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbformat import v4

_LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
_ABOUT = {
    "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
    "language_info": _LANGUAGE,
}
_FOLDED = {
    "mystnb": {"code_prompt_show": "Show a solution", "code_prompt_hide": "Hide the solution"},
    "jupyter": {"source_hidden": True, "outputs_hidden": True},
}
_OPTION = re.compile(r":(name|caption|alt): (.+)\n")


def notebook(text: str) -> nbformat.NotebookNode:
    """Return the notebook that a text stands for.

    Raises
    ------
    ValueError
        Something stands before the first cell, a cell is neither markdown nor code, or a figure lacks a text.
    """
    before, *parts = f"\n{text.lstrip()}".split("\n%% ")
    if before.strip():
        raise ValueError(f"found {before.strip().splitlines()[0]!r}, expected a line %% markdown or %% code")
    return v4.new_notebook(cells=[_cell(part) for part in parts], metadata=_ABOUT)


def _cell(part: str) -> nbformat.NotebookNode:
    head, _, source = part.partition("\n")
    kind, *tags = head.split()
    if kind not in ("markdown", "code"):
        raise ValueError(f"found the cell {kind!r}, expected markdown or code")
    make = v4.new_markdown_cell if kind == "markdown" else v4.new_code_cell
    shown, source = _shown(source)
    about = ({"tags": tags} if tags else {}) | (_FOLDED if "solution" in tags else {})
    if shown:
        about["mystnb"] = about.get("mystnb", {}) | shown
    return make(source.strip(), metadata=about)


def _shown(source: str) -> tuple[dict, str]:
    """Split a cell into the texts of its figure or table, as MyST-NB wants them, and its code."""
    texts = {}
    while option := _OPTION.match(source):
        texts[option[1]] = option[2]
        source = source[option.end() :]
    if not texts:
        return {}, source
    is_table = texts.get("name", "").startswith("tab-")
    if missing := {"name", "caption", *([] if is_table else ["alt"])} - set(texts):
        raise ValueError(f"found the figure {texts.get('name', '')!r} without {', '.join(sorted(missing))}")
    figure = {"name": texts["name"], "caption": texts["caption"]}
    if is_table:
        return {"figure": figure | {"caption_before": True, "classes": "numbered-table"}}, source
    return {"figure": figure, "image": {"alt": texts["alt"]}}, source


def main(source: str, target: str) -> str | None:
    """Write it; return what is wrong, if anything is."""
    if Path(target).exists():
        return f"{target}: is there already: edit it in JupyterLab, or remove it"
    try:
        made = notebook(Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"{source}: {error}"
    nbformat.write(made, target)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__)
