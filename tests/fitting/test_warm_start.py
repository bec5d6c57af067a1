"""The second training starts from the chosen weights, and keeps what only it has seen apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.config import ModelConfig, TrainingConfig
from kgrec.features.build import build_vocabulary
from kgrec.fitting.fit import best_epoch
from kgrec.fitting.warm_start import short_plan, take_weights
from kgrec.nn import HybridModel
from kgrec.scoring.engine import Engine
from kgrec.training import DataSummary, make_plan
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chosen() -> Engine:
    """A model that was trained without the items ``i0`` and ``i7``."""
    frames = catalogs.frames()
    rows = frames["interactions"]
    frames["interactions"] = rows[~rows["item_id"].isin(["i0", "i7"])]
    model = Recommender(catalogs.config(epochs=2)).fit(Catalog.from_frames(**frames), seed=0)
    return model.state.engine


@pytest.fixture(scope="module")
def whole() -> Engine:
    """A model of all rows."""
    return Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog(), seed=1).state.engine


def test_known_rows_are_taken_and_new_ones_stay(chosen: Engine, whole: Engine) -> None:
    model = HybridModel(whole.vocabulary, whole.model.shape)
    first = {name: value.clone() for name, value in model.state_dict().items()}
    assert take_weights(model, whole.vocabulary, chosen)
    old, new = chosen.vocabulary.items.tolist(), whole.vocabulary.items.tolist()
    fresh = [new.index(item) for item in new if item not in old]
    assert {new[row] for row in fresh} == {"i0", "i7"}
    theirs = chosen.model.state_dict()
    for name, value in model.state_dict().items():
        if name not in ("item_bias", "features.query_id", "features.candidate_id"):
            assert torch.equal(value, theirs[name]), name
            continue
        for row, item in enumerate(new):
            source = first[name][row] if row in fresh else theirs[name][old.index(item)]
            assert torch.equal(value[row], source)


def test_weights_of_other_relations_do_not_fit(chosen: Engine, whole: Engine) -> None:
    snapshot = whole.snapshot
    vocabulary = build_vocabulary(replace(snapshot, facts=snapshot.facts[1:]))
    other = HybridModel(vocabulary, whole.model.shape)
    first = {name: value.clone() for name, value in other.state_dict().items()}
    assert not take_weights(other, vocabulary, chosen)
    assert all(torch.equal(first[name], value) for name, value in other.state_dict().items())


def test_a_short_plan_has_a_share_of_the_epochs_and_of_the_rate() -> None:
    plan = make_plan(ModelConfig(), TrainingConfig(), DataSummary(True, 10, 500))
    plan = replace(plan, epochs=40, refit_share=0.2, refit_rate=0.1)
    short, early = short_plan(plan, 40), short_plan(plan, 20)
    assert (short.epochs, short.learning_rate) == (8, pytest.approx(0.1 * plan.learning_rate))
    assert (early.epochs, early.learning_rate) == (2, pytest.approx(0.05 * plan.learning_rate))
    assert short_plan(plan, 2).epochs == 1


@pytest.mark.parametrize("settings", [{}, {"sampling": "sampled", "negatives": 8, "fanout": 4}])
def test_the_second_training_is_short(settings: dict[str, object]) -> None:
    frames = catalogs.frames()
    rows = frames["interactions"]
    frames["interactions"] = rows[rows["split"] != "test"].drop(columns="split")
    stages: list[tuple[int, int]] = []
    share = 0.2  # where validation follows in time
    fitted = Recommender(catalogs.config(epochs=10, **settings)).fit(
        Catalog.from_frames(**frames),
        progress=lambda what, done, total: (
            stages.append((done, total)) if what.startswith("training: loss") else None
        ),
    )
    second = stages[len(fitted.history) :]
    best = best_epoch(fitted.history)
    expected = max(1, round(best / 10 * share * best))
    assert [total for _, total in stages[: len(fitted.history)]] == [10] * len(fitted.history)
    assert second == [(epoch, expected) for epoch in range(1, expected + 1)]
