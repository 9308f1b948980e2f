from __future__ import annotations

import pytest
import torch
from fastai.vision.core import TensorImage
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionlib.errors import InputError
from lesionlib.learners.augmentation.policies import ColorShift, dermoscopy, policy

STILL = {"brightness": 0, "contrast": 0, "saturation": 0, "balance": 0}


def batch(n: int = 6, low: float = 0.0, high: float = 1.0) -> TensorImage:
    return TensorImage(low + (high - low) * torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0)))


def shifted(images: TensorImage, **amounts) -> torch.Tensor:
    torch.manual_seed(1)
    return ColorShift(**(STILL | amounts))(images, split_idx=0).as_subclass(torch.Tensor)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.tuples(*[st.floats(0, 2)] * 4))
def test_colors_stay_in_unit_range(seed, amounts):
    torch.manual_seed(seed)
    changed = ColorShift(*amounts)(batch(), split_idx=0)
    assert isinstance(changed, TensorImage)
    assert changed.min() >= 0 and changed.max() <= 1


def test_nothing_to_change_changes_nothing():
    torch.testing.assert_close(shifted(batch()), batch().as_subclass(torch.Tensor))


def test_brightness_is_one_shift_an_image():
    images = batch(low=0.3, high=0.7)
    shift = (shifted(images, brightness=0.2) - images).as_subclass(torch.Tensor).flatten(1)
    assert (shift.amax(1) - shift.amin(1)).max() < 1e-5
    assert shift.abs().max() <= 0.2 + 1e-5
    assert len(shift[:, 0].round(decimals=4).unique()) == len(images)


def test_contrast_is_one_factor_an_image():
    images = batch(low=0.2, high=0.6)
    factor = (shifted(images, contrast=0.3) / images).as_subclass(torch.Tensor).flatten(1)
    assert (factor.amax(1) - factor.amin(1)).max() < 1e-4
    assert (factor - 1).abs().max() <= 0.3 + 1e-4
    assert factor[:, 0].std() > 0.01


def test_saturation_keeps_gray_and_moves_colors():
    images = batch(low=0.3, high=0.7)
    changed = shifted(images, saturation=0.5)
    torch.testing.assert_close(changed.mean(1), images.as_subclass(torch.Tensor).mean(1))
    assert (changed - images).abs().max() > 0.01


def test_balance_is_one_factor_a_channel():
    images = batch(low=0.2, high=0.6)
    factor = (shifted(images, balance=0.3) / images).as_subclass(torch.Tensor).flatten(2)
    assert (factor.amax(2) - factor.amin(2)).max() < 1e-4
    assert factor[0, :, 0].std() > 0.01


def test_validation_and_unlucky_batches_stay():
    images = batch()
    assert torch.equal(ColorShift()(images, split_idx=1), images)
    assert torch.equal(ColorShift(p=0)(images, split_idx=0), images)
    assert not torch.equal(ColorShift()(images, split_idx=0), images)


def test_policies_by_name_by_list_and_none():
    own = [ColorShift()]
    assert policy(None) == []
    assert policy(own) == own
    assert [type(t) for t in policy("dermoscopy")] == [type(t) for t in dermoscopy()]
    with pytest.raises(InputError, match="no policy is called 'clinical'; choose from dermoscopy"):
        policy("clinical")
