"""Items without training interactions: predicted from similar items, explained exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.cold_start.items import ColdItemTrial
from kgrec import Recommender
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.nn import HistoryBatch
from kgrec.scoring.cold_items import ColdRegression
from kgrec.scoring.request import Request
from kgrec.scoring.single_user import SingleUserScorer
from tests.recommender import catalogs

NEW = ("i1", "i6", "i12", "i23")


@pytest.fixture(scope="module")
def model() -> Recommender:
    """A model that never saw NEW, whose facts and attributes it knows."""
    frames = catalogs.frames()
    events = frames["interactions"]
    frames["interactions"] = events[~events["item_id"].isin(NEW)]
    for name in ("reviews", "queries"):
        frames[name] = frames[name][~frames[name]["item_id"].isin(NEW)]
    settings = catalogs.config(epochs=20, learning_rate=0.02)
    return Recommender(settings).fit(catalogs.catalog(**frames))


def test_cold_items_have_no_training_interactions(model: Recommender) -> None:
    new = model.state.engine.cold_items
    assert new is not None
    assert set(model.snapshot.items.ids[new.items]) == set(NEW)


def test_trained_items_keep_their_vectors(model: Recommender) -> None:
    engine = model.state.engine
    assert engine.cold_items is not None
    rows = engine.bound.trained_rows
    assert torch.equal(engine.items.candidate[rows], engine.trained_items.candidate[rows])
    assert torch.equal(engine.items.bias[rows], engine.trained_items.bias[rows])
    assert torch.equal(engine.items.query, engine.trained_items.query)


def test_where_everything_was_trained_nothing_is_predicted() -> None:
    whole = Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog())
    regression = ColdRegression.learn(whole.state.engine.bound)
    assert regression is not None
    assert regression.predict(whole.state.engine.bound) is None
    assert whole.state.engine.items is whole.state.engine.trained_items


@pytest.mark.parametrize("width", [2, 6])
def test_one_history_and_many_score_few_cold_items_alike(model: Recommender, width: int) -> None:
    """With fewer cold items than factors, a single history sums products in place of factors."""
    engine = model.state.engine
    assert engine.cold_items is not None
    cold = replace(
        engine.cold_items,
        factors=torch.randn(len(NEW), width, generator=torch.Generator().manual_seed(0)),
        event_factors=torch.randn(
            len(engine.item_ids) - 1, width, generator=torch.Generator().manual_seed(1)
        ),
    )
    scorer = SingleUserScorer.build(
        engine.model, engine.items, engine.known, cold, engine.item_weights
    )
    assert (scorer.cold_factors is None) is (len(NEW) < width)
    users = np.arange(6)
    batch = HistoryBatch.build(
        engine.stored(users), len(engine.item_ids) - 1, engine.model.shape.scales
    )
    added = cold.score_contributions(engine.stored(users), batch).numpy()
    before = replace(scorer, cold_rows=None, event=engine.items.query.numpy())
    for user in users:
        history = engine.stored(users[user : user + 1])
        difference = scorer.scores(history) - before.scores(history)
        np.testing.assert_allclose(difference[cold.items], added[user], atol=2e-5)
        assert np.count_nonzero(np.delete(difference, cold.items)) == 0


def test_a_new_item_is_ranked_for_those_of_its_taste(model: Recommender) -> None:
    """Users keep to the taste of their number modulo four; so do items."""
    for item in NEW:
        alike = int(item[1:]) % catalogs.TASTES
        scores = {}
        for user in range(catalogs.N_USERS):
            ranked = model.rank([f"u{user}"], k=1, candidates=[item], exclude_seen=False)
            scores.setdefault(user % catalogs.TASTES == alike, []).append(ranked.scores[0, 0])
        assert np.mean(scores[True]) > np.mean(scores[False]), item


def test_one_user_and_many_get_the_same_scores(model: Recommender) -> None:
    users = [f"u{n}" for n in range(8)]
    together = model.rank(users, k=catalogs.N_ITEMS)
    for row, user in enumerate(users):
        alone = model.rank([user], k=catalogs.N_ITEMS)
        assert alone.ids[0].tolist() == together.ids[row].tolist()
        np.testing.assert_allclose(
            alone.scores[0][alone.ids[0] != None],  # noqa: E711
            together.scores[row][together.ids[row] != None],  # noqa: E711
            atol=1e-5,
        )


def test_the_parts_of_a_cold_items_score_sum_to_it(model: Recommender) -> None:
    engine = model.state.engine
    for user, item in ((0, "i12"), (1, "i1"), (3, "i23")):
        row = int(engine.snapshot.items.rows([item])[0])
        history = engine.stored(np.array([user]))
        times = engine.sequences.times(user)
        breakdown = RequestBreakdown.of(engine, Request(history), times).break_down(row)
        scored = float(engine.score(history)[0, row])
        assert breakdown.score == pytest.approx(scored, abs=1e-5)
        assert breakdown.rest == pytest.approx(0, abs=1e-5)


def test_the_explanation_of_a_new_item_names_what_it_shares(model: Recommender) -> None:
    """A maker of a history item that made the new one too stands in a path with its share."""
    engine = model.state.engine
    row = int(engine.snapshot.items.rows(["i12"])[0])
    user = int(engine.snapshot.users.rows(["u0"])[0])
    breakdown = RequestBreakdown.of(
        engine, Request(engine.stored(np.array([user]))), engine.sequences.times(user)
    ).break_down(row)
    assert len(breakdown.matches)
    shared = np.bincount(
        breakdown.matches.event,
        weights=breakdown.matches.contribution,
        minlength=len(breakdown.history),
    )
    np.testing.assert_allclose(breakdown.parts["match"], shared)
    explained = model.explain("u0", "i12")
    assert explained.paths


def test_an_empty_history_leaves_the_baseline(model: Recommender) -> None:
    engine = model.state.engine
    row = int(engine.snapshot.items.rows(["i12"])[0])
    explanation = model.explain("nobody", "i12", history=[])
    alone = model.rank(histories=[[]], k=1, candidates=["i12"])
    assert explanation.score == pytest.approx(float(alone.scores[0, 0]), abs=1e-5)
    assert engine.cold_items is not None
    assert engine.cold_items.position(row) >= 0


def test_saved_and_loaded_cold_items_score_alike(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    users = np.arange(catalogs.N_USERS)
    before = model.state.engine.score(model.state.engine.stored(users))
    after = again.state.engine.score(again.state.engine.stored(users))
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)


def test_no_load_learns_the_regression_again(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    saved, learned = again.state.engine.cache.origin.known, _regression(again)
    assert saved is not None
    assert again.state.engine.cache.is_own_regression
    _assert_equal(saved, learned)
    again.save(tmp_path / "again")
    assert _digests(tmp_path / "again") == _digests(tmp_path / "model")
    again.save(tmp_path / "rounded", precision="int8")
    rounded = Recommender.load(tmp_path / "rounded")
    assert rounded.state.engine.cache.origin.known is None


def test_what_new_items_would_need_is_saved_where_it_is_learned(tmp_path: Path) -> None:
    model = Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog(), effort="quick")
    engine = model.state.engine
    assert engine.cold_items is None
    assert engine.cache.kept_regression() is None
    later = model.update(catalogs.catalog()).state  # another graph, of equal rows
    ready = Recommender.of(replace(later, engine=later.engine.learned()))
    ready.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    saved = again.state.engine.cache.origin.known
    assert saved is not None
    _assert_equal(saved, _regression(again))


def _regression(model: Recommender) -> ColdRegression:
    """The regression, learned from the model's graph now."""
    learned = ColdRegression.learn(model.state.engine.bound)
    assert learned is not None
    return learned


def _assert_equal(one: ColdRegression, other: ColdRegression) -> None:
    """To the bit."""
    for name, values in one.arrays().items():
        np.testing.assert_array_equal(values, other.arrays()[name])


def _digests(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text("utf-8"))["files"]


@pytest.mark.slow
def test_cold_items_rank_better_than_by_the_model_alone(tmp_path: Path) -> None:
    """Over catalogs drawn anew, predicted vectors beat the model without them."""
    gains = []
    for seed in range(3):
        trial = ColdItemTrial.draw(catalogs.snapshot(tmp_path / str(seed), catalogs.catalog(seed)))
        fitted = Recommender(catalogs.config(epochs=10)).fit(trial.fit)
        engine, items = fitted.state.engine, np.concatenate([trial.choose, trial.test])
        users = engine.stored(np.arange(catalogs.N_USERS))
        predicted, alone = (
            trial.ndcg(items, lambda rows, all_=all_: all_[:, rows])
            for all_ in (
                engine.score(users).numpy(),
                engine.refreshed(predicts_cold=False).score(users).numpy(),
            )
        )
        gains.append(predicted - alone)
    assert np.mean(gains) > 0
