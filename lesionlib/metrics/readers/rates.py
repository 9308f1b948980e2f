"""How often readers are right: overall and by class, alone and with AI, pooled and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from lesionlib.errors import InputError
from lesionlib.metrics.intervals import wilson
from lesionlib.metrics.readers.answers import ALONE, NOT_SHOWN, WITH_AI, Answers, tabulated
from lesionlib.metrics.readers.resampling import resamples, summary

READERS, AI = "readers", "AI"


def rates(
    answers: pd.DataFrame,
    labels: Sequence[str],
    over: str = "both",
    n_resamples: int = 2000,
    ci: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Accuracy, and sensitivity for each class, of the readers and of the model on the same images.

    Parameters
    ----------
    answers : DataFrame
        One row an answer; see `tabulated`. One that was not given counts as not right: to leave such answers out, drop
        their rows, ``answers.dropna(subset="answer")``.
    labels : sequence of str
        The k classes.
    over : {"both", "readers", "images"}
        What is resampled. "both" carries the chance in the readers and in the images, and is the one to report: it
        speaks of other readers of this kind and other images of this kind. "readers" speaks of these images only,
        "images" of these readers only.
    n_resamples : int
        Replicates, at least 1.
    ci : float
        Confidence level, in (0, 1).
    seed : int
        Same seed, same resamples, here and in `difference`.

    Returns
    -------
    DataFrame
        One row an arm, who and class: arm ("alone", "with AI"), who ("readers", "AI"), label (<NA>: accuracy, over all
        classes; else the sensitivity for this class), value, low, high, answers (how many), readers, images.

    Raises
    ------
    InputError
        What `tabulated` refuses, or an argument out of range.

    Notes
    -----
    A resample draws as many readers as there are, and independently of them as many images of each class (and arm) as
    there are, both with replacement; an answer's weight is the product of the two (the *pigeonhole bootstrap*, Owen,
    Annals of Applied Statistics 1 (2007), 386-411, who shows that it errs on the wide side). A class with a single
    image adds no chance in images. Show one image of a lesion only: two of one lesion are not two
    pieces of evidence.
    """
    table = tabulated(answers, labels)
    drawn = resamples(table, over, n_resamples, seed)
    rows = []
    for arm, codes in table.arms.items():
        for who in (READERS, AI) if (table.ai >= 0).any() else (READERS,):
            for label in (None, *table.labels):
                right, asked = _right(table, who, arm, label)
                if asked.any():
                    counts = {
                        "answers": int(asked.sum()),
                        "readers": int((codes != NOT_SHOWN).any(axis=1).sum()),
                        "images": int(asked.any(axis=0).sum()),
                    }
                    found = summary(drawn.share(right, asked), ci)
                    rows.append({"arm": arm, "who": who, "label": label} | found | counts)
    return pd.DataFrame(rows).astype({"label": "string"})


def difference(
    answers: pd.DataFrame,
    labels: Sequence[str],
    first: tuple[str, str] = (READERS, ALONE),
    second: tuple[str, str] = (READERS, WITH_AI),
    over: str = "both",
    n_resamples: int = 2000,
    ci: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Second minus first: what the model's output changes, or how far the model is ahead.

    Readers who stand on both sides are paired, and so are images: what makes an image hard for both cancels out. Images
    that stand on one side only are drawn on their own, and the interval is wider for it.

    Parameters
    ----------
    first, second : pair of str
        Who ("readers" or "AI") and arm ("alone" or "with AI", for the model: on the images of that arm).
    answers, labels, over, n_resamples, ci, seed
        As for `rates`.

    Returns
    -------
    DataFrame
        One row a class and one (label <NA>) for all: label, value, low, high, shared (images that stand on both sides),
        images.

    Raises
    ------
    InputError
        What `rates` refuses; an arm or a model's answers are not there.
    """
    table = tabulated(answers, labels)
    drawn = resamples(table, over, n_resamples, seed)
    rows = []
    for label in (None, *table.labels):
        sides = [_right(table, *side, label) for side in (first, second)]
        seen = [asked.any(axis=0) for _, asked in sides]
        if seen[0].any() and seen[1].any():
            found = summary(drawn.share(*sides[1]) - drawn.share(*sides[0]), ci)
            counts = {"shared": int((seen[0] & seen[1]).sum()), "images": int((seen[0] | seen[1]).sum())}
            rows.append({"label": label} | found | counts)
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "shared", "images"]).astype({"label": "string"})


def by_reader(answers: pd.DataFrame, labels: Sequence[str], ci: float = 0.95) -> pd.DataFrame:
    """Accuracy and sensitivities of each reader, with Wilson's interval: the chance in the images that this reader saw.

    Parameters
    ----------
    answers, labels
        As for `rates`.
    ci : float
        Confidence level, in (0, 1).

    Returns
    -------
    DataFrame
        One row a reader, arm and class: reader, arm, label (<NA>: accuracy), value, low, high, right, answers (those
        that count).

    Raises
    ------
    InputError
        What `tabulated` refuses, or an argument out of range.
    """
    table = tabulated(answers, labels)
    rows = []
    for arm, label in product(table.arms, (None, *table.labels)):
        right, asked = _right(table, READERS, arm, label)
        for reader, k, n in zip(table.readers, (right & asked).sum(axis=1), asked.sum(axis=1), strict=True):
            if n:
                row = {"reader": reader, "arm": arm, "label": label, "value": k / n}
                row |= zip(("low", "high"), wilson(int(k), int(n), ci), strict=True)
                rows.append(row | {"right": int(k), "answers": int(n)})
    return pd.DataFrame(rows).astype({"label": "string"})


def confusion(answers: pd.DataFrame, labels: Sequence[str], arm: str = ALONE) -> pd.DataFrame:
    """Count all readers' answers of an arm.

    Parameters
    ----------
    answers, labels
        As for `rates`.
    arm : str
        "alone" or "with AI".

    Returns
    -------
    DataFrame
        Rows truth, columns answer, and ``no answer``.

    Raises
    ------
    InputError
        What `tabulated` refuses, or no such arm.
    """
    table = tabulated(answers, labels)
    codes, k = table.arm(arm), len(table.labels)
    shown = codes != NOT_SHOWN
    cells = (table.truth * (k + 1) + np.where(codes < 0, k, codes))[shown]
    counts = np.bincount(cells, minlength=k * (k + 1)).reshape(k, k + 1)
    return pd.DataFrame(counts, index=table.labels, columns=[*table.labels, "no answer"])


def _right(table: Answers, who: str, arm: str, label: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Which answers (R, C) are right, and which of them are asked for."""
    codes = table.arm(arm)
    asked = codes != NOT_SHOWN
    if who not in (READERS, AI):
        raise InputError(f"who: found {who!r}, expected {READERS} or {AI}")
    if who == AI:
        # As if it had judged what each reader was shown, so that both sides weigh the same images alike.
        codes, asked = np.broadcast_to(table.model(), codes.shape), asked & (table.ai >= 0)
    if label is not None:
        asked = asked & (table.truth == table.labels.index(label))
    return codes == table.truth, asked
