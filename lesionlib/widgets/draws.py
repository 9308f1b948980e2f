"""Which images a study shows, what the model said of them, and in which order a reader sees them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from lesionlib.datasets.schema import LesionDataset
from lesionlib.datasets.splits import shuffled
from lesionlib.errors import InputError
from lesionlib.widgets.plans import StudyPlan


def draw(dataset: LesionDataset, plan: StudyPlan, answers: pd.DataFrame | None, split: str) -> pd.DataFrame:
    """Draw a study's images: at most one of each lesion, every set with the same number of each class.

    Parameters
    ----------
    dataset : LesionDataset
        Split, see `LesionDataset.with_split`.
    plan : StudyPlan
    answers : DataFrame, optional
        From `model_answers`; only images that stand there are drawn.
    split : str
        Where to draw from.

    Returns
    -------
    DataFrame
        One row an image of a set: set (1, 2, ...), image_id, row (of the dataset's frame), truth, and the columns of
        `answers`.

    Raises
    ------
    InputError
        Too few lesions in the split.
    """
    rows = dataset.subset(split)[["image_id", "lesion_id", "label"]]
    if answers is not None:
        rows = rows[rows["image_id"].isin(answers.index)]
    rows = rows.loc[shuffled(rows["image_id"], plan.seed)]
    # Two images of one lesion are not two cases.
    rows = rows[~rows["lesion_id"].fillna("image:" + rows["image_id"]).duplicated()]
    sets = plan.rounds if plan.new_images else 1
    room = {label: int((rows["label"] == label).sum()) // sets for label in dataset.classes}
    if sum(room.values()) < plan.images:
        predicted = " with a prediction" if answers is not None else ""
        raise InputError(
            f"study {plan.name}: {sets} x {plan.images} images are planned, and {dataset.name} has {len(rows)} lesions"
            f"{predicted} in {split!r}, enough for {sets} x {sum(room.values())}; plan fewer images"
        )
    counts = (_equal if plan.by_class == "equal" else _in_shares)(room, plan.images)
    parts = []
    for label, count in counts.items():
        drawn = rows[rows["label"] == label].head(count * sets)
        parts.append(drawn.assign(set=np.repeat(np.arange(1, sets + 1), count)))
    cases = pd.concat(parts).rename_axis("row").reset_index().rename(columns={"label": "truth"})
    cases = cases.sort_values("set", kind="stable")[["set", "image_id", "row", "truth"]]
    return (cases if answers is None else cases.join(answers, on="image_id")).reset_index(drop=True)


def _equal(room: dict[str, int], n: int) -> dict[str, int]:
    """Deal `n` to the classes one by one; a class that has no more is passed over."""
    counts = dict.fromkeys(room, 0)
    while n:
        for label in [label for label in room if counts[label] < room[label]][:n]:
            counts[label] += 1
            n -= 1
    return counts


def _in_shares(room: dict[str, int], n: int) -> dict[str, int]:
    """Deal `n` in the classes' shares, by largest remainders."""
    exact = {label: n * images / sum(room.values()) for label, images in room.items()}
    counts = {label: int(share) for label, share in exact.items()}
    by_remainder = sorted(room, key=lambda label: counts[label] - exact[label])
    for label in by_remainder[: n - sum(counts.values())]:
        counts[label] += 1
    return counts


def model_answers(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Check a model's stored predictions; give ai_answer and ``p_<class>``, one row an image (index image_id).

    Raises
    ------
    InputError
        A column is missing, an image stands there twice, or a row holds no probabilities.
    """
    columns = [f"p_{label}" for label in classes]
    missing = [column for column in ["image_id", *columns] if column not in predictions]
    if missing:
        raise InputError(f"predictions: no column {', '.join(missing)}; found {', '.join(map(str, predictions))}")
    twice = predictions["image_id"][predictions["image_id"].duplicated()]
    if len(twice):
        raise InputError(
            f"predictions: image {twice.iloc[0]} stands in several rows; expected one row an image: choose one arm"
        )
    table = predictions.set_index("image_id")[columns].astype(float)
    wrong = ~((table >= 0).all(axis=1) & (table.sum(axis=1) - 1).abs().le(0.01))
    if wrong.any():
        raise InputError(f"predictions: image {wrong.idxmax()} has no probabilities that sum to 1; mend its row")
    best = table.to_numpy().argmax(axis=1) if len(table) else []
    table.insert(0, "ai_answer", pd.array([classes[code] for code in best], dtype="string"))
    return table


def order_seed(seed: int, reader: str, round: int) -> int:
    """Seed of the order in which a reader sees a round's images: 32 bits, from the plan's seed and the code."""
    return _bits(f"{seed}|{reader}|{round}")


def order(image_ids: pd.Series, seed: int) -> list[str]:
    """Put image ids in the order that follows from the seed, the same on every machine."""
    return list(image_ids.loc[shuffled(image_ids, seed)])


def set_of(plan: StudyPlan, reader: str, round: int) -> int:
    """Which set of images (1, 2, ...) a reader sees in a round (1, 2, ...)."""
    if not plan.new_images:
        return 1
    shift = _bits(f"{plan.seed}|{reader}|crossed") % plan.rounds if plan.crossed else 0
    return (round - 1 + shift) % plan.rounds + 1


def _bits(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
