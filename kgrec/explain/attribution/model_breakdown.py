"""RequestBreakdown: one score as a sum over history events and parts of the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.explain.attribution.cold_items import cold_item_parts
from kgrec.explain.attribution.context_terms import terms_of_score
from kgrec.explain.attribution.score_breakdown import (
    ASSUMED,
    MATCH,
    TOGETHER,
    ScoreBreakdown,
    average_breakdowns,
)
from kgrec.explain.attribution.shared_nodes import ReceivedMessages, shared_nodes
from kgrec.features.names import KNOWLEDGE
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories, HistoryBatch
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import Request

WORDS = "words"  # part: the text of an event, a review or a query


@dataclass(frozen=True, eq=False)
class RequestBreakdown:
    """The scores of a request about one history, to be divided among its events.

    ``scenarios``: the breakdown in each scenario of the request, with its weight.
    """

    scenarios: list[tuple[float, ScenarioBreakdown]]

    @staticmethod
    def of(engine: Engine, request: Request, timestamps: Ints) -> RequestBreakdown:
        """``timestamps`` int64 ``[n]``: unix seconds of the events, NO_TIME where there is none."""
        return RequestBreakdown(
            [
                (float(weight[0]), ScenarioBreakdown.of(engine, one, timestamps))
                for one, weight in request.weighted_scenarios()
            ]
        )

    def break_down(self, item: int) -> ScoreBreakdown:
        """The score of item row ``item`` as a sum over events and parts of the model."""
        if len(self.scenarios) == 1 and self.scenarios[0][0] == 1.0:
            return self.scenarios[0][1].break_down(item)
        return average_breakdowns([(w, one.break_down(item)) for w, one in self.scenarios])


@dataclass(frozen=True, eq=False)
class ScenarioBreakdown:
    """What all scores of one history in one scenario have in common.

    ``length``: norm of the pooled history divided by its shrinkage; ``pooled`` float32 ``[1, d]``:
    the pooled history, which sets the gates of the head; ``static`` and ``final`` float64 ``[d]``:
    the user's vector without the history, and the part from the history; ``mixing`` ``[n, d]``:
    weights of the events in the pool, for negative events times the vector learned for them;
    ``events``: by part, vectors ``[n, d]`` of the events after the head.
    """

    engine: Engine
    history: Histories
    timestamps: Ints
    batch: HistoryBatch
    length: float
    pooled: Tensor
    static: Tensor
    final: Tensor
    mixing: Tensor
    events: dict[str, Tensor]

    @staticmethod
    def of(engine: Engine, request: Request, timestamps: Ints) -> ScenarioBreakdown:
        model, inputs, query = engine.model, engine.inputs, engine.items.query
        history = request.histories
        with torch.inference_mode():
            batch = HistoryBatch.build(
                history, len(engine.snapshot.items), model.shape.scales, engine.device
            )
            pooled = model.pooled(query, inputs, batch)
            shrinkage = model.history_weight(batch)
            gated = batch.weights.double().T @ model.gates(batch)[0].double()
            mixing = _signed(engine, history, gated)
            user = functional.normalize(pooled, dim=1) * shrinkage
            static = model.static(query, inputs, batch, engine.known)[0].double()
            if request.context and history.user[0] < 0:
                static = static + engine.context_vector(request.context)[0].double()
            return ScenarioBreakdown(
                engine=engine,
                history=history,
                timestamps=timestamps,
                batch=batch,
                length=float(pooled.norm().clamp_min(1e-12)) / max(float(shrinkage), 1e-12),
                pooled=user,
                static=static,
                final=model.adapted(user, batch.scenario, batch.state)[0].double(),
                mixing=mixing,
                events={
                    name: _adapted(
                        engine, vectors.double() * (gated if name == WORDS else mixing), batch, user
                    )
                    for name, vectors in _event_vectors(engine, history, batch).items()
                },
            )

    @cached_property
    def matrix(self) -> Tensor | None:
        """The head as a matrix, float64 ``[d, d]``; None where it changes nothing.

        Row j is the head's output for the j-th unit vector.
        """
        if not self.engine.model.adapts:
            return None
        with torch.inference_mode():
            units = torch.eye(self.pooled.shape[1], dtype=torch.float64, device=self.pooled.device)
            return _adapted(self.engine, units, self.batch, self.pooled)

    @cached_property
    def messages(self) -> ReceivedMessages:
        """The graph messages received by the history items."""
        return ReceivedMessages.of(self.engine, self.history.item)

    def break_down(self, item: int) -> ScoreBreakdown:
        """The score of item row ``item`` as a sum over events and parts of the model.

        Exact up to rounding: with the length and shrinkage of the pooled history held fixed, the
        score is linear in the events' vectors, and an event's vector is the sum of its parts.
        """
        engine, history, length = self.engine, self.history, self.length
        temperature = engine.model.shape.temperature
        target = (engine.items.candidate[item] / temperature).double()
        baseline = float(self.static @ target + engine.items.bias[item])
        score = baseline + float(self.final @ target)
        cold = engine.cold_items
        place = -1 if cold is None else cold.position(item)
        if cold is not None and place >= 0 and len(history.item):
            events = torch.stack(list(self.events.values())).sum(dim=0) / (length * temperature)
            score += float(cold.score_contributions(history, self.batch)[0, place])
            parts, matches = cold_item_parts(engine, cold, self.messages, events, history, item)
        else:
            parts = {name: (e @ target / length).cpu().numpy() for name, e in self.events.items()}
            scale = length * temperature * engine.candidate_length(item)
            matches = shared_nodes(engine, self.messages, self.matrix, self.mixing, item, scale)
            if len(matches):
                count = len(history.item)
                shared = np.bincount(matches.event, weights=matches.contribution, minlength=count)
                parts[MATCH], parts[KNOWLEDGE] = shared, parts[KNOWLEDGE] - shared
            if engine.item_weights is not None:
                parts[TOGETHER] = engine.item_weights.contributions(history, item)
                score += float(parts[TOGETHER].sum())
        terms = terms_of_score(engine, history, item)
        parts |= terms.parts
        return ScoreBreakdown(
            score=score + terms.total,
            baseline=baseline + sum(terms.context.values()),
            history=history.item,
            timestamps=self.timestamps,
            parts=parts,
            matches=matches,
            weight=history.weight,
            context=terms.context,
        )


def _signed(engine: Engine, history: Histories, mixing: Tensor) -> Tensor:
    """``mixing`` float64 ``[n, d]``, for negative events times the vector learned for them."""
    if not history.has_negative:
        return mixing
    assert history.weight is not None
    negative = torch.as_tensor(history.weight < 0, device=mixing.device).unsqueeze(1)
    return torch.where(negative, mixing * engine.model.against.double(), mixing)


def _event_vectors(engine: Engine, history: Histories, batch: HistoryBatch) -> dict[str, Tensor]:
    """Query vectors of the events by part, float32 ``[n, d]``.

    Defaults of parts that an item lacks are a part of their own, and so are texts of events.
    """
    rows = torch.as_tensor(history.item).to(engine.device)
    query, _ = engine.bound.item_parts
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
        words = engine.model.event_words(engine.inputs, batch.text_rows)
        own[torch.as_tensor(np.flatnonzero(history.text >= 0)).to(engine.device)] = words
        parts[WORDS] = own
    return parts


def _adapted(engine: Engine, vectors: Tensor, batch: HistoryBatch, at: Tensor) -> Tensor:
    """``vectors`` float64 ``[n, d]`` through the head of the request, its gates set by ``at``."""
    return engine.model.adapted(vectors, batch.scenario, batch.state, at)
