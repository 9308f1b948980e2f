"""Figures inside an application: pictures with alternative text, drawn anew whenever something moves."""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

from matplotlib.figure import Figure


def still(figure: Figure, alt: str, dpi: int = 110) -> str:
    """HTML of a figure as it is now."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=dpi)
    source = base64.b64encode(stream.getvalue()).decode()
    # White, since its letters are dark, and on a page of any width.
    style = "max-width:100%;height:auto;background:#fff"
    return f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}" style="{style}">'
