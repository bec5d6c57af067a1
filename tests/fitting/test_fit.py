"""fit(): one result for one graph, seed and settings, wherever it comes from or is interrupted."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kgrec import Recommender, RecommenderConfig
from kgrec.errors import ModelError, TrainingError
from kgrec.fitting.popularity import with_popularity
from kgrec.fitting.validation import ValidationQueries
from kgrec.stores import EmbeddedStore
from tests.fitting.test_leakage import assert_same_model, fit
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


PARTS = ("use_ids", "use_knowledge", "use_attributes", "use_text")


@pytest.fixture(scope="module")
def checkpoint(short: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a fit like that of ``short`` leaves."""
    folder = tmp_path_factory.mktemp("fitting") / "checkpoint"
    Recommender(short.config).fit(catalogs.catalog(), checkpoint=folder)
    return folder


def test_the_order_of_rows_changes_nothing(short: Recommender) -> None:
    assert_same_model(short, fit(catalogs.shuffled(catalogs.frames(), 3)))


def test_a_store_and_a_catalog_give_the_same(short: Recommender, tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(catalogs.catalog())
        stored = Recommender(catalogs.config(epochs=2)).fit(store)
    assert_same_model(short, stored)


def test_a_seed_is_a_model(short: Recommender) -> None:
    catalog = catalogs.catalog()
    same, other = (Recommender(short.config).fit(catalog, seed=seed) for seed in (0, 2))
    assert_same_model(short, same)
    left, right = (r.state.engine.model.state_dict()["item_bias"] for r in (short, other))
    assert not torch.equal(left, right)


def test_an_interrupted_fit_resumes_to_the_same_model(tmp_path: Path) -> None:
    settings, catalog = catalogs.config(), catalogs.catalog()
    whole = Recommender(settings).fit(catalog)
    folder = tmp_path / "checkpoint"

    def stop(what: str, done: int, _total: int) -> None:
        if what.startswith("training") and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Recommender(settings).fit(catalog, checkpoint=folder, progress=stop)
    resumed = Recommender(settings).fit(catalog, checkpoint=folder, resume=True)
    assert_same_model(whole, resumed)
    left, right = ([r["loss"] for r in each.history] for each in (whole, resumed))
    assert left == right


@pytest.mark.parametrize("what", ["seed", "settings", "events", "attributes", "facts"])
def test_a_checkpoint_of_something_else_is_refused(
    checkpoint: Path, tmp_path: Path, what: str
) -> None:
    settings, frames = catalogs.config(epochs=2), catalogs.frames()
    folder = Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))
    if what == "settings":
        settings = catalogs.config(epochs=2, learning_rate=0.1)
    if what == "events":
        frames["interactions"] = frames["interactions"].iloc[1:]
    if what == "attributes":
        frames["items"] = frames["items"].assign(genres="Noir")
    if what == "facts":
        frames["facts"] = frames["facts"].iloc[1:]
    seed = 7 if what == "seed" else 0
    with pytest.raises(ModelError, match=re.escape(str(folder))):
        Recommender(settings).fit(
            catalogs.catalog(**frames), seed=seed, checkpoint=folder, resume=True
        )


@pytest.mark.parametrize("part", ["use_ids", "use_knowledge", "use_attributes"])
def test_every_part_fits_alone(part: str) -> None:
    alone: dict[str, object] = {name: name == part for name in PARTS}
    recommender = Recommender(catalogs.config(alone, epochs=2)).fit(catalogs.catalog())
    frame = recommender.recommend("u1", k=catalogs.N_ITEMS)
    assert np.isfinite(frame["score"]).all()
    assert frame["score"].nunique() > 1
    explanation = recommender.explain("u1", "i5")
    assert explanation.baseline + sum(explanation.parts.values()) == pytest.approx(
        explanation.score, abs=1e-5
    )


def test_no_part_at_all_is_an_error() -> None:
    nothing: dict[str, object] = dict.fromkeys(PARTS, False)
    with pytest.raises(TrainingError, match="every part of the model is switched off"):
        Recommender(catalogs.config(nothing)).fit(catalogs.catalog())


def test_no_interaction_is_an_error() -> None:
    frames = catalogs.frames()
    empty = {"interactions": None, "reviews": None, "queries": None}
    with pytest.raises(TrainingError, match="no interaction to train on"):
        Recommender(catalogs.config()).fit(catalogs.catalog(**{**frames, **empty}))
    only_test = frames["interactions"].assign(split="test")
    with pytest.raises(TrainingError, match="no interaction to train on"):
        Recommender(catalogs.config()).fit(catalogs.catalog(interactions=only_test))


@pytest.mark.parametrize("columns", [["user_id", "item_id"], ["user_id", "item_id", "timestamp"]])
def test_bare_interactions_will_do(columns: list[str]) -> None:
    """No attributes, no facts, no split, and with or without times."""
    events = catalogs.frames()["interactions"][columns]
    none = dict.fromkeys(("users", "items", "entities", "facts", "reviews", "queries"))
    catalog = catalogs.catalog(**{**none, "interactions": events})
    recommender = Recommender(catalogs.config(epochs=2)).fit(catalog)
    assert len(recommender.recommend("u1", k=5)) == 5
    assert len(recommender.snapshot.interactions) == len(events)
    assert "valid_ndcg@10" in recommender.history[-1]


def test_one_event_per_user_will_do() -> None:
    events = pd.DataFrame({"user_id": ["a", "b", "c"], "item_id": ["x", "y", "x"]})
    none = dict.fromkeys(catalogs.frames())
    recommender = Recommender(catalogs.config(epochs=2)).fit(
        catalogs.catalog(**{**none, "interactions": events})
    )
    assert recommender.recommend("a", k=5)["item_id"].tolist() == ["y"]


def test_progress_tells_of_every_epoch() -> None:
    steps: list[tuple[str, int, int]] = []
    Recommender(catalogs.config(epochs=2)).fit(
        catalogs.catalog(), progress=lambda *step: steps.append(step)
    )
    epochs = [(done, total) for what, done, total in steps if what.startswith("training: loss")]
    assert epochs == [(1, 2), (2, 2)]
    texts = [what for what, _, _ in steps]
    pace = next(
        place for place, what in enumerate(texts) if re.match(r"training: about \d+ s", what)
    )
    assert pace < texts.index(next(what for what in texts if what.startswith("training: loss")))
    weights = [(done, total) for what, done, total in steps if what.startswith("item weights")]
    assert [done for done, _ in weights] == list(range(weights[0][1] + 1))


def test_evaluation_is_by_hand_the_same(fitted: Recommender) -> None:
    """NDCG@10 of one test item per user, from the ranks that recommend gives."""
    events = catalogs.frames()["interactions"]
    test = events[events["split"] == "test"].set_index("user_id")["item_id"]
    frame = fitted.recommend(list(test.index), k=10)
    hit = frame[frame["item_id"] == frame["user_id"].map(test)]
    expected = (1 / np.log2(hit["rank"] + 1)).sum() / len(test)
    assert fitted.evaluate()["ndcg@10"] == pytest.approx(expected, abs=1e-9)
    assert fitted.evaluate()["hr@10"] == pytest.approx(len(hit) / len(test))


def popularity_of(model: Recommender) -> float:
    """The weight of popularity that a fit chose."""
    origin = model.state.origin
    assert origin is not None
    return origin.item_weights.popularity


def test_the_best_epoch_is_the_one_that_answers(fitted: Recommender) -> None:
    """Evaluated as in training: every user in each scenario of the held-out rows."""
    best = max(fitted.history, key=lambda record: record.get("valid_ndcg@10", 0.0))
    full = fitted.state.full_snapshot
    assert full is not None
    train = full.without(np.asarray(full.interactions.split != "train"), ("train",))
    valid = full.interactions.select(np.asarray(full.interactions.split == "valid"))
    engine = fitted.state.engine.over(train, fitted.state.engine.texts)
    alone = with_popularity(engine.with_weights(None), -popularity_of(fitted))
    queries = ValidationQueries.build(alone, valid, most=1_000, seed=0)
    plain, with_weights = (
        queries.evaluate(partial(queries.score, each)) for each in (alone, engine)
    )
    assert plain["ndcg@10"] == pytest.approx(best["valid_ndcg@10"], abs=1e-6)
    assert with_weights["ndcg@10"] >= plain["ndcg@10"] - 1e-6
    assert set(plain.by_group) == {"app", "web"}
    for name, values in plain.by_group.items():
        assert values["ndcg@10"] == pytest.approx(best[f"valid_ndcg@10/{name}"], abs=1e-6)


def test_default_settings_are_valid_json() -> None:
    settings = RecommenderConfig()
    again = RecommenderConfig.model_validate(settings.model_dump(mode="json"))
    assert again == settings
