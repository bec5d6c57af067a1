"""Recommenders over many items, and how their two ways to find lists are compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.many_items import with_generated_vectors

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_items_lie_around_their_group_and_have_weights_within_it() -> None:
    engine = with_generated_vectors(400, 0, weights=True, group_items=40).state.engine
    vectors = engine.items.candidate.numpy()
    weights = engine.item_weights
    assert weights is not None
    matrix = weights.matrix.tocoo()
    inside = (vectors[matrix.row] * vectors[matrix.col]).sum(axis=1)
    assert inside.mean() > 0.3
    assert abs((vectors @ vectors.T).mean()) < 0.15
    assert np.array_equal(np.diff(weights.matrix.tocsc().indptr) > 0, np.ones(400, dtype=bool))


def test_the_command_measures_and_ends_in_json() -> None:
    pytest.importorskip("faiss")
    command = [sys.executable, "-m", "benchmarks.neighbours", "--items", "2000", "--users", "40"]
    done = subprocess.run(
        [*command, "--kinds", "vectors"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (row,) = json.loads(done.stdout.splitlines()[-1])["kgrec"]
    assert (row["items"], row["kind"]) == (2000, "vectors")
    assert row["searched"]["recall"] >= 0.99
    assert row["recall"]["k 20, 4% of the items"] == 1.0
