"""The training loop: it learns, chooses, repeats, resumes and says what went wrong."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kgrec.config import TrainingConfig
from kgrec.errors import ModelError, TrainingError
from kgrec.graph import GraphSnapshot
from kgrec.training import METRIC, Checkpoint, Sequences
from kgrec.training.objective import weighted_mean
from kgrec.training.trainer import one_cycle
from tests.training.samples import EPOCHS, assert_same_weights, trainer, weights

VALIDATED = [0.1, 0.9, 0.5]
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def plain(train: GraphSnapshot) -> Weights:
    """The weights after a training of seed 0 that nothing validated or interrupted."""
    made = trainer(train)
    made.run()
    return weights(made)


@pytest.fixture(scope="module")
def validated(train: GraphSnapshot) -> tuple[Weights, list[dict[str, float]]]:
    """The weights and records of one that ended well, with VALIDATED as its validations."""
    every = iter(VALIDATED)
    made = trainer(train, validate=lambda: {METRIC: next(every)})
    records = made.run()
    return weights(made), records


@pytest.fixture(scope="module")
def two_epochs(train: GraphSnapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint "mine" of a training that ended after two epochs."""
    folder = tmp_path_factory.mktemp("two") / "run"
    trainer(train, epochs=2).run(checkpoint=Checkpoint(folder, "mine"))
    return folder


@pytest.fixture
def state(two_epochs: Path, tmp_path: Path) -> Checkpoint:
    """A copy of it, for one test alone."""
    return Checkpoint(shutil.copytree(two_epochs, tmp_path / "run"), "mine")


def test_the_loss_falls(train: GraphSnapshot) -> None:
    records = trainer(train, epochs=20).run()
    losses = [record["loss"] for record in records]
    assert [record["epoch"] for record in records] == list(range(1, 21))
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])


def test_parts_of_a_step_add_up_to_the_whole(train: GraphSnapshot) -> None:
    """The gradients of parts are those of one loss over them all."""
    made = trainer(train, config=TrainingConfig(accumulation=3))
    users = np.flatnonzero(made.data.lengths() > 0)
    torch.manual_seed(5)
    loss = made.stepper.accumulated(users, np.random.default_rng(7))
    ours = {name: p.grad for name, p in made.model.named_parameters() if p.grad is not None}
    whole = trainer(train)
    rng = np.random.default_rng(7)
    torch.manual_seed(5)
    step = whole.stepper
    parts = [step.losses(whole.inputs, step.examples(u, rng))[1] for u in np.array_split(users, 3)]
    expected = weighted_mean([loss for part in parts for loss in part])
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    theirs = {name: p.grad for name, p in whole.model.named_parameters() if p.grad is not None}
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6)


def test_a_training_in_parts_learns(train: GraphSnapshot) -> None:
    records = trainer(train, config=TrainingConfig(accumulation=4), epochs=20).run()
    losses = [record["loss"] for record in records]
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])


def test_mixed_precision_learns_alike(train: GraphSnapshot, plain: Weights) -> None:
    """Rounded on the way, so not the same; but the weights stay fp32."""
    made = trainer(train, config=TrainingConfig(precision="bf16"))
    records = made.run()
    mixed = weights(made)
    assert {value.dtype for value in mixed.values()} == {value.dtype for value in plain.values()}
    assert any(not torch.equal(mixed[name], value) for name, value in plain.items())
    exact = trainer(train).run()
    assert [r["loss"] for r in records] == pytest.approx([r["loss"] for r in exact], rel=0.02)


def test_one_cycle_rises_and_falls_to_nothing() -> None:
    shares = np.linspace(0, 1, 401)
    rate = np.array([one_cycle(share) for share in shares])
    peak = int(rate.argmax())
    assert 0 < rate[0] < 0.2
    assert rate[peak] == pytest.approx(1.0, abs=1e-3)
    assert shares[peak] < 0.3
    assert (np.diff(rate[: peak + 1]) > 0).all()
    assert (np.diff(rate[peak:]) < 0).all()
    assert rate[-1] == pytest.approx(0.0, abs=1e-9)


def test_one_seed_one_model(train: GraphSnapshot, plain: Weights) -> None:
    same, other = (trainer(train, seed=seed) for seed in (0, 4))
    for each in (same, other):
        each.run()
    assert_same_weights(plain, weights(same))
    assert not torch.equal(plain["item_bias"], weights(other)["item_bias"])


def test_the_seed_decides_and_not_the_state_outside(train: GraphSnapshot, plain: Weights) -> None:
    same = trainer(train)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - the legacy state must not matter
    same.run()
    assert_same_weights(plain, weights(same))


def test_the_best_validation_is_kept(train: GraphSnapshot) -> None:
    """The second of three validations is the best: the model ends as it was then."""
    metrics = iter([0.1, 0.9, 0.5])
    kept: list[dict[str, torch.Tensor]] = []

    def validate() -> dict[str, float]:
        kept.append(weights(chosen))
        assert not chosen.model.training
        return {METRIC: next(metrics)}

    chosen = trainer(train, validate=validate)
    records = chosen.run()
    assert_same_weights(weights(chosen), kept[1])
    result = {record["epoch"]: record.get("valid_ndcg@10") for record in records}
    assert result == {1: None, 2: 0.1, 3: None, 4: 0.9, 5: None, 6: 0.5}


def test_training_stops_when_nothing_is_gained(train: GraphSnapshot) -> None:
    config = TrainingConfig(valid_every=1)
    records = trainer(train, validate=lambda: {METRIC: 0.5}, config=config, patience=2).run()
    assert len(records) == 3  # the first is a gain, two are not


@pytest.mark.parametrize(("rival", "epochs"), [(0.5, 4), (0.3, EPOCHS), (-math.inf, EPOCHS)])
def test_training_stops_where_a_rival_is_far_ahead(
    train: GraphSnapshot, rival: float, epochs: int
) -> None:
    made = trainer(
        train,
        validate=lambda: {METRIC: 0.3},
        config=TrainingConfig(valid_every=1),
        race_share=0.6,
        race_margin=0.1,
    )
    assert len(replace(made, rival=rival).run()) == epochs


@pytest.mark.parametrize("stop_after", [1, 3, 4, 5])
def test_an_interrupted_training_resumes_to_the_same_weights(
    train: GraphSnapshot,
    validated: tuple[Weights, list[dict[str, float]]],
    tmp_path: Path,
    stop_after: int,
) -> None:
    expected, records = validated

    def stop(record: dict[str, float]) -> None:
        if record["epoch"] == stop_after:
            raise KeyboardInterrupt

    state = Checkpoint(tmp_path / "run", "mine")
    first = iter(VALIDATED)
    with pytest.raises(KeyboardInterrupt):
        trainer(train, validate=lambda: {METRIC: next(first)}).run(checkpoint=state, on_epoch=stop)
    saved = (stop_after - 1) // 2  # that many validations are on disk
    rest = iter(VALIDATED[saved:])
    resumed = trainer(train, validate=lambda: {METRIC: next(rest)})
    again = resumed.run(checkpoint=state, resume=True)
    assert_same_weights(expected, weights(resumed))
    assert [r["loss"] for r in again] == [r["loss"] for r in records]


def test_a_finished_training_resumes_to_itself(train: GraphSnapshot, tmp_path: Path) -> None:
    state = Checkpoint(tmp_path / "run", "mine")
    whole = trainer(train)  # no validation: nothing is "best"
    whole.run(checkpoint=state)
    again = trainer(train, seed=5)
    assert len(again.run(checkpoint=state, resume=True)) == EPOCHS
    assert_same_weights(weights(whole), weights(again))


def test_without_resume_a_checkpoint_is_made_anew(
    train: GraphSnapshot, plain: Weights, state: Checkpoint
) -> None:
    fresh, again = trainer(train), trainer(train, seed=5)
    assert len(fresh.run(checkpoint=state)) == EPOCHS
    assert_same_weights(weights(fresh), plain)
    assert len(again.run(checkpoint=state, resume=True)) == EPOCHS  # the old one is gone
    assert_same_weights(weights(again), plain)


def test_a_foreign_checkpoint_is_refused(train: GraphSnapshot, state: Checkpoint) -> None:
    with pytest.raises(ModelError, match=r"other data, settings or seed.*delete it"):
        trainer(train, epochs=2).run(checkpoint=replace(state, fingerprint="yours"), resume=True)


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_checkpoint_is_refused(
    train: GraphSnapshot, state: Checkpoint, name: str, damage: str
) -> None:
    path = state.folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        trainer(train, epochs=2).run(checkpoint=state, resume=True)


def test_a_moved_checkpoint_is_not_taken_for_this_one(
    train: GraphSnapshot, state: Checkpoint
) -> None:
    state.folder.rename(state.folder.with_name("run.old"))
    with pytest.raises(ModelError, match=r"run is missing.*Rename run.old to run"):
        trainer(train, epochs=2).run(checkpoint=state, resume=True)


def test_a_folder_with_anything_else_is_refused_before_training(
    train: GraphSnapshot, tmp_path: Path
) -> None:
    (tmp_path / "results.csv").write_text("mine")
    made = trainer(train, epochs=2)
    start = weights(made)
    with pytest.raises(ModelError, match=r"holds results.csv"):
        made.run(checkpoint=Checkpoint(tmp_path, "mine"))
    assert_same_weights(start, weights(made))
    assert (tmp_path / "results.csv").read_text() == "mine"


def test_a_checkpoint_of_an_older_version_resumes_and_is_replaced(
    train: GraphSnapshot, state: Checkpoint
) -> None:
    """They did not list their files."""
    path = state.folder / "state.json"
    content = json.loads(path.read_text())
    del content["files"]
    path.write_text(json.dumps(content))
    assert len(trainer(train, epochs=3).run(checkpoint=state, resume=True)) == 3
    assert "files" in json.loads(path.read_text())


def test_a_diverged_loss_is_an_error_with_a_cure(train: GraphSnapshot) -> None:
    result = r"is (nan|inf|not finite) in epoch \d+, step \d+; lower learning_rate"
    with pytest.raises(TrainingError, match=result):
        trainer(train, learning_rate=1e30).run()


def test_nothing_to_train_on_is_an_error(train: GraphSnapshot) -> None:
    nothing = train.without(np.ones(len(train.interactions), dtype=bool))
    none = np.empty(0, dtype=np.int64)
    empty = replace(trainer(train), data=Sequences.build(nothing, none, none))
    with pytest.raises(TrainingError, match="no interaction to train on"):
        empty.run()


def test_the_learning_rate_follows_the_plan(train: GraphSnapshot) -> None:
    """Weights move most where the rate is highest, and hardly at the end."""
    moved = []
    chosen = trainer(train, epochs=20)
    last = weights(chosen)

    def tell(_: dict[str, float]) -> None:
        nonlocal last
        now = weights(chosen)
        moved.append(float((now["item_bias"] - last["item_bias"]).norm()))
        last = now

    chosen.run(on_epoch=tell)
    assert moved[-1] < 0.1 * max(moved)
    assert all(math.isfinite(step) for step in moved)
