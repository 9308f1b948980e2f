"""Where a network looks: Grad-CAM, Grad-CAM++ (by pytorch-grad-cam) and the maps of its layers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from fastai.learner import Learner
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.base_cam import BaseCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError
from lesionlib.numeric import is_whole
from lesionlib.probes.inputs import Inputs, at_rest, classes_of, inputs_of, target_codes
from lesionlib.probes.layers import find, last_stage, listening

Target = int | str | Sequence[int | str] | None


def gradcam(
    learn: Learner,
    images: np.ndarray | LesionDataset,
    target: Target = None,
    layer: str | None = None,
    *,
    rows: Sequence[int] | None = None,
    clinical: pd.DataFrame | None = None,
    bs: int = 32,
) -> np.ndarray:
    """Heat maps of Grad-CAM: where in the image a layer speaks for a class.

    A channel's weight is the mean gradient of the class score (before softmax) over the channel's places; the
    map is the positive part of the weighted sum of channels, enlarged bilinearly to the image. Source: Selvaraju
    et al., ICCV 2017, doi:10.1109/ICCV.2017.74.

    Parameters
    ----------
    learn : Learner
        From `learners.lesion_learner` or `learners.load_learner`. It is left as it was.
    images : numpy.ndarray of shape (m, h, w, 3), or LesionDataset
        uint8, as `datasets.pixels` gives them; or a dataset, decoded to the Learner's size.
    target : int, str or a sequence of them, optional
        The class to explain, by number or name, for all images or one for each; else each image's predicted
        class.
    layer : str, optional
        A layer by its name in the network (``layer3``, ``blocks.4``); else the last convolutional stage, before
        pooling.
    rows : sequence of int, optional
        Which of `images` to explain, 0 to m - 1, such as ``predictions.ranked().index[:4]``; else all.
    clinical : DataFrame, optional
        For a network with clinical data and an array of images: one row an image, the columns of ``ds.frame``.
    bs : int
        Images at a time; bounds the memory.

    Returns
    -------
    numpy.ndarray, shape (n, h, w)
        float32 in [0, 1]: each map scaled by itself, from 0 at its smallest heat to 1 at its largest, so
        that two maps cannot be compared in strength. A map that is the same everywhere is 0 everywhere: no place
        speaks for the class more than another, as where all of them speak against it.

    Raises
    ------
    InputError
        Another type or shape, a class or a layer that is not there, clinical data that are missing, or a network
        whose scores are not finite.

    Warns
    -----
    UserWarning
        The layer has a single place for the whole image: every map is 0.
    """
    return _heat(GradCAM, learn, inputs_of(learn, images, rows, clinical), target, layer, bs)


def gradcam_plusplus(
    learn: Learner,
    images: np.ndarray | LesionDataset,
    target: Target = None,
    layer: str | None = None,
    *,
    rows: Sequence[int] | None = None,
    clinical: pd.DataFrame | None = None,
    bs: int = 32,
) -> np.ndarray:
    """Heat maps of Grad-CAM++, as gupta2021 draws them: positive gradients only, weighted place by place.

    A channel's weight is the sum over its places of ``alpha * max(g, 0)`` with ``alpha = g² / (2 g² + g³ sum(a))``,
    where g is the gradient of the class score and the sum of the activations a goes over the places; it takes layers
    after a ReLU or the like, whose sums are not negative. Source: Chattopadhyay et al., WACV 2018,
    doi:10.1109/WACV.2018.00097, equation 19.

    Parameters
    ----------
    learn, images, target, layer, rows, clinical, bs
        As for `gradcam`.

    Returns
    -------
    numpy.ndarray, shape (n, h, w)
        float32 in [0, 1], as from `gradcam`.

    Raises
    ------
    InputError
        As from `gradcam`.
    """
    return _heat(_PlusPlus, learn, inputs_of(learn, images, rows, clinical), target, layer, bs)


def feature_maps(
    learn: Learner,
    images: np.ndarray | LesionDataset,
    layers: str | Sequence[str],
    *,
    rows: Sequence[int] | None = None,
    clinical: pd.DataFrame | None = None,
    bs: int = 32,
) -> dict[str, np.ndarray]:
    """What layers give for images: their activations, before anything else is done to them.

    Parameters
    ----------
    learn, images, rows, clinical, bs
        As for `gradcam`.
    layers : str or sequence of str
        Names of layers (``conv1``, ``layer1``, ``blocks.2``).

    Returns
    -------
    dict of str to numpy.ndarray, shape (n, channels, height, width)
        float32, by the names asked for. All n are held in memory: a first layer at 224 x 224 pixels takes 3 MB
        an image.

    Raises
    ------
    InputError
        As from `gradcam`.
    """
    names = [layers] if isinstance(layers, str) else list(layers)
    given = inputs_of(learn, images, rows, clinical)
    _check_batch(bs)
    with at_rest(learn.model) as net:
        modules = find(net, names, given)
        parts: dict[nn.Module, list[np.ndarray]] = {module: [] for module in modules}

        def keep(module, _, output):
            parts[module].append(output.float().cpu().numpy().copy())  # the next layer may write in place

        with listening(list(parts), keep):
            net(*given.blank())  # gives the shape where there is no image
            for _, arguments in given.batches(bs):
                net(*arguments)
    return {name: np.concatenate([parts[m][0][:0], *parts[m][1:]]) for name, m in zip(names, modules, strict=True)}


class _PlusPlus(BaseCAM):
    """Grad-CAM++ without the 1e-6 that pytorch-grad-cam's own adds to alpha's denominator.

    Squared gradients of a network that pools are of that size: channels would lose weight with the scale of the
    scores. Alpha is written as ``1 / (2 + g sum(a))``, which is the same and divides by no zero.
    """

    def get_cam_weights(self, input_tensor, target_layers, targets, activations, grads):
        positive = np.maximum(grads, 0)
        return (positive / (2 + positive * activations.sum(axis=(2, 3), keepdims=True))).sum(axis=(2, 3))


class _OfImages(nn.Module):
    """The network as a function of images alone, the clinical data held: what pytorch-grad-cam calls."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net
        self.held: tuple[torch.Tensor, ...] = ()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images, *self.held)


def _heat(kind: type[BaseCAM], learn: Learner, given: Inputs, target: Target, layer: str | None, bs: int) -> np.ndarray:
    _check_batch(bs)
    maps = np.zeros((len(given), *given.size), dtype=np.float32)
    with at_rest(learn.model) as net:
        (module,) = [last_stage(net, given)] if layer is None else find(net, [layer], given)
        codes = target_codes(target, classes_of(learn), len(given), _check_places(net, module, given))
        # The gradient begins at the layer: nothing below it is kept, and no parameter gets one.
        with listening([module], _begin_gradient):
            of_images = _OfImages(net)
            cam = kind(of_images, [module], reshape_transform=_copied)
            try:
                for where, (images, *of_images.held) in given.batches(bs):
                    asked = None if codes is None else [ClassifierOutputTarget(code) for code in codes[where]]
                    maps[where] = cam(images, asked)
            finally:
                cam.activations_and_grads.release()
    broken = np.flatnonzero(~np.isfinite(maps).all(axis=(1, 2)))
    if len(broken):
        raise InputError(f"image {broken[0]}: the network's scores or gradients are not finite; train it again")
    return maps


def _begin_gradient(module, inputs, output: torch.Tensor) -> torch.Tensor:
    # A copy: the next layer may write in place, which a tensor where a gradient begins does not allow.
    return output.detach().requires_grad_().clone()


def _copied(values: torch.Tensor) -> torch.Tensor:
    # In place again: pytorch-grad-cam would read what the next layer has written over.
    return values.detach().float().clone()


def _check_places(net: nn.Module, module: nn.Module, given: Inputs) -> int:
    """Number of classes; warns where the layer's map has a single place."""
    sizes: list[torch.Size] = []
    with listening([module], lambda m, i, output: sizes.append(output.shape[2:])), torch.no_grad():
        classes = net(*given.blank()).shape[1]
    if sizes[0].numel() == 1:
        warnings.warn(
            f"images of {given.size[0]} x {given.size[1]} pixels are one place for this layer, so that every map is "
            "0; take larger images or an earlier layer",
            UserWarning,
            stacklevel=4,
        )
    return classes


def _check_batch(bs: int) -> None:
    if not is_whole(bs, 1):
        raise InputError(f"bs: expected a whole number of images at a time, 1 or more; got {bs!r}")
