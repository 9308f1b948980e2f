from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_lesions import one_line
from torch import nn
from torch.nn import functional as F

from lesionlib import papers
from lesionlib.errors import InputError
from lesionlib.learners import (
    carry_over,
    dataloaders,
    features,
    fit_head,
    history,
    lesion_learner,
    load_learner,
    predict,
    save_learner,
)
from lesionlib.learners.models import load_pretrained, make_net, parameter_groups
from lesionlib.learners.networks import AlexNet, GuptaCNN
from lesionlib.probes import gradcam
from lesionlib.probes.inputs import inputs_of
from lesionlib.probes.layers import last_stage

GROUPED = ["bhardwaj2021_cnn_g1", "bhardwaj2021_cnn_g2", "bhardwaj2021_cnn_g4"]
TABLE_1 = {
    "ResNet18": "resnet18",
    "ResNet50": "resnet50",
    "ResNet101": "resnet101",
    "ResNet152": "resnet152",
    "ResNeXt50": "resnext50_32x4d",
    "DenseNet121": "densenet121",
    "DenseNet161": "densenet161",
}


class Printed(nn.Module):
    """The code of gupta2021, section 6, as it stands there."""

    def __init__(self):
        super().__init__()
        self.name = "cnn"
        self.conv1 = nn.Conv2d(in_channels=3, out_channels=5, kernel_size=5, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(in_channels=5, out_channels=10, kernel_size=5, padding=1)
        self.fc1 = nn.Linear(10 * 54 * 54, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 2)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 10 * 54 * 54)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def on_meta(arch: str, **arguments) -> nn.Module:
    """A network that has shapes and no numbers."""
    with torch.device("meta"):
        return timm.create_model(arch, **arguments)


def test_the_baseline_is_the_printed_one():
    printed, images = Printed(), torch.rand(2, 3, 224, 224)
    ours = timm.create_model("gupta2021_cnn")
    assert [(name, tensor.shape) for name, tensor in ours.state_dict().items()] == [
        (name, tensor.shape) for name, tensor in printed.state_dict().items()
    ]
    ours.load_state_dict(printed.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours(images), printed(images))
        torch.testing.assert_close(ours(images.contiguous(memory_format=torch.channels_last)), printed(images))


def test_the_baseline_in_a_learner_is_the_printed_one(lesions):
    printed = Printed().eval()
    dls = dataloaders(lesions, size=224, bs=12, augment=None)
    learn = lesion_learner(dls, "gupta2021_cnn", pretrained=False, dropout=0.0)
    weights = printed.state_dict()
    learn.model.body.load_state_dict({name: weights[name] for name in learn.model.body.state_dict()})
    learn.model.head.linear = nn.Linear(84, 2)
    learn.model.head.linear.load_state_dict({"weight": weights["fc3.weight"], "bias": weights["fc3.bias"]})
    images, _ = dls.loader("test").one_batch()
    images = images.as_subclass(torch.Tensor).contiguous()
    assert images.min() >= 0 and 0.5 < images.max() <= 1, "images go in as they are, 0 to 1"
    torch.testing.assert_close(learn.model.eval()(images), printed(images))


def test_sizes_of_the_baselines_maps():
    net, sizes = GuptaCNN(), []
    for layer in (net.conv1, net.pool, net.conv2, net.fc1, net.fc2, net.fc3):
        layer.register_forward_hook(lambda _, given, found: sizes.append(tuple(found.shape[1:])))
    net(torch.zeros(1, 3, 224, 224))
    assert sizes == [(5, 222, 222), (5, 111, 111), (10, 109, 109), (10, 54, 54), (120,), (84,), (2,)]
    assert net.fc1.in_features == 10 * 54 * 54
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in net.modules()) == 1, "one pooling layer, used twice"


def test_parameters_of_the_baseline_by_hand():
    by_hand = [3 * 5 * 25 + 5, 5 * 10 * 25 + 10, 29160 * 120 + 120, 120 * 84 + 84, 84 * 2 + 2]
    assert count(timm.create_model("gupta2021_cnn")) == sum(by_hand) == 3_511_294
    groups = parameter_groups(make_net("gupta2021_cnn", 2))
    assert [sum(parameter.numel() for parameter in group) for group in groups] == by_hand


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 80), st.integers(10, 80))
def test_the_baseline_fits_any_size_that_it_was_built_for(height, width):
    net = GuptaCNN(img_size=(height, width))
    assert net(torch.rand(1, 3, height, width)).shape == (1, 2)
    with pytest.raises(InputError, match=f"built for images of {height} x {width} pixels; got {height} x {width + 1} "):
        net(torch.rand(1, 3, height, width + 1))


@pytest.mark.parametrize("size", [9, (9, 64), (64, 9), 0])
def test_images_too_small_for_the_baseline(size):
    with pytest.raises(InputError, match="too small; take 10 x 10 or larger") as error:
        make_net("gupta2021_cnn", 2, size=size)
    one_line(error)


def test_a_network_of_one_size_is_built_for_the_images():
    assert make_net("gupta2021_cnn", 2).body.img_size == (224, 224)
    net = make_net("gupta2021_cnn", 2, size=(64, 96))
    assert net.body.fc1.in_features == 10 * 14 * 22
    assert net(torch.rand(2, 3, 64, 96)).shape == (2, 2)
    assert make_net("test_vit", 2, size=64).body.pos_embed.shape == (1, 1 + 16, 64)


def test_other_networks_do_not_depend_on_the_size():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        one = make_net("test_efficientnet", 2)
        torch.manual_seed(0)
        other = make_net("test_efficientnet", 2, size=32)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("classes", [2, 7, 8])
def test_groups_make_the_network_wider_at_equal_parameters(classes):
    nets = [timm.create_model(arch, num_classes=classes) for arch in GROUPED]
    counts = [count(net) for net in nets]
    assert max(counts) / min(counts) < 1.02
    widths = [[layer.out_channels for layer in net.modules() if isinstance(layer, nn.Conv2d)] for net in nets]
    assert (np.diff(widths, axis=0) > 0).all() and len(widths[0]) == 8
    groups = [{layer.groups for layer in net.stages.modules() if isinstance(layer, nn.Conv2d)} for net in nets]
    assert groups == [{1}, {2}, {4}]


def test_hidden_layers_alone_differ():
    depths = {"bhardwaj2021_cnn_shallow": 4, "bhardwaj2021_cnn_g1": 8, "bhardwaj2021_cnn_deep": 12}
    for arch, layers in depths.items():
        net = make_net(arch, 7, size=32)
        convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
        assert len(convolutions) == layers
        assert {layer.groups for layer in convolutions} == {1}
        assert sorted({layer.out_channels for layer in convolutions}) == [32, 64, 128, 256]
        assert net(torch.rand(2, 3, 32, 32)).shape == (2, 7)
        groups = parameter_groups(net)
        assert sum(len(group) for group in groups) == len(list(net.parameters()))
        # One convolution makes the whole first stage; it stands in the stem.
        assert len(groups) == (5 if layers == 4 else 6)


@pytest.mark.parametrize(("arch", "paths"), [*zip(GROUPED, (1, 2, 4), strict=True)])
def test_paths_do_not_meet_before_the_last_layer(arch, paths):
    net = timm.create_model(arch, num_classes=0).eval()
    maps = torch.rand(1, net.stem[0].out_channels, 16, 16, requires_grad=True)
    found = net.stages(maps).mean((2, 3))[0]
    for path, features_of_path in enumerate(found.chunk(paths)):
        (gradient,) = torch.autograd.grad(features_of_path.sum(), maps, retain_graph=True)
        reached = [part.abs().sum().item() > 0 for part in gradient.chunk(paths, dim=1)]
        assert reached == [other == path for other in range(paths)]


def test_stages_of_the_small_networks():
    names = {
        "gupta2021_cnn": ["body.conv1", "body.conv2", "body.fc1", "body.fc2", "head"],
        "bhardwaj2021_cnn_g2": ["body.stem", *(f"body.stages.{i}" for i in range(4)), "head"],
    }
    for arch, stages in names.items():
        net = make_net(arch, 3)
        of = {id(parameter): name for name, parameter in net.named_parameters()}
        groups = [[of[id(parameter)] for parameter in group] for group in parameter_groups(net)]
        assert len(groups) == len(stages)
        assert all(name.startswith(stage + ".") for stage, group in zip(stages, groups, strict=True) for name in group)
        assert sorted(name for group in groups for name in group) == sorted(of.values())


@pytest.mark.parametrize(("arch", "size"), [("gupta2021_cnn", 64), (GROUPED[1], 32), (GROUPED[2], (32, 48))])
def test_small_networks_learn_and_come_back(lesions, tmp_path, arch, size):
    dls = dataloaders(lesions, size=size, bs=12, augment=None)
    learn = lesion_learner(dls, arch, pretrained=False, dropout=0.0)
    learn.fit_one_cycle(6, 3e-3)
    found = predict(learn, "test")
    assert (found.y_pred == found.y_true).mean() > 0.6, "twice as good as chance"
    again = load_learner(save_learner(learn, tmp_path / "model"), dls)
    np.testing.assert_array_equal(predict(again, "test").y_prob, found.y_prob)
    assert features(learn, "test").x.shape == (24, learn.model.head.linear.in_features)
    assert again.arch == arch


def test_a_learners_network_is_built_for_its_images(lesions, tmp_path):
    """The baseline has a fully connected layer over the whole map: it follows the loaders' size, and the saved one."""
    dls = dataloaders(lesions, size=(40, 64), bs=12, augment=None)
    learn = lesion_learner(dls, "gupta2021_cnn", pretrained=False)
    assert learn.model.body.fc1.in_features == 10 * 8 * 14
    folder = save_learner(learn, tmp_path / "model")
    bare, other = load_learner(folder), load_learner(folder, dls.resized(32))
    assert bare.model.body.img_size == other.model.body.img_size == (40, 64)
    with pytest.raises(InputError, match="built for images of 40 x 64 pixels; got 32 x 32 pixels"):
        predict(other, "test")
    following = carry_over(learn, dls)
    np.testing.assert_array_equal(predict(following, "test").y_prob, predict(learn, "test").y_prob)


def test_images_too_small_for_a_network_are_refused_at_once(plain):
    with pytest.raises(InputError, match="alexnet: images of 32 x 32 pixels are too small") as error:
        lesion_learner(plain, "alexnet", pretrained=False)
    one_line(error)


def test_small_networks_have_no_trained_weights(plain):
    with pytest.raises(
        InputError, match="timm has no trained weights for gupta2021_cnn; use pretrained=False"
    ) as error:
        lesion_learner(plain, "gupta2021_cnn")
    one_line(error)


@pytest.mark.parametrize(
    ("arch", "size", "stage"),
    [("gupta2021_cnn", 224, "relu2"), (GROUPED[2], 32, "stages"), ("alexnet", 96, "features")],
)
def test_grad_cam_finds_the_last_maps(lesions, arch, size, stage):
    dls = dataloaders(lesions, size=size, bs=12, augment=None)
    learn = lesion_learner(dls, arch, pretrained=False)
    images = dls.array[:2]
    found = last_stage(learn.model, inputs_of(learn, images))
    assert found is learn.model.body.get_submodule(stage)
    maps = gradcam(learn, images)
    assert maps.shape == (2, size, size) and 0 <= maps.min() <= maps.max() <= 1


@pytest.fixture(scope="module")
def alexnet():
    return make_net("alexnet", 3, dropout=0.0).eval()


def test_alexnet_is_torchvisions(alexnet):
    theirs = torchvision.models.alexnet().eval()
    alexnet.body.load_state_dict(theirs.state_dict(), strict=False)
    images = torch.rand(2, 3, 96, 80)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        maps = theirs.avgpool(theirs.features((images - mean[:, None, None]) / std[:, None, None]))
        expected = theirs.classifier[:6](maps.flatten(1))
        found = alexnet.body((images - alexnet.mean) / alexnet.std)
    torch.testing.assert_close(found, expected)
    assert alexnet.head.linear.in_features == 4096
    assert count(on_meta("alexnet")) == torchvision.models.AlexNet_Weights.IMAGENET1K_V1.meta["num_params"]


def test_alexnets_layers_are_its_groups(alexnet):
    names = {id(parameter): name for name, parameter in alexnet.named_parameters()}
    groups = [names[id(group[0])].rpartition(".")[0] for group in parameter_groups(alexnet)]
    convolutions, dense = [f"body.features.{i}" for i in (0, 3, 6, 8, 10)], ["body.classifier.1", "body.classifier.4"]
    assert groups == [*convolutions, *dense, "head.linear"]


def test_the_least_size_of_alexnet(alexnet):
    assert alexnet(torch.rand(1, 3, 63, 63)).shape == (1, 3)
    for size in [(62, 63), (63, 62)]:
        with pytest.raises(InputError, match=f"alexnet: images of {size[0]} x {size[1]} pixels are too small") as error:
            alexnet(torch.rand(1, 3, *size))
        with pytest.raises(InputError, match=r"alexnet: .* too small"):
            make_net("alexnet", 2, size=size)
        assert "take 63 x 63 or larger" in one_line(error)
    with pytest.raises(RuntimeError):
        torchvision.models.AlexNet.forward(AlexNet(2), torch.rand(1, 3, 62, 62))


def tensors_of_alexnet() -> dict[str, torch.Tensor]:
    """A number for each tensor of the whole AlexNet, in a file of a few kilobytes."""
    shapes = {name: tensor.shape for name, tensor in on_meta("alexnet").state_dict().items()}
    return {name: torch.full((1,), 0.01 * i).expand(shape) for i, (name, shape) in enumerate(shapes.items())}


def test_alexnet_takes_torchvisions_weights_from_a_file(alexnet, tmp_path):
    weights = tensors_of_alexnet()
    torch.save(weights, tmp_path / "alexnet.pth")
    load_pretrained(alexnet, "alexnet", tmp_path / "alexnet.pth")
    own = alexnet.body.state_dict()
    assert len(own) == 14 and all(torch.equal(tensor, weights[name]) for name, tensor in own.items())


def test_alexnet_takes_the_weights_that_torch_has_fetched(alexnet, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    weights = tensors_of_alexnet()
    torch.save(weights, folder / "alexnet-owt-7be5be79.pth")
    load_pretrained(alexnet, "alexnet", True)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in alexnet.body.state_dict().items())


def test_alexnets_weights_out_of_reach(alexnet, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match="the ImageNet weights of alexnet are not in timm's cache, and ") as error:
        load_pretrained(alexnet, "alexnet", True)
    for said in ("https://download.pytorch.org/models/alexnet-", "pretrained=<file", "pretrained=False"):
        assert said in one_line(error)


@pytest.mark.slow
def test_alexnet_learns_and_comes_back(lesions, tmp_path):
    dls = dataloaders(lesions, size=64, bs=12, augment=None)
    learn = fit_head(lesion_learner(dls, "alexnet", pretrained=False, dropout=0.0), 15, lr=2e-2)
    assert history(learn)["valid_loss"].iloc[-1] < np.log(3) - 0.1, "better than one in three for each"
    again = load_learner(save_learner(learn, tmp_path / "model"), dls)
    np.testing.assert_array_equal(predict(again, "test").y_prob, predict(learn, "test").y_prob)


def test_parameters_of_table_1():
    """Six of the seven figures are the true ones, rounded; that of ResNet-50 is cut off (25.557 million)."""
    printed = papers.load("gupta2021").tables["1"].set_index("network")["parameters"]
    true = {name: count(on_meta(arch)) / 1e6 for name, arch in TABLE_1.items()}
    assert list(printed.index) == list(TABLE_1)
    differ = {name: (printed[name], round(true[name], 3)) for name in true if round(true[name], 1) != printed[name]}
    assert differ == {"ResNet50": (25.5, 25.557)}
