"""``lesionlib init``: a project to work in, where the library came without one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")]) -> None:
    """Copy the book's notebooks, profiles, pages and stored results to a new folder: run and sweep work there."""
    from lesionlib import runs

    typer.echo(f"{runs.new_project(folder)}: go there, then `lesionlib book`, or `jupyter lab notebooks`")
