"""``kgrec snapshot``: from files and from a store, and training on the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kgrec.graph.mapped import open_snapshot
from tests.cli.conftest import kgrec, kgrec_json
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, frame in catalogs.frames().items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def made(source: Path, folder: Path, *options: str) -> Any:
    return kgrec_json("snapshot", source, folder, "--json", *options)


def test_files_and_their_store_give_the_same_folder(data: Path, tmp_path: Path) -> None:
    counts = made(data, tmp_path / "files", "--memory", "300MB")
    assert counts["interactions"] == len(catalogs.frames()["interactions"])
    kgrec("load", data, "--store", tmp_path / "g.kgl")
    assert made(tmp_path / "g.kgl", tmp_path / "store")["facts"] == counts["facts"]
    one, other = (open_snapshot(tmp_path / name) for name in ("files", "store"))
    assert_same_snapshot(one, other)


def test_files_of_text_are_read_as_a_whole(data: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.mkdir()
    for name, frame in catalogs.frames().items():
        frame.to_csv(text / f"{name}.csv", index=False)
    assert made(text, tmp_path / "one")["users"] == made(data, tmp_path / "two")["users"]


@pytest.mark.slow
def test_a_model_is_trained_on_the_folder(data: Path, tmp_path: Path) -> None:
    made(data, tmp_path / "graph")
    settings = tmp_path / "settings.toml"
    settings.write_text("[model]\nembedding_size = 8\nuse_text = false\n[training]\nepochs = 1\n")
    kgrec("load", data, "--store", tmp_path / "g.kgl")
    for store in ("graph", "g.kgl"):
        model = tmp_path / f"of-{store}"
        kgrec("train", "--store", tmp_path / store, "--model", model, "--config", settings)
    weights = [(tmp_path / f"of-{one}" / "model.safetensors") for one in ("graph", "g.kgl")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_an_odd_amount_of_memory_is_refused(data: Path, tmp_path: Path) -> None:
    error = kgrec("snapshot", data, tmp_path / "out", "--memory", "much", expect=1).stderr
    assert "memory is 'much'; give an amount such as 500MB or 4GB" in error
    assert not (tmp_path / "out").exists()
