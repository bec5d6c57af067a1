"""Young items counted by how often they were shown: more for what was liked, exact explanations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import RequestError
from kgrec import Recommender
from kgrec.evaluation import FeedbackLog
from kgrec.evaluation.exposure_counts import ShownItems, exposure_factors
from tests.recommender import catalogs

USERS = [f"u{n}" for n in range(catalogs.N_USERS)]
GOOD, BAD = "i5", "i6"  # the young items: of another taste each


@pytest.fixture(scope="module")
def young() -> Recommender:
    """A model to which two items are young, with an event each, at the end."""
    events = catalogs.frames()["interactions"]
    known = events[~events["item_id"].isin([GOOD, BAD])]
    last = int(events["timestamp"].max())
    few = known.iloc[:2].assign(item_id=[GOOD, BAD], timestamp=last + 1, split="train")
    changed = catalogs.catalog(interactions=pd.concat([known, few]))
    return Recommender(catalogs.config()).fit(changed, seed=0, effort="quick")


@pytest.fixture(scope="module")
def log(young: Recommender) -> FeedbackLog:
    """Half of the places are explored; all items but one are rewarded alike."""
    lists = pd.concat([young.recommend(USERS, k=5, explore=0.5, seed=seed) for seed in range(20)])
    chance = np.where(lists["item_id"] == BAD, 0.0, 0.3)
    rewards = lists[np.random.default_rng(0).random(len(lists)) < chance].assign(reward=1)
    return FeedbackLog.of_lists(lists, rewards)


@pytest.fixture(scope="module")
def counted(young: Recommender, log: FeedbackLog) -> Recommender:
    return Recommender.of(young.state.counted_by_exposure(log))


def scores(model: Recommender) -> pd.Series[float]:
    frame = model.recommend(USERS, k=catalogs.N_ITEMS)
    return frame.set_index(["user_id", "item_id"])["score"]


def test_only_the_good_young_item_is_raised(young: Recommender, counted: Recommender) -> None:
    before, after = scores(young), scores(counted)
    changed = (after[before.index] - before).groupby("item_id").max()
    assert changed[GOOD] > 0.1
    assert changed.drop(GOOD).abs().max() < 1e-4
    assert counted.state.training_log[-1] == {"items_counted_by_exposure": 1.0}


def test_factors_are_those_of_the_formula(young: Recommender, log: FeedbackLog) -> None:
    engine = young.state.engine
    shown = ShownItems.of(log, engine.snapshot)
    looks, rows = shown.looks(), engine.snapshot.interactions
    assert looks[shown.position == 1] == pytest.approx(1.0)
    found, place = exposure_factors(engine, shown), engine.item_row
    rate, users = np.zeros(len(found)), np.zeros(len(found))
    for item in range(len(found)):
        own = shown.item == item
        rate[item] = shown.rewarded[own].sum() / max(looks[own].sum(), 1e-9)
        users[item] = len(set(rows.user[rows.item == item]))
    is_young = np.isin(np.arange(len(found)), [place[GOOD], place[BAD]])
    standard = np.median((users / np.maximum(rate, 1e-9))[~is_young & (rate > 0)])
    assert found[place[GOOD]] == pytest.approx(rate[place[GOOD]] * standard, rel=0.05)
    assert (found[np.arange(len(found)) != place[GOOD]] == 1.0).all()


def test_items_younger_than_the_log_are_young_though_they_have_many_events(
    young: Recommender, log: FeedbackLog
) -> None:
    engine = young.state.engine
    start = int(engine.snapshot.interactions.timestamp.min())
    timed = FeedbackLog.read(log.frame().assign(timestamp=start + 1))
    shown = ShownItems.of(timed, engine.snapshot)
    assert shown.start == start + 1
    with pytest.raises(RequestError, match=r"0 items that are not new"):
        exposure_factors(engine, replace(shown, start=0))
    assert ShownItems.of(log, engine.snapshot).start is None


def test_explanations_add_up_and_a_saved_model_is_the_same(
    counted: Recommender, tmp_path: Path
) -> None:
    user = next(u for u in USERS if GOOD in counted.recommend(u, k=40)["item_id"].tolist())
    found = counted.explain(user, GOOD)
    assert found.score == pytest.approx(scores(counted)[user, GOOD], abs=1e-4)
    counted.save(tmp_path / "model")
    back = Recommender.load(tmp_path / "model")
    pd.testing.assert_series_equal(scores(back), scores(counted))
    with pytest.raises(RequestError, match="counted by exposure already"):
        back.state.counted_by_exposure(pd.DataFrame())


def test_a_log_that_says_too_little_is_refused(young: Recommender, log: FeedbackLog) -> None:
    with pytest.raises(RequestError, match=r"0 items that are not new, were shown often"):
        young.state.counted_by_exposure(log.frame()[:50])
