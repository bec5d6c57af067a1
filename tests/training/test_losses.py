"""The losses against naive loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kgrec.training.data.examples import Examples, random_masks
from kgrec.training.losses import bce_terms, kl_terms, softmax_terms
from kgrec.training.objective import GroupLoss
from tests.nn.test_histories import histories
from tests.training.data.test_examples import sequences


def loss_of(*result: object) -> torch.Tensor:
    """The softmax loss as one number."""
    return GroupLoss(0, *softmax_terms(*result)).mean()  # type: ignore[arg-type]


def naive(scores: torch.Tensor, examples: Examples, user_weight: float) -> float:
    loss = total = 0.0
    for row in range(len(scores)):
        seen = set(examples.seen_item[examples.seen_row == row].tolist())
        left = [item for item in range(scores.shape[1]) if item not in seen]
        norm = math.log(sum(math.exp(float(scores[row, item])) for item in left))
        mine = examples.target_row == row
        targets = [
            (item, float(weight))
            for item, weight in zip(
                examples.target_item[mine], examples.target_weight[mine], strict=True
            )
            if item not in seen
        ]
        own = sum(weight for _, weight in targets)
        for item, weight in targets:
            share = weight / own * own**user_weight
            loss += share * (norm - float(scores[row, item]))
            total += share
    return loss / total


def examples(
    seen: list[tuple[int, int]], targets: list[tuple[int, int]], weight: list[float]
) -> Examples:
    pairs = [np.array(pairs, dtype=np.int64).reshape(-1, 2).T for pairs in (seen, targets)]
    return Examples(histories([[], []]), *pairs[0], *pairs[1], np.array(weight, dtype=np.float32))


@pytest.mark.parametrize("user_weight", [0.0, 0.5, 0.75, 1.0])
def test_loss_equals_the_naive_one(user_weight: float) -> None:
    data = sequences([6, 9, 3])
    made = random_masks(data, np.arange(3), np.random.default_rng(0), history_dropout=0.5)
    torch.manual_seed(0)
    scores = torch.randn(3, 20) * 2
    expected = naive(scores, made, user_weight)
    assert float(loss_of(scores, made, user_weight)) == pytest.approx(expected, rel=1e-5)


def test_weighted_targets_and_users() -> None:
    made = examples([(0, 1)], [(0, 2), (0, 3), (1, 0)], [1.0, 0.5, 0.25])
    scores = torch.tensor([[0.0, 5.0, 1.0, -1.0], [2.0, 0.0, 0.0, 1.0]])
    for user_weight in (0.0, 0.75, 1.0):
        expected = naive(scores, made, user_weight)
        assert float(loss_of(scores, made, user_weight)) == pytest.approx(expected, rel=1e-5)


def test_a_target_already_seen_is_none() -> None:
    scores = torch.randn(2, 4)
    with_seen = examples([(0, 1)], [(0, 1), (0, 2)], [1.0, 1.0])
    without = examples([(0, 1)], [(0, 2)], [1.0])
    assert float(loss_of(scores, with_seen, 0.75)) == pytest.approx(
        float(loss_of(scores, without, 0.75))
    )


def test_seen_items_get_no_gradient() -> None:
    scores = torch.randn(2, 4, requires_grad=True)
    loss_of(scores, examples([(0, 1)], [(0, 2)], [1.0]), 0.75).backward()
    assert scores.grad is not None
    assert scores.grad[0, 1] == 0
    assert scores.grad[0, 2] < 0 < scores.grad[0, 3]
    assert not scores.grad[1].any()


def test_no_target_is_no_loss() -> None:
    scores = torch.randn(2, 4, requires_grad=True)
    loss = loss_of(scores, examples([(0, 1)], [(0, 1)], [1.0]), 0.75)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_binary_loss_equals_the_naive_one() -> None:
    """With the same draws; drawn items that are seen or targets say nothing."""
    made = examples([(0, 1), (1, 2)], [(0, 2), (0, 3), (1, 0), (1, 2)], [1.0, 0.5, 0.25, 1.0])
    torch.manual_seed(1)
    scores = torch.randn(2, 6) * 2
    torch.manual_seed(7)
    drawn = torch.randint(6, (4, 16))
    known = [{1, 2, 3}, {0, 2}]
    loss = total = 0.0
    targets = [(0, 2, 1.0, 1.5), (0, 3, 0.5, 1.5), (1, 0, 0.25, 0.25)]  # and the row's weight
    for place, (row, item, weight, of_row) in enumerate(targets):
        share = weight * of_row**-0.25
        one = math.log1p(math.exp(-float(scores[row, item])))
        others = [other for other in drawn[place].tolist() if other not in known[row]]
        one += sum(math.log1p(math.exp(float(scores[row, other]))) for other in others)
        loss, total = loss + share * one / 17, total + share
    torch.manual_seed(7)
    result = GroupLoss(0, *bce_terms(scores, made, 0.75))
    assert float(result.weight) == pytest.approx(total, rel=1e-5)
    assert float(result.mean()) == pytest.approx(loss / total, rel=1e-5)


def test_distillation_is_the_divergence_over_items_not_seen() -> None:
    made = examples([(0, 1)], [(0, 2), (1, 0), (1, 3)], [1.0, 0.5, 0.5])
    torch.manual_seed(1)
    scores, teacher = torch.randn(3, 4), torch.randn(3, 4)  # the third row has no target
    kept = [[0, 2, 3], [0, 1, 2, 3]]
    expected = 0.0
    for row, items in enumerate(kept):
        own = torch.log_softmax(scores[row, items] / 2, dim=0)
        theirs = torch.log_softmax(teacher[row, items] / 2, dim=0)
        expected += float((theirs.exp() * (theirs - own)).sum() * 4) / 2
    result = GroupLoss(0, *kl_terms(scores, teacher, made, 0.75))
    assert float(result.weight) == pytest.approx(2.0)
    assert float(result.mean()) == pytest.approx(expected, rel=1e-5)
    same = GroupLoss(0, *kl_terms(teacher, teacher, made, 0.75))
    assert float(same.mean()) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("loss", ["bce", "kl"])
def test_a_loss_without_targets_is_nothing(loss: str) -> None:
    scores = torch.randn(2, 4, requires_grad=True)
    made = examples([(0, 1)], [], [])
    terms = bce_terms(scores, made, 0.75) if loss == "bce" else kl_terms(
        scores, torch.randn(2, 4), made, 0.75
    )  # fmt: skip
    result = GroupLoss(0, *terms).mean()
    result.backward()
    assert float(result.detach()) == 0.0
    assert scores.grad is not None
    assert not scores.grad.any()
