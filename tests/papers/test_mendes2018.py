"""mendes2018: known cells, sums and what the printed figures say of each other."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest
from printed_text import number_pattern, text_of

from lesionlib import papers

SOURCES = {"MED-NODE": {"melanoma": 70, "nevus": 100}}
CLAIMS = """auc-melanoma auc-bcc auc-every-class comparable accuracy-78 eleven-above-80 accuracy-biased low-rate-plateau
higher-rate-fits fine-tune-all transfer-faster augmentation-helps accumulation-harmless resnet-family cam-on-lesion
errors-two-causes asymmetry-used errors-confident explanations-trust atlas-trustworthy training-time"""


@pytest.fixture(scope="module")
def paper() -> papers.Paper:
    return papers.load("mendes2018")


@pytest.fixture(scope="module")
def parts(paper) -> pd.DataFrame:
    return paper.tables["IV"].set_index("label")


@pytest.fixture(scope="module")
def images(paper) -> pd.Series:
    """Images of each class in the three sources together."""
    counts = [paper.tables[key].set_index("label").images for key in ("I", "II")]
    return pd.concat([*counts, pd.Series(SOURCES["MED-NODE"])]).groupby(level=0).sum()


def test_it_is_a_preprint_of_arxiv_without_venue(paper):
    assert (paper.preprint.server, paper.preprint.id) == ("arXiv", "1812.02316")
    assert paper.venue is paper.doi is paper.peer_reviewed is None
    assert paper.citation.endswith("Clinical Images. arXiv:1812.02316.")


@pytest.mark.parametrize(
    ("key", "shape"), [("I", (10, 3)), ("II", (6, 3)), ("III", (6, 3)), ("IV", (12, 5)), ("VI", (12, 5))]
)
def test_shapes_of_the_tables(paper, key, shape):
    assert paper.tables[key].shape == shape


def test_tables_use_the_class_names_of_the_data(paper):
    assert list(paper.tables["IV"].label) == list(paper.tables["VI"].label) == list(paper.data.labels)
    assert paper.tables["IV"].set_index("label").name.to_dict() == paper.data.labels
    for source, key in (("dermofit", "I"), ("atlas", "II")):
        labels = paper.sources.set_index("key").loc[source, "labels"]
        assert paper.tables[key].set_index("label").name.to_dict() == labels


def test_every_column_sums_to_its_printed_total(paper):
    sums = {key: {name: table[name].sum() for name in table.attrs["totals"]} for key, table in paper.tables.items()}
    assert sums == {key: table.attrs["totals"] for key, table in paper.tables.items()}
    assert sums["I"] | sums["IV"] == {"images": 1300, "train": 88090, "valid": 22023, "test": 956}


def test_images_are_the_sum_of_three_sources_and_not_of_table_iv(paper, images):
    assert paper.sources["images"].tolist() == [170, 1300, 3816]
    assert paper.data.images == images.sum() == paper.sources["images"].sum() == 5286
    splits = paper.splits.set_index("place")
    assert images.sum() - splits.loc["Abstract", ["train", "test"]].sum() == 533
    assert splits.loc["Abstract", "train"] * 29 == splits.loc["Table IV", ["train", "valid"]].sum()


def test_the_stated_rule_gives_two_cells_and_another_one_gives_all(parts, images):
    printed = parts[["train", "valid", "test"]].sort_index()
    stated = pd.DataFrame({"train": images * 0.7 * 29, "valid": images * 0.1 * 29, "test": images * 0.2})
    agrees = (stated - printed).abs() < 1  # whether rounded to the nearest, up or down
    assert agrees.sum().to_dict() == {"train": 0, "valid": 0, "test": 2}
    assert agrees.index[agrees.test].tolist() == ["lentigo", "pyogenic_granuloma"]
    # A tenth of each class is left out (the rest cut down to a whole number), a fifth of the rest is the test set
    # (up to a whole number), what remains is multiplied by 29, and only then divided 80 to 20.
    kept = images.map(lambda n: n * 9 // 10)
    test = kept.map(lambda n: math.ceil(n / 5))
    pool = 29 * (kept - test)
    rule = pd.DataFrame({"train": (pool * 0.8).round(), "valid": (pool * 0.2).round(), "test": test}).astype(int)
    assert rule.equals(printed)


@pytest.mark.parametrize(
    ("table", "label", "column", "value"),
    [
        ("I", "pyogenic_granuloma", "images", 24),
        ("I", "nevus", "images", 331),
        ("II", "basal_cell_carcinoma", "images", 1561),
        ("II", "lentigo", "images", 69),
        ("IV", "basal_cell_carcinoma", "train", 30067),
        ("IV", "seborrheic_keratosis", "valid", 4814),
        ("IV", "pyogenic_granuloma", "test", 5),
        ("VI", "melanoma", "esteva2017", 0.96),
        ("VI", "lentigo", "han2018", 0.95),
        ("VI", "wart", "han2018", 0.94),
        ("VI", "wart", "this_work", 0.89),
        ("VI", "hemangioma", "this_work", 0.99),
    ],
)
def test_known_cells(paper, table, label, column, value):
    assert paper.tables[table].set_index("label").loc[label, column] == value


def test_probabilities_leave_few_copies_as_they_were(paper):
    probability = paper.tables["III"].set_index("transformation").probability
    assert probability.to_dict() == {
        "rotation": 0.5,
        "zoom": 0.4,
        "horizontal flip": 0.7,
        "vertical flip": 0.5,
        "distortion": 0.8,
        "lighting": 0.5,
    }
    assert (1 - probability).prod() == pytest.approx(0.0045)


def test_solver_counts_an_iteration_as_one_small_batch(paper):
    value = paper.hyperparameters.set_index("name").value
    train, valid, _ = paper.tables["IV"].attrs["totals"].values()
    assert value["max iter"] * value["batch size"] == value["epochs planned"] * train
    assert value["stepsize"] * value["batch size"] == train
    assert value["test iter"] == valid
    assert value["base lr"] * value["gamma"] ** (value["iteration tested"] // value["stepsize"]) == pytest.approx(1e-4)
    hours = value["iteration tested"] / 50 * value["time of 50 iterations"] / 3600
    assert round(hours) == value["training time"]


def test_aucs_of_the_abstract_are_those_of_table_vi(paper):
    printed = paper.figures_in_text[paper.figures_in_text.quantity == "AUC"].set_index("label").value
    table = paper.tables["VI"].set_index("label")
    assert printed.to_dict() == table.this_work[printed.index].to_dict()
    assert table[["esteva2017", "han2018", "this_work"]].stack().dropna().between(0.5, 1).all()
    difference = (table.this_work - table.han2018).round(2)
    assert [(difference > 0).sum(), (difference == 0).sum(), (difference < 0).sum()] == [9, 2, 1]


def test_eleven_sensitivities_above_80_do_not_fit_a_total_of_78(paper, parts):
    figures = paper.figures_in_text.set_index("id").value
    without = parts.test.drop("actinic_keratosis").sum()
    least = figures["class-accuracy"] * without / parts.test.sum()
    assert (len(parts) - 1, round(least, 1)) == (figures["classes-above"], 79.3)
    assert least > figures["accuracy"] + 0.5


def test_claims_by_id(paper):
    claims = paper.claims.set_index("id")
    assert sorted(claims.index) == sorted(CLAIMS.split())
    assert claims.loc["auc-melanoma", "value"] == 0.96
    assert claims.replication.value_counts().to_dict() == {"conceptual": 14, "not testable here": 7}


@pytest.mark.parametrize("key", ["I", "II", "III", "IV", "VI"])
def test_numbers_of_a_row_follow_its_name_in_the_text(paper, key):
    text = text_of("mendes2018").replace("0.954 0.95", "0.95 0.95").replace("0.944 0.89", "0.94 0.89")
    block = text[text.index(paper.places[f"Table {key}"]) :]
    table = paper.tables[key]
    for row in table.drop(columns=["label", "transformation"], errors="ignore").itertuples(index=False):
        name, *numbers = row
        cells = ["-" if pd.isna(number) else number_pattern(float(number)) for number in numbers]
        assert re.search(rf"{re.escape(name)} (?:{') (?:'.join(cells)})", block), row
    for total in table.attrs["totals"].values():
        assert re.search(rf"TOTAL [\d,. ]*(?:{number_pattern(float(total))})", block)
