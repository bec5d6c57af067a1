"""What moves the scores of many users: by relation, part of the model, entity or text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kgrec.errors import RequestError
from kgrec.explain.attribution.attribute import attribute
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.explore.importance import Tally
from kgrec.paths.index import Constraints, PathIndex
from kgrec.query import Query, Resolver
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import ListOptions, rank_items
from kgrec.scoring.request import Request


def measure_importance(
    resolver: Resolver,
    index: PathIndex,
    by: str,
    query: Query,
    scenarios: Sequence[str | None],
    k: int,
    constraints: Constraints,
) -> pd.DataFrame:
    """Divide the scores of every user's ``k`` best items; see ``Recommender.importance``.

    ``query`` is asked once for each of ``scenarios``. Raises RequestError.
    """
    frames = []
    for scenario in scenarios:
        request = resolver.resolve(replace(query, scenario=scenario))
        tally = Tally(index, by)
        _add_users(resolver.engine, tally, request, k, constraints, stored=query.stored)
        frames.append(tally.frame(scenario or ""))
    return pd.concat(frames, ignore_index=True)


def sample_users(engine: Engine, count: int, seed: int) -> list[str]:
    """Ids of ``count`` users with a history, drawn without replacement, in the graph's order.

    Raises RequestError where no user has a history.
    """
    if isinstance(count, bool) or count < 1:
        raise RequestError(f"users is {count!r}; ask for at least one, or pass their ids.")
    rows = np.unique(engine.snapshot.interactions.user)
    if not len(rows):
        raise RequestError("no user has a history, so nothing moves a score; add interactions.")
    drawn = np.random.default_rng(seed).choice(rows, min(count, len(rows)), replace=False)
    return [str(user) for user in engine.snapshot.users.ids[np.sort(drawn)]]


def _add_users(
    engine: Engine,
    tally: Tally,
    request: Request,
    k: int,
    constraints: Constraints,
    *,
    stored: bool,
) -> None:
    options = ListOptions.build(engine.snapshot, constraints, k)
    ranked = rank_items(engine, request, options)
    for place in range(len(request)):
        one = request.part(place, place + 1)
        times = np.arange(len(one.histories.item))
        if stored:
            times = engine.sequences.times(int(one.histories.user[0]))
        breakdown = RequestBreakdown.of(engine, one, times)
        items = ranked.ids[place]
        for item in items[items != np.array(None)]:
            row = engine.item_row[item]
            told = breakdown.break_down(row)
            node = int(engine.messages.item_nodes(np.array([row]))[0])
            tally.add(attribute(tally.index, told, node), told.gain)
