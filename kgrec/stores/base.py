"""GraphStore: the small contract that every graph store keeps, and the values it works with.

Nothing here loads a database driver or pandas, so other rooms may import these types freely.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from graph_schema.errors import StoreError
from graph_schema.names import FRAMES, INTERACTED, ITEM, LABEL_FRAMES, RESERVED_TYPES
from kgrec.progress import Progress as Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from graph_schema.catalog import Catalog
    from graph_schema.conversion.frames import Frame
    from graph_schema.mapping import GraphMapping
    from kgrec.arguments import Missing
    from kgrec.stores.following.follow_queries import FollowQueries
    from kgrec.stores.outline.graph import GraphOutline
    from kgrec.stores.removal import Ids, Removal, Removed


def __getattr__(name: str) -> Any:
    """Keep ``kgrec.stores.base.Catalog`` importable, without loading pandas before it is used."""
    if name != "Catalog":
        raise AttributeError(f"module 'kgrec.stores.base' has no attribute {name!r}")
    from graph_schema.catalog import Catalog

    return Catalog


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
    """A node one edge away from another; ``outgoing``: the edge points to this node."""

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
    """A node whose texts contain words of a query; compare ``score`` within one answer only."""

    node: NodeRef
    score: float


@dataclass(frozen=True)
class WriteReport:
    """What a write did: rows per frame that are now in the store, and the seconds it took."""

    rows: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class RemovalReport:
    """What a removal did.

    Attributes
    ----------
    rows : mapping of str to int
        How many rows left of each frame: users, items, entities, reviews, queries, interactions and
        facts, with those that left because a node at their end did.
    missing : mapping of str to int
        How many of each frame were named and were not there.
    """

    rows: Mapping[str, int]
    missing: Mapping[str, int]


class GraphStore(ABC):
    """A property graph of users, items, entities, interactions and facts.

    It is written and read in bulk. Every method raises StoreError or one of its kinds. A store is
    a context manager that closes itself.

    Attributes
    ----------
    uri : str
        The file or the address of the graph, without any password.
    mapping : GraphMapping or None
        kgrec's names for a graph that kgrec did not write; None for a graph of kgrec's own.
    """

    uri: str
    mapping: GraphMapping | None = None

    @abstractmethod
    def write(
        self,
        catalog: Catalog,
        *,
        replace: bool = False,
        erase_empty: bool = False,
        progress: Progress | None = None,
    ) -> WriteReport:
        """Merge a catalog into the graph; writing the same catalog twice changes nothing.

        Two nodes are the same if their ids are, two facts if their relations and ends are, two
        interactions if user, item, event, timestamp and their number among identical ones are.
        Properties in the catalog are updated. No stored property is erased unless asked for.
        Attributes of nodes are converted to the types that the graph has for them, as those of
        ``Recommender.update`` are.

        Parameters
        ----------
        catalog : Catalog
            What to write; it is validated first.
        replace : bool
            The graph holds exactly this catalog afterwards, with its types: what else was stored
            leaves. An embedded store is replaced in one step. On a server what is stored changes
            part by part, and what has left goes last: a write that was cut off is completed by the
            next one.
        erase_empty : bool
            An empty value (None, NaN, "") in a column of attributes of users, items, entities or
            scenarios erases the stored one, as in ``Recommender.update``.
        progress : callable, optional
            Called with (label or relation, rows done, rows in all). An exception that it raises
            stops the write.

        Returns
        -------
        WriteReport
            Rows per frame and the seconds it took.

        Raises
        ------
        CatalogError
            If the catalog breaks the schema, or a value has no form in the type that its column
            has in the graph; nothing is written then.
        StoreError
            If the store can't be written, or ``replace`` would remove nodes that kgrec did not
            write.
        """

    @property
    def tombstones(self) -> Path | None:
        """The file with the keyed hashes of the people who were erased, whom ``write`` leaves out.

        An embedded store has it beside its file; for a server the environment variable
        KGREC_TOMBSTONES names one. None: there is no such file, and nobody is left out.
        """
        named = os.environ.get("KGREC_TOMBSTONES")
        return Path(named) if named else None

    def row_counts(self) -> dict[str, int]:
        """Count the rows that the graph has of each frame.

        Returns
        -------
        dict of str to int
            Users, items, entities, interactions, facts, reviews, queries and scenarios.
        """
        counts = dict.fromkeys(FRAMES, 0)
        for label, n in self.node_counts().items():
            if label in LABEL_FRAMES:
                counts[LABEL_FRAMES[label]] += n
        for edge in self.edge_types():
            if edge.name == INTERACTED:
                counts["interactions"] += edge.count
            elif edge.name not in RESERVED_TYPES:
                counts["facts"] += edge.count
        return counts

    def check_replaceable(self) -> None:
        """Check that a write may replace the graph.

        Raises
        ------
        StoreError
            If the graph has nodes that kgrec did not write.
        """
        labels = self.node_counts()
        others = [label for label in labels if label not in LABEL_FRAMES]
        if labels and not self.schema_version():
            others = list(labels)
        if others:
            raise StoreError(
                f"{self.uri}: replacing the graph would remove nodes that kgrec did not write "
                f"({', '.join(sorted(others))}). Cure: write without replacing, or give another "
                "file or database."
            )

    @abstractmethod
    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read all nodes of a label.

        Parameters
        ----------
        label : str
            "User", "Item", "Entity", "Review", "Query", "Scenario" or another label of the graph.
        columns : sequence of str, optional
            The properties to read; all if None. One that no node has becomes a column of nulls.

        Returns
        -------
        pyarrow.Table
            Column ``id`` (string), then the properties; no rows for an unknown label.
        """

    @abstractmethod
    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        """Read all edges of one kind.

        Parameters
        ----------
        edge : EdgeType
            The relation and the labels of its two ends; ``count`` is not used.
        columns : sequence of str, optional
            The properties to read; all if None. One that no edge has becomes a column of nulls.

        Returns
        -------
        pyarrow.Table
            Columns ``source`` and ``target`` (string), then the properties.
        """

    @abstractmethod
    def edge_types(self) -> list[EdgeType]:
        """List every kind of edge that the graph has, with its count, sorted by name."""

    def problems(self, *, values: bool = False) -> list[str]:
        """Return what keeps the graph from being read, in sentences with counts and cures.

        Only a graph that kgrec did not write, read through a mapping, can have any.

        Parameters
        ----------
        values : bool
            Also read all times and ratings; a snapshot finds what is wrong with these when it
            reads them.

        Returns
        -------
        list of str
            Empty where nothing is wrong.

        Raises
        ------
        StoreError
            If the store can't be read.
        """
        return []

    def outline(self, sample: int = 1_000) -> GraphOutline:
        """Look at a graph that kgrec did not write: its labels, types and properties.

        Parameters
        ----------
        sample : int
            How many nodes of each label and relationships of each type to look at.

        Returns
        -------
        GraphOutline
            The labels and relationship types with their counts and samples of their properties.

        Raises
        ------
        StoreError
            If the store holds graphs of kgrec's own alone.
        """
        raise StoreError(
            f"{self.uri}: kgrec wrote this graph, and reads it as it is. Cure: leave the mapping "
            "out."
        )

    @abstractmethod
    def node_counts(self) -> dict[str, int]:
        """Count the nodes of every label that has any."""

    @abstractmethod
    def neighbours(
        self, node: NodeRef, *, relations: Sequence[str] | None = None, limit: int = 100
    ) -> list[Neighbour]:
        """List the edges of a node, in either direction, with the node at their other end.

        Parameters
        ----------
        node : NodeRef
            The node; an unknown one has no neighbours.
        relations : sequence of str, optional
            Only edges of these types; all if None.
        limit : int
            At most so many edges.

        Returns
        -------
        list of Neighbour
            Sorted by (relation, label, id).
        """

    @abstractmethod
    def paths(
        self, source: NodeRef, target: NodeRef, *, max_hops: int = 3, limit: int = 10
    ) -> list[StorePath]:
        """Find simple paths between two nodes, shortest first.

        Parallel edges (several events of a user and an item) count once. Which of several paths
        of the same length are found first is not defined.

        Parameters
        ----------
        source, target : NodeRef
            The two ends.
        max_hops : int
            The most edges of a path.
        limit : int
            At most so many paths.

        Returns
        -------
        list of StorePath
            Empty if there is no path.
        """

    @abstractmethod
    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        rows: int | None = None,
        seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        """Run a read-only Cypher query.

        Parameters
        ----------
        cypher : str
            The query; values belong in ``parameters``, never in this text.
        parameters : mapping, optional
            Values of the query's ``$names``: text, numbers, booleans, dates, lists and maps.
        rows : int, optional
            At most so many rows; the others are left out.
        seconds : float, optional
            The longest time of the query; by default the store's own.

        Returns
        -------
        list of dict
            One dict per row in plain values. A node comes as ``{"labels", "properties"}``, a
            relationship as ``{"type", "properties"}``, a path as ``{"nodes", "relationships"}``.

        Raises
        ------
        QueryError
            If the query is wrong, would change the graph, reads files (LOAD CSV), or takes longer
            than ``seconds``.
        """

    def follow_queries(self) -> FollowQueries:
        """Return the Cypher that finds what is new since a time, and make the indexes it needs.

        Returns
        -------
        FollowQueries
            For ``kgrec.stores.following.changes.read_changes``.

        Raises
        ------
        StoreError
            If the store can't be followed, or refuses the indexes.
        """
        raise StoreError(
            f"{self.uri}: this store can't be followed. Cure: store_follow_seconds = 0."
        )

    def write_mark(self) -> object:
        """Return a value that changes with every write; None where the store has no such value."""
        return None

    @abstractmethod
    def search_text(self, text: str, *, label: str = ITEM, k: int = 10) -> list[TextHit]:
        """Search the nodes of a label by the store's full-text index (BM25).

        Items are searched in all properties that hold text, entities by name, reviews and queries
        by text; the scores of several properties are added.

        Parameters
        ----------
        text : str
            Plain words, any of which may match; it is not a query language.
        label : str
            "Item", "Entity", "Review" or "Query".
        k : int
            At most so many nodes.

        Returns
        -------
        list of TextHit
            By falling score, then by id.

        Raises
        ------
        QueryError
            If the text has no words, ``k`` is below 1, or the label has no texts.
        StoreError
            If a mapped graph has no full-text index for the label.
        """

    def remove(
        self,
        *,
        users: Ids = (),
        items: Ids = (),
        entities: Ids = (),
        reviews: Ids = (),
        queries: Ids = (),
        interactions: Frame | None = None,
        facts: Frame | None = None,
        missing: Missing = "error",
    ) -> RemovalReport:
        """Remove nodes, interactions and facts: all that is named, or nothing.

        With a node its facts leave, and the interactions of users and items. With a user leave the
        user's reviews and queries, with an item the reviews of it; a query that led to the item
        stays, without the item. Scenarios stay. A model that was fitted before keeps what it has
        read: see ``Recommender.remove``.

        Parameters
        ----------
        users, items, entities, reviews, queries : id or sequence of ids, optional
            Nodes to remove. Numbers are read as ``Catalog`` reads them: 7 and 7.0 are "7".
        interactions : DataFrame or pyarrow.Table, optional
            Columns user_id and item_id, and any others of the interactions, such as timestamp: an
            interaction leaves if it equals a row in every column given, where two absent values are
            equal. With user_id and item_id alone all interactions of the pair leave.
        facts : DataFrame or pyarrow.Table, optional
            Columns head, head_type, relation, tail and tail_type; others are not read.
        missing : {"error", "ignore"}
            What to do if something named is not there: remove nothing and raise an error that names
            all of it, or remove the rest.

        Returns
        -------
        RemovalReport
            How many rows of each frame left, and how many named ones were missing.

        Raises
        ------
        RequestError
            If an argument can't be read, or something is missing; nothing has changed then.
        StoreError
            If the store can't be written; nothing has changed then.
        """
        from kgrec.arguments import check_choice
        from kgrec.stores.removal import counts, read_removal

        strict = check_choice(missing, "missing", ("error", "ignore")) == "error"
        removal = read_removal(
            users=users,
            items=items,
            entities=entities,
            reviews=reviews,
            queries=queries,
            interactions=interactions,
            facts=facts,
        )
        return RemovalReport(*counts(removal, self._remove(removal, strict)))

    @abstractmethod
    def _remove(self, removal: Removal, strict: bool) -> Removed:
        """Remove what is there in one step; with ``strict`` nothing, if anything is missing."""

    @abstractmethod
    def schema_version(self) -> int:
        """Return the version of the graph's schema; 0 for a graph that kgrec has not prepared."""

    @abstractmethod
    def migrate(self) -> int:
        """Bring the graph's schema to the version of this kgrec and return that version.

        Raises
        ------
        StoreError
            If a newer kgrec has written the graph.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the file or the connections; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
