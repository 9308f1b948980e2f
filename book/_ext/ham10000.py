"""Figures of HAM10000 from its card and from the stored list of its images, so that a page types none of them.

Role ``{ham10000}`NAME` `` (one figure in a sentence), directive ``{ham10000-table} classes|confirmed``.
"""

from __future__ import annotations

from functools import cache

from docutils import nodes
from docutils.parsers.rst import directives
from generated import written
from sphinx.util.docutils import SphinxDirective, SphinxRole

from lesionlib import datasets, runs

_CONFIRMED = {
    "histo": "histology (tissue under the microscope)",
    "follow_up": "follow-up (did not change over time)",
    "consensus": "consensus of experts",
    "confocal": "confocal microscopy",
}


def setup(app):
    app.add_role("ham10000", Ham10000Figure())
    app.add_directive("ham10000-table", Ham10000Table)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Ham10000Figure(SphinxRole):
    """One figure of HAM10000, by its name."""

    def run(self):
        known = ham10000_figures()
        if self.text in known:
            return [nodes.Text(known[self.text])], []
        message = self.inliner.reporter.error(f"ham10000: no figure {self.text!r}: choose one of {', '.join(known)}")
        return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


class Ham10000Table(SphinxDirective):
    """The classes of HAM10000, or how their diagnoses were confirmed."""

    required_arguments = 1

    def run(self):
        tables = {"classes": _classes, "confirmed": _confirmed}
        made = tables[directives.choice(self.arguments[0], tuple(tables))]
        return written(self, made())


@cache
def ham10000_figures() -> dict[str, str]:
    """Return the figures that a page may quote: of the card, and counted in the stored list of all images."""
    card, rows = datasets.card("ham10000"), _images()
    largest = max(card.classes, key=lambda name: card.classes[name].images)
    rarest = min(card.classes, key=lambda name: card.classes[name].images)
    per_lesion = rows.groupby("lesion_id").size()
    sex_unknown = rows.loc[rows["sex"].isna(), "truth"].value_counts()
    counts = {
        "images": card.images,
        "lesions": card.lesions,
        "rarest": card.classes[rarest].images,
        "rarest in test": ((rows["split"] == "test") & (rows["truth"] == rarest)).sum(),
        "test images": (rows["split"] == "test").sum(),
        "lesions with several images": (per_lesion > 1).sum(),
        "most images of a lesion": per_lesion.max(),
        "images of such lesions": per_lesion[per_lesion > 1].sum(),
        "follow-up": (rows["confirmed_by"] == "follow_up").sum(),
        "sex unknown": sex_unknown.sum(),
        **{f"sex unknown, {name}": count for name, count in sex_unknown.items()},
        "age missing": rows["age"].isna().sum(),
        "age 0": (rows["age"].astype(float) == 0).sum(),
        "site missing": rows["site"].isna().sum(),
    }
    shares = {
        "share of the largest class": card.classes[largest].images / card.images,
        "share of images of such lesions": per_lesion[per_lesion > 1].sum() / len(rows),
    }
    return {name: f"{count:,}" for name, count in counts.items()} | {
        name: f"{100 * share:.0f} %" for name, share in shares.items()
    }


@cache
def _images():
    """Return the stored list of all images of HAM10000, with the split by lesion."""
    import pandas as pd

    root, images = runs.results_root(), datasets.card("ham10000").images
    for path in sorted(root.glob("cases/*.parquet")) if root else ():
        rows = pd.read_parquet(path)
        if len(rows) == images and "confirmed_by" in rows and set(rows["split"]) == {"train", "valid", "test"}:
            return rows
    raise FileNotFoundError(f"{root}/cases holds no list of all images of HAM10000 with how they were confirmed")


def _classes() -> list[str]:
    classes = datasets.card("ham10000").classes
    lines = ["| name | diagnosis | images |", "|---|---|---:|"]
    return [*lines, *(f"| `{name}` | {facts.title} | {facts.images:,} |" for name, facts in classes.items())]


def _confirmed() -> list[str]:
    classes, rows = list(datasets.card("ham10000").classes), _images()
    lines = [f"| confirmed by | {' | '.join(classes)} |", f"|---|{'---:|' * len(classes)}"]
    for how, title in _CONFIRMED.items():
        counts = rows.loc[rows["confirmed_by"] == how, "truth"].value_counts()
        lines.append(f"| {title} | {' | '.join(f'{counts.get(name, 0):,}' for name in classes)} |")
    return lines
