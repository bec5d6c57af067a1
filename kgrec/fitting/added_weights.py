"""Item–item weights brought up to date with a graph that grew, from what changed alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from kgrec.features.texts import same_texts
from kgrec.fitting.item_weight_choice import ItemWeightSettings, decay_of, scenario_weights
from kgrec.graph.snapshot import GraphSnapshot, rows_in
from kgrec.nn import ItemWeights
from kgrec.scoring.engine import Engine
from kgrec.training import Plan
from kgrec.training.data.item_words import named_item_words
from kgrec.training.item_weights import NamedRows, regression_rows
from kgrec.training.weight_sums import CountedRows, WeightSums, added_weights


@dataclass(frozen=True, eq=False)
class CountedGraph:
    """What the item–item weights of a model count.

    Attributes
    ----------
    graph : GraphSnapshot
        The graph, without test rows, as it was when they were computed.
    sums : WeightSums or None
        Sums over its rows; None where there are no weights.
    """

    graph: GraphSnapshot
    sums: WeightSums | None

    @staticmethod
    def of_fit(graph: GraphSnapshot, rows: GraphSnapshot, ridge: float) -> CountedGraph:
        """After a fit to ``rows`` of the graph: products are computed when they are needed."""
        events = rows.interactions
        return CountedGraph(graph, WeightSums(ridge * len(events) / len(np.unique(events.item))))


def added_item_weights(
    engine: Engine,
    rows: GraphSnapshot,
    before: tuple[GraphSnapshot, WeightSums] | None,
    settings: ItemWeightSettings,
    plan: Plan,
) -> tuple[ItemWeights, WeightSums]:
    """The item–item weights of ``rows``, and their sums; ``before`` are the rows that the weights
    of the engine count, and their sums. Weights of single scenarios are computed anew."""
    old = None if before is None else before[0]
    words, words_before = _words(rows, old) if settings.words else (None, None)
    now = _counted(engine, rows, words, settings, plan)
    known = None
    if before is not None:
        counted = _counted(engine, before[0], words_before, settings, plan)
        known = counted, before[1], _matrix_over(engine, counted)
    matrix, sums = added_weights(known, now, settings.ridge, settings.strength, engine.device)
    weights = ItemWeights(matrix, decay_of(plan), plan.shrinkage)
    if settings.scenario is not None:
        over = replace(engine, snapshot=rows, weights=None)
        own = scenario_weights(over, settings.scenario, plan)
        weights = weights.with_own(own, settings.scenario.strength)
    ids = engine.vocabulary.items
    later = now.items[rows_in(ids, now.items) < 0]
    every = np.concatenate([ids, later])
    return replace(weights.placed(rows_in(now.items, every)), later=tuple(later.tolist())), sums


def _words(rows: GraphSnapshot, before: GraphSnapshot | None) -> tuple[NamedRows, NamedRows | None]:
    """The words of both graphs."""
    words = NamedRows(*named_item_words(rows))
    if before is None:
        return words, None
    same = same_texts(before, rows)
    return words, words if same else NamedRows(*named_item_words(before))


def _counted(
    engine: Engine,
    rows: GraphSnapshot,
    words: NamedRows | None,
    settings: ItemWeightSettings,
    plan: Plan,
) -> CountedRows:
    found = regression_rows(
        rows,
        graph=settings.graph,
        words=words,
        feedback=engine.model.shape.feedback,
        user_cap=plan.user_cap,
    )
    return CountedRows(found, rows.users.ids, rows.items.ids[found.items])


def _matrix_over(engine: Engine, counted: CountedRows) -> sp.csr_matrix:
    """The weights of the engine over the items of these rows."""
    assert engine.weights is not None
    known = rows_in(engine.vocabulary.items, counted.items)
    return engine.weights.over(known, counted.items).matrix
