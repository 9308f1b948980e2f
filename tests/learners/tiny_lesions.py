"""A small dataset of 32 x 32 images whose color tells the class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lesionlib.datasets import LesionDataset, card
from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.schema import build

COLORS = {"mel": (70, 45, 40), "nv": (190, 140, 100), "vasc": (180, 40, 60)}
AGES = {"mel": 70.0, "nv": 30.0, "vasc": 45.0}
SPLITS = ("train", "train", "train", "valid", "test")


def write_lesions(folder: Path, counts: dict[str, int] | int = 40, seed: int = 0) -> LesionDataset:
    """Draw `counts` images a class and split them three to one to one; the rows come in a random order."""
    rng = np.random.default_rng(seed)
    counts = counts if isinstance(counts, dict) else dict.fromkeys(COLORS, counts)
    rows = [_row(label, i) for label, n in counts.items() for i in range(n)]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        noise = rng.normal(0, 12, (32, 32, 3)) + rng.normal(0, 8, 3)
        pixels = (np.array(COLORS[row["label"]]) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / row["image"], quality=95)
    facts = card("ham10000")
    facts = facts.model_copy(update={"classes": {name: facts.classes[name] for name in COLORS}})
    return build("ham10000", pd.DataFrame(rows), facts, ImageFiles(folder))


def _row(label: str, i: int) -> dict:
    return {
        "image_id": f"{label}_{i:03}",
        "image": f"{label}_{i:03}.jpg",
        "label": label,
        "lesion_id": f"lesion_{label}_{i:03}",
        "age": None if i % 7 == 0 else AGES[label] + i % 10,
        "sex": (None, "female", "male")[i % 3],
        "site": ("back", "face", None, "foot")[i % 4],
        "confirmed_by": "histo",
        "split": SPLITS[i % len(SPLITS)],
    }


def one_line(error) -> str:
    """Text of a caught error, checked to be the one line that users see."""
    text = str(error.value)
    assert text and "\n" not in text
    return text
