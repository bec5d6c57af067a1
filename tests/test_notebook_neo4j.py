"""The notebook about an existing Neo4j graph runs on a real server; without one it says so."""

from __future__ import annotations

from pathlib import Path

import neo4j
import pytest
from nbclient.exceptions import CellExecutionError

from tests.neo4j_server import Server, emptied
from tests.notebooks import NEO4J, pictures, run, server_variables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.neo4j
def test_it_runs_on_a_real_server_and_cleans_up(neo4j_server: Server, tmp_path: Path) -> None:
    emptied(neo4j_server)
    notebook = run(NEO4J, tmp_path, server_variables(neo4j_server))
    assert pictures(notebook) >= 1
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        left, _, _ = driver.execute_query("MATCH (n) RETURN count(n) AS left")
    assert left[0]["left"] == 0


@pytest.mark.neo4j
def test_it_refuses_a_database_with_other_nodes(neo4j_server: Server, tmp_path: Path) -> None:
    emptied(neo4j_server)
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query("CREATE (:Somebody {name: 'else'})")
        with pytest.raises(CellExecutionError, match="the database is not empty"):
            run(NEO4J, tmp_path, server_variables(neo4j_server))
        driver.execute_query("MATCH (n:Somebody) DELETE n")


def test_without_a_server_it_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match="set KGREC_NOTEBOOK_NEO4J_URI"):
        run(NEO4J, tmp_path, {"KGREC_NOTEBOOK_NEO4J_URI": ""})
