"""Searching: items for a query, and queries kept as part of the graph."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from graph_schema import Catalog
from kgrec.errors import RequestError
from kgrec.query import candidate_mask, check_k, item_rows, scenario_code
from kgrec.scoring.ranked_lists import personal_scores
from kgrec.text import clean_text
from kgrec.text.words import words_of

if TYPE_CHECKING:
    from kgrec.features.texts import TextReader
    from kgrec.query import Asked
    from kgrec.ranking import Where
    from kgrec.scoring.engine import Engine
    from kgrec.stores import GraphStore

MAX_QUERY: Final = 2_000  # characters: what follows is left out
SEARCHED: Final = "search"  # the event of an item chosen from what a query found


class Searching:
    """The part of Recommender that answers queries."""

    _reader: TextReader

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    def _ask(self, users: Any, histories: Any, scenario: Any, context: Any, horizon: Any) -> Asked:
        raise NotImplementedError

    def search(
        self,
        text: str,
        *,
        user: str | None = None,
        scenario: str | None = None,
        k: int = 10,
        where: Where | None = None,
        candidates: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Items for a query by title, whole text, entity names and meaning, best first: columns
        item_id, score, rank (from 1), found_by ("title", "text", "meaning" or an entity's name).

        Typing errors are forgiven. With ``user`` what was found comes in the order that suits them;
        without, what is chosen often comes first among equals. ``scenario``, ``candidates`` and
        ``where`` narrow the items as in ``recommend``. Markup and control characters are taken out
        of the text, and what follows MAX_QUERY characters is left out. Raises RequestError for a
        text without words, an unknown user or scenario, or filters that leave nothing.
        """
        k, query = check_k(k), clean_query(text)
        engine = self._engine
        asked = None
        if user is not None:
            asked = self._ask([user], None, scenario, None, "next")
        searcher = engine.searcher
        found = searcher.rank(
            query,
            self._reader.encode_query(query) if searcher.reads_meaning else None,
            k,
            personal=None if asked is None else personal_scores(engine, asked),
            mask=self._allowed(scenario, asked, candidates, where),
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
        self,
        scenario: str | None,
        asked: Asked | None,
        candidates: Sequence[str] | None,
        where: Where | None,
    ) -> np.ndarray | None:
        """bool ``[n_items]``, None for all."""
        engine = self._engine
        mask = candidate_mask(engine.snapshot, candidates, where)
        code = -1
        if asked is not None:
            code = int(asked.histories.scenario[0])
        elif scenario is not None:
            code = scenario_code(engine, scenario)
        if candidates is not None:
            return mask
        own = engine.candidates(np.array([code]), mask)
        return own if own is None or own.ndim == 1 else own[0]

    def log_query(
        self,
        user: str | None,
        text: str,
        item: str | None = None,
        timestamp: int | None = None,
        *,
        store: GraphStore | None = None,
        event: str | None = SEARCHED,
    ) -> Catalog:
        """What a user searched for, and the item chosen, as a catalog with one (:Query).

        With ``store`` it is written there, for the next ``fit``: the words that led to an item are
        then training data. ``update`` with the catalog, or with many joined, makes this model read
        it before that. A chosen item is an interaction of kind ``event`` too; None where that is
        kept elsewhere. ``timestamp`` is in unix seconds, now unless given. The same query logged
        twice is one. Raises RequestError for a text without words, an item that is not in the
        graph, or one without a user; CatalogError, StoreError.
        """
        if item is not None:
            item_rows(self._engine.snapshot.items, [item])
            if user is None:
                raise RequestError(f"item {item!r} was chosen by nobody; name the user.")
        query = clean_query(text)
        seconds = int(time.time()) if timestamp is None else timestamp
        row = {"user_id": user, "item_id": item, "timestamp": seconds}
        key = "\n".join(map(str, (user, query, item, seconds)))
        name = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:24]
        chosen = item is not None and event is not None
        news = Catalog.from_frames(
            queries=pd.DataFrame([{"query_id": name, "text": query, **row}]),
            interactions=pd.DataFrame([{**row, "event": event}]) if chosen else None,
        )
        if store is not None:
            store.write(news)
        return news


def clean_query(text: Any) -> str:
    """A query as one readable line of at most MAX_QUERY characters. Raises RequestError."""
    if not isinstance(text, str):
        raise RequestError(f"the query is {type(text).__name__} and not a text; pass some words.")
    cleaned = clean_text(text, MAX_QUERY)
    if not words_of(cleaned):
        what = "holds no words" if text.strip() else "is empty"
        raise RequestError(f"the query {what}; pass some words.")
    return cleaned
