"""Numbered tables beside the numbered figures, and references to those that a page does not show.

MyST-NB puts a figure around what a cell displays if the cell's metadata say so: ``{"mystnb": {"figure": {"name": ...,
"caption": ...}}}``. Where they also have ``"classes": "numbered-table"``, that figure is counted as a table.

A chapter that was not run, or a cell that had nothing to show, leaves a reference without its end. It is told as such;
a name that stands in the metadata of no cell is a mistake, and stays one.
"""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform

_MARK = "numbered-table"
_ABSENT = {"fig": "a figure that is not drawn here", "tab": "a table that is not shown here"}


class numbered_table(nodes.figure):
    """A figure that holds a table."""


class CountTables(SphinxTransform):
    """Make figures that are marked as tables into nodes of their own, before labels are collected."""

    default_priority = 840

    def apply(self, **kwargs):
        for figure in list(self.document.findall(nodes.figure)):
            if _MARK not in figure["classes"]:
                continue
            table = numbered_table("", *figure.children, **figure.attributes)
            table.source, table.line = figure.source, figure.line
            figure.replace_self(table)
            self.document.ids.update(dict.fromkeys(table["ids"], table))


def setup(app):
    visitors = (
        lambda writer, node: writer.visit_figure(node),
        lambda writer, node: writer.depart_figure(node),
    )
    app.add_enumerable_node(numbered_table, "table", html=visitors)
    app.add_transform(CountTables)
    app.connect("builder-inited", _read)
    app.connect("missing-reference", _absent)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app):
    app.figure_names = {
        cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
        for path in Path(app.srcdir, "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    }


def _absent(app, env, node, contnode):
    name = node.get("reftarget")
    if node.get("reftype") != "numref" or name not in app.figure_names:
        return None
    text = _ABSENT[name.split("-")[0]]
    return nodes.emphasis(text, text)
