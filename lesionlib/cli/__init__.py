"""The ``lesionlib`` command: data, runs, results and the book."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from lesionlib.cli import data, doctor, kit, predicting, project, results, running
from lesionlib.cli.tables import PLAIN
from lesionlib.errors import InputError

app = typer.Typer(help="Papers on skin-lesion classification, run again. Not for diagnosis.", **PLAIN)
for command in (doctor.doctor, project.init, running.run, running.sweep, running.book, predicting.predict):
    app.command()(command)
app.add_typer(data.data_app, name="data")
app.add_typer(results.results_app, name="results")
app.add_typer(kit.kit_app, name="kit")

_debug = False


def main() -> None:
    """Run the command; end with exit code 0, 1 (ours), 2 (the user's) or, by typer, 130 (Ctrl-C)."""
    warnings.showwarning = _one_line_warning
    try:
        app(_paired(sys.argv[1:]), prog_name="lesionlib")
    except InputError as error:
        _end(str(error), 2)
    except Exception as error:
        hint = "run again as `lesionlib --debug ...` for the traceback"
        _end(f"{type(error).__name__}: {error} ({hint})", 1)


@app.callback()
def _global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    global _debug
    _debug = debug


def _paired(arguments: Sequence[str]) -> list[str]:
    """Write ``-p NAME VALUE`` as ``-p NAME=VALUE``: an option that repeats takes one value only."""
    given = list(arguments)
    paired = []
    while given:
        word = given.pop(0)
        paired.append(word)
        if word in ("-p", "--parameter") and len(given) > 1 and "=" not in given[0]:
            name, value = given.pop(0), given.pop(0)
            paired.append(f"{name}={value}")
    return paired


def _one_line_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _end(line: str, code: int) -> None:
    if _debug:
        traceback.print_exc()
    print(f"lesionlib: {line}", file=sys.stderr)
    raise SystemExit(code)
