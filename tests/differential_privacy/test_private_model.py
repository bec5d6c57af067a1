"""A private model: what it holds of people is one noisy release, and answers read their own user's
history alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kgrec import PrivacyConfig, Recommender, RecommenderConfig
from kgrec.differential_privacy.choices import Choices, Release
from kgrec.differential_privacy.estimate import Estimate
from kgrec.differential_privacy.public import public_part
from kgrec.errors import ModelError, RequestError, TrainingError
from kgrec.fitting.private.fit import similarities
from kgrec.graph import GraphSnapshot
from kgrec.persistence.model_folder import read_state
from tests.recommender import catalogs

GONE = "u7"
MODEST = PrivacyConfig(epsilon=200.0, delta=1e-3, noise_seed=4)  # of 60 users: lists make sense


def config(privacy: PrivacyConfig = MODEST, **changed: Any) -> RecommenderConfig:
    training = {"effort": "quick", **changed.pop("training", {})}
    return RecommenderConfig(
        privacy=privacy, model={"use_text": False}, training=training, **changed
    )


def fitted(without: str | None = None, privacy: PrivacyConfig = MODEST) -> Recommender:
    frames = catalogs.frames()
    if without is not None:
        frames = {name: _without(frame, without) for name, frame in frames.items()}
    return Recommender(config(privacy)).fit(catalogs.Catalog.from_frames(**frames))


def _without(frame: pd.DataFrame, user: str) -> pd.DataFrame:
    """The rows that do not name a user."""
    names = frame.select_dtypes(include=["object", "string"])
    return frame[~(names == user).any(axis=1)]


@pytest.fixture(scope="module")
def model() -> Recommender:
    return fitted()


def item_side(model: Recommender) -> dict[str, np.ndarray]:
    """Every number that answers are computed from, but for the histories."""
    engine = model.state.engine
    found = {name: value.numpy() for name, value in engine.model.state_dict().items()}
    found |= {f"weights.{name}": value for name, value in engine.weights.arrays().items()}
    found |= {f"text.{name}": value for name, value in engine.texts.items.items()}
    found |= {
        "candidate": engine.items.candidate.numpy(),
        "query": engine.items.query.numpy(),
        "bias": engine.items.bias.numpy(),
        "known": engine.known.numpy(),
        "event_texts": engine.texts.events,
    }
    return found


def training_rows(snapshot: GraphSnapshot) -> Choices:
    train = snapshot.without_splits(("valid", "test"))
    return Choices.of(train.interactions, len(train.users), len(train.items))


def test_one_whole_user_enters_by_the_release_alone(model: Recommender) -> None:
    """With the same noise, the numbers of both models are those that the same rules make of their
    own release and the same public data; the releases differ by at most 1."""
    other = fitted(without=GONE)
    public = similarities(public_part(model.snapshot), model.config.model)
    sums = []
    for one in (model, other):
        choices = training_rows(one.state.full_snapshot)
        estimate = Estimate.of(Release.of(choices, MODEST), public)
        found = item_side(one)
        np.testing.assert_array_equal(found["features.query_id"], estimate.query)
        np.testing.assert_array_equal(found["features.candidate_id"], estimate.candidate)
        weights = one.state.engine.weights
        np.testing.assert_array_equal(weights.matrix.toarray(), estimate.weights)
        sums.append(choices)
    apart = [getattr(sums[0], name) - getattr(sums[1], name) for name in ("near", "whole")]
    assert 0 < sum((one**2).sum() for one in apart) <= 1
    assert not np.array_equal(item_side(model)["query"], item_side(other)["query"])


def test_with_next_to_no_epsilon_nobody_makes_a_difference() -> None:
    """Where the noise is all there is, models of other people are equal to the last digits."""
    nothing = PrivacyConfig(epsilon=1e-6, delta=1e-7, noise_seed=4)
    one, other = fitted(privacy=nothing), fitted(without=GONE, privacy=nothing)
    a, b = item_side(one), item_side(other)
    assert a.keys() == b.keys()
    for name in a.keys() - {name for name in a if "query" in name or "candidate" in name}:
        np.testing.assert_allclose(a[name], b[name], atol=2e-3, err_msg=name)
    for left, right in (("query", "candidate"), ("candidate", "candidate")):
        # Of vectors the products alone are determined: those of equal eigenvalues may turn.
        found, wanted = (x[left] @ x[right].T for x in (a, b))
        np.testing.assert_allclose(found, wanted, atol=2e-3 * np.abs(wanted).max())


def test_no_other_part_holds_anything_of_people(model: Recommender) -> None:
    state = model.state
    engine, vocabulary = state.engine, state.engine.vocabulary
    assert engine.cold_items is None
    assert engine.context is None
    assert engine.scenario_items is None
    assert (state.recogniser, state.rating_model, state.follow_blend) == (None, None, None)
    assert (state.training_log, state.trials, state.item_clusters) == ([], [], None)
    assert vocabulary.user_tokens.tokens == ()
    assert len(vocabulary.scenarios) == 0
    np.testing.assert_array_equal(vocabulary.items, state.snapshot.items.ids)
    shown = state.indexes.snapshot
    assert [len(one) for one in (shown.interactions, shown.reviews, shown.queries)] == [0, 0, 0]
    assert all("User" not in (one.head_label, one.tail_label) for one in shown.facts)
    assert len(engine.texts.events) == 0
    assert "reviews" not in engine.texts.items


ANSWERS: dict[str, Callable[[Recommender, str], object]] = {
    "recommend": lambda m, u: m.recommend(u, k=5).to_dict(),
    "later": lambda m, u: m.recommend(u, k=5, horizon="later").to_dict(),
    "rank": lambda m, u: m.rank([u], k=5).scores.tolist(),
    "score": lambda m, u: m.score([(u, "i3"), (u, "i4")]).to_dict(),
    "similar": lambda m, u: m.similar("i3").to_dict(),
    "search": lambda m, u: m.search("tale", k=5).to_dict(),
    "search for a user": lambda m, u: m.search("tale", user=u, k=5).to_dict(),
    "explain": lambda m, u: m.explain(u, "i4").to_dict(),
    "why not": lambda m, u: str(m.why_not(u, "i5", k=2)),
    "compare": lambda m, u: str(m.compare(u, "i4", "i5")),
    "counterfactual": lambda m, u: str(m.counterfactual(u, "i4")),
    "vectors": lambda m, u: m.vectors("user", [u]).vectors.tolist(),
}


@pytest.fixture(scope="module")
def alone(model: Recommender) -> Recommender:
    """The same model over a graph in which hardly anybody else has done anything."""
    left = Recommender.of(model.state)
    left.remove(users=[f"u{n}" for n in range(5, catalogs.N_USERS)])
    return left


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_read_the_history_of_their_user_alone(
    model: Recommender, alone: Recommender, answer: str
) -> None:
    assert ANSWERS[answer](model, "u2") == ANSWERS[answer](alone, "u2")


def test_explanations_name_nobody_else(model: Recommender) -> None:
    for item in model.recommend("u2", k=5)["item_id"]:
        text = str(model.explain("u2", item).to_dict())
        assert not [n for n in range(catalogs.N_USERS) if n != 2 and f"'u{n}'" in text]


REFUSED: dict[str, Callable[[Recommender], object]] = {
    "similar users": lambda m: m.similar_users("u0"),
    "list of users for an item": lambda m: m.recommend_users("i0"),
    "users recommended to users": lambda m: m.recommend("u0", target="users"),
    "questions": lambda m: m.ask(),
    "explore": lambda m: m.recommend("u0", explore=0.1),
    "importance": lambda m: m.importance(),
    "rating model": lambda m: m.fit_ratings(),
    "scenario": lambda m: m.adapt("night", [("u0", "i0")]),
    "popularity": lambda m: m.rerank("u0", group="tail", share=0.5),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_other_peoples_rows_would_enter_is_refused(model: Recommender, what: str) -> None:
    with pytest.raises(RequestError, match=rf"{what}.*differential privacy"):
        REFUSED[what](model)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training": {"effort": "normal"}}, "effort 'normal' trains"),
        ({"ratings": {"enabled": True}}, "a rating model"),
        ({"context": {"columns": ("mood",)}}, "circumstances"),
        ({"ranking": "clusters"}, "clusters"),
        ({"scenarios": {"rule": {"by": "user.gender"}}}, "scenarios .scenarios.rule"),
    ],
)
def test_a_fit_that_could_not_be_private_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises((TrainingError, RequestError), match=message):
        Recommender(config(**settings)).fit(
            catalogs.catalog(interactions=catalogs.frames()["interactions"].assign(mood="good"))
        )


def test_a_search_over_settings_is_refused() -> None:
    with pytest.raises(RequestError, match="tune"):
        Recommender(config()).fit(catalogs.catalog(), tune=2)


@pytest.mark.parametrize(
    "wrong", [{"epsilon": 0, "delta": 0.1}, {"epsilon": 1, "delta": 1}, {"epsilon": 1}]
)
def test_wrong_numbers_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError, match=r"epsilon|delta"):
        PrivacyConfig(**wrong)


def test_it_is_saved_with_its_budget(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    assert loaded.state.config.privacy == MODEST
    assert loaded.recommend("u2").equals(model.recommend("u2"))
    assert not len(loaded.state.indexes.snapshot.interactions)
    with pytest.raises(RequestError, match="differential privacy"):
        loaded.similar_users("u0")
    with pytest.raises(ModelError, match="no rating model"):
        loaded.predict(pd.DataFrame({"user_id": ["u0"], "item_id": ["i0"]}))


def test_events_of_a_user_change_the_lists_of_that_user_alone(model: Recommender) -> None:
    later = Recommender.of(model.state)
    news = pd.DataFrame(
        {"user_id": ["u3", "u3"], "item_id": ["i0", "i9"], "timestamp": [9**10] * 2}
    )
    later.update(news)
    assert not later.recommend("u3").equals(model.recommend("u3"))
    assert later.recommend("u2").equals(model.recommend("u2"))


def test_noise_without_a_seed_differs_from_fit_to_fit() -> None:
    secret = MODEST.model_copy(update={"noise_seed": None})
    one, other = fitted(privacy=secret), fitted(privacy=secret)
    assert not np.array_equal(item_side(one)["query"], item_side(other)["query"])


def test_with_little_noise_it_finds_what_people_choose(model: Recommender) -> None:
    generous = fitted(privacy=PrivacyConfig(epsilon=1e5, delta=1e-3, noise_seed=1))
    assert generous.evaluate()["ndcg@10"] > 0.25  # by chance it is about 0.1


def test_a_model_without_privacy_is_not_marked(tmp_path: Path) -> None:
    free = Recommender(config().model_copy(update={"privacy": None})).fit(catalogs.catalog())
    free.save(tmp_path / "model")
    assert not read_state(tmp_path / "model", free.state.engine.device).engine.private
