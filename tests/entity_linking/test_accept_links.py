from pathlib import Path

import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import connect
from kgrec.entity_linking import (
    Dump,
    accept_links,
    link_nodes,
    read_dump,
    read_proposals,
    write_proposals,
)
from kgrec.errors import RequestError, SourceError
from tests.entity_linking.dumps import dump_frame, films, write

FACTS = [
    ("q0", "director", "p1"),
    ("q0", "sequel", "q1"),
    ("q2", "director", "p2"),
    ("p1", "made", "q3"),
]


def dump(folder: Path, facts: list[tuple[str, str, str]] = FACTS) -> Dump:
    """The films with facts that name two people."""
    people = pd.DataFrame({"id": ["p1", "p2"], "label": ["Ann Ek", "Bob Fox"], "type": "person"})
    known = pd.DataFrame(facts, columns=["head", "relation", "tail"])
    return read_dump(
        write(dump_frame(), folder / "dump.csv"),
        facts=write(known, folder / "facts.csv"),
        entities=write(people, folder / "people.csv"),
    )


def test_accepted_links_bring_ids_facts_and_names(tmp_path: Path) -> None:
    source = dump(tmp_path)
    found = link_nodes(films(), source)
    found.loc[found["item_id"] == "m2", "accept"] = 0
    catalog = accept_links(found, source, films())
    facts = catalog.facts
    keys = ["head", "head_type", "relation", "tail", "tail_type"]
    assert {tuple(row) for row in facts[keys].to_numpy()} == {
        ("m0", "item", "director", "p1", "entity"),
        ("m0", "item", "sequel", "m1", "item"),
        ("p1", "entity", "made", "m3", "item"),
    }
    assert set(facts["origin"]) == {"link"}
    assert facts["confidence"].between(0.9, 1).all()
    assert catalog.items.set_index("item_id")["qid"].to_dict() == {
        f"m{n}": f"q{n}" for n in range(60) if n != 2
    }
    assert catalog.entities.to_dict("records") == [
        {"entity_id": "p1", "name": "Ann Ek", "kind": "person"}
    ]


def test_nothing_changes_before_acceptance_nor_by_the_second_one(tmp_path: Path) -> None:
    source = dump(tmp_path)
    with connect(tmp_path / "c.kgl") as store:
        store.write(films())
        path = write_proposals(link_nodes(store, source), tmp_path / "links.csv")
        assert store.read_nodes("Item").column_names == ["id", "title", "year"]
        for _ in range(2):
            store.write(accept_links(read_proposals(path), source, store))
            rows = store.query("MATCH (i:Item {id: 'm0'})-[r]->(e) RETURN e.id AS e, r.origin AS o")
            assert sorted(row["e"] for row in rows) == ["m1", "p1"]
            (item,) = store.query("MATCH (i:Item {id: 'm0'}) RETURN i.qid AS qid, i.title AS title")
            assert item == {"qid": "q0", "title": films().items["title"].iloc[0]}
            assert store.node_counts() == {"Item": 60, "Entity": 2}
        again = link_nodes(store, source)
        assert set(again["by"]) == {"id"}
        assert set(again["reason"]) == {"qid = qid"}


def test_what_was_linked_before_is_that_node(tmp_path: Path) -> None:
    source = dump(tmp_path, [("q0", "director", "q9")])
    entities = pd.DataFrame({"entity_id": ["e", "f"], "name": ["Ann", "Bob"], "qid": ["q9", None]})
    both = Catalog.from_frames(items=films().items, entities=entities)
    found = link_nodes(films(), source)
    with pytest.raises(RequestError, match="'m9' is linked to 'q9', which is that of entity e"):
        accept_links(found, source, both)
    catalog = accept_links(found[found["item_id"] != "m9"], source, both)
    assert catalog.facts["tail"].tolist() == ["e"]
    assert catalog.entities.to_dict("records") == [{"entity_id": "e", "name": "", "kind": ""}]


def test_linked_entities_without_a_name_get_one(tmp_path: Path) -> None:
    source = dump(tmp_path)
    entities = pd.DataFrame({"entity_id": ["q0", "x"], "name": ["", "Ann"], "kind": ["film", ""]})
    graph = Catalog.from_frames(entities=entities)
    found = link_nodes(graph, source, nodes="entities", keys={"entity_id": "qid"})
    rows = accept_links(found, source, graph).entities.set_index("entity_id")
    assert rows.loc["q0", ["name", "kind", "qid"]].tolist() == [source.names["q0"], "", "q0"]


def test_relations_and_prefix(tmp_path: Path) -> None:
    source = dump(tmp_path)
    found = link_nodes(films(), source)
    some = accept_links(found, source, films(), relations=["director"], prefix="d:")
    assert set(some.facts["relation"]) == {"director"}
    assert set(some.facts["tail"]) == {"d:p1", "d:p2"}
    with pytest.raises(RequestError, match="no relation writer"):
        accept_links(found, source, films(), relations=["writer"])


def test_what_cannot_be_accepted_is_an_error(tmp_path: Path) -> None:
    source = dump(tmp_path)
    found = link_nodes(films(), source)
    with pytest.raises(RequestError, match="target_id and item_id"):
        accept_links(found.drop(columns="target_id"), source, films())
    with pytest.raises(RequestError, match="'m0' is not in the graph"):
        accept_links(found, source, Catalog.from_frames(items=films().items.iloc[1:]))
    with pytest.raises(RequestError, match="'q1000' is not in the dump"):
        accept_links(found.assign(target_id="q1000"), source, films())
    with pytest.raises(RequestError, match="target_id 'q0' is in two"):
        accept_links(found.assign(target_id="q0"), source, films())
    with pytest.raises(RequestError, match="accept is 'maybe'"):
        accept_links(found.assign(accept="maybe"), source, films())
    with pytest.raises(RequestError, match="has qid 'q99' already"):
        accept_links(found, source, films(qid=["q99"] * 60))


def test_an_entity_of_the_graph_with_the_same_id_is_another_one(tmp_path: Path) -> None:
    source = dump(tmp_path)
    found = link_nodes(films(), source)
    for name, fits in (("Zoe", False), ("ann ek", True), ("", True)):
        known = pd.DataFrame({"entity_id": ["p1"], "name": [name]})
        both = Catalog.from_frames(items=films().items, entities=known)
        if fits:
            assert "p1" in accept_links(found, source, both).facts["tail"].tolist()
            continue
        with pytest.raises(RequestError, match=r"'p1' of the graph is 'Zoe'.*--prefix"):
            accept_links(found, source, both)


def test_files_of_facts_are_checked(tmp_path: Path) -> None:
    films_file = write(dump_frame(), tmp_path / "dump.csv")
    wrong = write(pd.DataFrame({"a": ["x"], "b": ["y"]}), tmp_path / "facts.csv")
    with pytest.raises(SourceError, match="no column head, relation, tail"):
        read_dump(films_file, facts=wrong)
    other = dump(tmp_path, [("tt0", "director", "p1")])
    catalog = accept_links(link_nodes(films(), other), other, films())
    assert len(catalog.facts) == 0
    assert catalog.notes == (
        "no fact of the dump names a linked thing, such as 'q0'; the first fact is about 'tt0'",
    )
    gaps = [("q0", "director", ""), ("q0", "director", "p1")]
    source = dump(tmp_path, gaps)
    assert len(source.facts) == 1
    (report,) = [file for file in source.report.files if file.file == "facts.csv"]
    assert report.dropped == {"facts without a head, a relation or a tail": 1}
