"""Vectors to export: what their products are, and the files they are written to."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from kgrec import Query, Recommender
from kgrec.errors import RequestError


def test_products_are_the_models_part_of_the_score(fitted: Recommender) -> None:
    engine = fitted.state.engine.with_weights(None)
    users, items = fitted.vectors("user"), fitted.vectors("item")
    request = fitted.state.resolver.resolve(Query(users.ids.tolist()))
    scores = engine.score(request.histories).numpy()
    product = users.vectors @ items.vectors.T / items.temperature + items.bias
    trained = engine.bound.trained_rows
    np.testing.assert_allclose(product[:, trained], scores[:, trained], atol=2e-5)
    assert len(trained) > 30


def test_cosines_of_items_are_those_of_similar(fitted: Recommender) -> None:
    one, other = fitted.similar("i3", k=1)[["item_id", "similar_id"]].iloc[0]
    a, b = fitted.vectors("item", [one, other]).vectors
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert cosine == pytest.approx(fitted.similar("i3", k=1)["score"].iloc[0], abs=1e-6)


def test_which_vectors_and_in_which_order(fitted: Recommender) -> None:
    all_items = fitted.vectors("history_item")
    assert all_items.ids.tolist() == fitted.snapshot.items.ids.tolist()
    assert all_items.bias is None
    assert all_items.vectors.dtype == np.float32
    some = fitted.vectors("history_item", ["i9", "i2"])
    assert np.array_equal(some.vectors, all_items.vectors[[9, 2]])
    typed = fitted.vectors("user", Query(histories={"new": ["i1"]}, scenario="web"))
    assert typed.ids.tolist() == ["new"]
    assert typed.vectors.shape == (1, 16)
    assert not np.array_equal(
        typed.vectors, fitted.vectors("user", Query(histories={"new": ["i1"]})).vectors
    )


def test_files_hold_the_vectors(fitted: Recommender, tmp_path: Path) -> None:
    items = fitted.vectors()
    table = pq.read_table(items.save(tmp_path / "new" / "items.parquet"))
    assert json.loads(table.schema.metadata[b"kgrec"]) == {
        "kind": "item",
        "temperature": items.temperature,
    }
    frame = items.to_frame()
    for read in (table.to_pandas(), frame):
        assert read.columns.tolist() == ["item_id", "vector", "bias"]
        assert np.array_equal(np.stack(read["vector"]), items.vectors)
        assert read["item_id"].tolist() == items.ids.tolist()
    pd.testing.assert_series_equal(table.to_pandas()["bias"], frame["bias"])
    assert np.array_equal(np.load(items.save(tmp_path / "items.npy")), items.vectors)
    with np.load(items.save(tmp_path / "items.npz")) as arrays:
        assert arrays["ids"].tolist() == items.ids.tolist()
        assert np.array_equal(arrays["vectors"], items.vectors)
    users = fitted.vectors("user", ["u1"])
    assert pq.read_table(users.save(tmp_path / "u.parquet")).column_names == ["user_id", "vector"]
    assert len(pq.read_table(fitted.vectors("user", []).save(tmp_path / "none.parquet"))) == 0


def test_wrong_requests_are_refused(fitted: Recommender, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="'entity'; use 'item', 'history_item'"):
        fitted.vectors("entity")
    with pytest.raises(RequestError, match="of type list"):
        fitted.vectors(["item"])  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="is a int; give a path"):
        fitted.vectors().save(5)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="'x'"):
        fitted.vectors("item", ["x"])
    with pytest.raises(RequestError, match="Query"):
        fitted.vectors("item", Query("u1"))
    with pytest.raises(RequestError, match="parquet"):
        fitted.vectors().save(tmp_path / "items.pickle")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(RequestError, match="is a folder; name a file"):
        fitted.vectors().save(tmp_path / "folder.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npy"]
