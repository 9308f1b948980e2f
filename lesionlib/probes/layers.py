"""Layers of a network by name, and what shapes they give."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from lesionlib.errors import InputError
from lesionlib.probes.inputs import Inputs

# As many layer names as a message lists.
_SOME = 8


@contextmanager
def listening(modules: Sequence[nn.Module], hear: Callable) -> Iterator[None]:
    """Call ``hear(module, inputs, output)`` after each forward pass of the modules, within the context only.

    What `hear` returns, if anything, takes the output's place.
    """
    handles = [module.register_forward_hook(hear) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def find(net: nn.Module, names: Sequence[str], inputs: Inputs) -> list[nn.Module]:
    """Find layers that give a map for each image; ``layer4`` is the same as ``body.layer4``.

    Raises
    ------
    InputError
        There is no such layer (some that there are are named), it gives no map, or it runs several times in one
        pass, as a ReLU that several places share does.
    """
    runs = _runs(net, lambda: net(*inputs.blank()))
    return [net.get_submodule(_named(name, runs, net)) for name in names]


def last_stage(net: nn.Module, inputs: Inputs) -> nn.Module:
    """Find the last layer before the map is pooled, after normalization and activation.

    For timm's networks it is what ``forward_features`` ends with: ``layer4`` of a ResNet, ``bn2`` of an
    EfficientNet or MobileNet-V2, ``features`` of a DenseNet or VGG (there after the last pooling of the stages).
    For other networks it is the last layer with a map of more than one place.

    Raises
    ------
    InputError
        The network gives no such map, as a transformer.
    """
    body = getattr(net, "body", net)
    ends = (_ends_of_features if hasattr(body, "forward_features") else _wide)(body, net, inputs)
    if not ends:
        raise InputError("layer: this network has no layer that gives maps; Grad-CAM needs a convolutional network")
    return body.get_submodule(ends[-1])


def _wide(body: nn.Module, net: nn.Module, inputs: Inputs) -> list[str]:
    maps = _maps(_runs(body, lambda: net(*inputs.blank())))
    return [name for name, shape in maps.items() if shape[2] * shape[3] > 1] or list(maps)


def _ends_of_features(body: nn.Module, _: nn.Module, inputs: Inputs) -> list[str]:
    images, *_ = inputs.blank()
    given: list[torch.Tensor] = []
    maps = _maps(_runs(body, lambda: given.append(body.forward_features(images))))
    if given[0].ndim != 4 or getattr(body, "output_fmt", None) not in (None, "NCHW"):
        raise InputError(
            f"layer: this network's features have the shape {tuple(given[0].shape)}, expected n x channels x height "
            "x width; Grad-CAM needs a convolutional network"
        )
    return [name for name, shape in maps.items() if shape == tuple(given[0].shape)]


def _runs(net: nn.Module, run: Callable) -> dict[str, list[tuple[int, ...]]]:
    """Shapes of each layer's outputs in one pass, by name, in the order in which the layers end; () for no tensor."""
    names = {module: name for name, module in net.named_modules() if name}
    found: dict[str, list[tuple[int, ...]]] = {}

    def note(module, _, output):
        # Removed and set again, so that a layer stands where it ran last.
        shapes = found.pop(names[module], [])
        found[names[module]] = [*shapes, tuple(output.shape) if isinstance(output, torch.Tensor) else ()]

    with listening(list(names), note), torch.no_grad():
        run()
    return found


def _maps(runs: dict[str, list[tuple[int, ...]]]) -> dict[str, tuple[int, ...]]:
    return {name: shapes[0] for name, shapes in runs.items() if len(shapes) == 1 and len(shapes[0]) == 4}


def _named(name: str, runs: dict[str, list[tuple[int, ...]]], net: nn.Module) -> str:
    if not isinstance(name, str):
        raise InputError(f"layer: expected a layer's name; got {type(name).__name__}")
    maps = _maps(runs)
    full = name if name in runs else f"body.{name}"
    if full in maps:
        return full
    raise InputError(f"layer: {_why_not(name, full, runs.get(full, []), net)}; {_some(name, maps, net)}")


def _why_not(name: str, full: str, shapes: list[tuple[int, ...]], net: nn.Module) -> str:
    if len(shapes) > 1:
        return f"{name!r} runs {len(shapes)} times in one pass, expected a layer that runs once"
    if shapes:
        return f"{name!r} gives the shape {shapes[0]}, expected a map, n x channels x height x width"
    if {name, full} & {each for each, _ in net.named_modules() if each}:
        return f"{name!r} does not run"
    return f"this network has no layer {name!r}"


def _some(name: str, maps: dict[str, tuple[int, ...]], net: nn.Module) -> str:
    """Names of layers to choose from: those spelled alike, then the network's stages."""
    names = [each.removeprefix("body.") for each in maps]
    told = [stage["module"] for stage in getattr(getattr(net, "body", net), "feature_info", [])]
    outermost = min((each.count(".") for each in names), default=0)
    stages = [each for each in told if each in names] or [each for each in names if each.count(".") == outermost]
    chosen = list(dict.fromkeys([*difflib.get_close_matches(name, names, n=3), *stages[-_SOME:]]))
    return f"it has, among others, {', '.join(chosen[:_SOME])}" if chosen else "it has none that gives maps"
