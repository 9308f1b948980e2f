"""What a growth plan accepts; everything else is one line that names the setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lesionlib.errors import InputError
from lesionlib.numeric import check_whole, is_number, is_whole

if TYPE_CHECKING:
    from lesionlib.generative.plan import GrowthPlan

FIRST = 4
"""Side of the first block's images, in pixels."""

# Number fields with the least and the greatest value that each may take.
_RANGES = {
    "learning_rate": (1e-12, 10),
    "rate_decay": (1e-6, 1),
    "penalty": (0, 1e6),
    "penalty_share": (1e-6, 1),
    "information": (0, 1e6),
    "guidance": (0, 1e6),
    "drift": (0, 1e6),
    "explosion": (1e-6, 1e12),
    "collapse_below": (0, 1),
}
_COUNTS = {
    "layers": 1,
    "decay_images": 1,
    "critic_steps": 1,
    "ema_images": 0,
    "check_images": 1,
    "collapse_patience": 1,
}
_SWITCHES = ("equalized", "pixel_norm", "minibatch_stddev", "flips", "balanced")


def checked(plan: GrowthPlan) -> dict[str, tuple]:
    """Refuse a plan with a fault; give its lists as tuples, one value for each resolution.

    So a plan of one number and a plan of as many equal ones compare equal.
    """
    resolutions = _as_tuple("resolutions", plan.resolutions)
    _check_growth(resolutions)
    found = {"resolutions": resolutions}
    for name, least in (("widths", 1), ("batches", 1), ("images_fade", 0), ("images_steady", 1)):
        value = getattr(plan, name)
        alike = name.startswith("images") and is_whole(value)
        found[name] = (value,) * len(resolutions) if alike else _as_tuple(name, value)
        _check_counts(name, found[name], len(resolutions), least)
    found["betas"] = _as_tuple("betas", plan.betas)
    if len(found["betas"]) != 2 or not all(is_number(beta, 0, 1) and beta < 1 for beta in found["betas"]):
        raise InputError(f"betas: found {plan.betas!r}, expected two numbers from 0 to below 1, such as (0.0, 0.99)")
    _check_settings(plan)
    return found


def _check_growth(resolutions: tuple) -> None:
    expected = tuple(FIRST * 2**block for block in range(len(resolutions)))
    if not resolutions or resolutions != expected:
        raise InputError(
            f"resolutions: found {resolutions!r}, expected {FIRST}, {2 * FIRST}, {4 * FIRST} ..., each twice the last"
        )


def _check_counts(name: str, values: tuple, n: int, least: int) -> None:
    if len(values) != n:
        raise InputError(f"{name}: found {len(values)} values, expected {n}, one for each resolution")
    wrong = next((value for value in values if not is_whole(value, least)), None)
    if wrong is not None:
        raise InputError(f"{name}: found {wrong!r}, expected whole numbers of {least} or more")


def _check_settings(plan: GrowthPlan) -> None:
    for name, (least, most) in _RANGES.items():
        if not is_number(getattr(plan, name), least, most):
            raise InputError(f"{name}: found {getattr(plan, name)!r}, expected a number from {least:g} to {most:g}")
    for name, least in _COUNTS.items():
        check_whole(name, getattr(plan, name), least)
    for name in _SWITCHES:
        if not isinstance(getattr(plan, name), bool):
            raise InputError(f"{name}: found {getattr(plan, name)!r}, expected True or False")


def _as_tuple(name: str, value) -> tuple:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InputError(f"{name}: found {value!r}, expected a list of numbers")
    return tuple(value)
