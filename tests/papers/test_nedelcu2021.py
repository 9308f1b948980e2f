"""nedelcu2021 as printed: its tables, its confusion matrices, and what they say of each other."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from printed_text import text_of

from lesionlib import metrics, papers

CLASSES = {
    "SebKer": 1186,
    "ActKer": 519,
    "Nev": 618,
    "MolCont": 71,
    "Haem": 70,
    "UncNeop": 246,
    "Drmfib": 141,
    "SLent": 48,
    "PenFib": 115,
    "VWart": 192,
    "OtMalNeop": 116,
    "BCC": 56,
    "MM": 52,
}
STRATEGY = {"V": "x", "VI": "a", "VII": "b"}
TEST_SIZES = [237, 104, 124, 14, 14, 49, 28, 10, 23, 39, 23, 11, 10]


@pytest.fixture(scope="module")
def paper() -> papers.Paper:
    return papers.load("nedelcu2021")


def completed(matrix: pd.DataFrame) -> pd.DataFrame:
    """The matrix with its lost cells, one a row at most, set to what the row's total leaves."""
    missing = pd.Series(matrix.attrs["row_totals"], index=matrix.index) - matrix.sum(axis=1)
    return matrix.apply(lambda column: column.fillna(missing)).astype(int)


def recomputed(paper: papers.Paper, key: str) -> metrics.Report:
    matrix = completed(paper.confusion_matrices[key])
    return metrics.from_confusion(matrix.to_numpy(), list(matrix.index))


# --- class counts


def test_table_1_adds_up_in_rows_and_columns(paper):
    table = paper.tables["I"]
    assert table.set_index("label").total.to_dict() == CLASSES
    assert (table.macroscopic + table.anatomical == table.total).all()
    assert table[["macroscopic", "anatomical", "total"]].sum().to_dict() == table.attrs["totals"]
    assert table.attrs["totals"] == {"macroscopic": 3134, "anatomical": 296, "total": 3430}
    assert paper.data.images == 3430
    assert table.set_index("label").name.to_dict() == paper.data.labels


def test_table_2_beside_the_printed_totals(paper):
    sums = paper.tables["II"].groupby("source").total.sum().to_dict()
    printed = paper.sources.set_index("key").images.to_dict()
    assert sums == {"EDRA": 1011, "Dermofit": 1300}
    assert printed == {"DermAI": 3430, "EDRA": 1101, "Dermofit": 1300}
    for source in paper.data.sources[1:]:
        rows = paper.tables["II"].query(f"source == '{source.key}'").set_index("label").name
        assert rows.to_dict() == source.labels


def test_dermofit_is_split_into_benign_and_carcinogenic_with_actinic_keratosis_benign(paper):
    rows = paper.tables["II"].query("source == 'Dermofit'").set_index("label").total
    figures = paper.figures_in_text.set_index("id").value
    assert rows[["IEC", "SCC", "BCC", "MEL"]].sum() == figures["dermofit-malignant"] == 481
    assert rows[["SK", "AK", "ML", "VASC", "PYO", "DF"]].sum() == figures["dermofit-benign"] == 819


def test_patients_by_sex_are_more_than_the_cases(paper):
    figures = paper.figures_in_text.set_index("id").value
    assert figures["male"] + figures["female"] - figures["cases"] == 34


# --- overall results


def test_overall_results_are_whole_numbers_of_686_images_cut_off(paper):
    printed = paper.tables["IV"].set_index("strategy").accuracy
    right = {"o": 98, "x": 292, "a": 293, "b": 300, "c": 298}
    assert printed.to_dict() == {key: int(10000 * count / 686) / 100 for key, count in right.items()}
    rounded = {key: round(100 * count / 686, 2) for key, count in right.items()}
    assert {key for key in right if rounded[key] != printed[key]} == {"o", "x"}
    networks = paper.tables["III"].set_index("network").accuracy
    assert networks.to_dict() == {
        name: round(100 * count / 686, 2)
        for name, count in {"MobileNet-V2": 99, "ResNet50": 295, "EfficientNet-B3": 293}.items()
    }


def test_the_chosen_network_of_table_3_is_strategy_a_of_table_4(paper):
    figures = ["accuracy", "weighted_f1", "macro_f1"]
    chosen = paper.tables["III"].set_index("network").loc["EfficientNet-B3", figures]
    assert chosen.tolist() == paper.tables["IV"].set_index("strategy").loc["a", figures].tolist()


# Recomputed with four decimals beside the printed one.
@pytest.mark.parametrize(
    ("key", "macro", "weighted"),
    [
        ("V", (28.6061, 28.60), (43.3448, 43.34)),
        ("VI", (28.6401, 28.65), (44.0472, 44.04)),
        ("VII", (30.0905, 30.09), (44.1750, 44.17)),
    ],
)
def test_averages_of_f1_beside_those_of_the_matrices(paper, key, macro, weighted):
    overall = recomputed(paper, key).overall
    printed = paper.tables["IV"].set_index("strategy").loc[STRATEGY[key]]
    assert (round(100 * overall["macro_f1"], 4), printed.macro_f1) == macro
    assert (round(100 * overall["weighted_f1"], 4), printed.weighted_f1) == weighted
    assert int(10000 * overall["accuracy"]) / 100 == printed.accuracy


# --- per class


@pytest.mark.parametrize("key", ["V", "VI", "VII", "VIII"])
def test_tables_of_classes_have_all_classes_in_order(paper, key):
    table = paper.tables[key]
    assert table.label.tolist() == list(CLASSES)
    assert list(table.columns) == ["label", "sensitivity", "precision", "f1"]
    known = table.drop(columns="label").stack().dropna()
    assert known.between(0, 100).all()
    assert len(known) == {"V": 39, "VI": 33, "VII": 26, "VIII": 39}[key]


@pytest.mark.parametrize("key", ["V", "VI", "VII"])
def test_every_legible_figure_of_a_class_follows_from_its_confusion_matrix(paper, key):
    per_class = recomputed(paper, key).per_class[["sensitivity", "precision", "f1"]].astype(float)
    expected = (100 * per_class).fillna(0)
    printed = paper.tables[key].set_index("label").astype(float)
    assert ((printed - expected).abs().stack().dropna() < 0.00501).all()


@pytest.mark.parametrize(("key", "lost"), [("V", 1), ("VI", 2), ("VII", 0)])
def test_matrices_hold_the_test_set_of_table_1(paper, key, lost):
    matrix = paper.confusion_matrices[key]
    assert matrix.shape == (13, 13)
    assert int(matrix.isna().sum().sum()) == lost
    assert matrix.isna().sum(axis=1).max() <= 1
    assert matrix.attrs["row_totals"] is None or list(matrix.attrs["row_totals"]) == TEST_SIZES
    assert completed(matrix).sum(axis=1).tolist() == TEST_SIZES if lost else matrix.sum(axis=1).tolist() == TEST_SIZES
    assert sum(TEST_SIZES) == 686 == 3430 // 5
    assert all(abs(size - images / 5) < 1 for size, images in zip(TEST_SIZES, CLASSES.values(), strict=True))


def test_lost_cells_are_pinned_down_by_rows_and_by_printed_precision(paper):
    merged, plain = completed(paper.confusion_matrices["V"]), completed(paper.confusion_matrices["VI"])
    assert merged.loc["SebKer", "VWart"] == 7
    assert (plain.loc["BCC", "SebKer"], plain.loc["MM", "SebKer"]) == (2, 3)
    printed = paper.tables["V"].set_index("label")
    assert round(100 * merged.loc["VWart", "VWart"] / merged["VWart"].sum(), 2) == printed.loc["VWart", "precision"]


def test_table_8_without_its_matrix_gives_298_right(paper):
    table = paper.tables["VIII"].set_index("label")
    right = (table.sensitivity * TEST_SIZES / 100).round()
    assert (round(100 * right / TEST_SIZES, 2) == table.sensitivity).all()
    assert right.sum() == 298
    called = (100 * right / table.precision.where(table.precision > 0)).round()
    assert called.dropna().sum() == 668
    f1 = (200 * right / (called + TEST_SIZES)).fillna(0)
    assert (round(f1, 2) == table.f1).all()
    assert round(f1.mean(), 4) == 28.8099
    assert round((f1 * TEST_SIZES).sum() / 686, 4) == 44.4115


def test_rounded_figures_of_the_text_are_those_of_the_tables(paper):
    figures = paper.figures_in_text
    column = {"F1": "f1", "sensitivity": "sensitivity", "precision": "precision"}
    rounded = figures[figures.quantity.isin(column) & figures.label.notna()]
    assert len(rounded) == 43
    tables = {"a": "VI", "b": "VII", "c": "VIII"}
    for row in rounded.itertuples():
        exact = paper.tables[tables[row.setting]].set_index("label").loc[row.label, column[row.quantity]]
        if pd.isna(exact):
            exact = 100 * recomputed(paper, tables[row.setting]).per_class.loc[row.label, column[row.quantity]]
        assert abs(exact - row.value) <= 0.5, row.id


def test_images_right_in_the_text_are_those_of_the_matrices(paper):
    figures = paper.figures_in_text
    for row in figures[figures.quantity == "images right"].query("setting in ['a', 'b']").itertuples():
        matrix = completed(paper.confusion_matrices[{"a": "VI", "b": "VII"}[row.setting]])
        assert matrix.loc[row.label, row.label] == row.value, row.id
    right = {key: completed(paper.confusion_matrices[key]).loc["Drmfib", "Drmfib"] for key in ("VI", "VII")}
    assert right == {"VI": 12, "VII": 14}


# --- claims and settings


def test_claims_and_their_kinds(paper):
    claims = paper.claims.set_index("id").replication
    assert len(claims) == 25
    assert claims.value_counts().to_dict() == {"conceptual": 13, "not testable here": 12}
    assert claims["sequential-over-merged"] == "conceptual"
    assert claims["bcc-anatomical"] == "not testable here"


def test_hyperparameters_are_numbers_where_the_paper_prints_numbers(paper):
    value = paper.hyperparameters.set_index("name").value
    printed = {"epochs per block": 3, "batch size EDRA": 5, "batch size Dermofit": 10, "batch size DermAI": 13}
    rates = {"learning rate of the top layer": 0.0001, "learning rate of the other blocks": 0.00001}
    ranges = {"rotation": (1, 30), "zoom": (0, 0.2), "width shift": (0, 0.1), "brightness": (0.2, 0.8)}
    expected = {**printed, **rates, **ranges}
    assert {name: value[name] for name in expected} == expected


# --- the fragments, where the text is at hand


@pytest.mark.parametrize(("key", "end"), [("V", "~"), ("VI", "<u>"), ("VII", "113 35 31")])
def test_first_digits_of_the_figures_put_together_stand_in_the_table(paper, key, end):
    text = text_of("nedelcu2021")
    start = text.index(paper.places[f"Table {key}"])
    tokens = re.findall(r"\d+\.\d|\d+(?=\s*\.)|\d+", text[start : text.index(end, start)])
    whole = {str(int(cell)) for cell in paper.tables[key].drop(columns="label").stack().dropna()}
    assert len(whole) > 15
    assert whole <= {token.split(".")[0] for token in tokens} | {"0"}
