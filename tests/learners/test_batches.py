from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tiny_lesions import one_line, write_lesions

from lesionlib.errors import InputError
from lesionlib.learners import dataloaders, fit_head, lesion_learner
from lesionlib.learners.batches import stratified_order


@pytest.fixture(scope="module")
def lonely(tmp_path_factory):
    """Training images: 30 nv, 6 mel, one vasc."""
    return write_lesions(tmp_path_factory.mktemp("lonely"), {"nv": 50, "mel": 10, "vasc": 1}, seed=2)


def batches(order: list[int], bs: int) -> list[list[int]]:
    assert len(order) % bs == 0
    return [order[start : start + bs] for start in range(0, len(order), bs)]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 25), min_size=1, max_size=6), st.integers(1, 4), st.integers(0, 99))
def test_every_batch_holds_each_class_equally_often(sizes, share, seed):
    codes = np.repeat(np.arange(len(sizes)), sizes)
    random.Random(seed).shuffle(codes)
    bs = share * len(sizes)
    order = stratified_order(codes, bs, random.Random(seed))
    for batch in batches(order, bs):
        assert Counter(codes[batch].tolist()) == dict.fromkeys(range(len(sizes)), share)
    # The epoch ends with the batch that has the last image of the largest class...
    assert len(order) // bs == -(-max(sizes) // share)
    # ... and what is drawn again comes once more at most.
    drawn = Counter(order)
    assert set(drawn) == set(range(len(codes)))
    for code in range(len(sizes)):
        times = [drawn[position] for position in np.flatnonzero(codes == code).tolist()]
        assert max(times) - min(times) <= 1


def test_places_in_a_batch_are_random():
    codes = np.repeat([0, 1, 2], 400)
    order = codes[stratified_order(codes, 3, random.Random(0))].reshape(-1, 3)
    # 133 of each class expected in each place, standard deviation 9.4.
    for place in range(3):
        assert all(90 < n < 180 for n in Counter(order[:, place].tolist()).values())


def test_the_seed_decides_the_order():
    codes = np.repeat([0, 1], [50, 8])
    first, again, other = (stratified_order(codes, 4, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("bs", [3, 6, 12])
def test_stratified_loaders(uneven, bs):
    dls = dataloaders(uneven, size=32, bs=bs, augment=None, sampler="stratified")
    loaded = [targets.tolist() for _, targets in dls.train]
    # 60 images of the largest class, bs / 3 a batch.
    assert len(loaded) == len(dls.train) == 180 // bs
    assert all(Counter(targets) == dict.fromkeys(range(3), bs // 3) for targets in loaded)


def test_a_class_with_one_image_stands_in_every_batch(lonely):
    dls = dataloaders(lonely, size=32, bs=6, augment=None, sampler="stratified")
    vasc = lonely.classes.index("vasc")
    pictures = [images[targets == vasc] for images, targets in dls.train]
    assert len(pictures) == 15
    assert all(len(images) == 2 for images in pictures)
    assert all((one == other).all() for one, other in pairwise(pictures))


def test_classes_that_are_not_in_training_are_not_asked_for(lonely):
    rows = lonely.frame.assign(split=lonely.frame["split"].mask(lonely.frame["label"] == "vasc", "test"))
    without = replace(lonely, frame=rows)
    dls = dataloaders(without, size=32, bs=2, augment=None, sampler="stratified")
    assert len(dls.train) == 30
    assert all(sorted(targets.tolist()) == [0, 1] for _, targets in dls.train)


def test_oversampling_draws_classes_equally_and_images_anew(uneven):
    dls = dataloaders(uneven, size=32, bs=25, augment=None, sampler="oversample")
    dls.train.rng.seed(0)
    targets = dls.targets("train")
    drawn = np.array([dls.train.get_idxs() for _ in range(20)]).ravel()
    classes = np.bincount(targets[drawn])
    assert stats.chisquare(classes).pvalue > 1e-3
    # Within a class, images too; and with replacement: they come unequally often.
    for code in range(3):
        times = np.bincount(drawn, minlength=len(targets))[targets == code]
        assert stats.chisquare(times).pvalue > 1e-3
    nevi = np.bincount(drawn, minlength=len(targets))[targets == 0]
    assert nevi.std() > 1


def test_a_learner_trains_on_stratified_batches(uneven):
    dls = dataloaders(uneven, size=32, bs=6, augment=None, sampler="stratified")
    learn = lesion_learner(dls, "test_efficientnet", pretrained=False)
    learn.fit_one_cycle(2, 1e-3)
    assert learn.train_iter == 60
    assert len(learn.recorder.lrs) == 60
    head = fit_head(learn, 1)
    assert len(head.epochs_done) == 3


def test_training_repeats_by_its_seed(uneven):
    def weights(seed: int) -> np.ndarray:
        dls = dataloaders(uneven, size=32, bs=6, augment="nedelcu2021", sampler="stratified")
        learn = lesion_learner(dls, "test_efficientnet", pretrained=False, seed=seed)
        learn.fit(1, 1e-3)
        return learn.model.head.state_dict().popitem()[1].numpy()

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("bs", "says"), [(2, "got 2, take 3 or more"), (64, "such as 63 or 66"), (4, "such as 3 or 6")]
)
def test_a_batch_that_cannot_be_stratified_is_refused(lesions, bs, says):
    with pytest.raises(InputError, match=says) as error:
        dataloaders(lesions, size=32, bs=bs, sampler="stratified")
    assert one_line(error).startswith("bs: a stratified batch holds each of 3 classes")
