"""Item–item weights after an update: those of a fit to all rows, from what changed alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.errors import ModelError
from kgrec.fitting import closed_form
from kgrec.fitting.item_weight_choice import ItemWeightSettings
from kgrec.graph.snapshot import rows_in
from kgrec.serving.fold import with_weights
from kgrec.state import FittedState
from kgrec.training import fit_item_weights, item_weights, weight_sums
from kgrec.training.data.item_words import item_words
from tests.recommender import catalogs

FEEDBACK = {"events": {"click": 0.5, "skip": -1.0, "*": 1.0}, "like": 4.0}


@pytest.fixture(autouse=True)
def adding_to_few_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_form, "_FEW_ITEMS", 0)


def _parts() -> tuple[Catalog, Catalog]:
    """Three quarters of the events, without an item; and the rest, with facts and texts."""
    frames = catalogs.frames()
    events = frames["interactions"].drop(columns=["split", "scenario"])
    kind = np.random.default_rng(0).choice(["click", "buy", "skip"], len(events))
    events = events.assign(event=kind, rating=np.tile([5.0, 3.0], len(events))[: len(events)])
    late = (events["timestamp"] > events["timestamp"].quantile(0.75)) | (events["item_id"] == "i7")
    facts, items = frames["facts"], frames["items"]
    about = (facts["head"] == "i7") | (facts["tail"] == "i7")
    about |= pd.Series(np.arange(len(facts)) % 5 == 0, index=facts.index)
    there = {"users": frames["users"], "entities": frames["entities"]}
    first: Any = {
        **there,
        "items": items[items["item_id"] != "i7"],
        "interactions": events[~late],
        "facts": facts[~about],
    }
    news: Any = {
        "items": items[items["item_id"].isin(["i7", "i8"])].assign(title="a blue title"),
        "interactions": events[late],
        "facts": facts[about],
    }
    return Catalog.from_frames(**first), Catalog.from_frames(**news)


@cache
def _fitted(feedback: bool = False) -> FittedState:
    base = catalogs.config().model_dump()
    base["training"]["effort"] = "quick"
    if feedback:
        base["feedback"] = FEEDBACK
    return Recommender(RecommenderConfig.model_validate(base)).fit(_parts()[0]).state


def _with(state: FittedState, cap: float | None = 500.0, **settings: Any) -> FittedState:
    """The state with weights of other settings."""
    assert state.origin is not None
    chosen = ItemWeightSettings(**{"graph": 1.0, "strength": 4.0, "ridge": 3.0, **settings})
    origin = replace(
        state.origin, item_weights=chosen, plan=replace(state.origin.plan, user_cap=cap)
    )
    return replace(state, origin=origin, counted=None).with_added_weights()


def _of_all_rows(state: FittedState) -> sp.csr_matrix:
    """What a fit to the graph of a state gives, over its items, by the function that fits use."""
    engine, origin = state.engine, state.origin
    assert origin is not None
    rows, chosen = origin.rows(engine, state.config), origin.item_weights
    found = fit_item_weights(
        rows,
        graph=chosen.graph,
        words=item_words(rows) if chosen.words else None,
        decay=np.inf,
        ridges=[chosen.ridge],
        device=engine.device,
        feedback=engine.model.shape.feedback,
        user_cap=origin.plan.user_cap,
    )[0].times(chosen.strength)
    fitted = rows.items.ids[np.unique(rows.interactions.item)]
    return found.placed(rows_in(fitted, rows.items.ids)).matrix


def _weights(state: FittedState) -> sp.csr_matrix:
    assert state.engine.item_weights is not None
    return state.engine.item_weights.matrix


@pytest.mark.parametrize(
    ("feedback", "cap", "settings"),
    [
        (False, 500.0, {"graph": 0.0}),
        (False, 500.0, {"words": True}),
        (False, 6.0, {}),
        (True, 500.0, {}),
        (True, 5.0, {"words": True}),
    ],
)
def test_added_rows_give_the_weights_of_a_fit_to_all(
    monkeypatch: pytest.MonkeyPatch, feedback: bool, cap: float, settings: dict[str, Any]
) -> None:
    before = _with(_fitted(feedback), cap, **settings)
    monkeypatch.setattr(weight_sums, "_is_dearer", lambda *_: False)
    monkeypatch.setattr(weight_sums, "_all_products", None)  # adding alone can work
    model = Recommender.of(before).update(_parts()[1], weights=True)
    found, wanted = _weights(model.state), _of_all_rows(model.state)
    assert abs(found - wanted).max() <= 1e-6
    assert wanted.nnz > 100
    assert model.state.engine.weights is not None
    assert model.state.engine.weights.later == ("i7",), "a new item has weights, too"
    plain = Recommender.of(before).update(_parts()[1])
    assert abs(_weights(plain.state) - wanted).max() > 1e-3, "the rows did change something"


@pytest.mark.parametrize(("feedback", "cap"), [(False, 500.0), (True, 500.0), (False, 6.0)])
def test_many_items_are_regressed_again_only_where_something_changed(
    monkeypatch: pytest.MonkeyPatch, feedback: bool, cap: float
) -> None:
    """The ridge stays, as a new one would change all of them."""
    monkeypatch.setattr(item_weights, "_MOST", 10)
    monkeypatch.setattr(item_weights, "_NEIGHBOURS", ((1_000, 4),))
    before = _with(_fitted(feedback), cap)
    asked = []
    compute = item_weights.local_weights
    monkeypatch.setattr(
        weight_sums,
        "local_weights",
        lambda rows, penalty, only=None: asked.append(only) or compute(rows, penalty, only),
    )
    late = _parts()[1].tables["interactions"].to_pandas().dropna(axis=1, how="all")
    late = late[(late["event"] == "buy") & (late["rating"] == 5) & (late["item_id"] != "i7")]
    model = Recommender.of(before).update(late.iloc[:2], weights=True)
    assert asked[0] is not None
    assert 0 < len(asked[0]) < len(model.snapshot.items)
    counted = model.state.counted
    assert counted is not None
    assert counted.sums is not None
    engine, origin = model.state.engine, model.state.origin
    assert origin is not None
    share = counted.sums.penalty / (
        origin.item_weights.ridge
        * len(engine.snapshot.interactions)
        / len(np.unique(engine.snapshot.interactions.item))
    )
    monkeypatch.setattr(weight_sums, "PENALTY_DRIFT", -1.0)  # all anew, with a new ridge
    scaled = replace(origin.item_weights, ridge=origin.item_weights.ridge * share)
    anew = replace(origin, item_weights=scaled).added(engine, model.config, None)[0]
    assert anew.item_weights is not None
    assert abs(_weights(model.state) - anew.item_weights.matrix).max() <= 1e-6
    assert abs(_weights(model.state) - _weights(before)).max() > 1e-4


def test_the_first_addition_after_a_fit_changes_no_weight() -> None:
    state = _fitted()
    again = state.with_added_weights()
    assert abs(_weights(again) - _weights(state)).max() <= 1e-6
    users = state.snapshot.users.ids[:5].tolist()
    answers = [Recommender.of(one).recommend(users=users, k=5) for one in (state, again)]
    pd.testing.assert_frame_equal(*answers, atol=1e-4)


def test_in_parts_or_at_once_saved_between_or_not(tmp_path: Path) -> None:
    first, second = (Recommender.of(_with(_fitted())) for _ in range(2))
    news = _parts()[1]
    events = news.tables["interactions"].to_pandas().dropna(axis=1, how="all")
    first.update(news, weights=True)
    for part in (events.iloc[:20], events.iloc[20:], news):
        second.update(part, weights=True)
        second.save(tmp_path / "model")
        second = Recommender.load(tmp_path / "model")
    assert abs(_weights(first.state) - _weights(second.state)).max() <= 1e-6
    counted = second.state.counted
    assert counted is not None
    assert counted.sums is not None
    assert counted.sums.products, "the sums were saved"
    assert second.similar("i7", k=3)["item_id"].tolist() == (
        first.similar("i7", k=3)["item_id"].tolist()
    )


def test_sums_leave_with_what_is_removed_and_are_not_kept_rounded(tmp_path: Path) -> None:
    state = _with(_fitted())
    model = Recommender.of(state)
    model.remove(users=["u3"])
    assert model.state.counted is None
    Recommender.of(state).save(tmp_path / "small", precision="int8")
    assert Recommender.load(tmp_path / "small").state.counted is None
    model.update(pd.DataFrame({"user_id": ["u4"], "item_id": ["i3"]}), weights=True)
    assert abs(_weights(model.state) - _of_all_rows(model.state)).max() <= 1e-6


def test_a_fold_adds_to_the_weights_where_it_can() -> None:
    model = Recommender.of(_with(_fitted())).update(_parts()[1])
    assert abs(_weights(with_weights(model).state) - _of_all_rows(model.state)).max() <= 1e-6
    older = Recommender.of(replace(_fitted(), origin=None))
    assert with_weights(older) is older


def test_a_model_without_its_choices_says_so() -> None:
    model = Recommender.of(replace(_fitted(), origin=None))
    before = model.state
    with pytest.raises(ModelError, match="fit a new model"):
        model.update(_parts()[1], weights=True)
    assert model.state is before
