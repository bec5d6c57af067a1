"""Generated graphs, and how their sizes are measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.scale import exponents
from benchmarks.speed.generate import Sizes, generate

pytestmark = pytest.mark.slow


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("edges", [2_000, 30_000])
def test_a_graph_has_the_edges_asked_for(edges: int) -> None:
    catalog = generate(edges)
    catalog.validate().raise_if_any()
    events, facts = catalog.interactions, catalog.facts
    assert len(events) + len(facts) == edges
    assert not events.duplicated(["user_id", "item_id"]).any()
    assert not facts.duplicated().any()
    assert len(catalog.users) == Sizes.of(edges).users


def test_a_graph_is_its_seed() -> None:
    one, same, other = generate(3_000, 1), generate(3_000, 1), generate(3_000, 2)
    assert one.equals(same)
    assert not one.equals(other)


def in_two_groups(events: pd.DataFrame) -> int:
    """How many events are of their user's two largest groups."""
    counts = events.groupby(["user_id", "group"]).size().sort_values(ascending=False)
    return int(counts.groupby("user_id").head(2).sum())


def test_users_keep_to_few_groups_and_popularity_is_uneven() -> None:
    catalog = generate(30_000)
    facts = catalog.facts
    group = facts[facts.relation == "belongs_to"].set_index("head")["tail"]
    events = catalog.interactions.assign(group=lambda rows: rows.item_id.map(group))
    shuffled = events.assign(group=np.random.default_rng(0).permutation(events["group"]))
    assert in_two_groups(events) > 1.3 * in_two_groups(shuffled)
    counts = events.item_id.value_counts()
    assert counts.iloc[: len(counts) // 10].sum() > 0.3 * len(events)


def test_exponents_are_slopes_in_logs() -> None:
    def size(edges: int) -> dict[str, float]:
        return {
            "edges": edges,
            "seconds_per_epoch": 3.0 * edges,
            "processor_seconds_per_epoch": 0.1 * edges**0.5,
            "snapshot_seconds": 2.0 * edges**1.5,
            "write_seconds": 1.0,
            "memory_gb": edges**2.0,
        }

    result = exponents([size(10), size(100), size(10_000)])
    assert result == {
        "seconds_per_epoch": 1.0,
        "processor_seconds_per_epoch": 0.5,
        "snapshot_seconds": 1.5,
        "write_seconds": 0.0,
        "memory_gb": 2.0,
    }
    assert exponents([size(10)]) == {}


@pytest.mark.slow
def test_the_command_measures_every_size_and_ends_in_json() -> None:
    command = [sys.executable, "-m", "benchmarks.scale", "--edges", "4000", "8000"]
    done = subprocess.run(
        [*command, "--embedding-size", "8"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert list(result["kgrec"]) == ["4,000 edges", "8,000 edges"]
    assert set(result["exponents"]) > {"seconds_per_epoch", "memory_gb"}
    assert result["last_exponents"] == result["exponents"]  # there are two sizes
    for size in result["kgrec"].values():
        assert min(size["losses"][1:]) < size["losses"][0]  # so few steps are noisy
        assert {"snapshot_seconds", "seconds_per_epoch", "memory_gb"} <= set(size)
