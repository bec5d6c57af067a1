"""``fit(tune=N)``: chosen on validation rows, resumed to the same result, saved with the model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from kgrec import Recommender, RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.fitting.fit import FitOptions
from kgrec.fitting.tuning.hyperparameters import search_settings
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


FAST = catalogs.config(epochs=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommender, Path]:
    folder = tmp_path_factory.mktemp("tuned") / "checkpoint"
    return Recommender(FAST).fit(catalogs.catalog(), tune=3, checkpoint=folder), folder


def test_the_best_trial_becomes_the_model(model: tuple[Recommender, Path]) -> None:
    fitted, folder = model
    assert [one["number"] for one in fitted.tuning] == [0, 1, 2]
    best = max(fitted.tuning, key=lambda one: one["metric"])
    assert max(r["valid_ndcg@10"] for r in fitted.history if "valid_ndcg@10" in r) == best["metric"]
    for name, value in best["values"].items():
        used = fitted.state.config
        part = used.model if hasattr(used.model, name) else used.training
        assert getattr(part, name) == value
    kept = json.loads((folder.with_name("checkpoint.tuning") / "tries.json").read_text())
    assert kept["tries"] == fitted.tuning


def test_the_trials_are_saved_with_the_model(
    model: tuple[Recommender, Path], tmp_path: Path
) -> None:
    fitted, _ = model
    fitted.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    assert again.tuning == fitted.tuning
    assert again.state.config == fitted.state.config
    assert fitted.config == FAST  # what was given stays as it was


def test_a_search_stopped_within_a_trial_ends_in_the_same_model(
    model: tuple[Recommender, Path], tmp_path: Path
) -> None:
    """Stopped in the second trial after its first validation."""
    whole, _ = model
    folder = tmp_path / "checkpoint"
    epochs: list[str] = []

    def stop(what: str, _done: int, _total: int) -> None:
        if what.startswith("training"):
            epochs.append(what)
        if len(epochs) == 4:  # two epochs a trial; the checkpoint follows the report
            raise KeyboardInterrupt

    catalog = catalogs.catalog()
    with pytest.raises(KeyboardInterrupt):
        Recommender(FAST).fit(catalog, tune=3, checkpoint=folder, progress=stop)
    again = Recommender(FAST).fit(catalog, tune=3, checkpoint=folder, resume=True)
    untimed = [{**one, "seconds": 0} for one in again.tuning]
    assert untimed == [{**one, "seconds": 0} for one in whole.tuning]
    for mine, theirs in zip(
        again.state.engine.model.state_dict().values(),
        whole.state.engine.model.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(mine, theirs)


def test_no_test_row_is_tuned_on(model: tuple[Recommender, Path]) -> None:
    frames = catalogs.frames()
    events = frames["interactions"]
    test = (events["split"] == "test").to_numpy()
    frames["interactions"] = events[~test]
    for name in ("reviews", "queries"):
        pairs = set(zip(events["user_id"][test], events["item_id"][test], strict=True))
        own = zip(frames[name]["user_id"], frames[name]["item_id"], strict=True)
        frames[name] = frames[name][np.array([pair not in pairs for pair in own])]
    without = Recommender(FAST).fit(catalogs.catalog(**frames), tune=2)
    assert [(one["values"], one["metric"]) for one in without.tuning] == [
        (one["values"], one["metric"]) for one in model[0].tuning[:2]
    ]


def test_without_validation_there_is_nothing_to_tune_by() -> None:
    def fit(_config: RecommenderConfig, _checkpoint: Path | None) -> Any:
        return SimpleNamespace(training_log=[{"epoch": 1, "loss": 1.0}])

    with pytest.raises(TrainingError, match="no validation row to tune by"):
        search_settings(fit, FAST, 1, FitOptions(0, torch.device("cpu")), fingerprint="")
