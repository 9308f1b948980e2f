"""The Dermofit Image Library: an archive a class, in it a folder an image, with the image and its mask."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from lesionlib.datasets.phantom.archives import archive, drawn, png, write_truth
from lesionlib.datasets.phantom.cases import photographs
from lesionlib.datasets.phantom.populations import load


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`; the published names are a letter and a number, these begin with ``PH``."""
    population = load("dermofit")
    shots, _ = photographs(population, n, seed)
    names = [f"PH{shot.number:05d}" for shot in shots]
    with ExitStack() as opened:
        add = {label: opened.enter_context(archive(folder / f"{label}.zip")) for label in population.classes}
        for name, (shot, drawing) in zip(names, drawn(shots, size), strict=True):
            place = f"{shot.case.label}/{name}/{name}"
            add[shot.case.label](f"{place}.png", png(drawing.image))
            add[shot.case.label](f"{place}mask.png", png(drawing.mask))
    write_truth(folder, [f"{shot.case.label}_{name}" for shot, name in zip(shots, names, strict=True)], shots)
