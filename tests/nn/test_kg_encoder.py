"""Message passing against a naive loop over the facts, and against PyTorch Geometric's."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import pytest
import torch
from torch import Tensor

from graph_schema.names import ITEM, USER
from kgrec.features import kg_encoder
from kgrec.features.kg_encoder import DeviceMessages, KGEncoder
from kgrec.features.messages import relation_key
from kgrec.features.tables import Vocabulary
from kgrec.graph import GraphSnapshot
from tests.nn.samples import Sample

SIZE = 5
Edge = tuple[int, int, int]  # source node, relation, target node


def edges_of(snapshot: GraphSnapshot, vocabulary: Vocabulary) -> list[Edge]:
    """Every fact both ways, fact by fact; nodes are items, then the vocabulary's entities."""
    n_items = len(snapshot.items)
    entities = {name: n_items + row for row, name in enumerate(vocabulary.entities)}
    relations = {name: row for row, name in enumerate(vocabulary.relations)}

    def node(label: str, row: int) -> int | None:
        return row if label == ITEM else entities.get(snapshot.entities.ids[row])

    edges = []
    for facts in snapshot.facts:
        if USER in (facts.head_label, facts.tail_label):
            continue
        for head_row, tail_row in zip(facts.head, facts.tail, strict=True):
            head, tail = node(facts.head_label, head_row), node(facts.tail_label, tail_row)
            if head is None or tail is None:
                continue
            edges.append((head, relations[relation_key(facts, True)], tail))
            edges.append((tail, relations[relation_key(facts, False)], head))
    return edges


def weights_of(edges: list[Edge]) -> list[float]:
    """1 / sqrt(receivers of a message), every receiver's messages to unit length."""
    receivers = Counter((source, relation) for source, relation, _ in edges)
    raw = [1 / math.sqrt(receivers[source, relation]) for source, relation, _ in edges]
    length: dict[int, float] = defaultdict(float)
    for (_, _, target), weight in zip(edges, raw, strict=True):
        length[target] += weight**2
    return [w / math.sqrt(length[t]) for (_, _, t), w in zip(edges, raw, strict=True)]


def naive(encoder: KGEncoder, items: Tensor, edges: list[Edge], layers: int) -> Tensor:
    nodes = torch.cat([items, encoder.entity])
    total = torch.zeros_like(items)
    weights = weights_of(edges)
    for layer in range(layers):
        received = torch.zeros_like(nodes)
        for (source, relation, target), weight in zip(edges, weights, strict=True):
            received[target] += weight * nodes[source] * encoder.relation[layer, relation]
        nodes = received
        total = total + nodes[: len(items)]
    return total


def encoder_and_items(sample: Sample, layers: int) -> tuple[KGEncoder, Tensor]:
    torch.manual_seed(layers)
    vocabulary = sample.vocabulary
    encoder = KGEncoder(len(vocabulary.entities), len(vocabulary.relations), SIZE, layers)
    with torch.no_grad():
        encoder.relation.normal_()
    return encoder, torch.randn(len(sample.snapshot.items), SIZE, requires_grad=True)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_encoder_equals_a_loop_over_the_facts(sample: Sample, layers: int) -> None:
    encoder, items = encoder_and_items(sample, layers)
    messages = DeviceMessages.build(sample.tables.messages, len(items), layers, "cpu")
    edges = edges_of(sample.snapshot, sample.vocabulary)
    with torch.no_grad():
        expected = naive(encoder, items, edges, layers)
        torch.testing.assert_close(encoder(items, messages), expected, atol=1e-5, rtol=1e-4)
    assert expected.abs().sum() > 1


@pytest.mark.parametrize("cached", [kg_encoder._CACHED, 0])
@pytest.mark.parametrize("layers", [1, 2])
def test_encoder_and_gradients_equal_pyg(
    sample: Sample, layers: int, cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All columns and messages at once, and a few at a time."""
    monkeypatch.setattr(kg_encoder, "_CACHED", cached)
    monkeypatch.setattr(kg_encoder, "_OFTEN", 0)
    monkeypatch.setattr(kg_encoder, "_COLUMNS", 2)
    monkeypatch.setattr(kg_encoder, "_ROWS", 1 if not cached else kg_encoder._ROWS)
    encoder, items = encoder_and_items(sample, layers)
    messages = DeviceMessages.build(sample.tables.messages, len(items), layers, "cpu")
    edges = edges_of(sample.snapshot, sample.vocabulary)
    from tests.nn.geometric import Composition  # slow to import: by one worker only

    source, relation, target = torch.tensor(edges).T
    weight = torch.tensor(weights_of(edges))
    nodes = torch.cat([items, encoder.entity])
    expected = torch.zeros_like(items)
    for layer in range(layers):
        index = torch.stack([source, target])
        nodes = Composition()(nodes, index, encoder.relation[layer][relation], weight)
        expected = expected + nodes[: len(items)]
    ours = encoder(items, messages)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)
    learned = (items, encoder.entity, encoder.relation)
    mix = torch.linspace(-1, 1, ours.numel()).reshape(ours.shape)
    left = torch.autograd.grad((ours * mix).sum(), learned)
    right = torch.autograd.grad((expected * mix).sum(), learned)
    for one, other in zip(left, right, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_an_item_without_facts_hears_nothing(sample: Sample) -> None:
    encoder, items = encoder_and_items(sample, 2)
    messages = DeviceMessages.build(sample.tables.messages, len(items), 2, "cpu")
    lonely = int(sample.snapshot.items.rows(["i41"])[0])
    assert not encoder(items, messages)[lonely].any()


def test_messages_say_whether_they_start_at_items(sample: Sample) -> None:
    messages = sample.tables.messages
    assert DeviceMessages.build(messages, len(sample.snapshot.items), 1, "cpu").from_items
    assert "sequel_of" in " ".join(sample.vocabulary.relations)
