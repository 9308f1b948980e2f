"""Settings of the plans with names: the paper's, and those that were tried here; and where each setting comes from."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lesionlib.errors import InputError
from lesionlib.generative.plan_checks import FIRST
from lesionlib.numeric import is_whole

if TYPE_CHECKING:
    from lesionlib.generative.plan import GrowthPlan

PRINTED, KARRAS, GULRAJANI, OURS = "section 2.4", "Karras et al. 2018", "Gulrajani et al. 2017", "ours"

_WIDTHS = (512, 512, 512, 512, 256, 128, 64, 32)
_HAM10000 = 10_015

# Values by which a setting is known for one of a paper; any other value is ours.
_KNOWN = {
    "resolutions": {(4, 8, 16, 32, 64, 128, 256, 512): PRINTED},
    "batches": {(128, 128, 64, 32, 16, 8, 4, 2): "section 2.4 (first and last), ours between"},
    "learning_rate": {0.0075: PRINTED},
    "betas": {(0.0, 0.99): KARRAS},
    "rate_decay": {0.99: "section 2.4, taken for the rate's"},
    "widths": {_WIDTHS: KARRAS},
    "layers": {2: KARRAS},
    "images_fade": {(800_000,) * 8: KARRAS},
    "images_steady": {(800_000,) * 8: KARRAS},
    "penalty": {10.0: GULRAJANI},
    "penalty_share": {1.0: GULRAJANI},
    "critic_steps": {1: KARRAS},
    "drift": {1e-3: KARRAS},
    "equalized": {True: KARRAS},
    "pixel_norm": {True: KARRAS},
    "minibatch_stddev": {True: KARRAS},
    "information": {1.0: "Chen et al. 2016"},
}


def paper(decay: str) -> dict[str, Any]:
    """See `GrowthPlan.paper`."""
    if decay not in ("averages", "rate"):
        raise InputError(f"decay: found {decay!r}, expected 'averages' (of Adam) or 'rate' (the learning rate's)")
    return dict(
        resolutions=(4, 8, 16, 32, 64, 128, 256, 512),
        widths=_WIDTHS,
        layers=2,
        batches=(128, 128, 64, 32, 16, 8, 4, 2),
        images_fade=800_000,
        images_steady=800_000,
        learning_rate=0.0075,
        penalty_share=1.0,
        betas=(0.0, 0.99),
        rate_decay=0.99 if decay == "rate" else 1.0,
        decay_images=_HAM10000,
        ema_images=10_000,
        flips=False,
        check_images=50_000,
    )


def cpu() -> dict[str, Any]:
    """See `GrowthPlan.cpu`."""
    return dict(
        widths=(64, 64, 48, 24),
        layers=2,
        batches=(64, 64, 32, 16),
        images_fade=(0, 20_000, 40_000, 60_000),
        images_steady=(40_000, 40_000, 60_000, 200_000),
        learning_rate=0.002,
        penalty_share=1.0,
        ema_images=5_000,
        check_images=10_000,
    )


def gpu(resolution: int) -> dict[str, Any]:
    """See `GrowthPlan.gpu`."""
    blocks = int(resolution).bit_length() - 2 if is_whole(resolution, FIRST) else 0
    if not 2 <= blocks <= len(_WIDTHS) or FIRST * 2 ** (blocks - 1) != resolution:
        raise InputError(f"resolution: found {resolution!r}, expected 8, 16, 32, 64, 128, 256 or 512 pixels")
    return dict(
        resolutions=tuple(FIRST * 2**block for block in range(blocks)),
        widths=(256, 256, 256, 256, 128, 64, 32, 16)[:blocks],
        layers=2,
        batches=(128, 128, 128, 64, 64, 32, 16, 8)[:blocks],
        images_fade=300_000,
        images_steady=(300_000,) * (blocks - 1) + (900_000,),
        learning_rate=0.001,
        penalty_share=1.0,
        ema_images=10_000,
        check_images=20_000,
    )


def sources(plan: GrowthPlan) -> dict[str, str]:
    """Tell for each setting whether the paper prints its value, another paper does, or it is ours."""
    told = {field.name: _known(field.name, getattr(plan, field.name)) for field in fields(plan)}
    # Read so, the printed 0.99 is Adam's second average; its first stays Karras's.
    if plan.learning_rate == 0.0075 and plan.rate_decay == 1 and plan.betas[1] == 0.99:
        told["betas"] = f"{PRINTED}, taken for the second average's; the first: {KARRAS}"
    return told


def _known(name: str, value) -> str:
    return next((source for known, source in _KNOWN.get(name, {}).items() if known == value), OURS)
