import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionlib.widgets.keys import typed


@pytest.mark.parametrize(
    "before, now, choice, entered",
    [
        ("", "3", 3, False),
        ("3", "34", 4, False),
        ("", "23\n", 3, True),  # corrected and saved before the first message was read
        ("3", "3\n", None, True),  # Enter alone: what was chosen stands
        ("", "\n", None, True),
        ("\n", "\n5\n", 5, True),
        ("", "8", None, False),  # seven classes
        ("", "0", None, False),
        ("", "x", None, False),
        ("34", "3", 3, False),  # one digit deleted
        ("3", "", None, False),
        ("", "2\n6\n", 2, True),  # what comes after Enter was meant for another image
        ("", "٣", None, False),
    ],
)
def test_what_is_typed(before, now, choice, entered):
    assert typed(before, now, 7) == (choice, entered)


@given(keys=st.text("1234567", min_size=1, max_size=12), cuts=st.lists(st.integers(0, 12), max_size=6))
def test_however_the_messages_are_cut_the_last_digit_before_enter_counts(keys, cuts):
    """The browser joins what is typed while the kernel is busy: the outcome must not depend on it."""
    text = keys + "\n"
    ends = [*sorted({min(cut, len(text) - 1) for cut in cuts}), len(text)]
    before, choice = "", None
    for end in ends:
        number, entered = typed(before, text[:end], 7)
        choice = number or choice
        before = text[:end]
    assert entered and choice == int(keys[-1])
