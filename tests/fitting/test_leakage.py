"""What is held out is never read: garbage in test rows changes nothing that was learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from kgrec import Recommender
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.fitting import popularity
from kgrec.scoring.request import Request
from kgrec.training import train_step as stepping
from kgrec.training.data.examples import Examples
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


def fit(frames: catalogs.Frames, **training: object) -> Recommender:
    settings = catalogs.config(**{**catalogs.SHORT, **training})
    return Recommender(settings).fit(catalogs.catalog(**frames))


def assert_same_model(one: Recommender, other: Recommender) -> None:
    """Bit by bit: weights, vectors of items, and everybody's recommendations."""
    left, right = (r.state.engine.model.state_dict() for r in (one, other))
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name
    assert torch.equal(one.state.engine.items.candidate, other.state.engine.items.candidate)
    assert torch.equal(one.state.engine.items.query, other.state.engine.items.query)
    users = [f"u{n}" for n in range(catalogs.N_USERS)]
    pd.testing.assert_frame_equal(
        one.recommend(users, k=catalogs.N_ITEMS),
        other.recommend(users, k=catalogs.N_ITEMS),
        check_exact=True,
    )
    assert_same_snapshot(one.snapshot, other.snapshot)


def changed(column: str, values: np.ndarray) -> catalogs.Frames:
    """The frames with other values in the test rows; reviews and queries of them are left out,
    since they would no longer be of a held-out pair."""
    frames = catalogs.frames()
    events = frames["interactions"].copy()
    test = (events["split"] == "test").to_numpy()
    pairs = pd.MultiIndex.from_frame(events[test][["user_id", "item_id"]])
    for name in ("reviews", "queries"):
        own = pd.MultiIndex.from_frame(frames[name][["user_id", "item_id"]])
        frames[name] = frames[name][~own.isin(pairs)]
    events[column] = events[column].mask(test, pd.Series(values, index=events.index))
    frames["interactions"] = events
    return frames


def test_other_items_in_test_rows_change_nothing(short: Recommender) -> None:
    frames = catalogs.frames()
    n = len(frames["interactions"])
    rng = np.random.default_rng(5)
    # Only items that the user has no other row of: a pair that is both held out and trained on
    # takes its reviews along.
    other = rng.permutation([f"i{k % catalogs.N_ITEMS}" for k in range(n)]).astype(object)
    events = frames["interactions"]
    train = set(zip(events["user_id"], events["item_id"], strict=True))
    for row, user in enumerate(events["user_id"]):
        while (user, other[row]) in train:
            other[row] = f"i{rng.integers(catalogs.N_ITEMS)}"
    assert_same_model(short, fit(changed("item_id", other)))


@pytest.mark.parametrize(
    ("column", "value"),
    [("rating", -1e6), ("timestamp", 1), ("timestamp", 4_000_000_000), ("scenario", "web")],
)
def test_what_test_rows_say_is_never_read(short: Recommender, column: str, value: object) -> None:
    n = len(catalogs.frames()["interactions"])
    assert_same_model(short, fit(changed(column, np.full(n, value))))


def test_test_rows_may_as_well_be_absent(short: Recommender) -> None:
    frames = changed("rating", np.zeros(len(catalogs.frames()["interactions"])))
    events = frames["interactions"]
    frames["interactions"] = events[events["split"] != "test"]
    assert_same_model(short, fit(frames))


def test_held_out_rows_are_nowhere_in_the_graph_of_answers(short: Recommender) -> None:
    events = catalogs.frames()["interactions"]
    test = events[events["split"] == "test"]
    pairs = set(zip(test["user_id"], test["item_id"], strict=True))
    snapshot = short.snapshot
    assert set(snapshot.interactions.split) == {"train", "valid"}
    for rows in (snapshot.interactions, snapshot.reviews, snapshot.queries):
        held = set(zip(snapshot.users.ids[rows.user], snapshot.items.ids[rows.item], strict=True))
        assert not held & pairs
    assert len(snapshot.interactions) == len(events) - len(test)


def test_friends_lend_no_held_out_event(short: Recommender) -> None:
    """Whom a user follows counts by what is known, not by what is held out."""
    engine = short.state.engine
    snapshot = engine.snapshot
    facts = next(f for f in snapshot.facts if f.relation == "FOLLOWS")
    friends = engine.inputs.friends
    assert friends is not None
    dense = (friends @ torch.eye(len(snapshot.items))).numpy()
    for follower, followed in zip(facts.head, facts.tail, strict=True):
        known = set(snapshot.interactions.item[snapshot.interactions.user == followed])
        assert set(np.flatnonzero(dense[follower])) == known


def test_validation_rows_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What validates changes when training stops and how much popularity counts, never what one
    epoch learns."""
    monkeypatch.setattr(popularity, "POPULARITIES", (0.0,))
    frames = catalogs.frames()
    events = frames["interactions"]
    valid = (events["split"] == "valid").to_numpy()
    frames.update(reviews=frames["reviews"][:0], queries=frames["queries"][:0])
    swapped = events["item_id"].mask(valid, "i0")
    other = {**frames, "interactions": events.assign(item_id=swapped)}
    one, two = (fit(f, epochs=1, valid_every=1) for f in (frames, other))
    left, right = (r.state.engine.model.state_dict() for r in (one, two))
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert one.history[0]["valid_ndcg@10"] != two.history[0]["valid_ndcg@10"]


def test_without_splits_removes_what_belongs_to_a_held_out_event() -> None:
    """A review of a held-out event leaves with it; those of other events stay."""
    full = Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog()).state.full_snapshot
    assert full is not None
    visible = full.without_splits(("test",))
    events = full.interactions
    test = np.asarray(events.split == "test")
    pairs = set(zip(events.user[test], events.item[test], strict=True))
    for before, after in ((full.reviews, visible.reviews), (full.queries, visible.queries)):
        gone = set(before.id) - set(after.id)
        held = [(u, i) in pairs for u, i in zip(before.user, before.item, strict=True)]
        assert gone == set(before.id[np.array(held)])
        assert gone
        assert len(after)


LISTED = catalogs.N_ITEMS - catalogs.PER_USER + 1  # candidates of a test row: all but seen items
LEARNT = {"epochs": 20, "learning_rate": 0.02}


def unseen(seed: int) -> catalogs.Frames:
    """The frames with every test row's item drawn uniformly from those that its user never had,
    and without what was written about the true ones."""
    events = catalogs.frames()["interactions"]
    rng = np.random.default_rng(seed)
    had = events.groupby("user_id")["item_id"].agg(set)
    items = {f"i{n}" for n in range(catalogs.N_ITEMS)}
    left = {user: sorted(items - own) for user, own in had.items()}
    drawn = [rng.choice(left[user]) for user in events["user_id"]]
    return changed("item_id", np.array(drawn, dtype=object))


def test_test_rows_drawn_at_random_score_at_chance() -> None:
    """What the model knows of the true test rows' users it can't know of items drawn at random:
    each is among the ten best of those unseen with probability 10 / unseen."""
    honest = fit(changed("rating", np.zeros(600)), **LEARNT).evaluate(ks=(10,))["recall@10"]
    drawn = [fit(unseen(seed), **LEARNT).evaluate(ks=(10,))["recall@10"] for seed in range(3)]
    chance = 10 / LISTED
    deviation = np.sqrt(chance * (1 - chance) / (3 * catalogs.N_USERS))
    # Items drawn are never the user's own, which the model ranks first: a little below chance.
    assert chance - 5 * deviation < np.mean(drawn) < chance + 3 * deviation
    assert honest > chance + 6 * deviation


def test_poisoned_test_rows_get_the_same_metrics(short: Recommender) -> None:
    """Of a test row only user and item are read, also when it is scored."""
    frames = changed("rating", np.full(600, np.nan))
    test = (frames["interactions"]["split"] == "test").to_numpy()
    garbage = {"timestamp": 9_999_999_999, "scenario": "garbage", "event": "garbage"}
    events = frames["interactions"].assign(event="view")
    for column, value in garbage.items():
        events[column] = events[column].mask(test, value)
    poisoned = fit({**frames, "interactions": events})
    plain = fit({**frames, "interactions": frames["interactions"].assign(event="view")})
    assert_same_model(plain, poisoned)
    assert "garbage" not in poisoned.state.engine.vocabulary.scenarios
    for history in ("now", "train"):
        assert plain.evaluate(history=history).metrics == poisoned.evaluate(history=history).metrics
        assert plain.evaluate(history=history).metrics == short.evaluate(history=history).metrics


def test_held_out_rows_are_in_no_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """What training is shown as history, target or seen holds no test and no validation row; to
    the negatives a held-out item is one like any other that the user has not seen."""
    shown: set[tuple[int, int]] = set()

    def watched(make: object) -> object:
        def examples(data: object, users: np.ndarray, *rest: object, **given: object) -> Examples:
            made: Examples = make(data, users, *rest, **given)  # type: ignore[operator]
            events = np.repeat(users, np.diff(made.histories.indptr))
            shown.update(zip(events, made.histories.item, strict=True))
            shown.update(zip(users[made.seen_row], made.seen_item, strict=True))
            shown.update(zip(users[made.target_row], made.target_item, strict=True))
            return made

        return examples

    for name in ("time_cuts", "random_masks"):
        monkeypatch.setattr(stepping, name, watched(getattr(stepping, name)))
    fitted = fit(catalogs.frames(), epochs=8)
    assert fitted.state.full_snapshot is not None
    events = fitted.state.full_snapshot.interactions
    pairs = {
        split: set(zip(events.user[rows], events.item[rows], strict=True))
        for split in ("train", "valid", "test")
        for rows in [np.asarray(events.split == split)]
    }
    assert not shown & (pairs["test"] | pairs["valid"])
    assert len(shown & pairs["train"]) > 0.9 * len(pairs["train"])


def test_sampled_negatives_know_no_held_out_row() -> None:
    """They are drawn by popularity, which test rows must not move."""
    settings = {"sampling": "sampled", "negatives": 16}
    plain = fit(changed("rating", np.zeros(600)), **settings)
    assert_same_model(plain, fit(unseen(0), **settings))


def test_shared_nodes_come_from_known_events_alone(short: Recommender) -> None:
    """Explanations match the candidate with what a user is known to have had, never with what is
    held out, and other test rows leave every one of them as it is."""
    other = fit(unseen(1))
    events = catalogs.frames()["interactions"]
    test = events[events["split"] == "test"]
    for user, item in zip(test["user_id"][:12], test["item_id"][:12], strict=True):
        engine = short.state.engine
        row = int(engine.snapshot.users.rows([user])[0])
        target = int(engine.snapshot.items.rows([item])[0])
        breakdown = RequestBreakdown.of(
            engine, Request(engine.stored(np.array([row]))), engine.sequences.times(row)
        ).break_down(target)
        assert target not in breakdown.history
        assert len(breakdown.history) == catalogs.PER_USER - 1
        assert short.explain(user, item).to_dict() == other.explain(user, item).to_dict()
