"""What did each code find? Its reading of real images against what is known of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from lesionlib.errors import InputError
from lesionlib.metrics.decisions import holm
from lesionlib.numeric import check_whole

Measure = Callable[[np.ndarray], np.ndarray]

# Numbers held at once while labels are shuffled; about 16 MB of float64.
_BLOCK = 2_000_000


def code_discovery(codes, variables: pd.DataFrame, permutations: int = 4999, seed: int = 0) -> pd.DataFrame:
    """Measure how much each code knows of each variable.

    Parameters
    ----------
    codes : array of float, shape (n, k), or pandas.DataFrame
        What Q reads in n images (`InfoGAN.read`), or what they were made of. In a frame, a column of numbers is a
        continuous code, any other one (whole numbers too) a categorical one. Columns of NaN are left out.
    variables : pandas.DataFrame
        n rows. Columns of numbers (age, lightness) are taken as numbers, others (sex, site, diagnosis) as categories;
        an image without a value is left out for that variable.
    permutations : int
        Shuffles of a variable's values. The smallest possible p-value is 1 / (permutations + 1): with many codes and
        variables, Holm's correction needs thousands.
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row a code and variable, the strongest first within each variable: variable, code, n, measure, value, p,
        p_holm (over the whole table). Measures, by what meets what:

        - continuous code and numbers: ``spearman``, -1 to 1
        - continuous code and two categories: ``auc``, 0 to 1: chance that an image of the second category in
          alphabetical order stands higher; 0.5 for nothing
        - continuous code and more categories: ``eta squared`` of the code's ranks, 0 to 1
        - categorical code and numbers: ``eta squared`` of the numbers' ranks, 0 to 1
        - categorical code and categories: ``uncertainty coefficient``, 0 to 1: the share of the variable's entropy
          that the code takes away

    Raises
    ------
    InputError
        Different numbers of rows, no variable, or permutations out of range.

    Notes
    -----
    Shuffling takes images for independent: give one image a lesion. eta squared and the uncertainty coefficient of
    unrelated columns are above 0 by chance; the p-value knows that.
    """
    codes = codes if isinstance(codes, pd.DataFrame) else _named(codes)
    if not isinstance(variables, pd.DataFrame) or not variables.shape[1]:
        raise InputError("variables: expected a DataFrame with one column or more, one row an image")
    if len(codes) != len(variables):
        raise InputError(f"variables: found {len(variables)} rows, expected {len(codes)}, one for each row of codes")
    check_whole("permutations", permutations, 1)
    rng = np.random.default_rng(seed)
    rows = [row for name in variables for row in _of_variable(codes, name, variables[name], permutations, rng)]
    columns = ["variable", "code", "n", "measure", "value", "p", "p_holm"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_holm=holm(table["p"]))


def majority_labels(classes, labels) -> pd.DataFrame:
    """Name each value of the categorical code after the label that most of its images have.

    Parameters
    ----------
    classes : array of int, shape (n,)
        Value of the code that Q reads in each real image.
    labels : array, shape (n,)
        What these images are.

    Returns
    -------
    pandas.DataFrame
        klass, images, label, share (of the code's images with that label), base (share of all images with it: a
        code that found nothing has this share), one row a value that occurs.

    Raises
    ------
    InputError
        Arrays of different or no length.
    """
    frame = _two_columns(classes, labels)
    base = frame["label"].value_counts(normalize=True)
    rows = []
    for klass, own in frame.groupby("klass", sort=True)["label"]:
        # Ties go to the label that is rarer over all: the more telling one.
        counts = own.value_counts()
        label = min(counts.index[counts == counts.max()], key=lambda name: (base[name], str(name)))
        share = float(counts[label] / len(own))
        rows.append({"klass": klass, "images": len(own), "label": label, "share": share, "base": float(base[label])})
    return pd.DataFrame(rows)


def colors(images: np.ndarray) -> pd.DataFrame:
    """Mean color of each image in CIELAB (D65).

    Parameters
    ----------
    images : array of uint8, shape (n, h, w, 3)
        RGB.

    Returns
    -------
    DataFrame
        One row an image: lightness (L*, 0 to 100), redness (a*), yellowness (b*).
    """
    from kornia.color import rgb_to_lab
    from torch import tensor

    step = max(1, _BLOCK // np.prod(images.shape[1:]))
    means = []
    for start in range(0, len(images), step):
        block = tensor(images[start : start + step].astype(np.float32) / 255)
        means.append(rgb_to_lab(block.permute(0, 3, 1, 2)).mean(dim=(2, 3)).numpy())
    return pd.DataFrame(np.concatenate(means).astype(float), columns=["lightness", "redness", "yellowness"])


def _of_variable(codes: pd.DataFrame, name: str, variable: pd.Series, permutations: int, rng) -> list[dict]:
    there = variable.notna().to_numpy()
    numbers = pd.api.types.is_numeric_dtype(variable) and not pd.api.types.is_bool_dtype(variable)
    values = variable[there].to_numpy(float) if numbers else pd.factorize(variable[there], sort=True)[0]
    if len(set(values)) < 2:
        return []
    columns = {code: codes[code][there] for code in codes}
    columns = {code: column for code, column in columns.items() if column.notna().all() and column.nunique() > 1}
    measures = [_measure(column, values, numbers) for column in columns.values()]
    found = _shuffled([measure for _, measure in measures], rankdata(values) if numbers else values, permutations, rng)
    rows = []
    for (code, column), (measure, _), values in zip(columns.items(), measures, found, strict=True):
        # Floating point must not make a shuffle that ties with the truth look smaller.
        p = (1 + np.sum(np.abs(values[1:]) >= abs(values[0]) - 1e-12)) / (permutations + 1)
        value = 0.5 + values[0] / 2 if measure == "auc" else values[0]
        rows.append(
            {"variable": name, "code": code, "n": len(column), "measure": measure, "value": value, "p": float(p)}
            | {"strength": abs(values[0])}
        )
    return sorted(rows, key=lambda row: -row["strength"])


def _measure(column: pd.Series, values: np.ndarray, numbers: bool) -> tuple[str, Measure]:
    """Choose the measure of a code and a variable, for many shuffles (rows) of its ranks or categories."""
    if not _is_continuous(column):
        groups = pd.factorize(column)[0]
        k = groups.max() + 1
        if numbers:
            return "eta squared", lambda shuffled: _eta_of(_standard(shuffled), groups, k)
        return "uncertainty coefficient", lambda shuffled: _uncertainty(groups, shuffled, k)
    raw = rankdata(column)
    ranks = _standard(raw)
    if numbers:
        return "spearman", lambda shuffled: _standard(shuffled) @ ranks / len(ranks)
    k = values.max() + 1
    if k == 2:
        # U, and so the AUC, follow from the two groups' mean ranks; here 2 AUC - 1, which is 0 for nothing.
        return "auc", lambda shuffled: 2 * _gap(raw, shuffled) / len(raw)
    return "eta squared", lambda shuffled: _eta(ranks, shuffled, k)


def _shuffled(measures: list[Measure], values: np.ndarray, permutations: int, rng) -> list[np.ndarray]:
    """Take each measure of the values as they are (first) and of their shuffles, the same ones for every measure."""
    found = [[measure(values[None])] for measure in measures]
    step = max(1, _BLOCK // len(values))
    for start in range(0, permutations, step):
        block = rng.permuted(np.tile(values, (min(step, permutations - start), 1)), axis=1)
        for values_of, measure in zip(found, measures, strict=True):
            values_of.append(measure(block))
    return [np.concatenate(values_of) for values_of in found]


def _gap(ranks: np.ndarray, shuffled: np.ndarray) -> np.ndarray:
    """Mean rank of group 1 less that of group 0."""
    n, ones = len(ranks), shuffled.sum(axis=1)
    upper = shuffled @ ranks
    return upper / ones - (ranks.sum() - upper) / (n - ones)


def _eta(ranks: np.ndarray, shuffled: np.ndarray, k: int) -> np.ndarray:
    """Share of the variance of `ranks` (standardized) between the groups of each row."""
    sums = np.stack([(shuffled == group) @ ranks for group in range(k)], axis=1)
    sizes = np.bincount(shuffled[0], minlength=k)
    return (sums**2 / sizes).sum(axis=1) / len(ranks)


def _eta_of(values: np.ndarray, groups: np.ndarray, k: int) -> np.ndarray:
    """Share of the variance of each row (standardized) between some groups."""
    one_hot = np.eye(k)[groups]
    return ((values @ one_hot) ** 2 / one_hot.sum(axis=0)).sum(axis=1) / len(groups)


def _uncertainty(groups: np.ndarray, shuffled: np.ndarray, k: int) -> np.ndarray:
    """Mutual information of the groups and each row, as a share of the row's entropy."""
    n = len(groups)
    labels = shuffled.max() + 1
    one_hot = np.eye(k)[groups]
    joint = np.stack([(shuffled == label) @ one_hot for label in range(labels)], axis=1) / n
    # Categories of a row that occur: all rows are shuffles of one.
    own = np.bincount(shuffled[0], minlength=labels) / n
    expected = own[None, :, None] * (one_hot.sum(axis=0) / n)[None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.where(joint > 0, joint * np.log(joint / expected), 0).sum(axis=(1, 2))
    there = own[own > 0]
    return information / -(there * np.log(there)).sum()


def _standard(ranks: np.ndarray) -> np.ndarray:
    centered = ranks - ranks.mean(axis=-1, keepdims=True)
    return centered / centered.std(axis=-1, keepdims=True)


def _is_continuous(column: pd.Series) -> bool:
    """Whether a column of codes holds numbers between which there are others; whole numbers name classes."""
    return pd.api.types.is_float_dtype(column.dtype)


def _named(codes) -> pd.DataFrame:
    found = np.asarray(codes)
    if found.ndim != 2 or found.dtype.kind not in "fiu":
        raise InputError(f"codes: found shape {found.shape} of {found.dtype}, expected numbers (images, codes)")
    frame = pd.DataFrame(found.astype(float), columns=[f"code {number}" for number in range(found.shape[1])])
    return frame.loc[:, frame.notna().all()]


def _two_columns(classes, labels) -> pd.DataFrame:
    classes, labels = np.asarray(classes), np.asarray(labels)
    if classes.ndim != 1 or classes.shape != labels.shape or not len(classes):
        raise InputError(f"labels: found shape {labels.shape}, expected {classes.shape}, one for each image's class")
    return pd.DataFrame({"klass": classes, "label": labels})
