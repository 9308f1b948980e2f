"""Every command that the README, the pages and the chapters quote is one that the program takes."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import nbformat
import pytest
import typer.main
from number_sources import PROJECT
from prose_walker import quoted_code

from lesionlib import cli, runs
from lesionlib.cli import _paired

MARKDOWN = [PROJECT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
MARKDOWN += sorted((PROJECT / "book").glob("*.md"))
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
_PROGRAM = re.compile(r"^(?:\w+=\S* )*(?:\S*/)?(?:python -m )?lesionlib(?=\s)")
SHELLS = ("bash", "sh", "console")


class NoSuchCommand(Exception):
    """A quoted command is none."""


@cache
def quoted(path: Path) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Fences and spans of a page, or of all Markdown cells of a notebook."""
    if path.suffix == ".md":
        texts = [path.read_text(encoding="utf-8")]
    else:
        cells = nbformat.read(path, as_version=4).cells
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    found = [quoted_code(text) for text in texts]
    fences = tuple(fence for fences, _ in found for fence in fences)
    return fences, tuple(span for _, spans in found for span in spans)


def in_shells(path: Path) -> list[str]:
    """Lines of the page's shell code, comments left out."""
    code = [text for language, text in quoted(path)[0] if language in SHELLS]
    lines = [shlex.split(line, comments=True) for text in code for line in text.splitlines()]
    return [shlex.join(words) for words in lines if words]


def ours(line: str) -> list[list[str]]:
    """The words after ``lesionlib`` in each of a line's commands."""
    parts = re.split(r"\s(?:&&|'&&')\s|;\s", line)
    found = [(part, _PROGRAM.search(part)) for part in parts]
    return [shlex.split(part[match.end() :]) for part, match in found if match]


def understood(words: list[str], complete: bool = True, page: str = "") -> None:
    """Raise `NoSuchCommand` if lesionlib would not take these words.

    A span of prose may leave arguments out, and a page may have its reader write the chapter before.
    """
    command, rest, name = typer.main.get_command(cli.app), _paired(words), "lesionlib"
    while hasattr(command, "commands"):
        if not rest:
            return
        name, *rest = rest
        if name not in command.commands:
            raise NoSuchCommand(f"lesionlib {' '.join(words)}: no command {name!r}")
        command = command.commands[name]
    try:
        context = command.make_context(name, rest)
    except Exception as error:
        if complete or type(error).__name__ != "MissingParameter":
            raise NoSuchCommand(f"lesionlib {' '.join(words)}: {error}") from error
        return
    if f"{context.params.get('chapter')}.ipynb" not in page:
        _known(words, name, context.params)


def _known(words: list[str], name: str, asked: dict) -> None:
    """Raise `NoSuchCommand` if the chapter, a parameter of it, the profile or the dataset is not there."""
    chapters = {path.stem: path for path in NOTEBOOKS}
    chapter = asked.get("chapter")
    if name == "run" and chapter not in (*chapters, "all", "CHAPTER"):
        raise NoSuchCommand(f"lesionlib {' '.join(words)}: no chapter {chapter!r}")
    given = [entry.partition("=")[0] for entry in asked.get("parameter") or ()]
    for parameter in given if chapter in chapters else ():
        if parameter not in runs.resolve(chapters[chapter], {}):
            raise NoSuchCommand(f"lesionlib {' '.join(words)}: chapter {chapter} has no parameter {parameter!r}")
    if asked.get("profile") and not (PROJECT / "notebooks" / "profiles" / f"{asked['profile']}.yml").is_file():
        raise NoSuchCommand(f"lesionlib {' '.join(words)}: no profile {asked['profile']!r}")


@pytest.mark.parametrize("path", [*MARKDOWN, *NOTEBOOKS], ids=lambda path: path.name)
def test_commands_exist(path):
    page = path.read_text(encoding="utf-8") if path.suffix == ".md" else ""
    for line in in_shells(path):
        for words in ours(line):
            understood(words, page=page)
    for span in quoted(path)[1]:
        for words in ours(span):
            understood(words, complete=False, page=page)


def test_commands_are_found():
    counted = {path.name: sum(len(ours(line)) for line in in_shells(path)) for path in MARKDOWN}
    assert counted["README.md"] >= 9 and counted["how_to.md"] >= 10


def test_make_targets_exist():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    for path in MARKDOWN:
        asked = [line for line in in_shells(path) if line.startswith("make ")]
        asked += [span for span in quoted(path)[1] if span.startswith("make ")]
        assert {word for line in asked for word in line.split()[1:]} <= targets, path.name


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("bake", "no command"),
        ("data fetch ham10000", "no command"),
        ("run 04_lucius2020 --fast", "No such option"),
        ("run 04_lucius2020 -p epoch 3", "no parameter 'epoch'"),
        ("run 04_lucius", "no chapter"),
        ("book --profile best", "no profile"),
        ("data add ham10000", "Missing"),
        ("sweep grid.yml --workers many", "valid integer"),
    ],
)
def test_what_is_no_command_is_noticed(words, reason):
    with pytest.raises(NoSuchCommand, match=reason):
        understood(words.split())


def test_spans_may_leave_arguments_out():
    understood(["predict"], complete=False)
    with pytest.raises(NoSuchCommand):
        understood(["predict"])
    with pytest.raises(NoSuchCommand):
        understood(["predict", "--loud"], complete=False)


def test_lines_are_taken_apart():
    assert ours(".venv/bin/python -m lesionlib book") == [["book"]]
    assert ours("cd x && ../bin/lesionlib run 09_audit") == [["run", "09_audit"]]
    assert ours("pip install lesionlib-book") == ours("git clone URL lesionlib") == []
    assert ours("LESIONLIB_DATA=DIR lesionlib data list; python -c 'import lesionlib as ll'") == [["data", "list"]]
