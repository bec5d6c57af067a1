from pathlib import Path

import pandas as pd
import pytest

from kgrec import connect
from tests.cli.conftest import kgrec, kgrec_json
from tests.entity_linking.dumps import dump_frame, films, write


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.kgl"
    with connect(path) as graph:
        graph.write(films())
    return path


def test_links_are_proposed_inspected_and_accepted(store: Path, tmp_path: Path) -> None:
    dump, out = write(dump_frame(), tmp_path / "dump.csv"), tmp_path / "links.csv"
    people = write(pd.DataFrame({"id": ["p"], "name": ["Ann Ek"]}), tmp_path / "people.csv")
    known = pd.DataFrame({"head": ["q0", "q1"], "relation": "director", "tail": "p"})
    facts = write(known, tmp_path / "facts.csv")
    shown = kgrec("link", "--store", store, "--to", dump, "--out", out)
    assert "60 of 60 items have a candidate" in shown.stderr
    assert "--accept" in shown.stderr
    proposed = pd.read_csv(out)
    proposed.loc[proposed["item_id"] == "m0", "accept"] = 0
    proposed.to_csv(out, index=False)
    files = ["--to", dump, "--facts", facts, "--entities", people]
    for _ in range(2):
        written = kgrec_json("link", "--store", store, *files, "--accept", out, "--json")
        assert written == {"links": 59, "attribute": "qid", "facts": 1}
    with connect(store) as graph:
        rows = graph.query("MATCH (i:Item)-[r]->(e:Entity) RETURN i.id AS i, e.name AS name")
    assert rows == [{"i": "m1", "name": "Ann Ek"}]


def test_wrong_requests(store: Path, tmp_path: Path) -> None:
    dump, out = write(dump_frame(), tmp_path / "dump.csv"), tmp_path / "links.csv"
    kgrec("link", "--store", store, "--to", dump, "--out", out)
    assert "--to" in kgrec("link", "--store", store, "--accept", out, expect=1).stderr
    assert "--to" in kgrec("link", "--store", store, "--facts", dump, expect=1).stderr
    wrong = kgrec("link", "--store", store, "--to", dump, "--key", "imdb", expect=1)
    assert "imdb=imdb_id" in wrong.stderr
    texts = tmp_path / "facts.csv"
    texts.write_text("item_id,relation,entity_id\n")
    mixed = kgrec("link", "--store", store, "--to", dump, "--accept", texts, expect=1)
    assert "leave out --to" in mixed.stderr
    unknown = kgrec("link", "--store", store, "--to", dump, "--key", "imdb=id", expect=1)
    assert "no column imdb" in unknown.stderr
