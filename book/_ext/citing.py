"""Who is to be named: the datasets with their licenses, the papers, and this book.

Directives ``{dataset-licenses}``, ``{papers-of-the-book}`` and ``{cite-book}``. Which entries of ``references.bib`` are
the citation of a dataset, their field ``keywords`` says: ``dataset:NAME``.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from generated import END, captioned, directive, written
from pybtex.database import PybtexError, parse_file
from sphinx.util.docutils import SphinxDirective

from lesionlib import datasets, papers
from lesionlib.datasets import cards
from lesionlib.errors import InputError

_BIBLIOGRAPHY = Path(__file__).parents[1] / "references.bib"
_CITATION = "CITATION.cff"


def setup(app):
    app.add_directive("dataset-licenses", directive(lambda: _licenses(dataset_citations(_BIBLIOGRAPHY))))
    app.add_directive("papers-of-the-book", directive(_papers))
    app.add_directive("cite-book", CiteBook)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class CiteBook(SphinxDirective):
    """How to cite the book and its library, from ``CITATION.cff`` beside ``_config.yml``."""

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir, _CITATION)
        try:
            return written(self, _citation(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except FileNotFoundError:
            return written(self, [f"*This copy of the project has no* `{_CITATION}`."])
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise self.error(f"{path.name}: not a citation file ({' '.join(str(error).split())})") from error


@cache
def dataset_citations(path: Path) -> dict[str, list[str]]:
    """Return for each dataset the keys of the entries in the bibliography that are its citation.

    Raises
    ------
    InputError
        The bibliography is damaged.
    """
    try:
        entries = parse_file(str(path), bib_format="bibtex").entries
    except PybtexError as error:
        raise InputError(f"{path.name}: {' '.join(str(error).split())}") from error
    found = defaultdict(list)
    for key, entry in entries.items():
        for word in entry.fields.get("keywords", "").split(","):
            kind, _, name = word.strip().partition(":")
            if kind == "dataset":
                found[name].append(key)
    return dict(found)


def _licenses(keys: dict[str, list[str]]) -> list[str]:
    """One row a dataset of the catalog: its license, whether pictures of it may be shown, whom to cite."""
    lines = captioned("tab-licenses", "The datasets, their licenses, and whom to cite.")
    lines += ["| dataset | license | pictures of it | cite |", "|---|---|---|---|"]
    for name in cards.names():
        facts = datasets.card(name)
        license_ = f"[{facts.license}]({facts.license_url})" if facts.license_url else facts.license
        pictures = "may be shown" if facts.may_publish_images else "are not shown"
        cited = ", ".join(f"{{cite:t}}`{key}`" for key in keys.get(name, []))
        lines.append(f"| `{name}` | {license_} | {pictures} | {cited} |")
    return [*lines, END]


def _papers() -> list[str]:
    """The papers that the chapters are about, as their files name them."""
    return [f"- {{cite:t}}`{paper.key}`: {paper.title}" for paper in map(papers.load, papers.available())]


def _citation(facts: dict[str, Any]) -> list[str]:
    authors = [_author(one) for one in facts["authors"]]
    day = str(facts.get("date-released", ""))
    when = f" ({day[:4]})" if day else ""
    fields = {
        "author": " and ".join(f"{{{name}}}" for name in authors),
        "title": f"{{{facts['title']}}}",
        "year": day[:4],
        "version": facts["version"],
        "url": facts.get("repository-code", ""),
        "doi": facts.get("doi", ""),
    }
    return [
        f"> {', '.join(authors)}{when}. *{facts['title']}*. Version {facts['version']}.",
        "",
        "```bibtex",
        "@software{lesionlib,",
        *(f"  {name} = {{{value}}}," for name, value in fields.items() if value),
        "}",
        "```",
    ]


def _author(one: dict[str, str]) -> str:
    return one.get("name") or f"{one['given-names']} {one['family-names']}"
