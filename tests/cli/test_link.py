from pathlib import Path

import pandas as pd
import pytest

from kgrec import connect
from tests.cli.conftest import kgrec, kgrec_json
from tests.entity_linking.catalogs import linked_catalog


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.kgl"
    with connect(path) as graph:
        graph.write(linked_catalog(20))
    return path


def test_facts_are_proposed_inspected_and_accepted(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "facts.csv"
    shown = kgrec("link", "--store", store, "--out", out)
    assert "DIRECTED_BY" in shown.stdout
    assert "--accept" in shown.stderr
    proposed = pd.read_csv(out)
    proposed.loc[0, "accept"] = 0
    proposed.drop(index=1).to_csv(out, index=False)
    written = kgrec_json("link", "--store", store, "--accept", out, "--json")
    assert written == {"facts": len(proposed) - 2}
    left = kgrec_json("link", "--store", store, "--json", "--min-confidence", "0.5")
    named = {(row["item_id"], row["entity_id"]) for row in left}
    assert not named & set(proposed.loc[2:, ["item_id", "entity_id"]].itertuples(index=False))


def test_relations_and_wrong_requests(store: Path, tmp_path: Path) -> None:
    rows = kgrec_json("link", "--store", store, "--relations", "SET_IN", "--json", "--no-fuzzy")
    assert {row["relation"] for row in rows} == {"SET_IN"}
    assert "NONE" in kgrec("link", "--store", store, "--relations", "NONE", expect=1).stderr
    both = ["--out", tmp_path / "a.csv", "--accept", tmp_path / "b.csv"]
    assert "give one of them" in kgrec("link", "--store", store, *both, expect=1).stderr
    missing = kgrec("link", "--store", store, "--accept", tmp_path / "no.csv", expect=1)
    assert "no.csv" in missing.stderr
