"""One answer as a figure."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lesionlib.plots import HEAT, PALETTE, WIDTH

if TYPE_CHECKING:
    from lesionlib.own_image.answers import Answer

_OUTSIDE = "0.75"
_SMALL = 8.5


def drawn(answer: Answer, notice: str) -> Figure:
    """Draw the picture, the heat map over it, and the probabilities, with the notice below; see `Answer.figure`."""
    rows = len(answer.table)
    figure, (left, middle, right) = plt.subplots(
        1,
        3,
        figsize=(WIDTH, max(2.5, 0.24 * rows + 0.9) + 0.6),
        layout="constrained",
        gridspec_kw={"width_ratios": [1, 1, 1.15]},
    )
    plt.close(figure)
    _picture(left, answer, "what the model saw")
    _picture(middle, answer, f"heat for {fill(answer.table['title'].iloc[0], 22)}")
    # As large as the picture below it; half of each is seen.
    height, width = answer.picture.shape[:2]
    middle.imshow(
        answer.heat, cmap=HEAT, alpha=0.5, vmin=0, vmax=1, interpolation="bilinear",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )  # fmt: skip
    _bars(right, answer)
    figure.supxlabel(fill(notice, 105), fontsize=_SMALL, x=0.01, ha="left")
    return figure


def percent(share: float) -> str:
    """Write a probability in whole percent: one that is neither 0 nor 1 never looks like it."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def _picture(ax: Axes, answer: Answer, title: str) -> None:
    ax.imshow(answer.picture)
    ax.set_axis_off()
    ax.set_title(title, fontsize=9, loc="left")
    ax.set_anchor("N")


def _bars(ax: Axes, answer: Answer) -> None:
    table = answer.table
    inside = sns.color_palette(PALETTE)[0]
    colors = [inside if within else _OUTSIDE for within in table["in_set"]]
    bars = ax.barh(range(len(table)), table["probability"], color=colors, height=0.7)
    labels = [
        f"{percent(share)}{', in set' if within else ''}"
        for share, within in zip(table["probability"], table["in_set"], strict=True)
    ]
    ax.bar_label(bars, labels, padding=3, fontsize=_SMALL)
    ax.set_yticks(range(len(table)), [fill(title, 20) for title in table["title"]], fontsize=_SMALL)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.margins(x=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel("probability", fontsize=9)
    ax.set_title(f"set at {1 - answer.alpha:.0%}", fontsize=9, loc="left")
