"""What every graph store must do with vectors of items: lists of numbers, kept to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import StoreError
from kgrec.graph import read_snapshot
from kgrec.stores import GraphStore
from tests.graph_schema.samples import frames

NUMBERS = np.random.default_rng(4).standard_normal((2, 5)).astype(np.float32)
NUMBERS[0, 0] = 1.0  # a whole number among the others


class VectorContract:
    def test_vectors_come_back_to_the_bit(self, store: GraphStore) -> None:
        store.write(Catalog.from_frames(**frames(), vectors={"image": (["i3", "i1"], NUMBERS)}))
        found = {row["id"]: row.get("image") for row in store.read_nodes("Item").to_pylist()}
        assert found == {"i1": NUMBERS[1].tolist(), "i2": None, "i3": NUMBERS[0].tolist()}
        items = read_snapshot(store).items
        assert "image" not in items.attributes
        expected = np.zeros((3, 5), dtype=np.float32)
        expected[items.rows(["i3", "i1"])] = NUMBERS
        np.testing.assert_array_equal(items.vectors["image"], expected)

    def test_a_later_catalog_adds_and_replaces_vectors(self, store: GraphStore) -> None:
        plain = read_snapshot_of(store, Catalog.from_frames(**frames()))
        assert plain == {}
        first = Catalog.from_frames(**frames(), vectors={"image": (["i1"], NUMBERS[:1])})
        assert read_snapshot_of(store, first) == {"i1": NUMBERS[0].tolist()}
        later = Catalog.from_frames(vectors={"image": (["i1", "i2"], NUMBERS[::-1])})
        expected = {"i1": NUMBERS[1].tolist(), "i2": NUMBERS[0].tolist()}
        assert read_snapshot_of(store, later) == expected
        assert read_snapshot_of(store, Catalog.from_frames(**frames())) == expected

    def test_lists_of_different_lengths_are_refused(self, store: GraphStore) -> None:
        store.write(Catalog.from_frames(**frames(), vectors={"image": (["i1"], NUMBERS[:1])}))
        store.write(Catalog.from_frames(vectors={"image": (["i2"], NUMBERS[:1, :3])}))
        with pytest.raises(StoreError, match="the list 'image' differs in length"):
            read_snapshot(store)


def read_snapshot_of(store: GraphStore, catalog: Catalog) -> dict[str, list[float]]:
    """The items' vectors called "image" in the store, once ``catalog`` is written."""
    store.write(catalog)
    items = read_snapshot(store).items
    vectors = items.vectors.get("image", np.zeros((len(items), 1)))
    pairs = zip(items.ids, vectors.tolist(), strict=True)
    return {one: vector for one, vector in pairs if any(vector)}
