"""Indexes for search that one model takes over from another over the same texts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.explore.graph_indexes import GraphIndexes

QUERIES = ("film", "drama", "the sea", "i3 title", "Ann", "unknwon")


@pytest.fixture
def other(fresh: Recommender, saved: Path) -> Recommender:
    """Another copy of a model whose indexes are built."""
    fresh.state.warm_up()
    return Recommender.load(saved)


def test_they_find_what_indexes_that_are_built_anew_find(
    fresh: Recommender, other: Recommender
) -> None:
    state = other.state
    like = state.indexes.like(fresh.state.indexes)
    assert like is not state.indexes
    for query in QUERIES:
        one, two = (found.searcher.rank(query, None, 20) for found in (like, state.indexes))
        assert one.rows.tolist() == two.rows.tolist()
        assert one.scores.tolist() == two.scores.tolist()
        assert one.found_by.tolist() == two.found_by.tolist()
    ours, theirs = like.searcher.titles, fresh.state.indexes.searcher.titles
    assert len(ours) == len(theirs)


def test_other_items_or_none_built_are_not_taken(fresh: Recommender, other: Recommender) -> None:
    items = pd.DataFrame({"item_id": ["late"], "title": ["A later film"]})
    other.update(Catalog.from_frames(items=items))
    own = GraphIndexes.of(other.state.engine, None)
    assert own.like(fresh.state.indexes) is own
    unbuilt = GraphIndexes.of(fresh.state.engine, None)
    assert fresh.state.indexes.like(unbuilt) is fresh.state.indexes
