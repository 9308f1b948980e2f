"""Two levels of an answer: the category first (benign, malignant ...), then the class within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lesionlib.errors import InputError
from lesionlib.metrics import checks


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """What `hierarchy` returns.

    Attributes
    ----------
    categories : list of str
        The c categories, in the order of their first class.
    category_true : ndarray of int, shape (n,)
    category_prob : ndarray, shape (n, c)
        The sum of the probabilities of a category's classes.
    first_level : ndarray of int, shape (n,)
        The category with the largest sum.
    second_level : ndarray of int, shape (n,)
        The most probable class within that category. It can differ from the most probable class of all.
    """

    categories: list[str]
    category_true: np.ndarray
    category_prob: np.ndarray
    first_level: np.ndarray
    second_level: np.ndarray


def hierarchy(y_true, y_prob, labels: Sequence, categories: Sequence[str]) -> Hierarchy:
    """Decide in two levels, as nedelcu2021 (section V) proposes: the category, and by it the class.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names.
    y_prob : array_like of shape (n, k)
        Probabilities of a classifier that knows nothing of categories.
    labels : sequence of length k
        Class names in column order.
    categories : sequence of length k
        Category of each class.

    Returns
    -------
    Hierarchy

    Raises
    ------
    InputError
        Not one category a class, or as from `report`.
    """
    truth, prob, names = checks.judged(y_true, y_prob, labels)
    if len(categories) != len(names):
        raise InputError(f"categories: found {len(categories)}, expected {len(names)}, one for each class")
    order = list(dict.fromkeys(categories))
    of_class = np.array([order.index(category) for category in categories])
    sums = prob @ np.eye(len(order))[of_class]
    first = sums.argmax(axis=1)
    within = np.where(of_class == first[:, None], prob, -1.0)
    return Hierarchy(order, of_class[truth], sums, first, within.argmax(axis=1))
