"""What a check says of a printed figure."""

from __future__ import annotations

from dataclasses import dataclass

# Binary dust of decimal numbers, far below any printed digit.
DUST = 1e-9


@dataclass(frozen=True)
class Verdict:
    """One outcome of one check.

    Attributes
    ----------
    agrees : bool or None
        Whether the printed figure can be right as far as the check sees; None where it only informs.
    printed : str
        What the paper prints.
    recomputed : str
        What comes out.
    """

    agrees: bool | None
    printed: str
    recomputed: str


def half(decimals: int) -> float:
    """Return half a unit of the last printed digit: how far rounding may have moved a figure."""
    return 0.5 * 10.0**-decimals + DUST


def figure(value: float, decimals: int = 2) -> str:
    """Write a number with at most `decimals` digits behind the point, without trailing zeros."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def figures(values, decimals: int = 2) -> str:
    """Write several numbers, separated by commas."""
    return ", ".join(figure(value, decimals) for value in values)


def cut_off(exact: float, printed: float, decimals: int) -> str:
    """Say so where the printed figure is the exact one cut off instead of rounded; else say nothing."""
    if abs(exact - printed) <= half(decimals):
        return ""
    return "; cut off, not rounded" if -DUST <= exact - printed < 10.0**-decimals else ""


def p_value(p: float) -> str:
    """Write a p-value with three digits, or say that it is below 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
