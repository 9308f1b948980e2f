"""An application on a ROC curve: move the cut-off, and see what it does to the images."""

from __future__ import annotations

from functools import partial

import numpy as np
from ipywidgets import HTML, Button, HBox, IntSlider, VBox
from matplotlib.figure import Figure

from lesionlib import metrics
from lesionlib.metrics import checks
from lesionlib.widgets import cutoff_figure, markup
from lesionlib.widgets.style import STYLE

# ipywidgets leaves it to the browser to show which slider has the keys, and it hardly does.
_FOCUS = "<style>.ll-study .noUi-handle:focus { outline: 3px solid #e69f00 !important; outline-offset: 2px; }</style>"

_RULES = {"closest": "Closest to the corner", "youden": "Youden"}


class CutoffExplorer(VBox):
    """A slider over the cut-offs of a ROC curve; see `cutoff_explorer`.

    Attributes
    ----------
    slider : IntSlider
        Number of the cut-off, from the lowest score (0: every image is called positive) to none.
    """

    def __init__(self, y_true, y_score, positive: str, start: float | None) -> None:
        self._score = checks.scores(y_score)
        self._truth = checks.binary(y_true, len(self._score))
        self._curve, self._positive = metrics.roc(self._truth, self._score), positive
        self._thresholds = self._curve["threshold"].to_numpy()[::-1]
        first = metrics.cutoff(self._truth, self._score).threshold if start is None else start
        self.slider = IntSlider(
            value=self._number_of(first),
            max=len(self._thresholds) - 1,
            description="Cut-off",
            readout=False,
        )
        self.slider.layout.width = "100%"
        self.slider.observe(lambda _: self._show(), "value")
        self.words, self.picture = HTML(), HTML()
        rules = HBox([self._jump(rule) for rule in _RULES]).add_class("ll-row")
        super().__init__([HTML(STYLE + _FOCUS), self.slider, rules, self.words, self.picture])
        self.add_class("ll-study")
        self._show()

    def __repr__(self) -> str:
        return f"CutoffExplorer({self._positive})"

    @property
    def point(self) -> cutoff_figure.Point:
        """What the present cut-off does to the images."""
        threshold = self._thresholds[self.slider.value]
        called, sick = self._score >= threshold, self._truth
        counts = (called & sick, ~called & sick, called & ~sick, ~called & ~sick)
        return cutoff_figure.Point(float(threshold), *(int(each.sum()) for each in counts))

    @property
    def figure(self) -> Figure:
        """The curve and the confusion matrix at the present cut-off, for a page on which nothing moves."""
        return cutoff_figure.drawn(self._curve, self.point, self._positive)

    def _number_of(self, threshold: float) -> int:
        """Number of the lowest of this curve's cut-offs that calls the same images positive."""
        return int(np.searchsorted(self._thresholds, threshold))

    def _jump(self, rule: str) -> Button:
        threshold = metrics.cutoff(self._truth, self._score, rule).threshold
        button = Button(description=_RULES[rule])
        button.layout.width = "auto"
        button.on_click(partial(self._move, threshold))
        return button

    def _move(self, threshold: float, _: Button) -> None:
        self.slider.value = self._number_of(threshold)

    def _show(self) -> None:
        point = self.point
        said = f"{point.rule}. Sensitivity {point.sensitivity}. Specificity {point.specificity}."
        self.words.value = markup.status(f"{said[0].upper()}{said[1:]}")
        counts = f"{point.tp} true and {point.fp} false positives, {point.fn} false and {point.tn} true negatives"
        self.picture.value = markup.drawing(self.figure, f"ROC curve of {self._positive} with this cut-off: {counts}")


def cutoff_explorer(y_true, y_score, positive: str, start: float | None = None) -> CutoffExplorer:
    """An application that moves the cut-off along a ROC curve, with the mouse or the arrow keys.

    The last line of a cell, or ``display(...)``. ``.figure`` is what stands there at the moment, for a page on which
    nothing moves.

    Parameters
    ----------
    y_true, y_score : array_like of shape (n,)
        As for `metrics.roc`: truth (0 or 1, both must occur) and finite scores, larger for the positive class.
    positive : str
        What the positive class is called.
    start : float, optional
        The cut-off at first, such as one that was chosen on validation images; else the one closest to the corner,
        which is chosen on these images, and flatters.

    Returns
    -------
    ipywidgets.VBox
        Intervals are Wilson's, by image.

    Raises
    ------
    InputError
        As from `metrics.roc`.
    """
    return CutoffExplorer(y_true, y_score, positive, start)
