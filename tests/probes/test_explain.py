from __future__ import annotations

import contextlib

import numpy as np
import pytest
import timm
import torch
from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from tiny_nets import MEAN, STD, Pooled, deep, lesion_net, one_conv, one_line, pictures, scaled, tiny_learner
from torch import nn

from lesionlib.errors import InputError
from lesionlib.learners import lesion_learner, models
from lesionlib.learners.models import Head, LesionNet
from lesionlib.probes import feature_maps, gradcam, gradcam_plusplus, heat_on_lesion, lesion_masks
from lesionlib.probes.inputs import Inputs
from lesionlib.probes.layers import last_stage

METHODS = [gradcam, gradcam_plusplus]


def activations(learn, images: np.ndarray, stride: int = 1) -> np.ndarray:
    """What the one convolution and its ReLU give, in double precision."""
    conv = learn.model.body.stages[0]
    x = (torch.from_numpy(images).permute(0, 3, 1, 2).double() / 255 - torch.tensor(MEAN).view(3, 1, 1).double()) / (
        torch.tensor(STD).view(3, 1, 1).double()
    )
    with torch.no_grad():
        found = nn.functional.conv2d(x, conv.weight.double(), conv.bias.double(), stride=stride, padding=1)
    return found.clamp(min=0).numpy()


def class_activation_map(learn, a: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Zhou et al., 2016: activations weighted by the linear layer's weights of the class."""
    weights = learn.model.head.linear.weight.detach().double().numpy()[codes, : a.shape[1]]
    return np.einsum("nk,nkhw->nhw", weights, a).clip(min=0)


def grad_cam_by_hand(a: np.ndarray, g: np.ndarray) -> np.ndarray:
    return np.einsum("nk,nkhw->nhw", g.mean(axis=(2, 3)), a).clip(min=0)


def grad_cam_plusplus_by_hand(a: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Chattopadhyay et al., 2018, equations 19 and 5."""
    below = 2 * g**2 + g**3 * a.sum(axis=(2, 3), keepdims=True)
    alpha = np.divide(g**2, below, out=np.zeros_like(g), where=g != 0)
    weights = (alpha * g.clip(min=0)).sum(axis=(2, 3))
    return np.einsum("nk,nkhw->nhw", weights, a).clip(min=0)


BY_HAND = {gradcam: grad_cam_by_hand, gradcam_plusplus: grad_cam_plusplus_by_hand}


@pytest.mark.parametrize("target", [0, 1, 2])
def test_gradcam_is_the_class_activation_map_where_pooling_and_a_linear_layer_follow(learn, target):
    images = pictures()
    expected = scaled(class_activation_map(learn, activations(learn, images), np.full(5, target)))
    found = gradcam(learn, images, target)
    assert found.dtype == np.float32 and found.shape == (5, 12, 9)
    assert expected.max() == 1
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("target", [0, 1, 2])
def test_gradcam_plusplus_is_its_formula(learn, target):
    images = pictures()
    a = activations(learn, images)
    weights = learn.model.head.linear.weight.detach().double().numpy()[target]
    gradient = np.broadcast_to((weights / (12 * 9))[None, :, None, None], a.shape)
    expected = scaled(grad_cam_plusplus_by_hand(a, gradient))
    assert expected.max() == 1
    np.testing.assert_allclose(gradcam_plusplus(learn, images, target), expected, atol=1e-5)


def test_gradcam_plusplus_is_that_of_the_package_where_gradients_are_large(learn):
    with torch.no_grad():
        learn.model.head.linear.weight *= 1e5
    images = pictures()
    theirs = GradCAMPlusPlus(learn.model.eval(), [learn.model.body.stages[1]], reshape_transform=torch.clone)
    expected = theirs(torch.from_numpy(images).permute(0, 3, 1, 2) / 255, [ClassifierOutputTarget(1)] * 5)
    np.testing.assert_allclose(gradcam_plusplus(learn, images, 1), expected, atol=1e-5)
    assert np.abs(gradcam(learn, images, 1) - expected).max() > 0.05, "Grad-CAM is another map"


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_gradcam_plusplus_needs_no_scale_of_its_own(learn, factor):
    """Gradients of 1e-6 are as good as any: alpha stays as it is where scores shrink and activations grow alike."""
    images = pictures()
    expected = gradcam_plusplus(learn, images, 1)
    with torch.no_grad():
        learn.model.head.linear.weight *= factor
        learn.model.body.stages[0].weight /= factor
        learn.model.body.stages[0].bias /= factor
    np.testing.assert_allclose(gradcam_plusplus(learn, images, 1), expected, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["stages.0", "stages.1", "stages.2.conv", "stages.2", "stages.3", "stages.4"])
def test_any_layer_against_its_gradients(method, layer):
    """Also where what follows writes in place: the ReLU after stages.0, the addition after stages.2.conv."""
    learn = tiny_learner(deep(), features=4)
    images = pictures(4, 12, 8)
    codes = np.array([0, 1, 2, 1])
    net = lesion_net(deep(), 4)
    net.load_state_dict(learn.model.state_dict())
    kept = []
    net.get_submodule(f"body.{layer}").register_forward_hook(lambda m, i, output: kept.append(output) or output.clone())
    scores = net.eval()(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    (gradient,) = torch.autograd.grad(scores[np.arange(4), codes].sum(), kept)
    raw = BY_HAND[method](kept[0].detach().double().numpy(), gradient.double().numpy())
    whole = nn.functional.interpolate(torch.from_numpy(raw)[:, None], (12, 8), mode="bilinear")[:, 0].numpy()
    found = method(learn, images, codes, layer)
    assert found.max() > 0.99
    np.testing.assert_allclose(found, scaled(whole), atol=1e-4)
    np.testing.assert_array_equal(method(learn, images, codes, f"body.{layer}"), found)


def test_maps_are_enlarged_bilinearly():
    learn = tiny_learner(one_conv(stride=3))
    images = pictures(3, 24, 18)
    raw = class_activation_map(learn, activations(learn, images, stride=3), np.full(3, 1))
    assert raw.shape == (3, 8, 6)
    whole = nn.functional.interpolate(torch.from_numpy(raw)[:, None], (24, 18), mode="bilinear")[:, 0].numpy()
    np.testing.assert_allclose(gradcam(learn, images, 1), scaled(whole), atol=1e-5)


def test_maps_are_in_full_precision_where_inference_is_not(learn, monkeypatch):
    images = pictures()
    monkeypatch.setattr(models, "_cpu_has_bfloat16", lambda: True)
    with torch.no_grad():
        scores = learn.model.eval()(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    a = activations(learn, images)
    exact = a.mean(axis=(2, 3)) @ learn.model.head.linear.weight.detach().numpy().T
    exact += learn.model.head.linear.bias.detach().numpy()
    assert np.abs(scores.numpy() - exact).max() > 1e-4, "inference was in full precision"
    expected = scaled(class_activation_map(learn, a, np.full(5, 2)))
    np.testing.assert_allclose(gradcam(learn, images, 2), expected, atol=1e-5)
    np.testing.assert_allclose(feature_maps(learn, images, "stages.1")["stages.1"], a, atol=1e-4)


def test_channels_last_makes_no_difference(learn):
    images = pictures()
    expected = gradcam(learn, images, 0)
    learn.model.to(memory_format=torch.channels_last)
    np.testing.assert_allclose(gradcam(learn, images, 0), expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_predicted_class_unless_another_is_asked_for(learn, method):
    images = pictures(8)
    a = activations(learn, images).mean(axis=(2, 3))
    linear = learn.model.head.linear
    predicted = (a @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()).argmax(axis=1)
    assert len(set(predicted)) > 1
    found = method(learn, images)
    np.testing.assert_array_equal(found, method(learn, images, predicted))
    for code in range(3):
        np.testing.assert_array_equal(found[predicted == code], method(learn, images, code)[predicted == code])


@pytest.mark.parametrize("method", METHODS)
def test_batches_and_rows_do_not_matter_and_maps_repeat(learn, method):
    images = pictures(7)
    codes = np.array([0, 1, 2, 0, 1, 2, 0])
    found = method(learn, images, codes)
    np.testing.assert_array_equal(method(learn, images, codes), found)
    np.testing.assert_allclose(method(learn, images, codes, bs=2), found, atol=1e-6)
    rows = [5, 0, 3]
    np.testing.assert_allclose(method(learn, images, codes[rows], rows=rows), found[rows], atol=1e-6)
    assert method(learn, images, rows=[]).shape == (0, 12, 9)
    assert method(learn, images[:0]).shape == (0, 12, 9)


@pytest.mark.parametrize("method", METHODS)
def test_a_class_that_all_places_speak_against_has_no_heat(learn, method):
    with torch.no_grad():
        learn.model.head.linear.weight[1] = -learn.model.head.linear.weight[1].abs()
    np.testing.assert_array_equal(method(learn, pictures(), 1), np.zeros((5, 12, 9)))


def test_a_single_place_is_told():
    learn = tiny_learner(one_conv(stride=16))
    with pytest.warns(UserWarning, match="12 x 9 pixels are one place"):
        found = gradcam(learn, pictures(), 1)
    np.testing.assert_array_equal(found, np.zeros((5, 12, 9)))


class FailsLater(nn.Module):
    """A head that breaks when it has been used often enough."""

    def __init__(self, head, times: int):
        super().__init__()
        self.head, self.left = head, times

    def forward(self, *inputs):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("out of memory")
        return self.head(*inputs)


def state(net) -> list:
    modules = [(m.training, len(m._forward_hooks), len(m._backward_hooks)) for m in net.modules()]
    return [modules, [(p.requires_grad, None if p.grad is None else p.grad.clone()) for p in net.parameters()]]


def in_use():
    """A Learner in the midst of training: a part frozen, a part evaluating, gradients waiting for a step."""
    learn = tiny_learner()
    net = learn.model.train()
    net.body.eval().requires_grad_(False)
    net(torch.rand(2, 3, 12, 9)).sum().backward()
    assert net.head.linear.weight.grad is not None and net.head.training
    return learn


@pytest.mark.parametrize(
    "ask",
    [
        lambda learn: gradcam(learn, pictures()),
        lambda learn: gradcam_plusplus(learn, pictures(), 1),
        lambda learn: feature_maps(learn, pictures(), "stages.0"),
        lambda learn: gradcam(learn, pictures(), 99),
        lambda learn: gradcam(learn, pictures(), layer="stages.7"),
    ],
)
def test_the_learner_is_left_as_it_was(ask):
    learn = in_use()
    before, weights = state(learn.model), [p.clone() for p in learn.model.parameters()]
    with contextlib.suppress(InputError):
        ask(learn)
    after = state(learn.model)
    assert before[0] == after[0]
    for (needed, gradient), (needs, found) in zip(before[1], after[1], strict=True):
        assert needed == needs
        assert (gradient is None and found is None) or torch.equal(gradient, found)
    assert all(torch.equal(p, w) for p, w in zip(learn.model.parameters(), weights, strict=True))


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_the_learner_is_left_as_it_was_after_an_error_within(times):
    learn = in_use()
    learn.model.head = FailsLater(learn.model.head, times)
    before = state(learn.model)
    with pytest.raises(RuntimeError, match="out of memory") as error:
        gradcam(learn, pictures(), 0, bs=2)
    after = state(learn.model)
    assert error.traceback, "while the error, and what hangs on it, is still at hand"
    assert before[0] == after[0]
    assert [needed for needed, _ in before[1]] == [needed for needed, _ in after[1]]


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_maps_within_a_context_without_gradients(learn, context):
    expected = gradcam(learn, pictures(), 0)
    with context():
        np.testing.assert_array_equal(gradcam(learn, pictures(), 0), expected)


def test_layers_that_are_none():
    learn = tiny_learner(deep(), features=4)
    for layer, told in {
        "stages.9": "no layer 'stages.9'; it has, among others, stages.4, stages.3",
        "": "no layer ''",
        "head.linear": r"'head.linear' gives the shape \(1, 3\), expected a map",
        "head.unused": "'head.unused' does not run",
    }.items():
        learn.model.head.unused = nn.Conv2d(3, 3, 1)
        with pytest.raises(InputError, match=told) as error:
            gradcam(learn, pictures(), layer=layer)
        assert "it has, among others" in one_line(error)
    with pytest.raises(InputError, match="layer: expected a layer's name; got Linear"):
        gradcam(learn, pictures(), layer=learn.model.head.linear)


def test_a_layer_that_runs_twice():
    shared = nn.ReLU()
    learn = tiny_learner(Pooled(nn.Conv2d(3, 5, 1), shared, nn.Conv2d(5, 5, 1), shared))
    with pytest.raises(InputError, match=r"'stages.1' runs 2 times in one pass.* stages.2, stages.0") as error:
        gradcam(learn, pictures(), layer="stages.1")
    one_line(error)


def test_the_last_layer_with_a_map_where_the_network_does_not_tell_its_features():
    pooled = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = LesionNet(pooled, Head(5, 0, 3, 0.0), MEAN, STD)
    given = Inputs(pictures(), None, np.arange(5), torch.device("cpu"))
    assert last_stage(net, given) is pooled[1]
    with pytest.raises(InputError, match="no layer that gives maps"):
        last_stage(nn.Sequential(nn.Flatten(), nn.Linear(324, 3)), given)


@pytest.mark.parametrize(
    ("arch", "stage"),
    [
        ("tf_efficientnet_lite0", "bn2"),
        ("efficientnet_b3", "bn2"),
        ("mobilenetv2_100", "bn2"),
        ("resnet18", "layer4"),
        ("resnext50_32x4d", "layer4"),
        ("densenet121", "features"),
        ("vgg11", "features"),
        ("inception_v3", "Mixed_7c"),
    ],
)
def test_the_last_stage_of_networks_that_the_chapters_use(arch, stage):
    with torch.device("meta"):
        body = timm.create_model(arch, num_classes=0)
        net = LesionNet(body, Head(body.num_features, 0, 7, 0.0), MEAN, STD).eval()
    given = Inputs(pictures(1, 96, 96), None, np.arange(1), torch.device("meta"))
    assert last_stage(net, given) is body.get_submodule(stage)


def test_a_transformer_gives_no_maps():
    learn = tiny_learner(timm.create_model("test_vit", num_classes=0), 64)
    with pytest.raises(InputError, match="expected n x channels x height x width") as error:
        gradcam(learn, pictures(1, 160, 160))
    one_line(error)


def test_a_network_that_has_diverged(learn):
    with torch.no_grad():
        learn.model.head.linear.weight[2] = torch.nan
    with pytest.raises(InputError, match="image 0: the network's scores or gradients are not finite") as error:
        gradcam(learn, pictures(), 2)
    one_line(error)


@pytest.mark.parametrize("arch", ["test_efficientnet", "test_resnet"])
def test_networks_of_timm_on_phantoms_with_clinical_data(phantom, phantom_loaders, arch):
    learn = lesion_learner(phantom_loaders, arch, pretrained=False, clinical=["age", "sex", "site"])
    rows = phantom.frame.index[phantom.frame["mask"].notna()][:3].append(phantom.frame.index[:1])
    layer = learn.model.body.feature_info[2]["module"]
    found = gradcam(learn, phantom, "mel", layer, rows=rows)
    assert found.shape == (4, 40, 40) and found.min() >= 0 and found.max() <= 1
    strongest = [gradcam(learn, phantom, code, layer, rows=rows).max(axis=(1, 2)) for code in range(learn.dls.c)]
    assert (np.max(strongest, axis=0) > 0.99).all(), "some class has heat in each image"
    images = learn.dls.array[rows]
    by_hand = gradcam(learn, images, phantom.classes.index("mel"), layer, clinical=phantom.frame.loc[rows])
    np.testing.assert_array_equal(by_hand, found)
    judged = heat_on_lesion(found, lesion_masks(phantom, rows))
    assert judged.shape == (4, 4)
    assert judged["chance"].iloc[:3].between(0.01, 0.99).all()


def clinical_learner(loaders):
    dls = loaders.with_clinical(["age", "sex"])
    return tiny_learner(dls=dls, clinical=dls.encoder.width, classes=dls.c)


def test_clinical_data_change_the_prediction_and_not_the_map_of_a_class(phantom, phantom_loaders):
    """They join after the pooling: the class activation map is as it was without them."""
    learn = clinical_learner(phantom_loaders)
    rows = [4, 1, 7]
    labels = phantom.frame.loc[rows, "label"].tolist()
    images = learn.dls.array[rows]
    codes = np.array([phantom.classes.index(label) for label in labels])
    expected = scaled(class_activation_map(learn, activations(learn, images), codes))
    np.testing.assert_allclose(gradcam(learn, phantom, labels, rows=rows), expected, atol=1e-5)
    frame = phantom.frame
    shuffled = frame.assign(age=frame["age"].to_numpy()[::-1] * 5)
    kept = [gradcam(learn, learn.dls.array, clinical=each) for each in (frame, shuffled)]
    changed = np.abs(kept[0] - kept[1]).max(axis=(1, 2)) > 1e-3
    assert changed.any() and not changed.all(), "another predicted class has another map"
    backwards = np.arange(len(frame))[::-1]
    found = gradcam(learn, learn.dls.array, clinical=shuffled, rows=backwards)
    np.testing.assert_allclose(found, kept[1][backwards], atol=1e-5)


def test_clinical_data_that_are_missing(phantom, phantom_loaders):
    learn = clinical_learner(phantom_loaders)
    images = learn.dls.array
    for clinical, told in {
        None: "this network takes age, sex beside the images",
        "sex": "no column sex; this network takes age, sex",
        "rows": f"found 3 rows for {len(images)} images",
    }.items():
        frame = {"sex": phantom.frame.drop(columns="sex"), "rows": phantom.frame[:3]}.get(clinical)
        with pytest.raises(InputError, match=told) as error:
            gradcam(learn, images, clinical=frame)
        one_line(error)
    alone = tiny_learner(clinical=4)
    with pytest.raises(InputError, match="was loaded without any"):
        gradcam(alone, pictures(), clinical=phantom.frame)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (pictures() / 255, "found float64"),
        (pictures()[0], r"shape \(12, 9, 3\)"),
        (pictures()[..., :1], r"shape \(5, 12, 9, 1\)"),
    ],
)
def test_images_that_are_none(learn, images, found):
    with pytest.raises(InputError, match=f"images: found .*{found.split('found ')[-1]}") as error:
        gradcam(learn, images)
    one_line(error)


def test_a_dataset_needs_a_size(learn, phantom):
    with pytest.raises(InputError, match="no data that tell the size"):
        gradcam(learn, phantom)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"target": 3}, "target: there is no class 3; expected 0 to 2"),
        ({"target": -1}, "no class -1"),
        ({"target": True}, "no class True"),
        ({"target": [0, 1]}, "found 2 classes for 5 images"),
        ({"target": [0, 1, 2, 0, 1.5]}, "no class 1.5"),
        ({"target": 1.5}, "target: there is no class 1.5; expected 0 to 2"),
        ({"target": "mel"}, "no data that name its classes; pass 'mel' as a number"),
        ({"rows": [0, 5]}, "rows: there is no row 5; expected 0 to 4"),
        ({"rows": [-1]}, "no row -1"),
        ({"rows": [True, False]}, "rows: found bool"),
        ({"rows": 3}, r"rows: found int64 of shape \(\), expected a list of row numbers"),
        ({"bs": 0}, "bs: expected a whole number"),
    ],
)
def test_arguments_that_are_none(learn, arguments, told):
    with pytest.raises(InputError, match=told) as error:
        gradcam(learn, pictures(), **arguments)
    one_line(error)


def test_a_class_that_the_data_do_not_have(phantom, phantom_loaders):
    learn = tiny_learner(dls=phantom_loaders, classes=7)
    with pytest.raises(InputError, match="there is no class 'melanoma'; choose from akiec, bcc") as error:
        gradcam(learn, phantom, "melanoma")
    one_line(error)
    names = ["mel", "nv"]
    np.testing.assert_array_equal(
        gradcam(learn, phantom, names, rows=[0, 1]),
        gradcam(learn, phantom, [phantom.classes.index(name) for name in names], rows=[0, 1]),
    )


def test_feature_maps_are_the_layers_outputs():
    learn = tiny_learner(deep(), features=4)
    images = pictures(5, 12, 8)
    found = feature_maps(learn, images, ["stages.0", "stages.1", "stages.4"], bs=2)
    assert list(found) == ["stages.0", "stages.1", "stages.4"]
    assert found["stages.4"].shape == (5, 4, 6, 4) and found["stages.4"].dtype == np.float32
    assert found["stages.0"].min() < 0, "before the ReLU, which writes in place"
    np.testing.assert_array_equal(found["stages.1"], found["stages.0"].clip(min=0))
    np.testing.assert_allclose(found["stages.1"], activations(learn, images), atol=1e-5)
    some = feature_maps(learn, images, "stages.4", rows=[4, 2])["stages.4"]
    np.testing.assert_allclose(some, found["stages.4"][[4, 2]], rtol=1e-4, atol=1e-4)
    assert feature_maps(learn, images, "stages.4", rows=[])["stages.4"].shape == (0, 4, 6, 4)
