"""Search requests: items for a query text, and search queries stored in the graph."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema import Catalog
from graph_schema.conversion.columns import unix_seconds
from graph_schema.names import ITEM
from kgrec.arguments import as_id, check_text
from kgrec.errors import RequestError
from kgrec.features.texts import TextReader
from kgrec.graph.snapshot import NodeTable
from kgrec.paths.index import Constraints
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import candidate_mask, check_scenario, item_rows, scenario_code
from kgrec.scoring.ranked_lists import personal_scores
from kgrec.scoring.request import Request
from kgrec.scoring.scenario_codes import RESERVED
from kgrec.search.ranker import Searcher
from kgrec.text import clean_text
from kgrec.text.words import words_of

MAX_QUERY: Final = 2_000  # characters; the rest is ignored
SEARCHED: Final = "search"  # event of an item that was chosen among search results


@dataclass(frozen=True, eq=False)
class SearchRequest:
    """A search for items; see ``Recommender.search``.

    Attributes
    ----------
    text : str
        The words that are looked for.
    k : int
        Number of results.
    user : Request or None
        The user who searches.
    scenario : str or None
        The scenario whose items are searched, for a search without a user.
    constraints : Constraints
        Further limits on the items.
    """

    text: str
    k: int
    user: Request | None
    scenario: str | None
    constraints: Constraints

    def __post_init__(self) -> None:
        check_scenario(self.scenario)


def search_items(
    engine: Engine, searcher: Searcher, reader: TextReader, request: SearchRequest
) -> pd.DataFrame:
    """The items found, best first; see ``Recommender.search``. Raises RequestError."""
    query, user = clean_query(request.text), request.user
    found = searcher.rank(
        query,
        reader.encode_query(query) if searcher.reads_meaning else None,
        request.k,
        personal=None if user is None else personal_scores(engine, user),
        mask=_allowed_items(engine, request),
    )
    ids = engine.snapshot.items.ids[found.rows]
    integers = user is not None and bool(user.integers)
    return pd.DataFrame(
        {
            "item_id": ids.astype(np.int64)
            if engine.snapshot.answers_integers(ITEM, integers)
            else ids,
            "score": found.scores,
            "rank": np.arange(1, len(found.rows) + 1),
            "found_by": found.found_by,
        }
    )


def _allowed_items(engine: Engine, request: SearchRequest) -> np.ndarray | None:
    """bool ``[n_items]``; None for all."""
    scenario, constraints = request.scenario, request.constraints
    mask = candidate_mask(engine.snapshot, constraints)
    code = -1
    if request.user is not None:
        code = int(request.user.histories.scenario[0])
    elif scenario in RESERVED:
        raise RequestError(f"scenario {scenario!r} is recognised from a user; name the user too.")
    elif scenario is not None:
        code = scenario_code(engine, scenario)
    if constraints.candidates is not None:
        return mask
    allowed = engine.candidates(np.array([code]), mask)
    return allowed if allowed is None or allowed.ndim == 1 else allowed[0]


def query_catalog(
    items: NodeTable,
    user: str | None,
    text: str,
    item: str | None,
    timestamp: int | None,
    event: str | None,
) -> Catalog:
    """A search query and the item chosen among its results, as a catalog; see
    ``Recommender.log_query``.

    Raises RequestError for a text without words, an item that is not in the graph, and an item
    without a user.
    """
    user = None if user is None else as_id(user, "user")
    if item is not None:
        item = as_id(item, "item")
        item_rows(items, [item])
        if user is None:
            raise RequestError(f"item {item!r} was chosen by nobody; name the user.")
    event = None if event is None else check_text(event, "event")
    query = clean_query(text)
    seconds = int(time.time())
    if timestamp is not None:
        seconds = unix_seconds(timestamp, "timestamp")
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
    cleaned = clean_text(check_text(text, "the query"), MAX_QUERY)
    if not words_of(cleaned):
        what = "holds no words" if text.strip() else "is empty"
        raise RequestError(f"the query {what}; pass some words.")
    return cleaned
