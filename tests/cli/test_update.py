"""``kgrec update``: new rows in a trained model and in the graph."""

import hashlib
import shutil
from pathlib import Path

import pandas as pd
import pytest

import kgrec as package
import loaders
from kgrec import Recommender
from kgrec.stores.base import EdgeType
from tests.cli.conftest import kgrec, kgrec_json
from tests.recommender import catalogs


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """A new item, and events of a new user; of known items the ids alone."""
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "items.csv").write_text("item_id,title,year\nfresh,A new tale,1999\ni0,,\ni4,,\n")
    events = {"user_id": "new", "item_id": ["i0", "i4", "fresh"], "timestamp": [1, 2, 3]}
    pd.DataFrame(events).to_csv(folder / "interactions.csv", index=False)
    return folder


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def test_new_rows_are_answered_from(model: Path, news: Path, fresh: Recommender) -> None:
    done = kgrec_json("update", news, "--model", model, "--json")
    added = {name: count for name, count in done["added"].items() if count}
    assert added == {"users": 1, "items": 1, "interactions": 3}
    assert done["rows"]["interactions"] == catalogs.N_USERS * catalogs.PER_USER + 3
    fresh.update(loaders.load(news).catalog)
    wanted = fresh.recommend("new", k=5)
    assert fresh.snapshot.items.attributes["title"].iloc[0] == "A jolly circus tale 0"
    rows = kgrec_json("recommend", "-m", model, "-u", "new", "-k", "5", "--json")
    assert [row["item_id"] for row in rows] == wanted["item_id"].tolist()
    again = kgrec_json("update", news, "--model", model, "--json")
    assert not any(again["added"].values())
    assert again["rows"] == done["rows"]


def test_several_sources_into_another_folder(model: Path, news: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "interactions.csv").write_text("user_id,item_id\nother,i7\n")
    before = _digest(model)
    done = kgrec("update", news, more, "-m", model, "--out", tmp_path / "updated")
    assert "interactions.csv: 1 rows read" in done.stderr
    assert "(2 new)" in done.stdout
    assert _digest(model) == before
    updated = Recommender.load(tmp_path / "updated")
    assert {"new", "other"} <= set(updated.snapshot.users.ids)


def test_the_graph_gets_the_rows_too(model: Path, news: Path, tmp_path: Path) -> None:
    graph = tmp_path / "catalog.kgl"
    with package.connect(str(graph)) as store:
        store.write(catalogs.catalog())
    kgrec("update", news, "-m", model, "--store", graph)
    with package.connect(str(graph)) as store:
        events = store.read_edges(EdgeType("User", "INTERACTED", "Item")).to_pandas()
    assert (events["source"] == "new").sum() == 3


@pytest.mark.parametrize(
    ("rows", "store", "message"),
    [
        ("user_id,item_id\nnew,i0\n,i1\n", None, "interactions.csv"),
        ("user_id,item_id,timestamp\nnew,i0,soon\n", None, "timestamp"),
        ("user_id,item_id\nnew,i0\n", "none.kgl", "there is no store"),
    ],
)
def test_wrong_rows_change_nothing(
    model: Path, tmp_path: Path, rows: str, store: str | None, message: str
) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    (folder / "interactions.csv").write_text(rows)
    before = _digest(model)
    others = [] if store is None else ["--store", tmp_path / store]
    assert message in kgrec("update", folder, "-m", model, *others, expect=1).stderr
    assert _digest(model) == before


def test_files_are_loaded_in_the_types_that_the_store_has(tmp_path: Path) -> None:
    store, folder = tmp_path / "typed.kgl", tmp_path / "files"
    folder.mkdir()

    def write(item: str, year: str, code: str) -> None:
        text = f"item_id,title,year,code\n{item},A,{year},{code}\n"
        (folder / "items.csv").write_text(text)
        (folder / "interactions.csv").write_text(f"user_id,item_id\nu,{item}\n")

    write("a", "1990", "x1")
    kgrec("load", folder, "--store", store)
    write("b", "1991", "7")
    kgrec("load", folder, "--store", store)
    write("c", "c. 1990", "8")
    before = _digest_of(store)
    refused = kgrec("load", folder, "--store", store, expect=1)
    assert "row 2, column year: 'c. 1990' is not a number" in refused.stderr
    assert _digest_of(store) == before
    with package.connect(store) as graph:
        rows = graph.read_nodes("Item", ["year", "code"]).to_pylist()
    assert sorted(rows, key=lambda row: str(row["id"])) == [
        {"id": "a", "year": 1990, "code": "x1"},
        {"id": "b", "year": 1991, "code": "7"},
    ]


def _digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
