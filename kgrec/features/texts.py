"""Vectors of a language model for the texts of a snapshot: items, reviews, queries, scenarios."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from kgrec.arrays import unit_rows
from kgrec.config import FEATURE_READERS, RecommenderConfig
from kgrec.features.names import REVIEWS, TEXT
from kgrec.graph.columns import repeated
from kgrec.graph.snapshot import (
    GraphSnapshot,
    Ints,
    NodeTable,
    Texts,
    rows_in,
    with_named,
)
from kgrec.graph.tables import unchanged_rows
from kgrec.progress import Progress
from kgrec.text import (
    BertEncoder,
    CachedEncoder,
    EmbeddingCache,
    TextColumns,
    TextEncoder,
    item_documents,
    load_encoder,
    review_weights,
    text_columns,
)

DESCRIPTION = "description"
NOTHING = np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """The language model's vectors of a snapshot's texts.

    Attributes
    ----------
    items : dict
        By part ("text", "reviews") float32 ``[n, size]``: unit rows, zero without a text.
    events : float32 ``[e, size]``
        Vectors of reviews, then of queries.
    size : int
        Columns of the vectors of items and events, 0 without any.
    scenarios : float32 ``[k, their size]``
        Vectors of the descriptions of ``scenarios_of`` the snapshot; ``[0, 0]`` where no part of
        the model reads them.
    """

    items: dict[str, np.ndarray]
    events: np.ndarray
    size: int = field(default=0)
    scenarios: np.ndarray = field(default_factory=lambda: NOTHING)

    @staticmethod
    def none(n_items: int) -> TextFeatures:
        """Return the vectors of a snapshot without texts."""
        return TextFeatures({}, NOTHING)

    def of_events(self, snapshot: GraphSnapshot) -> Ints:
        """Return the text of each interaction.

        Returns
        -------
        int64 ``[interactions]``
            The row in ``events`` of the user's review of the item, else of the query with which the
            user found it; the latest where there are several, -1 without any.
        """
        seen = snapshot.interactions
        if not len(self.events):
            return repeated(np.int64(-1), len(seen))
        rows = np.full(len(seen), -1, dtype=np.int64)
        n_items = max(len(snapshot.items), 1)
        for texts, start in ((snapshot.queries, len(snapshot.reviews)), (snapshot.reviews, 0)):
            found = _latest(texts, seen.user * n_items + seen.item, n_items)
            rows = np.where(found >= 0, found + start, rows)
        return rows


def _latest(texts: Texts, pairs: Ints, n_items: int) -> Ints:
    """The row of the latest text of each (user, item) pair, -1 where there is none."""
    known = np.flatnonzero((texts.user >= 0) & (texts.item >= 0))
    if not len(known):
        return np.full(len(pairs), -1, dtype=np.int64)
    keys = texts.user[known] * n_items + texts.item[known]
    order = np.lexsort((known, texts.timestamp[known], keys))
    place = np.searchsorted(keys[order], pairs, side="right") - 1
    at = order[np.maximum(place, 0)]
    return np.where((place >= 0) & (keys[at] == pairs), known[at], -1)


def encode_texts(
    snapshot: GraphSnapshot,
    encoder: TextEncoder,
    progress: Progress | None = None,
    *,
    robust: bool = False,
) -> TextFeatures:
    """Encode the documents of items, the reviews and the queries of a snapshot.

    Parameters
    ----------
    snapshot : GraphSnapshot
        Without what is held out.
    encoder : TextEncoder
    progress : callable, optional
        Called with (what, done, total).
    robust : bool
        Pool an item's reviews by ``review_weights``; else by their mean.
    """
    documents, written = texts_of(snapshot)
    if not any(documents) and not written:
        return TextFeatures.none(len(snapshot.items))
    vectors = encoder.encode([*documents, *written], progress=progress)
    items, events = vectors[: len(documents)], vectors[len(documents) :]
    parts = {TEXT: items} if any(documents) else {}
    if len(snapshot.reviews):
        parts[REVIEWS] = _item_means(
            snapshot.reviews, events[: len(snapshot.reviews)], snapshot, robust
        )
    return TextFeatures(parts, events, vectors.shape[1])


def texts_of(snapshot: GraphSnapshot) -> tuple[list[str], list[str]]:
    """Return the texts of a snapshot.

    Returns
    -------
    documents : list of str
        One for each item; none where no column of the items holds text.
    written : list of str
        The reviews, then the queries, as they were written.
    """
    columns = text_columns(snapshot.items.attributes)
    documents = item_documents(snapshot.items.attributes, columns) if columns else []
    return documents, list(map(str, [*snapshot.reviews.text, *snapshot.queries.text]))


class TextReader:
    """Reads snapshots with the language model of the settings, through the cache on disk.

    The model is loaded for the first text that is not in the cache.
    """

    def __init__(self, config: RecommenderConfig) -> None:
        self.config = config
        self._chosen: tuple[tuple[weakref.ref[pd.DataFrame], TextColumns], ...] = ()

    @cached_property
    def encoder(self) -> TextEncoder:
        """The language model behind the cache. Raises TextModelError."""
        text = self.config.text
        encoder = load_encoder(text.model, precision=text.precision, max_length=text.max_length)
        return CachedEncoder(encoder, EmbeddingCache(text.cache_dir))

    @property
    def is_loaded(self) -> bool:
        """Whether the language model is in memory."""
        return "encoder" in vars(self)

    def share(self, other: TextReader) -> None:
        """Take the language model that ``other`` has loaded, where the settings are the same and
        its files have not changed since. Raises TextModelError."""
        loaded = vars(other).get("encoder")
        if not isinstance(loaded, CachedEncoder) or self.config.text != other.config.text:
            return
        encoder = loaded.encoder
        if isinstance(encoder, BertEncoder) and encoder.is_of(self.config.text.model):
            vars(self)["encoder"] = loaded

    def encode_query(self, text: str) -> np.ndarray:
        """Return the vector of one text, float32 ``[size]``, without keeping it in the cache."""
        encoder = self.encoder
        live = encoder.encoder if isinstance(encoder, CachedEncoder) else encoder
        return np.asarray(live.encode([text])[0])

    def read(self, snapshot: GraphSnapshot, progress: Progress | None = None) -> TextFeatures:
        """Return the vectors of a snapshot; none where the settings or the data have no texts."""
        texts = TextFeatures.none(len(snapshot.items))
        if self.config.model.use_text and has_texts(snapshot):
            robust = self.config.text.robust_reviews
            texts = encode_texts(snapshot, self.encoder, progress, robust=robust)
        return replace(texts, scenarios=self.read_scenarios(scenarios_of(snapshot)))

    def grown(
        self,
        texts: TextFeatures,
        before: GraphSnapshot,
        after: GraphSnapshot,
        progress: Progress | None = None,
    ) -> TextFeatures:
        """Return the vectors of a later snapshot: only the documents of changed items are encoded
        where the reviews and queries are the same, and the same columns make documents.

        ``texts`` are the vectors of ``before``. Raises TextModelError.
        """
        if TEXT not in texts.items or not _same_written(before, after):
            return self.read(after, progress)
        known = self._columns_of(before.items.attributes)
        columns = self._columns_of(after.items.attributes)
        if columns != known:
            return self.read(after, progress)
        rows = unchanged_rows(before.items, after.items)
        vectors = texts.items[TEXT][np.maximum(rows, 0)]
        changed = np.flatnonzero(rows < 0)
        if len(changed):
            documents = item_documents(after.items.attributes.iloc[changed], columns)
            vectors[changed] = self.encoder.encode(documents, progress=progress)
        parts = {TEXT: vectors}
        if REVIEWS in texts.items:
            written, robust = texts.events[: len(after.reviews)], self.config.text.robust_reviews
            parts[REVIEWS] = _item_means(after.reviews, written, after, robust)
        scenarios = texts.scenarios
        if not _same_scenarios(before, after):
            scenarios = self.read_scenarios(scenarios_of(after))
        return replace(texts, items=parts, scenarios=scenarios)

    def _columns_of(self, attributes: pd.DataFrame) -> TextColumns:
        """``text_columns``, of which the last ones are remembered."""
        for known, columns in self._chosen:
            if known() is attributes:
                return columns
        columns = text_columns(attributes)
        self._chosen = ((weakref.ref(attributes), columns), *self._chosen[:1])
        return columns

    def read_scenarios(self, scenarios: NodeTable) -> np.ndarray:
        """Return the vectors of the scenarios' descriptions, float32 ``[k, size]``, unit rows.

        ``[0, 0]`` where texts are switched off, or no scenario has a description and the head
        reads none.
        """
        wanted = self.config.model.head in FEATURE_READERS or has_descriptions(scenarios)
        if not (self.config.model.use_text and wanted and len(scenarios)):
            return NOTHING
        return self.encoder.encode(scenario_documents(scenarios))


def has_texts(snapshot: GraphSnapshot) -> bool:
    """Return whether a snapshot has any text for a language model."""
    if len(snapshot.reviews) or len(snapshot.queries):
        return True
    return bool(text_columns(snapshot.items.attributes))


def scenarios_of(snapshot: GraphSnapshot) -> NodeTable:
    """Return all scenarios of a snapshot, with those that only interactions name."""
    return with_named(snapshot.scenarios, snapshot.interactions.scenario)


def has_descriptions(scenarios: NodeTable) -> bool:
    """Return whether any scenario has a description."""
    return bool((scenarios.attributes[DESCRIPTION] != "").any())


def scenario_documents(scenarios: NodeTable) -> list[str]:
    """Return one text per scenario: its name, its attributes, its description."""
    table = scenarios.attributes.assign(scenario_id=scenarios.ids)
    short = tuple(str(name) for name in scenarios.attributes.columns if name != DESCRIPTION)
    return item_documents(table, TextColumns("scenario_id", short, (DESCRIPTION,)))


def same_texts(one: GraphSnapshot, other: GraphSnapshot) -> bool:
    """Return whether two snapshots have the same texts, row by row."""
    if one.items is not other.items and not np.array_equal(one.items.ids, other.items.ids):
        return False
    if not (_same_scenarios(one, other) and _same_written(one, other)):
        return False
    if one.reviews is not other.reviews and not np.array_equal(
        one.reviews.item, other.reviews.item
    ):
        return False
    mine, others = one.items.attributes, other.items.attributes
    return mine is others or mine.equals(others)


def _same_scenarios(one: GraphSnapshot, other: GraphSnapshot) -> bool:
    mine, others = scenarios_of(one), scenarios_of(other)
    return mine is others or scenario_documents(mine) == scenario_documents(others)


def _same_written(one: GraphSnapshot, other: GraphSnapshot) -> bool:
    """Whether two snapshots have the same reviews and queries, wherever their items are."""
    written = ((one.reviews, other.reviews), (one.queries, other.queries))
    return all(
        a is b or np.array_equal(getattr(a, n), getattr(b, n))
        for a, b in written
        for n in ("id", "text")
    )


def texts_without(
    texts: TextFeatures, before: GraphSnapshot, after: GraphSnapshot, *, robust: bool = False
) -> TextFeatures | None:
    """Return the vectors of ``after``, which holds a part of ``before``, without a language model.

    Parameters
    ----------
    texts : TextFeatures
        The vectors of ``before``.
    robust : bool
        As in ``encode_texts``.

    Returns
    -------
    TextFeatures or None
        None where ``after`` has a review or query that ``before`` lacks: one of an event that was
        held out until the event left.
    """
    written = [
        rows_in(old.id, new.id)
        for old, new in ((before.reviews, after.reviews), (before.queries, after.queries))
    ]
    if any((rows < 0).any() for rows in written):
        return None
    items = before.items.rows(after.items.ids)
    parts, events = {part: rows[items] for part, rows in texts.items.items()}, texts.events
    if len(events):
        events = events[np.concatenate([written[0], written[1] + len(before.reviews)])]
    if REVIEWS in parts:
        parts[REVIEWS] = _item_means(after.reviews, events[: len(after.reviews)], after, robust)
    scenarios = texts.scenarios
    if len(scenarios):
        scenarios = scenarios[scenarios_of(before).rows(scenarios_of(after).ids)]
    return replace(texts, items=parts, events=events, scenarios=scenarios)


def _item_means(
    reviews: Texts, vectors: np.ndarray, snapshot: GraphSnapshot, robust: bool
) -> np.ndarray:
    if robust and len(reviews):
        vectors = vectors * review_weights(vectors, reviews.item, reviews.text)[:, None]
    means = np.zeros((len(snapshot.items), vectors.shape[1]), dtype=np.float32)
    known = reviews.item >= 0
    np.add.at(means, reviews.item[known], vectors[known])
    return unit_rows(means)
