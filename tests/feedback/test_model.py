"""A recommender that takes ratings as ratings, and events as what they say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from graph_schema.errors import RequestError
from kgrec import FeedbackConfig, Query, Recommender, RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.scoring.live_events import LiveEvent, LiveEvents
from kgrec.scoring.ranked_lists import score_request
from kgrec.serving.fold import add_records
from tests.ratings import rated
from tests.recommender import catalogs

NEGATIVE = FeedbackConfig(ratings={"<=2": -1, "3": 0.5})
DAY = 86_400


def fitted(
    feedback: FeedbackConfig | None, catalog: Catalog | None = None, **training: object
) -> Recommender:
    """A model of a second."""
    config = catalogs.config(**{"epochs": 4, **training})
    config = config.model_copy(update={"feedback": feedback or FeedbackConfig()})
    return Recommender(config).fit(catalog or rated.catalog(), seed=0)


@cache
def trained() -> Recommender:
    return fitted(NEGATIVE)


@cache
def quick() -> Recommender:
    return fitted(NEGATIVE, effort="quick")


MODELS = pytest.mark.parametrize("model", [trained, quick], ids=["normal", "quick"])


def all_scores(model: Recommender, user: str) -> np.ndarray:
    state = model.state
    row = state.snapshot.users.rows([user])
    return np.asarray(score_request(state.engine, state.resolver.of_users(row))[0])


@MODELS
def test_one_alone_scores_as_among_many_and_as_typed(model) -> None:
    found, users = model(), ["u1", "u2", "u30"]
    together = found.rank(users, k=5)
    events = rated.events()
    for place, user in enumerate(users):
        alone = found.rank(user, k=5)
        assert alone.ids[0].tolist() == together.ids[place].tolist()
        np.testing.assert_allclose(alone.scores[0], together.scores[place], atol=1e-5)
        own = events[(events["user_id"] == user) & (events["split"] != "test")]
        typed = found.rank(histories=own[["user_id", "item_id", "rating", "timestamp"]], k=5)
        np.testing.assert_allclose(typed.scores[0], alone.scores[0], atol=1e-5)


@MODELS
def test_the_sign_of_a_rating_matters(model) -> None:
    frame = pd.DataFrame({"user_id": "x", "item_id": ["i0", "i3", "i6"], "rating": 5.0})
    likes = model().rank(histories=frame, k=20)
    dislikes = model().rank(histories=frame.assign(rating=1.0), k=20)
    plain = model().rank(histories=frame.drop(columns="rating"), k=20)
    np.testing.assert_allclose(likes.scores, plain.scores, atol=1e-5)
    assert likes.ids[0].tolist() != dislikes.ids[0].tolist()
    kinds = [int(str(item)[1:]) % rated.KINDS for item in likes.ids[0][:4]]
    assert kinds.count(0) >= 3  # of the kind that was liked


@MODELS
def test_explanations_add_up_and_name_no_dislike_as_a_reason(model) -> None:
    found, spite = model(), 0
    negative = set()
    events = rated.events()
    for user in ("u1", "u2", "u5"):
        own = events[(events["user_id"] == user) & (events["split"] != "test")]
        negative = set(own[own["rating"] <= 2]["item_id"])
        scores = all_scores(found, user)
        ids = found.snapshot.items.ids
        for item in found.rank(user, k=3).ids[0]:
            explained = found.explain(user, str(item), k=30)
            total = explained.baseline + sum(path.contribution for path in explained.paths)
            total += explained.not_shown + explained.rest
            assert explained.score == pytest.approx(scores[ids.tolist().index(item)], abs=1e-4)
            assert total == pytest.approx(explained.score, abs=1e-4)
            for path in explained.paths:
                first = path.nodes[1][1]
                assert path.negative == (first in negative)
                reason = path.contribution > 0 and first in negative
                spite += reason
                assert ("in spite of this" in path.sentence) == reason
                assert path.cypher.startswith("// ") == path.negative
            for one in explained.history:
                role = "in spite of" if one.id in negative and one.contribution > 0 else ""
                assert one.role == role
    assert spite or model is quick


def test_it_says_so_in_german() -> None:
    found = trained()
    item = str(found.rank("u2", k=1).ids[0][0])
    explained = found.explain("u2", item, k=30, writer="de")
    lowered = [p for p in explained.paths if p.negative and p.contribution > 0]
    assert all("wird trotzdem vorgeschlagen, nicht deswegen" in p.sentence for p in lowered)


@MODELS
def test_it_is_saved_whole(model, tmp_path: Path) -> None:
    found = model()
    found.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    users = ["u1", "u2", "u3"]
    np.testing.assert_array_equal(again.rank(users, k=9).scores, found.rank(users, k=9).scores)
    assert again.state.config.feedback == found.state.config.feedback
    assert again.state.engine.model.shape == found.state.engine.model.shape


def test_equal_ratings_and_positive_kinds_change_nothing() -> None:
    events = rated.events().assign(rating=3.0, event="buy")
    plain = fitted(None, rated.catalog(events.drop(columns=["rating", "event"])), effort="quick")
    same = fitted(None, rated.catalog(events), effort="quick")
    users = ["u1", "u2"]
    np.testing.assert_array_equal(plain.rank(users, k=9).scores, same.rank(users, k=9).scores)
    assert same.state.engine.model.shape.feedback is None


def test_ratings_count_alike_until_somebody_says_otherwise() -> None:
    events = rated.events()
    plain = fitted(None, rated.catalog(events.drop(columns="rating")))
    same, notes = None, []
    config = catalogs.config(epochs=4)
    same = Recommender(config).fit(
        rated.catalog(events), seed=0, progress=lambda text, *_: notes.append(text)
    )
    np.testing.assert_array_equal(plain.rank("u1", k=9).scores, same.rank("u1", k=9).scores)
    assert any("ratings of 1 to 5 all count as liked" in note for note in notes)


def test_like_chooses_the_weights_of_lower_ratings_on_validation_rows() -> None:
    notes: list[str] = []
    config = catalogs.config(effort="quick")
    config = config.model_copy(update={"feedback": FeedbackConfig(like="auto")})
    found = Recommender(config).fit(
        rated.catalog(), seed=0, progress=lambda text, *_: notes.append(text)
    )
    chosen = found.state.config.feedback
    assert chosen.like == 4
    assert isinstance(chosen.ratings, dict)
    assert chosen.ratings
    assert any("targets are ratings of at least 4" in note for note in notes)
    # Everybody rates films of one kind high: lists that are to find likes are of that kind.
    report = found.evaluate(ks=(5,))
    assert report.n_targets < int((rated.events()["split"] == "test").sum())
    assert report["ndcg@5"] > 0.5


def test_targets_alone_are_found_and_negative_events_never() -> None:
    events = rated.events()
    kind = np.where(events["rating"] >= 4, "buy", "hide")
    catalog = rated.catalog(events.drop(columns="rating").assign(event=kind))
    found = fitted(None, catalog, effort="quick")  # "hide" is negative by its name
    assert found.state.config.feedback.events == {"hide": -1.0, "*": 1.0}
    wanted = (events["split"] == "test") & (kind == "buy")
    pairs = events[wanted][["user_id", "item_id"]].drop_duplicates()
    assert found.evaluate(ks=(5,)).n_targets == len(pairs)


def test_a_fit_names_a_kind_without_a_weight_and_events_that_are_all_negative() -> None:
    events = rated.events().drop(columns="rating").assign(event="view")
    config = FeedbackConfig(events={"buy": 1})
    with pytest.raises(RequestError, match="events of the kind 'view' have no weight"):
        fitted(config, rated.catalog(events), effort="quick")
    hidden = rated.catalog(events.assign(event="hide"))
    with pytest.raises(TrainingError, match="events are negative or weigh 0"):
        fitted(None, hidden, effort="quick")


def test_an_update_with_an_unknown_kind_changes_nothing() -> None:
    events = rated.events().drop(columns="rating").assign(event="buy")
    found = fitted(FeedbackConfig(events={"buy": 1, "hide": -1}), rated.catalog(events),
                   effort="quick")  # fmt: skip
    before = found.rank("u1", k=5).scores
    news = pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"], "event": ["wave"]})
    with pytest.raises(RequestError, match="events of the kind 'wave' have no weight"):
        found.update(news)
    np.testing.assert_array_equal(found.rank("u1", k=5).scores, before)
    found.update(news.assign(event="hide"))
    assert (found.rank("u1", k=5).scores != before).any()


def test_live_events_count_as_after_an_update() -> None:
    found = fitted(NEGATIVE, effort="quick")
    live = LiveEvents()
    answering = Recommender.of(replace(found.state, live=live))
    late = 2_000_000_000
    live.add("u1", LiveEvent(1, "i3", late, "view", 1.0))
    live.add("new", LiveEvent(2, "i3", late, "view", 5.0))
    news = pd.DataFrame(
        {"user_id": ["u1", "new"], "item_id": "i3", "rating": [1.0, 5.0], "timestamp": late}
    )
    users = ["u1", "new"]
    before = answering.rank(users, k=9)
    ours = answering.state.resolver.resolve(Query(users)).histories
    found.update(news)
    theirs = found.state.resolver.resolve(Query(users)).histories
    assert ours.weight is not None
    np.testing.assert_array_equal(ours.weight, theirs.weight)
    assert ours.weight.min() == -1
    np.testing.assert_allclose(before.scores, found.rank(users, k=9).scores, atol=1e-4)


def test_a_live_kind_without_a_weight_says_nothing_and_is_not_folded_in() -> None:
    events = rated.events().drop(columns="rating").assign(event="buy")
    found = fitted(FeedbackConfig(events={"buy": 1, "hide": -1}), rated.catalog(events),
                   effort="quick")  # fmt: skip
    live = LiveEvents()
    live.add("new", LiveEvent(1, "i3", 2_000_000_000, "wave"))
    answering = Recommender.of(replace(found.state, live=live))
    nobody = found.rank(histories=[[]], k=9, exclude_seen=False)
    np.testing.assert_allclose(
        answering.rank("new", k=9, exclude_seen=False).scores, nobody.scores, atol=1e-5
    )
    records = [
        {"kind": "event", "number": n, "user": "new", "item": "i3", "event": kind, "timestamp": 9}
        for n, kind in enumerate(["buy", "wave"])
    ]
    refused = add_records(found, records)
    assert list(refused) == [1]
    assert "events of the kind 'wave' have no weight" in refused[1]
    assert "new" in found.snapshot.users.ids


def test_seen_items_are_left_out_by_kind_and_age() -> None:
    times = np.array([0, 40, 95, 100, 100]) * DAY + 1_000_000_000
    own = pd.DataFrame(
        {
            "user_id": "u0",
            "item_id": ["i1", "i2", "i4", "i5", "i7"],
            "event": ["buy", "view", "view", "click", ""],
            "timestamp": times,
            "split": "train",
        }
    )
    others = rated.events().drop(columns="rating")
    others = others[others["user_id"] != "u0"].assign(timestamp=times[0], event="buy")
    found = fitted(None, rated.catalog(pd.concat([own, others])), effort="quick")
    rule = {"buy": True, "view": "30d", "click": False}

    def left_out(**options: object) -> set[str]:
        listed = set(found.recommend("u0", k=99, **options)["item_id"])
        return set(own["item_id"]) - listed

    assert left_out() == set(own["item_id"])
    assert left_out(exclude_seen=False) == set()
    assert left_out(exclude_seen=rule) == {"i1", "i4", "i7"}
    assert left_out(exclude_seen={**rule, "*": False}) == {"i1", "i4"}
    both = found.recommend(["u0", "u1"], k=99, exclude_seen=rule)
    assert set(own["item_id"]) - set(both[both["user_id"] == "u0"]["item_id"]) == {"i1", "i4", "i7"}
    typed = found.recommend(histories=own.drop(columns="split"), k=99, exclude_seen=rule)
    assert set(own["item_id"]) - set(typed["item_id"]) == {"i1", "i4", "i7"}
    for wrong in ({"view": "soon"}, {"view": 3}, "view"):
        with pytest.raises(RequestError, match="exclude_seen"):
            found.recommend("u0", exclude_seen=wrong)


def test_the_rule_of_the_settings_holds_where_a_request_says_nothing() -> None:
    events = rated.events().drop(columns="rating").assign(event="view")
    settings = FeedbackConfig(exclude_seen={"view": False})
    found = fitted(settings, rated.catalog(events), effort="quick")
    seen = set(events[(events["user_id"] == "u1") & (events["split"] != "test")]["item_id"])
    assert seen <= set(found.recommend("u1", k=99)["item_id"])
    assert not seen & set(found.recommend("u1", k=99, exclude_seen={"view": True})["item_id"])
    own = next(iter(seen))
    assert "is in the history" not in str(found.why_not("u1", own, k=1))


def test_settings_are_read_from_tables() -> None:
    config = RecommenderConfig.model_validate(
        {
            "feedback": {
                "events": {"view": 0.1, "buy": 1, "return": -1},
                "ratings": {"<=2": -1},
                "targets": ["buy"],
                "exclude_seen": {"view": "30d"},
            }
        }
    )
    assert config.feedback.weight_of("return") == -1
