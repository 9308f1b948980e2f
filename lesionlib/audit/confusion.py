"""Printed confusion matrices, set against what is printed about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lesionlib import metrics
from lesionlib.audit.verdict import Verdict, cut_off, figure, half
from lesionlib.errors import InputError

Matrix = Sequence[Sequence[int | None]]


def completed(
    matrix: Matrix,
    row_totals: Sequence[int | None] | None = None,
    column_totals: Sequence[int | None] | None = None,
) -> list[list[int | None]]:
    """Fill the cells that the extraction lost, where the margins pin them down.

    Parameters
    ----------
    matrix : k x k
        Rows are the truth; None where a cell is lost.
    row_totals, column_totals : sequences of k, optional
        Images a true class and images a predicted class; None where unknown.

    Returns
    -------
    list of lists
        The matrix; a cell that nothing pins down stays None.

    Raises
    ------
    InputError
        A margin that is smaller than its cells.
    """
    cells = [list(row) for row in matrix]
    k = len(cells)
    rows = [([(i, j) for j in range(k)], total) for i, total in enumerate(row_totals or [None] * k)]
    columns = [([(i, j) for i in range(k)], total) for j, total in enumerate(column_totals or [None] * k)]
    lines = [(line, total) for line, total in rows + columns if total is not None]
    changed = True
    while changed:
        changed = any(_filled(cells, line, total) for line, total in lines)
    return cells


def _filled(cells: list[list[int | None]], line: list[tuple[int, int]], total: int) -> bool:
    lost = [(i, j) for i, j in line if cells[i][j] is None]
    rest = total - sum(cells[i][j] or 0 for i, j in line)
    if rest < 0:
        raise InputError(f"confusion matrix: a margin is {total}, but its cells sum to {total - rest}")
    if not lost or (len(lost) > 1 and rest > 0):
        return False
    for i, j in lost:
        cells[i][j] = rest
    return True


def counted(matrix: Matrix) -> np.ndarray:
    """Return a matrix as an array of int, k x k, with lost cells counted as 0."""
    return np.array([[cell or 0 for cell in row] for row in matrix], dtype=int)


def cell_metric(
    matrix: Matrix, labels: Sequence[str], label: str, metric: str, printed: float, decimals: int, scale: float = 1
) -> Verdict:
    """Recompute a class's printed metric from the printed confusion matrix, lost cells counted as 0.

    `metric` is a column of `metrics.report(...).per_class`: sensitivity, specificity, precision, f1; `scale` is 1 where
    it is printed as a fraction, 100 where in percent.
    """
    per_class = metrics.from_confusion(counted(matrix), list(labels)).per_class
    return _compared(scale * float(per_class.loc[label, metric]), printed, decimals)


def overall_metric(
    matrix: Matrix, labels: Sequence[str], metric: str, printed: float, decimals: int, scale: float = 1
) -> Verdict:
    """Recompute a printed overall metric from the printed confusion matrix, lost cells counted as 0.

    `metric` is an entry of `metrics.report(...).overall`: accuracy, balanced_accuracy, macro_f1, weighted_f1; `scale`
    is 1 where it is printed as a fraction, 100 where in percent.
    """
    overall = metrics.from_confusion(counted(matrix), list(labels)).overall
    return _compared(scale * float(overall[metric]), printed, decimals)


def same_order(a: Matrix, b: Matrix, labels: Sequence[str], metric: str, printed: Sequence[float]) -> Verdict:
    """Check that two matrices stand in the same order by another overall metric as by the printed one.

    Parameters
    ----------
    a, b : k x k
        Two models on the same images.
    labels : sequence of str
        The classes.
    metric : str
        An entry of `metrics.report(...).overall`, such as balanced_accuracy, the mean sensitivity.
    printed : two floats
        The printed metric of `a` and of `b`.
    """
    first, second = (float(metrics.from_confusion(counted(m), list(labels)).overall[metric]) for m in (a, b))
    agrees = (first > second) == (printed[0] > printed[1])
    name = metric.replace("_", " ")
    return Verdict(
        agrees,
        f"{figure(printed[0])} and {figure(printed[1])}",
        f"{figure(100 * first)} and {figure(100 * second)} by {name}",
    )


def chief_errors(matrix: Matrix, labels: Sequence[str], label: str, named: Sequence[str]) -> Verdict:
    """Check that the classes named as a class's most frequent wrong answers are these; a tie with them is granted."""
    wrong = _wrong(matrix, labels, label)
    rest = [count for name, count in wrong.items() if name not in named]
    agrees = min(wrong[name] for name in named) >= max(rest) and all(wrong[name] for name in named)
    top = sorted(wrong, key=wrong.__getitem__, reverse=True)[: len(named) + 2]
    text = f"{label} is called {', '.join(f'{name} {wrong[name]}' for name in top)}"
    return Verdict(agrees, ", ".join(f"{name} {wrong[name]}" for name in named), text)


def ever_errors(matrix: Matrix, labels: Sequence[str], label: str, named: Sequence[str]) -> Verdict:
    """Check that each class that is named among a class's wrong answers was answered at least once."""
    wrong = _wrong(matrix, labels, label)
    never = [name for name in named if not wrong[name]]
    text = "all were answered" if not never else f"{label} is never called {' or '.join(never)}"
    return Verdict(not never, ", ".join(named), text)


def within_group(matrix: Matrix, labels: Sequence[str], group: Sequence[str]) -> Verdict:
    """Say how many images of a group of classes, such as the malignant ones, are called one of them; only informs."""
    places = [list(labels).index(name) for name in group]
    rows = counted(matrix)[places]
    inside = rows[:, places]
    right, kept, n = int(inside.trace()), int(inside.sum()), int(rows.sum())
    return Verdict(None, f"{right} of {n} called by their own class", f"{kept} of {n} called one of {', '.join(group)}")


def _wrong(matrix: Matrix, labels: Sequence[str], label: str) -> dict[str, int]:
    row = counted(matrix)[list(labels).index(label)]
    return {name: int(count) for name, count in zip(labels, row, strict=True) if name != label}


def margin(matrix: Matrix, labels: Sequence[str], label: str, printed: float) -> Verdict:
    """Check the number of images of a true class, as printed elsewhere, against its row of the matrix."""
    row = counted(matrix)[list(labels).index(label)]
    return Verdict(int(row.sum()) == printed, figure(printed), f"{int(row.sum())} in the row of {label}")


def _compared(exact: float, printed: float, decimals: int) -> Verdict:
    agrees = abs(exact - printed) <= half(decimals)
    return Verdict(agrees, figure(printed, decimals), figure(exact, decimals + 2) + cut_off(exact, printed, decimals))
