"""Tables of data frames on a page: what the book's extension makes of what pandas writes."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

FILE = Path(__file__).parents[2] / "book" / "_ext" / "outputs.py"
specification = importlib.util.spec_from_file_location("outputs", FILE)
outputs = importlib.util.module_from_spec(specification)
specification.loader.exec_module(outputs)


def made(frame: pd.DataFrame) -> BeautifulSoup:
    return BeautifulSoup(outputs.readable(frame._repr_html_()), "html.parser")


def texts(soup, selector):
    return [cell.get_text(strip=True) for cell in soup.select(selector)]


def test_numbers_stand_right_with_their_heading_and_words_left():
    frame = pd.DataFrame(
        {
            "images": [1099, 115],
            "share": ["17.0 %", "not run"],
            "recall": ["0.53 (0.46 to 0.60)", "-0.1 (-0.2 to +0.1) %"],
            "found": ["3 of 20", "1,024 of 2,000"],
            "size": ["100x75", "200x150"],
            "verdict": ["holds", "0.3"],
        },
        index=pd.Index(["bkl", "df"], name="label"),
    )
    soup = made(frame)
    assert texts(soup, "thead .text-right") == ["images", "share", "recall", "found"]
    assert len(soup.select("tbody td.text-right")) == 8
    assert texts(soup, "thead th") == ["label", *frame.columns]
    assert [cell["scope"] for cell in soup.select("thead th, tbody th")] == ["col"] * 7 + ["row"] * 2


def test_a_line_ends_between_a_number_and_its_interval_only():
    frame = pd.DataFrame({"a": ["0.5 (0.4 to 0.6)", "3 of 20", "12", "read by a person (twice)"]})
    soup = made(frame)
    assert texts(soup, ".figure-whole") == ["0.5", "(0.4 to 0.6)", "3 of 20"]
    assert [cell.get_text() for cell in soup.select("tbody td")] == frame["a"].tolist()


def test_a_long_table_scrolls_under_its_headings():
    word, sentence = pd.DataFrame({"a": ["word"] * 40}), pd.DataFrame({"a": ["some words " * 4] * 30})
    assert [bool(made(frame).select(".long")) for frame in (word, sentence)] == [False, True]


def test_a_column_without_any_number_stays_left():
    soup = made(pd.DataFrame({"a": ["not run", ""], "b": [np.nan, None]}))
    assert soup.select(".text-right") == []


def test_headings_of_two_rows_keep_their_order_and_columns():
    columns = pd.MultiIndex.from_product([["images", "clinical"], ["100x75", "200x150"]], names=["input", "size"])
    index = pd.MultiIndex.from_product([["a", "b"], ["x", "y"]], names=["network", "seed"])
    frame = pd.DataFrame([[1, 2, "w", 4]] * 4, index=index, columns=columns)
    soup = made(frame)
    assert texts(soup, "thead th[colspan]") == ["images", "clinical"]
    assert {cell["scope"] for cell in soup.select("thead th[colspan]")} == {"colgroup"}
    assert texts(soup, "tbody th[rowspan]") == ["a", "b"]
    assert texts(soup, "thead .text-right") == ["100x75", "200x150", "200x150", "", "", ""]
    assert texts(soup, "tbody .text-right") == ["1", "2", "4"] * 4


def test_an_unnamed_index_has_no_empty_heading():
    soup = made(pd.DataFrame({"a": [1]}))
    assert all(texts(soup, "th"))
    assert soup.select("style, [border], tr[style]") == []


def test_the_box_scrolls_and_has_a_name():
    soup = made(pd.DataFrame({name: [1] for name in "abcdefgh"}))
    (box,) = soup.select(".pst-scrollable-table-container")
    assert box.select("table.dataframe") and box["aria-label"] == "Table: a, b, c, d, e, f, and more"


def test_what_is_no_data_frame_stays_as_it_is():
    html = '<p>a &lt; b</p><table class="other"><tr><th></th></tr></table>'
    assert outputs.readable(html) == html


@pytest.mark.parametrize("text", ["<b>", "a & b", "5 < 6", '"quoted"'])
def test_text_stays_text(text):
    assert texts(made(pd.DataFrame({"a": [text]})), "tbody td") == [text]


cells = st.one_of(st.integers(-999, 999), st.floats(-9, 9), st.sampled_from(["", "yes", "not run", "1 of 2", "2x2"]))


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6), st.sampled_from([None, "label"]))
def test_no_cell_is_lost_or_moved(rows, name):
    frame = pd.DataFrame(rows, columns=["a", "b", "c"]).rename_axis(name)
    before = BeautifulSoup(frame._repr_html_(), "html.parser")
    after = made(frame)
    assert texts(after, "tbody td, tbody th") == texts(before, "tbody td, tbody th")
    assert texts(after, "thead tr:last-of-type > *") == [name or "", "a", "b", "c"]
