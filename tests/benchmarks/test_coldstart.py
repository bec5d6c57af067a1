"""The cold-start protocols: who and what is left out, and the value of a list."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.cold_start import users as cold_users
from benchmarks.cold_start.items import ColdItemTrial, at_random, entity_cosine
from benchmarks.cold_start.users import TARGETS, ColdUsers, fitted_baselines, measure_baseline
from kgrec import Recommender
from kgrec.graph import GraphSnapshot
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    return catalogs.snapshot(tmp_path_factory.mktemp("cold"))


def test_cold_items_are_drawn_as_the_protocol_says(snapshot: GraphSnapshot) -> None:
    trial = ColdItemTrial.draw(snapshot)
    order = np.random.default_rng(2026).permutation(catalogs.N_ITEMS)
    assert trial.choose.tolist() == order[:2].tolist()
    assert trial.test.tolist() == order[2:4].tolist()
    assert not np.isin(trial.fit.interactions.item, order[:4]).any()
    assert set(trial.fit.interactions.split) == {"train", "valid"}
    assert len(trial.fit.items) == catalogs.N_ITEMS
    kept = ~np.isin(snapshot.interactions.item, order[:4]) & (snapshot.interactions.split != "test")
    assert len(trial.fit.interactions) == kept.sum()


def test_ndcg_of_cold_items_counts_every_split(snapshot: GraphSnapshot) -> None:
    """Two candidates; each user's value by hand, from all events of the items."""
    trial = ColdItemTrial.draw(snapshot)
    events = snapshot.interactions
    found = []
    for user in range(catalogs.N_USERS):
        had = set(events.item[events.user == user]) & set(trial.test)
        gains = [float(item in had) for item in trial.test]
        if had:
            ideal = sum(1 / math.log2(place + 2) for place in range(len(had)))
            found.append((gains[0] + gains[1] / math.log2(3)) / ideal)
    first_first = np.tile([2.0, 1.0], (catalogs.N_USERS, 1))
    assert trial.ndcg(trial.test, lambda items: first_first) == pytest.approx(np.mean(found))


def test_entities_tell_cold_items_apart_and_chance_does_not(snapshot: GraphSnapshot) -> None:
    """Each taste has makers of its own, so the cosine finds whose item it is."""
    trial = ColdItemTrial.draw(snapshot)
    items = np.arange(catalogs.N_ITEMS)
    drawn = [trial.ndcg(items, at_random(trial, seed)) for seed in range(3)]
    assert trial.ndcg(items, entity_cosine(trial)) > np.mean(drawn) + 0.1


def test_a_model_is_asked_about_the_cold_items_alone(snapshot: GraphSnapshot) -> None:
    """Nobody has seen a cold item, so asking the model ranks as its scores do."""
    trial = ColdItemTrial.draw(snapshot)
    model = Recommender(catalogs.config(epochs=1)).fit(trial.fit)
    engine = model.state.engine
    scores = engine.score(engine.stored(np.arange(catalogs.N_USERS))).cpu().numpy()
    asked = trial.ndcg_of(model, trial.test)
    assert asked == pytest.approx(trial.ndcg(trial.test, lambda items: scores[:, items]))


def test_cold_users_are_unknown_and_asked_event_by_event(snapshot: GraphSnapshot) -> None:
    trial = ColdUsers.draw(snapshot)
    assert trial.users.tolist() == (
        np.random.default_rng(2026).permutation(catalogs.N_USERS)[:6].tolist()
    )
    assert not np.isin(trial.fit.interactions.user, trial.users).any()
    events = snapshot.interactions
    for user, history in zip(trial.users, trial.histories(3), strict=True):
        assert history.tolist() == events.item[events.user == user][:3].tolist()


def test_newcomers_are_told_with_their_times_and_under_new_names(snapshot: GraphSnapshot) -> None:
    trial = ColdUsers.draw(snapshot)
    result = trial.new_user_events(3)
    events, ids = snapshot.interactions, snapshot.items.ids
    assert not set(result["user_id"]) & set(snapshot.users.ids)
    for user, (_, own) in zip(trial.users, result.groupby("user_id", sort=False), strict=True):
        of_user = events.user == user
        assert own["item_id"].tolist() == ids[events.item[of_user]][:3].tolist()
        assert own["timestamp"].tolist() == events.timestamp[of_user][:3].tolist()


def test_targets_of_cold_users_are_what_follows(snapshot: GraphSnapshot) -> None:
    trial = ColdUsers.draw(snapshot)
    following = [trial._events_of(user)[3 : 3 + TARGETS] for user in trial.users]
    lists = np.full((len(trial.users), 20), -1)
    for row, items in enumerate(following):
        lists[row, : len(items)] = items
    found = trial.measure(3, lists)
    assert sorted(found) == ["ndcg@10", "recall@20"]
    for values in found.values():
        assert values.tolist() == [1.0] * len(trial.users)


def test_model_and_baselines_answer_at_every_length(
    snapshot: GraphSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cold_users, "LENGTHS", (1, 3, 5))  # users have ten events
    trial = ColdUsers.draw(snapshot)
    model = Recommender(catalogs.config(epochs=1)).fit(trial.fit)
    found = cold_users.measure_model(trial, model)
    assert all(0 < metrics["recall@20"].mean() <= 1 for metrics in found.values())
    fitted = fitted_baselines(trial)
    assert sorted(name.split()[0] for name in fitted) == ["ease", "popularity"]
    for baseline in fitted.values():
        found = measure_baseline(trial, baseline)
        assert sorted(found) == [1, 3, 5]
        assert all(0 < metrics["recall@20"].mean() <= 1 for metrics in found.values())
