import gzip
from pathlib import Path

import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec.entity_linking import accept_links, link_nodes, read_dump
from kgrec.entity_linking.nodes.rdf_graph import name_of_iri
from kgrec.errors import SourceError
from tests.entity_linking.dumps import dump_frame, film_names, films, write, years

DBR, DBO = "http://dbpedia.org/resource/", "http://dbpedia.org/ontology/"
WD = "http://www.wikidata.org/entity/"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
DATE = "http://www.w3.org/2001/XMLSchema#date"


def iri(n: int) -> str:
    return f"{DBR}{film_names()[n].replace(' ', '_')}_(film)"


def dbpedia(folder: Path) -> Path:
    """Films without labels, with dates, a director without a label, and one with."""
    lines = []
    for n, year in enumerate(years()):
        lines += [
            f"<{iri(n)}> <{DBO}director> <{DBR}Ann_Ek> .",
            f'<{iri(n)}> <{DBO}releaseDate> "{year}-05-23"^^<{DATE}> .',
            f"<{iri(n)}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{DBO}Film> .",
            f"<{iri(n)}> <http://www.w3.org/2002/07/owl#sameAs> <{WD}Q{n + 7}> .",
        ]
    lines += [
        f"<{iri(0)}> <{DBO}starring> <{DBR}B> .",
        f'<{DBR}B> {LABEL} "Bob Fox"@en .',
        f"<{DBR}List> <{DBO}names> <{iri(0)}> .",
        f"<{iri(0)}> <{DBO}budget> _:sum .",
    ]
    path = folder / "dbpedia.nt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        (f"{DBR}The_Shining_(film)", "The Shining (film)"),
        (f"{DBR}Star_Wars:_Episode_IV", "Star Wars: Episode IV"),
        (f"{DBR}Category:1971_films", "1971 films"),
        (f"{DBR}Face/Off", "Face/Off"),
        (f"{DBR}Am%C3%A9lie", "Amélie"),
        ("http://example.org/things#Heat", "Heat"),
        ("http://example.org/Heat/", "Heat"),
        ("http://", "http:"),
        ("urn:isbn:978", "isbn:978"),
    ],
)
def test_an_iri_has_a_name(iri: str, name: str) -> None:
    assert name_of_iri(iri) == name


def test_films_are_joined_to_dbpedia_by_the_names_in_its_iris(tmp_path: Path) -> None:
    dump = read_dump(dbpedia(tmp_path))
    found = link_nodes(films(), dump).set_index("item_id")
    assert found["target_id"].to_dict() == {f"m{n}": iri(n) for n in range(60)}
    assert set(found["by"]) == {"name and year"}
    assert (found["accept"] == 1).all()
    catalog = accept_links(found.reset_index(), dump, films(), relations=["director", "starring"])
    assert catalog.items["uri"].tolist() == found["target_id"].tolist()
    entities = catalog.entities.set_index("entity_id")["name"].to_dict()
    assert entities == {f"{DBR}Ann_Ek": "Ann Ek", f"{DBR}B": "Bob Fox"}
    assert set(catalog.facts["relation_iri"]) == {f"{DBO}director", f"{DBO}starring"}


def test_facts_with_the_thing_as_tail_come_too_and_blank_nodes_do_not(tmp_path: Path) -> None:
    dump = read_dump(dbpedia(tmp_path))
    catalog = accept_links(link_nodes(films(), dump), dump, films())
    row = catalog.facts[catalog.facts["relation"] == "names"].iloc[0]
    assert row[["head", "head_type", "tail", "tail_type"]].tolist() == [
        f"{DBR}List", "entity", "m0", "item",
    ]  # fmt: skip
    assert "budget" not in set(catalog.facts["relation"])
    assert "1 facts name a node without an id and were left out" in catalog.notes


def test_ids_of_a_third_source_join_too(tmp_path: Path) -> None:
    catalog = films(wikidata=[f"Q{n + 7}" for n in range(60)])
    found = link_nodes(catalog, read_dump(dbpedia(tmp_path)))
    assert set(found["reason"]) == {"wikidata = sameAs"}


def test_wikidata_says_what_a_thing_is_by_p31(tmp_path: Path) -> None:
    direct = "http://www.wikidata.org/prop/direct/"
    lines = [f"@prefix wd: <{WD}> .", f"@prefix wdt: <{direct}> .", f'wd:Q1 {LABEL} "film"@en .']
    for n, (name, year) in enumerate(zip(film_names(), years(), strict=True)):
        lines += [
            f'wd:Q{n + 10} {LABEL} "{name}"@en, "Das {name}"@de ; wdt:P31 wd:Q1 ;',
            f'  wdt:P577 "{year}-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .',
        ]
    path = tmp_path / "some.ttl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    dump = read_dump(path)
    assert set(dump.kinds.values()) == {"film"}
    found = link_nodes(films(), dump).set_index("item_id")
    assert found["target_id"].to_dict() == {f"m{n}": f"{WD}Q{n + 10}" for n in range(60)}
    german = read_dump(path, language="de")
    assert german.names[f"{WD}Q10"] == f"Das {film_names()[0]}"
    with pytest.raises(SourceError, match="no node has an attribute born"):
        read_dump(path, year_column="born")


def test_a_table_may_have_facts_in_rdf(tmp_path: Path) -> None:
    frame = dump_frame().assign(qid=[iri(n) for n in range(60)])
    dump = read_dump(write(frame, tmp_path / "dump.csv"), facts=dbpedia(tmp_path))
    assert dump.attribute == "uri"
    catalog = accept_links(link_nodes(films(), dump), dump, films(), relations=["director"])
    assert len(catalog.facts) == 60
    assert catalog.entities["name"].tolist() == ["Ann Ek"]


def test_a_table_of_imdb_has_other_titles_and_absent_values(tmp_path: Path) -> None:
    rows = ["tconst\ttitleType\tprimaryTitle\toriginalTitle\tstartYear"]
    rows += ["tt1\tmovie\tSpirited Away\tSen to Chihiro\t2001", "tt2\tmovie\tHeat\tHeat\t\\N"]
    path = tmp_path / "titles.tsv"
    path.write_text("\n".join(rows) + "\n")
    things = read_dump(path).things
    assert things.kinds.tolist() == ["movie", "movie"]
    assert things.years.tolist()[0] == 2001
    assert things.year_columns == ("startYear",)
    titles = ["Sen to Chihiro (2001)", "Heat (1995)"]
    items = pd.DataFrame({"item_id": ["a", "b"], "title": titles})
    found = link_nodes(Catalog.from_frames(items=items), read_dump(path)).set_index("item_id")
    assert found["target_id"].to_dict() == {"a": "tt1", "b": "tt2"}
    assert found["reason"].to_dict() == {
        "a": "same name as another name, same year",
        "b": "same name, a year is missing",
    }


def test_tables_in_other_forms(tmp_path: Path) -> None:
    path = tmp_path / "dump.csv"
    frame = pd.DataFrame({"id": ["a"], "name": ["Amélie, Le"], "year": [2001]})
    frame.to_csv(path, index=False, sep=";", encoding="latin-1")
    dump = read_dump(path, delimiter=";", encoding="latin-1")
    items = pd.DataFrame({"item_id": ["1"], "title": ["Le Amelie"], "year": [2001]})
    assert link_nodes(Catalog.from_frames(items=items), dump)["target_id"].tolist() == ["a"]
    frame.to_parquet(tmp_path / "dump.parquet")
    assert read_dump(tmp_path / "dump.parquet").things.years.tolist() == [2001.0]
    with pytest.raises(SourceError, match="--encoding"):
        read_dump(path, delimiter=";")
