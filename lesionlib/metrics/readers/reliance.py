"""How readers use a model's output: whether they follow it where it is right, and where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lesionlib.metrics.readers.answers import ALONE, NO_ANSWER, NOT_SHOWN, WITH_AI, Answers, tabulated
from lesionlib.metrics.readers.resampling import resamples, summary


def reliance(
    answers: pd.DataFrame,
    labels: Sequence[str],
    over: str = "both",
    n_resamples: int = 2000,
    ci: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """How often readers answer what the model says, where it is right and where it is wrong.

    Someone who never sees the output gives the model's answer now and then too. So the arm without it stands beside,
    and their difference: what the output adds. Answers like a wrong model's are *over-reliance* (automation bias);
    other answers where the model is right are *under-reliance*.

    Parameters
    ----------
    answers, labels, over, n_resamples, ci, seed
        As for `rates`; an answer that was not given counts as not the model's.

    Returns
    -------
    DataFrame
        One row an arm ("alone", "with AI", and "difference" where both are there) and side of the model ("right",
        "wrong"): arm, ai, value (share of answers equal to the model's), low, high, answers, images. Of the arms and
        sides that occur.

    Raises
    ------
    InputError
        What `rates` refuses, or no answers of a model.
    """
    table = tabulated(answers, labels)
    drawn = resamples(table, over, n_resamples, seed)
    rows, shares = [], {}
    for side, chosen in _sides(table).items():
        for arm, codes in table.arms.items():
            asked = (codes != NOT_SHOWN) & chosen
            if asked.any():
                shares[arm, side] = drawn.share(codes == table.ai, asked)
                counts = {"answers": int(asked.sum()), "images": int(asked.any(axis=0).sum())}
                rows.append({"arm": arm, "ai": side} | summary(shares[arm, side], ci) | counts)
        if (ALONE, side) in shares and (WITH_AI, side) in shares:
            found = summary(shares[WITH_AI, side] - shares[ALONE, side], ci)
            rows.append({"arm": "difference", "ai": side} | found)
    return pd.DataFrame(rows).astype({"answers": "Int64", "images": "Int64"})


def changes(
    answers: pd.DataFrame,
    labels: Sequence[str],
    over: str = "both",
    n_resamples: int = 2000,
    ci: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """What readers do with their first answer when they see the same image again, with the model's output.

    Only this tells following from agreeing: a reader who had the model's answer before cannot follow it.

    Parameters
    ----------
    answers, labels, over, n_resamples, ci, seed
        As for `rates`. First answers that were not given are left out.

    Returns
    -------
    DataFrame
        One row a side of the model (ai: "right", "wrong"), first answer (first: "as the AI", "another") and second one
        (then: "as the AI", "the first again", "a third", "none"; after a first answer like the model's, the first again
        *is* the model's): value (share), low, high, answers. Without images that were seen both alone and with AI, no
        rows.

    Raises
    ------
    InputError
        What `rates` refuses, or no answers of a model.
    """
    table = tabulated(answers, labels)
    sides, columns = _sides(table), ["ai", "first", "then", "value", "low", "high", "answers"]
    if not {ALONE, WITH_AI} <= set(table.arms):
        return pd.DataFrame(columns=columns)
    drawn = resamples(table, over, n_resamples, seed)
    before, after = table.arms[ALONE], table.arms[WITH_AI]
    both = (before >= 0) & (after >= NO_ANSWER)
    ends = {
        "as the AI": after == table.ai,
        "the first again": (after == before) & (after != table.ai),
        "a third": (after >= 0) & (after != before) & (after != table.ai),
        "none": after == NO_ANSWER,
    }
    rows = []
    for side, chosen in sides.items():
        for first, start in (("as the AI", before == table.ai), ("another", before != table.ai)):
            asked = both & start & chosen
            for then, hits in ends.items() if asked.any() else ():
                found = summary(drawn.share(hits, asked), ci)
                rows.append({"ai": side, "first": first, "then": then} | found | {"answers": int(asked.sum())})
    return pd.DataFrame(rows, columns=columns)


def _sides(table: Answers) -> dict[str, np.ndarray]:
    """On which images (C,) the model is right, and on which wrong."""
    right = table.model() == table.truth
    return {"right": right, "wrong": ~right & (table.ai >= 0)}
