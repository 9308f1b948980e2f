import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lesionlib import metrics, plots
from lesionlib.errors import InputError

CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]


@pytest.fixture(autouse=True)
def plain_style():
    with matplotlib.rc_context():
        yield


def sample(n=200, k=7):
    rng = np.random.default_rng(0)
    y = np.arange(n) % k
    prob = rng.dirichlet(np.ones(k), size=n) * 0.7
    prob[np.arange(n), y] += 0.3
    return y, prob


def texts(ax):
    return [text.get_text() for text in ax.texts]


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def line(ax, index=0):
    return np.column_stack(ax.lines[index].get_data())


def smallest_letters(figure):
    """Points, among the texts that are drawn."""
    figure.canvas.draw()
    found = [
        text.get_fontsize() for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text()
    ]
    return min(found)


def test_confusion_says_counts_and_shares():
    figure = plots.confusion(metrics.from_confusion([[3, 1], [0, 1999]], ["mel", "nv"]), title="Test lesions")
    ax, bar = figure.axes
    assert texts(ax) == ["3\n75%", "1\n25%", "0", "1,999\n100%"]
    assert ticks(ax.yaxis) == ["mel (4)", "nv (1,999)"] and ticks(ax.xaxis) == ["mel", "nv"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("prediction", "truth (images)")
    assert bar.get_ylabel() == "share of the true class"
    assert ax.get_title(loc="left") == "Test lesions"
    np.testing.assert_allclose(ax.collections[0].get_array().ravel(), [0.75, 0.25, 0, 1])


def test_confusion_of_a_frame_with_an_absent_class_and_a_tiny_share():
    counts = pd.DataFrame([[999, 1], [0, 0]], index=["nv", "df"], columns=["nv", "df"])
    assert texts(plots.confusion(counts).axes[0]) == ["999\n100%", "1\n<1%", "0", "0"]


def test_roc_grid_draws_each_curve_with_auc_and_cutoff():
    y, prob = sample()
    figure = plots.roc_grid(y, prob, CLASSES, title="Test lesions")
    panels = [ax for ax in figure.axes if ax.axison]
    assert len(panels) == 7
    aucs = metrics.report(y, prob, CLASSES).per_class["auc"]
    for code, (ax, label) in enumerate(zip(panels, CLASSES, strict=True)):
        assert ax.get_title() == f"{label}   AUC {aucs[label]:.3f}"
        best = metrics.cutoff(y == code, prob[:, code])
        assert texts(ax) == [
            f"score ≥ {best.threshold:.2g}\nsens. {best.sensitivity:.2f}\nspec. {best.specificity:.2f}"
        ]
        curve = metrics.roc(y == code, prob[:, code])
        np.testing.assert_allclose(line(ax, 1), np.column_stack([1 - curve.specificity, curve.sensitivity]))
        np.testing.assert_allclose(line(ax, 2), [[1 - best.specificity, best.sensitivity]])
    assert figure.get_supxlabel() == "1 − specificity" and figure.get_supylabel() == "sensitivity"
    assert figure.get_suptitle() == "Test lesions"


def test_roc_grid_marks_another_rule_beside():
    y, prob = sample()
    for code, ax in enumerate(plots.roc_grid(y, prob, CLASSES, beside="youden").axes[: len(CLASSES)]):
        other = metrics.cutoff(y == code, prob[:, code], "youden")
        diamonds = [mark for mark in ax.lines if mark.get_marker() == "D"]
        assert len(diamonds) == 1
        np.testing.assert_allclose(diamonds[0].get_xydata(), [[1 - other.specificity, other.sensitivity]])
        assert len(ax.texts) == 1


def test_roc_grid_names_what_is_missing():
    y, prob = sample(k=3)
    y[y == 2] = 1
    figure = plots.roc_grid(np.array(["mel", "nv", "df"])[y], prob, ["mel", "nv", "df"])
    assert [len(ax.lines) for ax in figure.axes] == [3, 3, 0]
    assert texts(figure.axes[2]) == ["no image of\nthis class"] and figure.axes[2].get_title() == "df"
    alone = plots.roc_grid([1, 1], [[0.4, 0.6], [0.3, 0.7]], ["mel", "nv"])
    assert texts(alone.axes[1]) == ["no image of\nanother class"]


def test_reliability_shows_the_bins():
    y, prob = sample()
    top, bottom = plots.reliability(y, prob).axes
    table = metrics.reliability(y, prob)
    filled = table[table["images"] > 0]
    np.testing.assert_allclose(line(top, 1), filled[["confidence", "accuracy"]])
    assert [bar.get_height() for bar in bottom.patches] == table["images"].tolist()
    error = metrics.expected_calibration_error(y, prob)
    assert top.get_legend().get_title().get_text() == f"expected calibration error {error:.3f}"
    assert (top.get_ylabel(), bottom.get_ylabel()) == ("accuracy", "images")
    assert "confidence" in bottom.get_xlabel()


def test_reliability_whiskers_are_wilson_intervals():
    """Of 10 images at confidence 0.9, 5 are right: Wilson's interval is 0.237 to 0.763."""
    prob = np.tile([0.1, 0.9], (10, 1))
    top, _ = plots.reliability([0, 1] * 5, prob).axes
    (whisker,) = top.collections[0].get_segments()
    np.testing.assert_allclose(whisker, [[0.9, 0.2366], [0.9, 0.7634]], atol=1e-4)


HISTORY = pd.DataFrame(
    {
        "epoch": [0, 1, 2],
        "train_loss": [1.5, 1.0, 0.75],
        "valid_loss": [1.6, 1.2, 1.1],
        "accuracy": [0.5, 0.6, 0.7],
        "balanced_accuracy": [0.2, 0.4, 0.55],
    }
)


def test_curves():
    left, right = plots.curves(HISTORY).axes
    np.testing.assert_allclose(line(left, 0), HISTORY[["epoch", "train_loss"]])
    np.testing.assert_allclose(line(left, 1), HISTORY[["epoch", "valid_loss"]])
    np.testing.assert_allclose(line(right, 1), HISTORY[["epoch", "balanced_accuracy"]])
    assert [text.get_text() for text in right.get_legend().texts] == [
        "accuracy (0.700)",
        "balanced accuracy (0.550)",
    ]
    assert left.get_ylabel() == "loss" and right.get_ylabel() == "score on validation images"
    assert left.get_xlabel() == right.get_xlabel() == "epoch"
    assert all(tick == int(tick) for tick in left.get_xticks())


def test_curves_name_the_missing_column():
    with pytest.raises(InputError, match=r"history: no column valid_loss; found epoch, train_loss"):
        plots.curves(HISTORY.drop(columns="valid_loss"))
    with pytest.raises(InputError, match="history: found no rows"):
        plots.curves(HISTORY.head(0))


BARS = pd.DataFrame(
    {
        "label": ["VGG16", "VGG19", "VGG16", "VGG19"],
        "input": ["image", "image", "both", "both"],
        "value": [0.75, 0.74, 0.80, np.nan],
        "low": [0.70, 0.69, 0.76, np.nan],
        "high": [0.80, 0.79, 0.84, np.nan],
        "paper_value": [0.7685, 0.7421, np.nan, 0.7943],
    }
)


def test_bars_with_intervals_and_the_papers_values():
    figure = plots.bars_with_intervals(BARS, hue="input", reference="paper_value", xlabel="accuracy")
    (ax,) = figure.axes
    assert ticks(ax.yaxis) == ["VGG16", "VGG19"] and ax.get_xlabel() == "accuracy"
    image, image_paper, both, both_paper = (line(ax, i) for i in range(4))
    np.testing.assert_allclose(image[:, 0], [0.75, 0.74])
    np.testing.assert_allclose(image_paper[:, 0], [0.7685, 0.7421])
    np.testing.assert_allclose(both_paper[:, 0], [np.nan, 0.7943])
    np.testing.assert_allclose(image[:, 1], image_paper[:, 1])
    assert (image[:, 1] < both[:, 1]).all() and (np.round(both[:, 1]) == [0, 1]).all()
    segments = [np.array(segment) for segment in ax.collections[0].get_segments()]
    np.testing.assert_allclose([s[:, 0] for s in segments], [[0.70, 0.80], [0.69, 0.79]])
    assert [text.get_text() for text in figure.legends[0].texts] == ["image", "both", "paper value"]
    assert ax.yaxis_inverted()


def test_bars_without_intervals_hue_or_reference():
    figure = plots.bars_with_intervals(BARS.head(2)[["label", "value"]])
    (ax,) = figure.axes
    assert len(ax.lines) == 1 and not ax.collections and not figure.legends
    np.testing.assert_allclose(line(ax), [[0.75, 0], [0.74, 1]])


def test_bars_take_the_intervals_of_a_report():
    y, prob = sample()
    found = metrics.report(y, prob, CLASSES, ci=0.95, n_resamples=50)
    rows = pd.DataFrame(found.rows("test"))
    (ax,) = plots.bars_with_intervals(rows[rows["metric"] == "sensitivity"]).axes
    assert ticks(ax.yaxis) == CLASSES
    np.testing.assert_allclose(line(ax)[:, 0], found.per_class["sensitivity"])


def test_bars_name_the_missing_column():
    with pytest.raises(InputError, match="frame: no column arch"):
        plots.bars_with_intervals(BARS, row="arch")


def test_image_grid():
    images = np.zeros((5, 6, 8, 3), np.uint8)
    images[3] = 200
    figure = plots.image_grid(images, [f"truth {name}" for name in CLASSES[:5]], columns=3, title="Mistakes")
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == [f"truth {name}" for name in CLASSES[:5]]
    np.testing.assert_array_equal(shown[3].images[0].get_array(), images[3])
    assert figure.get_suptitle() == "Mistakes" and len(figure.axes) == 6
    assert len(plots.image_grid(images[:1]).axes) == 1


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (np.zeros((2, 4, 4)), {}, "images: found shape (2, 4, 4)"),
        (np.zeros((2, 3, 4, 4)), {}, "images: found shape (2, 3, 4, 4)"),
        (np.zeros((0, 4, 4, 3)), {}, "images: found shape (0, 4, 4, 3)"),
        (np.zeros((2, 4, 4, 3)), {"titles": ["mel"]}, "titles: found 1, expected 2"),
        (np.zeros((2, 4, 4, 3)), {"columns": 0}, "columns: found 0"),
    ],
)
def test_image_grid_bad_input(images, options, words):
    with pytest.raises(InputError) as error:
        plots.image_grid(images, **options)
    assert words in str(error.value)


@pytest.mark.parametrize("scale", [255, 1])
def test_heat_maps_have_three_columns(scale):
    bright, dark = np.full((4, 6, 3), 1.0), np.zeros((4, 6, 3))
    images = np.stack([bright, dark])
    maps = np.zeros((2, 4, 6))
    maps[1, 0, 5] = 1
    given = (images * 255).astype(np.uint8) if scale == 255 else images
    figure = plots.heat_maps(given, maps, ["mel\nas nv", "nv"], title="Most wrong")
    panels, bar = np.reshape(figure.axes[:6], (2, 3)), figure.axes[6]
    assert [ax.get_title() for ax in panels[0]] == ["original", "fused", "heat map"]
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["mel\nas nv", "nv"]
    assert figure.get_suptitle() == "Most wrong" and "0: least, 1: most" in bar.get_xlabel()
    least, most = (np.array(matplotlib.colormaps["viridis"](end)[:3]) for end in (0.0, 1.0))
    original, fused, heat = (panels[1, column].images[0].get_array() for column in range(3))
    np.testing.assert_allclose(original, dark)
    np.testing.assert_allclose(heat[0, 5], most)
    np.testing.assert_allclose(heat[3, 0], least)
    np.testing.assert_allclose(fused[0, 5], most / 2)
    np.testing.assert_allclose(panels[0, 1].images[0].get_array()[0, 0], (1 + least) / 2)


@pytest.mark.parametrize(
    ("images", "maps", "options", "words"),
    [
        (np.zeros((2, 4, 6)), np.zeros((2, 4, 6)), {}, "images: found shape (2, 4, 6)"),
        (np.zeros((2, 4, 6, 3)), np.zeros((2, 6, 4)), {}, "maps: found shape (2, 6, 4), expected (2, 4, 6)"),
        (np.zeros((2, 4, 6, 3)), np.full((2, 4, 6), 7), {}, "maps: found heat from 7 to 7, expected 0 to 1"),
        (np.zeros((2, 4, 6, 3)), np.full((2, 4, 6), np.nan), {}, "maps: found heat from nan"),
        (np.zeros((2, 4, 6, 3)), np.zeros((2, 4, 6)), {"titles": ["mel"]}, "titles: found 1, expected 2"),
    ],
)
def test_heat_maps_bad_input(images, maps, options, words):
    with pytest.raises(InputError) as error:
        plots.heat_maps(images, maps, **options)
    assert words in str(error.value)


def test_class_counts():
    frame = pd.DataFrame({"label": ["mel", "nv", "nv", "nv"], "lesion_id": ["a", "b", "b", "c"]})
    (ax,) = plots.class_counts(frame).axes
    assert ticks(ax.yaxis) == ["nv", "mel"]
    assert [bar.get_width() for bar in ax.patches] == [3, 1, 2, 1]
    assert texts(ax) == ["3", "1", "2", "1"]
    assert ax.get_xlabel() == "number of images and lesions"
    assert [text.get_text() for text in ax.get_legend().texts] == ["images", "lesions"]


def test_class_counts_without_lesions():
    frame = pd.DataFrame({"label": ["nv"] * 1200 + ["mel"], "lesion_id": pd.array([pd.NA] * 1201)})
    (ax,) = plots.class_counts(frame).axes
    assert texts(ax) == ["1,200", "1"] and ax.get_xlabel() == "number of images" and ax.get_legend() is None
    with pytest.raises(InputError, match="frame: no column label; found lesion_id"):
        plots.class_counts(frame[["lesion_id"]])


def every_figure():
    y, prob = sample()
    thirteen = metrics.from_confusion(np.eye(13, dtype=int) * 100, [f"class {i}" for i in range(13)])
    return {
        "confusion": plots.confusion(metrics.report(y, prob, CLASSES)),
        "confusion of 13": plots.confusion(thirteen),
        "roc": plots.roc_grid(y, prob, CLASSES),
        "reliability": plots.reliability(y, prob),
        "curves": plots.curves(HISTORY),
        "bars": plots.bars_with_intervals(BARS, hue="input", reference="paper_value"),
        "images": plots.image_grid(np.zeros((4, 6, 8, 3), np.uint8), CLASSES[:4]),
        "heat maps": plots.heat_maps(np.zeros((2, 6, 8, 3), np.uint8), np.zeros((2, 6, 8)), CLASSES[:2]),
        "counts": plots.class_counts(pd.DataFrame({"label": CLASSES})),
    }


def test_figures_fit_a_page_are_readable_and_closed():
    plots.use_style()
    before = plt.get_fignums()
    figures = every_figure()
    assert plt.get_fignums() == before
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        assert figure.get_figwidth() == 7, name
        # 7 inches on 700 pixels: 7.5 points are 10.4 pixels.
        assert smallest_letters(figure) >= 7.5, name


def test_use_style_sets_the_color_blind_palette():
    plots.use_style()
    cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert matplotlib.colors.to_hex(cycle[0]) == "#0173b2" and matplotlib.colors.to_hex(cycle[1]) == "#de8f05"
    assert plt.rcParams["font.size"] == 10
