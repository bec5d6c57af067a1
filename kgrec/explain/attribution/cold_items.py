"""The score of an item without training interactions, divided by what is known of the item.

The predicted vector of such an item is a sum over its nodes in the graph, its attributes and its
texts, each with its weight in the regression (see ``kgrec.scoring.cold_items``); the user's vector
is a sum over events. The contribution of a node is what both the item and a history item receive
from it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kgrec.explain.attribution.score_breakdown import ASSUMED, MATCH, NodeMatches
from kgrec.explain.attribution.shared_nodes import ReceivedMessages
from kgrec.features.names import KNOWLEDGE
from kgrec.graph.snapshot import Floats
from kgrec.nn import Histories
from kgrec.scoring.cold_items import ColdItems, factor_shares
from kgrec.scoring.engine import Engine


def cold_item_parts(
    engine: Engine,
    cold: ColdItems,
    received: ReceivedMessages,
    events: Tensor,
    histories: Histories,
    item: int,
) -> tuple[dict[str, Floats], NodeMatches]:
    """Contributions by part and the shared nodes of cold item row ``item``.

    ``received``: messages of the n history items; ``events`` float64 ``[n, d]``: each event's part
    of the user's vector, divided by its length and the temperature; ``histories``: the history, a
    batch of one. The parts sum to what the events add to the score.
    """
    history = received.history
    event = cold.event_factors[torch.as_tensor(history).to(engine.device)].double()
    shares = torch.as_tensor(factor_shares(histories.indptr, histories.weight)).to(event)
    events = torch.cat([events, event * shares.unsqueeze(1)], dim=1)
    bias = engine.model.shape.embedding_size  # its column; no event adds to it
    from_event = events.cpu().numpy() @ np.delete(cold.coefficients, bias, axis=1).T  # [n, w]
    parts = {ASSUMED: events.cpu().numpy() @ np.delete(cold.mean, bias)}
    for part in cold.similarity.blocks:
        parts[part] = (
            from_event @ cold.similarity.part_matrix(part, cold.trained, np.array([item]))[:, 0]
        )
    matches = NodeMatches.none()
    if KNOWLEDGE in parts:
        matches = _shared(engine, cold, received, from_event, item)
    if len(matches):
        shared = np.bincount(matches.event, weights=matches.contribution, minlength=len(history))
        parts[MATCH], parts[KNOWLEDGE] = shared, parts[KNOWLEDGE] - shared
    return parts, matches


def _shared(
    engine: Engine, cold: ColdItems, received: ReceivedMessages, from_event: Floats, item: int
) -> NodeMatches:
    """One match for each message of the item from a node that also sends to a history item.

    Where several messages to the event come from the node, they share its contribution.
    """
    _, token, _ = engine.messages.of_items(np.array([item], dtype=np.int64))
    mine, theirs = received.pairs_with(engine, token, item)
    event, own = received.event, received.token
    block = cold.similarity.blocks[KNOWLEDGE]
    columns = block[cold.trained][:, token].multiply(block[[item]][:, token])
    # [n, token]: contribution of each event through each message of the item
    each = from_event @ columns * cold.similarity.weights[KNOWLEDGE]
    pair = event[mine] * max(len(token), 1) + theirs
    _, group, count = np.unique(pair, return_inverse=True, return_counts=True)
    code = engine.messages.codes
    return NodeMatches(
        event=event[mine],
        link=received.node[mine],
        near=code[own[mine]] ^ 1,
        far=code[token[theirs]],
        contribution=np.asarray(each)[event[mine], theirs] / count[group],
    )
