from __future__ import annotations

import numpy as np
import pytest

from lesionlib.errors import InputError
from lesionlib.numeric import check_whole, is_number, is_whole


@pytest.mark.parametrize("value", [0, -3, 2.5, np.float32(1), np.int64(7), 10**400 // 10**390])
def test_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, np.nan, np.inf, -np.inf, "1", None, 1j, np.array(1.0), [1]])
def test_what_is_no_number(value):
    assert not is_number(value) and not is_whole(value)


def test_ends_belong_to_the_range():
    assert is_number(1, 1, 2) and is_number(2, 1, 2)
    assert not is_number(0.999, 1, 2) and not is_number(2.001, 1, 2)


def test_whole_numbers_are_of_a_whole_type():
    assert is_whole(3) and is_whole(np.int64(3), 3, 3) and is_whole(np.uint8(0), 0)
    assert not is_whole(3.0) and not is_whole(np.float64(3)) and not is_whole(True, 0) and not is_whole(2, 3)


def test_a_refusal_names_the_argument_and_its_range():
    check_whole("copies", 2, 2)
    with pytest.raises(InputError, match=r"^copies: found 1, expected a whole number of 2 or more$"):
        check_whole("copies", 1, 2)
    with pytest.raises(InputError, match=r"^copies: found 2.0, expected"):
        check_whole("copies", 2.0, 2)
