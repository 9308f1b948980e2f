"""Fitzpatrick17k: a table of links, and the pictures behind those that still work, each named by its MD5."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from lesionlib.datasets.phantom.archives import archive, drawn, jpeg, write_table, write_truth
from lesionlib.datasets.phantom.cases import Case, photographs
from lesionlib.datasets.phantom.populations import load

_DEAD = 0.05  # links without a picture, as a share of the others


def write(folder: Path, n: int, size: int, seed: int) -> None:
    """Draw into `folder`: `n` pictures, and rows whose picture is gone."""
    shots, _ = photographs(load("fitzpatrick17k"), n, seed)
    names = []
    with archive(folder / "images.zip") as add:
        for _, drawing in drawn(shots, size):
            content = jpeg(drawing.image)
            names.append(hashlib.md5(content, usedforsecurity=False).hexdigest())
            add(f"images/{names[-1]}.jpg", content)
    rng = np.random.default_rng([seed, 17])
    gone = rng.choice(len(shots), max(1, round(_DEAD * n)), replace=False)
    rows = [_row(name, shot.case) for name, shot in zip(names, shots, strict=True)]
    rows += [_row(hashlib.md5(f"{seed} {k}".encode(), usedforsecurity=False).hexdigest(), shots[k].case) for k in gone]
    # By name, so that the order tells nothing.
    write_table(folder / "fitzpatrick17k.csv", pd.DataFrame(rows).sort_values("md5hash"))
    write_truth(folder, names, shots)


def _row(name: str, case: Case) -> dict[str, object]:
    skin_type = case.lesion.skin_type if "skin_type" not in case.record else -1
    return {
        "md5hash": name,
        "fitzpatrick_scale": skin_type,
        "fitzpatrick_centaur": skin_type,
        "label": case.kind,
        "nine_partition_label": case.label,
        "three_partition_label": _three(case.label),
        "qc": "",
        "url": f"https://phantom.invalid/{name}.jpg",
        "url_alphanum": f"httpsphantominvalid{name}jpg",
    }


def _three(label: str) -> str:
    first = label.partition(" ")[0]
    return first if first in ("benign", "malignant") else "non-neoplastic"
