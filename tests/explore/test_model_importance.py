"""What a recommender tells of its graph and of itself as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kgrec import Recommender, show_people
from kgrec.errors import NotFittedError, RequestError
from kgrec.explore import draw
from kgrec.explore.importance import COLUMNS, draw_importance
from tests.recommender import catalogs

USERS = ["u1", "u5", "u30"]


def gains(recommender: Recommender, scenario: str | None = None) -> list[float]:
    ranked = recommender.recommend(USERS, k=4, scenario=scenario)
    pairs = zip(ranked["user_id"], ranked["item_id"], strict=True)
    return [recommender.explain(user, item, scenario=scenario).gain for user, item in pairs]


def test_the_graph_is_the_one_that_answers(fresh: Recommender) -> None:
    graph = fresh.graph
    assert fresh.graph is graph
    rows = graph.neighbours("User:u1", "INTERACTED")
    assert len(rows) == catalogs.PER_USER - 1  # the one held out for testing is no part of it
    new = {"user_id": ["u1"], "item_id": ["i0"], "timestamp": [9_999_999]}
    fresh.update(catalogs.pd.DataFrame(new))
    rows = fresh.graph.neighbours("User:u1", "INTERACTED")
    assert rows["id"].iloc[0] == "i0"


def test_an_unfitted_recommender_has_none() -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        _ = Recommender().graph


@pytest.mark.parametrize("by", ["relation", "part"])
@pytest.mark.parametrize("scenario", [None, "web"])
def test_the_means_add_up_to_the_mean_gain(
    fitted: Recommender, by: str, scenario: str | None
) -> None:
    frame = fitted.importance(by, users=USERS, k=4, scenario=scenario)
    assert list(frame.columns) == list(COLUMNS)
    assert frame["mean"].sum() == pytest.approx(np.mean(gains(fitted, scenario)), rel=1e-5)
    assert frame["share"].sum() == pytest.approx(1.0, rel=1e-6)
    assert (frame["mean_absolute"] >= frame["mean"].abs() - 1e-9).all()
    assert frame["mean_absolute"].is_monotonic_decreasing
    assert frame["scores"].between(1, 12).all()
    assert set(frame["scenario"]) == {scenario or ""}


def test_parts_are_those_of_the_explanations(fitted: Recommender) -> None:
    ranked = fitted.recommend(USERS, k=4)
    pairs = zip(ranked["user_id"], ranked["item_id"], strict=True)
    message = [fitted.explain(user, item).parts for user, item in pairs]
    frame = fitted.importance("part", users=USERS, k=4).set_index("name")
    for part in message[0]:
        values = np.array([parts.get(part, 0.0) for parts in message])
        assert frame.loc[part, "mean"] == pytest.approx(values.mean(), abs=1e-5)
        assert frame.loc[part, "mean_absolute"] == pytest.approx(np.abs(values).mean(), abs=1e-5)


def test_relations_and_entities_are_named(fitted: Recommender) -> None:
    relations = fitted.importance("relation", users=USERS, k=4).set_index("name")
    assert relations.loc["made_by", "kind"] == "relation"
    assert relations.loc["collaborative", "kind"] == "no relation"
    entities = fitted.importance("entity", users=USERS, k=4)
    makers = entities[entities["kind"] == "entity"]
    assert set(makers["name"]) <= set(catalogs.MAKERS)
    assert makers["node"].str.startswith("Entity:e").all()
    assert entities["mean"].sum() == pytest.approx(
        relations.loc[["made_by"], "mean"].sum(), rel=0.5
    )


def test_a_model_without_texts_has_none_that_matter(fitted: Recommender, tmp_path: Path) -> None:
    frame = fitted.importance("text", users=USERS, k=4)
    assert frame.empty
    with pytest.raises(RequestError, match="nothing to draw"):
        draw_importance(frame, tmp_path / "none.png")


def test_a_sample_depends_on_the_seed_alone(fitted: Recommender) -> None:
    one = fitted.importance(users=5, k=2, seed=3)
    assert one.equals(fitted.importance(users=5, k=2, seed=3))
    assert not one.equals(fitted.importance(users=5, k=2, seed=4))
    assert fitted.importance(users=10_000, k=1)["scores"].max() == catalogs.N_USERS


def test_several_scenarios_are_told_and_drawn(fitted: Recommender, tmp_path: Path) -> None:
    frame = fitted.importance(users=USERS, k=2, scenario=["web", "app"])
    assert frame["scenario"].unique().tolist() == ["web", "app"]
    alone = fitted.importance(users=USERS, k=2, scenario="app")
    assert frame[frame["scenario"] == "app"].reset_index(drop=True).equals(alone)
    text = draw_importance(frame, tmp_path / "bars.svg").read_text(encoding="utf-8")
    assert "<!-- web -->" in text
    assert "<!-- app -->" in text
    assert "<!-- made_by -->" in text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"by": "colour"}, "by is 'colour'; use one of relation, part, entity, text"),
        ({"users": 0}, "users is 0; give a whole number"),
        ({"users": ["nobody"]}, "user 'nobody' is not in the graph"),
        ({"k": 0}, "k is 0"),
        ({"scenario": "moon"}, "unknown scenario 'moon'"),
        ({"scenario": []}, "scenario is an empty list"),
    ],
)
def test_wrong_requests_are_told(
    fitted: Recommender, asked: dict[str, object], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        fitted.importance(**asked)  # type: ignore[arg-type]


@pytest.mark.slow
def test_an_explanation_and_its_surroundings_can_be_drawn(
    fitted: Recommender, tmp_path: Path
) -> None:
    message = fitted.explain("u1", "i5")
    assert message.to_html(tmp_path / "why.html").stat().st_size > 100_000
    around = show_people(fitted).graph.subgraph("Item:i5", 2, max_nodes=30)
    assert len(around) == 30
    assert draw(around, tmp_path / "around.svg").stat().st_size > 10_000
