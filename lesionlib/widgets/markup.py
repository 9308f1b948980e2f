"""Pieces of the applications' screens, as HTML: what stands in them is escaped, and colors follow the theme."""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from lesionlib import plots

# No screen shows more; a larger image would only take longer to come.
_LARGEST = 1200


def text(title: str, *paragraphs: str, points: tuple[str, ...] = ()) -> str:
    """Title, paragraphs and a list; all of them plain text."""
    items = "".join(f"<li>{escape(point)}</li>" for point in points)
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return f"<h3>{escape(title)}</h3>{body}{f'<ul>{items}</ul>' if items else ''}"


def alert(message: str) -> str:
    """A message that screen readers speak at once; nothing, if it is empty."""
    return f'<div class="ll-alert" role="alert">{escape(message)}</div>' if message else ""


def status(message: str) -> str:
    """A line that screen readers speak when it changes."""
    return f'<div class="ll-small" role="status" aria-live="polite">{escape(message)}</div>'


def code(reader: str) -> str:
    """A reader's code, large."""
    return f'<div class="ll-code">{escape(reader)}</div>'


def head(title: str, done: int, of: int) -> str:
    """Where the reader stands: words and a bar."""
    share = 100 * done / of
    return (
        f'<div class="ll-head"><span>{escape(title)}</span></div>'
        f'<div class="ll-done" aria-hidden="true"><div style="width:{share:.1f}%"></div></div>'
    )


def clock(seconds: float) -> str:
    """Seconds left; not spoken at every tick."""
    return f'<div class="ll-clock" role="timer" aria-live="off">{int(np.ceil(seconds))} s left</div>'


def figure(image: Image.Image, alt: str, caption: str = "") -> str:
    """An image with its alternative text; the file's own name and metadata do not come along."""
    shown = image.copy()
    shown.thumbnail((_LARGEST, _LARGEST))
    stream = BytesIO()
    shown.save(stream, "PNG")
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{_embedded(stream, alt)}{below}</figure>"


def drawing(drawn: Figure, alt: str) -> str:
    """A matplotlib figure as it is now, with its alternative text."""
    stream = BytesIO()
    drawn.savefig(stream, format="png", dpi=110)
    # White, since its letters are dark, and on a page of any width.
    return _embedded(stream, alt, ' style="max-width:100%;height:auto;background:#fff"')


def _embedded(png: BytesIO, alt: str, more: str = "") -> str:
    source = base64.b64encode(png.getvalue()).decode()
    return f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}"{more}>'


def clinical(case: pd.Series) -> str:
    """Age, sex and site of an image."""
    facts = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in clinical_facts(case).items())
    return f"<dl>{facts}</dl>"


def clinical_facts(case: pd.Series) -> dict[str, str]:
    """Age, sex and site in words; what is missing says so."""
    age = "not known" if pd.isna(case["age"]) else f"{case['age']:g} years"
    return {"age": age, **{name: "not known" if pd.isna(case[name]) else case[name] for name in ("sex", "site")}}


def bar(share: float, best: bool) -> str:
    """A probability as bar and number; the highest one in bold."""
    percent = f"{100 * share:.0f} %"
    return (
        f'<div class="ll-bar{" ll-best" if best else ""}" role="img" aria-label="model: {percent}">'
        f'<span><i style="width:{100 * share:.1f}%"></i></span><b>{percent}</b></div>'
    )


def fused(image: Image.Image, heat: np.ndarray) -> Image.Image:
    """Lay a heat map, values in [0, 1], half over the image: dark blue the least, yellow the most."""
    scaled = Image.fromarray((255 * heat).astype(np.uint8)).resize(image.size, Image.Resampling.BILINEAR)
    colors = mpl.colormaps[plots.HEAT](np.asarray(scaled))[..., :3]
    return Image.fromarray(((np.asarray(image) / 255 + colors) * 127.5).astype(np.uint8))
