"""Search requests: items for a query text, and queries kept as part of the graph."""

from __future__ import annotations

import hashlib
import time
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema import Catalog
from kgrec.errors import RequestError
from kgrec.features.texts import TextReader
from kgrec.graph.snapshot import NodeTable
from kgrec.paths.index import Constraints
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import candidate_mask, item_rows, scenario_code
from kgrec.scoring.ranked_lists import personal_scores
from kgrec.scoring.request import Request
from kgrec.scoring.scenario_codes import RESERVED
from kgrec.search.ranker import Searcher
from kgrec.text import clean_text
from kgrec.text.words import words_of

MAX_QUERY: Final = 2_000  # characters: what follows is left out
SEARCHED: Final = "search"  # the event of an item chosen from what a query found


def search_items(
    engine: Engine,
    searcher: Searcher,
    reader: TextReader,
    text: str,
    k: int,
    *,
    request: Request | None,
    scenario: str | None,
    constraints: Constraints,
) -> pd.DataFrame:
    """Items for a query ``text``; see ``Recommender.search``.

    ``request`` is about the user who searches, if there is one; without a user ``scenario`` alone
    narrows the items. Raises RequestError.
    """
    query = clean_query(text)
    found = searcher.rank(
        query,
        reader.encode_query(query) if searcher.reads_meaning else None,
        k,
        personal=None if request is None else personal_scores(engine, request),
        mask=_allowed(engine, scenario, request, constraints),
    )
    return pd.DataFrame(
        {
            "item_id": engine.snapshot.items.ids[found.rows],
            "score": found.scores,
            "rank": np.arange(1, len(found.rows) + 1),
            "found_by": found.found_by,
        }
    )


def _allowed(
    engine: Engine, scenario: str | None, request: Request | None, constraints: Constraints
) -> np.ndarray | None:
    """bool ``[n_items]``, None for all."""
    mask = candidate_mask(engine.snapshot, constraints.candidates, constraints.where)
    code = -1
    if request is not None:
        code = int(request.histories.scenario[0])
    elif scenario in RESERVED:
        raise RequestError(f"scenario {scenario!r} is recognised from a user; name the user too.")
    elif scenario is not None:
        code = scenario_code(engine, scenario)
    if constraints.candidates is not None:
        return mask
    own = engine.candidates(np.array([code]), mask)
    return own if own is None or own.ndim == 1 else own[0]


def query_catalog(
    items: NodeTable,
    user: str | None,
    text: str,
    item: str | None,
    timestamp: int | None,
    event: str | None,
) -> Catalog:
    """A search and the item chosen from it as a catalog; see ``Recommender.log_query``.

    Raises RequestError for a text without words, an item that is not in the graph, or one that no
    user chose.
    """
    if item is not None:
        item_rows(items, [item])
        if user is None:
            raise RequestError(f"item {item!r} was chosen by nobody; name the user.")
    query = clean_query(text)
    seconds = int(time.time()) if timestamp is None else timestamp
    row = {"user_id": user, "item_id": item, "timestamp": seconds}
    key = "\n".join(map(str, (user, query, item, seconds)))
    name = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:24]
    chosen = item is not None and event is not None
    return Catalog.from_frames(
        queries=pd.DataFrame([{"query_id": name, "text": query, **row}]),
        interactions=pd.DataFrame([{**row, "event": event}]) if chosen else None,
    )


def clean_query(text: Any) -> str:
    """A query as one readable line of at most MAX_QUERY characters. Raises RequestError."""
    if not isinstance(text, str):
        raise RequestError(f"the query is {type(text).__name__} and not a text; pass some words.")
    cleaned = clean_text(text, MAX_QUERY)
    if not words_of(cleaned):
        what = "holds no words" if text.strip() else "is empty"
        raise RequestError(f"the query {what}; pass some words.")
    return cleaned
