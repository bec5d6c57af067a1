"""link_entities: proposes facts between items and the entities that their texts name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graph_schema import Catalog
from kgrec.entity_linking.confidence import FOLDS, confidences
from kgrec.entity_linking.evidence import CandidatePairs, candidate_pairs
from kgrec.entity_linking.known_facts import KnownFacts
from kgrec.entity_linking.mentions import ItemText, find_mentions, item_texts, sentence_around
from kgrec.entity_linking.name_index import NameIndex
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.stores import GraphStore

MIN_CONFIDENCE = 0.5  # more likely a fact than not
COLUMNS = (
    "item_id", "relation", "entity_id", "name", "found", "confidence", "source", "field",
    "start", "end", "sentence", "forward",
)  # fmt: skip


def link_entities(
    source: GraphStore | Catalog | GraphSnapshot,
    *,
    relations: Sequence[str] | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    fuzzy: bool = True,
) -> pd.DataFrame:
    """Propose facts that descriptions and reviews name and the graph lacks.

    Names are compared without case, accents and punctuation. The confidence is learned from the
    graph's own facts; the model for an item is fitted on other items. Pairs that have a fact
    already are left out.

    Parameters
    ----------
    source
        The graph: a store, a catalog or a snapshot.
    relations
        Relations that may be proposed; by default those that the entity, or its kind, has to items.
    min_confidence
        Least confidence of a proposal, 0 to 1.
    fuzzy
        Also find names with a typing error, and last names alone.

    Returns
    -------
    pandas.DataFrame
        One row per proposed fact, highest confidence first: ``item_id``, ``relation``,
        ``entity_id``, ``name`` of the entity, ``found`` (the characters in the text),
        ``confidence`` (float, 0 to 1: the share of such mentions that are facts), ``source``
        ("description" or "review"), ``field`` (the item's column, or the review's id), ``start``
        and ``end`` (int64, characters of the cleaned text), ``sentence``, and ``forward`` (bool:
        the fact goes from the item to the entity).

    Raises
    ------
    RequestError
        No texts, no names, no facts to learn from, an unknown relation, or a ``min_confidence``
        outside 0 to 1.
    """
    _check(min_confidence)
    snapshot = read_source(source)
    facts = KnownFacts.read(snapshot, relations)
    texts = item_texts(snapshot)
    _check_parts(snapshot, facts, texts)
    index = NameIndex.build([str(name) for name in snapshot.entities.attributes["name"]])
    mentions = find_mentions(texts, index, fuzzy=fuzzy)
    if mentions.empty:
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    pairs = candidate_pairs(mentions, texts, index, snapshot, facts)
    probability = confidences(pairs, pairs.item % FOLDS)
    proposals = _proposals(pairs, probability, facts, snapshot)
    kept = proposals[proposals["confidence"] >= min_confidence]
    return _proposal_frame(kept, mentions.iloc[pairs.first[kept["pair"]]], texts, snapshot, facts)


def _proposals(
    pairs: CandidatePairs, probability: np.ndarray, facts: KnownFacts, snapshot: GraphSnapshot
) -> pd.DataFrame:
    """Columns pair and relation (indices) and confidence: each unknown pair in each relation it may
    have, highest confidence first."""
    shares = _shares(facts, snapshot)
    unknown = np.flatnonzero(~pairs.known)
    table = sp.coo_matrix(shares[pairs.entity[unknown]])
    frame = pd.DataFrame(
        {
            "pair": unknown[table.row],
            "relation": table.col,
            "confidence": probability[unknown[table.row]] * table.data,
        }
    )
    return frame.sort_values(
        ["confidence", "pair", "relation"], ascending=[False, True, True], kind="stable"
    )


def _shares(facts: KnownFacts, snapshot: GraphSnapshot) -> sp.csr_matrix:
    """float64 ``[entities, relations]``: the share of the entity's items in each relation that may
    be proposed, shrunk towards that of its kind by one item."""
    wanted = facts.wanted[facts.relation]
    roles = facts.roles(wanted)
    items = np.asarray(facts.links(wanted).sum(axis=0)).ravel()
    kind, _ = pd.factorize(snapshot.entities.attributes["kind"].to_numpy(dtype=object))
    members = sp.csr_matrix((np.ones(len(kind)), (kind, np.arange(len(kind)))))
    usual = sp.diags(1.0 / np.maximum(members @ items, 1.0)) @ (members @ roles)
    return sp.csr_matrix(sp.diags(1.0 / (items + 1.0)) @ (roles + members.T @ usual))


def _proposal_frame(
    kept: pd.DataFrame,
    best: pd.DataFrame,
    texts: Sequence[ItemText],
    snapshot: GraphSnapshot,
    facts: KnownFacts,
) -> pd.DataFrame:
    """The frame that ``link_entities`` returns; ``best`` has the best mention of each proposal."""
    relations = [facts.relations[place] for place in kept["relation"]]
    read = [texts[at] for at in best["at"]]
    spans = list(zip(read, best["start"].tolist(), best["end"].tolist(), strict=True))
    frame = pd.DataFrame(
        {
            "item_id": snapshot.items.ids[best["item"].to_numpy(np.int64)],
            "relation": [relation.name for relation in relations],
            "entity_id": snapshot.entities.ids[best["entity"].to_numpy(np.int64)],
            "name": snapshot.entities.attributes["name"].to_numpy(object)[
                best["entity"].to_numpy(np.int64)
            ],
            "found": [text.text[start:end] for text, start, end in spans],
            "confidence": kept["confidence"].to_numpy().round(4),
            "source": [text.source for text in read],
            "field": [text.field for text in read],
            "start": best["start"].to_numpy(np.int64),
            "end": best["end"].to_numpy(np.int64),
            "sentence": [sentence_around(text.text, start, end) for text, start, end in spans],
            "forward": [relation.forward for relation in relations],
        }
    )
    return frame[list(COLUMNS)]


def _check(min_confidence: float) -> None:
    if not 0.0 <= min_confidence <= 1.0:
        raise RequestError(f"min_confidence is {min_confidence}. Cure: use a number from 0 to 1.")


def _check_parts(snapshot: GraphSnapshot, facts: KnownFacts, texts: Sequence[ItemText]) -> None:
    if not texts:
        raise RequestError(
            "no item has a description or a review to read. Cure: give items a column of texts "
            "(plot, description, ...), or load their reviews."
        )
    if not any(snapshot.entities.attributes["name"]):
        raise RequestError("no entity has a name to look for. Cure: load entities with names.")
    if not facts.wanted[facts.relation].any():
        raise RequestError(
            "no fact joins an item and an entity, so there is nothing to learn from. "
            "Cure: load some facts first."
        )
