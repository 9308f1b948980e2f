"""A still picture of a reader study's screen."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from lesionlib.errors import InputError
from lesionlib.numeric import is_whole
from lesionlib.widgets import draws, markup
from lesionlib.widgets.trial_screen import title_of

if TYPE_CHECKING:
    from lesionlib.widgets.study import Study

_INK, _SOFT, _MODEL = "0.1", "0.4", "#d55e00"


def preview(study: Study, round: int) -> Figure:
    """Draw the screen of a round's first image; see `ReaderStudy.preview`."""
    plan = study.plan
    if not is_whole(round, 1, plan.rounds):
        raise InputError(f"preview: round is {round!r}; expected a whole number from 1 to {plan.rounds}")
    case = study.cases[study.cases["set"] == draws.set_of(plan, "", round)].iloc[0]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7, 4.1), layout="constrained", gridspec_kw={"width_ratios": [1.15, 1]}
    )
    plt.close(figure)
    _picture(left, study, int(case["row"]))
    _choices(right, study, case["image_id"], int(case["row"]), plan.ai[round - 1])
    where = f"Round {round} of {plan.rounds}: " if plan.rounds > 1 else ""
    limit = "" if plan.seconds is None else f"{plan.seconds:g} s left"
    figure.suptitle(f"{where}image 1 of {plan.images}", x=0.01, ha="left", fontsize=11.5)
    figure.text(0.99, 0.985, limit, ha="right", va="top", fontsize=10.5)
    return figure


def _picture(ax: Axes, study: Study, row: int) -> None:
    ax.set_axis_off()
    ax.set_anchor("N")
    if study.images.card.may_publish_images:
        ax.imshow(study.images.image(row))
        return
    ax.imshow(np.full((3, 4, 3), 0.85))
    ax.text(1.5, 1, "not shown here:\nits license forbids\npublishing it", ha="center", va="center", color=_SOFT)


def _choices(ax: Axes, study: Study, image_id: str, row: int, ai_shown: bool) -> None:
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    top = 1.0
    if study.plan.clinical:
        facts = markup.clinical_facts(study.images.frame.iloc[row])
        ax.text(0, top, "\n".join(f"{name}: {value}" for name, value in facts.items()), va="top", color=_INK)
        top -= 0.2
    labels = study.images.classes
    said = study.probabilities(image_id) if ai_shown else None
    step = (top - 0.1) / len(labels)
    wide = 0.66 if ai_shown else 1.0
    for k, label in enumerate(labels):
        y = top - (k + 1) * step
        box = FancyBboxPatch((0, y + 0.1 * step), wide, 0.8 * step, "round,pad=0,rounding_size=0.02", fc="1", ec="0.6")
        ax.add_patch(box)
        name = fill(f"{k + 1}  {title_of(study, label)}", 28 if ai_shown else 42)
        ax.text(0.02, y + 0.5 * step, name, va="center", fontsize=8.5, color=_INK, linespacing=1.1)
        if said is not None:
            ax.add_patch(Rectangle((0.7, y + 0.35 * step), 0.16, 0.3 * step, fc="0.88", ec="none"))
            ax.add_patch(Rectangle((0.7, y + 0.35 * step), 0.16 * said[k], 0.3 * step, fc=_MODEL, ec="none"))
            weight = "bold" if said[k] == max(said) else "normal"
            ax.text(0.88, y + 0.5 * step, f"{100 * said[k]:.0f} %", va="center", fontsize=8.5, weight=weight)
    note = "bars: the model's probabilities" if ai_shown else "click, or type a digit; Enter saves"
    ax.text(0, 0.02, note, fontsize=8.5, color=_SOFT)
