"""Figures of the book: plain data in, a matplotlib Figure out.

Each function returns its Figure and closes it in pyplot, so that a notebook shows it once: as the last
line of a cell, or with ``display(figure)``. A figure is 7 inches wide; on a book page, 700 pixels wide,
its smallest letters are about 11 pixels high. Colors are told apart with any color vision.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lesionlib import metrics
from lesionlib.errors import InputError
from lesionlib.metrics import checks

WIDTH = 7.0  # inches
PALETTE = "colorblind"
SHARES = "Blues"
HEAT = "viridis"

_INK, _MUTED = "0.15", "0.55"
_SMALL = 8.5  # points; 11.8 pixels on a page of 700
_MARKERS = "osD^vPX"


def use_style() -> None:
    """Set fonts, grid and colors of all figures that follow in this process."""
    sns.set_theme(
        context="paper",
        style="ticks",
        palette=PALETTE,
        rc={
            "figure.dpi": 120,
            "savefig.dpi": 120,
            "font.size": 10,
            "axes.labelsize": 10,
            "axes.titlesize": 10.5,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "axes.grid": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.titlesize": 11.5,
            "image.interpolation": "none",
        },
    )


def confusion(report: metrics.Report | pd.DataFrame, title: str | None = None) -> Figure:
    """Confusion matrix: color is the share of the true class, the cells say count and share.

    Parameters
    ----------
    report : Report or DataFrame
        A report, or its `.confusion`: counts, rows truth, columns prediction.
    title : str, optional
        Above the matrix.

    Returns
    -------
    Figure
    """
    counts = report.confusion if isinstance(report, metrics.Report) else report
    support = counts.sum(axis=1)
    shares = counts.div(support.where(support > 0, 1), axis=0)
    texts = [
        [_cell(count, share) for count, share in zip(*rows, strict=True)]
        for rows in zip(counts.to_numpy(), shares.to_numpy(), strict=True)
    ]
    k = len(counts)
    figure, ax = _canvas(height=1.1 + np.clip(0.62 * k, 1.9, 5.7))
    sns.heatmap(
        shares,
        annot=np.array(texts),
        fmt="",
        vmin=0,
        vmax=1,
        cmap=SHARES,
        linewidths=0.5,
        linecolor="white",
        annot_kws={"fontsize": _SMALL if k <= 9 else 7.5},
        cbar_kws={"label": "share of the true class", "pad": 0.02, "format": PercentFormatter(1)},
        ax=ax,
    )
    ax.set_yticklabels([f"{label} ({n:,})" for label, n in support.items()], rotation=0)
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticklabels(counts.columns, **({"rotation": 0} if k <= 9 else slanted))
    ax.set(xlabel="prediction", ylabel="truth (images)")
    ax.tick_params(length=0)
    _title(ax, title)
    return figure


def roc_grid(
    y_true,
    y_prob,
    labels: Sequence,
    title: str | None = None,
    beside: str | None = None,
) -> Figure:
    """ROC curve of each class against the rest, with its AUC and its cut-off.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names.
    y_prob : array_like of shape (n, k)
        Probabilities.
    labels : sequence of length k
        Class names in column order.
    title : str, optional
        Above the grid.
    beside : str, optional
        Another rule of `metrics.cutoff`, such as "youden": its point is marked with an open diamond.

    Returns
    -------
    Figure
        One panel a class; a class for which no curve exists says so in its panel. The point closest to the corner is
        marked, with its threshold, sensitivity and specificity; it is chosen on the images that are drawn.

    Raises
    ------
    InputError
        As from `metrics.report`.
    """
    report = metrics.report(y_true, y_prob, labels)
    truth, prob, _ = checks.judged(y_true, y_prob, labels)
    columns = min(len(labels), 4 if len(labels) > 6 else 3)
    rows = -(-len(labels) // columns)
    height = rows * (min(6.4 / columns, 2.5) + 0.35) + (0.6 if title else 0.35)
    figure, axes = _canvas(height, rows=rows, columns=columns, sharex=True, sharey=True)
    panels = np.atleast_1d(axes).ravel()
    for code, (ax, label) in enumerate(zip(panels, labels, strict=False)):
        _roc_panel(ax, truth == code, prob[:, code], label, report.per_class["auc"].iloc[code], beside)
    for ax in panels[len(labels) :]:
        ax.set_axis_off()
    # A column that ends early keeps its own scale.
    for ax in panels[max(0, len(labels) - columns) : len(labels)]:
        ax.xaxis.set_tick_params(labelbottom=True)
    figure.supxlabel("1 − specificity", fontsize=10)
    figure.supylabel("sensitivity", fontsize=10)
    _suptitle(figure, title)
    return figure


def reliability(y_true, y_prob, labels: Sequence | None = None, bins: int = 15, title: str | None = None) -> Figure:
    """Accuracy against confidence of the predicted class, and how many images stand behind each point.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Codes 0..k-1, or class names when `labels` is given.
    y_prob : array_like of shape (n, k)
        Probabilities.
    labels : sequence of length k, optional
        Class names in column order.
    bins : int
        Equal-width bins of confidence.
    title : str, optional
        Above the figure.

    Returns
    -------
    Figure
        A point below the diagonal is overconfident; its whisker is the Wilson interval (95%) of its images,
        as if each were another lesion. The expected calibration error is written in.

    Raises
    ------
    InputError
        As from `metrics.reliability`.
    """
    table = metrics.reliability(y_true, y_prob, bins, labels)
    error = metrics.expected_calibration_error(y_true, y_prob, bins, labels)
    figure, (top, bottom) = _canvas(height=5.2, rows=2, sharex=True, height_ratios=[3, 1])
    color = sns.color_palette(PALETTE)[0]
    filled = table[table["images"] > 0]
    top.plot([0, 1], [0, 1], color=_MUTED, linestyle="--", linewidth=1, label="calibrated")
    correct = (filled["accuracy"] * filled["images"]).round().astype(int)
    ends = [metrics.wilson(k, n) for k, n in zip(correct, filled["images"], strict=True)]
    top.vlines(filled["confidence"], *zip(*ends, strict=True), color=color, linewidth=1.5)
    top.plot(filled["confidence"], filled["accuracy"], "o", color=color, label="model, 95% interval by image")
    top.set(ylabel="accuracy", xlim=(0, 1), ylim=(-0.02, 1.02))
    top.legend(loc="lower right", title=f"expected calibration error {error:.3f}", title_fontsize=9)
    bottom.bar(table["low"], table["images"], width=1 / bins, align="edge", color=color, edgecolor="white")
    bottom.set(xlabel="confidence (probability of the predicted class)", ylabel="images")
    bottom.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    _title(top, title)
    return figure


def curves(history: pd.DataFrame, title: str | None = None) -> Figure:
    """Losses and validation metrics by epoch.

    Parameters
    ----------
    history : DataFrame
        Columns epoch, train_loss, valid_loss, accuracy, balanced_accuracy; one row an epoch.
    title : str, optional
        Above both panels.

    Returns
    -------
    Figure
        Left the losses, right the metrics on validation images; the last values stand in the legends.

    Raises
    ------
    InputError
        A column is missing, or there is no row.
    """
    losses, scores = ["train_loss", "valid_loss"], ["accuracy", "balanced_accuracy"]
    _need(history, "history", ["epoch", *losses, *scores])
    figure, (left, right) = _canvas(height=3.1, columns=2)
    _lines(left, history, losses)
    _lines(right, history, scores)
    left.set(ylabel="loss")
    right.set(ylabel="score on validation images", ylim=(0, 1))
    for ax in (left, right):
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    _suptitle(figure, title)
    return figure


def bars_with_intervals(
    frame: pd.DataFrame,
    row: str = "label",
    hue: str | None = None,
    reference: str | None = None,
    xlabel: str = "value",
    title: str | None = None,
) -> Figure:
    """Dot and whisker: values with intervals by row, beside a paper's value.

    Parameters
    ----------
    frame : DataFrame
        Columns `row`, value, and low and high where there are intervals; rows are drawn from the top in the
        order of their first appearance. NaN: no dot, no whisker.
    row, hue : str
        Columns with the row's label and, optionally, with the color's ("images", "with clinical data").
    reference : str, optional
        Column with the value to compare with, in the unit of `value`; NaN: no mark. Its name, underscores
        as spaces, stands in the legend: call it "lucius2020", say.
    xlabel : str
        Metric and unit.
    title : str, optional
        Above the figure.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        A column is missing, or there is no row.
    """
    _need(frame, "frame", [row, "value", *filter(None, [hue, reference])])
    labels = list(dict.fromkeys(frame[row]))
    hues = list(dict.fromkeys(frame[hue])) if hue else [None]
    colors = sns.color_palette(PALETTE, len(hues))
    offsets = (np.arange(len(hues)) - (len(hues) - 1) / 2) * min(0.25, 0.7 / len(hues))

    figure, ax = _canvas(height=1.1 + 0.16 * len(labels) * (1 + len(hues)) + 0.1 * len(labels))
    for i, name in enumerate(hues):
        part = frame if hue is None else frame[frame[hue] == name]
        y = np.array([labels.index(label) for label in part[row]]) + offsets[i]
        _dots(ax, part, y, colors[i], _MARKERS[i % len(_MARKERS)])
        if reference:
            ax.plot(part[reference], y, linestyle="none", marker="|", color=_INK, ms=11, mew=2)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel)
    _key(figure, [] if hue is None else hues, colors, reference)
    _title(ax, title)
    return figure


def image_grid(images, titles: Sequence[str] | None = None, columns: int = 4, title: str | None = None) -> Figure:
    """Images side by side.

    Parameters
    ----------
    images : array_like of shape (n, h, w, 3)
        uint8, or floats in [0, 1].
    titles : sequence of length n, optional
        Above each image; may hold line breaks.
    columns : int
        Images a line.
    title : str, optional
        Above the grid.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        No images, another shape, or not one title an image.
    """
    images, names = _named_images(images, titles)
    columns = min(checks.positive(columns, "columns"), len(images))
    rows = -(-len(images) // columns)
    lines = max(name.count("\n") + 1 if name else 0 for name in names)
    # One line of small print is about 0.17 inches high.
    tile = WIDTH / max(columns, 3)
    height = rows * (tile * images.shape[1] / images.shape[2] + 0.17 * lines + 0.08) + (0.35 if title else 0)
    figure, axes = _canvas(height=height, width=tile * columns, rows=rows, columns=columns)
    panels = np.atleast_1d(axes).ravel()
    for ax in panels:
        ax.set_axis_off()
    for ax, image, name in zip(panels, images, names, strict=False):
        ax.imshow(image)
        ax.set_title(name, fontsize=_SMALL + 0.5, pad=3)
    _suptitle(figure, title)
    return figure


def heat_maps(images, maps, titles: Sequence[str] | None = None, title: str | None = None) -> Figure:
    """Each image as it is, fused with its heat map, and the heat map: the columns of mendes2018's Figs. 4 and 5.

    Parameters
    ----------
    images : array_like of shape (n, h, w, 3)
        uint8, or floats in [0, 1].
    maps : array_like of shape (n, h, w)
        Heat in [0, 1], as `probes.gradcam` gives it.
    titles : sequence of length n, optional
        Beside each image; may hold line breaks.
    title : str, optional
        Above the figure.

    Returns
    -------
    Figure
        One row an image. Dark blue is the least heat and yellow the most of that image (viridis, whose lightness
        rises evenly); the fused image is half picture, half heat.

    Raises
    ------
    InputError
        No images, another shape, heat outside [0, 1], or not one map and one title an image.
    """
    images, names = _named_images(images, titles)
    heat = np.asarray(maps, dtype=float)
    if heat.shape != images.shape[:3]:
        raise InputError(f"maps: found shape {heat.shape}, expected {images.shape[:3]}, one for each image")
    if not ((heat >= 0) & (heat <= 1)).all():
        raise InputError(f"maps: found heat from {heat.min():g} to {heat.max():g}, expected 0 to 1")
    shown = images / 255 if images.dtype == np.uint8 else images
    colors = plt.get_cmap(HEAT)(heat)[..., :3]
    n, height, width = heat.shape
    tile = 1.95  # inches
    figure, axes = _canvas(
        height=n * (tile * height / width + 0.06) + 0.75 + (0.35 if title else 0), rows=n, columns=3, squeeze=False
    )
    for ax in axes.ravel():
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for row, picture, color, name in zip(axes, shown, colors, names, strict=True):
        for ax, drawn in zip(row, (picture, (picture + color) / 2, color), strict=True):
            ax.imshow(drawn)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    for ax, name in zip(axes[0], ("original", "fused", "heat map"), strict=True):
        ax.set_title(name, fontsize=10, pad=4)
    scale = figure.colorbar(
        ScalarMappable(Normalize(0, 1), HEAT), ax=axes, location="bottom", shrink=0.6, aspect=40, pad=0.02
    )
    scale.set_label("heat (0: least, 1: most of each image)", fontsize=9)
    scale.outline.set_visible(False)
    _suptitle(figure, title)
    return figure


def class_counts(frame: pd.DataFrame) -> Figure:
    """How many images, and lesions where they are known, each class has.

    Parameters
    ----------
    frame : DataFrame
        One row an image, such as ``ds.frame``: label, and lesion_id where known.

    Returns
    -------
    Figure
        Bars with their counts, the largest class on top.

    Raises
    ------
    InputError
        The column is missing, or there is no row.
    """
    _need(frame, "frame", ["label"])
    counts = pd.DataFrame({"images": frame["label"].value_counts()})
    if "lesion_id" in frame and frame["lesion_id"].notna().any():
        counts["lesions"] = frame.groupby("label", observed=True)["lesion_id"].nunique()
    counts = counts.sort_values("images", ascending=False, kind="stable")
    figure, ax = _canvas(height=1.0 + 0.24 * len(counts) * (len(counts.columns) + 0.4))
    thick = 0.8 / len(counts.columns)
    for i, (name, values) in enumerate(counts.items()):
        y = np.arange(len(counts)) + (i - (len(counts.columns) - 1) / 2) * thick
        bars = ax.barh(y, values, height=0.92 * thick, color=sns.color_palette(PALETTE)[i], label=name)
        ax.bar_label(bars, [f"{n:,.0f}" for n in values], padding=3, fontsize=_SMALL)
    ax.set_yticks(range(len(counts)), counts.index)
    ax.set_ylim(len(counts) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.08)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("number of images" if len(counts.columns) == 1 else "number of images and lesions")
    if len(counts.columns) > 1:
        ax.legend(loc="lower right")
    return figure


def _named_images(images, titles: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or not len(images):
        raise InputError(f"images: found shape {images.shape}, expected (n, height, width, 3) with n >= 1")
    names = [""] * len(images) if titles is None else list(titles)
    if len(names) != len(images):
        raise InputError(f"titles: found {len(names)}, expected {len(images)}, one for each image")
    return images, names


def _canvas(height: float, width: float = WIDTH, rows: int = 1, columns: int = 1, **options):
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), layout="constrained", **options)
    plt.close(figure)
    return figure, axes


def _title(ax: Axes, title: str | None) -> None:
    if title:
        ax.set_title(title, loc="left", fontsize=11.5)


def _suptitle(figure: Figure, title: str | None) -> None:
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11.5)


def _need(frame: pd.DataFrame, name: str, columns: list[str]) -> None:
    missing = [column for column in columns if column not in frame]
    if missing:
        raise InputError(
            f"{name}: no column {', '.join(missing)}; found {', '.join(map(str, frame.columns)) or 'none'}"
        )
    if frame.empty:
        raise InputError(f"{name}: found no rows, expected at least one")


def _cell(count: int, share: float) -> str:
    if not count:
        return "0"
    percent = 100 * share
    return f"{count:,}\n" + (f"{percent:.0f}%" if percent >= 0.5 else "<1%")


def _roc_panel(ax: Axes, positive: np.ndarray, score: np.ndarray, label, auc: float, beside: str | None) -> None:
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    ax.set_xticklabels(["0", "0.5", "1"])
    ax.set_yticklabels(["0", "0.5", "1"])
    if np.isnan(auc):
        ax.set_title(str(label), fontsize=10)
        ax.text(0.5, 0.5, "no image of\nthis class" if not positive.any() else "no image of\nanother class",
                ha="center", va="center", fontsize=_SMALL)  # fmt: skip
        return
    curve_color, mark_color = sns.color_palette(PALETTE)[0], sns.color_palette(PALETTE)[3]
    curve = metrics.roc(positive, score)
    ax.plot([0, 1], [0, 1], color=_MUTED, linestyle=":", linewidth=1)
    ax.plot(1 - curve["specificity"], curve["sensitivity"], color=curve_color, linewidth=1.8)
    between = "   " if len(str(label)) < 10 else "\n"
    ax.set_title(f"{label}{between}AUC {auc:.3f}", fontsize=10)
    if beside:
        other = metrics.cutoff(positive, score, beside)
        ax.plot(
            1 - other.specificity, other.sensitivity, "D", color=_INK, fillstyle="none", ms=8, zorder=4, clip_on=False
        )
    best = metrics.cutoff(positive, score)
    ax.plot(1 - best.specificity, best.sensitivity, "o", color=mark_color, markersize=6, zorder=3)
    ax.text(
        0.98,
        0.03,
        f"score ≥ {best.threshold:.2g}\nsens. {best.sensitivity:.2f}\nspec. {best.specificity:.2f}",
        ha="right",
        va="bottom",
        fontsize=_SMALL,
        linespacing=1.15,
        transform=ax.transAxes,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
    )


def _lines(ax: Axes, history: pd.DataFrame, columns: list[str]) -> None:
    for i, column in enumerate(columns):
        ax.plot(
            history["epoch"],
            history[column],
            color=sns.color_palette(PALETTE)[i],
            linestyle=("-", "--")[i],
            marker=_MARKERS[i],
            markersize=4,
            label=f"{column.replace('_', ' ')} ({history[column].iloc[-1]:.3f})",
        )
    ax.legend(loc="best", title="last epoch in parentheses", title_fontsize=_SMALL)


def _dots(ax: Axes, part: pd.DataFrame, y: np.ndarray, color, marker: str) -> None:
    value = part["value"].to_numpy(dtype=float)
    if {"low", "high"} <= set(part.columns):
        ax.hlines(y, part["low"].to_numpy(float), part["high"].to_numpy(float), color=color, linewidth=2)
    ax.plot(value, y, linestyle="none", marker=marker, color=color, markersize=6)


def _key(figure: Figure, hues: list, colors: list, reference: str | None) -> None:
    handles = [
        Line2D([], [], color=color, marker=_MARKERS[i % len(_MARKERS)], linewidth=2, label=str(name))
        for i, (name, color) in enumerate(zip(hues, colors, strict=False))
    ]
    if reference:
        mark = {"linestyle": "none", "marker": "|", "markersize": 11, "markeredgewidth": 2}
        handles.append(Line2D([], [], color=_INK, label=reference.replace("_", " "), **mark))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
