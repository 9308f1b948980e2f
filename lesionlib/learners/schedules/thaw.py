"""Blockwise thawing, as nedelcu2021 did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastai.callback.core import Callback
from fastai.learner import Learner
from fastai.optimizer import Adam, Optimizer
from torch import nn

from lesionlib.errors import InputError
from lesionlib.learners.schedules.base import Plan, Schedule
from lesionlib.learners.schedules.checks import positive, whole

BLOCKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "mobilenet_v2": (
        ("head",),
        ("blocks.6", "conv_head", "bn2"),  # A: block 16
        ("blocks.5",),  # B: 13 to 15
        ("blocks.4",),  # C: 10 to 12
        ("blocks.3",),  # D: 6 to 9
    ),
    "resnet50": (("head",), ("layer4",), ("layer3",), ("layer2",), ("layer1",)),
    "efficientnet_b3": (
        ("head",),
        ("blocks.6", "conv_head", "bn2"),
        ("blocks.5",),
        ("blocks.4",),
        ("blocks.3",),
        ("blocks.2",),
        ("blocks.1",),
    ),
}
"""Blocks of nedelcu2021 (section III-D) from the top, as timm's modules.

Keras numbers the 17 blocks of MobileNet-V2 from 0, and its groups A to D are timm's stages 6 to 3. That
a new classification block comes before them, as for the other two networks, is read into the paper.
The last 1 x 1 convolution goes with the topmost stage, as in the Learner's parameter groups.
"""


@dataclass(frozen=True)
class BlockwiseThaw(Schedule):
    """Thaw a network block by block from the top, some epochs a block, with Adam: nedelcu2021, section III-D.

    The first block, which holds the head, trains at `top_lr` from the first epoch to the last; each
    further block joins it at `lr` and stays. (The paper: "a learning rate of 1e-4 for the top layer and
    1e-5 for the rest of the blocks"; that blocks stay thawed is read into it.) What is in no block,
    the stem at least, is never trained. Batch norm of frozen blocks stays in evaluation mode with
    the running statistics it came with: at one image a class, batches are small, and a body that
    gets no gradient then gives the same features as in prediction. The paper says nothing on it, nor
    on weight decay: there is none here. Adam's other figures are those of Keras.

    A network from scratch keeps random weights in every block that is not yet thawed.

    Parameters
    ----------
    blocks : str, sequence, or None
        From the top: each block a module's name in the timm body, or several; ``"head"`` is the head. A
        name in `BLOCKS` gives one of the paper's lists. None takes the paper's for MobileNet-V2, and
        else the head and up to six stages below it, the stem left out: the paper's rule for ResNet-50
        and EfficientNet-B3 in words that fit other networks too.
    epochs_per_block : int
    top_lr, lr : float
        Rates of the first block and of the others.

    Raises
    ------
    InputError
        A rate that is not positive or no whole epoch; once it meets a network: a block that it does
        not have, a parameter in two blocks, or a head outside the first one.
    """

    blocks: str | Sequence[str | Sequence[str]] | None = None
    epochs_per_block: int = 3
    top_lr: float = 1e-4
    lr: float = 1e-5

    def __post_init__(self):
        whole(epochs_per_block=self.epochs_per_block)
        positive(top_lr=self.top_lr, lr=self.lr)
        if isinstance(self.blocks, str) and self.blocks not in BLOCKS:
            raise InputError(
                f"blocks: no list is called {self.blocks!r}; choose from {', '.join(BLOCKS)}, names of modules, or None"
            )
        if self.blocks is not None and not self.blocks:
            raise InputError("blocks: expected at least the head's block; got none; blocks=None finds them itself")

    def parameters(self, learn: Learner) -> list[list[str]]:
        """Name the parameters of each block.

        Parameters
        ----------
        learn : Learner
            From `lesion_learner`.

        Returns
        -------
        list of list of str
            A list a block, from the top.
        """
        names = {id(parameter): name for name, parameter in learn.model.named_parameters()}
        return [[names[id(parameter)] for parameter in block] for block in self._blocks(learn)]

    def plan(self, learn: Learner) -> Plan:
        blocks = self._blocks(learn)
        groups = _groups_for(learn, blocks)
        rates = [self.lr] * (len(groups) - 1) + [self.top_lr]
        epochs = self.epochs_per_block * len(blocks)
        return Plan(epochs, rates, [_Thaw(self.epochs_per_block)], 0.0, self._optimizer, groups)

    def _optimizer(self, groups: list) -> Optimizer:
        return Adam(groups, self.lr, mom=0.9, sqr_mom=0.999, eps=1e-7, wd=0.0)

    def _blocks(self, learn: Learner) -> list[list[nn.Parameter]]:
        chosen = self.blocks
        if chosen is None and str(getattr(learn, "arch", "")).startswith("mobilenetv2"):
            chosen = "mobilenet_v2"
        if chosen is None:
            _, *stages, head = learn.splitter(learn.model)
            return [head, *stages[-6:][::-1]]
        listed = BLOCKS[chosen] if isinstance(chosen, str) else chosen
        return _named_blocks(learn, [(block,) if isinstance(block, str) else tuple(block) for block in listed])


class _Thaw(Callback):
    """Thaws one more group every so many epochs."""

    def __init__(self, every: int):
        self.every = every

    def before_epoch(self):
        self.opt.freeze_to(-1 - self.epoch // self.every)


def _named_blocks(learn: Learner, listed: list[tuple[str, ...]]) -> list[list[nn.Parameter]]:
    named = dict(learn.model.named_parameters())
    taken: dict[str, str] = {}
    blocks = []
    for block in listed:
        found = [name for module in block for name in _inside(learn, module)]
        for name in found:
            if name in taken or found.count(name) > 1:
                raise InputError(
                    f"blocks: {name} stands in two places ({taken.get(name, '+'.join(block))} is one); list it once"
                )
        taken |= dict.fromkeys(found, "+".join(block))
        blocks.append([named[name] for name in found])
    first = {id(parameter) for parameter in blocks[0]}
    if any(id(parameter) not in first for parameter in learn.splitter(learn.model)[-1]):
        raise InputError(f"blocks: the first must hold the head, which is new; got {'+'.join(listed[0])}, add 'head'")
    return blocks


def _inside(learn: Learner, module: str) -> list[str]:
    """Names of the parameters under a module of the body, or of the head."""
    full = module if module.split(".")[0] in ("head", "body") else f"body.{module}"
    found = [name for name, _ in learn.model.named_parameters() if f"{name}.".startswith(f"{full}.")]
    if found:
        return found
    modules = dict.fromkeys(name.removeprefix("body.").split(".")[0] for name, _ in learn.model.named_parameters())
    raise InputError(
        f"blocks: {getattr(learn, 'arch', 'this network')} has no {module!r} with parameters; its modules are "
        f"{', '.join(modules)}; name those or what is in them, or take blocks=None"
    )


def _groups_for(learn: Learner, blocks: list[list[nn.Parameter]]) -> list[list[nn.Parameter]]:
    """Bottom first: the Learner's own groups where the blocks are its topmost ones, else the blocks and a rest."""
    upward = blocks[::-1]
    own = learn.splitter(learn.model)
    if [{*map(id, group)} for group in own[-len(blocks) :]] == [{*map(id, block)} for block in upward]:
        return own
    inside = {id(parameter) for block in blocks for parameter in block}
    rest = [parameter for parameter in learn.model.parameters() if id(parameter) not in inside]
    return [rest, *upward] if rest else upward
