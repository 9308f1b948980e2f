"""The three terms of the game: Wasserstein distance, gradient penalty, mutual information."""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi

import torch
from torch import Tensor
from torch.nn import functional

# Entropy of a number that is uniform in [-1, 1], in nats.
_ENTROPY = log(2)


def wasserstein(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Estimate the Wasserstein distance as a critic sees it: mean score of real less that of generated images.

    Of all 1-Lipschitz critics the best gives the distance itself (Arjovsky and others, ICML 2017); the critic
    climbs it, the generator goes down.

    Parameters
    ----------
    real_scores, fake_scores : Tensor of shape (n,), (m,)

    Returns
    -------
    Tensor
        One number.
    """
    return real_scores.mean() - fake_scores.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Mean of (norm of the critic's gradient - 1)^2 at places between real and generated images.

    Parameters
    ----------
    critic : callable
        Images (n, ...) to scores (n,).
    real, fake : Tensor of shape (n, ...)
    mix : Tensor of shape (n,)
        Where between them: 0 at the generated image, 1 at the real one.

    Returns
    -------
    Tensor
        One number, 0 for a critic whose slope is 1 everywhere there.

    Notes
    -----
    Gulrajani and others, NeurIPS 2017, algorithm 1.
    """
    between = torch.lerp(fake, real, mix.view(-1, *[1] * (real.ndim - 1))).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # The small number keeps the root's own slope finite where a critic is flat.
    return ((slope.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()


def continuous_information(codes: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Lower bound of the mutual information of each continuous code and the image, in nats.

    ``H(c) + E[log q(c | image)]`` with a Gaussian q and c uniform in [-1, 1] (Chen and others, NeurIPS 2016,
    equation 4). A reader that knows nothing stands below 0, one with a standard error s at about
    ``log 2 - log s - 1.42``.

    Parameters
    ----------
    codes, mean, log_std : Tensor of shape (n, k)
        What went into the generator; Q's means and log standard deviations.

    Returns
    -------
    Tensor of shape (k,)
    """
    likelihood = -0.5 * ((codes - mean) * torch.exp(-log_std)).square() - log_std - 0.5 * log(2 * pi)
    return _ENTROPY + likelihood.mean(dim=0)


def categorical_information(classes: Tensor, logits: Tensor, prior: Tensor) -> Tensor:
    """Lower bound of the mutual information of the categorical code and the image, in nats.

    A perfect reader reaches the entropy of `prior`, log k for k equal classes.

    Parameters
    ----------
    classes : Tensor of shape (n,)
        Whole numbers from 0.
    logits : Tensor of shape (n, k)
    prior : Tensor of shape (k,)
        Probabilities from which the classes were drawn.

    Returns
    -------
    Tensor
        One number.
    """
    return torch.special.entr(prior).sum() - functional.cross_entropy(logits, classes)
