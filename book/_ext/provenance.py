"""What stands in ``results/``, and the way from a number on a page to the run behind it.

Directives ``{stored-runs}``, ``{stored-times}`` and ``{traced-number} steps|commands|code``. All they show is read
while the pages are built.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from statistics import median
from typing import Any

from docutils.parsers.rst import directives
from generated import END, captioned, directive, in_one_line, written
from sphinx.util.docutils import SphinxDirective

from lesionlib import runs
from lesionlib.runs import VerdictWord, schema, store

_MOST_VALUES, _LONGEST = 4, 24  # of a parameter that a list of runs spells out: how many values, how many letters


def setup(app):
    app.add_directive("stored-runs", directive(_stored_runs))
    app.add_directive("stored-times", directive(_stored_times))
    app.add_directive("traced-number", TracedNumber)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def stored() -> list[runs.RunFile]:
    """Return what stands in ``results/`` of each run, by chapter and key.

    Raises
    ------
    InputError
        A ``run.json`` is damaged.
    """
    root = store.results_root()
    return [schema.read(folder / "run.json", schema.RunFile) for folder in store.run_folders(root)] if root else []


def _by_chapter() -> dict[str, list[runs.RunFile]]:
    return {chapter: list(group) for chapter, group in groupby(stored(), key=lambda run: run.chapter)}


def _stored_runs() -> list[str]:
    """Tell what stands there of each chapter, and what its runs differ in."""
    chapters = _by_chapter()
    lines = captioned("tab-stored", "What stands in results/, by chapter.")
    lines += ["| chapter | runs | data | device | made |", "|---|---:|---|---|---|"]
    for chapter, group in chapters.items():
        data, devices = (", ".join(sorted({getattr(run, name) for run in group})) for name in ("data", "device"))
        lines.append(f"| [{chapter}](/notebooks/{chapter}) | {len(group)} | {data} | {devices} | {_days(group)} |")
    lines += [END, "", "What was changed from run to run, with the values that occur:", ""]
    return lines + [f"- *{chapter}*: {_differs(group)}." for chapter, group in chapters.items() if len(group) > 1]


def _stored_times() -> list[str]:
    """Tell how long the runs of each chapter took."""
    lines = ["| chapter | stored runs | shortest (minutes) | median | longest |", "|---|---:|---:|---:|---:|"]
    for chapter, group in _by_chapter().items():
        minutes = [run.seconds / 60 for run in group if run.seconds is not None]
        if not minutes:
            continue
        told = (min(minutes), median(minutes), max(minutes))
        ends = " | ".join(f"{value:.0f}" if value >= 1 else "below 1" for value in told)
        lines.append(f"| [{chapter}](/notebooks/{chapter}) | {len(minutes)} | {ends} |")
    return lines


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


class TracedNumber(SphinxDirective):
    """One stored answer, chosen by a rule, and the way back from it: in a table, in commands or in Python."""

    required_arguments = 1

    @in_one_line
    def run(self):
        form = directives.choice(self.arguments[0], ("steps", "commands", "code"))
        answer = traced_answer()
        if answer is None:
            return written(self, ["*Nothing is stored here.*"])
        run = runs.load(answer["runs"][0])
        return written(self, {"steps": _steps, "commands": _commands, "code": _code}[form](answer, run))


def traced_answer() -> dict[str, Any] | None:
    """Return the first claim that holds by one stored run with one answer to each test image; None without one.

    Raises
    ------
    InputError
        The table of verdicts, or a run that it names, is damaged or missing.
    """
    rows = runs.verdicts().to_dict("records")
    found = (row for row in rows if row["verdict"] == VerdictWord.HOLDS and len(row["runs"]) == 1)
    return next((row for row in found if _has_one_answer_an_image(runs.load(row["runs"][0]))), None)


def _has_one_answer_an_image(found: runs.FinishedRun) -> bool:
    return found.has_predictions and "arm" not in found.predicted and "test" in set(found.predicted["split"])


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
    lines = [*captioned("tab-traced", "From a page to the run behind it."), "| what | in this example |", "|---|---|"]
    return [*lines, *(f"| {what} | {here} |" for what, here in rows.items()), END]


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
