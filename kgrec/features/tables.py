"""FeatureTables: what the model reads of a snapshot, as arrays over a vocabulary fixed by training.

The vocabulary holds what has learned vectors (trained items, entities, relations, attribute
tokens, scenarios). Tables can be made for any later snapshot: what the vocabulary does not know
is absent, and the model treats it as absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.arrays import distinct
from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.features.review_features import ReviewRows
from kgrec.graph.snapshot import Facts, GraphSnapshot, Ints, NodeTable, Strings, with_named

MIN_LINKS = 2  # an entity with one link says nothing of any other item


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What training has seen and gives learned vectors to; all object arrays of str.

    ``items`` and ``entities`` are ids, ``relations`` are keys as made by ``relation_key``.
    ``scenarios`` are names in canonical order, with or without interactions: of one without, a head
    learns nothing (it answers as the shared model does, or as its description makes it).
    """

    items: Strings
    entities: Strings
    relations: Strings
    scenarios: Strings
    item_tokens: AttributeTokens
    user_tokens: AttributeTokens

    @staticmethod
    def build(snapshot: GraphSnapshot) -> Vocabulary:
        """From the snapshot that training sees: items with an interaction, entities with two
        links to items or more, all scenarios, and what else occurs."""
        links = _linked(snapshot)
        relations = {relation_key(f, forward) for f in snapshot.facts for forward in (True, False)}
        scenarios = with_named(snapshot.scenarios, snapshot.interactions.scenario)
        return Vocabulary(
            items=snapshot.items.ids[distinct(snapshot.interactions.item)],
            entities=snapshot.entities.ids[links >= MIN_LINKS],
            relations=np.array(sorted(relations), dtype=object),
            scenarios=scenarios.ids,
            item_tokens=AttributeTokens.build(snapshot.items.attributes),
            user_tokens=AttributeTokens.build(snapshot.users.attributes),
        )


@dataclass(frozen=True, eq=False)
class Messages:
    """Knowledge-graph messages: node and relation of each message, and who receives it.

    Nodes are numbered items first, then the vocabulary's entities. ``source`` int64 ``[t]`` node,
    ``relation`` int64 ``[t]``; ``matrix`` float32 CSR ``[n_items + n_entities, t]``, rows of unit
    length (L2) where a node receives anything.
    """

    source: Ints
    relation: Ints
    matrix: sp.csr_matrix


@dataclass(frozen=True, eq=False)
class FeatureTables:
    """Arrays over the items and users of one snapshot (n items, m users).

    ``item_row`` int64 ``[n]``: the vocabulary row of each item, -1 if new. ``item_tokens`` and
    ``user_tokens`` float32 CSR ``[n, tokens]``, ``[m, tokens]``, rows summing to one.
    ``texts`` maps a part ("text", "reviews") to float32 ``[n, text_size]``, zero where there is
    none. ``friends`` float32 CSR ``[m, n]``: the mean history of whom a user follows (has user →
    user facts with), or None. ``event_text`` float32 ``[e, text_size]``: reviews, then queries.
    """

    item_row: Ints
    messages: Messages
    item_tokens: sp.csr_matrix
    user_tokens: sp.csr_matrix
    texts: Mapping[str, np.ndarray]
    friends: sp.csr_matrix | None
    event_text: np.ndarray
    reviews: ReviewRows | None = None

    @staticmethod
    def build(
        snapshot: GraphSnapshot,
        vocabulary: Vocabulary,
        texts: Mapping[str, np.ndarray],
        event_text: np.ndarray,
    ) -> FeatureTables:
        return FeatureTables(
            item_row=_rows_in(vocabulary.items, snapshot.items.ids),
            messages=_messages(snapshot, vocabulary),
            item_tokens=vocabulary.item_tokens.matrix(snapshot.items.attributes),
            user_tokens=vocabulary.user_tokens.matrix(snapshot.users.attributes),
            texts=texts,
            friends=_friends(snapshot),
            event_text=event_text,
            reviews=ReviewRows.build(snapshot.reviews, len(snapshot.items), len(event_text))
            if len(event_text)
            else None,
        )


def relation_key(facts: Facts, forward: bool) -> str:
    """The name of a relation in one direction, as the vocabulary lists it."""
    arrow = ">" if forward else "<"
    return f"{arrow}{facts.head_label}|{facts.relation}|{facts.tail_label}"


def _linked(snapshot: GraphSnapshot) -> Ints:
    """int64 ``[n_entities]``: how many distinct nodes each entity has a fact with."""
    pairs = [np.empty(0, dtype=np.int64)]
    widest = max(len(snapshot.table(label)) for label in (ITEM, ENTITY, USER)) + 1
    for facts in snapshot.facts:
        ends = (facts.head_label, facts.head), (facts.tail_label, facts.tail)
        for (label, rows), (other, others) in (ends, ends[::-1]):
            if label == ENTITY:
                code = (ITEM, ENTITY, USER).index(other)
                pairs.append((rows * 3 + code) * widest + others)
    entity = distinct(np.concatenate(pairs)) // (3 * widest)
    return np.bincount(entity, minlength=len(snapshot.entities))


def _rows_in(known: Strings, ids: Strings) -> Ints:
    return NodeTable("", known, pd.DataFrame()).rows(ids)


def _messages(snapshot: GraphSnapshot, vocabulary: Vocabulary) -> Messages:
    n_items, n_nodes = len(snapshot.items), len(snapshot.items) + len(vocabulary.entities)
    entity_row = _rows_in(vocabulary.entities, snapshot.entities.ids)
    nodes = {
        ITEM: np.arange(n_items, dtype=np.int64),
        ENTITY: np.where(entity_row >= 0, entity_row + n_items, -1),
    }
    keys = {key: row for row, key in enumerate(vocabulary.relations)}
    edges: list[np.ndarray] = [np.empty((3, 0), dtype=np.int64)]
    told: set[bytes] = set()
    for facts in snapshot.facts:
        if USER in (facts.head_label, facts.tail_label):
            continue
        head, tail = nodes[facts.head_label][facts.head], nodes[facts.tail_label][facts.tail]
        known = (head >= 0) & (tail >= 0)
        for source, target, forward in ((head, tail, True), (tail, head, False)):
            relation = keys.get(relation_key(facts, forward), -1)
            if relation < 0 or not known.any():
                continue
            ends = np.stack([source[known], target[known]])
            if _is_new(ends, told):
                codes = np.full((1, ends.shape[1]), relation, dtype=np.int64)
                edges.append(np.concatenate([ends[:1], codes, ends[1:]]))
    source, relation, target = np.concatenate(edges, axis=1)
    width = max(len(keys), 1)
    tokens, token = np.unique(source * width + relation, return_inverse=True)
    return Messages(
        source=tokens // width,
        relation=tokens % width,
        matrix=_normalised(target, token, n_nodes, len(tokens)),
    )


def _is_new(ends: np.ndarray, told: set[bytes]) -> bool:
    """False where another relation told just this: many graphs hold facts and their inverses."""
    ordered = ends[:, np.lexsort(ends)]
    digest = hashlib.sha256(ordered.tobytes()).digest()
    if digest in told:
        return False
    told.add(digest)
    return True


def _normalised(target: Ints, token: Ints, n_nodes: int, n_tokens: int) -> sp.csr_matrix:
    """1/sqrt(receivers of the message), then rows to unit length: hubs say less."""
    receivers = np.bincount(token, minlength=n_tokens)
    values = 1.0 / np.sqrt(np.maximum(receivers, 1))[token]
    matrix = sp.csr_matrix((values, (target, token)), shape=(n_nodes, n_tokens))
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = 1.0 / np.where(length > 0, length, 1.0)
    return sp.csr_matrix(matrix.multiply(scale[:, None]), dtype=np.float32)


def _friends(snapshot: GraphSnapshot) -> sp.csr_matrix | None:
    followed: Sequence[Facts] = [
        f for f in snapshot.facts if f.head_label == USER and f.tail_label == USER
    ]
    if not followed:
        return None
    n, m = len(snapshot.items), len(snapshot.users)
    head = np.concatenate([f.head for f in followed])
    tail = np.concatenate([f.tail for f in followed])
    follows = sp.csr_matrix((np.ones(len(head)), (head, tail)), shape=(m, m))
    seen = snapshot.interactions
    history = sp.csr_matrix((np.ones(len(seen)), (seen.user, seen.item)), shape=(m, n))
    mean = _row_mean(history)
    return sp.csr_matrix(_row_mean(follows) @ mean, dtype=np.float32)


def _row_mean(matrix: sp.csr_matrix) -> sp.csr_matrix:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return sp.diags(1.0 / np.where(total > 0, total, 1.0)) @ matrix
