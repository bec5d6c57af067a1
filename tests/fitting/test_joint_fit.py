"""Fits of several scenarios: catalogs of their own, a teacher, what records tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kgrec import Recommender
from kgrec.errors import ModelError, TrainingError
from kgrec.fitting.distillation import teacher_scores
from kgrec.persistence.model_folder import load_teacher
from kgrec.scoring.lookup import scenario_code
from tests.recommender import catalogs

pytestmark = pytest.mark.slow

USERS = [f"u{n}" for n in range(catalogs.N_USERS)]


def fit(**training: object) -> Recommender:
    return Recommender(catalogs.config({"use_item_weights": False}, **training)).fit(
        catalogs.catalog()
    )


@pytest.fixture(scope="module")
def own() -> Recommender:
    """ "web" has the odd items and "app" the even ones, so each chooses among its own."""
    return fit()


def shown(model: Recommender, **request: object) -> set[int]:
    """Which halves the lists come from."""
    frame = model.recommend(USERS, k=5, **request)  # type: ignore[arg-type]
    return set(frame["item_id"].str[1:].astype(int) % 2)


def test_a_scenario_with_a_catalog_of_its_own_shows_only_that(
    own: Recommender, tmp_path: Path
) -> None:
    assert own.state.engine.model.shape.own_items
    own.save(tmp_path / "model")
    for model in (own, Recommender.load(tmp_path / "model")):
        assert shown(model, scenario="web") == {1}
        assert shown(model, scenario="app") == {0}
        assert shown(model) == {0, 1}
        assert shown(model, scenario="web", candidates=["i0", "i2", "i1"]) == {0, 1}


def test_where_all_items_are_candidates_any_may_be_shown() -> None:
    model = fit(scenario_candidates="all")
    assert not model.state.engine.model.shape.own_items
    assert model.state.engine.scenario_items is None


def test_an_item_without_events_belongs_everywhere(own: Recommender) -> None:
    engine = own.state.engine
    mask = engine.scenario_items
    assert mask is not None
    known = np.bincount(engine.sequences.item, minlength=catalogs.N_ITEMS) > 0
    assert (mask[:, ~known]).all()
    assert mask[-1].all()


def test_users_of_one_scenario_need_not_name_it() -> None:
    """As customers of one market: lists, places, reranking and evaluation keep to its items."""
    events = catalogs.frames()["interactions"]
    home = np.where(events["user_id"].str[1:].astype(int) % 2 == 1, "web", "app")
    events = events[events["scenario"] == home]
    model = Recommender(catalogs.config({"use_item_weights": False})).fit(
        catalogs.catalog(interactions=events)
    )
    engine, parts = model.state.engine, []
    assert engine.scenario_items is not None
    for name in ("web", "app"):
        users = sorted(set(events["user_id"][events["scenario"] == name]))
        parts.append(model.recommend(users, scenario=name))
        assert model.recommend(users).equals(parts[-1])
        own = engine.scenario_items[scenario_code(engine, name)]
        inside = engine.snapshot.items.ids[own].tolist()
        again = model.rerank(users, group={"item_id": inside[:9]}, share=0.3, k=5)
        assert set(again.frame["item_id"]) <= set(inside)
        last = parts[-1]["item_id"].iloc[9]
        assert model.why_not(users[0], last).candidates < len(inside)
    lists = pd.concat(parts)
    held = events[events["split"] == "test"]
    hits = lists.merge(held, on=["user_id", "item_id"])
    report = model.evaluate()
    assert report["recall@10"] == pytest.approx(len(hits) / report.n_users)


def test_a_known_scenario_is_tuned_among_its_own_items(own: Recommender, tmp_path: Path) -> None:
    own.save(tmp_path / "model")
    named, silent = (Recommender.load(tmp_path / "model") for _ in range(2))
    examples = [("u1", "i3"), ("u5", "i7"), ("u9", "i11")]
    engine = own.state.engine
    assert engine.scenario_items is not None
    offered = engine.snapshot.items.ids[
        engine.scenario_items[scenario_code(engine, "web")]
    ].tolist()
    named.adapt("web", examples, candidates=offered)
    silent.adapt("web", examples)
    assert silent.recommend(USERS, scenario="web").equals(named.recommend(USERS, scenario="web"))
    assert not silent.recommend(USERS, scenario="web").equals(own.recommend(USERS, scenario="web"))


def test_records_tell_of_every_scenario(own: Recommender) -> None:
    validated = [record for record in own.history if "valid_ndcg@10" in record]
    assert validated
    for record in validated:
        values = [record["valid_ndcg@10/app"], record["valid_ndcg@10/web"]]
        assert min(values) - 1e-9 <= record["valid_ndcg@10"] <= max(values) + 1e-9


def test_a_teacher_says_what_it_would_answer(own: Recommender, tmp_path: Path) -> None:
    """In the scenarios of its own vocabulary, whatever numbers the student gives them."""
    own.save(tmp_path / "teacher")
    engine = own.state.engine
    known = engine.vocabulary
    student = replace(known, scenarios=np.array(["web", "new", "app"], dtype=object))
    settings = own.config.training.model_copy(
        update={"losses": {"web": "kl"}, "teacher": str(tmp_path / "teacher")}
    )
    saved = load_teacher(own.config.model_copy(update={"training": settings}), engine.device)
    teacher = teacher_scores(saved, engine.snapshot, student, engine.device)
    assert teacher is not None
    rows = np.arange(4)
    scores = teacher(engine.stored(rows, np.array([0, 1, 2, -1])))
    expected = engine.score(engine.stored(rows, np.array([1, -1, 0, -1])))
    torch.testing.assert_close(scores, expected)
    model = fit(losses={"web": "kl"}, teacher=str(tmp_path / "teacher"))
    assert model.history[-1]["loss"] < model.history[0]["loss"]


def test_a_missing_teacher_or_scenario_is_an_error() -> None:
    with pytest.raises(ModelError, match="nowhere"):
        fit(losses={"web": "kl"}, teacher="nowhere")
    with pytest.raises(TrainingError, match=r"losses name the scenario 'shop'.*app, web"):
        fit(losses={"shop": "bce"})


def test_a_balanced_fit_tunes_each_scenario_on_top() -> None:
    model = fit(balancing="jacobian", own_epochs=2, stop_by_scenario=True, scenario_balance=0.5)
    frame = model.recommend(USERS, k=5, scenario="web")
    assert len(frame) == 5 * len(USERS)
    assert np.isfinite(frame["score"]).all()
