"""The assembled model with each head: what a scenario owns, fusion, and a scenario more."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.features.tables import Vocabulary
from kgrec.nn import HEADS, HistoryBatch, HybridModel, ItemVectors, ScenarioFusion
from tests.nn.samples import Sample

ALL_HEADS = pytest.mark.parametrize("head", sorted(HEADS))
K, D, S = 3, 8, 6


def shop(n_items: int) -> Vocabulary:
    """Seven markets of a shop that knows nothing but which items there are."""
    nothing, tokens = np.empty(0, dtype=object), AttributeTokens((), {})
    items = np.array([f"i{n}" for n in range(n_items)], dtype=object)
    return Vocabulary(items, nothing, nothing, items[:7], tokens, tokens)


@ALL_HEADS
@pytest.mark.parametrize("size", [64, 256])
def test_a_scenario_owns_at_most_a_tenth_of_the_model(sample: Sample, head: str, size: int) -> None:
    shape = sample.shape(
        head=head,
        embedding_size=size,
        parts=("id",),
        user_attributes=False,
        friends=False,
        event_texts=False,
    )
    model = HybridModel(shop(900), shape)
    whole = sum(parameter.numel() for parameter in model.parameters())
    own = [model.get_parameter(name) for name in model.own_parameters]
    assert all(len(parameter) == 7 for parameter in own)
    each = sum(parameter[0].numel() for parameter in own)
    assert each <= 0.1 * whole
    others = HybridModel(shop(900), shape).grown().parameters()
    assert sum(parameter.numel() for parameter in others) == whole + each


@ALL_HEADS
def test_own_rows_decide_nothing_without_a_scenario(sample: Sample, head: str) -> None:
    model = sample.model(head=head)
    before = users_of(sample, model)
    with torch.no_grad():
        for name in model.own_parameters:
            model.get_parameter(name).add_(1.0)
    after = users_of(sample, model)
    none = sample.histories().scenario < 0
    assert torch.equal(after[none], before[none])
    assert head == "none" or not torch.isclose(after[~none], before[~none]).all(dim=1).any()


@ALL_HEADS
def test_a_scenario_more_leaves_all_vectors_alone_to_the_bit(sample: Sample, head: str) -> None:
    model = sample.model(head=head)
    other = model.grown(2, features=torch.ones(2, 3))
    assert torch.equal(users_of(sample, other), users_of(sample, model))
    assert other.head.n_scenarios == model.head.n_scenarios + 2
    like = model.grown(like=1)
    with torch.inference_mode():
        vectors, state = torch.randn(5, D), torch.randn(5, S)
        new = like.adapted(vectors, torch.full((5,), model.head.n_scenarios), state)
        old = model.adapted(vectors, torch.ones(5, dtype=torch.int64), state)
    assert torch.equal(new, old)


def users_of(sample: Sample, model: HybridModel) -> Tensor:
    inputs = sample.inputs(model)
    with torch.inference_mode():
        items: ItemVectors = model.item_vectors(inputs)
        return model.user_vectors(items, inputs, sample.batch(model))


@ALL_HEADS
def test_users_vectors_come_alone_as_they_come_together(sample: Sample, head: str) -> None:
    """To the bit behind the pools, which add up events in an order of their own."""
    model = sample.model(head=head)
    batch = sample.batch(model)
    vectors = torch.randn(len(batch.user), D)
    with torch.inference_mode():
        whole = model.adapted(vectors, batch.scenario, batch.state)
        for row in range(len(vectors)):
            part = slice(row, row + 1)
            alone = model.adapted(vectors[part], batch.scenario[part], batch.state[part])
            assert torch.equal(alone[0], whole[row])


@ALL_HEADS
def test_what_the_head_makes_of_parts_adds_up(sample: Sample, head: str) -> None:
    model = sample.model(head=head)
    batch: HistoryBatch = sample.batch(model)
    parts = torch.randn(20, D, dtype=torch.float64)
    whole = parts.sum(dim=0, keepdim=True).float()
    with torch.inference_mode():
        for row in range(len(batch.user)):
            request = batch.scenario[row : row + 1], batch.state[row : row + 1]
            made = model.adapted(parts, *request, whole).sum(dim=0)
            torch.testing.assert_close(
                made, model.adapted(whole, *request)[0].double(), atol=1e-5, rtol=1e-5
            )


def test_fusion_opens_and_closes_element_by_element() -> None:
    fusion = ScenarioFusion(K, D, S)
    shared, adapted = torch.randn(4, D), torch.randn(4, D)
    scenario, state = torch.tensor([-1, 0, 1, 2]), torch.randn(4, S)
    with torch.no_grad():
        fusion.own_gate[1] = torch.where(torch.arange(D) % 2 > 0, 1e6, -1e6)
    fused = fusion(shared, adapted, scenario, state)
    torch.testing.assert_close(fused[2, 1::2], adapted[2, 1::2], atol=1e-5, rtol=0)
    torch.testing.assert_close(fused[2, ::2], shared[2, ::2], atol=1e-5, rtol=0)
    for row in (0, 1, 3):  # as they start, mostly the scenario's
        torch.testing.assert_close(fused[row], torch.lerp(shared, adapted, 5 / 6)[row])


def test_fusion_of_a_head_that_changes_nothing_changes_nothing() -> None:
    fusion = ScenarioFusion(K, D, S)
    torch.nn.init.normal_(fusion.state_gate)
    shared = torch.randn(4, D)
    assert torch.equal(fusion(shared, shared, torch.arange(-1, 3), torch.randn(4, S)), shared)


def test_the_state_of_a_history_moves_the_gate() -> None:
    fusion = ScenarioFusion(K, D, S)
    torch.nn.init.normal_(fusion.state_gate)
    shared, adapted = torch.zeros(2, D), torch.ones(2, D)
    fused = fusion(shared, adapted, torch.tensor([1, 1]), torch.eye(2, S))
    assert not torch.isclose(fused[0], fused[1]).any()
