"""gupta2021: known cells, sums and what the printed figures say of each other."""

from __future__ import annotations

import re

import pytest
from printed_text import text_of

from lesionlib import papers

CLAIMS = """test-accuracy beats-baseline best-on-validation outperforms-six shallow-better deep-overfits
more-data-helps-deep no-overfitting pretraining-helps fgsm-fragile noise-robust noise-milder-than-fgsm cam-on-lesion
baseline-biased resnet18-better-on-dark resnet18-guesses bias-high data-light-skin accuracy-suits regularization-helps
biomedical-pretraining"""


@pytest.fixture(scope="module")
def paper() -> papers.Paper:
    return papers.load("gupta2021")


@pytest.fixture(scope="module")
def figures(paper):
    return paper.figures_in_text.set_index("id")


def right_answers(percent: float, images: int, decimals: int = 1) -> list[int]:
    return [right for right in range(images + 1) if round(100 * right / images, decimals) == percent]


def test_it_says_that_nobody_reviewed_it(paper):
    assert (paper.transcribed_from, paper.peer_reviewed) == ("course report", False)
    assert paper.venue is paper.doi is paper.preprint is None
    assert paper.citation.endswith("Not peer-reviewed.")


def test_table_1_as_printed(paper):
    table = paper.tables["1"]
    assert table.shape == (7, 5)
    rows = table.set_index("network")
    assert rows.accuracy.to_dict() == {
        "ResNet18": 92.0,
        "ResNet50": 91.6,
        "ResNet101": 90.5,
        "ResNet152": 88.6,
        "ResNeXt50": 90.5,
        "DenseNet121": 92.4,
        "DenseNet161": 90.9,
    }
    assert rows.parameters.tolist() == [11.7, 25.5, 44.5, 60.2, 25.0, 8.0, 28.7]
    assert rows.layers.tolist() == [50, 50, 101, 152, 50, 121, 161]


def test_the_best_of_table_1_is_not_the_one_that_is_named(paper):
    claim = paper.claims.set_index("id").loc["best-on-validation"]
    accuracy = paper.tables["1"].set_index("network").accuracy
    assert claim.value == accuracy["ResNet18"] < accuracy.max() == accuracy["DenseNet121"]
    assert right_answers(92.4, 264)[0] - right_answers(92.0, 264)[0] == 1


def test_validation_accuracies_are_whole_numbers_of_264_images_but_for_one(paper):
    possible = {row.network: right_answers(row.accuracy, 264) for row in paper.tables["1"].itertuples()}
    assert possible == {
        "ResNet18": [243],
        "ResNet50": [],  # 242 of 264 are 91.67 %
        "ResNet101": [239],
        "ResNet152": [234],
        "ResNeXt50": [239],
        "DenseNet121": [244],
        "DenseNet161": [240],
    }


def test_counts_add_up_and_the_ratio_is_another(paper, figures):
    split = paper.splits.iloc[0]
    parts = [split.train, split.valid, split.test]
    assert sum(parts) == paper.data.images == 3297
    assert figures.loc["malignant-images", "value"] + figures.loc["benign-images", "value"] == 3297
    assert [round(100 * part / 3297, 1) for part in parts] == [72.0, 8.0, 20.0]
    assert split.ratio == "70:10:20"
    assert round(split.valid / (split.train + split.valid), 3) == 0.1


@pytest.mark.parametrize(
    ("figure", "right", "n"), [("test-accuracy", 592, 660), ("fgsm-accuracy", 489, 660), ("noise-accuracy", 585, 660)]
)
def test_test_accuracies_are_whole_numbers_of_660_images(figures, figure, right, n):
    assert figures.loc[figure, "n"] == n
    assert right_answers(figures.loc[figure, "value"], n) == [right]


def test_figures_of_the_baseline_are_fractions_of_their_part(figures):
    assert figures.loc["valid-baseline", "value"] == 222 / 264
    assert figures.loc["test-baseline", "value"] == 556 / 660
    assert figures.loc["test-accuracy-baseline", "value"] == round(100 * 556 / 660, 1)


def test_darker_skin_is_nine_malignant_images(paper, figures):
    dark = figures[figures.setting == "darker skin"]
    assert dark.value.to_dict() == {"dark-baseline": 1, "dark-resnet18": 8}
    assert dark.n.tolist() == [9, 9]
    source = next(source for source in paper.data.sources if source.key == "darker_skin")
    assert (source.dataset, source.images) == (None, 9)


def test_settings_as_printed(paper):
    value = paper.hyperparameters.set_index("name").value
    expected = {"epochs": 30, "batch size": 128, "learning rate": 1e-5, "baseline epochs": 50, "networks tried": 8}
    expected |= {"baseline batch size": 32, "baseline learning rate": 1e-3, "FGSM step": 3e-3, "noise": 3e-3}
    assert {name: value[name] for name in expected} == expected
    # 224 pixels, twice a convolution (kernel 5, padding 1) and a pooling by 2, leave the 54 of the first dense layer.
    side = 224
    for _ in range(2):
        side = (side - 5 + 2 + 1) // 2
    assert side == 54


def test_claims_by_id(paper):
    claims = paper.claims.set_index("id")
    assert sorted(claims.index) == sorted(CLAIMS.split())
    assert claims.loc["test-accuracy", "value"] == 89.7
    assert claims.replication.value_counts().to_dict() == {"not testable here": 12, "conceptual": 9}


def test_rows_of_table_1_stand_in_the_text(paper):
    text = re.sub(r"</?b>", "", text_of("gupta2021"))
    for row in paper.tables["1"].itertuples():
        assert f"{row.printed_name} {row.layers} {row.parameters:.1f} M {row.accuracy:.1f}%" in text
