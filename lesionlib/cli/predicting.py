"""``lesionlib predict``: what a saved model says about pictures of one's own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lesionlib.cli.tables import echo_frame
from lesionlib.errors import InputError

if TYPE_CHECKING:
    from lesionlib.own_image import Answer


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that ll.own_image.save_model has written.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="JPEG, PNG, TIFF, BMP or WebP files.")],
    heat: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a figure with the heat map of each picture there.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Share of prediction sets that may leave the truth out.")] = 0.1,
) -> None:
    """Ask a saved model about pictures of your own. For teaching and research, not for diagnosis.

    It shows probabilities and a prediction set, and with --heat where the model looked. A picture that is not usable is
    refused in one line, and so is a photograph where the model was trained on phantoms; the others are answered all the
    same, and the exit code is 2. The pictures are read and never changed.
    """
    figures = {} if heat is None else _figures(heat, images)
    from lesionlib import own_image

    loaded = own_image.load_model(model)
    typer.echo(f"{own_image.NOTICE}\n\nModel: {loaded}")
    refused = 0
    for image in images:
        try:
            answer = own_image.ask(loaded, image, alpha)
        except InputError as error:
            if len(images) == 1:
                raise
            refused += 1
            typer.echo(f"refused: {error}", err=True)
        else:
            _show(answer, figures.get(image))
    if refused:
        raise InputError(f"{refused} of {len(images)} pictures refused")


def _figures(folder: Path, images: list[Path]) -> dict[Path, Path]:
    """Where the figure of each picture goes; nothing that is there is written over."""
    (name, times), *_ = Counter(image.name for image in images).most_common(1)
    if times > 1:
        raise InputError(f"--heat: {times} pictures are called {name}; ask about them one at a time")
    figures = {image: folder / f"{image.name}.heat.png" for image in images}
    there = next((figure for figure in figures.values() if figure.exists()), None)
    if there:
        raise InputError(f"--heat: {there} is already there; choose another folder, or remove it first")
    return figures


def _show(answer: Answer, figure: Path | None) -> None:
    shown = answer.table.assign(
        probability=answer.table["probability"].map("{:.3f}".format),
        in_set=answer.table["in_set"].map({True: "yes", False: ""}),
    )
    typer.echo(f"\n{answer.name}")
    echo_frame(shown.rename(columns={"in_set": "in the set"}))
    typer.echo(answer.sentence)
    if figure is not None:
        _write(answer, figure)
        typer.echo(f"Heat map: {figure}")


def _write(answer: Answer, target: Path) -> None:
    from lesionlib.atomic import atomic_file

    with atomic_file(target) as part:
        answer.figure().savefig(part, format="png", dpi=150)
