"""One score taken apart: what each history event added, through which part of the model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.explain import ScoreBreakdown
from kgrec.explain.breakdown import KNOWLEDGE, MATCH, TOGETHER
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories, HistoryBatch
from kgrec.recommender.engine import Engine
from kgrec.recommender.matches import shared_nodes
from kgrec.recommender.new_breakdown import new_item_parts

WORDS = "words"  # an event's own text: a review, a query
ASSUMED = "assumed"  # what stands in for parts that an item lacks


def break_down(engine: Engine, history: Histories, timestamps: Ints, item: int) -> ScoreBreakdown:
    """The score of item row ``item`` for a batch of one history.

    Exact up to rounding: given the length of the pooled history and what it counts for, the score
    is linear in the events' vectors, and an event's vector is the sum of its parts.
    """
    model, inputs, items = engine.model, engine.inputs, engine.items
    with torch.inference_mode():
        batch = HistoryBatch.build(
            history, len(engine.snapshot.items), model.shape.scales, engine.device
        )
        target = (items.candidate[item] / model.shape.temperature).double()
        pooled = model.pooled(items.query, inputs, batch)
        worth = model.worth(batch)
        length = float(pooled.norm().clamp_min(1e-12)) / max(float(worth), 1e-12)
        static = model.static(items.query, inputs, batch)[0].double()
        baseline = float(static @ target + items.bias[item])
        mixing = batch.weights.double().T @ model.gates(batch)[0].double()
        events = {
            name: _adapted(engine, vectors.double() * mixing, batch)
            for name, vectors in _event_vectors(engine, history, batch).items()
        }
        user = functional.normalize(pooled, dim=1) * worth
        final = model.head(user, batch.scenario)[0].double()
        score = baseline + float(final @ target)
    new = engine.new_items
    place = -1 if new is None else new.row(item)
    if new is not None and place >= 0 and len(history.item):
        told = torch.stack(list(events.values())).sum(dim=0) / (length * model.shape.temperature)
        score += float(new.added(history, batch)[0, place])
        parts, matches = new_item_parts(engine, new, history.item, told, item)
    else:
        parts = {name: (e @ target / length).cpu().numpy() for name, e in events.items()}
        scale = length * model.shape.temperature * engine.candidate_length(item)
        matches = shared_nodes(engine, history.item, batch, mixing, item, scale)
        if len(matches):
            count = len(history.item)
            shared = np.bincount(matches.event, weights=matches.contribution, minlength=count)
            parts[MATCH], parts[KNOWLEDGE] = shared, parts[KNOWLEDGE] - shared
        if engine.item_weights is not None:
            parts[TOGETHER] = engine.item_weights.contributions(history, item)
            score += float(parts[TOGETHER].sum())
    return ScoreBreakdown(
        score=score,
        baseline=baseline,
        history=history.item,
        timestamps=timestamps,
        parts=parts,
        matches=matches,
    )


def _event_vectors(engine: Engine, history: Histories, batch: HistoryBatch) -> dict[str, Tensor]:
    """Per part, the events' query-side vectors, float32 ``[n, d]``; what stands in for parts that
    an item lacks is a part of its own, and so are an event's own words."""
    rows = torch.as_tensor(history.item).to(engine.device)
    query, _ = engine.item_parts
    parts = {}
    assumed = torch.zeros(len(rows), engine.model.shape.embedding_size, device=engine.device)
    for name, vectors in query.items():
        present = engine.inputs.items.present[name]
        vectors = vectors[rows]
        if present is not None:
            assumed = assumed + vectors * (1 - present[rows])
            vectors = vectors * present[rows]
        parts[name] = vectors
    if bool((assumed != 0).any()):
        parts[ASSUMED] = assumed
    if engine.model.shape.event_texts and len(batch.text_rows):
        own = torch.zeros_like(assumed)
        told = engine.inputs.event_text[batch.text_rows] @ engine.model.event_text
        own[torch.as_tensor(np.flatnonzero(history.text >= 0)).to(engine.device)] = told
        parts[WORDS] = own
    return parts


def _adapted(engine: Engine, vectors: Tensor, batch: HistoryBatch) -> Tensor:
    """``vectors`` float64 ``[n, d]`` through the scenario head of the one request."""
    adapted: Tensor = engine.model.head(vectors, batch.scenario.expand(len(vectors)))
    return adapted
