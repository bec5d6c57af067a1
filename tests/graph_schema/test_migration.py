"""Migrations as Cypher: versions in order, dialects apart, and statements that a store takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema import latest_version, migrations
from graph_schema.migration import statements
from graph_schema.names import NODE_LABELS
from tests.stores.embedded.engine import edit


@pytest.mark.parametrize("dialect", ["neo4j", None])
def test_versions_rise_without_gaps(dialect: str | None) -> None:
    steps = migrations(dialect)
    assert [step.version for step in steps] == list(range(1, latest_version() + 1))
    assert all(step.statements for step in steps)


def test_dialects_share_the_common_part() -> None:
    common = set(migrations()[0].statements)
    neo4j = migrations("neo4j")[0].statements
    assert common < set(neo4j)
    assert neo4j[-1] == "CALL db.awaitIndexes(300)"


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown dialect 'oracle'"):
        migrations("oracle")


def test_statements_of_a_script() -> None:
    script = "// why\nA ';' B;\nC\nD ;\n\n// the end\nE"
    assert statements(script) == ["A ';' B", "C\nD", "E"]


def test_the_embedded_store_takes_them_twice_and_keeps_ids_unique(tmp_path: Path) -> None:
    once = [statement for step in migrations() for statement in step.statements]
    nodes = [f"CREATE (:{label} {{id: 'a'}})" for label in NODE_LABELS]
    edit(tmp_path / "graph.kgl", *once, *once, *nodes, refused=nodes)
