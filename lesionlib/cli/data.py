"""``lesionlib data``: datasets on this machine."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lesionlib.cli.tables import PLAIN, echo_frame
from lesionlib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

data_app = typer.Typer(help="Datasets on this machine.", **PLAIN)


@data_app.command("list")
def data_list() -> None:
    """List the datasets that the library knows: what is here, under which license, how one comes by the files."""
    from lesionlib import datasets

    echo_frame(_one_line_a_dataset(datasets.catalog()))


@data_app.command("card")
def data_card(name: str) -> None:
    """Show all that is known of a dataset, or of a phantom."""
    import yaml

    from lesionlib import datasets

    card = datasets.card(name).model_dump(mode="json", exclude_none=True)
    shown = _phantom_card(name, card) if name.startswith("phantom:") else card
    typer.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100), nl=False)


@data_app.command("get")
def data_get(name: str) -> None:
    """Download a dataset, its optional files too; run it again to go on where it was interrupted.

    Where a form, a license or an account stands in between, it says what to do instead.
    """
    from lesionlib import datasets

    delivery = datasets.get(name)
    for note in delivery.notes:
        typer.echo(note)
    typer.echo(f"{name}: {delivery.folder}")


@data_app.command("add")
def data_add(
    name: str,
    source: Annotated[Path, typer.Option("--from", help="The folder that holds its files.")],
) -> None:
    """Take a copy of a dataset that is already on this machine."""
    from lesionlib import datasets

    typer.echo(f"added {name}: {datasets.add(name, source)}")


@data_app.command("verify")
def data_verify(name: str) -> None:
    """Check a dataset: counts against the card, unreadable images, duplicates, leaks across the published split."""
    from lesionlib import datasets

    verification = datasets.verify(datasets.load(name))
    echo_frame(verification.table)
    _echo_first(verification.unreadable)
    apart = verification.duplicates[~verification.duplicates["same_lesion"]]
    _echo_first([f"{kind} duplicates: {a} and {b}" for a, b, kind, _ in apart.itertuples(index=False)])
    if not verification.ok:
        failed = verification.table.loc[~verification.table["ok"].astype(bool), "check"]
        raise InputError(f"{name}: not as its card says: {', '.join(failed)}; take the files again")


def _echo_first(lines: list[str], count: int = 10) -> None:
    for line in lines[:count]:
        typer.echo(line)
    if len(lines) > count:
        typer.echo(f"... and {len(lines) - count:,} more like this")


def _one_line_a_dataset(catalog: pd.DataFrame) -> pd.DataFrame:
    """What fits into 120 columns."""
    from lesionlib import datasets

    def access(name: str) -> str:
        return "drawn" if name.startswith("phantom:") else datasets.card(name).access.kind

    return catalog.assign(
        title=catalog["title"].map(lambda title: shorten(title, 46, placeholder=" ...")),
        here=catalog["available"].map({True: "yes", False: "no"}),
        license=catalog["license"].map(lambda license: shorten(license, 24, placeholder=" ...")),
        access=catalog["name"].map(access),
    )[["name", "title", "images", "here", "license", "access"]]


def _phantom_card(name: str, card: dict[str, Any]) -> dict[str, Any]:
    """Facts of a phantom: its own, and the classes of the dataset that it stands in for."""
    from lesionlib import datasets

    catalog = datasets.catalog().set_index("name")
    if name not in catalog.index:
        raise InputError(f"there is no {name}: see `lesionlib data list`")
    own = catalog.loc[name]
    classes = {key: {fact: facts[fact] for fact in facts if fact != "images"} for key, facts in card["classes"].items()}
    return {
        "name": name,
        "title": own["title"],
        "modality": own["modality"],
        "images": int(own["images"]),
        "classes": classes,
        "license": own["license"],
        "stands_in_for": card["title"],
        "may_publish_images": True,
        "traps": ["It is drawn, no data about people: no figure from it says anything about a paper or a patient."],
    }
