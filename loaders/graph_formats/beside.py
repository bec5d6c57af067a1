"""Facts beside the interactions of a folder: triples and RDF become facts of the catalog.

A node of the graph is an item if an item id equals it, or a value of one column of items.csv; the
report names the column. All other nodes become entities.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.graph_formats.files import files_of, plain_names
from loaders.graph_formats.rdf import is_rdf, read_rdf
from loaders.graph_formats.relations import is_iri, last_part, relation_columns
from loaders.graph_formats.triples import GraphFacts, Reader, find_triples, may_be_triples
from loaders.recognition import FileNames
from loaders.report import Progress
from loaders.tables.infer import infer_types

# How words begin in the names of columns that hold ids of other graphs, such as freebase_id.
_HINTS: Final = re.compile(
    r"(^|[^a-z])(iris?|uris?|urls?|qid|mid|nodes?|wiki\w*|dbpedia\w*|freebase\w*|entity\w*)([^a-z]|$)"
)
_MOST: Final = 0.5  # share of such a column's values that are nodes
_DISTINCT: Final = 0.9  # share of distinct values from which a column can be one of ids


@dataclass(frozen=True)
class FactsFiles:
    """The files of a folder that hold facts, and how they are read."""

    paths: list[Path]
    read: Callable[..., GraphFacts]

    @property
    def names(self) -> set[str]:
        """The names of the files."""
        return {path.name for path in self.paths}


def find_facts(folder: Path, language: str = "en") -> FactsFiles | None:
    """The files of RDF in a folder, or else of triples; None without any."""
    if not folder.is_dir():
        return None
    paths = list(files_of(folder, is_rdf).values())
    if paths:
        return FactsFiles(paths, partial(read_rdf, language=language))
    found: tuple[list[Path], Reader] | None = find_triples(folder)
    return None if found is None else FactsFiles(*found)


def are_facts(files: FileNames) -> bool:
    """Whether files are RDF or triples, by their names and their first lines."""
    plain = plain_names(files)
    named = may_be_triples(plain) or any(map(is_rdf, plain))
    return named and find_facts(files.folder) is not None


def without_interactions(folder: Path, files: FactsFiles) -> str:
    """The error for facts alone."""
    graph = files.read(files.paths, CatalogBuilder().report, None)
    example = next(iter(graph.facts), ("",))[0]
    return (
        f"{folder}: there are facts ({', '.join(sorted(files.names))}) and no interactions, so "
        "that nothing says who chose what. Cure: put a file interactions.csv with the columns "
        f"user_id and item_id into this folder; items are the nodes of the facts that are an "
        f"item_id, such as {shown(example)}."
    )


def add_facts(builder: CatalogBuilder, files: FactsFiles, progress: Progress | None) -> None:
    """Add the facts of the files to a builder that has the interactions, and the nodes that they
    describe; a table of facts goes before them. Raises SourceError."""
    if "facts" in builder.tables:
        names = ", ".join(sorted(files.names))
        builder.report.notes.append(f"{names}: not read, as there is a table of facts.")
        return
    graph = files.read(files.paths, builder.report, progress)
    nodes = graph.nodes()
    link = _find_link(builder, graph, nodes)
    builder.report.notes.append(link.note(files))
    source = files.paths[0] if len(files.paths) == 1 else files.paths[0].parent
    builder.add("facts", _facts(graph, link.items), source)
    _add_entities(builder, graph, [one for one in nodes if one not in link.items], source)
    _add_items(builder, graph, link.items, source)


@dataclass(frozen=True)
class _Link:
    """The item of each node that is one, found by a column of items; ``of`` counts the items."""

    column: str
    of: int
    items: dict[str, str] = field(default_factory=dict)
    repeats: int = 0
    named: bool = False  # the column's name says that it holds ids, and most of its values are some

    @property
    def rank(self) -> tuple[bool, int]:
        """The greatest of several links is used."""
        return self.named, len(self.items)

    def note(self, files: FactsFiles) -> str:
        names = ", ".join(sorted(files.names))
        if not self.items:
            return (
                f"no fact of {names} is about an item: no item_id equals a node, nor does a column "
                "of items.csv. Add a column iri with the node of each item to items.csv."
            )
        text = (
            f"{len(self.items):,} of {self.of:,} items are nodes of {names}, by the column "
            f"{self.column}."
        )
        if self.repeats:
            text += f" {self.repeats:,} items name a node that is another item already."
        return text


def _find_link(builder: CatalogBuilder, graph: GraphFacts, nodes: dict[str, None]) -> _Link:
    """The column of the items that has the most nodes; of equal ones the first. A column whose name
    says that it holds ids goes first: numbers may be item ids and nodes by accident."""
    columns = _id_columns(builder)
    if not columns:
        return _Link("item_id", 0)
    ids = columns["item_id"]
    found = [_Link("item_id", len(set(ids) - {""}), {one: one for one in ids if one in nodes})]
    named = {name for name in columns if _HINTS.search(name.lower())}
    by_part = _by_last_part(graph, nodes) if named else {}
    for name, values in columns.items():
        given = [value for value in values if value]
        hinted = name in named
        repeated = not hinted and len(set(given)) < _DISTINCT * len(given)
        if name == "item_id" or repeated:
            continue
        link = _link_by(name, ids, values, nodes, by_part if hinted else {})
        most = len(link.items) >= _MOST * max(len(given), 1)
        found.append(replace(link, named=hinted and most))
    return max(found, key=lambda link: link.rank)


def _id_columns(builder: CatalogBuilder) -> dict[str, list[str]]:
    """The columns of the items as texts, "" where a value is absent; item_id first."""
    table = builder.tables.get("items")
    if table is None:
        table = builder.tables["interactions"]
        ids = pc.unique(table.column("item_id")) if "item_id" in table.column_names else []
        return {"item_id": _texts(ids)} if len(ids) else {}
    if "item_id" not in table.column_names:
        return {}
    plain = {
        name: column
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_string(column.type) or pa.types.is_integer(column.type)
    }
    return {name: _texts(plain[name]) for name in ("item_id", *plain) if name in plain}


def _texts(column: Any) -> list[str]:
    return [one or "" for one in column.cast(pa.string()).to_pylist()]


def _by_last_part(graph: GraphFacts, nodes: dict[str, None]) -> dict[str, str]:
    """The IRI of each last part; of several the one that is the head of the most facts, and none
    where they are the heads of equally many."""
    heads = Counter(head for head, _, _ in graph.facts)
    found: dict[str, str] = {}
    equal: set[str] = set()
    for node in nodes:
        part = _part(node) if is_iri(node) else ""
        if not part:
            continue
        more = heads[node] - heads[found.get(part, "")]
        if part not in found or more > 0:
            found[part] = node
            equal.discard(part)
        elif not more:
            equal.add(part)
    return {part: node for part, node in found.items() if part not in equal}


def _part(iri: str) -> str:
    return unquote(last_part(iri))


def _link_by(
    name: str,
    ids: list[str],
    values: list[str],
    nodes: dict[str, None],
    by_part: Mapping[str, str],
) -> _Link:
    items: dict[str, str] = {}
    repeats = 0
    for item, value in zip(ids, values, strict=True):
        plain = value.strip().strip("<>")
        node = plain if plain in nodes else by_part.get(_part(plain))
        if node is not None and plain:
            repeats += items.setdefault(node, item) != item
    return _Link(name, len(ids), items, repeats)


def _facts(graph: GraphFacts, items: dict[str, str]) -> pa.Table:
    columns: dict[str, Any] = {}
    for place, end in ((0, "head"), (2, "tail")):
        nodes = [fact[place] for fact in graph.facts]
        columns[end] = pa.array([items.get(one, one) for one in nodes], pa.string())
        kinds = ["item" if one in items else "entity" for one in nodes]
        columns[f"{end}_type"] = pa.array(kinds, pa.string())
    relations = pa.array([relation for _, relation, _ in graph.facts], pa.string())
    return pa.table({**columns, **relation_columns(relations)})


def _add_entities(
    builder: CatalogBuilder, graph: GraphFacts, nodes: list[str], source: Path
) -> None:
    """Add the entities with what describes them; to a table of entities those that it lacks."""
    given = builder.tables.get("entities")
    if given is not None and "entity_id" not in given.column_names:
        return  # the check of the catalog names the missing column
    known = set() if given is None else set(_texts(given.column("entity_id")))
    new = [node for node in nodes if node not in known]
    columns: dict[str, Any] = {
        "entity_id": pa.array(new, pa.string()),
        "name": _values(graph.names, new, ""),
        "kind": _values(graph.kinds, new, ""),
    }
    if given is None:
        columns |= {name: _values(one, new, None) for name, one in graph.literals.items()}
        table = infer_types(_without_empty(pa.table(columns)), tuple(columns)[:3])
        builder.add("entities", table, source)
    elif new:
        place = given.column_names.index("entity_id")
        given = given.set_column(place, "entity_id", pa.array(_texts(given.column("entity_id"))))
        kept = {
            name: column
            for name, column in columns.items()
            if name not in given.column_names or pa.types.is_string(given.schema.field(name).type)
        }
        both = pa.concat_tables([given, pa.table(kept)], promote_options="default")
        rows = np.concatenate([builder.rows["entities"], np.zeros(len(new), dtype=np.int64)])
        builder.add("entities", both, builder.sources["entities"], rows)
        builder.report.notes.append(
            f"{len(new):,} entities of the facts have no row in the table of entities, such as "
            f"{shown(new[0])}; they were added."
        )


def _add_items(
    builder: CatalogBuilder, graph: GraphFacts, items: dict[str, str], source: Path
) -> None:
    """Add what describes the items, as columns that the items don't have yet."""
    described: dict[str, dict[str, str]] = {
        "title": graph.names,
        "kind": graph.kinds,
        **graph.literals,
    }
    table = builder.tables.get("items")
    given = table is not None
    if table is not None and "item_id" not in table.column_names:
        return  # the check of the catalog names the missing column
    if table is None:
        every = [*_id_columns(builder).get("item_id", ()), *items.values()]
        table = pa.table({"item_id": pa.array(list(dict.fromkeys(every)), pa.string())})
    nodes = {item: node for node, item in items.items()}
    order = [nodes.get(one) for one in _texts(table.column("item_id"))]
    new = {
        name: _values(values, order, "" if name == "title" else None)
        for name, values in described.items()
        if name not in table.column_names
    }
    extra = _without_empty(pa.table(new)) if new else pa.table({})
    if not extra.num_columns:
        return
    extra = infer_types(extra, ("title", "kind"))
    for name in extra.column_names:
        table = table.append_column(name, extra.column(name))
    rows = builder.rows.get("items") if given else None
    builder.add("items", table, builder.sources["items"] if given else source, rows)


def _values(values: Mapping[str, str], nodes: Collection[str | None], absent: str | None) -> Any:
    return pa.array([values.get(one or "", absent) for one in nodes], pa.string())


def _without_empty(table: pa.Table) -> pa.Table:
    """The columns that have a value; ids and the columns of the layout stay."""
    always = ("entity_id", "name", "kind") if "entity_id" in table.column_names else ()
    kept = [
        name
        for name in table.column_names
        if name in always or pc.any(pc.not_equal(table.column(name), "")).as_py()
    ]
    return table.select(kept)
