"""Random sequences of changes and questions, against a plain model of what must hold.

A recommender is fitted; then events, items and facts come and go, it is saved and loaded,
explained, evaluated and fitted again, in any order. After every step the graph that it answers from
is that of the plain model, and nothing else was touched. KGREC_SEQUENCES sets how many sequences
are tried.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import KgrecError, RequestError
from tests.recommender import catalogs

Event = tuple[str, str, int]
USERS = [f"u{n}" for n in range(6)] + [f"new{n}" for n in range(3)]
ITEMS = [f"i{n}" for n in range(8)] + [f"made{n}" for n in range(3)]
LATER = 5_000_000  # after all events of the catalog


@cache
def fitted() -> Recommender:
    return Recommender(catalogs.config(**catalogs.SHORT)).fit(catalogs.catalog())


@cache
def _visible() -> pd.DataFrame:
    """The events that the fitted recommender answers from."""
    frame = catalogs.frames()["interactions"]
    return frame[frame["split"] != "test"]


class Lifetime(RuleBasedStateMachine):
    """The recommender beside what a user knows of it: who, what, and which events."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.model = Recommender.of(fitted().state)
        self.foreign = self.folder / "notes.txt"
        self.foreign.write_text("mine", encoding="utf-8")
        frames = catalogs.frames()
        self.users = set(frames["users"]["user_id"])
        self.items = set(frames["items"]["item_id"])
        self.events: set[Event] = set()
        rows = _visible()[["user_id", "item_id", "timestamp"]]
        self.events.update(rows.itertuples(index=False, name=None))
        self.saved: Recommender | None = None
        self.refitted = False

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @rule(user=st.sampled_from(USERS), item=st.sampled_from(ITEMS), after=st.integers(0, 50))
    def chooses(self, user: str, item: str, after: int) -> None:
        """An event comes, perhaps of a new user or item, perhaps a second time."""
        event = (user, item, LATER + after)
        columns = ["user_id", "item_id", "timestamp"]
        for _ in range(2):  # an update that is repeated changes nothing
            self.model.update(pd.DataFrame([event], columns=columns))
        self.users.add(user)
        self.items.add(item)
        self.events.add(event)

    @rule(item=st.sampled_from(ITEMS), year=st.integers(1900, 2100))
    def item_is_described(self, item: str, year: int) -> None:
        self.model.update(
            Catalog.from_frames(items=pd.DataFrame({"item_id": [item], "year": [year]}))
        )
        self.items.add(item)
        attributes = self.model.snapshot.items
        assert attributes.attributes["year"].iloc[attributes.rows([item])[0]] == year

    @rule(item=st.sampled_from(ITEMS))
    def wrong_news_changes_nothing(self, item: str) -> None:
        state = self.model.state
        news = pd.DataFrame({"item_id": [item], "year": ["long ago"]})
        with pytest.raises(KgrecError):
            self.model.update(Catalog.from_frames(items=news))
        assert self.model.state is state

    @rule(user=st.sampled_from(USERS))
    def user_leaves(self, user: str) -> None:
        if user not in self.users:
            with pytest.raises(RequestError):
                self.model.remove(users=user)
            return
        self.model.remove(users=user)
        self.users.discard(user)
        self.events = {event for event in self.events if event[0] != user}

    @rule(item=st.sampled_from(ITEMS))
    def item_leaves(self, item: str) -> None:
        self.model.remove(items=[item], missing="ignore")
        self.items.discard(item)
        self.events = {event for event in self.events if event[1] != item}

    @rule(data=st.data())
    def event_leaves(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(sorted(self.events)))
        rows = pd.DataFrame([event], columns=["user_id", "item_id", "timestamp"])
        self.model.remove(interactions=rows)
        self.events.discard(event)

    @rule()
    def is_saved(self) -> None:
        self.model.save(self.folder / "model")
        self.saved, self.saved_refitted = Recommender.of(self.model.state), self.refitted

    @precondition(lambda self: self.saved is not None)
    @rule()
    def is_loaded(self) -> None:
        """What is loaded answers as what was saved did, and takes its place."""
        loaded = Recommender.load(self.folder / "model")
        assert self.saved is not None
        _same_answers(loaded, self.saved)
        self.model, self.refitted = loaded, self.saved_refitted
        snapshot = loaded.snapshot
        self.users, self.items = set(snapshot.users.ids), set(snapshot.items.ids)
        self.events = _events(loaded)

    @precondition(lambda self: not self.refitted)
    @rule()
    def is_fitted_again(self) -> None:
        """A new fit on what is there now knows the same users, items and events."""
        again = Recommender(catalogs.config(epochs=1))
        if self.events:
            self.model, self.refitted = again.fit(self.model.snapshot), True
            return
        with pytest.raises(KgrecError):
            again.fit(self.model.snapshot)

    @rule(user=st.sampled_from(USERS), item=st.sampled_from(ITEMS))
    def is_explained(self, user: str, item: str) -> None:
        if user not in self.users or item not in self.items:
            with pytest.raises(RequestError):
                self.model.explain(user, item)
            return
        explanation = self.model.explain(user, item)
        score = self.model.score([(user, item)])["score"].iloc[0]
        np.testing.assert_allclose(explanation.score, score, atol=2e-4)

    @rule()
    def is_evaluated(self) -> None:
        if self.refitted:  # on what was visible: no row is held out any more
            with pytest.raises(KgrecError):
                self.model.evaluate()
            return
        report = self.model.evaluate()
        assert 0 <= report.metrics["ndcg@10"] <= 1

    @rule(k=st.integers(1, 50))
    def recommends(self, k: int) -> None:
        users = sorted(self.users)[:5]
        lists = self.model.recommend(users, k=k)
        assert set(lists["item_id"]) <= self.items
        seen = {(user, item) for user, item, _ in self.events}
        assert seen.isdisjoint(zip(lists["user_id"], lists["item_id"], strict=True))

    @invariant()
    def graph_is_as_told(self) -> None:
        if not hasattr(self, "model"):
            return
        snapshot = self.model.snapshot
        assert set(snapshot.users.ids) == self.users
        assert set(snapshot.items.ids) == self.items
        assert _events(self.model) == self.events
        assert self.foreign.read_text(encoding="utf-8") == "mine"
        assert {path.name for path in self.folder.iterdir()} <= {"model", "notes.txt"}


def _events(model: Recommender) -> set[Event]:
    snapshot = model.snapshot
    events = snapshot.interactions
    users, items = snapshot.users.ids[events.user], snapshot.items.ids[events.item]
    return set(zip(users, items, events.timestamp.tolist(), strict=True))


def _same_answers(one: Recommender, other: Recommender) -> None:
    users = other.snapshot.users.ids[:5].tolist()
    a, b = one.rank(users), other.rank(users)
    np.testing.assert_array_equal(a.ids, b.ids)
    np.testing.assert_array_equal(a.scores, b.scores)


TestLifetime = pytest.mark.slow(Lifetime.TestCase)
TestLifetime.settings = settings(
    max_examples=int(os.environ.get("KGREC_SEQUENCES", "12")),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
