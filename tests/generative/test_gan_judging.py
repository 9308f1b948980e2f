from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from sklearn.neighbors import NearestNeighbors
from tiny_gans import pictures

from lesionlib.errors import InputError
from lesionlib.generative import frechet_distance, kernel_distance, nearest


def exactly(mean, covariance, n=400, seed=0):
    """A sample whose own mean and covariance are the given ones."""
    raw = np.random.default_rng(seed).normal(size=(n, len(mean)))
    raw -= raw.mean(axis=0)
    raw = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    return raw @ np.linalg.cholesky(np.asarray(covariance, float)).T + mean


def test_frechet_distance_of_two_gaussians():
    """Commuting covariances: the squared differences of means and of standard deviations."""
    one = exactly([0, 0, 0], np.diag([1, 4, 9]))
    other = exactly([1, 2, 0], np.diag([4, 4, 1]), n=300, seed=1)
    assert frechet_distance(one, other) == pytest.approx(1 + 4 + (1 - 2) ** 2 + (3 - 1) ** 2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), d=st.integers(1, 6))
def test_frechet_distance_is_scipys(seed, d):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(50, d)) @ rng.normal(size=(d, d)), rng.normal(size=(60, d)) + rng.normal(size=d)
    a, b = np.atleast_2d(np.cov(one, rowvar=False)), np.atleast_2d(np.cov(other, rowvar=False))
    gap = one.mean(axis=0) - other.mean(axis=0)
    expected = gap @ gap + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert frechet_distance(other, one) == pytest.approx(frechet_distance(one, other), rel=1e-6)


@pytest.mark.parametrize("n", [5, 50])
def test_a_set_has_no_distance_to_itself(n):
    """With fewer images than features, too."""
    features = np.random.default_rng(0).normal(size=(n, 20))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_shrinks_with_more_images():
    rng = np.random.default_rng(0)
    found = [frechet_distance(rng.normal(size=(n, 8)), rng.normal(size=(n, 8))) for n in (20, 200, 2000)]
    assert found[0] > found[1] > found[2] > 0


def discrepancy(x, y):
    """The definition, one pair of images after the other."""
    n, m, d = len(x), len(y), x.shape[1]

    def k(a, b):
        return (a @ b / d + 1) ** 3

    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_kernel_distance_is_its_definition():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 4)), rng.normal(0.5, 1, size=(12, 4))
    found = kernel_distance(x, y, subsets=3, subset_size=50)
    assert found.value == pytest.approx(discrepancy(x, y))
    assert found.std == pytest.approx(0, abs=1e-12)
    assert (found.subsets, found.subset_size) == (3, 12)


def test_kernel_distance_is_unbiased_under_the_null():
    """Over many pairs of sets from one source its mean is 0 within three standard errors; half are below."""
    rng = np.random.default_rng(0)
    values = np.array(
        [kernel_distance(*rng.normal(size=(2, 40, 5)), subsets=2, subset_size=30).value for _ in range(300)]
    )
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert 0.3 < (values < 0).mean() < 0.8


def test_kernel_distance_sees_a_shift():
    rng = np.random.default_rng(0)
    real, near, far = (rng.normal(shift, 1, size=(300, 6)) for shift in (0, 0.2, 1))
    found = [kernel_distance(real, other, subsets=20, subset_size=100) for other in (near, far)]
    assert 0 < found[0].value < found[1].value
    assert found[1].value > 5 * found[1].std
    assert kernel_distance(real, far, seed=3) == kernel_distance(real, far, seed=3)


@pytest.mark.parametrize("images", [pictures(60, 8), np.random.default_rng(1).normal(size=(60, 7))])
def test_nearest_is_scikit_learns(images):
    train, samples, held_out = images[:40], images[40:55], images[55:]
    found = nearest(train, samples, held_out)
    flat = images.reshape(60, -1).astype(float)
    neighbors = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flat[:40])
    distance, index = (values.ravel() for values in neighbors.kneighbors(flat[40:55]))
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, distance / np.sqrt(flat.shape[1]))
    np.testing.assert_allclose(found.reference, neighbors.kneighbors(flat[55:])[0].ravel() / np.sqrt(flat.shape[1]))


def test_a_copy_has_the_distance_zero():
    train = pictures(30, 8)
    found = nearest(train, train[[7, 3]], pictures(20, 8, seed=1))
    assert found.index.tolist() == [7, 3]
    assert found.distance.tolist() == [0, 0]
    table = found.table().set_index("set")
    assert table.loc["samples", "closer than 5 %"] == 1
    assert table.loc["held-out images", "closer than 5 %"] == pytest.approx(0.05)
    assert table.loc["held-out images", "images"] == 20


def test_an_honest_generator_is_as_close_as_new_images_are():
    rng = np.random.default_rng(0)
    found = nearest(*(rng.normal(size=(n, 3)) for n in (200, 1000, 1000)))
    assert 0.02 < found.table()["closer than 5 %"].iloc[0] < 0.09
    alone = nearest(*(rng.normal(size=(n, 3)) for n in (20, 10)))
    assert len(alone.reference) == 0
    assert alone.table()["closer than 5 %"].isna().all()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: frechet_distance(np.zeros((3, 2)), np.zeros((3, 3))), "fake: found 3 numbers a row, expected 2"),
        (lambda: frechet_distance(np.zeros(3), np.zeros(3)), r"real: found shape \(3,\)"),
        (lambda: frechet_distance(np.zeros((1, 3)), np.zeros((4, 3))), "2 rows or more"),
        (lambda: frechet_distance(np.full((2, 2), np.nan), np.zeros((2, 2))), "real row 0: .* not finite"),
        (lambda: kernel_distance(np.zeros((3, 2)), np.zeros((3, 2)), subsets=0), "subsets: found 0"),
        (lambda: kernel_distance(np.zeros((3, 2)), np.zeros((3, 2)), subset_size=1), "subset_size: found 1"),
        (lambda: nearest(np.zeros((3, 2)), np.zeros((0, 2))), r"samples: found shape \(0, 2\)"),
        (lambda: nearest(np.array([["a"]]), np.zeros((1, 1))), "train: .* expected numbers"),
        (lambda: nearest(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 1))), "held_out: found 1 numbers"),
    ],
)
def test_what_cannot_be_judged_is_one_clear_line(ask, words):
    with pytest.raises(InputError, match=words):
        ask()
