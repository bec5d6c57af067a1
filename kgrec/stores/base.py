"""GraphStore: the small contract that every graph store keeps, and the values it speaks in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.mapping import GraphMapping
from graph_schema.names import ITEM
from kgrec.progress import Progress as Progress

# Called with (what is being written or read, rows done, rows in all).


@dataclass(frozen=True)
class EdgeType:
    """One kind of edge: a relationship type between two labels, and how many there are."""

    source_label: str
    name: str
    target_label: str
    count: int = 0


@dataclass(frozen=True)
class NodeRef:
    """A node by label and id."""

    label: str
    id: str


@dataclass(frozen=True)
class Neighbour:
    """A node one edge away: ``outgoing`` says whether the edge leaves the node asked about."""

    node: NodeRef
    relation: str
    outgoing: bool
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StorePath:
    """A simple path: ``len(relations) == len(nodes) - 1``; ``outgoing[i]``: edge i's direction."""

    nodes: tuple[NodeRef, ...]
    relations: tuple[str, ...]
    outgoing: tuple[bool, ...]


@dataclass(frozen=True)
class TextHit:
    """A node whose texts hold words of a query; ``score`` compares within one answer."""

    node: NodeRef
    score: float


@dataclass(frozen=True)
class WriteReport:
    """What a write did: rows per frame that are now in the store, and the seconds it took."""

    rows: Mapping[str, int]
    seconds: float


class GraphStore(ABC):
    """Users, items, entities, interactions and facts in a property graph, read and written in bulk.

    Every call raises StoreError or one of its kinds. A store is a context manager.
    """

    uri: str
    mapping: GraphMapping | None = None  # kgrec's names for a graph that it did not write

    @abstractmethod
    def write(self, catalog: Catalog, *, progress: Progress | None = None) -> WriteReport:
        """Merge a catalog into the graph. Writing twice changes nothing.

        Nodes are the same by id, facts by relation and two ends, interactions by (user, item,
        event, timestamp, occurrence among identical ones); the properties that the catalog gives
        are updated, none is erased. Raises CatalogError before anything is written."""

    @abstractmethod
    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All nodes of a label: column ``id`` (string) and the attributes (all, or ``columns``)."""

    @abstractmethod
    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        """All edges of one kind: string columns ``source``, ``target``, then the properties."""

    @abstractmethod
    def edge_types(self) -> list[EdgeType]:
        """Every kind of edge in the graph with its count, sorted by name."""

    @abstractmethod
    def node_counts(self) -> dict[str, int]:
        """Nodes per label."""

    @abstractmethod
    def neighbours(
        self, node: NodeRef, *, relations: Sequence[str] | None = None, limit: int = 100
    ) -> list[Neighbour]:
        """Up to ``limit`` edges of a node, in either direction, with the node at their other end,
        sorted by (relation, label, id)."""

    @abstractmethod
    def paths(
        self, source: NodeRef, target: NodeRef, *, max_hops: int = 3, limit: int = 10
    ) -> list[StorePath]:
        """Up to ``limit`` simple paths of at most ``max_hops`` edges, shortest first; which of the
        equally long ones is left open. Parallel edges (several events of a pair) count once."""

    @abstractmethod
    def query(
        self, cypher: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Rows of a read-only Cypher query, in plain values.

        A node comes as ``{"labels", "properties"}``, a relationship as ``{"type", "properties"}``,
        a path as ``{"nodes", "relationships"}``. Raises QueryError for a write or a wrong query."""

    @abstractmethod
    def search_text(self, text: str, *, label: str = ITEM, k: int = 10) -> list[TextHit]:
        """Up to ``k`` nodes of a label by the store's full-text index, best first, then by id.

        Items are searched in all properties that hold text, entities by name, reviews and queries
        by text: BM25, added up over the properties. ``text`` is plain words, no query language, of
        which any may match. Raises QueryError for no words, k < 1 or another label, and StoreError
        where a mapped graph has no full-text index for the label."""

    @abstractmethod
    def delete_user(self, user_id: str) -> bool:
        """Remove a user with interactions, reviews and queries; False if there was none."""

    @abstractmethod
    def schema_version(self) -> int:
        """The version of the graph's schema; 0 for a graph that kgrec has not prepared."""

    @abstractmethod
    def migrate(self) -> int:
        """Bring the graph's schema to this version of kgrec; returns the new version."""

    @abstractmethod
    def close(self) -> None:
        """Release the file or the connections; calling it twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
