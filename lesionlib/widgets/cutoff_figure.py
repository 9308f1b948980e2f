"""A ROC curve with one of its points, and the confusion matrix of that point."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lesionlib.metrics import wilson
from lesionlib.plots import PALETTE, SHARES, WIDTH


@dataclass(frozen=True)
class Share:
    """So many images of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share, in [0, 1]."""
        return self.part / self.whole

    @property
    def interval(self) -> str:
        """Wilson's 95 % interval in words."""
        low, high = wilson(self.part, self.whole)
        return f"{low:.2f} to {high:.2f}"

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.part:,} of {self.whole:,}; 95 % interval {self.interval})"


@dataclass(frozen=True)
class Point:
    """What the rule ``score >= threshold`` does to the images: true and false positives, false and true negatives."""

    threshold: float
    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def rule(self) -> str:
        """The rule in words."""
        return (
            "no image is called positive" if np.isinf(self.threshold) else f"positive if score ≥ {self.threshold:.3g}"
        )

    @property
    def sensitivity(self) -> Share:
        """Share of the positives that are found."""
        return Share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> Share:
        """Share of the negatives that are left alone."""
        return Share(self.tn, self.tn + self.fp)


def drawn(curve: pd.DataFrame, point: Point, positive: str) -> Figure:
    """Draw the curve (columns of `metrics.roc`) with the point on it, and the point's confusion matrix."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 3.5), layout="constrained", gridspec_kw={"width_ratios": [1.15, 1]}
    )
    plt.close(figure)
    _curve(left, curve, point)
    _matrix(right, point)
    figure.suptitle(f"{positive}: {point.rule}", x=0.01, ha="left", fontsize=11.5)
    return figure


def _curve(ax: Axes, curve: pd.DataFrame, point: Point) -> None:
    colors = sns.color_palette(PALETTE)
    x, y = 1 - point.specificity.value, point.sensitivity.value
    ax.plot([0, 1], [0, 1], color="0.55", linestyle=":", linewidth=1)
    ax.plot(1 - curve["specificity"], curve["sensitivity"], color=colors[0], linewidth=1.8)
    ax.plot([x, x, -0.03], [-0.03, y, y], color="0.55", linewidth=0.8)
    ax.plot(x, y, "o", color=colors[3], markersize=9, zorder=3, clip_on=False)
    ax.set(
        xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xlabel="1 − specificity", ylabel="sensitivity",
        xticks=[0, 0.5, 1], yticks=[0, 0.5, 1],
    )  # fmt: skip
    ax.spines[["top", "right"]].set_visible(False)
    shares = {"sensitivity": point.sensitivity, "specificity": point.specificity}
    lines = [f"{name} {share.value:.2f}\n({share.interval})" for name, share in shares.items()]
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5}
    ax.text(1, 0, "\n".join(lines), ha="right", va="bottom", fontsize=8.5, linespacing=1.2, bbox=box)


def _matrix(ax: Axes, point: Point) -> None:
    counts = np.array([[point.tp, point.fn], [point.fp, point.tn]])
    shares = counts / counts.sum(axis=1, keepdims=True)
    texts = np.array([f"{count:,}\n{share:.0%}" for count, share in zip(counts.flat, shares.flat, strict=True)])
    sns.heatmap(
        shares, annot=texts.reshape(2, 2), fmt="", vmin=0, vmax=1, cmap=SHARES, linewidths=0.5, linecolor="white",
        annot_kws={"fontsize": 11}, cbar=False, square=True, ax=ax,
    )  # fmt: skip
    ax.set_xticklabels(["positive", "negative"], rotation=0)
    ax.set_yticklabels(["positive", "negative"], rotation=90, va="center")
    ax.set(xlabel="called", ylabel="truth (images)")
    ax.tick_params(length=0)
