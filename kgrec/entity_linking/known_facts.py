"""KnownFacts: the facts of a graph between items and entities, as arrays and sparse matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from graph_schema.names import ENTITY, ITEM
from kgrec.arrays import binary_matrix
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot, Ints


class Relation(NamedTuple):
    """A relation and its direction; ``forward``: from the item to the entity."""

    name: str
    forward: bool


@dataclass(frozen=True, eq=False)
class KnownFacts:
    """``relations`` and, for each fact, its relation's index, item row and entity row, int64
    ``[n]``.

    ``wanted`` bool ``[relations]``: the relations that may be proposed.
    """

    relations: tuple[Relation, ...]
    relation: Ints
    item: Ints
    entity: Ints
    shape: tuple[int, int]  # items, entities
    wanted: np.ndarray

    @classmethod
    def read(cls, snapshot: GraphSnapshot, wanted: Sequence[str] | None = None) -> KnownFacts:
        """Read the facts. Raises RequestError for a relation in ``wanted`` without such facts."""
        kinds, items, entities = [], [], []
        for facts in snapshot.facts:
            if {facts.head_label, facts.tail_label} == {ITEM, ENTITY}:
                forward = facts.head_label == ITEM
                kinds.append(Relation(facts.relation, forward))
                items.append(facts.head if forward else facts.tail)
                entities.append(facts.tail if forward else facts.head)
        _check(wanted, [kind.name for kind in kinds])
        codes = [np.full(len(rows), code, dtype=np.int64) for code, rows in enumerate(items)]
        nothing = np.empty(0, dtype=np.int64)
        return cls(
            tuple(kinds),
            np.concatenate([nothing, *codes]),
            np.concatenate([nothing, *items]),
            np.concatenate([nothing, *entities]),
            (len(snapshot.items), len(snapshot.entities)),
            np.array([wanted is None or kind.name in wanted for kind in kinds], dtype=bool),
        )

    def links(self, facts: np.ndarray) -> sp.csr_matrix:
        """float64 ``[items, entities]``: 1 where one of ``facts`` (bool ``[n]``) joins the two."""
        return binary_matrix(self.item[facts], self.entity[facts], self.shape)

    def roles(self, facts: np.ndarray) -> sp.csr_matrix:
        """float64 ``[entities, relations]``: number of ``facts`` of each entity by relation."""
        ones = np.ones(int(facts.sum()))
        shape = (self.shape[1], len(self.relations))
        places = (self.entity[facts], self.relation[facts])
        return sp.csr_matrix((ones, places), shape=shape)


def entries_at(matrix: sp.csr_matrix, rows: Ints, columns: Ints) -> np.ndarray:
    """float64 ``[n]``: the entries of a sparse matrix at (rows, columns)."""
    if not len(rows):
        return np.empty(0)
    return np.asarray(matrix[rows, columns], dtype=np.float64).ravel()


def _check(wanted: Sequence[str] | None, names: Sequence[str]) -> None:
    if isinstance(wanted, str):
        raise RequestError(f"relations={wanted!r} is one string. Cure: give a list of names.")
    unknown = sorted(set(wanted or ()) - set(names))
    if unknown:
        known = ", ".join(sorted(set(names))) or "none"
        raise RequestError(
            f"no fact between an item and an entity has the relation {', '.join(unknown)}. "
            f"Cure: use some of {known}."
        )
