"""The assembled model: its score, what is missing, and that everything learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from kgrec.features.hybrid_layer import Side
from kgrec.nn import (
    HEADS,
    USER_ATTRIBUTES,
    Histories,
    HistoryBatch,
    HybridModel,
    history_state,
)
from tests.nn.samples import PARTS, Sample


def scores_of(sample: Sample, model: HybridModel) -> torch.Tensor:
    inputs = sample.inputs(model)
    items = model.item_vectors(inputs)
    return model.scores(model.user_vectors(items, inputs, sample.batch(model)), items)


def test_the_score_is_what_the_formula_says(sample: Sample) -> None:
    """Event by event: gates, decays, texts, attributes, friends, head, candidate, bias."""
    model = sample.model()
    inputs, histories = sample.inputs(model), sample.histories()
    with torch.no_grad():
        ours = scores_of(sample, model)
        items = model.item_vectors(inputs)
        user_tokens = torch.as_tensor(sample.tables.user_tokens.toarray()) @ model.user_token
        friends = torch.as_tensor(sample.tables.friends.toarray()) @ items.query
        for row in range(len(histories)):
            h = pooled(model, items.query, inputs.event_text, histories, row)
            unit = h / h.norm() if h.norm() > 0 else h
            events = int(histories.indptr[row + 1] - histories.indptr[row])
            unit = unit * events / (events + model.shape.shrinkage)
            scenario = torch.tensor([histories.scenario[row]])
            user = model.head(unit.unsqueeze(0), scenario)[0]
            state = torch.as_tensor(state_of(histories, row))
            gate = model.fusion.gate + state @ model.fusion.state_gate
            if scenario >= 0:
                gate = gate + model.fusion.own_gate[scenario[0]]
            user = (
                unit
                + (1 + gate / (1 + gate.abs())) / 2 * (user - unit)
                + model.head.bias(scenario)[0]
            )
            user = user + model.horizon[int(histories.later[row])]
            if histories.user[row] >= 0:
                stored = int(histories.user[row])
                user = user + user_tokens[stored] + friends[stored] * model.friends_gate
            expected = items.candidate @ user / model.shape.temperature + items.bias
            torch.testing.assert_close(ours[row], expected, atol=1e-4, rtol=1e-4)


def state_of(histories: Histories, row: int) -> np.ndarray:
    part = histories.part(row, row + 1)
    return history_state(part.indptr, part.visit)[0]


def pooled(
    model: HybridModel, query: torch.Tensor, texts: torch.Tensor, histories: Histories, row: int
) -> torch.Tensor:
    events = range(histories.indptr[row], histories.indptr[row + 1])
    total = torch.zeros(query.shape[1])
    state = torch.as_tensor(state_of(histories, row))
    scales = [(histories.age, scale) for scale in model.shape.scales.events]
    scales += [(histories.visit, scale) for scale in model.shape.scales.visits]
    for number, (age, scale) in enumerate(scales):
        gate = model.pool_gate[int(histories.later[row]), number]
        gate = gate + sum(state[i] * model.pool_state[i, number] for i in range(len(state)))
        decay = [float(np.exp(-age[event] / scale)) for event in events]
        for event, weight in zip(events, decay, strict=True):
            vector = query[histories.item[event]]
            if histories.text[event] >= 0:
                vector = vector + texts[histories.text[event]] @ model.event_text
            total = total + gate * vector * weight / sum(decay)
    return total


def test_candidates_are_of_unit_length(sample: Sample) -> None:
    model = sample.model()
    with torch.no_grad():
        items = model.item_vectors(sample.inputs(model))
    torch.testing.assert_close(items.candidate.norm(dim=1), torch.ones(len(items.bias)))


@pytest.mark.parametrize("head", sorted(HEADS))
def test_every_parameter_of_the_model_learns(sample: Sample, head: str) -> None:
    model = sample.model(head=head).train()
    loss = torch.logsumexp(scores_of(sample, model), dim=1).sum()
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    relation = model.features.knowledge.relation.grad
    assert relation is not None
    assert (relation.abs().sum(dim=(1, 2)) > 0).all()  # every layer


@pytest.mark.parametrize("part", PARTS)
def test_every_part_works_alone(sample: Sample, part: str) -> None:
    model = sample.model(parts=(part,), kg_layers=1)
    with torch.no_grad():
        scores = scores_of(sample, model)
    assert torch.isfinite(scores).all()
    assert scores.std(dim=1).min() > 0


def test_what_is_missing_is_never_read_as_zero() -> None:
    side = Side(("text",), 3)
    with torch.no_grad():
        side.missing["text"].copy_(torch.tensor([1.0, 2.0, 3.0]))
    vectors = torch.full((2, 3), 9.0)
    present = torch.tensor([[1.0], [0.0]])
    assert side("text", vectors, present).tolist() == [[9, 9, 9], [1, 2, 3]]
    assert side("text", vectors, None).tolist() == [[9, 9, 9]] * 2


def test_a_missing_part_adds_the_same_to_every_item_without_it(sample: Sample) -> None:
    model = sample.model(kg_layers=1)
    query, candidate = model.item_parts(sample.inputs(model))
    for parts, side in ((query, model.features.query), (candidate, model.features.candidate)):
        for row in range(5, 9):
            torch.testing.assert_close(parts["text"][row], side.missing["text"])
        lonely = int(sample.snapshot.items.rows(["i41"])[0])
        torch.testing.assert_close(parts["knowledge"][lonely], side.missing["knowledge"])
        for new in (40, 41):
            torch.testing.assert_close(parts["id"][new], side.missing["id"])
        assert not torch.allclose(parts["id"][0], side.missing["id"])


def test_new_items_share_one_bias(sample: Sample) -> None:
    model = sample.model()
    bias = model.item_vectors(sample.inputs(model)).bias
    new = sample.snapshot.items.rows(["i40", "i41"])
    torch.testing.assert_close(bias[new], model.new_bias.expand(2))
    torch.testing.assert_close(bias[:40], model.item_bias)


def test_id_dropout_trains_some_items_as_if_new(sample: Sample) -> None:
    model = sample.model(id_dropout=0.5)
    inputs = sample.inputs(model)
    steady = model.item_vectors(inputs).bias
    model.train()
    torch.manual_seed(0)
    dropped = model.item_vectors(inputs).bias == model.new_bias
    assert 5 < int(dropped[:40].sum()) < 35
    assert dropped[40:].all()  # an item without a learned id never gets one
    model.eval()
    assert torch.equal(model.item_vectors(inputs).bias, steady)


def test_a_score_never_depends_on_the_rest_of_the_batch(sample: Sample) -> None:
    model = sample.model()
    inputs, histories = sample.inputs(model), sample.histories()
    with torch.no_grad():
        whole = scores_of(sample, model)
        items = model.item_vectors(inputs)
        for row in range(len(histories)):
            part = histories.part(row, row + 1)
            batch = HistoryBatch.build(part, len(items.bias), model.shape.scales)
            alone = model.scores(model.user_vectors(items, inputs, batch), items)
            torch.testing.assert_close(alone[0], whole[row], atol=1e-6, rtol=1e-6)


def test_an_empty_history_without_a_user_scores_by_bias_alone(sample: Sample) -> None:
    model = sample.model(head="none", horizons=False)
    with torch.no_grad():
        scores = scores_of(sample, model)
        bias = model.item_vectors(sample.inputs(model)).bias
    assert torch.equal(scores[4], bias)


def test_user_attributes_are_the_parameter_that_training_decays(sample: Sample) -> None:
    assert USER_ATTRIBUTES in dict(sample.model().named_parameters())


def test_dropout_is_for_training_only(sample: Sample) -> None:
    model = sample.model(dropout=0.5)
    inputs = sample.inputs(model)
    first, second = model.item_vectors(inputs), model.item_vectors(inputs)
    assert torch.equal(first.query, second.query)
    model.train()
    assert (model.item_vectors(inputs).query == 0).float().mean() > 0.3
    assert functional.cosine_similarity(first.query, second.query).min() > 0.99
