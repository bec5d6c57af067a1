"""``kgrec load`` into a store that holds a graph already."""

from __future__ import annotations

from pathlib import Path

import pytest

import kgrec as package
from tests.cli.conftest import kgrec, kgrec_json


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "items.csv").write_text("item_id,title\n1,Lamp\n2,Desk\n3,Chair\n")
    facts = "1,item,made_by,x,entity\n3,item,made_by,y,entity\n"
    (folder / "facts.csv").write_text("head,head_type,relation,tail,tail_type\n" + facts)
    rows = "a,1,4,1100000000\na,2,5,1100000010\nb,1,3,1100000020\n"
    (folder / "interactions.csv").write_text("user_id,item_id,rating,timestamp\n" + rows)
    return folder


@pytest.fixture
def corrected(tmp_path: Path) -> Path:
    folder = tmp_path / "corrected"
    folder.mkdir()
    (folder / "items.csv").write_text("item_id,title\n1,Lamp (new)\n2,Desk\n4,Bed\n")
    facts = "1,item,made_by,x,entity\n"
    (folder / "facts.csv").write_text("head,head_type,relation,tail,tail_type\n" + facts)
    rows = "a,1,5,1100000000\nb,1,3,1100000020\n"
    (folder / "interactions.csv").write_text("user_id,item_id,rating,timestamp\n" + rows)
    return folder


def difference(answer: dict, frame: str) -> tuple[int, ...]:
    return tuple(answer["difference"][frame].values())


def test_the_first_load_says_what_is_in_the_store(data: Path, tmp_path: Path) -> None:
    answer = kgrec_json("load", data, "--store", tmp_path / "g.kgl", "--json")
    assert answer["difference"] is None
    assert answer["stored"] == answer["rows"]


def test_a_second_load_says_that_it_merges_and_what_it_keeps(
    data: Path, corrected: Path, tmp_path: Path
) -> None:
    store = tmp_path / "g.kgl"
    kgrec("load", data, "--store", store)
    result = kgrec("load", corrected, "--store", store)
    assert "a graph was there already, and the files were merged into it" in result.stderr
    assert (
        "in the store but not in these files: 1 items, 1 entities, 1 interactions, 1 facts; kept"
        in result.stderr
    )
    assert "in store" in result.stdout
    assert "kept" in result.stdout
    answer = kgrec_json("load", data, "--store", store, "--json")
    assert difference(answer, "items") == (0, 1, 2, 1)
    assert difference(answer, "interactions") == (0, 1, 2, 0)
    assert difference(answer, "facts") == (0, 0, 2, 0)
    assert (answer["rows"]["items"], answer["stored"]["items"]) == (3, 4)
    assert answer["replaced"] is False


def test_replace_leaves_these_files_alone(data: Path, corrected: Path, tmp_path: Path) -> None:
    store = tmp_path / "g.kgl"
    kgrec("load", data, "--store", store)
    result = kgrec("load", corrected, "--store", store, "--replace")
    assert "is replaced by the files" in result.stderr
    assert "1 items, 1 entities, 1 interactions, 1 facts; were removed" in result.stderr
    answer = kgrec_json("load", corrected, "--store", store, "--replace", "--json")
    assert answer["stored"] == answer["rows"]
    assert difference(answer, "items") == (0, 0, 3, 0)
    with package.connect(store) as graph:
        titles = graph.read_nodes("Item", ["title"])["title"].to_pylist()
    assert sorted(titles) == ["Bed", "Desk", "Lamp (new)"]


def test_dry_run_writes_nothing(data: Path, corrected: Path, tmp_path: Path) -> None:
    store = tmp_path / "new" / "g.kgl"
    first = kgrec_json("load", data, "--store", store, "--dry-run", "--json")
    assert difference(first, "items") == (3, 0, 0, 0)
    assert (first["seconds"], first["stored"]) == (None, first["rows"])
    assert not store.parent.exists()
    kgrec("load", data, "--store", store)
    before = store.read_bytes()
    for options in ([], ["--replace"]):
        would = kgrec("load", corrected, "--store", store, "--dry-run", *options)
        assert "nothing was written" in would.stderr
        assert store.read_bytes() == before
    said = kgrec_json("load", corrected, "--store", store, "--dry-run", "--replace", "--json")
    done = kgrec_json("load", corrected, "--store", store, "--replace", "--json")
    for name in ("difference", "stored", "rows"):
        assert said[name] == done[name]
    (data / "facts.csv").write_text(
        "head,head_type,relation,tail,tail_type\n1,shop,made_by,x,entity\n"
    )
    refused = kgrec("load", data, "--store", store, "--dry-run", expect=1)
    assert "facts.csv, row 2" in refused.stderr


def test_an_export_of_nothing_says_so(data: Path, tmp_path: Path) -> None:
    store = tmp_path / "g.kgl"
    kgrec("load", data, "--store", store)
    gone = ("--users", "a,b", "--items", "1,2,3", "--entities", "x,y")
    kgrec("remove", *gone, "--store", store)
    result = kgrec("export", tmp_path / "out", "--store", store)
    assert "nothing that kgrec knows is in it" in result.stderr


def test_bulk_writes_files_and_says_what_to_run(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bulk"
    result = kgrec("load", data, "--bulk", folder)
    assert "interactions.csv" in result.stderr
    assert f"cd {folder} && neo4j-admin database import full neo4j --nodes=User=" in result.stdout
    assert f"cypher-shell --database neo4j --file {folder / 'schema.cypher'}" in result.stdout
    answer = kgrec_json("load", data, "--bulk", folder, "--database", "shop", "--json")
    assert answer["rows"]["nodes-Item.csv"] == 3
    assert answer["rows"]["relationships-0-INTERACTED.csv"] == 3
    assert " full shop " in answer["command"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bulk", "data"]


def test_bulk_takes_the_place_of_a_store(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, store = tmp_path / "bulk", tmp_path / "g.kgl"
    assert "--bulk" in kgrec("load", data, expect=2).stderr
    for option in (["--store", store], ["--replace"], ["--dry-run"], ["--follow"]):
        result = kgrec("load", data, "--bulk", folder, *option, expect=2)
        assert option[0] in result.stderr
    monkeypatch.setenv("KGREC_STORE", str(store))  # of other commands
    kgrec("load", data, "--bulk", folder)
    assert not store.exists()
    (folder / "notes.txt").write_text("mine")
    assert "notes.txt" in kgrec("load", data, "--bulk", folder, expect=1).stderr
