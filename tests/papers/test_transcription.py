"""Each paper's YAML is set against the paper's text, where that is at hand. The same checks for every paper."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from printed_text import is_in_pieces, is_printed, number_pattern, own_words, printed_forms, sections, text_of, words

from lesionlib import papers

# Names and headings, which are the paper's own; rows hold names and numbers.
THEIRS = {"title", "authors", "venue", "places", "labels", "rows", "columns"}


@pytest.fixture(scope="module", params=papers.available())
def paper(request) -> papers.Paper:
    return papers.load(request.param)


@pytest.fixture(scope="module")
def text(paper) -> str:
    return text_of(paper.key)


# --- how a number is found


@pytest.mark.parametrize("text", ["8,313; 83%", "(8313)", "n=8,313."])
def test_number_pattern_finds_the_number(text):
    assert re.search(number_pattern(8313), text)


@pytest.mark.parametrize("text", ["18,313", "8,3131", "8313.5", "0.8313", "8,314"])
def test_number_pattern_finds_no_part_of_another_number(text):
    assert not re.search(number_pattern(8313), text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(6.0, "six lesions"), (1.0, "a single error"), (0.003, "* (3e-3) +"), (0.00001, "of 0.00001")],
)
def test_number_pattern_knows_words_and_powers_of_ten(value, text):
    assert re.search(number_pattern(value), text)


@pytest.mark.parametrize("text", ["53.59", "53.5 59", "5 3.59"])
def test_a_number_in_pieces_is_put_together(text):
    assert is_in_pieces(53.59, text)


@pytest.mark.parametrize("text", ["53.95", "53 and 59", "153.59", "53.5 6"])
def test_other_pieces_make_no_number(text):
    assert not is_in_pieces(53.59, text)


def test_printed_forms_never_round():
    assert printed_forms(89.74) == {"89.74", "89.740", "89.7400", "89.74000"}
    assert "0.84" not in printed_forms(0.8409090909090909)


# --- every paper against its text


def test_headings_of_the_places_stand_in_the_text(paper, text):
    assert [heading for heading in paper.places.values() if heading not in text] == []


def numbers_of(table: pd.DataFrame) -> set[float]:
    cells = [cell for row in table.itertuples(index=False) for cell in row] + list(table.attrs["totals"].values())
    return {float(cell) for cell in cells if isinstance(cell, int | float) and not pd.isna(cell)}


def test_numbers_of_the_tables_stand_in_the_text(paper, text):
    whole = {key: table for key, table in paper.tables.items() if table.attrs["extraction"] == "whole"}
    missing = [(key, n) for key, table in whole.items() for n in numbers_of(table) if not is_printed(n, text)]
    assert missing == []


def test_half_of_a_table_in_fragments_can_be_put_together_from_the_text(paper, text):
    """Such a table is set against its confusion matrix too, by the tests of its paper."""
    for key, table in paper.tables.items():
        if table.attrs["extraction"] == "fragments":
            numbers = numbers_of(table)
            found = {number for number in numbers if is_in_pieces(number, text)}
            assert len(found) >= len(numbers) / 2, f"Table {key}: not found {sorted(numbers - found)}"


def test_known_cells_of_the_confusion_matrices_stand_in_the_text_row_by_row(paper, text):
    tokens = text.split()
    for key, matrix in paper.confusion_matrices.items():
        for label, row in matrix.iterrows():
            assert stands_in(row.tolist(), tokens), f"confusion matrix {key}: row {label} not found"


def stands_in(cells: list, tokens: list[str]) -> bool:
    """Whether the cells follow each other in the text. A cell that was lost, or a token without digits, matches any."""
    size = len(cells)
    windows = (tokens[start : start + size] for start in range(len(tokens) - size + 1))
    return any(all(fits(cell, token) for cell, token in zip(cells, window, strict=True)) for window in windows)


def fits(cell: int | None, token: str) -> bool:
    return pd.isna(cell) or token == str(cell) or (len(token) == 1 and not token.isdigit())


def test_a_row_of_a_matrix_is_found_only_where_its_cells_follow_each_other():
    assert stands_in([3, pd.NA, 7], ["2", "3", "15", "/", "4"])
    assert not stands_in([3, 7, 15], ["2", "3", "15", "7", "4"])


def test_figures_and_splits_stand_in_the_section_that_is_named(paper, text):
    figures, splits, sources = paper.figures_in_text, paper.splits, paper.sources
    printed = [(row.place, value) for row in figures.itertuples() for value in (row.value, row.sd)]
    printed += [(row.place, value) for row in splits.itertuples() for value in (row.train, row.valid, row.test)]
    printed += [(place, row.images) for row in sources.itertuples() for place in row.place.split("; ")[:1]]
    for contest in paper.contests.values():
        printed += zip(contest.images.place, contest.images["images"], strict=True)
        printed += zip(contest.results.place, contest.results.accuracy, strict=True)
        printed += zip(contest.results.place, contest.results.error_rate, strict=True)
        printed += zip(contest.sensitivity.place, contest.sensitivity.value, strict=True)
        printed += [(place, contest.readers) for place in contest.place if place.startswith("Section")]
    parts = sections(paper, text)
    printed += [("anywhere", n) for n in figures.n]
    numbers = [(place, float(value)) for place, value in printed if not pd.isna(value)]
    assert len(numbers) > 20
    assert [pair for pair in numbers if not is_printed(pair[1], parts.get(pair[0], text))] == []


def test_numbers_of_the_hyperparameters_stand_in_a_section_that_is_named(paper, text):
    parts = sections(paper, text)
    missing = []
    for row in paper.hyperparameters.itertuples():
        where = " ".join(parts.get(place, text) for place in row.place.split("; "))
        values = row.value if isinstance(row.value, tuple) else (row.value,)
        numbers = [value for value in values if not isinstance(value, str)]
        missing += [(row.name, value) for value in numbers if not is_printed(value, where)]
    assert missing == []


def test_values_of_claims_stand_in_the_text(paper, text):
    numbers = paper.claims[["value", "baseline", "difference", "p_value"]].stack().dropna()
    assert len(numbers) > 4
    fragments = [table for table in paper.tables.values() if table.attrs["extraction"] == "fragments"]
    put_together = set().union(*map(numbers_of, fragments))
    assert [value for value in numbers if value not in put_together and not is_printed(value, text)] == []


def test_no_sentence_of_the_paper_is_copied(paper, text):
    """No run of nine words of ours stands in the paper."""
    theirs = words(text)
    copied = []
    for sentence in own_words(paper.model_dump(), skip=THEIRS):
        ours = words(sentence).split()
        runs = (" ".join(ours[start : start + 9]) for start in range(len(ours) - 8))
        copied += [run for run in runs if run in theirs]
    assert copied == []


# --- every paper without its text


def test_every_claim_can_be_judged(paper):
    claims = paper.claims
    assert claims.id.is_unique
    assert claims.criterion.str.len().gt(20).all()
    testable = claims[claims.replication != "not testable here"].criterion
    assert testable.str.contains("(?i)holds (?:only )?if|^As for ").all()
    assert testable[~testable.str.startswith("As for ")].str.contains("cannot be told|1/7").all()
    assert claims[claims.replication == "not testable here"].criterion.str.contains("Needs|^As for |would answer").all()


def test_criteria_name_the_data_the_interval_and_the_moment(paper):
    rules = paper.criteria_rules
    for word in ("before this book's runs", "bootstrap", "95 %", "phantoms", "test"):
        assert word in rules


def test_totals_of_tables_are_numbers_of_their_columns(paper):
    for table in paper.tables.values():
        for column, total in table.attrs["totals"].items():
            assert pd.api.types.is_numeric_dtype(table[column])
            assert total > 0
