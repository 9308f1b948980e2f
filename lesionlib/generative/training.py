"""The training: it grows, watches itself, and goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lesionlib.errors import InputError
from lesionlib.generative import checkpoint
from lesionlib.generative.gan import InfoGAN, painted
from lesionlib.generative.guard import Diverged, TrainingFailed, check_diversity, check_step, diversity
from lesionlib.generative.history import COLUMNS, History
from lesionlib.generative.pictures import RealImages, checked_pictures, faded, to_pictures, to_tensor
from lesionlib.generative.plan import Position
from lesionlib.generative.steps import critic_step, follow, generator_step
from lesionlib.memory import freed_memory_kept
from lesionlib.numeric import is_whole

# Images compared with each other in a look at the diversity.
_LOOK = 64


def train(
    gan: InfoGAN,
    images: np.ndarray,
    folder: str | Path | None = None,
    labels=None,
    checkpoint_every: int = 10_000,
    on_progress: Callable[[dict[str, float]], None] | None = None,
) -> History:
    """Train an InfoGAN by its plan, from the start or from where the folder's checkpoint stands.

    On a CPU a training that was stopped and taken up again, anywhere, ends with the very same numbers as one
    that was not (with as many threads); on a GPU, up to the order of its sums.

    Parameters
    ----------
    gan : InfoGAN
        Changed in place.
    images : array of uint8, shape (n, h, h, 3)
        Real images; h is the plan's last resolution or a multiple of it. Memory-mapped arrays will do.
    folder : path, optional
        Where the checkpoint lies, one file; without it, a training that is stopped is lost.
    labels : array of int, shape (n,), optional
        Class of each image, from 0, -1 for unknown: Q learns them too, and the categorical code comes to mean them
        (Spurr and others, 2017). Without labels the training is the paper's: no human input.
    checkpoint_every : int
        Real images shown between two checkpoints.
    on_progress : callable, optional
        Called after each step with that step's row of `History.frame`.

    Returns
    -------
    History

    Raises
    ------
    InputError
        Images, labels or a checkpoint that do not fit the plan; or an already trained `gan` without its checkpoint.
    Diverged, Collapsed
        See there; the last good checkpoint stays.

    Notes
    -----
    lucius2020, section 2.4. Algorithm 1 of Gulrajani and others (NeurIPS 2017), growing as in Karras and others
    (ICLR 2018).
    """
    images = checked_pictures(images, gan.plan.resolutions[-1])
    labels = _checked_labels(labels, len(images), gan)
    if not is_whole(checkpoint_every, 1):
        raise InputError(f"checkpoint_every: found {checkpoint_every!r}, expected a whole number of images, 1 or more")
    training = _Training(gan, images, labels, None if folder is None else Path(folder) / checkpoint.FILE)
    training.begin()
    try:
        with freed_memory_kept():
            while gan.step < gan.plan.steps:
                row = training.advance(checkpoint_every)
                if on_progress:
                    on_progress(row)
    except TrainingFailed as failure:
        raise training.told(failure) from None
    training.history.finished = True
    return training.history


def restore(gan: InfoGAN, folder: str | Path) -> History:
    """Bring a GAN into the state of a folder's checkpoint, to look at it without its images.

    Parameters
    ----------
    gan : InfoGAN
        With the plan, codes and seed of the training; changed in place.
    folder : path

    Returns
    -------
    History

    Raises
    ------
    InputError
        No checkpoint there, a damaged one, or one of another training.
    """
    path = Path(folder) / checkpoint.FILE
    if not path.is_file():
        raise InputError(f"{path}: no checkpoint here; train() writes one when it is given this folder")
    history = checkpoint.read(path, gan, None, {})
    history.resumed_at = gan.plan.images_before(gan.step)
    history.finished = gan.step == gan.plan.steps
    return history


class _Training:
    """A training under way."""

    def __init__(self, gan: InfoGAN, images: np.ndarray, labels: np.ndarray | None, path: Path | None):
        self.gan, self.plan, self.path = gan, gan.plan, path
        self.digests = {"images": checkpoint.picture_digest(images), "labels": checkpoint.label_digest(labels)}
        self.real = RealImages(images, labels, gan.seed, gan.plan.flips, gan.plan.balanced)
        adam = partial(torch.optim.Adam, lr=gan.plan.learning_rate, betas=gan.plan.betas, fused=_can_fuse(gan.device))
        self.adams = adam(gan.generator.parameters()), adam(gan.critic.parameters())
        self.history = History()
        self.labels = labels

    def begin(self) -> None:
        """Take up the checkpoint, where there is one."""
        if self.path is not None and self.path.is_file():
            self.history = checkpoint.read(self.path, self.gan, self.adams, self.digests)
            self.history.resumed_at = self.plan.images_before(self.gan.step)
        elif self.gan.step:
            raise InputError(
                f"gan: already trained for {self.gan.step} steps, and the folder holds no checkpoint to go on from; "
                "make a new InfoGAN"
            )
        else:
            self.gan.prior = _prior(self.labels, self.gan)

    def advance(self, checkpoint_every: int) -> dict[str, float]:
        """Do one step, look at what it did, and write a checkpoint when it is time."""
        gan, plan = self.gan, self.plan
        before = plan.images_before(gan.step)
        row = self._step(plan.position(gan.step), before)
        self.history.rows.append(tuple(row[name] for name in COLUMNS))
        check_step(row, plan)
        after = int(row["images"])
        if not np.isnan(row["diversity"]):
            resolutions, looks = self.history.looks().T
            check_diversity(looks, resolutions, after, plan)
        gan.step += 1
        if self.path is not None and (_passed(checkpoint_every, before, after) or gan.step == plan.steps):
            self._check_weights(row)
            checkpoint.write(self.path, gan, self.adams, self.history, self.digests)
        return row

    def told(self, failure: TrainingFailed) -> TrainingFailed:
        """Add to a failure what happened before, and where the last good state is."""
        path = self.path if self.path is not None and self.path.is_file() else None
        kept = f"the last good checkpoint stays in {path}" if path else "no checkpoint was written"
        return type(failure)(f"{failure}; {kept}", self.history, path)

    def _step(self, where: Position, before: int) -> dict[str, float]:
        gan, plan = self.gan, self.plan
        rate = plan.rate(before)
        for adam in self.adams:
            adam.param_groups[0]["lr"] = rate
        shown = before
        for _ in range(plan.critic_steps):
            pictures, labels = self.real.batch(shown, where.batch, where.resolution)
            real = faded(to_tensor(pictures, gan.device), where.alpha)
            labels = torch.from_numpy(labels).to(gan.device)
            rng = np.random.default_rng((gan.seed, 3, shown))
            figures = critic_step(gan, self.adams[1], real, labels, where, rng)
            shown += where.batch
        rng = np.random.default_rng((gan.seed, 4, before))
        loss = generator_step(gan, self.adams[0], where.batch, where, rng)
        follow(gan, shown - before, shown)
        look = _passed(plan.check_images, before, shown)
        # One answer from the device a step.
        figures = torch.stack([*figures, loss]).tolist()
        values = (
            gan.step + 1,
            shown,
            where.resolution,
            where.alpha,
            rate,
            *figures,
            self._diversity(where) if look and np.isfinite(figures).all() else np.nan,
        )
        return dict(zip(COLUMNS, map(float, values), strict=True))

    def _diversity(self, where: Position) -> float:
        """Compare how much generated images differ with how much real ones do."""
        gan = self.gan
        drawn = painted(gan.generator, gan.draw(_LOOK), where, gan.device)
        every = np.linspace(0, len(self.real.images) - 1, min(_LOOK, len(self.real.images))).astype(int)
        real = to_pictures(faded(to_tensor(self.real.small(where.resolution)[every]), where.alpha))
        return diversity(drawn) / max(diversity(real), 1e-9)

    def _check_weights(self, row: dict[str, float]) -> None:
        """Refuse to write weights that are no numbers: the losses were those before the last step."""
        nets = self.gan.generator, self.gan.critic
        if not all(torch.isfinite(weight).all() for net in nets for weight in net.parameters()):
            raise Diverged(
                f"training diverged after {row['images']:,.0f} images: a weight is no number any more; a lower "
                f"learning rate (now {row['learning_rate']:g}) may hold it"
            )


def _passed(every: int, before: int, after: int) -> bool:
    return after // every > before // every


def _can_fuse(device: torch.device) -> bool:
    return device.type in ("cpu", "cuda")


def _prior(labels: np.ndarray | None, gan: InfoGAN) -> np.ndarray:
    """Give the classes' probabilities: as among the labels, unless these are drawn equally often."""
    if labels is None or gan.plan.balanced:
        return gan.prior
    counts = np.bincount(labels[labels >= 0], minlength=gan.codes.classes)
    return counts / counts.sum()


def _checked_labels(labels, n: int, gan: InfoGAN) -> np.ndarray | None:
    if labels is None:
        if gan.plan.balanced:
            raise InputError("labels: found none, expected one for each image; the plan draws labels equally often")
        return None
    found, classes = np.asarray(labels), gan.codes.classes
    if not classes:
        raise InputError("labels: given, but the GAN has no categorical code to mean them; use Codes(classes=...)")
    if found.shape != (n,) or found.dtype.kind not in "iu":
        raise InputError(f"labels: found shape {found.shape} of {found.dtype}, expected ({n},) whole numbers")
    if found.min() < -1 or found.max() >= classes or found.max() < 0:
        raise InputError(
            f"labels: found {found.min()} to {found.max()}, expected 0 to {classes - 1}, and -1 for unknown ones"
        )
    return found.astype(np.int64)
