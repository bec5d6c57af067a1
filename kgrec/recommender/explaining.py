"""Explaining: why an item scores as it does, and what would have changed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kgrec.explain import Constraints, Explanation, Writer
from kgrec.explain.paths import NodeLike
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.recommender.breakdown import break_down
from kgrec.recommender.editing import Past, scores_of
from kgrec.recommender.requests import Horizon, ask, check_k, item_rows

if TYPE_CHECKING:
    from kgrec.recommender.engine import Engine


class Explaining:
    """The part of Recommender that says why."""

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    def explain(
        self,
        user: str,
        item: str,
        *,
        k: int = 5,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        horizon: Horizon = "next",
        relations: Sequence[str] | None = None,
        via: Sequence[NodeLike] | NodeLike = (),
        avoid: Sequence[NodeLike] | NodeLike = (),
        since: int | None = None,
        max_hops: int = 4,
        writer: Writer | str = "en",
    ) -> Explanation:
        """Why ``item`` scores as it does for ``user``: up to ``k`` paths with contributions.

        ``history`` takes the place of the stored one. What may be shown, never what contributed,
        is limited by ``relations`` (types allowed besides the user's own history), ``via`` and
        ``avoid`` (nodes: ids, or (label, id) pairs), ``since`` (unix seconds: only events from then
        on) and ``max_hops`` (1–4). ``writer`` has the words: a language ("en", "de") or a Writer
        of your own. Raises RequestError.
        """
        engine = self._engine
        row, past, stored = _asked(engine, user, item, history, scenario, horizon)
        limits = Constraints(relations, via, avoid, since, max_hops)
        times = past.times if stored is not None else np.full(len(past), NO_TIME, dtype=np.int64)
        breakdown = break_down(engine, past.histories, times, row)
        told = engine.explainer.explain(
            breakdown,
            row,
            user=stored,
            user_id=user,
            k=check_k(k),
            constraints=limits,
            writer=Writer.of(writer),
        )
        return _confirmed(engine, told, past, row)


def _asked(
    engine: Engine,
    user: str,
    item: str,
    history: Sequence[str] | None,
    scenario: str | None,
    horizon: Horizon,
) -> tuple[int, Past, int | None]:
    """The item's row, the history, and the user's row where the history is the stored one."""
    given = None if history is None else {user: history}
    asked = ask(engine, [user] if given is None else None, given, scenario, None, horizon)
    row = int(item_rows(engine.snapshot.items, [item])[0])
    past = Past.of(engine, asked, stored=history is None)
    return row, past, int(asked.histories.user[0]) if history is None else None


def _confirmed(engine: Engine, told: Explanation, past: Past, item: int) -> Explanation:
    """The explanation with what the score really loses without the events of each path."""
    starts = [engine.item_row[path.nodes[1][1]] for path in told.paths]
    if not starts:
        return told
    events: list[Ints] = [np.flatnonzero(past.items == start) for start in starts]
    left = scores_of(engine, past.without(events), np.array([item]))[:, 0]
    paths = [
        replace(path, fall=told.score - float(score))
        for path, score in zip(told.paths, left, strict=True)
    ]
    return replace(told, paths=paths)
