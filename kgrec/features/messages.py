"""Messages: the knowledge graph as message passing reads it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.arrays import distinct, numbered
from kgrec.graph.snapshot import Facts, GraphSnapshot, Ints, Strings, rows_in


@dataclass(frozen=True, eq=False)
class Messages:
    """Messages of the knowledge graph: the node and relation of each one, and who receives it.

    Nodes are numbered items first, then the vocabulary's entities.

    Attributes
    ----------
    source : int64 ``[t]``
        The node that sends each message.
    relation : int64 ``[t]``
        Its relation, a row of the vocabulary's relations.
    matrix : float32 CSR ``[n_items + n_entities, t]``
        Which node receives which message; rows have unit length (L2), or are empty.
    """

    source: Ints
    relation: Ints
    matrix: sp.csr_matrix


def relation_key(facts: Facts, forward: bool) -> str:
    """Return the name of a relation in one direction, as the vocabulary lists it."""
    arrow = ">" if forward else "<"
    return f"{arrow}{facts.head_label}|{facts.relation}|{facts.tail_label}"


def count_links(snapshot: GraphSnapshot) -> Ints:
    """Return how many distinct nodes each entity has a fact with, int64 ``[n_entities]``."""
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


def build_messages(snapshot: GraphSnapshot, entities: Strings, relations: Strings) -> Messages:
    """Return the messages among a snapshot's items and the vocabulary's ``entities``.

    Facts of users, of other entities and of other ``relations`` (keys of ``relation_key``) send
    none.
    """
    n_items, n_nodes = len(snapshot.items), len(snapshot.items) + len(entities)
    entity_row = rows_in(entities, snapshot.entities.ids)
    nodes = {
        ITEM: np.arange(n_items, dtype=np.int64),
        ENTITY: np.where(entity_row >= 0, entity_row + n_items, -1),
    }
    keys = {key: row for row, key in enumerate(relations)}
    edges: list[np.ndarray] = [np.empty((3, 0), dtype=np.int64)]
    known_ends: set[bytes] = set()
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
            if _is_new(ends[0] * n_nodes + ends[1], known_ends):
                codes = np.full((1, ends.shape[1]), relation, dtype=np.int64)
                edges.append(np.concatenate([ends[:1], codes, ends[1:]]))
    source, relation, target = np.concatenate(edges, axis=1)
    width = max(len(keys), 1)
    tokens, token = numbered(source * width + relation)
    return Messages(
        source=tokens // width,
        relation=tokens % width,
        matrix=_normalised(target, token, n_nodes, len(tokens)),
    )


def _is_new(ends: Ints, known: set[bytes]) -> bool:
    """False where another relation has the same edges, a number each: many graphs hold inverses of
    facts."""
    digest = hashlib.sha256(np.sort(ends).tobytes()).digest()
    if digest in known:
        return False
    known.add(digest)
    return True


def _normalised(target: Ints, token: Ints, n_nodes: int, n_tokens: int) -> sp.csr_matrix:
    """1/sqrt(receivers of the message), then rows to unit length: hubs count less."""
    receivers = np.bincount(token, minlength=n_tokens)
    values = 1.0 / np.sqrt(np.maximum(receivers, 1))[token]
    matrix = sp.csr_matrix((values, (target, token)), shape=(n_nodes, n_tokens))
    places = matrix.indices, matrix.indptr
    squares = sp.csr_matrix((matrix.data * matrix.data, *places), shape=matrix.shape)
    length = np.sqrt(np.asarray(squares.sum(axis=1)).ravel())
    scale = np.repeat(1.0 / np.where(length > 0, length, 1.0), np.diff(matrix.indptr))
    scaled = (matrix.data * scale).astype(np.float32)
    return sp.csr_matrix((scaled, *places), shape=matrix.shape)
