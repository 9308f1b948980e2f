from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import suppress

import numpy as np
import pytest
import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.callback.training import ShortEpochCallback
from fastai.losses import CrossEntropyLossFlat
from fastai.optimizer import SGD

from lesionlib.learners import (
    GrowImages,
    class_weights,
    compile_training,
    dataloaders,
    history,
    history_rows,
    predict,
)
from lesionlib.learners.models import parameter_groups

GROUPS = 7  # stem, five stages, head


def weights(learn) -> dict[str, torch.Tensor]:
    """Parameters and batch-norm statistics, copied."""
    return {name: tensor.clone() for name, tensor in learn.model.state_dict().items()}


def moved(before: dict, after: dict) -> set[str]:
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def statistics(names) -> set[str]:
    return {name for name in names if name.endswith(("running_mean", "running_var"))}


class Watch(Callback):
    """Notes the image sizes of every epoch."""

    def before_fit(self):
        self.seen = []

    def before_batch(self):
        self.seen.append((self.training, self.epoch, self.xb[0].shape[-1]))

    def sizes(self, training: bool) -> list[list[int]]:
        epochs = sorted({epoch for _, epoch, _ in self.seen})
        return [sorted({s for t, e, s in self.seen if e == epoch and t == training}) for epoch in epochs]


class Stop(Callback):
    """Raises in the middle of the second epoch's training."""

    def __init__(self, error):
        self.error = error

    def after_batch(self):
        if self.training and self.epoch == 1:
            raise self.error


def test_fine_tuning_learns_an_easy_problem(fresh):
    learn = fresh()
    learn.fine_tune(8, 1e-2)
    assert history(learn)["accuracy"].iloc[-1] > 0.9
    found = predict(learn, "test")
    assert (found.y_pred == found.y_true).mean() > 0.9


def test_slices_of_learning_rates(fresh):
    learn = fresh()
    learn.create_opt()
    learn.opt.set_hyper("lr", slice(1e-5, 1e-2))
    np.testing.assert_allclose([h["lr"] for h in learn.opt.hypers], np.geomspace(1e-5, 1e-2, GROUPS), rtol=1e-6)
    learn.opt.set_hyper("lr", slice(1e-2))
    np.testing.assert_allclose([h["lr"] for h in learn.opt.hypers], [1e-3] * (GROUPS - 1) + [1e-2])


def test_pretrained_bodies_start_frozen(plain, fresh):
    assert fresh().opt is None
    learn = fresh(arch="tf_efficientnet_lite0", pretrained=True)
    trainable = {name for name, p in learn.model.named_parameters() if p.requires_grad}
    assert trainable == {"head.linear.weight", "head.linear.bias"}


def test_no_gradient_reaches_a_frozen_body(fresh):
    learn, tracked = fresh(), []
    learn.freeze_to(-1)
    before = weights(learn)
    learn.model.body.register_forward_hook(lambda body, _, found: tracked.append((body.training, found.requires_grad)))
    learn.fit(1, 1e-2)
    assert tracked == [(True, False)] * 6 + [(False, False)]
    assert moved(before, weights(learn)) == {"head.linear.weight", "head.linear.bias"}


def test_batch_norm_of_frozen_stages_stands_still(fresh):
    learn = fresh()
    learn.freeze_to(-2)
    before = weights(learn)
    learn.fit(1, 1e-2)
    changed = moved(before, weights(learn))
    frozen = ("body.conv_stem", "body.bn1", *(f"body.blocks.{i}." for i in range(4)))
    assert not [name for name in changed if name.startswith(frozen)]
    assert statistics(changed) == {
        name for name in statistics(before) if name.startswith(("body.blocks.4.", "body.bn2"))
    }


def test_batch_norm_moves_once_unfrozen(fresh):
    learn = fresh()
    learn.freeze()
    learn.fit(1, 1e-3)
    learn.unfreeze()
    before = weights(learn)
    learn.fit(1, 1e-3)
    assert statistics(moved(before, weights(learn))) == statistics(before)


def test_lr_find_leaves_no_trace(fresh, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learn = fresh()
    learn.freeze()
    learn.fit(1, 1e-3)
    before, record = weights(learn), history(learn)
    found = learn.lr_find(num_it=20, show_plot=False)
    assert 1e-7 < found.valley < 10
    assert moved(before, weights(learn)) == set()
    assert list(tmp_path.iterdir()) == []
    assert [path for path in (cache / "models").rglob("*") if path.is_file()] == []
    assert history(learn).equals(record)
    assert learn.opt.frozen_idx == GROUPS - 1
    learn.fit(1, 1e-3)
    assert len(history(learn)) == 2


def test_the_seed_decides_everything(lesions, fresh):
    def after_an_epoch(seed: int) -> dict[str, torch.Tensor]:
        dls = dataloaders(lesions, size=32, bs=12, augment="dermoscopy", sampler="oversample")
        learn = fresh(dls, clinical=["age", "sex"], dropout=0.5, seed=seed)
        learn.fit_one_cycle(1, 1e-3)
        return weights(learn)

    first, again, other = after_an_epoch(3), after_an_epoch(3), after_an_epoch(4)
    assert moved(first, again) == set()
    assert {"body.conv_stem.weight", "head.linear.weight", "body.bn1.running_mean"} <= moved(first, other)


def test_the_seed_decides_on_loaders_already_used(plain, fresh):
    runs = []
    for _ in range(2):
        learn = fresh(plain, seed=3)
        learn.fit(1, 1e-3)
        runs.append(weights(learn))
    assert moved(*runs) == set()


def test_images_grow(plain, fresh):
    learn, watch = fresh(), Watch()
    learn.fit(4, 1e-3, cbs=[GrowImages(16, until=0.5), watch])
    assert watch.sizes(training=True) == watch.sizes(training=False) == [[16], [16], [32], [32]]
    assert Counter(training for training, *_ in watch.seen) == {True: 4 * 6, False: 4}
    assert learn.dls is plain
    learn.fit(1, 1e-3, cbs=watch)
    assert watch.sizes(training=True) == [[32]]


def test_growing_images_show_each_training_image_once(plain, fresh):
    class Count(Callback):
        def before_train(self):
            self.learn.drawn = []

        def before_batch(self):
            if self.training:
                self.learn.drawn += [round(x.item(), 6) for x in self.xb[0].double().mean((1, 2, 3))]

    learn = fresh()
    learn.fit(1, 1e-3, cbs=[GrowImages(16, until=1.0), Count()])
    assert len(set(learn.drawn)) == len(learn.drawn) == 72


@pytest.mark.parametrize("error", [KeyboardInterrupt(), CancelFitException(), RuntimeError("out of memory")])
def test_an_interrupted_fit_leaves_the_loaders_as_they_were(plain, fresh, error):
    learn, watch = fresh(), Watch()
    with suppress(KeyboardInterrupt, RuntimeError):
        learn.fit(4, 1e-3, cbs=[GrowImages(16, until=1.0), Stop(error)])
    assert learn.dls is plain
    assert len(history(learn)) == 1
    learn.fit(1, 1e-3, cbs=watch)
    assert watch.sizes(training=True) == watch.sizes(training=False) == [[32]]


def test_growing_images_for_good_leave_predictions_alone(fresh):
    learn, watch = fresh(cbs=GrowImages(16, until=1.0)), Watch()
    learn.fit(1, 1e-3)
    expected = predict(learn, "valid").y_prob
    with learn.added_cbs(watch):
        learn.validate()
        assert watch.sizes(training=False) == [[32]]
        np.testing.assert_array_equal(predict(learn, "valid").y_prob, expected)
        assert watch.sizes(training=False) == [[32]]


def test_class_weights_known_answer(uneven):
    dls = dataloaders(uneven, size=32, bs=12)
    counts = torch.tensor([12.0, 60.0, 3.0])  # mel, nv, vasc
    assert class_weights(dls, power=0).tolist() == [1, 1, 1]
    torch.testing.assert_close(class_weights(dls, power=1), 25 / counts)
    root = counts**-0.5
    torch.testing.assert_close(class_weights(dls), root * 75 / (root * counts).sum())
    assert (class_weights(dls) * counts).sum().item() == pytest.approx(75)


def test_a_class_without_training_images_weighs_nothing(uneven):
    absent = uneven.only("valid", "test")
    halves = np.where(absent.frame["label"] == "vasc", "valid", np.where(absent.frame.index % 2, "train", "valid"))
    absent.frame["split"] = halves
    found = class_weights(dataloaders(absent, size=32, bs=4))
    assert found[2] == 0
    assert torch.isfinite(found).all() and (found[:2] > 0).all()


def test_the_loss_is_the_one_given(uneven, fresh):
    loss = CrossEntropyLossFlat(weight=torch.tensor([1.0, 0.0, 0.0]))
    learn = fresh(dataloaders(uneven, size=32, bs=12, augment=None), loss_func=loss)
    learn.freeze()
    learn.fit(3, 1e-2)
    assert set(predict(learn, "train").y_pred) == {0}


def test_history_goes_on_over_several_fits(fresh):
    learn = fresh()
    assert history(learn).empty and history_rows(learn) == []
    learn.fine_tune(2, 1e-3)
    learn.validate()
    predict(learn, "test")
    learn.freeze_to(-2)
    learn.fit(1, 1e-3)
    found = history(learn)
    assert list(found) == ["epoch", "train_loss", "valid_loss", "accuracy", "balanced_accuracy", "frozen_groups"]
    assert found["epoch"].tolist() == [1, 2, 3, 4]
    assert found["frozen_groups"].tolist() == [GROUPS - 1, 0, 0, GROUPS - 2]
    assert found.notna().all(axis=None)
    loss, accuracy, _ = learn.validate()
    assert found["valid_loss"].iloc[-1] == pytest.approx(loss, rel=1e-4)
    assert found["accuracy"].iloc[-1] == pytest.approx(accuracy)


def test_history_rows_are_tidy(fresh):
    learn = fresh()
    learn.fit(2, 1e-3)
    rows, figures = history_rows(learn), history(learn)
    assert [tuple(row.values())[:3] for row in rows[:4]] == [
        ("train", "loss", 1),
        ("valid", "loss", 1),
        ("valid", "accuracy", 1),
        ("valid", "balanced_accuracy", 1),
    ]
    assert len(rows) == 8
    assert rows[5] == {"split": "valid", "metric": "loss", "epoch": 2, "value": figures["valid_loss"].iloc[1]}
    assert all(type(row["epoch"]) is int and type(row["value"]) is float for row in rows)


def test_an_epoch_cut_short_is_left_out(fresh):
    learn = fresh()
    learn.fit(1, 1e-3, cbs=ShortEpochCallback(0.5))
    learn.fit(1, 1e-3)
    assert len(history(learn)) == 1


def test_predictions_leave_the_recorder_as_it_was(fresh):
    learn = fresh()
    learn.fit(2, 1e-3)
    losses, values = list(learn.recorder.losses), list(learn.recorder.values)
    predict(learn, "test", views=2)
    assert learn.recorder.losses == losses and len(losses) == 12
    assert learn.recorder.values == values and len(values) == 2
    learn.fit(1, 1e-3)
    assert len(learn.recorder.values) == 1


def test_callbacks_metrics_and_optimizer_of_the_reader(fresh):
    watch = Watch()
    learn = fresh(cbs=[watch], metrics=[], opt_func=SGD)
    learn.fit(1, 1e-3)
    assert list(history(learn)) == ["epoch", "train_loss", "valid_loss", "frozen_groups"]
    assert len(watch.seen) == 6 + 1
    assert "sqr_avg" not in learn.opt.state[parameter_groups(learn.model)[-1][0]]


def test_one_bar_on_stderr_and_only_for_training(fresh, capfd):
    learn = fresh()
    learn.validate()
    predict(learn, "test")
    learn.lr_find(num_it=10, show_plot=False)
    assert capfd.readouterr() == ("", "")
    learn.fit(2, 1e-3)
    out, bar = capfd.readouterr()
    assert out == ""
    assert "12/12" in bar and "accuracy" in bar


def test_a_notebook_begins_without_a_warning():
    """The import is silent, and no other warning is silenced."""
    code = (
        "import lesionlib; lesionlib.learners; import warnings; warnings.warn('still heard', FutureWarning); "
        "import torch; torch.jit.script(lambda x: x)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert "still heard" in first
    assert any("torch.jit.script` is deprecated" in line for line in rest)


@pytest.fixture
def compiled(monkeypatch):
    """Counts the batches that compiled code ran: traced as ever, but without a C++ compiler, which takes a minute."""
    ran, compile_it = [], torch.compile

    def traced(function):
        made = compile_it(function, backend="aot_eager")

        def counted(images):
            ran.append(len(images))
            return made(images)

        return counted

    monkeypatch.setattr(torch, "compile", traced)
    return ran


def test_a_compiled_network_learns_the_same(fresh, compiled):
    def trained(prepared):
        learn = prepared(fresh(opt_func=SGD))
        with learn.no_bar():
            learn.fit(1, 1e-2)
        return learn

    before = weights(fresh())
    plain, other = weights(trained(lambda learn: learn)), trained(compile_training)
    # Training batches only: validation and predictions run the network as it is.
    assert compiled == [other.dls.train.bs] * len(other.dls.train)
    predict(other, "valid")
    assert len(compiled) == len(other.dls.train)
    assert list(weights(other)) == list(plain)
    assert moved(before, plain)
    for name, tensor in plain.items():
        assert torch.allclose(weights(other)[name], tensor, atol=1e-4), name
