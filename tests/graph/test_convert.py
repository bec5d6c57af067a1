"""Snapshots as PyG and networkx graphs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from graph_schema.catalog import Catalog
from graph_schema.errors import RequestError
from kgrec.errors import MissingExtraError
from kgrec.graph import GraphSnapshot, to_networkx, to_pyg
from kgrec.stores import NodeRef
from tests.graph.test_read import snapshot_of
from tests.graph_schema.samples import frames


@pytest.fixture
def snapshot(tmp_path: Path) -> GraphSnapshot:
    return snapshot_of(Catalog.from_frames(**frames()), tmp_path)


def test_pyg_has_every_node_and_edge(snapshot: GraphSnapshot) -> None:
    data = to_pyg(snapshot)
    assert data.validate()
    assert {label: data[label].num_nodes for label in data.node_types} == {
        "User": 3,
        "Item": 3,
        "Entity": 2,
    }
    seen = data["User", "INTERACTED", "Item"]
    assert seen.edge_index.tolist() == [[0, 0, 1, 2], [0, 0, 1, 2]]
    assert seen.timestamp.dtype == torch.int64
    assert seen.rating.tolist()[:3] == [5.0, 5.0, 3.5]
    assert data["Item", "sequel_of", "Item"].edge_index.tolist() == [[1], [0]]
    assert len(data.edge_types) == 5
    assert snapshot.to_pyg().num_edges == data.num_edges == 8


def test_without_pyg_the_error_names_the_extra(
    snapshot: GraphSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(MissingExtraError, match=r"torch_geometric.*kgrec\[pyg\]"):
        snapshot.to_pyg()


def test_pyg_shares_no_memory(snapshot: GraphSnapshot) -> None:
    to_pyg(snapshot)["User", "INTERACTED", "Item"].rating.zero_()
    assert snapshot.interactions.rating[0] == 5


def test_networkx_whole(snapshot: GraphSnapshot) -> None:
    graph = to_networkx(snapshot)
    assert graph.number_of_nodes() == 8
    assert graph.number_of_edges() == 8
    assert graph.nodes["Item", "i1"] == {
        "label": "Item",
        "title": "One",
        "year": 1999,
        "genres": "a|b",
    }
    events = graph.get_edge_data(("User", "u1"), ("Item", "i1"))
    assert len(events) == 2
    assert events[0] == {
        "relation": "INTERACTED",
        "event": "view",
        "scenario": "web",
        "split": "train",
        "timestamp": 10,
        "rating": 5.0,
    }
    last = graph.get_edge_data(("User", "u3"), ("Item", "i3"))[0]
    assert last == {"relation": "INTERACTED", "split": "test"}


def test_networkx_neighbourhood(snapshot: GraphSnapshot) -> None:
    near = snapshot.to_networkx(center=NodeRef("Entity", "e2"), hops=1)
    assert set(near.nodes) == {("Entity", "e2"), ("Entity", "e1")}
    further = snapshot.to_networkx(center=NodeRef("Entity", "e2"), hops=2)
    assert set(further.nodes) == {("Entity", "e2"), ("Entity", "e1"), ("Item", "i1")}
    alone = snapshot.to_networkx(center=NodeRef("User", "u3"), hops=0)
    assert set(alone.nodes) == {("User", "u3")}
    whole = snapshot.to_networkx(center=NodeRef("User", "u1"), hops=9)
    assert ("Item", "i3") not in whole
    assert whole.number_of_nodes() == 6


def test_unknown_center_is_told(snapshot: GraphSnapshot) -> None:
    with pytest.raises(RequestError, match="no Item 'gone'"):
        to_networkx(snapshot, center=NodeRef("Item", "gone"))
    with pytest.raises(RequestError, match="no label"):
        to_networkx(snapshot, center=NodeRef("Planet", "x"))


def test_pyg_of_an_empty_graph() -> None:
    from kgrec.graph.read import read_snapshot
    from kgrec.stores import EmbeddedStore

    data = to_pyg(read_snapshot(EmbeddedStore("never-written.kgl")))
    assert data.num_nodes == 0
    assert data["User", "INTERACTED", "Item"].edge_index.shape == (2, 0)
    assert np.array_equal(data.node_types, ["User", "Item", "Entity"])
