"""The transcription of each paper is checked against what the paper prints, slips included."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from printed_text import number_pattern, text_of
from pydantic import ValidationError
from scipy.stats import mannwhitneyu

from lesionlib import packaged, papers
from lesionlib.errors import InputError, LesionlibError

HAM10000 = {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}
LOW, HIGH = "300x224", "600x450"
CONDITIONS = [(LOW, False), (HIGH, False), (LOW, True), (HIGH, True)]


@pytest.fixture(scope="module")
def paper() -> papers.Paper:
    return papers.load("lucius2020")


@pytest.fixture(scope="module")
def grid(paper) -> pd.DataFrame:
    return pd.concat([paper.tables["2"], paper.tables["3"]], ignore_index=True)


def column(grid: pd.DataFrame, resolution: str, clinical: bool) -> pd.Series:
    rows = grid[(grid.resolution == resolution) & (grid.clinical == clinical)]
    return rows.set_index("network").accuracy


# --- the loader


def test_every_available_paper_loads_under_its_own_key():
    assert "lucius2020" in papers.available()
    assert all(papers.load(key).key == key for key in papers.available())


@pytest.mark.parametrize("key", ["lucius2021", "", "../errors", "lucius2020.yaml"])
def test_unknown_key_names_the_ones_that_exist(key):
    with pytest.raises(InputError, match=r"expected one of: .*lucius2020") as caught:
        papers.load(key)
    assert "\n" not in str(caught.value)


def test_a_paper_is_frozen_and_its_tables_are_new_at_each_access(paper):
    with pytest.raises(ValidationError, match="frozen"):
        paper.year = 1999
    spoiled = paper.tables["2"]
    spoiled["accuracy"] = 0.0
    assert paper.tables["2"].accuracy.min() == 74.05


SMALL = """
schema: 1
key: small
title: A small paper
authors: [A. Author]
year: 2020
transcribed_from: preprint
places: {Section 1: Introduction}
data: {dataset: none, images: 2, splits: [], split_rule: none, labels: {nv: Nevus}}
hyperparameters: []
tables: {"1": {title: T, place: Section 1, columns: [a, b], rows: [[1, 2]]}}
figures_in_text: [{id: one, place: Section 1, quantity: q, label: nv, value: 1.0e-3}]
criteria_rules: none
claims: [{id: c, place: [Section 1], text: t, replication: direct, criterion: x}]
"""


def parse(text: str) -> papers.Paper:
    return packaged.parse(text, papers.Paper, "papers/small.yaml")


def test_a_paper_without_doi_venue_and_contests_loads():
    small = parse(SMALL)
    assert small.citation == "A. Author (2020). A small paper."
    assert small.figures_in_text.value.tolist() == [0.001]
    assert small.contests == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[1, 2]]", "[[1, 2, 3]]", "row 0 has 3 cells, expected 2"),
        ("place: Section 1, quantity", "place: Section 9, quantity", "place 'Section 9' is not among"),
        ("place: [Section 1]", "place: [Section 9]", "claim c: place 'Section 9'"),
        ("label: nv, value", "label: naevus, value", "label 'naevus' is not among data.labels"),
        ("value: 1.0e-3", "value: 1e-3x", "figures_in_text.0.value: "),
        ("replication: direct", "replication: partly", "claims.0.replication: "),
        ("criterion: x", "criteria: x", "claims.0.criterion: Field required"),
        ("year: 2020", "years: 2020", "year: Field required"),
        ("schema: 1", "schema: 2", "schema: Input should be 1"),
        ("key: small", "key: [small", "line "),
    ],
)
def test_a_fault_in_a_file_is_told_in_one_line_with_its_place(old, new, message):
    assert SMALL.count(old) == 1
    with pytest.raises(LesionlibError) as caught:
        parse(SMALL.replace(old, new))
    text = str(caught.value)
    assert "papers/small.yaml" in text
    assert message in text
    assert "\n" not in text


def test_an_id_that_stands_twice_is_refused():
    doubled = SMALL.replace("claims: [", "claims: [{id: c, place: [], text: t, replication: direct, criterion: x}, ")
    with pytest.raises(LesionlibError, match="claims: id 'c' stands twice"):
        parse(doubled)


# --- lucius2020: Table 1


def test_table_1_adds_up_to_the_printed_totals(paper):
    table = paper.tables["1"]
    printed = paper.splits.set_index("place")
    assert (table.train.sum(), table.test.sum()) == (8313, 1702)
    assert tuple(printed.loc["Table 1", ["train", "test"]]) == (8313, 1702)
    assert tuple(printed.loc["Abstract", ["train", "test"]]) == (8015, 2003)
    assert table.train.sum() + table.test.sum() == paper.data.images == sum(HAM10000.values())


def test_table_1_disagrees_with_ham10000_by_one_image_in_two_classes(paper):
    table = paper.tables["1"].set_index("label")
    printed = (table.train + table.test).to_dict()
    differences = {label: printed[label] - count for label, count in HAM10000.items() if printed[label] != count}
    assert differences == {"bkl": -1, "df": +1}


def test_labels_are_those_of_ham10000(paper):
    assert sorted(paper.data.labels) == sorted(HAM10000)
    assert paper.tables["1"].set_index("label").name.to_dict() == paper.data.labels


# --- lucius2020: Tables 2 to 4


def test_tables_2_and_3_make_one_full_grid(grid):
    assert list(grid.columns) == ["network", "resolution", "clinical", "accuracy", "error_rate"]
    assert grid.clinical.dtype == bool
    assert not grid.duplicated(["network", "resolution", "clinical"]).any()
    assert grid.groupby(["resolution", "clinical"]).network.nunique().tolist() == [8, 8, 8, 8]


def test_accuracy_and_error_rate_sum_to_100_but_for_two_pairs(paper, grid):
    sums = (grid.accuracy + grid.error_rate).round(2)
    odd = grid.assign(total=sums)[sums != 100]
    assert odd[["network", "resolution", "clinical", "total"]].values.tolist() == [
        ["SEResNet50", LOW, False, 100.04],
        ["EfficientNetB5", LOW, False, 99.96],
    ]
    pairs = [paper.tables["4"], *(contest.results.dropna() for contest in paper.contests.values())]
    assert all((rows.accuracy + rows.error_rate).round(2).eq(100).all() for rows in pairs)


# What the columns give, rounded to two decimals, beside what the text prints.
# Equal in 4 of 8 figures; two SDs and one mean are cut off, not rounded; the first mean is another number.
@pytest.mark.parametrize(
    ("figure", "condition", "mean", "sd"),
    [
        ("mean-low", (LOW, False), (76.36, 76.30), (2.79, 2.79)),
        ("mean-high", (HIGH, False), (77.76, 77.76), (2.78, 2.77)),
        ("mean-low-clinical", (LOW, True), (78.87, 78.86), (1.81, 1.81)),
        ("mean-high-clinical", (HIGH, True), (80.22, 80.22), (2.31, 2.30)),
    ],
)
def test_means_and_sds_of_the_columns_beside_the_printed_ones(paper, grid, figure, condition, mean, sd):
    values = column(grid, *condition)
    printed = paper.figures_in_text.set_index("id").loc[figure]
    assert (round(values.mean(), 2), printed.value) == mean
    assert (round(values.std(ddof=1), 2), printed.sd) == sd
    assert (printed.resolution, printed.clinical) == condition


# Printed p; one-sided and two-sided p of the named test, normal approximation with continuity correction.
@pytest.mark.parametrize(
    ("figure", "before", "after", "printed", "one_sided", "two_sided"),
    [
        ("p-resolution", (LOW, False), (HIGH, False), 0.07, 0.071, 0.141),
        ("p-clinical-low", (LOW, False), (LOW, True), 0.004, 0.020, 0.041),
        ("p-clinical-high", (HIGH, False), (HIGH, True), 0.02, 0.020, 0.040),
        ("p-resolution-clinical", (LOW, True), (HIGH, True), 0.21, 0.215, 0.431),
    ],
)
def test_p_values_beside_those_of_the_printed_accuracies(
    paper, grid, figure, before, after, printed, one_sided, two_sided
):
    def p_value(alternative):
        result = mannwhitneyu(column(grid, *before), column(grid, *after), alternative=alternative, method="asymptotic")
        return round(result.pvalue, 3)

    assert (p_value("less"), p_value("two-sided")) == (one_sided, two_sided)
    assert paper.figures_in_text.set_index("id").loc[figure, "value"] == printed


def test_extremes_and_gains_that_the_text_repeats(paper, grid):
    lows, highs = (74.05, 75.50, 75.73, 77.14), (82.47, 83.88, 81.24, 84.73)
    for condition, low, high in zip(CONDITIONS, lows, highs, strict=True):
        values = column(grid, *condition)
        assert (values.idxmin(), values.min()) == ("EfficientNetB5", low)
        assert (values.idxmax(), values.max()) == ("MobileNet", high)
    figures = paper.figures_in_text.set_index("id").value
    gain_low = (column(grid, LOW, True) - column(grid, LOW, False)).round(2)
    gain_high = (column(grid, HIGH, True) - column(grid, HIGH, False)).round(2)
    assert (gain_low.idxmax(), gain_low.max()) == ("VGG19", figures["gain-clinical-vgg19"])
    assert (gain_high.idxmax(), gain_high.max()) == ("ResNet50", figures["gain-clinical-resnet50"])
    assert gain_low[gain_low < 0].to_dict() == {"MobileNet": -1.23}
    assert (gain_high > 0).all()


def test_gain_of_the_higher_resolution_is_nearly_the_same_for_every_network(grid):
    plain = (column(grid, HIGH, False) - column(grid, LOW, False)).round(2)
    clinical = (column(grid, HIGH, True) - column(grid, LOW, True)).round(2)
    assert (plain.min(), plain.max()) == (1.31, 1.45)
    assert plain.isin([1.40, 1.41]).sum() == 6
    assert clinical.isin([1.40, 1.41]).sum() == 5
    assert clinical[clinical < 0].to_dict() == {"VGG19": -0.41}


def whole_numbers(percents: pd.Series, images: int) -> pd.Series:
    """Whether each percentage, rounded to two decimals, is one of so many images."""
    return (100 * (percents * images / 100).round() / images - percents).abs() <= 0.005 + 1e-9


def test_accuracies_are_whole_numbers_of_1706_images_rather_than_of_those_printed(grid):
    fitting = {images: int(whole_numbers(grid.accuracy, images).sum()) for images in range(1500, 2101)}
    assert (fitting[1702], fitting[2003], fitting[1706]) == (12, 4, 29)
    assert sorted(fitting.values())[-2] < 20
    assert grid[~whole_numbers(grid.accuracy, 1706)].accuracy.tolist() == [77.82, 74.05, 84.73]
    assert grid[~whole_numbers(grid.error_rate, 1706)].error_rate.tolist() == [15.27]


# --- lucius2020: the contests


def test_contest_results_repeat_table_4_but_for_one_figure(paper):
    results = paper.contests["2"].results
    in_table = results[results.place == "Table 4"].drop(columns="place")
    assert_frame_equal(in_table.reset_index(drop=True), paper.tables["4"])
    in_text = results[results.place == "Section 3.3"].set_index("reader").accuracy
    differs = in_text - paper.tables["4"].set_index("reader").accuracy
    assert differs.round(2).to_dict() == {"EfficientNetB5": 0.0, "GPs": 0.0, "GPs + AI": -0.01}


def counts_that_print(percent: float, answers: int) -> list[int]:
    return [right for right in range(answers + 1) if round(100 * right / answers, 2) == percent]


def test_which_contest_figures_are_whole_numbers_of_answers(paper):
    first, second = paper.contests["1"], paper.contests["2"]
    assert first.images.images.tolist() == [163, 162, 162]
    assert (first.readers, second.readers, second.seconds_per_image) == (22, 19, 45)
    assert counts_that_print(78.40, 162) == [127]
    assert counts_that_print(78.40, 163) == []
    assert counts_that_print(27.74, 22 * 162) == counts_that_print(27.74, 22 * 163) == []
    assert counts_that_print(77.14, 35) == [27]
    assert counts_that_print(17.29, 19 * 35) == [115]
    assert counts_that_print(42.42, 19 * 35) == counts_that_print(42.43, 19 * 35) == []


def test_gain_with_help_fits_the_text_and_not_the_table(paper):
    gain = paper.figures_in_text.set_index("id").loc["gain-ai", "value"]
    assert gain == 25.13 == round(42.42 - 17.29, 2)
    assert gain != round(42.43 - 17.29, 2)


def test_contest_sensitivities_lie_between_0_and_1(paper):
    values = pd.concat([contest.sensitivity for contest in paper.contests.values()])
    assert len(values) == 8
    assert values.value.between(0, 1).all()
    assert set(values.reader) == {"GPs", "GPs + AI"}


# --- lucius2020: figures in the text, claims, hyperparameters


def test_figures_are_in_the_range_of_their_unit(paper):
    figures = paper.figures_in_text
    assert figures.id.is_unique
    assert figures[figures.unit == "fraction"].value.between(0, 1).all()
    assert figures[figures.unit == "percent"].value.between(1, 100).all()
    assert figures[figures.quantity == "p-value"].value.between(0, 1).all()
    assert figures[figures.quantity == "p-value"].test.eq("Mann-Whitney U").all()
    assert figures[figures.quantity.str.endswith("change")].compared_with.notna().all()


def test_figures_name_networks_and_resolutions_of_the_tables(paper, grid):
    figures = paper.figures_in_text
    assert set(figures.network.dropna()) <= set(grid.network)
    assert set(figures.resolution.dropna()) == set(grid.resolution)


def test_printed_changes_agree_with_printed_pairs_where_both_stand(paper):
    figures = paper.figures_in_text
    keys = ["network", "resolution", "clinical", "label"]
    pairs = figures[(figures.quantity == "sensitivity") & figures.network.notna()].set_index(keys).value
    assert round(pairs["ResNet50", LOW, True, "df"] - pairs["ResNet50", LOW, False, "df"], 2) == 0.15
    # Two ways to the same cell, four points apart: ResNet101 on df at 600x450 with clinical data.
    from_images = pairs["ResNet101", HIGH, False, "df"] + 0.20
    from_low = pairs["ResNet101", LOW, True, "df"] + 0.50
    assert (round(from_images, 2), round(from_low, 2)) == (0.62, 0.66)


def test_every_claim_can_be_judged(paper):
    claims = paper.claims
    assert claims.id.is_unique
    assert claims.criterion.str.len().gt(20).all()
    places = {place for cell in claims.place for place in cell.split("; ")}
    assert places <= set(paper.places)
    testable = claims[claims.replication != "not testable here"]
    assert set(testable.replication) == {"conceptual"}
    assert testable.criterion.str.contains("Holds|^As for resolution-not-significant").all()
    assert testable[testable.criterion.str.contains("Holds")].criterion.str.contains("cannot be told|1/7").all()


def test_hyperparameters_are_numbers_where_the_paper_prints_numbers(paper):
    settings = paper.hyperparameters
    assert settings.name.is_unique
    value = settings.set_index("name").value
    printed = {"epochs": 90, "repeats": 5, "dropout": 0.5, "GPUs": 4, "training time": 6, "iterations": 45000}
    infogan = {"blocks": 8, "first batch size": 128, "last batch size": 2, "learning rate": 0.0075}
    expected = {**printed, **infogan, "exponential decay": 0.99}
    assert {name: value[name] for name in expected} == expected


# --- lucius2020 against the text itself, where it is at hand (test_transcription.py does so for all papers)


def table_block(text: str, number: int) -> str:
    """From the title of Table `number` to the end of its numbers."""
    starts = {
        "1": "Table 1. Desc",
        "2": "Table 2. Class",
        "3": "Table 3. Class",
        "4": "Table 4. Class",
    }
    ends = {"1": " 1 includes", "2": " 2 Accuracy", "3": " 2 Accuracy", "4": "Accuracy and error"}
    start = text.index(starts[str(number)])
    return text[start : text.index(ends[str(number)], start)]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_rows_of_each_table_stand_in_the_text_in_this_order(paper, number):
    block = table_block(text_of("lucius2020"), number)
    table = paper.tables[str(number)]
    if "resolution" in table:
        low, high = (table[table.resolution == size].reset_index(drop=True) for size in (LOW, HIGH))
        table = pd.concat([low.drop(columns=["resolution", "clinical"]), high[["accuracy", "error_rate"]]], axis=1)
    position = 0
    for row in table.drop(columns="label", errors="ignore").itertuples(index=False):
        for cell in row:
            pattern = re.escape(cell) if isinstance(cell, str) else number_pattern(cell)
            found = re.search(pattern, block[position:])
            assert found, f"Table {number}: {cell} of {row} not found after its predecessor"
            position += found.end()
