"""Models that grow step by step answer as models updated by merging everything, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog, CatalogError
from kgrec import Recommender
from kgrec.graph.growth import events, plain_events
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs
from tests.recommender.test_grown import anew, answers, item

News = Catalog | pd.DataFrame


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    return Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog())


@contextmanager
def merged_whole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Updates merge all events of a user, and read every frame as a catalog."""
    with monkeypatch.context() as patch:
        patch.setattr(events, "MOST_EVENTS", -1)
        patch.setattr(plain_events, "MOST_EVENTS", -1)
        yield


def changes(seed: int) -> Iterator[News]:
    """News of every kind, in an order of their own."""
    rng = np.random.default_rng(seed)
    users, items = ["u1", "u2", "u5"], ["i1", "i3", "i8"]
    last = pd.DataFrame({"user_id": ["u1"], "item_id": ["i3"], "timestamp": [2 * 10**9]})
    for step, kind in enumerate(rng.permutation([*"eeeerruniga"]).tolist()):
        user, one = rng.choice(users), rng.choice(items)
        event = {"user_id": [user], "item_id": [one], "timestamp": [2 * 10**9 + step]}
        if kind == "e":
            last = pd.DataFrame(event)
            yield last
        elif kind == "r":
            yield last
        elif kind == "u":
            yield pd.DataFrame(event | {"user_id": ["new user"]})
        elif kind == "n":
            yield pd.DataFrame({"user_id": [user, "u3"], "item_id": [one, "i2"]})
        elif kind == "i":
            yield item("n10", "Quux", "e1")
        elif kind == "a":
            yield item("a1", "Quite new", "e99")
        else:
            yield Catalog.from_frames(
                entities=pd.DataFrame({"entity_id": ["e1"], "name": ["Ute Unbekannt"]})
            )


def scores_of(model: Recommender) -> dict[str, object]:
    users = ["u1", "u2", "u5"]
    return answers(model) | {
        "pairs": model.score(
            pd.DataFrame({"user_id": users, "item_id": ["i1", "i3", "i8"]})
        ).to_dict(),
        "followers": model.recommend_users(["i3"], k=5).to_dict("list"),
        "alike": model.similar_users(users, k=4).to_dict("list"),
        "why not": str(model.why_not("u1", "i2")),
        "what if": str(model.counterfactual("u1", model.recommend("u1", k=1)["item_id"][0])),
        "pages": [model.graph.neighbours(f"User:{user}").to_csv() for user in users],
    }


@pytest.mark.parametrize("seed", range(2))
def test_any_order_of_updates_gives_what_merging_all_gives(
    fitted: Recommender, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    grown, whole = (Recommender.of(fitted.state) for _ in range(2))
    grown.state.warm_up()
    for news in changes(seed):
        grown.update(news)
        with merged_whole(monkeypatch):
            whole.update(news)
        assert_same_snapshot(grown.state.full_snapshot, whole.state.full_snapshot)
        assert_same_snapshot(grown.snapshot, whole.snapshot)
        _ = grown.state.explorer.index.whole  # so that it grows too
    assert scores_of(grown) == scores_of(anew(whole))


def test_a_grown_model_shares_nothing_that_later_updates_change(fitted: Recommender) -> None:
    model = Recommender.of(fitted.state.warm_up())
    kept, before = Recommender.of(model.state), scores_of(model)
    for news in changes(3):
        model.update(news)
        model.state.warm_up()
    assert scores_of(kept) == before
    assert scores_of(model) != before


def test_a_refused_event_leaves_the_state(fitted: Recommender) -> None:
    model = Recommender.of(fitted.state)
    state = model.state
    bad = {"user_id": ["u1"], "item_id": ["i3"], "timestamp": [10**13]}
    with pytest.raises(CatalogError):
        model.update(pd.DataFrame(bad))
    assert model.state is state


def test_an_event_shares_the_vectors_of_the_items(fitted: Recommender) -> None:
    model = Recommender.of(fitted.state.warm_up())
    before = model.state.engine
    model.update(pd.DataFrame({"user_id": ["u1"], "item_id": ["i3"], "timestamp": [2 * 10**9]}))
    assert model.state.engine.items is before.items
    assert model.state.engine.sequences is not before.sequences
