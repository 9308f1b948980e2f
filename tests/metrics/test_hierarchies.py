"""Decisions in two levels: a known answer, properties, and faults."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionlib.errors import InputError
from lesionlib.metrics import hierarchy

LABELS = ["nevus", "keratosis", "melanoma"]
CATEGORIES = ["benign", "benign", "malignant"]


def test_two_weak_benign_classes_outweigh_one_malignant():
    found = hierarchy(["melanoma", "keratosis"], [[0.3, 0.3, 0.4], [0.1, 0.3, 0.6]], LABELS, CATEGORIES)
    assert found.categories == ["benign", "malignant"]
    assert found.category_prob == pytest.approx(np.array([[0.6, 0.4], [0.4, 0.6]]))
    assert found.category_true.tolist() == [1, 0]
    assert found.first_level.tolist() == [0, 1]
    # The first image is called a nevus (the first of two equal classes), though melanoma is the most probable class.
    assert found.second_level.tolist() == [0, 2]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(1, 20), st.integers(0, 99))
def test_the_class_is_of_the_category_and_the_best_in_it(k, n, seed):
    rng = np.random.default_rng(seed)
    prob = rng.dirichlet(np.ones(k), n)
    categories = [f"c{code}" for code in rng.integers(0, 3, k)]
    found = hierarchy(rng.integers(0, k, n), prob, list("abcdef"[:k]), categories)
    assert found.category_prob.sum(axis=1) == pytest.approx(np.ones(n))
    for row in range(n):
        chosen = found.categories[found.first_level[row]]
        own = [code for code in range(k) if categories[code] == chosen]
        assert found.second_level[row] in own
        assert prob[row, found.second_level[row]] == max(prob[row, own])


def test_a_category_for_each_class_changes_nothing():
    prob = np.random.default_rng(0).dirichlet(np.ones(3), 10)
    found = hierarchy(np.zeros(10, dtype=int), prob, LABELS, LABELS)
    assert (found.second_level == prob.argmax(axis=1)).all()
    assert (found.second_level == found.first_level).all()


def test_categories_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="categories: found 2, expected 3, one for each class"):
        hierarchy([0], [[0.2, 0.3, 0.5]], LABELS, ["benign", "malignant"])
