"""How a chapter teaches: a box that says what to expect, exercises whose solutions run, a summary, a way on.

The form of a chapter, from top to bottom:

- before the first code cell a box "In this chapter" with **Overview.** (two sentences), **Prerequisites.** (with a
  link), **Time.** and **Goals.** (three to five, each beginning with something that can be tested);
- at the end, in this order, `## What to take with you`, `## Exercises`, `## Every finished run` where there is one,
  `## What is next`;
- two to four exercises, each a Markdown cell that begins with `### Exercise N: ...`, and right after it a code cell
  tagged `look, hide-cell, solution` that shows its result and asserts what the text claims of it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
PARTS = ["Overview", "Prerequisites", "Time", "Goals"]
SUMMARY, EXERCISES, RUNS, NEXT = "What to take with you", "Exercises", "Every finished run", "What is next"
# What a reader can be asked to do. "Understand" is no such thing.
VERBS = {
    *("ask", "attack", "build", "change", "check", "choose", "compare", "compute", "count", "decide", "defend"),
    *("describe", "design", "draw", "explain", "find", "judge", "measure", "name", "predict", "read", "say", "show"),
    *("split", "state", "tell", "test", "train", "use", "weigh", "write"),
}
WORDS_A_MINUTE = 200
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
LINK = re.compile(r"\]\([^)]+\)|\{(?:doc|ref|term|numref)\}`")


def _with_source(cell, source):
    return nbformat.NotebookNode({**cell, "source": source})


def tags(cell) -> set[str]:
    return set(cell.metadata.get("tags", []))


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def cells(path):
    return nbformat.read(path, as_version=4).cells


@pytest.fixture(scope="module")
def box(cells):
    """The four parts of the box "In this chapter"."""
    first_code = next(k for k, cell in enumerate(cells) if cell.cell_type == "code")
    opening = "\n\n".join(cell.source for cell in cells[:first_code])
    found = re.search(r"^:::\{admonition\} In this chapter\n:class: tip\n(.+?)^:::$", opening, re.M | re.S)
    assert found, "no box 'In this chapter' before the first code cell"
    named = re.split(r"^\*\*(\w+)\.\*\*", found[1], flags=re.M)
    assert named[0].strip() == "" and named[1::2] == PARTS
    return dict(zip(PARTS, (text.strip() for text in named[2::2]), strict=True))


@pytest.fixture(scope="module")
def sections(cells):
    """Heading of the second level -> its cells, the first of them without the heading."""
    found = {}
    for cell in cells:
        if cell.cell_type != "markdown":
            if found:
                found[list(found)[-1]].append(cell)
            continue
        before, *headed = re.split(r"^## (.+)\n?", cell.source, flags=re.M)
        if found and before.strip():
            found[list(found)[-1]].append(_with_source(cell, before.strip()))
        for title, text in zip(headed[::2], headed[1::2], strict=True):
            assert title not in found, f"two sections are called {title}"
            found[title] = [_with_source(cell, text.strip())] if text.strip() else []
    return found


def words(text: str) -> int:
    return len(re.findall(r"\w[\w'’.-]*", text))


def typed_figures(text: str) -> list[str]:
    """Figures in prose; links, code, roles and names such as HAM10000 hold none."""
    return re.findall(r"(?<![\w.])\d[\d.,]*", re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)", "", text))


def test_overview_is_two_sentences(box):
    sentences = re.findall(r"[^.?!]+[.?!](?=\s|$)", box["Overview"])
    assert len(sentences) == 2, sentences


def test_prerequisites_lead_somewhere(box):
    assert LINK.search(box["Prerequisites"])


def test_time_to_read_is_that_of_the_words(box, cells):
    """Prose and code in view at 200 words a minute, in steps of five minutes; a few more words change nothing."""
    said = re.match(r"About (\d+) minutes to read; .+ to run", box["Time"])
    assert said, box["Time"]
    in_view = [cell.source for cell in cells if cell.cell_type == "markdown" or not tags(cell) & FOLDED]
    minutes = words("\n".join(in_view)) / WORDS_A_MINUTE
    assert int(said[1]) % 5 == 0
    assert abs(int(said[1]) - minutes) <= 5, f"{minutes:.1f} minutes"


def test_time_is_all_that_is_typed_in_figures(box):
    for part in ("Overview", "Prerequisites", "Goals"):
        assert not typed_figures(box[part]), box[part]


def test_goals_can_be_tested(box):
    lead, *goals = re.split(r"^- ", box["Goals"], flags=re.M)
    assert lead.strip() == "Afterwards you can"
    assert 3 <= len(goals) <= 5
    for goal in goals:
        assert goal.split()[0] in VERBS, goal


def test_a_chapter_ends_in_one_order(path, sections):
    last = [title for title in sections if title in (SUMMARY, EXERCISES, RUNS, NEXT)]
    expected = [title for title in (SUMMARY, EXERCISES, RUNS, NEXT) if title in last]
    assert list(sections)[-len(last) :] == expected
    assert {SUMMARY, EXERCISES} <= set(last)
    assert NEXT in last or path == NOTEBOOKS[-1]


def test_the_summary_has_a_point_for_each_goal_or_so(sections):
    text = "\n".join(cell.source for cell in sections[SUMMARY] if cell.cell_type == "markdown")
    points = re.split(r"^- ", text, flags=re.M)[1:]
    assert 3 <= len(points) <= 5
    assert not typed_figures(text), "its figures come from the run, so from a code cell"


def test_what_is_next_leads_somewhere(path, sections):
    if path == NOTEBOOKS[-1] and NEXT not in sections:
        pytest.skip("the last chapter")
    assert any(LINK.search(cell.source) for cell in sections[NEXT])


def exercises_of(sections):
    return [
        (k, cell)
        for k, cell in enumerate(sections[EXERCISES])
        if cell.cell_type == "markdown" and re.match(r"### Exercise \d+: \S", cell.source)
    ]


def test_two_to_four_exercises(sections):
    found = exercises_of(sections)
    assert 2 <= len(found) <= 4
    for number, (_, cell) in enumerate(found, start=1):
        assert cell.source.count("### ") == 1
        assert cell.source.startswith(f"### Exercise {number}: ")


def test_each_exercise_has_a_solution_that_runs_and_can_fail(sections):
    for k, exercise in exercises_of(sections):
        title = exercise.source.splitlines()[0]
        solution = sections[EXERCISES][k + 1]
        assert solution.cell_type == "code", title
        assert {"look", "hide-cell", "solution"} <= tags(solution), title
        assert not {"nbval-skip", "raises-exception"} & tags(solution), title
        checks = [node for node in ast.walk(ast.parse(solution.source)) if isinstance(node, ast.Assert)]
        assert checks, f"{title}: nothing is asserted"
        for check in checks:
            assert any(isinstance(node, ast.Name) for node in ast.walk(check.test)), ast.unparse(check)


def test_solutions_are_folded_on_the_page_and_in_jupyterlab(sections):
    solutions = [cell for cell in sections[EXERCISES] if cell.cell_type == "code"]
    assert len(solutions) == len(exercises_of(sections))
    for cell in solutions:
        prompts = {name: text for name, text in cell.metadata["mystnb"].items() if name.startswith("code_prompt")}
        assert prompts == {
            "code_prompt_show": "Show a solution",
            "code_prompt_hide": "Hide the solution",
        }
        assert cell.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}


def test_no_solution_stands_elsewhere(cells, sections):
    there = sum("solution" in tags(cell) for cell in sections[EXERCISES])
    assert sum("solution" in tags(cell) for cell in cells) == there
    for cell in cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\{dropdown\} (A|The) solution", cell.source), "a solution that nothing runs"
