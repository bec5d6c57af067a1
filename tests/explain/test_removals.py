"""The search for events without which an item leaves, against trying every set."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.explain.counterfactuals import removals
from kgrec.explain.counterfactuals.rank_position import RankPosition
from kgrec.explain.counterfactuals.removals import RemovalSearch
from kgrec.query import Query

K, MOST = 5, 3


def positions(model: Recommender, user: str) -> list[RankPosition]:
    """Of a stored user's K best items, best first."""
    engine, case = model.state.engine, model.state.case(Query([user]))
    items = model.recommend([user], k=K)["item_id"]
    return [case.position(engine.item_row[item], K) for item in items]


def smallest(position: RankPosition) -> int | None:
    """The size of the smallest of all sets without which the item has left."""
    for size in range(1, MOST + 1):
        sets = [np.array(one) for one in combinations(range(len(position.history)), size)]
        if (position.margins(position.history.without(sets), position.rivals()) < 0).any():
            return size
    return None


@pytest.mark.parametrize("user", ["u0", "u3", "u17", "u30", "u59"])
def test_what_trying_every_set_finds_is_found(fitted: Recommender, user: str) -> None:
    for position in positions(fitted, user):
        found = RemovalSearch(position).run(MOST)
        assert (found and len(found)) == smallest(position)


def test_a_long_history_is_searched_by_what_events_gave(
    fitted: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for a few events only, sets are made of those and still push the item out."""
    monkeypatch.setattr(removals, "_ALONE", 4)
    monkeypatch.setattr(removals, "_SCORES", 0)
    sizes = []
    for position in positions(fitted, "u3"):
        search = RemovalSearch(position)
        found = search.run(MOST)
        tried = {event for events in search.margins for event in events}
        assert len(tried) == 4 < len(position.history)
        if found is not None:
            sizes.append(len(found))
            left = position.history.without([np.array(found)])
            assert position.rank_in(position.after(left)) > K
    assert sizes


def test_one_event_at_most_is_obeyed(fitted: Recommender) -> None:
    for position in positions(fitted, "u17"):
        found = RemovalSearch(position).run(1)
        assert found is None or len(found) == 1
