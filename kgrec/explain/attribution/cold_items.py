"""The score of an item that training never saw, taken apart by what is known of the item.

Such an item's vector is a sum over its nodes in the graph, its attributes and its texts, each
weighed by the regression that foretold it (see ``ColdItems``), and what multiplies it is a sum over
events. A node of the item that a history item has too passes on what it brings from that event.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kgrec.explain.attribution.score_breakdown import MATCH, NodeMatches
from kgrec.explain.attribution.shared_nodes import Heard
from kgrec.features.names import KNOWLEDGE
from kgrec.graph.snapshot import Floats
from kgrec.scoring.cold_items import ColdItems
from kgrec.scoring.engine import Engine

FORETOLD = "assumed"  # what is foretold of an item like none


def new_item_parts(
    engine: Engine, new: ColdItems, known: Heard, told: Tensor, item: int
) -> tuple[dict[str, Floats], NodeMatches]:
    """Parts and shared nodes for new item row ``item``.

    ``known`` is what the n history items hear; ``told`` float64 ``[n, d]``, what each event adds to
    the user's vector by length and temperature. The parts sum to what the events add to the score.
    """
    history = known.history
    event = new.event_factors[torch.as_tensor(history).to(engine.device)].double()
    told = torch.cat([told, event / max(len(history), 1) ** 0.5], dim=1)
    bias = engine.model.shape.embedding_size  # where it stands, after the vector: no event's
    effect = np.delete(new.coefficients, bias, axis=1)
    brought = told.cpu().numpy() @ effect.T  # [n, w]: events by items
    parts = {FORETOLD: told.cpu().numpy() @ np.delete(new.mean, bias)}
    row = np.array([item])
    for part in new.similarity.blocks:
        parts[part] = brought @ new.similarity.part_matrix(part, new.trained, row)[:, 0]
    matches = NodeMatches.none()
    if KNOWLEDGE in parts:
        matches = _shared(engine, new, known, brought, item)
    if len(matches):
        shared = np.bincount(matches.event, weights=matches.contribution, minlength=len(history))
        parts[MATCH], parts[KNOWLEDGE] = shared, parts[KNOWLEDGE] - shared
    return parts, matches


def _shared(
    engine: Engine, new: ColdItems, known: Heard, brought: Floats, item: int
) -> NodeMatches:
    """Each message that the item receives from a node which a history item hears too: what it
    brings from that event. Where the event has several messages of the node, they share it."""
    _, heard, _ = engine.messages.of_items(np.array([item], dtype=np.int64))
    mine, theirs = known.meeting(engine, heard, item)
    event, token = known.event, known.token
    block = new.similarity.blocks[KNOWLEDGE]
    columns = block[new.trained][:, heard].multiply(block[[item]][:, heard])
    # [n, heard]: what a message of the item brings from an event
    each = brought @ columns * new.similarity.weights[KNOWLEDGE]
    pair = event[mine] * max(len(heard), 1) + theirs
    _, group, count = np.unique(pair, return_inverse=True, return_counts=True)
    code = engine.messages.codes
    return NodeMatches(
        event=event[mine],
        link=known.node[mine],
        near=code[token[mine]] ^ 1,
        far=code[heard[theirs]],
        contribution=np.asarray(each)[event[mine], theirs] / count[group],
    )
