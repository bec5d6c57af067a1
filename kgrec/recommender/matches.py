"""What the nodes that a history item and a candidate share carried of a score, exactly.

With one message-passing layer an item's knowledge vector is a sum over its neighbours' messages,
so the product of two of them is a sum over pairs of messages; the pairs that start at one node are
that node's share. What is left of the knowledge part passed through no node in common.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kgrec.explain import NodeMatches
from kgrec.graph.snapshot import Ints
from kgrec.nn.features import KNOWLEDGE
from kgrec.recommender.engine import Engine


def shared_nodes(
    engine: Engine, history: Ints, head: Tensor | None, mixing: Tensor, item: int, scale: float
) -> NodeMatches:
    """Contributions of shared nodes for a batch of one history.

    ``history`` int64 ``[n]`` item rows; ``head`` float64 ``[d, d]``, what a vector is multiplied
    with after the pool (None: nothing); ``mixing`` float64 ``[n, d]``, what an event's vector is
    multiplied with in the pool; ``scale`` divides every product. None without a graph in the
    model, or with several layers, whose messages carry more than one node.
    """
    model = engine.model
    if KNOWLEDGE not in model.shape.parts or model.shape.kg_layers > 1:
        return NodeMatches.none()
    event, token, weight = messages_of(engine, history)
    _, target_token, target_weight = messages_of(engine, np.array([item], dtype=np.int64))
    mine, theirs = meeting_messages(engine, history, event, token, target_token, item)
    source = engine.message_sources
    with torch.inference_mode():
        sent = engine.messages[target_token].double() * model.features.candidate.knowledge_gate
        sent = sent * _column(target_weight, sent)
        # Few messages meet, in many events: each pair of messages is multiplied once.
        pairs = token[mine] * max(len(target_token), 1) + theirs
        distinct, place = np.unique(pairs, return_inverse=True)
        told, heard = np.divmod(distinct, max(len(target_token), 1))
        left = engine.messages[told].double() * model.features.query.knowledge_gate
        right = sent[heard] if head is None else sent[heard] @ head.T
        value = (mixing @ (left * right).T)[event[mine], place]
        value = value * torch.as_tensor(weight[mine]).to(value) / scale
    code = engine.message_codes
    return NodeMatches(
        event=event[mine],
        link=source[token[mine]],
        near=code[token[mine]] ^ 1,
        far=code[target_token[theirs]],
        contribution=value.cpu().numpy(),
    )


def messages_of(engine: Engine, rows: Ints) -> tuple[Ints, Ints, np.ndarray]:
    """(position in ``rows``, message, weight) of everything these items receive."""
    starts, indices, values = engine.received
    counts = starts[rows + 1] - starts[rows]
    owner = np.repeat(np.arange(len(rows)), counts)
    first = np.cumsum(counts) - counts
    place = np.arange(len(owner)) - first[owner] + starts[rows][owner]
    return owner, indices[place], values[place]


def meeting_messages(
    engine: Engine, history: Ints, event: Ints, token: Ints, target_token: Ints, item: int
) -> tuple[Ints, Ints]:
    """Positions in ``token`` and ``target_token`` of all pairs of messages from one node, which is
    neither the event's item nor ``item``."""
    source = engine.message_sources
    mine, theirs = _meet(source[token], source[target_token])
    node = source[token[mine]]
    kept = (node != engine.item_nodes(np.array([item]))[0]) & (
        node != engine.item_nodes(history)[event[mine]]
    )
    return mine[kept], theirs[kept]


def _meet(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """All pairs of positions with equal values."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    low, high = np.searchsorted(ordered, left, "left"), np.searchsorted(ordered, left, "right")
    counts = high - low
    mine = np.repeat(np.arange(len(left)), counts)
    first = np.cumsum(counts) - counts
    return mine, order[np.arange(len(mine)) - first[mine] + low[mine]]


def _column(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.as_tensor(values).to(like).unsqueeze(1)
