"""bhardwaj2021 as printed: its tables, and what they allow together."""

from __future__ import annotations

import pytest

from lesionlib import papers

ISIC2019 = {"AK": 867, "BCC": 3323, "BKL": 2624, "DF": 239, "MEL": 4522, "NV": 12875, "SCC": 628, "VASC": 253}


@pytest.fixture(scope="module")
def paper() -> papers.Paper:
    return papers.load("bhardwaj2021")


def test_table_1_holds_the_classes_of_isic2019(paper):
    table = paper.tables["1"]
    assert table.set_index("label").images.to_dict() == ISIC2019
    assert table.images.sum() == paper.data.images == 25331
    assert table.set_index("label").name.to_dict() == paper.data.labels


def test_classes_are_printed_as_seven_and_as_eight(paper):
    figures = paper.figures_in_text.set_index("id").value
    assert (figures["classes-data"], figures["classes-a"], len(paper.tables["1"])) == (8, 7, 8)


def test_minor_classes_leave_the_range_that_the_text_gives_them(paper):
    images = paper.tables["1"].set_index("label").images
    figures = paper.figures_in_text.set_index("id").value
    assert images["DF"] < figures["minor-low"]
    assert images["AK"] > figures["minor-high"]
    assert images["NV"] > figures["nevi"]


def test_split_is_printed_as_a_ratio_only(paper):
    assert paper.splits.ratio.tolist() == ["80:20"]
    assert paper.splits[["train", "valid", "test"]].isna().all(axis=None)


def test_table_2(paper):
    accuracy = paper.tables["2"].set_index("model").accuracy
    assert accuracy.to_dict() == {"CNN": 70.8, "VGG": 63, "AlexNet": 75, "AlexNet + fine tuning": 77.3}
    assert list(paper.tables["2"].columns) == ["model", "accuracy"]
    # The text prints a rise of 3; the table has 2.3.
    assert round(accuracy["AlexNet + fine tuning"] - accuracy["AlexNet"], 1) == 2.3
    assert paper.figures_in_text.set_index("id").value["gain-tuning"] == 3


def test_table_3(paper):
    table = paper.tables["3"].set_index("model")
    assert list(table.columns) == ["accuracy", "loss", "precision", "recall"]
    assert table.loc["Average+SVM"].tolist() == [86.3, 0.18, 0.8, 0.6]
    assert table.loc["MobileNet"].tolist() == [77.6, 0.55, 0.4, 0.3]
    assert (table.accuracy.idxmax(), table.accuracy.max()) == ("Inception + fine tuning", 88)
    assert table.loss.is_monotonic_decreasing
    assert table.sum().round(2).to_dict() == {"accuracy": 421.1, "loss": 2.0, "precision": 2.7, "recall": 2.4}


def test_abstract_and_conclusion_repeat_table_3(paper):
    figures = paper.figures_in_text.set_index("id").value
    best = paper.tables["3"].set_index("model").loc["Average+SVM"]
    assert figures["abstract-accuracy"] == figures["conclusion-accuracy"] == round(best.accuracy)
    assert (figures["abstract-precision"], figures["abstract-recall"]) == (best.precision, best.recall)


# Shares of melanomas at which accuracy, precision and recall of melanoma, each rounded as printed, can stand together.
# Wrong answers are missed melanomas, (1 - recall) of them, and others called so, recall * (1 - precision) / precision.
@pytest.mark.parametrize(
    ("model", "low", "high"),
    [
        ("MobileNet", 0.172, 0.213),
        ("MobileNet + fine tuning", 0.135, 0.187),
        ("Inception + fine tuning", 0.105, 0.136),
        ("Average+fine tuning", 0.131, 0.165),
        ("Average+SVM", 0.216, 0.296),
    ],
)
def test_shares_of_melanoma_that_a_row_of_table_3_allows(paper, model, low, high):
    row = paper.tables["3"].set_index("model").loc[model]
    half_unit = 0.5 if row.accuracy == int(row.accuracy) else 0.05
    wrong = [
        1 - recall + recall * (1 - precision) / precision
        for precision in (row.precision - 0.05, row.precision + 0.05)
        for recall in (row.recall - 0.05, row.recall + 0.05)
    ]
    shares = ((100 - row.accuracy - half_unit) / 100 / max(wrong), (100 - row.accuracy + half_unit) / 100 / min(wrong))
    assert tuple(round(share, 3) for share in shares) == (low, high)


def test_share_of_melanoma_in_table_1(paper):
    images = paper.tables["1"].set_index("label").images
    assert round(images["MEL"] / images.sum(), 4) == 0.1785
    assert round(images["NV"] / images.sum(), 4) == 0.5083
    others = images.drop("NV")
    assert round(100 * images["NV"] / (images.sum() - others.min()), 1) == 51.3
    assert round(100 * images["NV"] / (images.sum() - others.max()), 1) == 61.9


def test_claims_and_their_kinds(paper):
    claims = paper.claims.set_index("id").replication
    assert len(claims) == 22
    assert claims[claims == "not testable here"].index.tolist() == [
        "svm-three-classes",
        "grouped-convolutions",
        "regularization-helps",
        "average-best-maps",
    ]


def test_hyperparameters_are_numbers_where_the_paper_prints_numbers(paper):
    value = paper.hyperparameters.set_index("name").value
    expected = {"epochs": 50, "patience": 2, "time per epoch from scratch": 800, "optimizer": "Adam"}
    assert {name: value[name] for name in expected} == expected
    unknown = value[value.apply(lambda cell: cell == "not printed")].index
    assert sorted(unknown) == ["N", "batch size", "input size", "learning rate", "repeats"]
