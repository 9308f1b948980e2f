"""Splits in two stages, and validation dealt anew."""

from __future__ import annotations

from math import ceil

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionlib.datasets.splits import deal_validation, staged
from lesionlib.errors import InputError


def rows(**counts: int) -> pd.DataFrame:
    labels = [label for label, n in counts.items() for _ in range(n)]
    ids = pd.Series([f"{label}{k}" for k, label in enumerate(labels)], dtype="string")
    none = pd.Series(pd.NA, index=ids.index, dtype="string")
    return pd.DataFrame({"image_id": ids, "label": labels, "lesion_id": none, "patient_id": none, "split": none})


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 400), st.integers(3, 400), st.integers(0, 9))
def test_shares_of_each_class_are_rounded_up(a, b, seed):
    frame = staged(rows(a=a, b=b), aside=0.1, test=0.2, seed=seed)
    for label, n in (("a", a), ("b", b)):
        parts = frame.loc[frame["label"] == label, "split"]
        aside = -(-n // 10)
        test = -(-(n - aside) // 5)
        assert (parts.isna().sum(), (parts == "test").sum()) == (aside, test)
        assert (parts == "train").sum() == n - aside - test
    assert not frame["split"].isin(["valid"]).any()


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does():
    frame = rows(a=60, b=20)
    first = staged(frame, 0.1, 0.2, seed=1).set_index("image_id")["split"]
    backward = staged(frame[::-1].reset_index(drop=True), 0.1, 0.2, seed=1).set_index("image_id")["split"]
    assert first.equals(backward.reindex(first.index))
    assert not first.equals(staged(frame, 0.1, 0.2, seed=2).set_index("image_id")["split"])


def test_shares_are_not_rounded_up_for_what_binary_adds():
    assert 0.07 * 100 > 7
    assert staged(rows(a=100), aside=0.07, test=0, seed=0)["split"].isna().sum() == 7


def test_nothing_aside_and_nothing_tested():
    assert (staged(rows(a=1, b=5), aside=0, test=0, seed=0)["split"] == "train").all()


@pytest.mark.parametrize("by", [None, "image_id", "lesion_id"])
def test_validation_is_a_share_of_what_is_dealt(by):
    frame = staged(rows(a=100, b=40), 0, 0.2, seed=0).assign(lesion_id=[f"l{k // 2}" for k in range(140)])
    dealt = deal_validation(frame, 0.25, by, seed=0)
    assert dealt["split"].eq("test").equals(frame["split"].eq("test"))
    for label, n in (("a", 80), ("b", 32)):
        found = ((dealt["label"] == label) & (dealt["split"] == "valid")).sum()
        assert abs(found - ceil(n * 0.25)) <= 1
    if by == "lesion_id":
        kept = dealt[dealt["split"] != "test"]
        assert kept.groupby("lesion_id")["split"].nunique().max() == 1
    again = deal_validation(dealt, 0.25, by, seed=0)
    assert again["split"].equals(dealt["split"])


def test_what_cannot_be_is_refused_in_one_line():
    frame = staged(rows(a=10, b=10), 0.1, 0.2, seed=0)
    refused = {
        "each 0 or more and below 1; got 1 and 0.2": lambda: staged(frame, 1, 0.2, 0),
        "got 'a tenth'": lambda: staged(frame, "a tenth", 0.2, 0),
        "the class b has 2 images: set 10% aside and test 20% of the rest": lambda: staged(rows(a=9, b=2), 0.1, 0.2, 0),
        "share of validation is 0;": lambda: deal_validation(frame, 0, None, 0),
        "nothing to deal": lambda: deal_validation(rows(a=3, b=3), 0.2, None, 0),
        "cannot split by 'lesion'": lambda: deal_validation(frame, 0.2, "lesion", 0),
        "no image has one": lambda: deal_validation(frame, 0.2, "lesion_id", 0),
    }
    for says, wrong in refused.items():
        with pytest.raises(InputError, match=says) as caught:
            wrong()
        assert "\n" not in str(caught.value)
