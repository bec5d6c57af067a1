"""Every public call on unusual shapes of data gives an answer or a KgrecError."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import ModelConfig, Recommender, RecommenderConfig, TrainingConfig
from kgrec.config.ratings import RatingConfig
from kgrec.errors import KgrecError
from kgrec.query import Query

N_USERS, N_ITEMS = 12, 10
SMALL = {
    "model": ModelConfig(embedding_size=8, use_text=False),
    "training": TrainingConfig(epochs=1, batch_size=8),
}
Frame = pd.DataFrame


def config(ratings: bool = False) -> RecommenderConfig:
    return RecommenderConfig(**SMALL, ratings=RatingConfig(enabled=ratings, epochs=1))


def events(users: int = N_USERS, items: int = N_ITEMS) -> Frame:
    """A few interactions for each user, with times, ratings and two scenarios."""
    rows = [
        (f"u{user}", f"i{(user * 3 + place) % items}", 1_000 + 10 * user + place)
        for user in range(users)
        for place in range(min(5, items))
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    order = np.arange(len(frame))
    return frame.assign(rating=1.0 + order % 5, scenario=np.where(order % 2, "web", "app"))


def users() -> Frame:
    ids = [f"u{n}" for n in range(N_USERS)]
    return pd.DataFrame({"user_id": ids, "age": 20 + np.arange(N_USERS)})


def items() -> Frame:
    ids = [f"i{n}" for n in range(N_ITEMS)]
    titles = [f"Tale {n}" for n in range(N_ITEMS)]
    return pd.DataFrame({"item_id": ids, "title": titles, "genre": ["Comedy", "War"] * 5})


def facts(*rows: tuple[str, str, str, str, str]) -> Frame:
    return pd.DataFrame(rows, columns=["head", "head_type", "relation", "tail", "tail_type"])


def also_bought() -> Frame:
    return facts(
        *((f"i{n}", "item", "also_bought", f"i{(n + 1) % N_ITEMS}", "item") for n in range(N_ITEMS))
    )


def self_loops() -> Frame:
    return facts(*((f"i{n}", "item", "also_bought", f"i{n}", "item") for n in range(N_ITEMS)))


def own_makers() -> Frame:
    """Every item has an entity that no other node shares."""
    return facts(*((f"i{n}", "item", "made_by", f"e{n}", "entity") for n in range(N_ITEMS)))


def one_maker() -> Frame:
    return facts(*((f"i{n}", "item", "made_by", "e0", "entity") for n in range(N_ITEMS)))


def reviews() -> Frame:
    frame = events()[["user_id", "item_id"]].head(12)
    return frame.assign(text=[f"a fine tale {n}" for n in range(12)])


def queries() -> Frame:
    frame = events()[["user_id", "item_id", "timestamp"]].head(12)
    return frame.assign(text=[f"tale {n % 3}" for n in range(12)])


SHAPES: dict[str, dict[str, Frame]] = {
    "everything": {
        "users": users(),
        "items": items(),
        "interactions": events(),
        "facts": pd.concat([one_maker(), also_bought()]),
        "reviews": reviews(),
    },
    "no facts": {"users": users(), "items": items(), "interactions": events()},
    "interactions only": {"interactions": events()},
    "only item to item facts": {"interactions": events(), "facts": also_bought()},
    "item facts beside attributes": {
        "items": items(),
        "interactions": events(),
        "facts": also_bought(),
    },
    "only self-loops": {"interactions": events(), "facts": self_loops()},
    "entities that no items share": {"interactions": events(), "facts": own_makers()},
    "one entity for all": {"interactions": events(), "facts": one_maker()},
    "only user facts": {
        "interactions": events(),
        "facts": facts(("u0", "user", "FOLLOWS", "u1", "user")),
    },
    "entities without facts": {
        "entities": pd.DataFrame({"entity_id": ["e0"], "name": ["Ann"]}),
        "interactions": events(),
    },
    "no times": {"interactions": events().drop(columns="timestamp"), "facts": also_bought()},
    "equal times": {"interactions": events().assign(timestamp=5)},
    "no ratings": {"interactions": events().drop(columns="rating"), "facts": one_maker()},
    "equal ratings": {"interactions": events().assign(rating=4.0)},
    "no scenarios": {"interactions": events().drop(columns="scenario"), "facts": also_bought()},
    "one scenario": {"interactions": events().assign(scenario="app")},
    "one user": {"interactions": events(users=1), "facts": also_bought()},
    "two items": {"interactions": events(items=2)},
    "one item": {"interactions": events(items=1)},
    "one interaction": {"interactions": events().head(1)},
    "no interactions": {"users": users(), "items": items()},
    "users without history": {
        "users": users(),
        "items": items(),
        "interactions": events(users=4).query("user_id != 'u0'"),
        "facts": also_bought(),
    },
    "items without interactions": {
        "items": items(),
        "interactions": events(items=3),
        "facts": also_bought(),
    },
    "test rows only for one user": {
        "interactions": events().assign(split=["test"] + ["train"] * (len(events()) - 1)),
        "facts": also_bought(),
    },
    "only reviews beside interactions": {"interactions": events(), "reviews": reviews()},
    "only queries beside interactions": {"interactions": events(), "queries": queries()},
    "empty texts": {"interactions": events(), "reviews": reviews().assign(text="")},
    "one of each": {
        "users": users().head(1),
        "items": items().head(2),
        "interactions": events(users=1, items=2).head(2),
        "facts": facts(("i0", "item", "made_by", "e0", "entity")),
        "reviews": reviews().head(1),
        "queries": queries().head(1),
    },
    "empty frames": {
        "users": users(),
        "items": items(),
        "entities": pd.DataFrame({"entity_id": [], "name": []}),
        "interactions": events(),
        "facts": one_maker().head(0),
        "reviews": reviews().head(0),
        "queries": queries().head(0),
    },
    "attributes without values": {
        "users": users().assign(age=np.nan),
        "items": items().assign(genre=None, title=None),
        "interactions": events(),
    },
    "equal attributes": {
        "items": items().assign(genre="War", title="Tale"),
        "interactions": events(),
    },
    "a chain of entities": {
        "interactions": events(),
        "facts": facts(
            *((f"i{n}", "item", "part_of", f"s{n % 2}", "entity") for n in range(N_ITEMS)),
            *((f"s{n}", "entity", "part_of", "s2", "entity") for n in range(2)),
            ("s2", "entity", "part_of", "s0", "entity"),
        ),
    },
    "entities that point to items": {
        "interactions": events(),
        "facts": facts(*(("e0", "entity", "made", f"i{n}", "item") for n in range(N_ITEMS))),
    },
    "facts of items that nobody chose": {
        "interactions": events(items=4),
        "facts": facts(*((f"i{n}", "item", "made_by", "e0", "entity") for n in range(5, 9))),
    },
    "user facts and item facts": {
        "interactions": events(),
        "facts": pd.concat(
            [also_bought(), facts(("u0", "user", "FOLLOWS", "u1", "user")), own_makers()]
        ),
    },
    "users and items that share an entity": {
        "interactions": events(),
        "facts": facts(
            *((f"u{n}", "user", "lives_in", "e0", "entity") for n in range(N_USERS)),
            *((f"i{n}", "item", "made_in", "e0", "entity") for n in range(N_ITEMS)),
        ),
    },
    "some times absent": {
        "interactions": events().assign(
            timestamp=lambda f: f["timestamp"].where(f.index % 3 > 0).astype("Int64")
        ),
    },
    "a user who chose one item again and again": {
        "interactions": pd.concat([events(), *[events().head(1)] * 20]).assign(
            timestamp=lambda f: range(len(f))
        ),
    },
    "entities with the ids of users and items": {
        "interactions": events(),
        "facts": facts(
            *((f"i{n}", "item", "made_by", f"i{n % 2}", "entity") for n in range(N_ITEMS)),
            *((f"u{n}", "user", "lives_in", f"u{n % 2}", "entity") for n in range(N_USERS)),
        ),
    },
    "every user chose every item": {
        "interactions": pd.concat([events().assign(item_id=f"i{n}") for n in range(4)]),
        "facts": also_bought(),
    },
}


def new_item() -> Catalog:
    return Catalog.from_frames(
        items=pd.DataFrame({"item_id": ["new", "i0"]}),
        facts=facts(("new", "item", "also_bought", "i0", "item")),
    )


def updated(model: Recommender) -> object:
    model.update(new_item())
    explanation = model.explain("u0", "new")
    return explanation, model.recommend("u0"), model.why_not("u0", "new", k=1)


def saved(model: Recommender, folder: Path) -> object:
    model.save(folder / "model")
    again = Recommender.load(folder / "model")
    np.testing.assert_array_equal(again.recommend("u0").score, model.recommend("u0").score)
    return again


PAIRS = pd.DataFrame({"user_id": ["u0"], "item_id": ["i0"]})
Verb = Callable[[Recommender, Path], Any]
VERBS: dict[str, Verb] = {
    "recommend": lambda r, _: r.recommend("u0"),
    "recommend to a history": lambda r, _: r.recommend(histories={"me": ["i0"]}),
    "recommend to an empty history": lambda r, _: r.recommend(histories=[[]]),
    "recommend in a scenario": lambda r, _: r.recommend("u0", scenario="app"),
    "recommend auto": lambda r, _: r.recommend("u0", scenario="auto"),
    "recommend mixture": lambda r, _: r.recommend("u0", scenario="mixture"),
    "recommend later": lambda r, _: r.recommend("u0", horizon="later"),
    "recommend where": lambda r, _: r.recommend("u0", where={"genre": "War"}),
    "rank": lambda r, _: r.rank("u0", k=100, exclude_seen=False),
    "similar": lambda r, _: r.similar("i0"),
    "search": lambda r, _: r.search("tale", user="u0"),
    "log_query": lambda r, _: r.log_query("u0", "tale", item="i0"),
    "recognise": lambda r, _: r.recognise("u0"),
    "explain": lambda r, _: [str(r.explain("u0", f"i{n}")) for n in range(2)],
    "explain a history": lambda r, _: str(r.explain("me", "i1", history=["i0"])),
    "explain an empty history": lambda r, _: r.explain("me", "i0", history=[]).to_dict(),
    "explain auto": lambda r, _: r.explain("u0", "i0", scenario="auto").to_frame(),
    "explain_all": lambda r, _: r.explain_all("u0", ["i0", "i1"]),
    "counterfactual": lambda r, _: str(r.counterfactual("u0", "i0", k=1)),
    "counterfactual by adding": lambda r, _: str(r.counterfactual("u0", "i1", k=1, add=True)),
    "why_not": lambda r, _: str(r.why_not("u0", "i1", k=1)),
    "compare": lambda r, _: str(r.compare("u0", "i0", "i1")),
    "words": lambda r, _: r.words("u0", "i0"),
    "importance": lambda r, _: [
        r.importance(by=by, users=5) for by in ("relation", "part", "entity", "text")
    ],
    "predict": lambda r, _: r.predict(PAIRS),
    "fit_ratings": lambda r, _: r.fit_ratings(),
    "adapt": lambda r, _: r.adapt("kiosk", [("u0", "i0")]).recommend("u0", scenario="kiosk"),
    "adapt by a description": lambda r, _: r.adapt("kiosk", description="small screens"),
    "evaluate": lambda r, _: r.evaluate(),
    "evaluate on validation rows": lambda r, _: r.evaluate(split="valid"),
    "fairness": lambda r, _: r.fairness(k=3, explained=3),
    "rerank": lambda r, _: r.rerank("u0", group="tail", share=0.5, k=2),
    "update": lambda r, _: updated(r),
    "save": saved,
    "graph": lambda r, _: [
        r.graph.neighbours(("Item", "i0")),
        r.graph.paths(("User", "u0"), ("Item", "i1")),
        r.graph.subgraph(("Item", "i0")),
    ],
    "query": lambda r, _: r.recommend(Query("u0", scenario="web")),
    "recommend_users": lambda r, _: r.recommend_users("i0"),
    "similar_users": lambda r, _: r.similar_users("u0"),
    "score": lambda r, _: r.score(PAIRS),
    "vectors": lambda r, _: [r.vectors(kind) for kind in ("item", "history_item", "user")],
    "remove an item": lambda r, _: [r.remove(items="i1", missing="ignore"), r.recommend("u0")],
    "remove a user": lambda r, _: [r.remove(users="u1", missing="ignore"), r.recommend("u0")],
    "remove events": lambda r, _: [
        r.remove(interactions=PAIRS, missing="ignore"),
        r.recommend("u0"),
    ],
}
# Calls that need no ratings, texts, test rows or scenarios: these must be answered, not refused.
PLAIN = (
    "recommend",
    "recommend to a history",
    "recommend to an empty history",
    "recommend later",
    "rank",
    "similar",
    "explain",
    "explain a history",
    "explain an empty history",
    "explain_all",
    "counterfactual",
    "counterfactual by adding",
    "why_not",
    "compare",
    "importance",
    "fairness",
    "update",
    "save",
    "graph",
    "recommend_users",
    "similar_users",
    "score",
    "vectors",
    "remove an item",
    "remove a user",
    "remove events",
)
REFUSED = {"one item", "one interaction", "no interactions"}  # too little for some of these


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fitted(shape: str) -> Iterator[Recommender | None]:
    """Fitted on a shape; None where it can't be learned from, which must be a KgrecError."""
    try:
        yield Recommender(config()).fit(Catalog.from_frames(**SHAPES[shape]))
    except KgrecError:
        assert shape in REFUSED
        yield None


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("verb", VERBS)
def test_an_answer_or_an_error_of_kgrec(
    fitted: Recommender | None, shape: str, verb: str, tmp_path: Path
) -> None:
    if fitted is None:
        return
    model = Recommender.of(fitted.state)
    if verb in PLAIN and shape not in REFUSED:
        VERBS[verb](model, tmp_path)
        return
    with suppress(KgrecError):
        VERBS[verb](model, tmp_path)


@pytest.mark.parametrize("name", SHAPES)
def test_a_rating_model_is_fitted_or_refused(name: str) -> None:
    try:
        model = Recommender(config(ratings=True)).fit(Catalog.from_frames(**SHAPES[name]))
    except KgrecError:
        return
    found = model.predict(PAIRS)
    assert np.isfinite(found[["like", "rating"]].to_numpy(dtype=float)).all()
