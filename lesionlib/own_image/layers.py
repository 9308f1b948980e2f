"""Which layer a single picture's heat map is taken from."""

from __future__ import annotations

from torch import nn

# Fewer places a side, and a heat map tells no more than which quarter of the picture.
_PLACES = 4


def heat_layer(net: nn.Module, size: tuple[int, int]) -> str | None:
    """Name the last stage whose map has 4 x 4 places or more; None, for the last of all, if the body tells no stages.

    A small picture shrinks to one or two places a side before the last stage ends.
    """
    stages = getattr(getattr(net, "body", net), "feature_info", None) or []
    fine = [stage["module"] for stage in stages if min(size) // stage["reduction"] >= _PLACES]
    if not stages or not fine or fine[-1] == stages[-1]["module"]:
        return None
    return fine[-1]
