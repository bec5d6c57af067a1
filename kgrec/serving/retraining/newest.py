"""The newest events of a log, held out of two models that are compared on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kgrec.errors import RequestError
from kgrec.evaluation.model_evaluation import EvaluationRequest, evaluate_model
from kgrec.graph import GraphSnapshot
from kgrec.graph.news import updated
from kgrec.metrics.evaluate import EvaluationReport
from kgrec.recommender import Recommender
from kgrec.serving.event_log import Record
from kgrec.serving.fold import catalog_of
from kgrec.serving.live_graph import EVENT, NO_NODE, TAKEN_BACK

METRIC = "ndcg@10"
_TEST = "test"


@dataclass(frozen=True)
class SplitRecords:
    """Records before the newest events, and these events."""

    before: list[Record]
    newest: list[Record]


def split_newest(records: Iterable[Record], share: float) -> SplitRecords:
    """Take out the newest events by their time.

    Parameters
    ----------
    records : iterable of dict
        In the order of the log.
    share : float
        Of the events, at least one; events with equal times stay together.

    Returns
    -------
    SplitRecords
        Events that were taken back, or whose user or item was removed later, are in neither part.
    """
    found = _standing(list(records))
    times = sorted(record["timestamp"] for record in found if record["kind"] == EVENT)
    if not times:
        return SplitRecords(found, [])
    cut = times[len(times) - math.ceil(share * len(times))]
    newest = [one for one in found if one["kind"] == EVENT and one["timestamp"] >= cut]
    numbers = {record["number"] for record in newest}
    return SplitRecords([one for one in found if one["number"] not in numbers], newest)


def _standing(records: list[Record]) -> list[Record]:
    """The records without events that nothing is left of."""
    gone = {record["of"] for record in records if record["kind"] == TAKEN_BACK}
    removed: set[tuple[str, str]] = set()
    kept = []
    for record in reversed(records):
        if record["kind"] == NO_NODE:
            removed.add((record["label"], record["id"]))
        if record["kind"] == EVENT and (
            record["number"] in gone
            or ("User", record["user"]) in removed
            or ("Item", record["item"]) in removed
        ):
            continue
        kept.append(record)
    return kept[::-1]


@dataclass(frozen=True, eq=False)
class NewestRows:
    """Held-out rows for two models with the same nodes.

    Attributes
    ----------
    graph : GraphSnapshot
        The graph that both have, and the rows, marked "test".
    rows, users : int
    left_out : int
        Events that name a user or an item which neither model knows: they can't be found.
    """

    graph: GraphSnapshot
    rows: int
    users: int
    left_out: int

    @staticmethod
    def of(model: Recommender, newest: Sequence[Record]) -> NewestRows:
        """The rows beside the graph of a model that has none of them. Raises CatalogError."""
        base = model.state.full_snapshot.without_splits((_TEST,))
        users = base.users.rows([record["user"] for record in newest])
        items = base.items.rows([record["item"] for record in newest])
        known = (np.asarray(users) >= 0) & (np.asarray(items) >= 0)
        kept = [record for record, there in zip(newest, known, strict=True) if there]
        graph = updated(base, catalog_of(kept, split=_TEST)) if kept else base
        held = np.asarray(graph.interactions.split) == _TEST
        asked = len(np.unique(graph.interactions.user[held]))
        return NewestRows(graph, int(held.sum()), asked, len(newest) - len(kept))

    @property
    def scenarios(self) -> dict[str, int]:
        """How many users have rows of each scenario."""
        rows = self.graph.interactions
        held = np.asarray(rows.split) == _TEST
        names, users = np.asarray(rows.scenario, dtype=object)[held], rows.user[held]
        return {
            str(name): len(np.unique(users[names == name]))
            for name in sorted(set(names.tolist()))
            if name
        }

    def report(self, model: Recommender, scenario: str | None = None) -> EvaluationReport:
        """A model's lists against the rows; of a scenario, its rows and lists in it.

        Raises RequestError where no list can have one of the rows, and for an unknown scenario.
        """
        graph = self.graph
        if scenario is not None:
            rows = graph.interactions
            other = np.asarray(rows.scenario, dtype=object) != scenario
            graph = graph.without((np.asarray(rows.split) == _TEST) & other)
        state = model.state
        request = EvaluationRequest(ks=(10,), keep_users=True, scenario=scenario)
        return evaluate_model(state.resolver, graph, state.texts_of, request)

    def check(self, fewest: int) -> None:
        """Raise RequestError where there are too few users for a comparison."""
        if self.users < fewest:
            raise RequestError(
                f"the newest events are of {self.users:,} users whom both models know, and a "
                f"comparison needs {fewest:,}: wait for more events, or lower gate_users."
            )
