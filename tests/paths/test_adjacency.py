"""The adjacency of the whole graph and its node numbers."""

from __future__ import annotations

from hypothesis import given, settings

from kgrec.graph.snapshot import GraphSnapshot
from kgrec.paths.index import PathIndex

from .graphs import snapshot
from .strategies import graphs


@settings(max_examples=20, deadline=None)
@given(graphs())
def test_order_of_rows_changes_nothing(graph: GraphSnapshot) -> None:
    again = PathIndex(graph).find("u1", "b", limit=7)
    assert again == PathIndex(graph).find("u1", "b", limit=7)
    whole = PathIndex(graph).whole
    assert whole.indptr[-1] == len(whole.neighbour)
    for node in range(PathIndex(graph).space.size):
        neighbours, codes = whole.of(node)
        for other in set(neighbours.tolist()):
            assert sorted(whole.edges_between(node, other)) == sorted(codes[neighbours == other])


def test_names_and_ids_survive_empty_tables() -> None:
    index = PathIndex(snapshot({}, {"a": {"title": None}}, {"e": {"name": "E"}}, [], {}))
    item, entity = index.space.find("Item", "a"), index.space.find("Entity", "e")
    assert index.space.label_row(item) == ("Item", 0)
    assert index.space.label_row(entity) == ("Entity", 0)
    assert (index.space.name(item), index.space.name(entity)) == ("", "E")
