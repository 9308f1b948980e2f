"""Pages made from the library's own data: what it knows of each dataset, and how papers' labels are mapped.

Directives ``{dataset-catalog}`` (one table), ``{dataset-cards}`` (a box for each dataset) and ``{label-maps}`` (a box
for each map), so that the book cannot say something else than the code does.
"""

from __future__ import annotations

from generated import directive

from lesionlib import datasets
from lesionlib.datasets import cards

_ACCESS = {
    "open": "open download",
    "account": "needs an account",
    "form": "on request",
    "license": "paid license",
    "links": "table open, images by their pages",
    "own": "cannot be had",
}


def setup(app):
    app.add_directive("dataset-catalog", directive(_catalog))
    app.add_directive("dataset-cards", directive(_cards))
    app.add_directive("label-maps", directive(_label_maps))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _catalog() -> list[str]:
    lines = ["| name | images | classes | pictures | license | how to get it |", "|---|---:|---:|---|---|---|"]
    for name in cards.names():
        facts = datasets.card(name)
        row = (f"`{name}`", _number(facts.images), len(facts.classes), facts.modality, facts.license.split(":")[0])
        lines.append(f"| {' | '.join(map(str, row))} | {_ACCESS[facts.access.kind]} |")
    return lines


def _cards() -> list[str]:
    return [line for name in cards.names() for line in _box(datasets.card(name))]


def _label_maps() -> list[str]:
    return [line for name in datasets.label_maps() for line in _map_box(datasets.label_map(name))]


def _box(card: cards.Card) -> list[str]:
    return [
        f":::{{dropdown}} {card.name}: {card.title}",
        "",
        "| class | title | category | images |",
        "|---|---|---|---:|",
        *(f"| `{key}` | {c.title} | {c.category} | {_number(c.images)} |" for key, c in card.classes.items()),
        "",
        f"**How to get it.** {card.access.how}",
        "",
        "**Files as published:**",
        "",
        *(f"- {line}" for line in card.layout),
        "",
        *(("**Traps:**", "", *(f"- {line}" for line in card.traps), "") if card.traps else ()),
        f"**License:** {card.license}. **Cite:** {card.citation}",
        ":::",
        "",
    ]


def _map_box(label_map: datasets.LabelMap) -> list[str]:
    titles = {key: facts.title for key, facts in label_map.classes.items()}
    lines = [
        f":::{{dropdown}} {label_map.name}: {label_map.title}",
        "",
        "| dataset | label | becomes |",
        "|---|---|---|",
    ]
    for source, mapping in label_map.sources.items():
        for label, target in mapping.items():
            shown = "*left out*" if target is None else titles[target]
            lines.append(f"| `{source}` | `{label}` | {shown} |")
    notes = [f"- **{note.about}.** {note.note}" for note in label_map.notes]
    return [*lines, "", *notes, ":::", ""]


def _number(value: int | None) -> str:
    return "not known" if value is None else f"{value:,}"
