from pathlib import Path

import pandas as pd
import pytest

from kgrec import connect
from kgrec.entity_linking import accept, link_entities, read_proposals, write_proposals
from kgrec.errors import RequestError, SourceError
from kgrec.graph.merge import merge_snapshots
from kgrec.graph.source import read_source
from tests.entity_linking.catalogs import DIRECTED, linked_catalog


def proposals() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item_id": ["007", "i2"],
            "relation": [DIRECTED, DIRECTED],
            "entity_id": ["d0", "d1"],
            "confidence": [0.9, 0.8],
            "forward": [True, False],
        }
    )


def test_accepted_facts_say_where_they_come_from() -> None:
    facts = accept(proposals()).facts
    assert facts.iloc[0].to_dict() == {
        "head": "007",
        "head_type": "item",
        "relation": DIRECTED,
        "tail": "d0",
        "tail_type": "entity",
        "origin": "text",
        "confidence": 0.9,
    }
    assert facts.iloc[1][["head", "head_type", "tail"]].tolist() == ["d1", "entity", "i2"]


@pytest.mark.parametrize("no", [0, "0", "no", False, "False"])
def test_rows_that_say_no_are_left_out(no: object) -> None:
    facts = accept(proposals().assign(accept=[no, 1])).facts
    assert facts["tail"].tolist() == ["i2"]


def test_a_file_comes_back_as_it_was_edited(tmp_path: Path) -> None:
    path = write_proposals(proposals(), tmp_path / "new" / "facts.csv")
    path.write_text(path.read_text().replace("1,i2", "0,i2"))
    read = read_proposals(path)
    assert read["item_id"].tolist() == ["007", "i2"]
    assert accept(read).facts["head"].tolist() == ["007"]


def test_accepting_twice_adds_nothing_and_nothing_is_proposed_again(tmp_path: Path) -> None:
    with connect(tmp_path / "c.kgl") as store:
        store.write(linked_catalog(20))
        before = sum(kind.count for kind in store.edge_types())
        found = link_entities(store)
        for _ in range(2):
            store.write(accept(found))
            assert sum(kind.count for kind in store.edge_types()) == before + len(found)
        rows = store.query(
            "MATCH (i:Item)-[r]->(e:Entity) WHERE r.origin = 'text' RETURN r.confidence AS c"
        )
        assert sorted(row["c"] for row in rows) == pytest.approx(sorted(found["confidence"]))
        again = link_entities(store)
        done = set(zip(found["item_id"], found["entity_id"], strict=True))
        assert not done & set(zip(again["item_id"], again["entity_id"], strict=True))


def test_what_cannot_be_accepted_is_told(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no column relation"):
        accept(proposals().drop(columns="relation"))
    with pytest.raises(RequestError, match="row 2 of the proposals: accept is 'maybe'"):
        accept(proposals().assign(accept=["1", "maybe"]))
    with pytest.raises(RequestError, match="lacks its item_id"):
        accept(proposals().assign(entity_id=["d0", ""]))
    with pytest.raises(SourceError, match=r"none\.csv"):
        read_proposals(tmp_path / "none.csv")
    broken = tmp_path / "broken.csv"
    broken.write_text("item_id,relation,entity_id,confidence\ni,R,e,high\n")
    with pytest.raises(SourceError, match="line 2: confidence"):
        read_proposals(broken)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SourceError, match=r"binary\.csv"):
        read_proposals(binary)


def test_nothing_accepted_is_an_empty_catalog() -> None:
    assert len(accept(proposals().assign(accept=0)).facts) == 0


def test_merging_accepted_facts_into_a_snapshot_keeps_names_and_texts() -> None:
    old = read_source(linked_catalog(20))
    found = link_entities(old)
    merged = merge_snapshots(old, read_source(accept(found)))
    assert sum(map(len, merged.facts)) == sum(map(len, old.facts)) + len(found)
    assert merged.entities.attributes["name"].tolist() == old.entities.attributes["name"].tolist()
    assert merged.items.attributes["plot"].tolist() == old.items.attributes["plot"].tolist()
