"""A training by several processes gives what one process gives, and survives their end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import kgrec
from kgrec.errors import ModelError, TrainingError
from kgrec.stores import EmbeddedStore
from kgrec.training import METRIC
from tests.distributed.conftest import EPOCHS, interrupted, settings, task, train
from tests.distributed.ranks import outcomes
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


def weights(folder: Path) -> dict[str, np.ndarray]:
    """The weights of a saved model by name."""
    return load_file(folder / "model" / "model.safetensors")


def assert_same_model(one: Path, other: Path) -> None:
    """Every weight is the same to the bit."""
    first, second = weights(one), weights(other)
    assert set(first) == set(second)
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


def report(folder: Path) -> dict[str, object]:
    """What the run came to."""
    found: dict[str, object] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def without_times(folder: Path) -> list[dict[str, float]]:
    """The log of training, but for its seconds."""
    manifest = json.loads((folder / "model" / "manifest.json").read_text(encoding="utf-8"))
    return [{key: each[key] for key in each if key != "seconds"} for each in manifest["history"]]


def test_the_number_of_ranks_changes_nothing(runs: dict[int, Path], graph: Path) -> None:
    assert_same_model(runs[1], runs[2])
    assert without_times(runs[1]) == without_times(runs[2])
    assert report(runs[1])["first_loss"] == report(runs[2])["first_loss"]


def test_the_number_of_micro_steps_decides_it_where_ranks_are_no_divisor(
    runs: dict[int, Path], graph: Path, tmp_path: Path
) -> None:
    """Three ranks with four micro-steps: two of them have nothing to do in the end of a step."""
    train(3, graph, tmp_path, settings=settings(epochs=1))
    train(1, graph, tmp_path / "one", settings=settings(epochs=1))
    assert_same_model(tmp_path, tmp_path / "one")
    train(1, graph, tmp_path / "other", settings=settings(epochs=1), micros=2)
    assert without_times(tmp_path / "other") != without_times(tmp_path)


def test_the_model_answers_and_has_learned(runs: dict[int, Path]) -> None:
    model = kgrec.Recommender.load(runs[2] / "model")
    assert len(model.recommend(["u1", "u2"], k=5)) == 10
    log = model.history
    assert len(log) == EPOCHS
    assert max(record[METRIC] for record in log) > 0.3  # at random it is about 0.15
    assert model.state.config.training.sampling == "sampled"


def test_ranks_send_bytes_and_one_rank_sends_none(runs: dict[int, Path]) -> None:
    alone, two = report(runs[1])["by_rank"], report(runs[2])["by_rank"]
    assert isinstance(alone, list)
    assert isinstance(two, list)
    assert alone[0]["bytes_sent"] == 0
    assert all(each["bytes_sent"] > 0 for each in two)


def test_a_killed_rank_ends_the_others_and_any_number_resumes(
    runs: dict[int, Path], graph: Path, tmp_path: Path
) -> None:
    errors = interrupted(2, graph, tmp_path)
    assert errors[0] == "the process has ended"
    assert errors[1] is not None
    assert "TrainingError: rank 1 of 2: another rank of the training has ended" in errors[1]
    state = json.loads((tmp_path / "checkpoint" / "state.json").read_text(encoding="utf-8"))
    assert state["epoch"] == 1  # the second epoch was not saved yet
    train(1, graph, tmp_path, resume=True)
    assert_same_model(runs[1], tmp_path)
    assert without_times(tmp_path) == without_times(runs[1])


def test_a_checkpoint_of_one_rank_is_continued_by_two(
    runs: dict[int, Path], graph: Path, tmp_path: Path
) -> None:
    assert interrupted(1, graph, tmp_path) == ["the process has ended"]
    train(2, graph, tmp_path, resume=True)
    assert_same_model(runs[1], tmp_path)


def test_a_checkpoint_of_other_settings_is_refused(runs: dict[int, Path], graph: Path) -> None:
    found = outcomes(1, lambda rank: train_here(runs[2], graph))
    assert found[0][1] is not None
    assert ModelError.__name__ in found[0][1]
    assert "number of micro-steps" in found[0][1]


def train_here(folder: Path, graph: Path) -> None:
    """Resume with another number of micro-steps."""
    from kgrec.distributed import worker

    worker(task(graph, micros=3, resume=True), folder)


def test_a_second_training_continues_the_first_on_all_rows(graph: Path, tmp_path: Path) -> None:
    store = tmp_path / "graph.kgl"  # without valid rows of its own
    with EmbeddedStore(store) as written:
        events = catalogs.frames()["interactions"]
        written.write(catalogs.catalog(interactions=events.assign(split="train")))
    again = {"source": str(store), "settings": settings(refit=True)}
    one, two = tmp_path / "one", tmp_path / "two"
    assert train(1, graph, one, **again)["steps"] == train(2, graph, two, **again)["steps"]
    assert_same_model(one, two)
    assert (two / "snapshot" / "interactions.parquet").exists()
    model = kgrec.Recommender.load(two / "model")
    assert len(model.snapshot.interactions) == len(events)
    assert model.state.engine.weights is not None  # chosen as in one process


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"sampling": "full"}, "samples of the items"),
        ({"balancing": "fixed"}, "training.balancing"),
        ({"own_epochs": 1}, "training.own_epochs"),
        ({"accumulation": 2}, "training.accumulation"),
        ({"effort": "quick"}, "effort 'quick'"),
    ],
)
def test_settings_that_need_one_process_are_refused(
    graph: Path, tmp_path: Path, changed: dict[str, object], named: str
) -> None:
    from kgrec.distributed import worker

    with pytest.raises(TrainingError, match=named):
        worker(task(graph, settings=settings(**changed)), tmp_path)


def test_without_a_process_group_the_cure_is_named(graph: Path, tmp_path: Path) -> None:
    from kgrec.distributed import worker

    with pytest.raises(TrainingError, match="start the processes with torchrun"):
        worker(task(graph), tmp_path)


def test_validation_is_that_of_one_process(runs: dict[int, Path]) -> None:
    """The value of the log is that of the saved model on the same rows."""
    from kgrec.fitting.popularity import with_popularity
    from kgrec.fitting.validation import ValidationQueries

    state = kgrec.Recommender.load(runs[2] / "model").state
    events = state.full_snapshot.interactions
    valid = events.select(np.asarray(events.split == "valid"))
    train_only = state.full_snapshot.without_splits(("valid", "test"))
    engine = state.engine.with_weights(None).over(train_only, state.engine.texts)
    engine = with_popularity(engine, -state.origin.item_weights.popularity)
    engine = engine.refreshed(predicts_cold=False)
    queries = ValidationQueries.build(engine, valid, most=5_000, seed=0)
    value = queries.evaluate(lambda rows: queries.score(engine, rows))["ndcg@10"]
    best = max(record[METRIC] for record in state.training_log)
    assert value == pytest.approx(best, abs=1e-9)
