"""The campaign of faults on a real Neo4j."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fault_points import kills
from benchmarks.fault_points.database import operations
from tests.neo4j_server import Server

pytestmark = [pytest.mark.slow, pytest.mark.neo4j]
EDGES = 600


@pytest.mark.parametrize("name", ["load (Neo4j)", "update (Neo4j)", "remove (Neo4j)"])
def test_a_killed_operation_can_be_completed(
    name: str, neo4j_server: Server, tmp_path: Path
) -> None:
    found = {one.name: one for one in operations(neo4j_server, EDGES)}[name]
    tally = kills.measure(found, 1, tmp_path, np.random.default_rng(0))
    assert tally.problems == []
    assert 0 < tally.points <= 4
