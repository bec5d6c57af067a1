"""Search requests: items for a query text, and search queries stored in the graph."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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
from kgrec.rules import BoundRules, ListRules
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import candidate_mask, check_scenario, item_rows, scenario_code
from kgrec.scoring.ranked_lists import personal_scores
from kgrec.scoring.request import Request
from kgrec.scoring.scenario_codes import RESERVED
from kgrec.search.ranker import Searcher, SearchResult
from kgrec.text import clean_text
from kgrec.text.words import words_of

MAX_QUERY: Final = 2_000  # characters; the rest is ignored
BY_RULE: Final = "rule"  # source of a result that a rule pinned and the query did not find
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
    rules : BoundRules or None
        The rules that a search without a user obeys; with one, those of ``user``.
    """

    text: str
    k: int
    user: Request | None
    scenario: str | None
    constraints: Constraints
    rules: BoundRules | None = None

    def __post_init__(self) -> None:
        check_scenario(self.scenario)


def search_items(
    engine: Engine, searcher: Searcher, reader: TextReader, request: SearchRequest
) -> pd.DataFrame:
    """The items found, best first; see ``Recommender.search``. Raises RequestError."""
    query, user = clean_query(request.text), request.user
    code = _scenario(engine, request)
    mask, rules = _allowed_items(engine, request, code), _rules(request, code)
    rank = partial(
        searcher.rank,
        query,
        reader.encode_query(query) if searcher.reads_meaning else None,
        personal=None if user is None else personal_scores(engine, user),
    )
    found = rank(request.k, mask=mask) if rules is None else _ruled(rank, request.k, mask, rules)
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


def _scenario(engine: Engine, request: SearchRequest) -> int:
    """The code of the scenario, -1 for none."""
    if request.user is not None:
        return int(request.user.histories.scenario[0])
    if request.scenario in RESERVED:
        raise RequestError(
            f"scenario {request.scenario!r} is recognised from a user; name the user too."
        )
    return -1 if request.scenario is None else scenario_code(engine, request.scenario)


def _allowed_items(engine: Engine, request: SearchRequest, code: int) -> np.ndarray | None:
    """bool ``[n_items]``; None for all."""
    mask = candidate_mask(engine.snapshot, request.constraints)
    if request.constraints.candidates is not None:
        return mask
    allowed = engine.candidates(np.array([code]), mask)
    return allowed if allowed is None or allowed.ndim == 1 else allowed[0]


def _rules(request: SearchRequest, code: int) -> ListRules | None:
    if request.user is not None:
        return None if request.user.rules is None else request.user.rules.of(0)
    return None if request.rules is None else request.rules.for_all("search", code)


def _ruled(
    rank: Callable[..., SearchResult], k: int, mask: np.ndarray | None, rules: ListRules
) -> SearchResult:
    """The results under rules: hidden items left out, the others placed. What a pin adds, which
    the query did not find, has the score 0 and is found by "rule"."""
    allowed = rules.allowed if mask is None else rules.allowed & mask
    if rules.placement is None:
        return rank(k, mask=allowed)
    found = rank(len(allowed), mask=allowed)
    scores = np.where(allowed, np.float32(0), np.float32(-np.inf))
    scores[found.rows] = found.scores
    rows = rules.placement.place(found.rows.tolist(), k, scores.__getitem__, whole=True) or []
    sources = dict(zip(found.rows.tolist(), found.found_by.tolist(), strict=True))
    listed = np.array(rows, dtype=np.int64)
    by = np.array([sources.get(row, BY_RULE) for row in rows], dtype=object)
    return SearchResult(listed, scores[listed], by)


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
