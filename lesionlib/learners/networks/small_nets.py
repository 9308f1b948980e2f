"""Small networks of the papers, and AlexNet, under names that timm's ``create_model`` takes."""

from __future__ import annotations

from itertools import pairwise

import torch
import torchvision
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.layers import to_2tuple
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from lesionlib.errors import InputError

# Images as they are, 0 to 1: gupta2021 turns them "to tensors", and no more is said.
_AS_THEY_ARE = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
_AS_IMAGENET = {"mean": IMAGENET_DEFAULT_MEAN, "std": IMAGENET_DEFAULT_STD}
_COMMON = {"input_size": (3, 224, 224), "num_classes": 2}
_TORCHVISION = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"

default_cfgs = generate_default_cfgs(
    {
        "gupta2021_cnn": {**_COMMON, **_AS_THEY_ARE, "fixed_input_size": True, "classifier": "fc3"},
        **{
            f"bhardwaj2021_cnn_{kind}": {**_COMMON, **_AS_IMAGENET, "classifier": "classifier"}
            for kind in ("g1", "g2", "g4", "shallow", "deep")
        },
        "alexnet": {
            **_COMMON,
            **_AS_IMAGENET,
            "num_classes": 1000,
            "url": _TORCHVISION,
            "first_conv": "features.0",
            "classifier": "classifier.6",
        },
    }
)


class GuptaCNN(nn.Module):
    """The baseline of gupta2021 (section 6), layer by layer as its code is printed.

    Two convolutions (5 x 5, padding 1, to 5 and 10 channels), ReLU and 2 x 2 maximum pooling after each, then
    fully connected layers with 120, 84 and `num_classes` outputs. At 224 x 224 the sides are 222, 111, 109 and 54, so
    that the first of them takes the printed 10 * 54 * 54 values; the network has 3,511,294 parameters. The text counts
    "1 pooling layer": the code makes one and uses it twice.

    With `lesion_learner` the head takes the place of the last layer; ``dropout=0`` leaves it as printed.

    Parameters
    ----------
    num_classes : int
        0 leaves the last layer out.
    in_chans : int
        Channels of the images.
    img_size : int or (int, int)
        Side, or height and width, in pixels, 10 or more. It decides on the inputs of the first fully connected layer:
        each side goes through ``(side - 2) // 2`` twice.

    Raises
    ------
    InputError
        Images too small, or of another size than the network was built for.
    """

    def __init__(self, num_classes: int = 2, in_chans: int = 3, img_size: int | tuple[int, int] = 224):
        super().__init__()
        self.img_size = to_2tuple(img_size)
        height, width = ((((side - 2) // 2) - 2) // 2 for side in self.img_size)
        if min(height, width) < 1:
            raise InputError(f"gupta2021_cnn: images of {_by(self.img_size)} are too small; take 10 x 10 or larger")
        self.conv1 = nn.Conv2d(in_chans, 5, kernel_size=5, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(5, 10, kernel_size=5, padding=1)
        # Layers of their own, so that Grad-CAM finds the map after the activation.
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.fc1 = nn.Linear(10 * height * width, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes) if num_classes else nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if tuple(images.shape[2:]) != tuple(self.img_size):
            raise InputError(
                f"gupta2021_cnn: this network was built for images of {_by(self.img_size)}; got "
                f"{_by(images.shape[2:])}; its first fully connected layer fits one size only"
            )
        maps = self.pool(self.relu1(self.conv1(images)))
        maps = self.pool(self.relu2(self.conv2(maps)))
        return self.fc3(self.fc2(self.fc1(maps.flatten(1)).relu()).relu())

    def group_matcher(self, coarse: bool = False) -> dict:
        return {"stem": r"^conv1", "blocks": [(r"^conv2", (0,)), (r"^fc1", (1,)), (r"^fc2", (2,))]}


class GroupedCNN(nn.Module):
    """A small VGG-like network whose convolutions, after the first, run on `groups` paths of their own.

    For bhardwaj2021's grouped convolutions (section 4.2, Figure 4): "we are able to build wider networks", since a
    convolution in g groups has a g-th of the weights. Four stages of `depth` 3 x 3 convolutions, each with batch
    normalization and ReLU, maximum pooling between the stages and global average pooling at the end; images of 8 x 8
    or larger. The paths meet in the last layer.

    The paper prints no layers and no widths: these are ours. ``bhardwaj2021_cnn_g1``, ``_g2`` and ``_g4`` have 1, 2 and
    4 groups, and widths about in proportion to the groups' square root, so that their numbers of parameters agree
    within 2 %. They have two convolutions a stage. ``bhardwaj2021_cnn_shallow`` and ``_deep`` have one and three, for
    the paper's parameter "Hidden Layers" (section 5), and are in all else ``_g1``.

    Parameters
    ----------
    groups : int
        Paths; they divide each width.
    widths : tuple of int
        Channels of the stages.
    depth : int
        Convolutions of a stage, 1 or more; the first stage has one of them in the stem.
    num_classes : int
        0 leaves the last layer out.
    in_chans : int
        Channels of the images.
    """

    def __init__(self, groups: int, widths: tuple[int, ...], depth: int = 2, num_classes: int = 2, in_chans: int = 3):
        super().__init__()
        self.stem = _convolution(in_chans, widths[0], 1)

        def more(width: int) -> list[nn.Module]:
            return [_convolution(width, width, groups) for _ in range(depth - 1)]

        stages = [more(widths[0])]
        for before, width in pairwise(widths):
            stages.append([nn.MaxPool2d(2), _convolution(before, width, groups), *more(width)])
        self.stages = nn.Sequential(*(nn.Sequential(*stage) for stage in stages))
        self.classifier = nn.Linear(widths[-1], num_classes) if num_classes else nn.Identity()

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return self.stages(self.stem(images))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.forward_features(images).mean((2, 3)))

    def group_matcher(self, coarse: bool = False) -> dict:
        return {"stem": r"^stem", "blocks": r"^stages\.(\d+)"}


class AlexNet(torchvision.models.AlexNet):
    """torchvision's AlexNet, with the names of its tensors, as timm's functions want it.

    Images of 63 x 63 or larger. Where its last map is smaller than 6 x 6 (below 224 x 224), its pooling repeats places.
    Each layer is a parameter group. Dropout of 0.5 stands before its first two fully connected layers, whatever the
    head's is.

    Parameters
    ----------
    num_classes : int
        0 leaves the last layer out.

    Raises
    ------
    InputError
        Images too small.
    """

    least = 63

    def __init__(self, num_classes: int = 1000):
        super().__init__(num_classes=max(num_classes, 1))
        if not num_classes:
            self.classifier[6] = nn.Identity()

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        if min(images.shape[2:]) < self.least:
            raise InputError(
                f"alexnet: images of {_by(images.shape[2:])} are too small; take {self.least} x {self.least} or larger"
            )
        return self.features(images)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.avgpool(self.forward_features(images)).flatten(1))

    def group_matcher(self, coarse: bool = False) -> dict:
        return {"stem": r"^features\.0", "blocks": r"^features\.(\d+)", "dense": r"^classifier\.(\d+)"}


@register_model
def gupta2021_cnn(pretrained: bool = False, **arguments) -> GuptaCNN:
    """Build the LeNet-like baseline of gupta2021."""
    return build_model_with_cfg(GuptaCNN, "gupta2021_cnn", pretrained, **arguments)


@register_model
def bhardwaj2021_cnn_g1(pretrained: bool = False, **arguments) -> GroupedCNN:
    """Build the small network without groups."""
    return _grouped("bhardwaj2021_cnn_g1", pretrained, 1, (32, 64, 128, 256), arguments)


@register_model
def bhardwaj2021_cnn_g2(pretrained: bool = False, **arguments) -> GroupedCNN:
    """Build the small network with two paths."""
    return _grouped("bhardwaj2021_cnn_g2", pretrained, 2, (46, 90, 180, 362), arguments)


@register_model
def bhardwaj2021_cnn_g4(pretrained: bool = False, **arguments) -> GroupedCNN:
    """Build the small network with four paths."""
    return _grouped("bhardwaj2021_cnn_g4", pretrained, 4, (64, 128, 256, 512), arguments)


@register_model
def bhardwaj2021_cnn_shallow(pretrained: bool = False, **arguments) -> GroupedCNN:
    """Build the small network without groups, with one convolution a stage."""
    return _grouped("bhardwaj2021_cnn_shallow", pretrained, 1, (32, 64, 128, 256), arguments | {"depth": 1})


@register_model
def bhardwaj2021_cnn_deep(pretrained: bool = False, **arguments) -> GroupedCNN:
    """Build the small network without groups, with three convolutions a stage."""
    return _grouped("bhardwaj2021_cnn_deep", pretrained, 1, (32, 64, 128, 256), arguments | {"depth": 3})


@register_model
def alexnet(pretrained: bool = False, **arguments) -> AlexNet:
    """Build torchvision's AlexNet."""
    return build_model_with_cfg(AlexNet, "alexnet", pretrained, kwargs_filter=("in_chans",), **arguments)


def _grouped(arch: str, pretrained: bool, groups: int, widths: tuple[int, ...], arguments: dict) -> GroupedCNN:
    return build_model_with_cfg(GroupedCNN, arch, pretrained, groups=groups, widths=widths, **arguments)


def _convolution(before: int, width: int, groups: int) -> nn.Sequential:
    layer = nn.Conv2d(before, width, kernel_size=3, padding=1, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _by(size) -> str:
    return f"{size[0]} x {size[1]} pixels"
