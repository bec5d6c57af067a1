"""The graph that most tests of this folder use."""

from __future__ import annotations

import pytest

from kgrec.graph.snapshot import GraphSnapshot
from tests.paths.graphs import films


@pytest.fixture
def tiny() -> GraphSnapshot:
    return films()
