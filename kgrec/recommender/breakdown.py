"""One score taken apart: what each history event added, through which part of the model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.explain import Matches, ScoreBreakdown
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories, HistoryBatch
from kgrec.nn.features import REVIEWS, TEXT
from kgrec.nn.model import sum_parts
from kgrec.recommender.engine import Engine


def break_down(engine: Engine, history: Histories, timestamps: Ints, item: int) -> ScoreBreakdown:
    """The score of item row ``item`` for a batch of one history.

    Exact up to rounding: given the length of the pooled history, the score is linear in the
    events' vectors, and an event's vector is the sum of its parts.
    """
    model, inputs, items = engine.model, engine.inputs, engine.items
    with torch.inference_mode():
        batch = HistoryBatch.build(
            history, len(engine.snapshot.items), model.shape.scales, engine.device
        )
        target = (items.candidate[item] / model.shape.temperature).double()
        pooled = model.pooled(items.query, inputs, batch)
        length = float(pooled.norm().clamp_min(1e-12))
        static = model.static(items.query, inputs, batch)[0].double()
        baseline = float(static @ target + items.bias[item])
        parts = {
            name: _contributions(engine, vectors, batch, target) / length
            for name, vectors in _event_vectors(engine, history, batch).items()
        }
        final = model.head(functional.normalize(pooled, dim=1), batch.scenario)[0].double()
        score = baseline + float(final @ target)
    return ScoreBreakdown(
        score=score,
        baseline=baseline,
        history=history.item,
        timestamps=timestamps,
        parts={name: values.cpu().numpy() for name, values in parts.items()},
        matches=Matches.none(),
    )


def _event_vectors(engine: Engine, history: Histories, batch: HistoryBatch) -> dict[str, Tensor]:
    """Per part, the events' query-side vectors, float32 ``[n, d]``; reviews count as text."""
    rows = torch.as_tensor(history.item).to(engine.device)
    query, _ = engine.item_parts
    parts = {name: vectors[rows] for name, vectors in query.items()}
    texts = {name: parts.pop(name) for name in (TEXT, REVIEWS) if name in parts}
    if engine.model.shape.event_texts and len(batch.text_rows):
        own = torch.zeros(len(rows), engine.model.shape.embedding_size, device=engine.device)
        told = engine.inputs.event_text[batch.text_rows] @ engine.model.event_text
        own[torch.as_tensor(np.flatnonzero(history.text >= 0)).to(engine.device)] = told
        texts["event"] = own
    if texts:
        parts[TEXT] = sum_parts(texts)
    return parts


def _contributions(engine: Engine, vectors: Tensor, batch: HistoryBatch, target: Tensor) -> Tensor:
    """float64 ``[n]``: each event's share of head(h) · target."""
    gates = engine.model.pool_gate.double()
    mixed = vectors.double() * (batch.weights.double().T @ gates)
    scenario = batch.scenario.expand(len(mixed))
    adapted: Tensor = engine.model.head(mixed, scenario)
    return adapted @ target
