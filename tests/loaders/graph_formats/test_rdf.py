"""RDF beside interactions: ids, names in several languages, kinds, literals, and the items."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError
from graph_schema.errors import MissingExtraError
from loaders.graph_formats.relations import short_names

from ..writing import csv_with_rdf, put

EVENTS = "user_id,item_id\na,http://x.org/one\nb,http://x.org/two\n"
BY = ("http://x.org/one", "item", "by", "http://x.org/ann", "entity", "http://x.org/by")
XML = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x.org/">
<rdf:Description rdf:about="http://x.org/one"><x:by rdf:resource="http://x.org/ann"/>
</rdf:Description></rdf:RDF>"""
FORMS = {
    "graph.nt": "<http://x.org/one> <http://x.org/by> <http://x.org/ann> .\n",
    "graph.nt.gz": "<http://x.org/one> <http://x.org/by> <http://x.org/ann> .\n",
    "graph.nq": "<http://x.org/one> <http://x.org/by> <http://x.org/ann> <http://x.org/g> .\n",
    "graph.ttl": "@prefix x: <http://x.org/> . x:one x:by x:ann .",
    "graph.trig": "@prefix x: <http://x.org/> . { x:one x:by x:ann }",
    "graph.jsonld": '{"@id": "http://x.org/one", "http://x.org/by": {"@id": "http://x.org/ann"}}',
    "graph.rdf": XML,
    "graph.owl": XML,
}


def load(folder: Path, name: str, text: str, events: str = EVENTS) -> loaders.LoadResult:
    put(folder / "interactions.csv", events)
    put(folder / name, text)
    return loaders.load(folder)


@pytest.mark.parametrize("name", FORMS)
def test_every_form(tmp_path: Path, name: str) -> None:
    result = load(tmp_path, name, FORMS[name])
    assert list(result.catalog.facts.itertuples(index=False, name=None)) == [BY]
    assert f"1 of 2 items are nodes of {name}, by the column item_id" in str(result.report)


def test_names_kinds_literals_and_blank_nodes(tmp_path: Path) -> None:
    catalog = loaders.load(csv_with_rdf(tmp_path)).catalog
    items = catalog.items.set_index("item_id")
    assert items["title"].tolist() == ["One", "", ""]
    assert items.loc["i1", "length"] == 90
    assert catalog.entities.values.tolist() == [
        ["http://x.org/ann", "Ann", "Person"],
        ["_:1", "Somebody", ""],
    ]
    assert set(catalog.facts["relation"]) == {"directedBy", "sequelOf", "knows"}


def test_the_language_of_names(tmp_path: Path) -> None:
    folder = csv_with_rdf(tmp_path)
    result = loaders.load(folder, language="de")
    assert result.catalog.items["title"][0] == "Eins"
    (dropped,) = result.report.file("graph.ttl").dropped.items()
    assert dropped == (
        "text in another language, where there is one in the language asked for",
        1,
    )


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ('"A"@fr, "B"', "B"),
        ('"A"@fr, "B"@de', "A"),
        ('"A"@fr, "B", "C"@en-GB', "C"),
    ],
)
def test_the_fallback_of_languages(tmp_path: Path, given: str, name: str) -> None:
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    text = FORMS["graph.nt"] + f"<http://x.org/ann> {label} {given} ."
    assert load(tmp_path, "g.ttl", text).catalog.entities["name"].tolist() == [name]


def test_texts_in_other_languages_are_left_out(tmp_path: Path) -> None:
    text = (
        '@prefix x: <http://x.org/> . x:one x:plot "Eins"@de, "One"@en, "Uno"@es ; x:in "a", "b" .'
    )
    result = load(tmp_path, "g.ttl", text)
    item = result.catalog.items.set_index("item_id").loc["http://x.org/one"]
    assert (item["plot"], item["in"]) == ("One", "a|b")
    assert sum(result.report.file("g.ttl").dropped.values()) == 2


def test_relations_with_the_same_last_part_stay_apart() -> None:
    names = short_names(["http://x.org/by", "http://y.org/by", "http://x.org#in", "plain"])
    assert names == {
        "http://x.org/by": "http://x.org/by",
        "http://y.org/by": "http://y.org/by",
        "http://x.org#in": "in",
        "plain": "plain",
    }


def test_reserved_names_keep_their_iri() -> None:
    assert short_names(["http://x.org/ABOUT"], ["ABOUT"]) == {
        "http://x.org/ABOUT": "http://x.org/ABOUT"
    }


def test_last_parts_of_a_column_of_ids(tmp_path: Path) -> None:
    put(tmp_path / "items.csv", "item_id,wikidata,genre\n1,Q1,ann\n2,wd:Q2,ann\n")
    text = "@prefix w: <http://www.wikidata.org/entity/> . w:Q1 w:P1 w:Q2 ."
    result = load(tmp_path, "g.ttl", text, "user_id,item_id\na,1\nb,2\n")
    assert result.catalog.facts[["head", "tail"]].values.tolist() == [["1", "2"]]
    assert "2 of 2 items are nodes of g.ttl, by the column wikidata" in str(result.report)


@pytest.mark.parametrize(
    ("facts", "linked"),
    [
        ("w:Q1 w:P1 w:Q2 . w:Q1 w:P2 p:Q1 .", True),  # the page of Q1 has no fact of its own
        ("w:Q1 w:P1 w:Q2 . p:Q1 w:P2 w:Q2 .", False),
    ],
)
def test_last_parts_of_several_iris(tmp_path: Path, facts: str, linked: bool) -> None:
    put(tmp_path / "items.csv", "item_id,wikidata\n1,https://w.org/wiki/Q1\n2,Caf%C3%A9\n")
    text = f"@prefix w: <http://x.org/entity/> . @prefix p: <http://x.org/wiki/> . {facts}"
    text += " <http://x.org/Café> w:P1 w:Q3 ."
    facts_of = load(tmp_path, "g.ttl", text, "user_id,item_id\na,1\nb,2\n").catalog.facts
    items = facts_of.loc[facts_of["head_type"] == "item", "head"]
    assert sorted(set(items)) == (["1", "2"] if linked else ["2"])


def test_no_item_in_the_graph_is_noted(tmp_path: Path) -> None:
    result = load(tmp_path, "g.nt", FORMS["graph.nt"], "user_id,item_id\na,1\n")
    assert set(result.catalog.facts["head_type"]) == {"entity"}
    assert "no fact of g.nt is about an item" in str(result.report)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("g.nt", FORMS["graph.nt"] + "oops\n", r"g\.nt, row 2: .*as N-Triples"),
        ("g.ttl", "<one> <by> <ann> .", "@base"),
        ("g.jsonld", '{"@context": "http://schema.org/", "name": "x"}', "nothing is fetched"),
        ("g.rdf", "<a>", r"g\.rdf.*as RDF/XML"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        load(tmp_path, name, text)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    load(tmp_path, "g.nt.gz", FORMS["graph.nt"] * 500)
    path = tmp_path / "g.nt.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"g\.nt\.gz.*Cure"):
        loaders.load(tmp_path)


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyoxigraph", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kgrec\[rdf\]'"):
        load(tmp_path, "g.nt", FORMS["graph.nt"])
