"""Trainings read back from the event files of TensorBoard and from MLflow's store."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kgrec import Recommender
from kgrec.errors import MissingExtraError, RequestError
from kgrec.tracking import TrainingRun, check_place, track
from kgrec.tracking.fingerprint import DataFingerprint
from tests.cli.conftest import kgrec
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def run(short: Recommender) -> TrainingRun:
    return TrainingRun.of(short, "short")


def test_a_run_has_settings_metrics_and_data(short: Recommender, run: TrainingRun) -> None:
    assert run.settings["training.epochs"] == "2"
    assert [record["epoch"] for record in run.epochs] == [1, 2]
    assert run.figures["valid_ndcg@10"] == short.history[-1]["valid_ndcg@10"]
    assert "Epoch 2 of 2" in run.notes[0]
    events = catalogs.frames()["interactions"]
    assert run.data.interactions == len(events)
    assert (run.data.users, run.data.items) == (catalogs.N_USERS, catalogs.N_ITEMS)
    assert run.data.facts == len(short.snapshot.facts and catalogs.frames()["facts"])


def test_a_digest_is_that_of_the_data_alone(short: Recommender, fitted: Recommender) -> None:
    graph = short.state.full_snapshot
    assert DataFingerprint.of(graph) == DataFingerprint.of(fitted.state.full_snapshot)
    less = DataFingerprint.of(graph.without_splits(("test",)))
    assert less.digest != DataFingerprint.of(graph).digest
    assert less.interactions < len(graph.interactions)


def test_a_quick_fit_has_its_validation_too() -> None:
    quick = Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick")
    run = TrainingRun.of(quick, "quick")
    assert run.epochs == ()
    assert 0 < run.figures["valid_ndcg@10/with item weights"] < 1
    assert "chosen.item_weights.ridge" in run.settings


def test_event_files_are_read_back(short: Recommender, run: TrainingRun, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    folder = track(short, f"tensorboard:{tmp_path / 'runs'}", "short")
    assert folder == str(tmp_path / "runs" / "short")
    found: Any = EventAccumulator(folder)
    found.Reload()
    loss = {one.step: one.value for one in found.Scalars("loss")}
    assert loss == pytest.approx({record["epoch"]: record["loss"] for record in short.history})
    final = [one.value for one in found.Scalars("final/valid_ndcg@10")]
    assert final == pytest.approx([run.figures["valid_ndcg@10"]])
    text = found.Tensors("data/text_summary")[0].tensor_proto.string_val[0].decode()
    assert json.loads(text.strip("`\n")) == run.data.to_dict()
    begun = plugin_data_pb2.HParamsPluginData.FromString(
        found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    )
    assert begun.session_start_info.hparams["training.epochs"].string_value == "2"
    with pytest.raises(RequestError, match="has a run already"):
        track(short, f"tensorboard:{tmp_path / 'runs'}", "short")


def test_runs_of_mlflow_are_read_back(
    short: Recommender, run: TrainingRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = track(short, f"mlflow:{tmp_path / 'runs'}", "short")
    from mlflow import MlflowClient

    client = MlflowClient((tmp_path / "runs").as_uri())
    stored = client.get_run(made).data
    assert stored.params["training.epochs"] == "2"
    assert stored.params["data.interactions"] == str(run.data.interactions)
    assert set(run.settings) <= set(stored.params)
    loss = {one.step: one.value for one in client.get_metric_history(made, "loss")}
    assert loss == {record["epoch"]: record["loss"] for record in short.history}
    assert stored.metrics["final.valid_ndcg at 10"] == run.figures["valid_ndcg@10"]
    assert stored.tags["kgrec.data"] == run.data.digest
    assert "Epoch 2 of 2" in stored.tags["mlflow.note.content"]
    assert client.get_run(made).info.status == "FINISHED"
    assert [one.name for one in tmp_path.iterdir()] == ["runs"]  # and nothing elsewhere
    again = track(short, f"mlflow:{tmp_path / 'runs'}", "short")
    assert client.get_run(again).info.experiment_id == client.get_run(made).info.experiment_id


def test_nothing_personal_is_written(short: Recommender, tmp_path: Path) -> None:
    track(short, f"tensorboard:{tmp_path}", "a")
    track(short, f"mlflow:{tmp_path / 'm'}", "a")
    people = [user.encode() for user in short.snapshot.users.ids.tolist() if len(user) > 2]
    titles = [str(one).encode() for one in short.snapshot.items.attributes["title"].tolist()]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            words = set(content.replace(b'"', b" ").split())
            assert not words.intersection(people)
            assert not any(title in content for title in titles)


@pytest.mark.parametrize("place", ["", "mlflow", "mlflow:", "wandb:x", "tensorboard:a\0b"])
def test_other_places_are_refused_before_training(place: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no place"):
        check_place(place)


def test_places_that_cannot_be_written_are_named(short: Recommender, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for kind in ("tensorboard", "mlflow"):
        with pytest.raises(RequestError, match="file"):
            track(short, f"{kind}:{tmp_path / 'file'}", "a")
    with pytest.raises(RequestError, match="is no name of a run"):
        track(short, f"tensorboard:{tmp_path}", "../a")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "package"), [("tensorboard", "tensorboard"), ("mlflow", "mlflow")]
)
def test_a_missing_extra_is_named(
    kind: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(MissingExtraError, match=rf"kgrec\[{kind}\]"):
        check_place(f"{kind}:{tmp_path}")
    said = kgrec(
        "train",
        "--store",
        tmp_path / "x.kgl",
        "--model",
        tmp_path / "m",
        "--track",
        f"{kind}:{tmp_path}",
        expect=1,
    )
    assert f"kgrec[{kind}]" in said.stderr


def test_models_come_from_the_registry_of_mlflow(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    track(Recommender.load(saved), f"mlflow:{tmp_path / 'runs'}", "a")  # makes the store
    from mlflow import MlflowClient

    address = (tmp_path / "runs").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    client = MlflowClient(address, address)
    client.create_registered_model("shop")
    version = client.create_model_version("shop", saved.as_uri())
    client.set_registered_model_alias("shop", "champion", version.version)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    root = tmp_path / "service"
    given = ["--root", root, "--mlflow", tmp_path / "runs"]
    kgrec("models", "add", "spring", "models:/shop@champion", *given)
    kgrec("models", "add", "summer", f"models:/shop/{version.version}", *given)
    kgrec("models", "activate", "spring", "--root", root)
    same = Recommender.load(root / "models" / "spring").rank(["u1"], k=5)
    assert same.ids.tolist() == Recommender.load(saved).rank(["u1"], k=5).ids.tolist()
    for wrong, said in (
        ("models:/shop@nobody", "nobody"),
        ("models:/other/1", "other"),
        ("shop", "names no model"),
    ):
        failed = kgrec("models", "add", "autumn", wrong, *given, expect=1)
        assert said in failed.stderr
        assert not (root / "models" / "autumn").exists()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["runs", "service"]
