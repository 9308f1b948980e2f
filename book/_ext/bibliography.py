"""Entries of the bibliography as items of a list.

docutils gives them a role of their own, which ARIA has given up, inside a list: screen readers then hear a list without
items.
"""

from __future__ import annotations


def setup(app):
    app.connect("html-page-context", _as_items)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _as_items(app, pagename, templatename, context, doctree):
    if "body" in context:
        context["body"] = context["body"].replace(' role="doc-biblioentry"', ' role="listitem"')
