"""What came of the claims, what stands in ``results/``, and the way from a number on a page to the run behind it.

Directives ``{claim-verdicts} bars|table|sentence``, ``{stored-runs}`` and ``{traced-number} steps|commands|code``. All
they show is read while the pages are built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from html import escape
from itertools import groupby
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from lesionlib import papers, runs
from lesionlib.errors import InputError
from lesionlib.runs import schema, store

WORDS = tuple(map(str, runs.VerdictWord))
HOLDS, FAILS, OPEN, NOT_RUN, NOT_TESTABLE = WORDS
_MOST_VALUES, _LONGEST = 4, 24  # of a parameter that a list of runs spells out: how many values, how many letters
_END = ":::"


def setup(app):
    app.add_directive("claim-verdicts", ClaimVerdicts)
    app.add_directive("stored-runs", _said(_stored_runs))
    app.add_directive("traced-number", TracedNumber)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Stored(SphinxDirective):
    """A part of a page that is made from stored files; what is wrong with them ends the build with one line."""

    def run(self):
        try:
            return self.made()
        except InputError as error:
            raise self.error(f"{self.name}: {error}") from error

    def made(self) -> list[nodes.Node]:
        raise NotImplementedError

    def markdown(self, lines: list[str]) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(lines))


def _said(markdown: Callable[[], list[str]]) -> type[SphinxDirective]:
    """Make a directive whose content is the Markdown that `markdown` gives."""

    class Said(_Stored):
        def made(self):
            return self.markdown(markdown())

    return Said


class ClaimVerdicts(_Stored):
    """How many claims of each paper hold here and how many have no answer: a numbered figure, a table, a sentence."""

    required_arguments = 1
    option_spec: ClassVar = {"name": directives.unchanged, "caption": directives.unchanged}

    def made(self):
        form = directives.choice(self.arguments[0], ("bars", "table", "sentence"))
        counts = claim_counts()
        if form == "sentence":
            return self.markdown([_sentence(counts)])
        return self.markdown(_counts_table(counts)) if form == "table" else [self._figure(counts)]

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
    lines = [*_captioned("tab-claims", "The claims of each paper, by what came of them here.")]
    lines += [f"| paper | claims | {' | '.join(WORDS)} |", f"|---|{'---:|' * (len(WORDS) + 1)}"]
    for paper, of in (*counts.items(), ("all", sum(counts.values(), Counter()))):
        shown = f"**{paper}**" if paper == "all" else f"{{cite:t}}`{paper}`"
        lines.append(f"| {shown} | {of.total()} | {' | '.join(str(of[word]) for word in WORDS)} |")
    return [*lines, _END]


def _captioned(name: str, caption: str) -> list[str]:
    """Return how a numbered table begins in Markdown; `_END` ends it."""
    return [f":::{{table}} {caption}", f":name: {name}", ""]


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


def stored() -> list[runs.RunFile]:
    """Return what stands in ``results/`` of each run, by chapter and key.

    Raises
    ------
    InputError
        A ``run.json`` is damaged.
    """
    root = store.results_root()
    return [schema.read(folder / "run.json", schema.RunFile) for folder in store.run_folders(root)] if root else []


def _stored_runs() -> list[str]:
    chapters = {chapter: list(group) for chapter, group in groupby(stored(), key=lambda run: run.chapter)}
    lines = _captioned("tab-stored", "What stands in results/, by chapter.")
    lines += ["| chapter | runs | data | device | made |", "|---|---:|---|---|---|"]
    for chapter, group in chapters.items():
        data, devices = (", ".join(sorted({getattr(run, name) for run in group})) for name in ("data", "device"))
        lines.append(f"| [{chapter}](/notebooks/{chapter}) | {len(group)} | {data} | {devices} | {_days(group)} |")
    lines += [_END, "", "What was changed from run to run, with the values that occur:", ""]
    return lines + [f"- *{chapter}*: {_differs(group)}." for chapter, group in chapters.items() if len(group) > 1]


def _days(group: list[runs.RunFile]) -> str:
    days = sorted({run.started[:10] for run in group if run.started})
    # A day in a narrow column does not break at its hyphens.
    return " to ".join(dict.fromkeys([*days[:1], *days[-1:]])).replace("-", "\N{NON-BREAKING HYPHEN}")


def _differs(group: list[runs.RunFile]) -> str:
    """Tell which parameters the runs of a chapter differ in; of few and short values, which they are."""
    names = dict.fromkeys(name for run in group for name in run.parameters if name != "data")
    values = {name: _values(run.parameters.get(name) for run in group) for name in names}
    return ", ".join(f"`{name}` ({_spelled(found)})" for name, found in values.items() if len(found) > 1)


def _values(found: Iterable[Any]) -> list[str]:
    # Numbers in their order, then words in theirs.
    kinds = {_short(value): (not _is_number(value), value if _is_number(value) else 0) for value in found}
    return sorted(kinds, key=lambda text: (*kinds[text], text))


def _spelled(found: list[str]) -> str:
    few = len(found) <= _MOST_VALUES and max(map(len, found)) <= _LONGEST
    return ", ".join(found) if few else f"{len(found)} values"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " + ".join(map(_short, value)) or "none"
    if _is_number(value):
        return f"{value:g}"
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class TracedNumber(_Stored):
    """One stored answer, chosen by a rule, and the way back from it: in a table, in commands or in Python."""

    required_arguments = 1

    def made(self):
        form = directives.choice(self.arguments[0], ("steps", "commands", "code"))
        answer = traced_answer()
        if answer is None:
            return self.markdown(["*Nothing is stored here.*"])
        run = runs.load(answer["runs"][0])
        return self.markdown({"steps": _steps, "commands": _commands, "code": _code}[form](answer, run))


def traced_answer() -> dict[str, Any] | None:
    """Return the first claim that holds by one stored run with one answer to each test image; None without one.

    Raises
    ------
    InputError
        The table of verdicts, or a run that it names, is damaged or missing.
    """
    rows = runs.verdicts().to_dict("records")
    found = (row for row in rows if row["verdict"] == HOLDS and len(row["runs"]) == 1)
    return next((row for row in found if _has_one_answer_an_image(runs.load(row["runs"][0]))), None)


def _has_one_answer_an_image(found: runs.FinishedRun) -> bool:
    if found.run.cases is None or not (found.folder / "predictions.parquet").is_file():
        return False
    return "arm" not in found.predicted and "test" in set(found.predicted["split"])


def _steps(answer: dict[str, Any], found: runs.FinishedRun) -> list[str]:
    run = found.run
    place = f"results/{run.chapter}/{run.key}"
    parameters = ", ".join(f"`{name}` {_short(value)}" for name, value in run.parameters.items())
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    looks = "; ".join(f"{one.split}, {one.images:,} images, {one.time[:10]}" for one in run.openings) or "none"
    rows = {
        "the page": f"[{run.chapter}](/notebooks/{run.chapter}): claim `{answer['claim']}` of "
        f"{{cite:t}}`{answer['paper']}` {answer['verdict']}, measured {answer['measured']}",
        "the run key": f"`{run.key}`, in `results/{store.VERDICTS}`, beside the claim",
        "the run": f"`{place}/run.json`: made {(run.started or 'on an unknown day')[:10]}, on {run.device}"
        + (f", in {run.seconds / 60:.0f} minutes" if run.seconds else ""),
        "its parameters": parameters,
        "its data": f"`{run.data}`, fingerprint `{run.fingerprint}`",
        "its code": f"digest `{run.code}`" + (f", commit `{run.commit[:12]}`" if run.commit else ""),
        "its environment": versions,
        "its looks at held-back images": looks,
        "its figures": f"`{place}/metrics.json`: {len(found.metrics):,} rows",
        "its answers": f"`{place}/predictions.parquet`: {len(found.predicted):,} rows; "
        f"what is known of the images: `results/{store.CASES}/{run.cases}.parquet`",
    }
    lines = [*_captioned("tab-traced", "From a page to the run behind it."), "| what | in this example |", "|---|---|"]
    return [*lines, *(f"| {what} | {here} |" for what, here in rows.items()), _END]


def _commands(_: dict[str, Any], found: runs.FinishedRun) -> list[str]:
    run = found.run
    others = [one for one in stored() if one.chapter == run.chapter and one.key != run.key]
    # The run that is most like it: what comes out otherwise then comes from what was asked otherwise.
    other = min(others, key=lambda one: (_apart(one, run), one.key), default=None)
    lines = [f"lesionlib results list --chapter {run.chapter}"]
    lines += [f"lesionlib results diff {run.key} {other.key}"] if other else []
    return ["```bash", *lines, f"lesionlib results export {run.chapter}.csv --chapter {run.chapter}", "```"]


def _apart(one: runs.RunFile, other: runs.RunFile) -> int:
    names = {*one.parameters, *other.parameters}
    return sum(one.parameters.get(name) != other.parameters.get(name) for name in names)


def _code(_: dict[str, Any], found: runs.FinishedRun) -> list[str]:
    key = found.run.key
    return [
        "```python",
        "import lesionlib as ll",
        "",
        f'll.runs.load("{key}").metrics',
        "",
        f'answers = ll.runs.answers("{key}", split="test")',
        "report = ll.metrics.report(",
        "    answers.y_true, answers.y_prob, answers.labels, ci=0.95, groups=answers.lesions",
        ")",
        "report.overall_ci",
        "ll.plots.confusion(report)",
        "```",
    ]
