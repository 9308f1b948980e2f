"""The cut-off explorer: wherever the slider stands, numbers and figure are those of that cut-off."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets import Button
from sklearn.metrics import confusion_matrix

from lesionlib import metrics
from lesionlib.errors import InputError
from lesionlib.widgets import cutoff_explorer
from lesionlib.widgets.cutoffs import CutoffExplorer

TRUTH = np.array([0, 0, 0, 1, 0, 1, 1])
SCORE = np.array([0.1, 0.2, 0.2, 0.3, 0.4, 0.6, 0.9])


@pytest.fixture
def explorer():
    return cutoff_explorer(TRUTH, SCORE, "melanoma")


def counts(point):
    return point.tn, point.fp, point.fn, point.tp


def red_dot(figure):
    (dot,) = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    return float(dot.get_xdata()[0]), float(dot.get_ydata()[0])


def cells(figure):
    return [text.get_text().split("\n")[0] for text in figure.axes[1].texts]


def test_it_starts_at_the_point_closest_to_the_corner(explorer):
    best = metrics.cutoff(TRUTH, SCORE)
    assert explorer.point.threshold == best.threshold == 0.3
    assert explorer.words.value.count("Sensitivity 1.00 (3 of 3;") == 1
    assert "Specificity 0.75 (3 of 4; 95 % interval 0.30 to 0.95)" in explorer.words.value
    assert "positive if score ≥ 0.3".capitalize() in explorer.words.value
    assert red_dot(explorer.figure) == (0.25, 1.0)
    assert cells(explorer.figure) == ["3", "0", "1", "3"]


def test_moving_the_slider_moves_words_and_figure(explorer):
    before = explorer.words.value, explorer.picture.value
    explorer.slider.value += 1
    assert explorer.point.threshold == 0.4
    assert red_dot(explorer.figure) == (0.25, pytest.approx(2 / 3))
    assert cells(explorer.figure) == ["2", "1", "1", "3"]
    assert "Sensitivity 0.67 (2 of 3;" in explorer.words.value
    assert before[0] != explorer.words.value and before[1] != explorer.picture.value
    assert "2 true and 1 false positives, 1 false and 3 true negatives" in explorer.picture.value


def test_both_ends(explorer):
    explorer.slider.value = 0
    assert counts(explorer.point) == (0, 4, 0, 3)
    explorer.slider.value = explorer.slider.max
    assert counts(explorer.point) == (4, 0, 3, 0)
    assert "No image is called positive" in explorer.words.value
    assert red_dot(explorer.figure) == (0, 0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 8)), min_size=2, max_size=40))
def test_every_place_against_scikit_learn(cases):
    truth, score = np.array([case[0] for case in cases]), np.array([case[1] / 4 for case in cases])
    if truth.all() or not truth.any():
        return
    curve = metrics.roc(truth, score)[::-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CutoffExplorer, "_show", lambda explorer: None)  # a figure each time takes longer than all else
        explorer = cutoff_explorer(truth, score, "x")
        assert explorer.slider.max == len(curve) - 1
        for place, row in enumerate(curve.itertuples()):
            explorer.slider.value = place
            called = score >= row.threshold
            assert counts(explorer.point) == tuple(confusion_matrix(truth, called, labels=[False, True]).ravel())
            assert explorer.point.sensitivity.value == row.sensitivity
            assert explorer.point.specificity.value == row.specificity


@pytest.mark.parametrize("start", [-1.0, 0.15, 0.2, 0.35, 0.9, 0.95])
def test_a_cutoff_chosen_elsewhere_calls_the_same_images(start):
    explorer = cutoff_explorer(TRUTH, SCORE, "melanoma", start=start)
    assert counts(explorer.point) == tuple(confusion_matrix(TRUTH, np.greater_equal(SCORE, start)).ravel())


@pytest.mark.parametrize(("button", "rule"), [(0, "closest"), (1, "youden")])
def test_the_buttons_go_to_the_rules(rule, button):
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.2
    score = rng.normal(size=200) + truth
    assert metrics.cutoff(truth, score, "closest") != metrics.cutoff(truth, score, "youden")
    explorer = cutoff_explorer(truth, score, "x", start=10)
    row = explorer.children[2].children
    assert all(isinstance(each, Button) for each in row)
    row[button].click()
    assert explorer.point.threshold == metrics.cutoff(truth, score, rule).threshold


def test_names_are_text_and_figures_are_closed():
    explorer = cutoff_explorer(TRUTH, SCORE, 'a "b" <i>')
    assert "<i>" not in explorer.picture.value and "&lt;i&gt;" in explorer.picture.value
    assert explorer.picture.value.startswith('<img src="data:image/png;base64,')
    assert plt.get_fignums() == []


def test_one_class_alone_has_no_curve():
    with pytest.raises(InputError, match="expected both classes"):
        cutoff_explorer(np.ones(4), np.arange(4), "x")
