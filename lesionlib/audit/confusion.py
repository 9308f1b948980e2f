"""Printed confusion matrices, set against what is printed about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lesionlib import metrics
from lesionlib.audit.verdict import Verdict, figure, half
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


def cell_metric(
    matrix: Matrix, labels: Sequence[str], label: str, metric: str, printed: float, decimals: int
) -> Verdict:
    """Recompute a class's printed metric (fraction) from the printed confusion matrix, lost cells counted as 0.

    `metric` is a column of `metrics.report(...).per_class`: sensitivity, specificity, precision, f1.
    """
    per_class = metrics.from_confusion(_whole(matrix), list(labels)).per_class
    return _compared(float(per_class.loc[label, metric]), printed, decimals)


def overall_metric(matrix: Matrix, labels: Sequence[str], metric: str, printed: float, decimals: int) -> Verdict:
    """Recompute a printed overall metric (fraction) from the printed confusion matrix, lost cells counted as 0.

    `metric` is an entry of `metrics.report(...).overall`: accuracy, balanced_accuracy, macro_f1, weighted_f1.
    """
    overall = metrics.from_confusion(_whole(matrix), list(labels)).overall
    return _compared(float(overall[metric]), printed, decimals)


def margin(matrix: Matrix, labels: Sequence[str], label: str, printed: float) -> Verdict:
    """Check the number of images of a true class, as printed elsewhere, against its row of the matrix."""
    row = _whole(matrix)[list(labels).index(label)]
    return Verdict(int(row.sum()) == printed, figure(printed), f"{int(row.sum())} in the row of {label}")


def _whole(matrix: Matrix) -> np.ndarray:
    return np.array([[cell or 0 for cell in row] for row in matrix], dtype=int)


def _compared(exact: float, printed: float, decimals: int) -> Verdict:
    agrees = abs(exact - printed) <= half(decimals)
    return Verdict(agrees, figure(printed, decimals), figure(exact, decimals + 2))
