"""Path search against a brute-force walk over the same graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from graph_schema.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.paths.adjacency import Adjacency
from kgrec.paths.index import Constraints, PathIndex
from kgrec.stores.base import NodeRef

from .graphs import snapshot
from .strategies import USERS, graphs


def every_path(index: PathIndex, source: int, target: int, hops: int) -> set[tuple]:
    """All simple paths of at most ``hops`` edges, by walking."""
    found: set[tuple] = set()
    walks = [((source,), ())]
    for _ in range(hops):
        longer = []
        for nodes, codes in walks:
            neighbours, edges = index.whole.of(nodes[-1])
            for node, code in zip(neighbours.tolist(), edges.tolist(), strict=True):
                if node not in nodes:
                    longer.append(((*nodes, node), (*codes, code)))
        found |= {walk for walk in longer if walk[0][-1] == target}
        walks = [walk for walk in longer if walk[0][-1] != target]
    return found


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_finds_exactly_the_simple_paths(graph: GraphSnapshot) -> None:
    index = PathIndex(graph)
    ends = [NodeRef("User", u) for u in USERS[:2]] + [NodeRef("Item", "a"), NodeRef("Entity", "e1")]
    for source in ends:
        target = NodeRef("Item", "b")
        for hops in (1, 2, 3):
            found = index.find(source, target, constraints=Constraints(max_hops=hops), limit=10**6)
            walked = every_path(
                index,
                index.space.find(source.label, source.id),
                index.space.find("Item", "b"),
                hops,
            )
            assert {(p.nodes, p.codes) for p in found} == walked
            assert [len(p.codes) for p in found] == sorted(len(p.codes) for p in found)


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_four_hops_are_true_paths_and_found_when_there_is_one(graph: GraphSnapshot) -> None:
    index = PathIndex(graph)
    source, target = index.space.find("User", "u1"), index.space.find("Item", "b")
    found = {(p.nodes, p.codes) for p in index.find(("User", "u1"), ("Item", "b"), limit=10**6)}
    walked = every_path(index, source, target, 4)
    assert found <= walked
    assert {p for p in walked if len(p[1]) < 4} <= found


@pytest.mark.parametrize("hops", [0, -1, 5, 100, True, 2.5])
def test_refuses_a_wrong_number_of_hops(tiny: GraphSnapshot, hops: object) -> None:
    with pytest.raises(RequestError, match="max_hops"):
        PathIndex(tiny).find("u1", "b", constraints=Constraints(max_hops=hops))  # type: ignore[arg-type]


def test_unknown_names_are_refused(tiny: GraphSnapshot) -> None:
    index = PathIndex(tiny)
    with pytest.raises(RequestError, match=r"'NOPE'.*DIRECTED_BY"):
        index.find("u1", "b", constraints=Constraints(relations=["NOPE"]))
    with pytest.raises(RequestError, match="unknown node id 'zz'"):
        index.find("u1", "zz")
    with pytest.raises(RequestError, match="unknown Item id 'u1'"):
        index.find("u1", ("Item", "u1"))
    with pytest.raises(RequestError, match="unknown label"):
        index.find("u1", ("Film", "b"))
    with pytest.raises(RequestError, match="limit"):
        index.find("u1", "b", limit=0)


def test_constraints(tiny: GraphSnapshot) -> None:
    index = PathIndex(tiny)

    def ids(**constraints: object) -> list[list[str]]:
        found = index.find("u1", "b", constraints=Constraints(**constraints))  # type: ignore[arg-type]
        return [[index.space.id(node) for node in path.nodes] for path in found]

    assert ["u1", "a", "e1", "b"] in ids()
    assert ["u1", "a", "u2", "b"] in ids()
    assert ids(relations=["INTERACTED", "DIRECTED_BY"], max_hops=3) == [
        ["u1", "a", "e1", "b"],
        ["u1", "a", "u2", "b"],
    ]
    assert all("u2" not in path for path in ids(avoid=["u2"]))
    assert all("e2" in path for path in ids(via="e2"))
    assert ids(via=("Entity", "e2"), avoid=NodeRef("Item", "a")) == [["u1", "x", "e2", "b"]]
    assert ids(via=["e2", "e3"]) == []


@pytest.mark.parametrize(
    "constraints",
    [{}, {"avoid": ["u2"]}, {"via": "e2"}, {"via": ["e2", "x"], "avoid": NodeRef("Item", "a")}],
)
def test_rows_of_nodes_are_admitted_like_single_paths(
    tiny: GraphSnapshot, constraints: dict[str, object]
) -> None:
    index = PathIndex(tiny)
    limits = index.limits(Constraints(**constraints))  # type: ignore[arg-type]
    rows = np.random.default_rng(0).integers(index.space.size, size=(200, 3))
    admitted = limits.admit_rows(rows)
    assert admitted.tolist() == [limits.admits(row) for row in rows.tolist()]
    assert admitted.any()
    assert bool(admitted.all()) == (not constraints)
    assert limits.admit_rows(rows[:0]).shape == (0,)


def test_the_rare_entity_comes_before_the_hub(tiny: GraphSnapshot) -> None:
    index = PathIndex(tiny)
    found = index.find("a", "b", constraints=Constraints(max_hops=2), limit=9)
    middles = [index.space.id(path.nodes[1]) for path in found]
    assert middles.index("e1") < middles.index("e2")


def test_an_empty_graph_answers() -> None:
    index = PathIndex(snapshot({}, {}, {}, [], {}))
    index.build()
    assert index.whole.indptr.tolist() == [0]
    with pytest.raises(RequestError):
        index.find("u1", "a")


def test_a_hub_of_100_000_edges_is_searched() -> None:
    n = 100_000
    rng = np.random.default_rng(5)
    source = np.concatenate([np.zeros(n, np.int64), np.full(n, 1)])
    target = np.concatenate([np.arange(2, n + 2), rng.permutation(np.arange(2, n + 2))])
    graph = Adjacency.build(n + 2, source, target, np.zeros(2 * n, np.int64))
    assert graph.degree(np.array([0, 1])).tolist() == [n, n]

    items = {f"i{k}": {} for k in range(20)}
    hub = snapshot(
        {f"u{k}": {} for k in range(50_000)},
        items,
        {"hub": {}},
        [(f"u{k}", f"i{k % 2}", k, None) for k in range(50_000)]
        + [(f"u{k}", f"i{1 - k % 2}", k, None) for k in range(49_999)],
        {("Item", "HAS_GENRE", "Entity"): [(i, "hub") for i in items]},
    )
    index = PathIndex(hub)
    index.build()
    _ = index.whole
    found = index.find("u49999", "i0", limit=5)
    assert [len(path.nodes) for path in found] == [4] * 5
    limits = Constraints(via="hub", max_hops=3)
    (path,) = index.find("u49999", "i0", constraints=limits)
    assert [index.space.id(node) for node in path.nodes] == ["u49999", "i1", "hub", "i0"]


def test_ids_shared_by_labels_stay_apart() -> None:
    graph = snapshot(
        {"1": {}},
        {"1": {}, "2": {}},
        {},
        [("1", "1", 1, None)],
        {("Item", "R", "Item"): [("1", "2")]},
    )
    index = PathIndex(graph)
    path = index.find(("User", "1"), ("Item", "2"))[0]
    assert [index.space.label_row(node)[0] for node in path.nodes] == ["User", "Item", "Item"]
