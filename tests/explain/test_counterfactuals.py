"""counterfactual(), why_not() and compare(): every claim is checked by asking again."""

from __future__ import annotations

import json

import pytest

from kgrec import Recommender
from kgrec.errors import RequestError
from tests.recommender import catalogs

K = 5
CLOSE = 1e-4


def history_of(model: Recommender, user: str) -> list[str]:
    """A stored user's items, oldest first."""
    snapshot = model.snapshot
    row = int(snapshot.users.rows([user])[0])
    events = snapshot.interactions
    return [str(snapshot.items.ids[item]) for item in events.item[events.user == row]]


def ranks(model: Recommender, history: list[str], unseen: list[str]) -> dict[str, int]:
    """Each item's rank for a history typed in, among the items outside ``unseen``."""
    frame = model.recommend(histories={"x": history}, k=catalogs.N_ITEMS, exclude_seen=False)
    kept = [item for item in frame["item_id"] if item not in unseen]
    return {item: place for place, item in enumerate(kept, start=1)}


@pytest.mark.parametrize("user", ["u0", "u3", "u17", "u30", "u59"])
def test_without_the_events_the_item_has_left(fitted: Recommender, user: str) -> None:
    typed = history_of(fitted, user)
    found = 0
    for item, rank in ranks(fitted, typed, typed).items():
        if rank > K:
            break
        result = fitted.counterfactual("x", item, k=K, history=typed)
        assert (result.rank, result.k, result.added) == (rank, K, False)
        if not result.found:
            assert "No set of at most 5 events" in result.reason
            continue
        found += 1
        left_out = [event.item_id for event in result.events]
        assert 1 <= len(left_out) <= 5
        left = [other for other in typed if other not in left_out]
        then = ranks(fitted, left, typed)
        assert then[item] == result.rank_then
        assert result.rank_then > K
        assert result.entered is not None
        assert then[result.entered.item_id] <= K
        for kept in left_out:  # minimal: with any one of them back, the item is there again
            back = [other for other in typed if other in left or other == kept]
            assert len(left_out) == 1 or ranks(fitted, back, typed)[item] <= K
    assert found


def test_a_stored_history_is_edited_in_the_graph(fitted: Recommender) -> None:
    """Without the events, the model over the edited graph gives what was predicted."""
    best = str(fitted.recommend("u1", k=1)["item_id"][0])
    result = fitted.counterfactual("u1", best, k=2)
    assert result.found
    snapshot = fitted.snapshot
    user = int(snapshot.users.rows(["u1"])[0])
    rows = snapshot.items.rows([event.item_id for event in result.events])
    events = snapshot.interactions
    gone = (events.user == user) & (events.item[:, None] == rows).any(axis=1)
    engine = fitted.state.engine
    edited = engine.over(snapshot.without(gone), engine.texts)
    history = edited.stored(snapshot.users.rows(["u1"]))
    row = engine.item_row[best]
    assert float(edited.score(history)[0, row]) == pytest.approx(result.score_then, abs=CLOSE)


def test_with_the_event_the_item_has_entered(fitted: Recommender) -> None:
    typed = history_of(fitted, "u2")
    order = ranks(fitted, typed, typed)
    entered = 0
    for item in [item for item, rank in order.items() if rank > K][:8]:
        result = fitted.counterfactual("x", item, k=K, history=typed, add=True)
        assert (result.rank, result.added) == (order[item], True)
        if not result.found:
            assert "would bring it in" in result.reason
            continue
        entered += 1
        own = [event.own_rank for event in result.events]
        assert own == sorted(own)
        for event in result.events:
            assert order[event.item_id] == event.own_rank
            then = ranks(fitted, [*typed, event.item_id], [*typed, event.item_id])
            assert then[item] == event.rank <= K
    assert entered


def test_nothing_to_change_is_said(fitted: Recommender) -> None:
    typed = history_of(fitted, "u2")
    order = list(ranks(fitted, typed, typed))

    def said(item: str, history: list[str], **asked: bool) -> str:
        result = fitted.counterfactual("x", item, k=K, history=history, **asked)
        assert not result.found
        assert result.reason in str(result)
        return result.reason

    assert "in the history" in said(typed[0], typed)
    assert "in the history" in said(typed[0], typed, add=True)
    assert "not among the best 5" in said(order[-1], typed)
    assert "already" in said(order[0], typed, add=True)
    nobody = str(fitted.recommend(histories={"x": []}, k=1)["item_id"][0])
    assert "no history" in said(nobody, [])
    everything = fitted.counterfactual("x", order[0], k=catalogs.N_ITEMS, history=typed)
    assert "No set" in everything.reason


def test_why_not_says_what_lies_between(fitted: Recommender) -> None:
    order = ranks(fitted, (typed := history_of(fitted, "u2")), typed)
    items = list(order)
    result = fitted.why_not("x", items[20], k=K, history=typed)
    assert (result.rank, result.candidates) == (21, len(items))
    assert result.comparison is not None
    assert result.comparison.a.item_id == items[K - 1]
    assert result.gap == pytest.approx(result.comparison.difference)
    assert result.gap > 0
    assert f"rank 21 of {len(items)}" in str(result)
    json.dumps(result.to_dict(), allow_nan=False)
    inside = fitted.why_not("x", items[0], k=K, history=typed)
    assert (inside.comparison, inside.gap) == (None, 0.0)
    assert "already" in str(inside)
    assert "There is no history" in str(fitted.why_not("x", items[20], k=K, history=[]))


def test_a_comparison_adds_up(fitted: Recommender) -> None:
    result = fitted.compare("u1", "i5", "i8")
    assert result.difference == pytest.approx(result.a.score - result.b.score)
    assert sum(d.difference for d in result.parts) + result.rest == pytest.approx(result.difference)
    gain = result.a.gain - result.b.gain
    assert sum(d.difference for d in result.events) + result.rest == pytest.approx(gain, abs=CLOSE)
    assert result.parts[0].name == "no history"
    assert {d.id for d in result.events} == set(history_of(fitted, "u1"))
    assert str(result).startswith("“")
    json.dumps(result.to_dict(), allow_nan=False)
    same = fitted.compare("u1", "i5", "i5")
    assert same.difference == 0.0


def test_what_a_path_loses_is_what_asking_again_says(fitted: Recommender) -> None:
    typed = history_of(fitted, "u1")
    result = fitted.explain("x", "i5", history=typed, k=4)
    assert result.paths
    for path in result.paths:
        left = [item for item in typed if item != path.nodes[1][1]]
        frame = fitted.recommend(
            histories={"x": left}, k=catalogs.N_ITEMS, exclude_seen=False
        ).set_index("item_id")
        fall = result.score - float(frame["score"]["i5"])
        assert path.fall == pytest.approx(fall, abs=CLOSE)
        assert path.confidence == pytest.approx(min(max(fall / path.contribution, 0), 1), abs=0.01)


def test_limits_choose_what_explain_shows(fitted: Recommender) -> None:
    typed = history_of(fitted, "u1")
    made = fitted.explain("u1", "i5", k=20, relations=["made_by"])
    assert {name for p in made.paths if all(p.stored) for name in p.relations[1:]} <= {"made_by"}
    one = fitted.explain("u1", "i5", k=20, via=("Item", typed[0]))
    assert {path.nodes[1][1] for path in one.paths} == {typed[0]}
    none = fitted.explain("u1", "i5", k=20, avoid=[("Item", item) for item in typed])
    assert not none.paths
    assert "Relax" in none.reasons[0]
    short = fitted.explain("u1", "i5", k=20, max_hops=2)
    assert all(path.hops <= 2 for path in short.paths)
    assert fitted.explain("u1", "i5", since=4_000_000_000).paths == []
    german = fitted.explain("u1", "i5", writer="de")
    assert german.paths[0].sentence.startswith("Sie haben „")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"item": "none"}, "item 'none' is not in the graph"),
        ({"user": "gone"}, "user 'gone' is not in the graph"),
        ({"k": 0}, "k is 0"),
        ({"max_events": 0}, "max_events is 0"),
        ({"max_events": 1.5}, "max_events is 1.5"),
        ({"scenario": "none"}, "unknown scenario"),
        ({"history": "i1"}, "a list of item ids"),
    ],
)
def test_bad_questions_are_refused(
    fitted: Recommender, asked: dict[str, object], said: str
) -> None:
    whole = {"user": "u1", "item": "i5", **asked}
    user, item = whole.pop("user"), whole.pop("item")
    with pytest.raises(RequestError, match=said):
        fitted.counterfactual(user, item, **whole)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"max_hops": 0}, "from 1 to 4"),
        ({"max_hops": 100}, "from 1 to 4"),
        ({"relations": ["NOPE"]}, "unknown relation 'NOPE'; the graph has"),
        ({"via": "nowhere"}, "unknown node id 'nowhere'"),
        ({"avoid": ("Planet", "x")}, "unknown"),
        ({"k": True}, "k is True"),
        ({"writer": "xx"}, "unknown language"),
    ],
)
def test_bad_limits_are_refused(fitted: Recommender, asked: dict[str, object], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        fitted.explain("u1", "i5", **asked)  # type: ignore[arg-type]


def test_whom_update_brought_is_explained(fresh: Recommender) -> None:
    """A user and an item that training never saw."""
    import pandas as pd

    news = pd.DataFrame({"user_id": ["new", "new"], "item_id": ["i1", "i999"]})
    fresh.update(news)
    result = fresh.counterfactual("new", str(fresh.recommend("new", k=1)["item_id"][0]), k=3)
    assert result.found or result.reason
    assert fresh.why_not("new", "i3", k=3).rank > 0
    unheard = fresh.why_not("u1", "i999", k=3)
    assert unheard.candidates > 0
    assert unheard.missing


def test_a_reason_speaks_of_the_paths_shown_alone(fitted: Recommender) -> None:
    """Asked for the ways through one history item, it says whether these carry anything."""
    item = str(fitted.recommend(["u0"], k=1)["item_id"].iloc[0])
    said = set()
    for past in history_of(fitted, "u0"):
        result = fitted.explain("u0", item, via=f"Item:{past}")
        shares = [path.share for path in result.paths]
        reasons = [one for one in result.reasons if "None of these events" in one]
        if not shares or result.gain <= 0:
            continue
        few = max(path.fall or 0.0 for path in result.paths) < 0.05 * result.gain
        assert bool(reasons) is few
        if few:
            assert ("no path shown" in reasons[0]) is (max(shares) < 0.01)
            assert "-0%" not in reasons[0]
        said.add(few)
    assert said == {True, False}
