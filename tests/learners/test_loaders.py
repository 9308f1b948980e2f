from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_lesions import one_line

from lesionlib.datasets import pixels
from lesionlib.errors import InputError
from lesionlib.learners import dataloaders


def pictures(loader) -> list[list[bytes]]:
    """Batches as lists of the images' bytes."""
    return [[as_bytes(image) for image in images] for images, *_ in loader]


def flat(batches: list[list]) -> list:
    return list(chain.from_iterable(batches))


def as_bytes(image: torch.Tensor) -> bytes:
    return (image * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy().tobytes()


def stored(lesions, split: str, size: int = 32) -> list[bytes]:
    array = pixels(lesions, size)
    return [array[row].tobytes() for row in lesions.subset(split).index]


def labels(loader, classes) -> list[list[str]]:
    return [[classes[code] for code in targets.tolist()] for *_, targets in loader]


def test_a_batch_is_floats_in_unit_range_channels_first(plain, lesions):
    images, targets = plain.valid.one_batch()
    array = pixels(lesions, 32)[lesions.subset("valid").index]
    assert images.dtype == torch.float32
    assert images.shape == (24, 3, 32, 32)
    assert images.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(images.numpy(), array.transpose(0, 3, 1, 2) / 255, atol=1e-6)
    assert targets.dtype == torch.long


def test_height_and_width_stand_in_that_order(lesions):
    images, _ = dataloaders(lesions, size=(16, 24), bs=4).one_batch()
    assert images.shape == (4, 3, 16, 24)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_loader_follows_the_frame(plain, lesions, split):
    loader = plain.loader(split)
    assert flat(pictures(loader)) == stored(lesions, split)
    assert flat(labels(loader, lesions.classes)) == lesions.subset(split)["label"].tolist()
    np.testing.assert_array_equal([lesions.classes[code] for code in plain.targets(split)], lesions.subset(split).label)


def test_validation_during_training_follows_the_frame(plain, lesions):
    assert flat(pictures(plain.valid)) == stored(lesions, "valid")


def test_each_training_image_comes_once_an_epoch_in_a_new_order(plain, lesions):
    first, second = (flat(pictures(plain.train)) for _ in range(2))
    assert sorted(first) == sorted(second) == sorted(stored(lesions, "train"))
    assert first != second
    assert first != stored(lesions, "train")


def test_images_keep_their_labels_when_shuffled(plain, lesions):
    truth = dict(zip(stored(lesions, "train"), lesions.subset("train")["label"], strict=True))
    for images, targets in plain.train:
        assert [truth[as_bytes(image)] for image in images] == [lesions.classes[code] for code in targets.tolist()]


def test_the_last_small_batch_is_left_out(lesions):
    batches = pictures(dataloaders(lesions, size=32, bs=10, augment=None).train)
    assert [len(batch) for batch in batches] == [10] * 7
    assert len(set(flat(batches))) == 70


def test_a_batch_may_hold_more_than_there_is(lesions):
    assert [len(batch) for batch in pictures(dataloaders(lesions, size=32, bs=500, augment=None).train)] == [72]


def test_oversampling_balances_the_classes(uneven):
    dls = dataloaders(uneven, size=32, bs=25, augment=None, sampler="oversample")
    counts = Counter()
    for _ in range(12):
        drawn = flat(labels(dls.train, uneven.classes))
        assert len(drawn) == 75
        counts.update(drawn)
    # 300 of each expected; the standard deviation is 14.
    assert all(240 < counts[name] < 360 for name in uneven.classes), counts


def test_samplers_leave_validation_alone(uneven):
    for sampler in ("oversample", "stratified"):
        dls = dataloaders(uneven, size=32, bs=12, sampler=sampler)
        assert flat(pictures(dls.valid)) == stored(uneven, "valid")


def test_only_training_batches_are_augmented(lesions):
    dls = dataloaders(lesions, size=32, bs=12, augment="dermoscopy")
    assert not set(flat(pictures(dls.train))) & set(stored(lesions, "train"))
    assert flat(pictures(dls.valid)) == stored(lesions, "valid")
    assert flat(pictures(dls.loader("train"))) == stored(lesions, "train")
    images, _ = dls.train.one_batch()
    assert images.min() >= 0 and images.max() <= 1


def test_other_sizes_and_clinical_columns_keep_the_rows(plain, lesions):
    small = plain.resized(16)
    assert flat(pictures(small.valid)) == stored(lesions, "valid", 16)
    images, clinical, _ = plain.with_clinical(["age", "sex"]).valid.one_batch()
    assert clinical.shape == (len(images), 5)
    assert small.with_clinical(["age"]).resized(24).encoder.columns == ("age",)


def test_clinical_rows_stay_beside_their_images(plain, lesions):
    dls = plain.with_clinical(["age", "sex", "site"])
    rows = lesions.subset("train")
    expected = dict(zip(stored(lesions, "train"), dls.encoder.encode(rows).tolist(), strict=True))
    for images, clinical, _ in dls.train:
        assert [expected[as_bytes(image)] for image in images] == clinical.tolist()


def test_all_rows_at_once(plain, lesions):
    assert flat(pictures(plain.loader("all"))) == stored(lesions, "all")


def test_empty_copies_keep_their_inputs(plain):
    empty = plain.with_clinical(["age"]).train.dataset.new_empty()
    assert len(empty) == 0
    assert empty.n_inp == 2


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"sampler": "balanced"}, "sampler"),
        ({"augment": "colours"}, "augment"),
        ({"bs": 0}, "bs"),
        ({"bs": 2.5}, "bs"),
        ({"bs": "12"}, "bs"),
        ({"bs": 2, "sampler": "stratified"}, "bs"),
        ({"size": 4}, "size"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(lesions, arguments, name):
    with pytest.raises(InputError) as error:
        dataloaders(lesions, **({"size": 32} | arguments))
    assert one_line(error).startswith(name)


def test_data_without_splits_are_refused(lesions, plain):
    whole = replace(lesions, frame=lesions.frame.assign(split=pd.array([pd.NA] * len(lesions), dtype="string")))
    with pytest.raises(InputError, match="with_split") as error:
        dataloaders(whole, size=32)
    one_line(error)
    with pytest.raises(InputError, match="holdout"):
        plain.loader("holdout")
