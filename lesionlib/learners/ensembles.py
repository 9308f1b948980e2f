"""Several networks as one: averaged predictions, features side by side, and which networks to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from lesionlib.errors import InputError
from lesionlib.learners.frozen import Features
from lesionlib.learners.predictions import Predictions

Score = Callable[[np.ndarray, np.ndarray], float]


def balanced_score(y_true: np.ndarray, y_prob: np.ndarray) -> float:
    """Balanced accuracy of the likeliest classes."""
    return float(balanced_accuracy_score(y_true, y_prob.argmax(axis=1)))


def average(members: Sequence[Predictions], weights: Sequence[float] | None = None) -> Predictions:
    """Average the probabilities of several networks for the same images.

    bhardwaj2021 (section 4.1, Table 3): the "Average of N-models".

    Parameters
    ----------
    members : list of Predictions
        For the same images in the same order, with the same classes in the same order.
    weights : list of float, optional
        One for each member, 0 or more; only their ratios count. Alike unless given.

    Returns
    -------
    Predictions
        Rows sum to 1, as the members' do; the rest is the first member's.

    Raises
    ------
    InputError
        No members, members of other images, truth or classes, NaN, or weights that are none.
    """
    probabilities = _stacked(members)
    return replace(members[0], y_prob=np.average(probabilities, axis=0, weights=_checked_weights(weights, members)))


def joined_features(members: Sequence[Features]) -> Features:
    """Set the features of several networks side by side, as those of one.

    For `svm_head` and `softmax_head`, which put every column on one scale; a network with more features still has
    more columns. bhardwaj2021 (abstract): "top-N performing models used as a feature extractor and a SVM".

    Parameters
    ----------
    members : list of Features
        Of the same images in the same order.

    Returns
    -------
    Features
        ``x`` is n x (sum of the widths). Encoded clinical data that several members share stand there once.

    Raises
    ------
    InputError
        No members, members of other images or truth, or NaN.
    """
    _same_images(members)
    _same("truth", [member.y for member in members])
    _finite([member.inputs for member in members], "features")
    clinical: list[np.ndarray] = []
    for member in members:
        if member.clinical is not None and not any(np.array_equal(member.clinical, known) for known in clinical):
            clinical.append(member.clinical)
    return replace(
        members[0],
        x=np.concatenate([member.x for member in members], axis=1),
        clinical=np.concatenate(clinical, axis=1) if clinical else None,
    )


@dataclass(frozen=True)
class Additive:
    """Members in the order in which they were added.

    Attributes
    ----------
    order : tuple of int
        Positions in the list of members, the first one first.
    scores : tuple of float
        Score of the average after each addition.
    """

    order: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def best(self) -> tuple[int, ...]:
        """The members up to the highest score; the fewest that reach it."""
        return self.order[: int(np.argmax(self.scores)) + 1]


def top_members(members: Sequence[Predictions], n: int, score: Score = balanced_score) -> tuple[int, ...]:
    """Find the members with the highest scores of their own: the "top-N models" of bhardwaj2021.

    Parameters
    ----------
    members, score
        As for `additive`.
    n : int
        How many, from 1 to all.

    Returns
    -------
    tuple of int
        Their places, the best first; the first of equals comes first.

    Raises
    ------
    InputError
        `n` is out of range, or what `additive` refuses.
    """
    probabilities = _of_validation(members)
    if not 1 <= n <= len(members):
        raise InputError(f"n: expected 1 to {len(members)} members; got {n}")
    alone = [_scored(score, members[0].y_true, each) for each in probabilities]
    return tuple(sorted(range(len(members)), key=lambda i: -alone[i])[:n])


def additive(members: Sequence[Predictions], score: Score = balanced_score) -> Additive:
    """Add members one by one to an average, each time the one with which the average scores highest.

    bhardwaj2021 (section 4.1) names an "additive strategy" and does not describe it; this is the plain greedy one.
    It starts from the best member alone and goes on until all are in, whether the score rises or falls.

    Parameters
    ----------
    members : list of Predictions
        For the same validation images. Which members are taken is a choice, and test images have no part in it.
    score : callable
        Takes class codes and probabilities, gives a number: the higher the better.

    Returns
    -------
    Additive
        The order in which members were taken, and the score after each.

    Raises
    ------
    InputError
        What `average` refuses, predictions of the split ``test``, or a score that is NaN.
    """
    probabilities = _of_validation(members)
    left, order, scores = list(range(len(members))), [], []
    while left:
        tried = [_scored(score, members[0].y_true, probabilities[[*order, i]].mean(axis=0)) for i in left]
        scores.append(max(tried))
        order.append(left.pop(int(np.argmax(tried))))
    return Additive(tuple(order), tuple(scores))


def _scored(score: Score, y_true: np.ndarray, y_prob: np.ndarray) -> float:
    value = float(score(y_true, y_prob))
    if np.isnan(value):
        raise InputError("score: it is NaN for these predictions; choose one that they define")
    return value


def _of_validation(members: Sequence[Predictions]) -> np.ndarray:
    probabilities = _stacked(members)
    if any(member.split == "test" for member in members):
        raise InputError("these are predictions of test images; members are chosen on validation images")
    return probabilities


def _stacked(members: Sequence[Predictions]) -> np.ndarray:
    """Check that the members fit together; their probabilities, members x images x classes."""
    _same_images(members)
    for i, member in enumerate(members):
        if list(member.labels) != list(members[0].labels):
            raise InputError(
                f"members[{i}] has the classes {', '.join(member.labels)}, members[0] {', '.join(members[0].labels)}; "
                "train them on the same classes, in the same order"
            )
    _same("truth", [np.array(member.labels)[member.y_true] for member in members])
    _finite([member.y_prob for member in members], "probabilities")
    return np.stack([member.y_prob for member in members])


def _same_images(members: Sequence[Predictions | Features]) -> None:
    if not members:
        raise InputError("members: expected one or more; got none")
    _same("images", [member.frame["image_id"].to_numpy() for member in members])


def _same(what: str, columns: Sequence[np.ndarray]) -> None:
    first = columns[0]
    for i, column in enumerate(columns):
        if len(column) != len(first):
            raise InputError(
                f"members[{i}] has other {what}: {len(column)}, members[0] has {len(first)}; use one split"
            )
        other = np.flatnonzero(column != first)
        if len(other):
            row = other[0]
            raise InputError(
                f"members[{i}] has other {what}: {column[row]} in row {row}, where members[0] has {first[row]}; "
                "use the same dataset, split and order"
            )


def _finite(arrays: Sequence[np.ndarray], what: str) -> None:
    for i, array in enumerate(arrays):
        if not np.isfinite(array).all():
            raise InputError(f"members[{i}] has NaN or infinity among its {what}; leave it out, or train it again")


def _checked_weights(weights: Sequence[float] | None, members: Sequence) -> np.ndarray | None:
    if weights is None:
        return None
    values = np.asarray(weights, dtype=float)
    if values.shape != (len(members),) or not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
        raise InputError(f"weights: expected {len(members)} numbers, 0 or more and not all 0; got {list(weights)}")
    return values
