"""Models saved as 8-bit integers: what is rounded, by how much, and that they answer alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from typer.testing import CliRunner

from kgrec import Recommender
from kgrec.cli import app
from kgrec.errors import ModelError, RequestError
from kgrec.nn import ItemWeights
from kgrec.persistence.precision import packed, packed_weights, unpacked, unpacked_weights
from tests.recommender import catalogs


def table(rows: int, columns: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    spread = 10.0 ** rng.integers(-3, 3, (rows, 1))
    return (rng.standard_normal((rows, columns)) * spread).astype(np.float32)


def test_each_row_is_rounded_to_half_a_step_of_its_own() -> None:
    given = {"table": table(300, 20), "zeros": np.zeros((300, 20), dtype=np.float32)}
    given["stack"] = table(300, 60).reshape(300, 3, 20)
    found = packed(given, "int8")
    assert {name: found[name].dtype for name in given} == dict.fromkeys(given, np.dtype(np.int8))
    again = unpacked(found)
    assert set(again) == set(given)
    for name, before in given.items():
        after = again[name]
        assert (after.dtype, after.shape) == (np.float32, before.shape)
        rows = before.reshape(300, -1)
        step = np.abs(rows).max(axis=1, keepdims=True) / 127
        assert (np.abs(after.reshape(300, -1) - rows) <= 0.5001 * step).all()
    assert np.array_equal(unpacked(packed(again, "int8"))["table"], again["table"])


def test_small_and_other_arrays_stay() -> None:
    given = {
        "vector": np.ones(9_000, dtype=np.float32),
        "small": table(10, 10),
        "rows": np.arange(9_000).reshape(90, 100),
        "number": np.array(2.5, dtype=np.float32),
    }
    found = packed(given, "int8")
    assert set(found) == set(given)
    assert all(found[name] is given[name] for name in given)
    assert packed({"table": table(300, 20)}, "fp32")["table"].dtype == np.float32


def weights() -> ItemWeights:
    """Item–item weights of the fixtures' items; one row of them is empty."""
    dense = table(catalogs.N_ITEMS, catalogs.N_ITEMS) * 1e-3
    dense[np.abs(dense) < np.quantile(np.abs(dense), 0.5, axis=1, keepdims=True)] = 0
    dense[3] = 0
    return ItemWeights(sp.csr_matrix(dense), decay=4.0).with_own(
        [None, sp.csr_matrix(dense.T)], 0.5
    )


def test_item_weights_keep_their_places() -> None:
    before = weights().arrays()
    small = packed_weights(before, "int8")
    assert small["values"].dtype == small["1.values"].dtype == np.int8
    assert small["indices"].dtype == np.uint8
    after = ItemWeights.of_arrays(unpacked_weights(small)).arrays()
    assert list(after) == list(before)
    for name, array in before.items():
        if not name.endswith("values"):
            assert np.array_equal(after[name], array), name
    one, other = (ItemWeights.of_arrays(arrays) for arrays in (before, after))
    for scenario in (-1, 0, 1):
        exact = one.within(scenario).toarray()
        step = np.abs(exact).max(axis=1, keepdims=True) / 127
        assert (np.abs(other.within(scenario).toarray() - exact) <= 0.5001 * step).all()


def test_a_smaller_folder_answers_nearly_alike(fitted: Recommender, tmp_path: Path) -> None:
    state = fitted.state
    whole = Recommender.of(replace(state, engine=state.engine.with_weights(weights())))
    whole.save(tmp_path / "whole")
    whole.save(tmp_path / "small", precision="int8")
    small = Recommender.load(tmp_path / "small")
    for name in ("model.safetensors", "item_weights.safetensors"):
        sizes = [(tmp_path / folder / name).stat().st_size for folder in ("small", "whole")]
        assert sizes[0] < sizes[1], name
    users = [f"u{n}" for n in range(catalogs.N_USERS)]
    one, other = (model.rank(users, k=5) for model in (whole, small))
    assert (one.ids == other.ids).mean() > 0.9
    np.testing.assert_allclose(one.scores, other.scores, atol=0.1)
    small.save(tmp_path / "again", precision="int8")
    for name in ("model.safetensors", "item_weights.safetensors"):
        files = [(tmp_path / folder / name).read_bytes() for folder in ("small", "again")]
        assert files[0] == files[1], name


def test_another_precision_is_refused_and_writes_nothing(
    fitted: Recommender, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match="precision 'int4'; choose one of 'fp32', 'int8'"):
        fitted.save(tmp_path / "model", precision="int4")  # type: ignore[arg-type]
    assert not (tmp_path / "model").exists()


def test_a_later_version_is_refused(fitted: Recommender, tmp_path: Path) -> None:
    fitted.save(tmp_path / "small", precision="int8")
    manifest = tmp_path / "small" / "manifest.json"
    values = json.loads(manifest.read_text())
    assert values["version"] == 4
    manifest.write_text(json.dumps({**values, "version": 5}))
    with pytest.raises(ModelError, match="this kgrec reads 3 and 4; upgrade kgrec"):
        Recommender.load(tmp_path / "small")


def test_the_command_writes_the_smaller_folder(saved: Path, tmp_path: Path) -> None:
    arguments = ["compress", str(saved), str(tmp_path / "small"), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    sizes = json.loads(result.stdout)
    assert sizes["out_mb"] < sizes["model_mb"]
    assert Recommender.load(tmp_path / "small").recommend("u1", k=3)["rank"].tolist() == [1, 2, 3]
