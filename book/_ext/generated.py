"""What directives share whose Markdown is made while the pages are built."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from lesionlib.errors import InputError

END = ":::"


def directive(markdown: Callable[[], list[str]]) -> type[SphinxDirective]:
    """Make a directive whose content is the Markdown that `markdown` gives."""

    class Generated(SphinxDirective):
        @in_one_line
        def run(self):
            return written(self, markdown())

    return Generated


def in_one_line(run: Callable) -> Callable:
    """Let a stored file that is damaged end the build with one line, which names the directive."""

    @wraps(run)
    def checked(self):
        try:
            return run(self)
        except InputError as error:
            raise self.error(f"{self.name}: {error}") from error

    return checked


def written(self: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    """Return what lines of Markdown become."""
    return self.parse_text_to_nodes("\n".join(lines))


def captioned(name: str, caption: str) -> list[str]:
    """Return how a numbered table begins in Markdown; `END` ends it."""
    return [f":::{{table}} {caption}", f":name: {name}", ""]
