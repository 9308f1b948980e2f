"""A line at the head of each page: what its figures come from, and what they are not for; and all of them in a table.

The table is the directive ``{run-status}``. Reads ``run_pages.json``, which is written beside ``_config.yml`` when a
book of executed notebooks is staged: the page's name -> the chapter's run (data, profile, key ...). A notebook's page
that is not in it was not executed.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

from generated import written
from sphinx.util.docutils import SphinxDirective

_NOTICE = "For teaching and research, not for diagnosis."
# Its script is fetched from a network that a reader may not have; the book offers no live code.
_NOT_WANTED = "thebe"


def setup(app):
    app.add_directive("run-status", RunStatus)
    app.connect("builder-inited", _read)
    app.connect("html-page-context", _page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app):
    path = Path(app.srcdir) / "run_pages.json"
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
    how = f"profile {run['profile']}, run {run['key']}, on {run['device']}, {run['date']}"
    if run["phantom"]:
        return (
            f"This page was run on phantoms ({run['data']}; {how}): lesions that a program drew. "
            "Its own figures are no findings about skin."
        )
    return f"This page was run on {run['data']} ({how})."


class RunStatus(SphinxDirective):
    """One row a chapter: what its page was made from."""

    def run(self):
        pages = sorted(name for name in self.env.found_docs if name.startswith("notebooks/"))
        lines = ["| chapter | made from | run (profile) | device, date | seconds |", "|---|---|---|---|---:|"]
        lines += [_row(name, self.env.app.run_pages_content.get(name)) for name in pages]
        # The table is about every page: it is read again whenever one was run again.
        self.env.note_reread()
        return written(self, lines)


def _row(name, run):
    chapter = name.removeprefix("notebooks/")
    if run is None:
        return f"| [{chapter}](/{name}) | not run: the page shows the notebook only | | | |"
    made = f"phantoms: `{run['data']}`" if run["phantom"] else f"real: `{run['data']}`"
    seconds = "" if run["seconds"] is None else f"{run['seconds']:.0f}"
    cells = [made, f"`{run['key']}` ({run['profile']})", f"{run['device']}, {run['date']}", seconds]
    return f"| [{chapter}](/{name}) | {' | '.join(cells)} |"


def _is_unwanted(script):
    text = f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}"
    return _NOT_WANTED in text.lower()
