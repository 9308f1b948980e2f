"""About how many GPU hours the runs of a profile take: reckoned from their parameters, nothing is measured.

A step of training takes three passes through the network (forward; backward to its inputs; backward to its weights), a
prediction takes one. A pass takes the arithmetic of its images at an assumed rate, and no less than its layers take to
be started, which is what small batches wait for. Reading images is left out: each is decoded once, into the pixel
cache.

    python benchmarks/gpu_hours.py [paper]     # each entry: what the file says, what its parameters give
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]

# Assumptions. The first is NVIDIA's figure for an H200: operations a second in bfloat16, without sparsity.
PEAK = 989e12
SHARE = 0.06  # of it, sustained
SHARE_FLOAT32 = 0.03  # of it, where float32 is trained (on tensor cores at half the peak)
LAYER = 70e-6  # seconds that a layer with weights takes at least, a pass

TOLERANCE = 0.2
SMALLEST = 0.0005  # hours: below it an estimate is 0

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """One pass of one image: operations in floating point (a multiply-add counts as two), and layers with weights."""

    operations: float
    layers: int

    def seconds(self, images: float, batch: float, passes: float, share: float = SHARE) -> float:
        """Give the time of so many passes of so many images."""
        arithmetic = images * self.operations / (PEAK * share)
        return passes * max(arithmetic, ceil(images / batch) * self.layers * LAYER)


@cache
def cost(arch: str, height: int, width: int) -> Cost:
    """Count a network's pass at a size in pixels; no weights are made."""
    import timm
    import torch

    import lesionlib.learners.networks  # noqa: F401  (timm learns their names)

    fixed = timm.models.get_pretrained_cfg_value(arch, "fixed_input_size")
    with torch.device("meta"):
        net = timm.create_model(arch, num_classes=0, **({"img_size": (height, width)} if fixed else {})).eval()
        return _counted(net, torch.zeros(1, 3, height, width))


def _counted(net, *inputs, **named) -> Cost:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    weighted = sum(bool(list(module.parameters(recurse=False))) for module in net.modules())
    _without_norms(net)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        net(*inputs, **named)
    return Cost(counter.get_total_flops(), weighted)


def _without_norms(net) -> None:
    """Take batch norm out, which has no product to count and takes longest to go through."""
    from torch import nn

    for name, child in net.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(net, name, nn.Identity())
        else:
            _without_norms(child)


@dataclass(frozen=True)
class Images:
    """How many images a run has for training, for validation and for testing."""

    train: float
    valid: float
    test: float

    @property
    def all(self) -> float:
        return self.train + self.valid + self.test


@cache
def images_of(name: str) -> int:
    """Count a dataset's images by its card, or those of a label map's sources; of derm7pt's pairs the clinical ones."""
    from lesionlib import datasets

    if name in datasets.label_maps():
        return sum(images_of(source) for source in datasets.label_map(name).sources)
    listed = datasets.catalog().set_index("name")["images"]
    return int(listed[name]) // (2 if name == "derm7pt" else 1)


def split(name: str, train: float = 0.7, valid: float = 0.15, test: float = 0.15) -> Images:
    n = images_of(name)
    return Images(train * n, valid * n, test * n)


def fitted(
    network: Cost, images: Images, epochs: float, batch: int, passes: int = 3, tests: float | None = None
) -> float:
    """Give the seconds of a training, with validation after each epoch, or so many times."""
    checks = epochs if tests is None else tests
    return network.seconds(images.train * epochs, batch, passes) + predicted(network, images.valid * checks, batch)


def predicted(network: Cost, images: float, batch: int) -> float:
    return network.seconds(images, 2 * batch, 1)


def data(p: Parameters) -> float:
    """Chapter 1: features of all images."""
    return predicted(cost(p["arch"], p["size"], p["size"]), images_of(p["data"]), 64)


def mendes(p: Parameters) -> float:
    """Chapter 2: so many passes of the photographs, features of all copies for the leak, predictions."""
    n = images_of(p["data"])
    photographs = split(p["data"])
    shown = photographs
    if p["split_by"] == "paper":
        # A tenth set aside, a fifth tested; four fifths of the copies of each other photograph are trained on.
        photographs = Images(0.72 * n, 0, 0.18 * n)
        shown = Images(0.8 * 0.72 * n * p["copies"], 0.2 * 0.72 * n * p["copies"], 0.18 * n)
    elif p["augment"] == "offline":
        shown = Images(photographs.train * (1 + p["copies"]), photographs.valid, photographs.test)
    network = cost(p["arch"], p["size"], p["size"])
    passes = 1 if p["body"] == "frozen" else 3
    seconds = network.seconds(photographs.train * p["epochs"], p["batch_size"], passes)
    seconds += predicted(network, shown.valid * p["tests"], p["batch_size"])
    copied = n + 0.72 * n * p["leak_copies"] if p["leak_copies"] else 0
    return seconds + predicted(network, copied, 50) + predicted(network, shown.all, p["batch_size"])


def bhardwaj(p: Parameters) -> float:
    """Chapter 3: each member trained, predicted, and read once more for the heads and the changed images."""
    images = split(p["data"], 0.8, 0.2, 0) if p["holdout"] == "paper" else split(p["data"])
    if p["sample"] == "balanced":
        images = Images(_balanced(p, images.train), images.valid, images.test)
    seconds = 0.0
    for arch in p["members"]:
        network = cost(arch, p["size"], p["size"])
        passes = 3 if p["body"] == "fine-tuned" or arch in p["scratch"] else 1
        seconds += fitted(network, images, p["epochs"], p["batch_size"], passes)
        seconds += predicted(network, images.valid + images.test, p["batch_size"])
        seconds += predicted(network, images.all, p["batch_size"]) if p["heads"] else 0
    first = cost(p["members"][0], p["size"], p["size"])
    return seconds + (predicted(first, 2 * images.valid, p["batch_size"]) if p["changed"] else 0)


def _balanced(p: Parameters, train: float) -> float:
    """Count the training images where of each class of the task there are as many as of the rarest."""
    from lesionlib import datasets

    facts = datasets.card(p["data"]).classes.values()
    apart = {"A": None, "B": ["melanoma"], "C": ["melanoma", "nevus"]}[p["task"]]
    groups: dict[str, int] = {}
    for each in facts:
        group = each.diagnosis if apart is None or each.diagnosis in apart else "others"
        groups[group] = groups.get(group, 0) + each.images
    return min(groups.values()) * len(groups) * train / sum(groups.values())


def lucius(p: Parameters) -> float:
    """Chapter 4: an epoch with a frozen body, then all layers; images of one size from the first epoch on."""
    images = split(p["data"])
    network = cost(p["arch"], p["height"], p["width"])
    seconds = fitted(network, images, 1, p["batch_size"], passes=1)
    seconds += fitted(network, images, p["epochs"], p["batch_size"])
    return seconds + p["views"] * predicted(network, images.valid + images.test, p["batch_size"])


def infogan(p: Parameters) -> float:
    """Chapter 5: the growth of one generator, then classifiers on what it draws."""
    sides = [4 * 2**k for k in range(p["resolution"].bit_length() - 2)]
    seconds = 0.0
    for number, side in enumerate(sides):
        generator, critic = gan_costs(p["resolution"], p["width"], p["layers"], side)
        batch = max(2, min(p["batch_size"], p["batch_size"] * 32 // side))
        images = p["images_a_phase"] if number else 0
        images += p["images_at_last"] if side == p["resolution"] else p["images_a_phase"]
        # The critic's step draws once and looks at real and drawn images; its penalty goes forward, backward, and
        # backward through both. The generator's step goes through both networks, back to the critic's inputs alone.
        seconds += generator.seconds(images, batch, 1 + 3, SHARE_FLOAT32)
        seconds += critic.seconds(2 * images, 2 * batch, 3, SHARE_FLOAT32)
        seconds += critic.seconds(p["penalty_share"] * images, p["penalty_share"] * batch, 6, SHARE_FLOAT32)
        seconds += critic.seconds(images, batch, 2, SHARE_FLOAT32)
    judge = cost(p["arch"], p["judge_size"], p["judge_size"])
    train = split(p["data"]).train
    # Four sets to learn from: real, synthetic, both, real ones repeated.
    learned = 3 * train + p["synthetic_a_class"] * 7
    seconds += judge.seconds(learned * p["epochs"], 64, 3)
    return seconds + predicted(judge, (4 if p["epochs"] else 1) * images_of(p["data"]), 64)


@cache
def gan_costs(resolution: int, width: int, layers: int, side: int) -> tuple[Cost, Cost]:
    """Count a pass of generator and critic that have grown to a side."""
    import torch

    generator, critic, sides = _grown(resolution, width, layers)
    codes, block = generator.codes, sides.index(side)
    with torch.device("meta"):
        # Two images: the critic compares those of a batch.
        latents = torch.zeros(2, codes.noise), torch.zeros(2, len(sides) * codes.per_block), torch.zeros(2).long()
        pair = _counted(generator, *latents, block=block), _counted(critic, torch.zeros(2, 3, side, side), block=block)
    share = (block + 1) / len(sides)
    return tuple(Cost(each.operations / 2, ceil(each.layers * share)) for each in pair)


@cache
def _grown(resolution: int, width: int, layers: int):
    """Make both networks as the chapter does; of the class code, only that there is one counts."""
    import torch

    from lesionlib.generative import Codes, GrowthPlan
    from lesionlib.generative.networks import Critic, Generator

    sides = tuple(4 * 2**k for k in range(resolution.bit_length() - 2))
    widths = tuple(max(4, min(width, width * 16 // each)) for each in sides)
    grown = {"images_fade": 1000, "images_steady": 1000, "check_images": 1000}
    plan, rng = GrowthPlan(sides, widths, layers, (2,) * len(sides), **grown), torch.Generator().manual_seed(0)
    codes = Codes(per_block=2)
    return Generator(plan, codes, rng).to("meta"), Critic(plan, codes, rng).to("meta"), sides


def readers(p: Parameters) -> float:
    """Chapter 6: features of all images once; the head on top costs nothing beside them."""
    return predicted(cost("tf_efficientnet_lite0", p["size"], p["size"]), images_of(p["data"]), 64)


def gupta(p: Parameters) -> float:
    """Chapter 7: a training; attacks take three passes for each step and one for the answer."""
    images = split(p["data"], 0.72, 0.08, 0.2)
    network = cost(p["arch"], p["size"], p["size"])
    passes = 1 if p["body"] == "frozen" else 3
    seconds = fitted(network, images, p["epochs"], p["batch_size"], passes)
    attacked = p["probe_images"] or images.test
    rounds = 4 * len(p["eps"] or []) + (3 * p["pgd_steps"] + 1) * len(p["pgd_eps"] or []) + len(p["noise_sd"] or [])
    rounds += 5 if rounds else 0
    rounds += 10 if p["corruptions"] else 0
    return seconds + predicted(network, images.all + rounds * attacked, p["batch_size"])


def nedelcu(p: Parameters) -> float:
    """Chapter 8: for each dataset in turn as many epochs as blocks allow, of batches that hold each class once."""
    network = cost(p["arch"], p["size"], p["size"])
    epochs, target = p["blocks"] * p["epochs_per_block"], _classes(p["data"], p["classes"])
    lessons = [{name: 0.64 * n for name, n in target.items()}]
    sources = [_classes(name, None) for name in p["sources"] or []]
    before = {"b": sources[:1], "c": sources}.get(p["strategy"], [])
    lessons = [{name: 0.85 * n for name, n in source.items()} for source in before] + lessons
    if p["strategy"] == "x":
        lessons = [_merged(lessons[0], p)]
    seconds = 0.0
    for lesson in lessons:
        batch = p["per_class"] * len(lesson)
        images = max(lesson.values()) / p["per_class"] * batch
        seconds += fitted(network, Images(images, 0.25 * sum(lesson.values()), 0), epochs, batch)
    return seconds + predicted(network, 0.36 * sum(target.values()), len(target))


def _classes(name: str, classes: str | None) -> dict[str, int]:
    """Count the images of each class: of the dataset's own, or of a label map's."""
    from lesionlib import datasets

    own = {key: facts.images // (2 if name == "derm7pt" else 1) for key, facts in datasets.card(name).classes.items()}
    if classes in (None, "own"):
        return own
    mapped = datasets.label_map(classes).sources[name]
    found: dict[str, int] = {}
    for key, to in mapped.items():
        if to is not None:
            # Some keys name a finer diagnosis than the card counts: few images.
            found[to] = found.get(to, 0) + own.get(key, 0)
    return found


def _merged(target: dict[str, float], p: Parameters) -> dict[str, float]:
    """Add what the sources have of the target's classes."""
    from lesionlib import datasets

    found = dict(target)
    named = {facts.diagnosis: name for name, facts in datasets.card(p["data"]).classes.items()}
    for source in p["sources"]:
        if p["classes"] == "own":
            own, facts = _classes(source, None), datasets.card(source).classes
            there = [(named.get(facts[key].diagnosis), n) for key, n in own.items()]
        else:
            there = list(_classes(source, p["classes"]).items())
        for name, n in there:
            if name in found:
                found[name] += n
    return found


WORK = {
    "00_phantoms": lambda p: 0.0,
    "01_data": data,
    "02_mendes2018": mendes,
    "03_bhardwaj2021": bhardwaj,
    "04_lucius2020": lucius,
    "05_infogan": infogan,
    "06_reader_study": readers,
    "07_gupta2021": gupta,
    "08_nedelcu2021": nedelcu,
    "09_audit": lambda p: 0.0,
    "10_synthesis": lambda p: 0.0,
}


def reckoned(profile: str = "paper") -> list[tuple[str, Parameters, float | None, float]]:
    """Reckon the runs of a profile: chapter, what the entry says, its estimate in the file, the hours that come out."""
    from lesionlib import runs

    rows = []
    for chapter, entries in runs.load_profile(profile, PROJECT).entries.items():
        defaults = runs.resolve(PROJECT / "notebooks" / f"{chapter}.ipynb", {})
        for entry in entries:
            hours = WORK[chapter](defaults | entry.parameters) / 3600
            rows.append((chapter, entry.parameters, entry.estimated_gpu_hours, hours))
    return rows


def agrees(written: float | None, hours: float) -> bool:
    """Tell whether an estimate in the file is still what the parameters give."""
    return written is not None and abs(written - hours) <= max(TOLERANCE * hours, SMALLEST)


def main(profile: str = "paper") -> int:
    rows = reckoned(profile)
    for chapter, parameters, written, hours in rows:
        said = "-" if written is None else f"{written:g}"
        told = "" if agrees(written, hours) else "   <-- not the same"
        print(f"{chapter}  in the file {said}  reckoned {hours:.3g}  {parameters}{told}")
    print(f"{len(rows)} runs, {sum(row[-1] for row in rows):.0f} GPU hours in all, estimated")
    return not all(agrees(written, hours) for *_, written, hours in rows)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
