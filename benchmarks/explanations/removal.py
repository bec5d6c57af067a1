"""A user's view of the graph with some edges removed, and the score that the model gives then.

Removing a path takes away the user's events with its history item, and all facts between its
neighbouring nodes: neither the history item nor the candidate receives messages along them any
more, and what they still receive is normalised anew. Other people's events are read in training
only; the forward pass has nothing of them to lose. Everything after that is the model's own
forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.explain.counterfactuals.history_edit import EditableHistory, scores_of
from kgrec.features.names import IDS, KNOWLEDGE
from kgrec.nn import HistoryBatch, ItemVectors
from kgrec.scoring.engine import Engine

LEARNED_TOGETHER = (IDS, KNOWLEDGE)  # what people's choices taught: the links of a path of people


@dataclass(frozen=True)
class Removal:
    """What is taken from a user's view: all events with ``item`` (a row; -1: none); facts between
    ``nodes`` (node numbers) and the candidate, and ``linked`` (a row; -1: none); and ``parts`` of
    the vector of ``linked``, as if it had none."""

    item: int = -1
    nodes: tuple[int, ...] = ()
    linked: int = -1
    parts: tuple[str, ...] = ()


class View:
    """One user's history and one candidate, scored with removals."""

    def __init__(self, engine: Engine, history: EditableHistory, candidate: int) -> None:
        self.engine, self.history, self.candidate = engine, history, candidate
        cold = engine.cold_items
        self._predicted = cold is not None and cold.position(candidate) >= 0

    def scores(self, removals: Sequence[Removal]) -> np.ndarray:
        """float64 ``[r]``: the candidate's score under each removal, by whole forward passes."""
        keep = np.array([self.history.items != removal.item for removal in removals])
        found = scores_of(self.engine, self.history.kept(keep), np.array([self.candidate]))[:, 0]
        changed = [row for row, r in enumerate(removals) if r.nodes or r.parts]
        for row in changed:
            found[row] += self._change(keep[row], removals[row])
        return np.asarray(found)

    @torch.inference_mode()
    def _change(self, keep: np.ndarray, removal: Removal) -> float:
        """What changed vectors of the candidate and of the linked item make of the score."""
        engine = self.engine
        batch = HistoryBatch.build(
            self.history.kept(keep[None]).histories,
            len(engine.snapshot.items),
            engine.model.shape.scales,
            engine.device,
        )
        rows = torch.tensor([self.candidate], device=engine.device)
        before = engine.items.scoring(rows)
        after = replace(before, candidate=self._candidate(removal), query=self._query(removal))
        return self._own(after, batch) - self._own(before, batch)

    def _own(self, items: ItemVectors, batch: HistoryBatch) -> float:
        engine = self.engine
        users = engine.model.user_vectors(items, engine.inputs, batch, engine.known)
        return float(engine.model.scores(users, items)[0, 0])

    def _candidate(self, removal: Removal) -> Tensor:
        """The candidate's unit vector, ``[1, d]``. Of an item that training never saw it is
        predicted from all items, and stays."""
        engine, row = self.engine, self.candidate
        parts = engine.bound.item_parts[1]
        if self._predicted or not removal.nodes or KNOWLEDGE not in parts:
            return engine.items.candidate[row : row + 1]
        kept = {name: vectors[row] for name, vectors in parts.items()}
        kept[KNOWLEDGE] = around(engine, row, removal.nodes, candidate=True)
        return functional.normalize(torch.stack(list(kept.values())).sum(0)[None], dim=1)

    def _query(self, removal: Removal) -> Tensor:
        """The items as history, float32 ``[n, d]``, with the linked one as the view has it."""
        engine, row = self.engine, removal.linked
        if row < 0:
            return engine.items.query
        parts = engine.bound.item_parts[0]
        kept = {name: v[row] for name, v in parts.items() if name not in removal.parts}
        if KNOWLEDGE in kept:
            kept[KNOWLEDGE] = around(engine, row, removal.nodes, candidate=False)
        query = engine.items.query.clone()
        query[row] = torch.stack(list(kept.values())).sum(0) if kept else 0.0
        return query


@torch.inference_mode()
def around(engine: Engine, row: int, without: Sequence[int], *, candidate: bool) -> Tensor:
    """What item ``row`` receives from its neighbourhood less the messages of some nodes, float32
    ``[d]``, as candidate or as history; where nothing is left, what stands in for it."""
    starts, tokens, weights = engine.messages.received
    features = engine.model.features
    side = features.candidate if candidate else features.query
    part = slice(int(starts[row]), int(starts[row + 1]))
    kept = ~np.isin(engine.messages.sources[tokens[part]], list(without))
    if kept.all():
        whole: Tensor = engine.bound.item_parts[int(candidate)][KNOWLEDGE][row]
        return whole
    if not kept.any():
        stand_in: Tensor = side.missing[KNOWLEDGE]
        return stand_in
    weight = weights[part][kept] / np.sqrt((weights[part][kept] ** 2).sum())
    messages = engine.messages.vectors[torch.as_tensor(tokens[part][kept]).to(engine.device)]
    total: Tensor = (messages * torch.as_tensor(weight).to(messages).unsqueeze(1)).sum(0)
    return total * side.gate(KNOWLEDGE)


def gate_weights(engine: Engine, history: EditableHistory) -> np.ndarray:
    """float64 ``[n]``: the weight of each event in the pool, its gates' mean over the vector:
    what is called attention in other models."""
    batch = HistoryBatch.build(
        history.histories, len(engine.snapshot.items), engine.model.shape.scales, engine.device
    )
    with torch.inference_mode():
        mixing = batch.weights.double().T @ engine.model.gates(batch)[0].double()
    return np.asarray(mixing.abs().mean(dim=1).cpu().numpy())
