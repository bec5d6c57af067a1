"""``kgrec search``: filters, users, and queries that are kept."""

import shutil
from pathlib import Path

import pytest

from kgrec.stores import EmbeddedStore
from tests.cli.conftest import kgrec, kgrec_json

pytestmark = pytest.mark.slow


def test_typing_errors_and_filters(model: Path) -> None:
    found = kgrec_json("search", "space opra", "-m", model, "-k", "3", "--json")
    assert list(found[0]) == ["item_id", "title", "score", "rank", "found_by"]
    assert all("space opera" in row["title"] for row in found)
    some = [row["item_id"] for row in found[1:]]
    command = ("search", "space opera", "-m", model, "--json")
    narrowed = kgrec_json(*command, "--candidates", ",".join(some), "-u", "u0")
    assert {row["item_id"] for row in narrowed} == set(some)
    years = kgrec_json(*command, "--where", "year=1990..1999")
    kept = {row["item_id"] for row in years}
    assert kept
    everything = {row["item_id"] for row in kgrec_json(*command, "-k", "100")}
    assert kept < everything
    table = kgrec("search", "space opera", "-m", model).stdout
    assert "found_by" in table


def test_a_query_is_kept_in_the_store(model: Path, store: Path, tmp_path: Path) -> None:
    own = shutil.copy(store, tmp_path / "own.kgl")
    arguments = ("search", "space opera", "-m", model, "-u", "u0", "--log", own, "--chosen", "i0")
    kgrec(*arguments)
    with EmbeddedStore(own) as graph:
        rows = graph.query(
            "MATCH (u:User)-[:ISSUED]->(q:Query)-[:CLICKED]->(i:Item) "
            "RETURN u.id AS user, q.text AS text, i.id AS item"
        )
    assert {"user": "u0", "text": "space opera", "item": "i0"} in rows


def test_wrong_requests_are_reported(model: Path) -> None:
    assert "holds no words" in kgrec("search", "?!", "-m", model, expect=1).stderr
    assert "no column" in kgrec("search", "a", "-m", model, "--where", "x=1", expect=1).stderr
    assert (
        "--chosen goes with" in kgrec("search", "a", "-m", model, "--chosen", "i0", expect=2).stderr
    )
    none = kgrec("search", "a", "-m", model, "--log", "none.kgl", expect=1)
    assert "there is no store" in none.stderr
