"""``lesionlib kit``: all that a run needs, in a folder, for machines without network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lesionlib.cli.tables import PLAIN
from lesionlib.errors import InputError

kit_app = typer.Typer(help="Kits for machines without network.", **PLAIN)

_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@kit_app.callback()
def _kits() -> None:
    """Kits for machines without network."""


@kit_app.command("pack")
def kit_pack(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    data: Annotated[list[str] | None, typer.Option(help="A dataset that is on this machine; once for each.")] = None,
    sweep: Annotated[Path | None, typer.Option(help="A YAML file of runs, as for `lesionlib sweep`.")] = None,
    target: Annotated[
        Path | None,
        typer.Option(help="Packages of the other machine: what `python3 -m pip list --format=freeze` says there."),
    ] = None,
    python: Annotated[str, typer.Option(help="The other machine's Python.")] = _HERE,
    platform: Annotated[
        str, typer.Option(help="Its platform: manylinux_2_N_x86_64 (or _aarch64), where 2.N is its glibc.")
    ] = "manylinux_2_28_x86_64",
    max_size: Annotated[str | None, typer.Option(help="What the folder may have in all, such as 64MiB.")] = None,
    half: Annotated[bool, typer.Option("--half", help="The trained weights in half precision.")] = False,
    no_masks: Annotated[bool, typer.Option("--no-masks", help="Without the datasets' lesion masks.")] = False,
) -> None:
    """Pack the library, the chapters, what the other machine's Python lacks, the weights and datasets into a folder.

    There, `python3 FOLDER/run.py` unpacks it and makes the runs; no network is needed, and nothing is installed.
    """
    from lesionlib import kit

    packages = kit.read_packages(target) if target else dict.fromkeys(kit.PLAIN)
    contents = kit.Contents(tuple(data or ()), sweep, half, not no_masks)
    made = kit.pack(folder, contents, kit.Target(python, platform, packages), _bytes(max_size))
    for name, size in sorted(made.parts.items(), key=lambda part: -part[1]):
        typer.echo(f"{kit.readable(size):>10}  {name}")
    typer.echo(f"{kit.readable(made.bytes):>10}  {folder}, {len(made.manifest.packages)} packages")
    typer.echo(f"there: python{python} {folder.name}/run.py")


def _bytes(text: str | None) -> int | None:
    from pydantic import ByteSize, TypeAdapter, ValidationError

    if text is None:
        return None
    try:
        return int(TypeAdapter(ByteSize).validate_python(text))
    except ValidationError as error:
        raise InputError(f"--max-size: found {text!r}, expected a size such as 64MiB or 2.5GB") from error
