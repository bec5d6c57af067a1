"""Importance of relations, parts of the model, entities or texts for many users' scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kgrec.arguments import check_count, check_seed, id_list
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.errors import RequestError
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.explain.attribution.pieces import attribute
from kgrec.explore.importance import Tally
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import Constraints, PathIndex
from kgrec.query import Horizon, Query, Resolver
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import ListOptions, rank_items
from kgrec.scoring.request import Request


@dataclass(frozen=True)
class ImportanceRequest:
    """What ``Recommender.importance`` measures.

    ``query`` is answered once for each of ``scenarios``; ``k``: length of the lists;
    ``constraints`` limit the items in them.
    """

    by: str
    query: Query
    scenarios: Sequence[str | None]
    k: int
    constraints: Constraints


def measure_importance(
    resolver: Resolver, index: PathIndex, wanted: ImportanceRequest
) -> pd.DataFrame:
    """Divide the scores of every user's ``k`` best items; see ``Recommender.importance``.

    Raises RequestError.
    """
    check_not_private(resolver.engine.private, "the importance for many users")
    frames = []
    for scenario in wanted.scenarios:
        request = resolver.resolve(replace(wanted.query, scenario=scenario))
        tally = Tally(index, wanted.by)
        ranked = _ranked_rows(resolver.engine, request, wanted)
        _add_users(resolver.engine, tally, request, ranked, stored=wanted.query.stored)
        frames.append(tally.frame(scenario or ""))
    return pd.concat(frames, ignore_index=True)


def importance_query(
    engine: Engine,
    users: int | Sequence[str] | Query,
    scenario: str | Sequence[str] | None,
    context: Mapping[str, Any] | None,
    horizon: Horizon,
    seed: int,
) -> tuple[Query, Sequence[str | None]]:
    """The query and the scenarios that ``Recommender.importance`` measures. Raises RequestError."""
    if isinstance(users, Query):
        query = Query.of(users, None, None, context, horizon)
        query.check_alone(scenario=scenario)
        scenario = query.scenario
    elif isinstance(users, int | np.integer):
        ids = sample_users(engine, users, seed)
        query = Query(ids, context=context, horizon=horizon)
    else:
        query = Query(id_list(users, "users"), context=context, horizon=horizon)
    wanted = [None] if scenario is None else id_list(scenario, "scenario")
    if not wanted:
        raise RequestError("scenario is an empty list; pass names, or None for none.")
    return query, wanted


def sample_users(engine: Engine, count: int, seed: int) -> list[str]:
    """Ids of ``count`` users with a history, drawn without replacement, in the graph's order.

    Raises RequestError where no user has a history.
    """
    count = check_count(count, "users")
    rows = np.unique(engine.snapshot.interactions.user)
    if not len(rows):
        raise RequestError("no user has a history to measure; add interactions.")
    rng = np.random.default_rng(check_seed(seed))
    drawn = rng.choice(rows, min(count, len(rows)), replace=False)
    return [str(user) for user in engine.snapshot.users.ids[np.sort(drawn)]]


def _ranked_rows(engine: Engine, request: Request, wanted: ImportanceRequest) -> Ints:
    """Rows of each user's ``k`` best items, int64 ``[B, k]``, -1 beyond the end of a list."""
    options = ListOptions.build(engine.snapshot, wanted.constraints, wanted.k)
    return rank_items(engine, request, options).rows


def _add_users(
    engine: Engine, tally: Tally, request: Request, ranked: Ints, *, stored: bool
) -> None:
    """Add the scores of the ``ranked`` items of every user to the tally."""
    for place in range(len(request)):
        one = request.part(place, place + 1)
        times = np.arange(len(one.histories.item))
        if stored:
            times = engine.sequences.times(int(one.histories.user[0]))
        breakdowns = RequestBreakdown.of(engine, one, times)
        rows = ranked[place]
        for row in rows[rows >= 0].tolist():
            breakdown = breakdowns.break_down(row)
            node = int(engine.messages.item_nodes(np.array([row]))[0])
            tally.add(attribute(tally.index, breakdown, node), breakdown.gain)
