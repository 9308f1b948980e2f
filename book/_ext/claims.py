"""How many claims of each paper hold here: directive ``{claim-verdicts} bars|table|sentence``."""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import groupby
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from generated import END, captioned, in_one_line, written
from sphinx.util.docutils import SphinxDirective

from lesionlib import papers, runs
from lesionlib.errors import InputError
from lesionlib.runs import store

WORDS = tuple(map(str, runs.VerdictWord))
HOLDS, FAILS, OPEN, NOT_RUN, NOT_TESTABLE = WORDS


def setup(app):
    app.add_directive("claim-verdicts", ClaimVerdicts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class ClaimVerdicts(SphinxDirective):
    """How many claims of each paper hold here and how many have no answer: a numbered figure, a table, a sentence."""

    required_arguments = 1
    option_spec: ClassVar = {"name": directives.unchanged, "caption": directives.unchanged}

    @in_one_line
    def run(self):
        form = directives.choice(self.arguments[0], ("bars", "table", "sentence"))
        counts = claim_counts()
        if form == "sentence":
            return written(self, [_sentence(counts)])
        return written(self, _counts_table(counts)) if form == "table" else [self._figure(counts)]

    def _figure(self, counts: dict[str, Counter[str]]) -> nodes.figure:
        # Not an image: letters keep their size on a phone, and colors follow the page's.
        drawing = nodes.raw("", _bars(counts), format="html")
        caption = nodes.caption("", "", *self.parse_inline(self.options.get("caption", "What came of the claims."))[0])
        figure = nodes.figure("", drawing, caption, classes=["claims-figure"])
        self.set_source_info(figure)
        self.add_name(figure)
        return figure


def claim_counts() -> dict[str, Counter[str]]:
    """Count the claims of each paper by what came of them; a claim that no chapter answers is *not run here*.

    Raises
    ------
    InputError
        The table of verdicts is damaged, or names a claim that no paper makes.
    """
    rows = runs.verdicts()
    answers = dict(zip(zip(rows["paper"], rows["claim"], strict=True), rows["verdict"], strict=True))
    claims = [(paper, claim) for paper in papers.available() for claim in papers.load(paper).claims["id"]]
    strange = sorted(set(answers) - set(claims))
    if strange:
        raise InputError(
            f"{store.VERDICTS}: {strange[0][0]} has no claim {strange[0][1]!r}: "
            "`lesionlib results verdicts` writes it anew"
        )
    return {
        paper: Counter(answers.get(claim, NOT_RUN) for claim in group)
        for paper, group in groupby(claims, key=lambda claim: claim[0])
    }


def _sentence(counts: dict[str, Counter[str]]) -> str:
    of = sum(counts.values(), Counter())
    return (
        f"Of the {of.total()} claims, {of[HOLDS]} hold here and {of[FAILS]} do not. For {of[OPEN]} our runs cannot "
        f"tell, {of[NOT_RUN]} wait for runs that nobody has made, and {of[NOT_TESTABLE]} cannot be tested here at all, "
        "because images, readers or details are missing."
    )


def _counts_table(counts: dict[str, Counter[str]]) -> list[str]:
    lines = captioned("tab-claims", "The claims of each paper, by what came of them here.")
    lines += [f"| paper | claims | {' | '.join(WORDS)} |", f"|---|{'---:|' * (len(WORDS) + 1)}"]
    for paper, of in (*counts.items(), ("all", sum(counts.values(), Counter()))):
        shown = f"**{paper}**" if paper == "all" else f"{{cite:t}}`{paper}`"
        lines.append(f"| {shown} | {of.total()} | {' | '.join(str(of[word]) for word in WORDS)} |")
    return [*lines, END]


def _bars(counts: dict[str, Counter[str]]) -> str:
    """One bar a paper, as long as it has claims; said in words to whoever does not see it."""
    longest = max((of.total() for of in counts.values()), default=1)
    told = "; ".join(
        f"{paper}: {', '.join(f'{of[word]} {word}' for word in WORDS if of[word])}" for paper, of in counts.items()
    )
    rows = [
        f'<div class="claims-paper">{escape(paper)}</div>'
        f'<div class="claims-bar" style="width: {100 * of.total() / longest:.1f}%">{_segments(of)}</div>'
        for paper, of in counts.items()
    ]
    key = "".join(f'<span><i class="claims-{_style(word)}"></i>{word}</span>' for word in WORDS)
    return (
        f'<div class="claims" role="img" aria-label="{escape(f"Claims by what came of them. {told}.")}">'
        f'{"".join(rows)}<div class="claims-key">{key}</div></div>'
    )


def _segments(of: Counter[str]) -> str:
    return "".join(
        f'<span class="claims-{_style(word)}" style="flex-grow: {of[word]}"><b>{of[word]}</b></span>'
        for word in WORDS
        if of[word]
    )


def _style(word: str) -> str:
    return word.replace(" ", "-")
