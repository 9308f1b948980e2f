import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionlib.errors import InputError
from lesionlib.widgets.codes import ALPHABET, checked, new_code

CODE = "K7QM-2XPJ"


def test_a_new_code_is_a_code_and_new():
    drawn = {new_code() for _ in range(200)}
    assert len(drawn) == 200
    assert all(checked(code) == code for code in drawn)


def test_no_vowel_and_nothing_that_looks_like_another():
    assert not set(ALPHABET) & set("AEIOUY01BLNSZ")
    assert len(set(ALPHABET)) == 23


@pytest.mark.parametrize("typed", ["k7qm-2xpj", "K7QM2XPJ", " k7qm 2xpj ", "K7-QM-2X-PJ"])
def test_it_may_be_typed_in_many_ways(typed):
    assert checked(typed) == CODE


@given(place=st.integers(0, 7), other=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_found(place, other):
    bare = list(CODE.replace("-", ""))
    if bare[place] == other:
        return
    bare[place] = other
    with pytest.raises(InputError, match="mistyped"):
        checked("".join(bare))


@given(first=st.integers(0, 7), second=st.integers(0, 7))
def test_two_exchanged_characters_are_found(first, second):
    bare = list(CODE.replace("-", ""))
    if bare[first] == bare[second]:
        return
    bare[first], bare[second] = bare[second], bare[first]
    with pytest.raises(InputError, match="mistyped"):
        checked("".join(bare))


@pytest.mark.parametrize("name", ["Maria Gomez", "m.gomez@example.org", "", "K7QM", "K7QM-2XPJ-9", "../../etc", None])
def test_a_name_is_no_code(name):
    with pytest.raises(InputError, match="no name"):
        checked(name)
