"""An update adds to what is there, and answers as a model over the same graph made anew does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.explore.graph_indexes import GraphIndexes
from kgrec.graph.tables import unchanged_rows
from kgrec.scoring.bound_model import read_inputs
from kgrec.search.ranker import Indexes
from tests.recommender import catalogs

FACTS = ["head", "head_type", "relation", "tail", "tail_type"]


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    return Recommender(catalogs.config(epochs=4)).fit(catalogs.catalog())


@pytest.fixture
def model(fitted: Recommender) -> Recommender:
    """Ready to answer, so that all of its indexes grow."""
    return Recommender.of(fitted.state.warm_up())


def item(item_id: str, title: str, maker: str) -> Catalog:
    """A new item with a fact; "a1" comes before all others of the graph, "n1" after them."""
    attributes = {"item_id": [item_id], "title": [title], "genres": ["Drama"]}
    facts = [(item_id, "item", "made_by", maker, "entity")]
    return Catalog.from_frames(
        items=pd.DataFrame(attributes), facts=pd.DataFrame(facts, columns=FACTS)
    )


def answers(model: Recommender) -> dict[str, object]:
    """What each verb answers about some users and items, new ones among them."""
    new = [one for one in ("a1", "n10") if one in model.snapshot.items.ids]
    users = model.snapshot.users.ids[:5].tolist()
    explained = [model.explain("u1", one).to_dict() for one in (*new, "i3")]
    return {
        "lists": model.recommend(users, k=50).to_dict("list"),
        "one": model.rank("u2", k=50).scores.tolist(),
        "similar": model.similar([*new, "i3"], k=9).to_dict("list"),
        "search": [model.search(text, k=9).to_dict("list") for text in ("quux", "maker", "tale")],
        "explain": explained,
        "around": [model.graph.neighbours(f"Item:{one}").to_csv() for one in (*new, "i3")],
        "paths": [str(path) for path in model.graph.paths("Item:i8", "Item:i3", k=5)],
    }


def anew(model: Recommender) -> Recommender:
    """The same model and graph, with everything but the regression of new items made anew."""
    state, bound = model.state, model.state.engine.bound
    inputs = read_inputs(
        *(bound.model, bound.vocabulary, bound.snapshot, bound.texts, bound.device)
    )
    cache = replace(model.state.engine.cache, bound=replace(bound, given_inputs=inputs))
    engine = replace(state.engine, cache=cache)
    return Recommender.of(
        replace(state, engine=engine, indexes=GraphIndexes.of(engine, state.indexes.mapping))
    )


def assert_as_anew(model: Recommender) -> None:
    model.state.warm_up()
    other = anew(model)
    assert answers(model) == answers(other)
    mine, others = (one.state.engine.items for one in (model, other))
    assert torch.equal(mine.candidate, others.candidate)
    assert torch.equal(mine.query, others.query)


def test_new_items_count_as_in_a_model_made_anew(model: Recommender, tmp_path: Path) -> None:
    before = answers(model)
    for news in (item("n10", "Quux", "e1"), item("a1", "Quite new", "e99")):
        model.update(news)
        assert_as_anew(model)
    both = Recommender.of(model.state)
    at_once = Recommender.of(model.state)
    both.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    assert answers(loaded) == answers(at_once)
    assert {"a1", "n10"} <= set(model.recommend("u1", k=50)["item_id"])
    assert model.search("quux", k=1)["item_id"].tolist() == ["n10"]
    assert before != answers(model)


def test_one_update_after_the_other_is_one_update(fitted: Recommender) -> None:
    steps, at_once = Recommender.of(fitted.state), Recommender.of(fitted.state)
    news = [item("n10", "Quux", "e1"), item("a1", "Quite new", "e2")]
    for one in news:
        steps.update(one).state.warm_up()
    frames = [[one.tables[name].to_pandas() for one in news] for name in ("items", "facts")]
    items, facts = (pd.concat(parts, ignore_index=True) for parts in frames)
    at_once.update(Catalog.from_frames(items=items, facts=facts))
    assert answers(steps) == answers(at_once)


def test_what_changes_or_leaves_counts_as_in_a_model_made_anew(model: Recommender) -> None:
    model.update(item("n10", "Quux", "e1")).update(item("a1", "Quite new", "e99"))
    model.state.warm_up()
    renamed = pd.DataFrame({"item_id": ["i3", "n10"], "title": ["Zebra crossing", "Xylophone"]})
    model.update(Catalog.from_frames(items=renamed))
    assert_as_anew(model)
    assert model.search("zebra", k=1)["item_id"].tolist() == ["i3"]
    assert model.search("quux", k=1)["item_id"].tolist() != ["n10"]
    named = pd.DataFrame({"entity_id": ["e99"], "name": ["Ute Unbekannt"]})
    model.update(Catalog.from_frames(entities=named))
    assert_as_anew(model)
    assert model.search("unbekannt", k=1)["item_id"].tolist() == ["a1"]
    regression = model.state.engine.cache.origin
    model.remove(facts=pd.DataFrame([("n10", "item", "made_by", "e1", "entity")], columns=FACTS))
    model.remove(items=["a1"])
    assert_as_anew(model)
    assert model.state.engine.cache.origin is regression
    model.update(pd.DataFrame({"user_id": ["u1"], "item_id": ["n10"], "timestamp": [2**31]}))
    assert_as_anew(model)


def test_the_regression_is_learned_again_where_people_or_trained_items_leave(
    model: Recommender,
) -> None:
    model.update(item("n10", "Quux", "e1"))
    kept = model.state.engine.cache.origin
    for gone in ({"users": ["u9"]}, {"items": ["i8"]}):
        model.remove(**gone)
        assert model.state.engine.cache.origin is not kept
        assert "n10" in model.recommend("u1", k=50)["item_id"].tolist()


def test_a_column_that_gets_its_first_texts_is_searched(model: Recommender) -> None:
    news = pd.DataFrame({"item_id": ["n10"], "blurb": ["A story about a walrus."]})
    model.update(Catalog.from_frames(items=news))
    assert_as_anew(model)
    assert model.search("walrus", k=1)["item_id"].tolist() == ["n10"]
    grown, whole = model.state.indexes.searcher._indexes, Indexes.build(model.snapshot)
    assert grown.fields == whole.fields


def test_unchanged_rows_are_those_that_say_the_same(model: Recommender) -> None:
    before = model.snapshot.items
    model.update(item("a1", "Quite new", "e1"))
    model.update(Catalog.from_frames(items=pd.DataFrame({"item_id": ["i3"], "title": ["Other"]})))
    after = model.snapshot.items
    rows = unchanged_rows(before, after)
    changed = set(after.ids[rows < 0])
    assert changed == {"a1", "i3"}
    assert np.array_equal(before.ids[rows[rows >= 0]], after.ids[rows >= 0])
