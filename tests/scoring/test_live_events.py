"""Events since the graph was read count as if they were in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kgrec import Query, Recommender
from kgrec.errors import RequestError
from kgrec.scoring.live_events import LiveEvent, LiveEvents

LATE = 2_000_000_000


@pytest.fixture
def live() -> LiveEvents:
    return LiveEvents()


@pytest.fixture
def answering(fitted: Recommender, live: LiveEvents) -> Recommender:
    return Recommender.of(replace(fitted.state, live=live))


def test_without_events_answers_are_the_same_to_the_bit(
    fitted: Recommender, answering: Recommender
) -> None:
    users = fitted.snapshot.users.ids[:5].tolist()
    for asked in (users, users[:1]):
        one, other = fitted.rank(asked, k=8), answering.rank(asked, k=8)
        assert one.ids.tolist() == other.ids.tolist()
        assert one.scores.tolist() == other.scores.tolist()


@pytest.mark.parametrize("asked", [["u1"], ["u1", "u2"], ["new"], ["u3", "new"]])
def test_answers_are_those_of_an_update(
    fresh: Recommender,
    fitted: Recommender,
    answering: Recommender,
    live: LiveEvents,
    asked: list[str],
) -> None:
    """The histories are the same; only what a graph tells of others' choices may differ."""
    events = [("u1", "i3", LATE), ("u1", "i9", LATE + 5), ("new", "i3", LATE), ("new", "i7", LATE)]
    for number, (user, item, time) in enumerate(events):
        live.add(user, LiveEvent(number, item, time))
    fresh.update(pd.DataFrame(events, columns=["user_id", "item_id", "timestamp"]))
    ours = answering.state.resolver.resolve(_query(asked)).histories
    updated = fresh.state.resolver.resolve(_query(asked)).histories
    for name in ("indptr", "item", "age", "visit", "text"):
        assert getattr(ours, name).tolist() == getattr(updated, name).tolist(), name


def _query(users: list[str]) -> Query:
    return Query(users=users)


def test_seen_items_leave_the_list_at_once(
    fitted: Recommender, answering: Recommender, live: LiveEvents
) -> None:
    first = str(fitted.rank("u1", k=1).ids[0, 0])
    live.add("u1", LiveEvent(1, first, LATE))
    assert first not in answering.rank("u1", k=20).ids[0].tolist()
    live.take_back("u1", 1)
    assert answering.rank("u1", k=1).ids[0, 0] == first
    assert len(live) == 0


def test_users_of_events_alone_have_lists_and_explanations(
    fitted: Recommender, answering: Recommender, live: LiveEvents
) -> None:
    with pytest.raises(RequestError, match="not in the graph"):
        answering.rank(["u1", "new"])
    live.add("new", LiveEvent(1, "i4", LATE))
    expected = fitted.rank(histories=[[("i4", LATE)]], k=5)
    found = answering.rank("new", k=5)
    assert found.ids.tolist() == expected.ids.tolist()
    item = str(found.ids[0, 0])
    explanation = answering.explain("new", item)
    assert explanation.score == pytest.approx(float(found.scores[0, 0]), abs=1e-4)
    total = explanation.shown + explanation.not_shown + explanation.rest
    assert total == pytest.approx(explanation.gain, abs=1e-4)
    with pytest.raises(RequestError, match="'nobody'"):
        answering.rank(["new", "nobody"])
    assert len(answering.rank(Query(users=["new", "nobody"], missing="ignore")).ids) == 1


def test_explanations_and_counterfactuals_count_later_events(
    answering: Recommender, live: LiveEvents
) -> None:
    live.add("u1", LiveEvent(1, "i5", LATE))
    item = str(answering.rank("u1", k=1).ids[0, 0])
    explanation = answering.explain("u1", item, k=50)
    assert explanation.user_id == "u1"
    chosen = {influence.id for influence in explanation.history}
    assert "i5" in chosen | {path.nodes[1][1] for path in explanation.paths}
    total = explanation.shown + explanation.not_shown + explanation.rest
    assert total == pytest.approx(explanation.gain, abs=1e-4)
    assert answering.counterfactual("u1", item).rank == 1


def test_events_of_unknown_items_wait(answering: Recommender, live: LiveEvents) -> None:
    before = answering.rank("u1", k=5).scores
    live.add("u1", LiveEvent(1, "not yet", LATE))
    assert np.array_equal(answering.rank("u1", k=5).scores, before)


def test_a_removed_user_is_unknown_until_new_events(
    answering: Recommender, live: LiveEvents
) -> None:
    live.add("u1", LiveEvent(1, "i5", LATE))
    live.remove("u1")
    with pytest.raises(RequestError, match="not in the graph"):
        answering.rank("u1")
    live.add("u1", LiveEvent(2, "i6", LATE))
    history = answering.state.resolver.resolve(_query(["u1"])).histories
    assert answering.snapshot.items.ids[history.item].tolist() == ["i6"]
