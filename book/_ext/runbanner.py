"""A line at the head of each page: what its figures come from, and what they are not for.

Reads ``run_pages.json``, which is written beside ``_config.yml`` when a book of executed notebooks is
staged: the page's name -> the chapter's run (data, profile, key ...). A notebook's page that is
not in it was not executed.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

_NOTICE = "For teaching and research, not for diagnosis."
# Thebe fetches its script from a network that a reader may not have; the book offers no live code.
_NOT_WANTED = ("thebe",)


def setup(app):
    app.add_config_value("run_pages", "run_pages.json", "html")
    app.connect("builder-inited", _read)
    app.connect("html-page-context", _page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app):
    path = Path(app.srcdir) / app.config.run_pages
    app.run_pages_content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _page(app, pagename, templatename, context, doctree):
    context["script_files"] = [one for one in context.get("script_files", []) if not _is_unwanted(one)]
    if doctree is None:
        return
    lines = [_NOTICE]
    kind = "plain"
    if pagename.startswith("notebooks/"):
        run = app.run_pages_content.get(pagename)
        kind = _kind(run)
        lines.insert(0, _origin(run))
    text = " ".join(html.escape(line) for line in lines)
    banner = f'<aside class="run-banner run-banner-{kind}" aria-label="About this page">{text}</aside>'
    context["body"] = banner + context.get("body", "")


def _kind(run):
    if run is None:
        return "absent"
    return "phantom" if run["phantom"] else "real"


def _origin(run):
    if run is None:
        return "This page was not run: it shows the notebook only."
    how = f"profile {run['profile']}, run {run['key']}, on {run['device']}"
    if run["phantom"]:
        return (
            f"This page was run on phantoms ({run['data']}; {how}): lesions that a program drew. "
            "Its own figures are no findings about skin."
        )
    return f"This page was run on {run['data']} ({how})."


def _is_unwanted(script):
    text = f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}".lower()
    return any(name in text for name in _NOT_WANTED)
