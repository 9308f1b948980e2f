from __future__ import annotations

import numpy as np
import pytest
import torch
from fastai.callback.mixup import MixUp
from fastai.metrics import accuracy
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import hinge_loss
from tiny_lesions import one_line
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from lesionlib.errors import InputError
from lesionlib.learners import (
    BinaryCrossEntropy,
    HingeLoss,
    PerLabelAccuracy,
    class_weights,
    dataloaders,
    history,
    per_image_accuracy,
    per_label_accuracy,
    predict,
)

LOSSES = {
    "bce": BinaryCrossEntropy,
    "crammer_singer": HingeLoss,
    "ovr": lambda **arguments: HingeLoss("ovr", **arguments),
}


def drawn(k: int, n: int = 50, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores in double precision and class codes; every class occurs."""
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(0, 2, (n, k))), torch.tensor(rng.permutation(np.arange(n) % k))


@pytest.mark.parametrize("k", [2, 3, 7])
def test_binary_cross_entropy_is_torchs_on_one_hot_targets(k):
    scores, targets = drawn(k)
    expected = binary_cross_entropy_with_logits(scores, one_hot(targets, k).double())
    torch.testing.assert_close(BinaryCrossEntropy()(scores, targets), expected)


def test_binary_cross_entropy_of_even_odds_is_the_logarithm_of_two():
    loss = BinaryCrossEntropy()(torch.zeros(4, 5), torch.tensor([0, 1, 4, 4]))
    assert loss.item() == pytest.approx(np.log(2))


def test_one_sigmoid_output_for_two_classes_is_cross_entropy():
    """What section 6 calls a change of loss is none there: one function of the difference of two scores."""
    scores, targets = drawn(2)
    one_output = binary_cross_entropy_with_logits(scores[:, 1] - scores[:, 0], targets.double())
    torch.testing.assert_close(one_output, cross_entropy(scores, targets))
    assert abs(BinaryCrossEntropy()(scores, targets).item() - one_output.item()) > 0.05


@pytest.mark.parametrize("k", [2, 3, 7])
def test_crammer_singer_is_scikit_learns(k):
    scores, targets = drawn(k)
    decisions = scores[:, 1] - scores[:, 0] if k == 2 else scores
    expected = hinge_loss(targets.numpy(), decisions.numpy())
    assert HingeLoss()(scores, targets).item() == pytest.approx(expected)


def test_one_against_all_is_scikit_learns_of_each_class():
    scores, targets = drawn(4)
    each = [hinge_loss(targets.numpy() == k, scores[:, k].numpy()) for k in range(4)]
    assert HingeLoss("ovr")(scores, targets).item() == pytest.approx(np.mean(each))


def test_crammer_singer_is_torchs_margin_loss_where_one_rival_is_near():
    """torch adds the rivals up and divides by k (Weston and Watkins); with one rival within the margin they agree."""
    scores, targets = drawn(2)
    torch.testing.assert_close(HingeLoss()(scores, targets), 2 * torch.nn.MultiMarginLoss()(scores, targets))
    scores = torch.tensor([[1.0, 0.6, -3.0], [0.2, 5.0, 0.0], [-1.0, 4.0, 0.5]])
    targets = torch.tensor([0, 1, 2])
    torch.testing.assert_close(HingeLoss()(scores, targets), 3 * torch.nn.MultiMarginLoss()(scores, targets))
    both_near = torch.zeros(1, 3), torch.tensor([0])
    assert HingeLoss()(*both_near).item() == 1
    assert 3 * torch.nn.MultiMarginLoss()(*both_near).item() == pytest.approx(2)


def test_hinges_of_known_scores():
    scores, targets = torch.tensor([[2.0, 0.5, -1.0], [0.0, 0.0, 0.25]]), torch.tensor([0, 1])
    each = HingeLoss()
    each.reduction = "none"
    assert each(scores, targets).tolist() == [0, 1.25]
    each = HingeLoss("ovr")
    each.reduction = "none"
    assert each(scores, targets).tolist() == pytest.approx([1.5 / 3, (1 + 1 + 1.25) / 3])


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(loss):
    scores, targets = drawn(4, n=6)
    assert torch.autograd.gradcheck(lambda s: LOSSES[loss]()(s, targets), scores.requires_grad_())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_weight_counts_an_image_as_often(loss):
    scores, targets = drawn(3)
    often = torch.tensor([1, 3, 2])[targets]
    repeated = LOSSES[loss]()(scores.repeat_interleave(often, 0), targets.repeat_interleave(often))
    torch.testing.assert_close(LOSSES[loss](weight=[1, 3, 2])(scores, targets), repeated)
    weighted = LOSSES[loss](weight=torch.tensor([1.0, 3, 2]))
    weighted.reduction = "none"
    assert weighted(scores, targets).sum().item() / often.sum().item() == pytest.approx(repeated.item())


@pytest.mark.parametrize("weight", [[1, 2], [1, 2, 3, 4]])
def test_weights_of_another_number_of_classes(weight):
    with pytest.raises(InputError, match=f"weight: found {len(weight)}, expected 3") as error:
        BinaryCrossEntropy(weight)(*drawn(3))
    one_line(error)


@pytest.mark.parametrize("weight", [[1, -1], [1, float("nan")], [1, float("inf")], [[1, 2]], 3.0])
def test_weights_that_are_none(weight):
    with pytest.raises(InputError, match="weight: expected one finite number a class") as error:
        HingeLoss(weight=weight)
    one_line(error)


def test_an_unknown_form_of_hinge():
    with pytest.raises(InputError, match="multi_class: 'ova' is not known; choose from crammer_singer, ovr"):
        HingeLoss("ova")


@pytest.mark.parametrize("k", range(2, 8))
def test_always_no_is_mostly_right(k):
    y_true = np.arange(10 * k) % k
    assert per_label_accuracy(y_true, np.zeros((10 * k, k))) == pytest.approx((k - 1) / k)
    assert per_image_accuracy(y_true, np.zeros((10 * k, k))) == pytest.approx(1 / k)


def test_the_two_accuracies_of_known_answers():
    y_true = [0, 1, 2, 2]
    y_prob = np.array([[0.6, 0.3, 0.1], [0.4, 0.35, 0.25], [0.1, 0.2, 0.7], [0.8, 0.1, 0.1]])
    assert per_label_accuracy(y_true, y_prob) == pytest.approx((3 + 2 + 3 + 1) / 12)
    assert per_image_accuracy(y_true, y_prob) == 0.5


def test_exactly_a_half_is_no():
    assert per_label_accuracy([1], [[0.5, 0.3, 0.2]]) == pytest.approx(2 / 3)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 7), st.integers(0, 10**6))
def test_how_the_accuracies_are_tied_where_rows_sum_to_one(k, seed):
    """Sure and right: all k right. Sure and wrong: two of k wrong. Unsure (none above 0.5): one wrong."""
    scores, targets = drawn(k, seed=seed)
    prob, truth = scores.softmax(1).numpy(), targets.numpy()
    sure, right = prob.max(1) > 0.5, prob.argmax(1) == truth
    expected = 1 - (2 * (sure & ~right).mean() + (~sure).mean()) / k
    assert per_label_accuracy(truth, prob) == pytest.approx(expected)
    if k == 2:
        assert per_label_accuracy(truth, prob) == pytest.approx(per_image_accuracy(truth, prob))


@pytest.mark.parametrize(
    ("y_true", "y_prob", "said"),
    [
        ([0, 1], [[0.5, 0.5]], "found shapes"),
        ([0], [0.5], "found shapes"),
        ([], np.zeros((0, 3)), "found shapes"),
        ([0], [[0.5, np.nan]], r"expected values in \[0, 1\]"),
        ([0], [[3.0, -2.0]], "apply sigmoid or softmax"),
        ([2], [[0.5, 0.5]], "expected class codes 0 to 1"),
        ([-1], [[0.5, 0.5]], "expected class codes 0 to 1"),
        ([0.5], [[0.5, 0.5]], "expected class codes 0 to 1"),
    ],
)
@pytest.mark.parametrize("measure", [per_label_accuracy, per_image_accuracy])
def test_answers_that_are_none(measure, y_true, y_prob, said):
    with pytest.raises(InputError, match=said) as error:
        measure(y_true, y_prob)
    one_line(error)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_network_learns_by_it_and_predicts(lesions, fresh, loss):
    dls = dataloaders(lesions, size=32, bs=12, augment=None)
    metrics = [accuracy, PerLabelAccuracy()]
    learn = fresh(dls, loss_func=LOSSES[loss](weight=class_weights(dls)), metrics=metrics)
    learn.fit_one_cycle(5, 1e-2)
    figures = history(learn)
    assert figures["valid_loss"].iloc[-1] < 0.5 * figures["valid_loss"].iloc[0]
    found = predict(learn, "test")
    assert np.isfinite(found.y_prob).all()
    np.testing.assert_allclose(found.y_prob.sum(axis=1), 1, atol=1e-12)
    assert per_image_accuracy(found.y_true, found.y_prob) > 0.9
    answers, targets, decoded = learn.get_preds(with_decoded=True)
    valid = predict(learn, "valid")
    np.testing.assert_array_equal(decoded, valid.y_pred)
    yes = answers.numpy() if loss == "bce" else 1 / (1 + np.exp(-answers.numpy()))
    odds = (yes / (1 - yes)).astype(float)
    np.testing.assert_allclose(valid.y_prob, odds / odds.sum(axis=1, keepdims=True), rtol=1e-2, atol=1e-4)
    assert (answers.min() < 0) == (loss != "bce"), "margins stay as they are, answers lie in [0, 1]"
    assert figures["per_label_accuracy"].iloc[-1] == pytest.approx(per_label_accuracy(targets, yes), abs=1e-6)
    assert figures["accuracy"].iloc[-1] == pytest.approx(per_image_accuracy(valid.y_true, valid.y_prob))


def test_the_metric_under_a_softmax_is_keras_binary_accuracy(fresh):
    learn = fresh(metrics=[PerLabelAccuracy("softmax")])
    learn.fit(1, 1e-2)
    found = predict(learn, "valid")
    expected = per_label_accuracy(found.y_true, found.y_prob)
    assert history(learn)["per_label_accuracy"].tolist() == pytest.approx([expected])


def test_losses_of_each_image_and_mixed_ones(fresh):
    loss = HingeLoss()
    learn = fresh(loss_func=loss)
    *_, each = learn.get_preds(with_loss=True)
    assert each.shape == (24,)
    assert loss.reduction == "mean"
    assert each.mean().item() == pytest.approx(learn.validate()[0], rel=1e-3)
    seen = []
    learn.loss_func = lambda scores, targets, **named: seen.append(targets.dtype) or loss(scores, targets)
    learn.loss_func.y_int, learn.loss_func.reduction = loss.y_int, "mean"
    learn.fit(1, 1e-3, cbs=MixUp())
    assert set(seen) == {torch.int64}, "MixUp mixes losses of two class codes, not the codes"
