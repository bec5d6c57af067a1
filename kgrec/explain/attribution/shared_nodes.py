"""Contributions of the nodes that a history item and the candidate share, exactly.

With one message-passing layer an item's knowledge vector is a sum over its neighbours' messages, so
the product of two of them is a sum over pairs of messages; the pairs whose messages come from one
node are that node's contribution. The rest of the knowledge part came through no common node.
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
class ReceivedMessages:
    """Graph messages received by history items.

    ``history`` int64 ``[n]``: item rows. Per message: ``event``: position in the history;
    ``token``: its row in the message index; ``weight``; ``node``: the sending node. ``order`` sorts
    the messages by node, since they are compared with every item that is explained.
    """

    history: Ints
    event: Ints
    token: Ints
    weight: np.ndarray
    node: Ints
    order: Ints

    @staticmethod
    def of(engine: Engine, history: Ints) -> ReceivedMessages:
        event, token, weight = engine.messages.of_items(history)
        node = engine.messages.sources[token]
        order = np.argsort(node, kind="stable")
        return ReceivedMessages(history, event, token, weight, node, order)

    @cached_property
    def sorted_nodes(self) -> Ints:
        """The sending nodes in ascending order."""
        return np.asarray(self.node[self.order])

    def pairs_with(self, engine: Engine, tokens: Ints, item: int) -> tuple[Ints, Ints]:
        """All pairs of a message here and one of ``tokens`` that come from the same node.

        ``tokens``: messages received by ``item``. Returns positions here and in ``tokens``. Nodes
        that are the event's item or ``item`` itself are left out.
        """
        mine, theirs = self._equal_senders(engine.messages.sources[tokens])
        node = self.node[mine]
        own = engine.messages.item_nodes(self.history)[self.event[mine]]
        kept = (node != engine.messages.item_nodes(np.array([item]))[0]) & (node != own)
        return mine[kept], theirs[kept]

    def _equal_senders(self, nodes: Ints) -> tuple[Ints, Ints]:
        """All pairs of positions with equal nodes, in the order of the messages here."""
        low = np.searchsorted(self.sorted_nodes, nodes, "left")
        counts = np.searchsorted(self.sorted_nodes, nodes, "right") - low
        theirs = np.repeat(np.arange(len(nodes)), counts)
        first = np.cumsum(counts) - counts
        mine = self.order[np.arange(len(theirs)) - first[theirs] + low[theirs]]
        place = np.argsort(mine, kind="stable")
        return mine[place], theirs[place]


def shared_nodes(
    engine: Engine,
    messages: ReceivedMessages,
    head: Tensor | None,
    mixing: Tensor,
    item: int,
    scale: float,
) -> NodeMatches:
    """Contributions of shared nodes for a batch of one history.

    ``head`` float64 ``[d, d]``: the matrix that vectors are multiplied by after the pool (None:
    none); ``mixing`` float64 ``[n, d]``: weights of the events in the pool; ``scale`` divides every
    product. Empty without a graph in the model, where the item's vector is zero (``scale`` 0), and
    with several layers, whose messages combine several nodes.
    """
    model, features = engine.model, engine.model.features
    if KNOWLEDGE not in model.shape.parts or model.shape.kg_layers > 1 or not scale:
        return NodeMatches.none()
    _, target_token, target_weight = engine.messages.of_items(np.array([item], dtype=np.int64))
    mine, theirs = messages.pairs_with(engine, target_token, item)
    event, token = messages.event[mine], messages.token[mine]
    with torch.inference_mode():
        # Few distinct pairs of messages occur, in many events: each is multiplied once.
        pairs = token * max(len(target_token), 1) + theirs
        distinct, place = np.unique(pairs, return_inverse=True)
        received, target = np.divmod(distinct, max(len(target_token), 1))
        gates = features.query.gate(KNOWLEDGE).double() * features.candidate.gate(KNOWLEDGE)
        right = engine.messages.vectors[target_token[target]].double()
        if head is not None:
            gates = features.query.gate(KNOWLEDGE).double()
            right = (right * features.candidate.gate(KNOWLEDGE)) @ head.T
        right *= engine.messages.vectors[received]
        value = ((mixing * gates) @ right.T)[event, place]
        weight = messages.weight[mine].astype(np.float64) * target_weight[theirs]
        value = value * torch.as_tensor(weight).to(value) / scale
    code = engine.messages.codes
    return NodeMatches(
        event=event,
        link=messages.node[mine],
        near=code[token] ^ 1,
        far=code[target_token[theirs]],
        contribution=value.cpu().numpy(),
    )
