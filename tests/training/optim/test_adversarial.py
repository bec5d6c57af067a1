"""Adversarial training on text vectors: the loss rises, and gradients are those of both."""

from __future__ import annotations

from typing import Any

import pytest
import scipy.sparse as sp
import torch
from torch import nn

from graph_schema.errors import RequestError
from kgrec.config import TrainingConfig
from kgrec.features.inputs import ItemInputs
from kgrec.features.text_pooling import ReviewInputs
from kgrec.nn import ModelInputs
from kgrec.sparse import SparseMatrix
from kgrec.training.optim import adversarial as attacked
from tests.recommender import catalogs

NOTHING = torch.zeros(0)


def inputs(texts: dict[str, torch.Tensor], reviews: ReviewInputs | None = None) -> ModelInputs:
    users = SparseMatrix.build(sp.csr_matrix((0, 0)))
    return ModelInputs(ItemInputs(texts, {}, reviews), users, None, NOTHING)


def test_texts_are_moved_to_where_the_loss_rises() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(4, 1)
    texts = torch.nn.functional.normalize(torch.randn(6, 4), dim=1)
    texts[2] = 0.0
    seen: list[tuple[torch.Tensor, float]] = []

    def loss_of(moved: Any) -> torch.Tensor:
        result = layer(moved.items.rows["text"]).square().mean()
        seen.append((moved.items.rows["text"].detach(), result.item()))
        return result

    loss = attacked.attacked_backward(layer, inputs({"text": texts}), loss_of, 0.1)
    (before, plain), (after, worst) = seen
    assert worst > plain
    assert float(loss) == pytest.approx((plain + worst) / 2)
    moved = (after - before).norm(dim=1)
    assert moved[2] == 0
    assert torch.allclose(moved[[0, 1, 3, 4, 5]], torch.tensor(0.1))
    got = layer.weight.grad
    assert got is not None
    layer.weight.grad = None
    ((layer(before).square().mean() + layer(after).square().mean()) / 2).backward()
    assert layer.weight.grad is not None
    assert torch.allclose(got, layer.weight.grad)


def test_reviews_that_are_weighed_are_moved_one_by_one() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(4, 1)
    vectors = torch.nn.functional.normalize(torch.randn(5, 4), dim=1)
    vectors[1] = 0.0
    means = torch.ones(2, 4)  # which nobody reads then
    single = ReviewInputs(*[NOTHING] * 6, vectors)
    given = inputs({"text": torch.zeros(2, 4), "reviews": means}, single)
    seen: list[tuple[torch.Tensor, float]] = []

    def loss_of(moved: Any) -> torch.Tensor:
        assert torch.equal(moved.items.rows["reviews"], torch.ones(2, 4))
        result = layer(moved.items.reviews.vectors).square().mean()
        seen.append((moved.items.reviews.vectors.detach(), result.item()))
        return result

    attacked.attacked_backward(layer, given, loss_of, 0.1)
    (before, plain), (after, worst) = seen
    assert worst > plain
    moved = (after - before).norm(dim=1)
    assert torch.allclose(moved, torch.tensor([0.1, 0.0, 0.1, 0.1, 0.1]))


def test_it_needs_whole_steps() -> None:
    with pytest.raises(RequestError, match="text_attack"):
        TrainingConfig(text_attack=0.1, accumulation=2)
    assert TrainingConfig().text_attack == 0.0
    assert catalogs.config(text_attack=0.2).training.text_attack == 0.2
