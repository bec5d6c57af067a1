"""update(): new facts and events count at once, twice is once, and bad ones change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import CatalogError
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs

FACT_COLUMNS = ["head", "head_type", "relation", "tail", "tail_type"]


def everything(recommender: Recommender) -> pd.DataFrame:
    users = [f"u{n}" for n in range(catalogs.N_USERS)]
    n_items = len(recommender.snapshot.items)
    return recommender.recommend(users, k=n_items, exclude_seen=False)


def score_of(recommender: Recommender, item: str, history: list[str]) -> float:
    n_items = len(recommender.snapshot.items)
    frame = recommender.recommend(histories={"x": history}, k=n_items, exclude_seen=False)
    return float(frame.set_index("item_id")["score"][item])


def new_items(makers: dict[str, str]) -> Catalog:
    """Items that the model has never met, each by a maker that it knows."""
    facts = [(item, "item", "made_by", maker, "entity") for item, maker in makers.items()]
    return Catalog.from_frames(facts=pd.DataFrame(facts, columns=FACT_COLUMNS))


def of_maker(recommender: Recommender, maker: str) -> list[str]:
    snapshot = recommender.snapshot
    row = snapshot.entities.rows([maker])[0]
    facts = next(f for f in snapshot.facts if f.relation == "made_by")
    return list(snapshot.items.ids[facts.head[facts.tail == row]])


def test_new_items_reach_those_whose_history_shares_their_maker(fresh: Recommender) -> None:
    fans, others = of_maker(fresh, "e1")[:3], of_maker(fresh, "e2")[:3]
    fresh.update(new_items({"new1": "e1", "new2": "e2"}))
    assert score_of(fresh, "new1", fans) > score_of(fresh, "new2", fans)
    assert score_of(fresh, "new2", others) > score_of(fresh, "new1", others)
    answer = fresh.recommend(histories={"x": fans}, candidates=["new1", "new2"], k=1)
    assert answer["item_id"].tolist() == ["new1"]


def test_an_update_is_explained(fresh: Recommender) -> None:
    fresh.update(new_items({"new1": "e1"}))
    result = fresh.explain("x", "new1", history=of_maker(fresh, "e1")[:3])
    assert result.baseline + sum(result.parts.values()) == pytest.approx(result.score, abs=1e-5)
    assert "nan" not in str(result).lower()


def test_new_events_count_at_once(fresh: Recommender) -> None:
    before = fresh.recommend("u0", k=catalogs.N_ITEMS)
    taken = before["item_id"][:2].tolist()
    rows = pd.DataFrame({"user_id": "u0", "item_id": taken, "timestamp": 2_000_000_000})
    fresh.update(Catalog.from_frames(interactions=rows))
    after = fresh.recommend("u0", k=catalogs.N_ITEMS)
    assert not set(taken) & set(after["item_id"])
    assert len(after) == len(before) - 2
    merged = before.merge(after, on="item_id")
    assert not np.allclose(merged["score_x"], merged["score_y"], atol=1e-3)


def test_new_users_are_known_at_once(fresh: Recommender) -> None:
    rows = pd.DataFrame({"user_id": "zoe", "item_id": ["i1", "i5"], "timestamp": [1, 2]})
    fresh.update(Catalog.from_frames(interactions=rows))
    result = fresh.recommend("zoe", k=3, exclude_seen=True)
    given = fresh.recommend(histories={"x": ["i1", "i5"]}, k=3)
    assert result["item_id"].tolist() == given["item_id"].tolist()
    np.testing.assert_allclose(result["score"], given["score"], atol=1e-6)


def test_updating_twice_changes_nothing(fresh: Recommender) -> None:
    update = catalogs.catalog(seed=1)
    fresh.update(update)
    snapshot, answers = fresh.snapshot, everything(fresh)
    fresh.update(update)
    assert_same_snapshot(fresh.snapshot, snapshot)
    pd.testing.assert_frame_equal(everything(fresh), answers, check_exact=True)


def test_updating_with_what_is_there_changes_nothing(fresh: Recommender) -> None:
    snapshot, answers = fresh.snapshot, everything(fresh)
    fresh.update(catalogs.catalog())
    assert_same_snapshot(fresh.snapshot, snapshot)
    pd.testing.assert_frame_equal(everything(fresh), answers, check_exact=True)


def test_no_weight_is_trained_by_an_update(fresh: Recommender) -> None:
    before = {name: v.clone() for name, v in fresh.state.engine.model.state_dict().items()}
    fresh.update(catalogs.catalog(seed=1))
    after = fresh.state.engine.model.state_dict()
    assert all(bool((before[name] == after[name]).all()) for name in before)


def test_test_rows_of_an_update_stay_out_of_the_graph(fresh: Recommender) -> None:
    answers = everything(fresh)
    rows = pd.DataFrame(
        {"user_id": "u0", "item_id": ["i1", "i2"], "timestamp": 2_000_000_000, "split": "test"}
    )
    fresh.update(Catalog.from_frames(interactions=rows))
    pd.testing.assert_frame_equal(everything(fresh), answers, check_exact=True)


def test_a_held_out_event_does_not_come_back_by_an_update(fresh: Recommender) -> None:
    """The catalog once more, now without any split: what is held out stays held out."""
    answers = everything(fresh)
    rows = catalogs.frames()["interactions"].drop(columns="split")
    fresh.update(Catalog.from_frames(interactions=rows))
    pd.testing.assert_frame_equal(everything(fresh), answers, check_exact=True)


def test_a_bad_update_leaves_everything_as_it_was(fresh: Recommender) -> None:
    snapshot, answers = fresh.snapshot, everything(fresh)
    rows = pd.DataFrame({"user_id": ["u0"], "item_id": ["i1"], "rating": [2.0], "split": ["dev"]})
    with pytest.raises(CatalogError, match="dev"):
        fresh.update(Catalog.from_frames(interactions=rows))
    dangling = Catalog.from_frames(
        items=pd.DataFrame({"item_id": ["i1"]}),
        interactions=pd.DataFrame({"user_id": ["u0"], "item_id": ["i77"]}),
    )
    with pytest.raises(CatalogError, match="i77"):
        fresh.update(dangling)
    assert fresh.snapshot is snapshot
    pd.testing.assert_frame_equal(everything(fresh), answers, check_exact=True)


def test_an_update_survives_saving(fresh: Recommender, tmp_path) -> None:
    fresh.update(new_items({"new1": "e1"}))
    fresh.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    pd.testing.assert_frame_equal(everything(loaded), everything(fresh), check_exact=True)


def test_a_click_without_a_time_counts_as_the_newest(fresh: Recommender) -> None:
    latest = int(fresh.snapshot.interactions.seen_until or 0)
    click = pd.DataFrame({"user_id": ["u0"], "item_id": ["i7"]})
    timed = Recommender.of(fresh.state).update(click.assign(timestamp=latest + 1))
    untimed = Recommender.of(fresh.state).update(click)
    for one, other in ((timed, untimed), (timed, Recommender.of(untimed.state).update(click))):
        for name in ("item_id", "score"):
            assert (
                one.recommend("u0", k=10)[name].tolist()
                == other.recommend("u0", k=10)[name].tolist()
            )


def test_a_graph_with_a_click_without_a_time_can_be_fitted_again(
    fresh: Recommender, tmp_path: Path
) -> None:
    fresh.update(pd.DataFrame({"user_id": ["u0", "u1"], "item_id": ["i7", "i8"]}))
    fresh.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    pd.testing.assert_frame_equal(everything(again), everything(fresh))
    Recommender(catalogs.config(**catalogs.SHORT)).fit(again.snapshot)
