"""``model.blind_to``: where an attribute of users is changed, every answer stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Constraints, Query, RatingConfig, Recommender, RecommenderConfig, ScenarioConfig
from kgrec.config import ContextConfig, ModelConfig, ScenarioRule
from kgrec.errors import RequestError
from tests.recommender.catalogs import catalog, config, frames

USER, OTHER = "u0", "u5"


def users(seed: int) -> pd.DataFrame:
    """Users with another gender for each seed, which goes with their tastes for seed 0."""
    table = frames()["users"]
    rows = np.arange(len(table))
    gender = rows % 4 < 2 if seed == 0 else np.random.default_rng(seed).random(len(table)) < 0.5
    return table.assign(gender=np.where(gender, "F", "M"), income=1000.0 + 37 * (rows % 4))


def changed(seed: int) -> Catalog:
    return catalog(users=users(seed))


@cache
def fitted(seed: int, blind: bool, effort: str) -> Recommender:
    names = ("gender",) if blind else ()
    settings = config({"blind_to": names}, epochs=3, effort=effort)
    settings = settings.model_copy(update={"ratings": RatingConfig(enabled=effort != "quick")})
    return Recommender(settings).fit(changed(seed), seed=3)


def frame_of(answer: Any) -> Any:
    """An answer as something that can be compared to the bit."""
    if isinstance(answer, pd.DataFrame):
        return answer.to_csv(index=False, float_format="%.17g")
    for name in ("to_dict", "to_frame"):
        if hasattr(answer, name):
            return repr(getattr(answer, name)())
    return repr(answer)


VERBS: dict[str, Callable[[Recommender], Any]] = {
    "recommend": lambda r: r.recommend([USER, OTHER], k=10),
    "recommend one": lambda r: r.recommend(USER, k=40, exclude_seen=False),
    "to people": lambda r: r.recommend(USER, k=10, target="users"),
    "history": lambda r: r.recommend(histories={"new": ["i1", "i2"]}),
    "rank": lambda r: r.rank(Query([USER]), constraints=Constraints(candidates=["i1", "i2"])),
    "similar": lambda r: r.similar("i1", k=5),
    "recommend users": lambda r: r.recommend_users("i1", k=10),
    "similar users": lambda r: r.similar_users(USER, k=10),
    "score": lambda r: r.score(pd.DataFrame({"user_id": [USER, OTHER], "item_id": ["i1", "i2"]})),
    "search": lambda r: r.search("item", user=USER),
    "explain": lambda r: r.explain(USER, "i1"),
    "why not": lambda r: r.why_not(USER, "i1", k=3),
    "compare": lambda r: r.compare(USER, "i1", "i2"),
    "counterfactual": lambda r: r.counterfactual(
        USER, r.recommend(USER, k=1)["item_id"].iloc[0], k=3
    ),
    "recognise": lambda r: r.recognise(USER),
    "ask": lambda r: r.ask(k=3),
    "unsure": lambda r: r.unsure("users"),
    "vectors": lambda r: r.vectors("user").vectors.tobytes(),
    "evaluate": lambda r: {
        name: value.tobytes() if isinstance(value, np.ndarray) else value
        for name, value in vars(r.evaluate()).items()
        if "second" not in name
    },
}


@pytest.mark.parametrize("effort", ["quick", "normal"])
@pytest.mark.parametrize("verb", VERBS)
def test_answers_do_not_change_with_the_attribute(verb: str, effort: str) -> None:
    answers = {frame_of(VERBS[verb](fitted(seed, True, effort))) for seed in (0, 1)}
    assert len(answers) == 1


def test_predictions_do_not_change_with_the_attribute() -> None:
    pairs = pd.DataFrame({"user_id": [USER, OTHER], "item_id": ["i1", "i2"]})
    blind = {frame_of(fitted(seed, True, "normal").predict(pairs)) for seed in (0, 1)}
    seeing = {frame_of(fitted(seed, False, "normal").predict(pairs)) for seed in (0, 1)}
    assert (len(blind), len(seeing)) == (1, 2)


@pytest.mark.parametrize(
    "verb", ["recommend one", "to people", "score", "similar users", "explain"]
)
def test_a_model_that_is_not_blind_reads_it(verb: str) -> None:
    """The test above could not fail if no answer depended on the attribute anyway."""
    answers = {frame_of(VERBS[verb](fitted(seed, False, "normal"))) for seed in (0, 1)}
    assert len(answers) == 2


def test_updates_and_saving_keep_it(tmp_path: Path) -> None:
    model = fitted(0, True, "normal")
    model.save(tmp_path / "model")
    before = frame_of(VERBS["recommend one"](model))
    loaded = Recommender.load(tmp_path / "model")
    loaded.update(Catalog.from_frames(users=users(1)))
    assert loaded.snapshot.users.attributes["gender"].tolist() == users(1)["gender"].tolist()
    assert frame_of(VERBS["recommend one"](loaded)) == before
    people = frame_of(VERBS["to people"](model))
    assert frame_of(VERBS["to people"](loaded)) == people


def test_what_a_request_says_of_it_is_not_read() -> None:
    model = fitted(0, True, "normal")
    answers = {
        frame_of(model.recommend(histories={"n": ["i1"]}, context={"gender": one})) for one in "FM"
    }
    assert len(answers) == 1


def test_rules_and_conditions_may_still_read_it() -> None:
    model = fitted(0, True, "normal")
    shown = model.recommend(USER, k=60, target="users", where={"gender": "F"})["user_id"]
    assert set(shown) <= set(users(0).query("gender == 'F'")["user_id"])
    assert model.fairness(by=["gender"], explained=0).to_dict()


def test_a_name_that_no_user_has_is_refused() -> None:
    with pytest.raises(
        RequestError, match="names 'gendre', which no user has; they have: age, gender, income"
    ):
        Recommender(config({"blind_to": ("gendre",)})).fit(changed(0))


def test_what_reads_it_otherwise_is_refused() -> None:
    rule = ScenarioRule(by="user.gender", groups={"women": ["F"]})
    blind = ModelConfig(blind_to=("gender",))
    with pytest.raises(ValueError, match=r"scenarios\.rule reads it"):
        RecommenderConfig(model=blind, scenarios=ScenarioConfig(rule=rule))
    with pytest.raises(ValueError, match=r"context\.columns reads it"):
        RecommenderConfig(model=blind, context=ContextConfig(columns=("gender",)))
