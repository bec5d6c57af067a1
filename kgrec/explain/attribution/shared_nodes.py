"""What the nodes that a history item and a candidate share carried of a score, exactly.

With one message-passing layer an item's knowledge vector is a sum over its neighbours' messages,
so the product of two of them is a sum over pairs of messages; the pairs that start at one node are
that node's share. What is left of the knowledge part passed through no node in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgrec.explain.attribution.score_breakdown import NodeMatches
from kgrec.features.names import KNOWLEDGE
from kgrec.graph.snapshot import Ints
from kgrec.scoring.engine import Engine


@dataclass(frozen=True, eq=False)
class Heard:
    """What the items of a history (int64 ``[n]`` rows) receive, message by message: whose it is
    (a position in ``history``), the message and its weight, and the node that sends it; ``order``
    sorts these nodes, since every item asked about is met with them."""

    history: Ints
    event: Ints
    token: Ints
    weight: np.ndarray
    node: Ints
    order: Ints

    @staticmethod
    def of(engine: Engine, history: Ints) -> Heard:
        event, token, weight = engine.messages.of_items(history)
        node = engine.messages.sources[token]
        return Heard(history, event, token, weight, node, np.argsort(node, kind="stable"))

    @cached_property
    def sorted_nodes(self) -> Ints:
        return np.asarray(self.node[self.order])

    def meeting(self, engine: Engine, tokens: Ints, item: int) -> tuple[Ints, Ints]:
        """Positions here and in ``tokens`` (what ``item`` receives) of all pairs of messages from
        one node, which is neither the event's item nor ``item``."""
        mine, theirs = self._meet(engine.messages.sources[tokens])
        node = self.node[mine]
        own = engine.messages.item_nodes(self.history)[self.event[mine]]
        kept = (node != engine.messages.item_nodes(np.array([item]))[0]) & (node != own)
        return mine[kept], theirs[kept]

    def _meet(self, nodes: Ints) -> tuple[Ints, Ints]:
        """All pairs of positions with equal nodes, in the order of those here."""
        low = np.searchsorted(self.sorted_nodes, nodes, "left")
        counts = np.searchsorted(self.sorted_nodes, nodes, "right") - low
        theirs = np.repeat(np.arange(len(nodes)), counts)
        first = np.cumsum(counts) - counts
        mine = self.order[np.arange(len(theirs)) - first[theirs] + low[theirs]]
        place = np.argsort(mine, kind="stable")
        return mine[place], theirs[place]


def shared_nodes(
    engine: Engine, heard: Heard, head: Tensor | None, mixing: Tensor, item: int, scale: float
) -> NodeMatches:
    """Contributions of shared nodes for a batch of one history.

    ``head`` float64 ``[d, d]``, what a vector is multiplied with after the pool (None: nothing);
    ``mixing`` float64 ``[n, d]``, what an event's vector is multiplied with in the pool; ``scale``
    divides every product. None without a graph in the model, or with several layers, whose messages
    carry more than one node.
    """
    model = engine.model
    if KNOWLEDGE not in model.shape.parts or model.shape.kg_layers > 1:
        return NodeMatches.none()
    _, target_token, target_weight = engine.messages.of_items(np.array([item], dtype=np.int64))
    mine, theirs = heard.meeting(engine, target_token, item)
    event, token = heard.event[mine], heard.token[mine]
    with torch.inference_mode():
        sent = engine.messages.vectors[target_token].double()
        sent = sent * model.features.candidate.gate(KNOWLEDGE)
        sent = sent * _column(target_weight, sent)
        # Few messages meet, in many events: each pair of messages is multiplied once.
        pairs = token * max(len(target_token), 1) + theirs
        distinct, place = np.unique(pairs, return_inverse=True)
        told, answer = np.divmod(distinct, max(len(target_token), 1))
        left = engine.messages.vectors[told].double() * model.features.query.gate(KNOWLEDGE)
        right = sent[answer] if head is None else sent[answer] @ head.T
        value = (mixing @ (left * right).T)[event, place]
        value = value * torch.as_tensor(heard.weight[mine]).to(value) / scale
    code = engine.messages.codes
    return NodeMatches(
        event=event,
        link=heard.node[mine],
        near=code[token] ^ 1,
        far=code[target_token[theirs]],
        contribution=value.cpu().numpy(),
    )


def _column(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.as_tensor(values).to(like).unsqueeze(1)
