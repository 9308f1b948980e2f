"""What ``lesionlib book`` shows: for each chapter the runs that may become its page."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lesionlib.cli.planning import Wanted, availability, wanted_runs
from lesionlib.errors import InputError

if TYPE_CHECKING:
    from lesionlib.runs import RunSpec


def page_runs(project: Path, name: str) -> dict[str, list[RunSpec]]:
    """List the runs that may become the page of each chapter, in the order of the profile `name`.

    They are those of the profile whose data are here. A chapter that has none takes the quick ones: its page tells
    that it was run on phantoms. A chapter that the quick profile does not list either has no run.

    Raises
    ------
    InputError
        There is no such profile, it is not valid, or it asks for real data, and none of them are here.
    """
    from lesionlib import runs

    wanted = wanted_runs(project, runs.load_profile(name, project))
    available = availability()
    lacking = {each.notebook.stem: data for each in wanted for data in each.data() if not available(data)}
    here = [each for each in wanted if all(map(available, each.data()))]
    if lacking and not any(_is_on_real_data(each) for each in here):
        missing = ", ".join(sorted(set(lacking.values())))
        raise InputError(
            f"profile {name}: it needs {missing}, and none of it is on this machine: `lesionlib data list` says how "
            "to get it"
        )
    pages = _by_chapter(here)
    for chapter in sorted(set(lacking) - set(pages)):
        typer.echo(f"{chapter}: no {lacking[chapter]} on this machine: its page is run on phantoms", err=True)
    chosen = _by_chapter(wanted_runs(project, runs.load_profile("quick", project))) | pages
    return {chapter: [each.spec() for each in chosen[chapter]] for chapter in sorted(chosen)}


def _is_on_real_data(wanted: Wanted) -> bool:
    return not all(data.startswith("phantom:") for data in wanted.data())


def _by_chapter(wanted: list[Wanted]) -> dict[str, list[Wanted]]:
    found = defaultdict(list)
    for each in wanted:
        found[each.notebook.stem].append(each)
    return dict(found)
