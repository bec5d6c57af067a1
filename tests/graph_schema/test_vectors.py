"""Vectors of items in a catalog: kept with their ids, checked value by value, written and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from graph_schema.errors import CatalogError

IDS = ["a", "b", "c"]
ITEMS = pd.DataFrame({"item_id": [*IDS, "d"], "title": ["A", "B", "C", "D"]})
NUMBERS = np.array([[1.0, 2.0], [0.5, -1.0], [1 / 3, 0.0]])


def catalog(**vectors: tuple[list[str], np.ndarray]) -> Catalog:
    return Catalog.from_frames(items=ITEMS, vectors=vectors)


def test_vectors_stand_with_their_items_whatever_the_order() -> None:
    made = catalog(image=(["c", "a", "b"], NUMBERS))
    ids, vectors = made.vectors["image"]
    assert ids.tolist() == IDS
    np.testing.assert_array_equal(vectors, NUMBERS[[1, 2, 0]].astype(np.float32))
    assert made.tables["items"].column("image")[3].as_py() is None
    assert "image" not in made.items.columns
    assert made.validate().ok


def test_a_column_of_lists_of_floats_is_vectors() -> None:
    items = ITEMS.assign(sound=[[0.5, 1.5], None, [2.0, 3.0], [1.0, 0.0]])
    ids, vectors = Catalog.from_frames(items=items).vectors["sound"]
    assert ids.tolist() == ["a", "c", "d"]
    assert vectors.tolist() == [[0.5, 1.5], [2.0, 3.0], [1.0, 0.0]]
    with pytest.raises(CatalogError, match=r"row 2, column sound: the vector has 3 numbers"):
        Catalog.from_frames(items=items.assign(sound=[[0.5, 1], None, [1.0, 2, 3], [1.0, 0]]))


def test_items_that_only_vectors_name_are_known_where_no_items_are_given() -> None:
    events = pd.DataFrame({"user_id": ["u"], "item_id": ["b"]})
    made = Catalog.from_frames(interactions=events, vectors={"image": (IDS, NUMBERS)})
    assert made.items["item_id"].tolist() == ["b", "a", "c"]
    np.testing.assert_array_equal(made.vectors["image"][1][0], NUMBERS[1].astype(np.float32))


def test_they_are_written_and_read(tmp_path: Path) -> None:
    made = catalog(image=(IDS, NUMBERS), sound=(["d"], NUMBERS[:1]))
    again = Catalog.read_parquet(made.to_parquet(tmp_path / "catalog"))
    assert again.equals(made)
    assert set(again.vectors) == {"image", "sound"}
    assert Catalog.from_frames(**again.tables).equals(made)


@pytest.mark.parametrize(
    ("ids", "numbers", "message"),
    [
        (["a", "zz"], NUMBERS[:2], "row 1, column item_id: 'zz' is not among the ids"),
        (["a", "b", "a"], NUMBERS, "row 2, column item_id: the id 'a' is there before"),
        (["a", "b"], np.array([[1, 2], [np.nan, 1]]), "row 1: the vector holds NaN"),
        (["a", "b"], np.array([[1, np.inf], [2, 1]]), "row 0: the vector holds NaN"),
        (["a", "b"], np.array([[1, 1e300], [2, 1]]), "row 0: the vector holds NaN"),
        (["a", "b"], np.array([[1, 2], [0, 0]]), "row 1: the vector is all zeros"),
        (["a", "b"], NUMBERS, "3 vectors and 2 ids"),
        (["a", "b"], np.array([1.0, 2.0]), r"shape \(2,\)"),
        (["a", "b"], np.array([["x"], ["y"]]), "type <U1"),
        (["a", "b"], np.zeros((2, 0)), r"shape \(2, 0\)"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(
    ids: list[str], numbers: np.ndarray, message: str
) -> None:
    with pytest.raises(CatalogError, match=f"vectors/image frame.*{message}"):
        catalog(image=(ids, numbers))


def test_a_name_that_an_attribute_has_is_refused() -> None:
    with pytest.raises(CatalogError, match="have a column 'title' already"):
        catalog(title=(IDS, NUMBERS))
