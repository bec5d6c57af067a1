"""The scenarios of requests, as a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from kgrec.arguments import check_mapping
from kgrec.errors import RequestError
from kgrec.query import Query, Resolver
from kgrec.scoring.given_histories import GivenHistories


def recognised_scenarios(
    resolver: Resolver,
    users: str | Sequence[str] | Query | None,
    histories: GivenHistories | None,
    text: str | None,
    context: Mapping[str, Any] | None,
) -> pd.DataFrame:
    """How likely each scenario is for each request; see ``Recommender.recognise``. Raises
    RequestError."""
    query = Query.of(users, histories)
    if isinstance(users, Query):
        users.check_alone(context=context)
        if users.scenario is not None:
            raise RequestError("the Query names its scenario; leave it out to recognise it.")
        query, context = replace(query, context=None), query.context
    check_mapping(context, "context", "{'hour': 21}")
    resolver.recogniser.check(text, context)
    if query.users is None and query.histories is None:
        if text is None and not context:
            raise RequestError("nothing to recognise; pass users, histories, text or context.")
        query = Query(histories=[[]])
    request = resolver.resolve(query)
    recognised = resolver.recogniser.recognise(request, text, context)
    return recognised.frame(request.ids, bool(request.integers))
