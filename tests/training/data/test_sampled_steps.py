"""Sampled training: a step's own items give what all items would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.config import TrainingConfig
from kgrec.graph import GraphSnapshot
from kgrec.nn import USER_ATTRIBUTES, HistoryBatch, HybridModel
from kgrec.training import Checkpoint, Sequences, StepSampler, Trainer
from kgrec.training.data.examples import Examples, random_masks
from kgrec.training.data.sampled_steps import ROW_TABLES, step_users
from kgrec.training.losses import softmax_terms
from kgrec.training.objective import GroupLoss, weighted_mean
from kgrec.training.optim.sparse_adamw import RowAdamW
from tests.nn.samples import Sample, make_sample
from tests.training import samples
from tests.training.samples import assert_same_weights, weights


def loss_of(*result: object) -> torch.Tensor:
    """The loss as one number."""
    return GroupLoss(0, *softmax_terms(*result)).mean()  # type: ignore[arg-type]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sampled"))


def step_sampler(sample: Sample, model: HybridModel, negatives: int) -> StepSampler:
    n = len(sample.snapshot.interactions)
    text = np.where(np.arange(n) % 3 == 0, np.arange(n) % 4, -1)
    data = Sequences.build(sample.snapshot, text, np.arange(n) % 2)
    return StepSampler(model, sample.tables, data, negatives, 10_000, torch.device("cpu"))


def examples(sampler: StepSampler) -> Examples:
    users = np.array([0, 3, 4, 9, 20])
    return random_masks(sampler.data, users, np.random.default_rng(0), history_dropout=0.4)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_step_scores_its_candidates_as_the_whole_model_does(sample: Sample, layers: int) -> None:
    model = sample.model(kg_layers=layers)
    sampler = step_sampler(sample, model, negatives=3)
    made = examples(sampler)
    inputs = sample.inputs(model)
    items = model.item_vectors(inputs)
    batch = HistoryBatch.build(made.histories, len(items.query), model.shape.scales)
    expected = model.scores(model.user_vectors(items, inputs, batch), items)
    optimizer = RowAdamW(model.parameters(), lr=0.1, fused=True)
    with sampler.step(made, np.random.default_rng(1), optimizer) as step:
        items = model.item_vectors(step.inputs)
        own = step.examples.histories
        batch = HistoryBatch.build(own, len(items.query), model.shape.scales)
        users = model.user_vectors(items, step.inputs, batch)
        scores = model.scores(users, items.scoring(step.candidates.rows))
    drawn = scores.shape[1]
    assert drawn < len(sample.tables.item_row)
    pairs = (step.examples.target_row, step.examples.target_item)
    torch.testing.assert_close(
        scores[pairs], expected[made.target_row, made.target_item], atol=1e-5, rtol=1e-4
    )
    seen = {(row, item) for row, item in zip(*_seen(step.examples), strict=True)}
    assert all(0 <= item < drawn for _, item in seen)


def _seen(made: Examples) -> tuple[list[int], list[int]]:
    return made.seen_row.tolist(), made.seen_item.tolist()


def test_with_every_item_drawn_the_loss_and_its_gradient_are_those_of_all(sample: Sample) -> None:
    model = sample.model()
    sampler = step_sampler(sample, model, negatives=20_000)
    made = examples(sampler)
    trainer = Trainer(
        model, sample.inputs(model), sampler.data, samples.plan(scales=model.shape.scales),
        TrainingConfig(), 0, torch.device("cpu"), sampler=sampler,
    )  # fmt: skip
    stepper = trainer.stepper
    whole = weighted_mean(stepper.losses(trainer.inputs, made)[1])
    whole.backward()
    expected = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    optimizer = RowAdamW(model.parameters(), lr=0.1, fused=True)
    with sampler.step(made, np.random.default_rng(1), optimizer) as step:
        assert len(step.candidates.rows) == len(sample.tables.item_row)
        loss = weighted_mean(stepper.losses(step.inputs, made, step)[1])
        loss.backward()
        lent = {n: model.get_parameter(n).grad for n in (*ROW_TABLES, USER_ATTRIBUTES)}
    torch.testing.assert_close(loss, whole, atol=1e-4, rtol=1e-4)
    part = sampler._graph.part(
        np.arange(len(sample.tables.item_row)), made.histories.user, np.array([0]),
        np.random.default_rng(0),
    )  # fmt: skip
    rows = {name: part.used[kind] for name, kind in ROW_TABLES.items()}
    rows[USER_ATTRIBUTES] = part.user_tokens
    for name, used in rows.items():
        torch.testing.assert_close(lent[name], expected[name][used], atol=1e-5, rtol=1e-3)


def test_every_parameter_with_a_row_per_node_or_token_is_lent(sample: Sample) -> None:
    vocabulary = sample.vocabulary
    sizes = {
        len(vocabulary.items),
        len(vocabulary.entities),
        len(vocabulary.item_tokens.tokens),
        len(vocabulary.user_tokens.tokens),
    }
    model = sample.model(embedding_size=3, kg_layers=1, head="none")
    assert not sizes & {1, 2, 3, 6}, "a size that other parameters have proves nothing"
    large = {
        name for name, value in model.named_parameters() if value.dim() and len(value) in sizes
    }
    assert large == {*ROW_TABLES, USER_ATTRIBUTES}


def test_candidates_come_as_often_as_the_correction_says(sample: Sample) -> None:
    """Targets drawn by popularity, negatives by the sampler: each item's share of the draws."""
    sampler = step_sampler(sample, sample.model(), negatives=6)
    rng = np.random.default_rng(0)
    n_items, n_targets, draws = len(sample.tables.item_row), 9, 6_000
    counts = np.zeros(n_items)
    up_to = np.cumsum(sampler._drawn)
    for _ in range(draws):
        targets = rng.choice(sampler.data.item, n_targets)
        drawn = np.searchsorted(up_to, rng.random(6) * up_to[-1])
        counts[np.unique(np.concatenate([targets, drawn]))] += 1
    chance = sampler._log_chance(np.arange(n_items), n_targets).exp().numpy()
    assert chance.max() > 2 * chance.min()
    np.testing.assert_allclose(counts / draws, chance, atol=0.03)


def test_the_corrected_sum_is_that_of_all_items_on_average() -> None:
    """One user, one target: exp(-loss) is the target's share of the estimated sum."""
    torch.manual_seed(0)
    scores = torch.randn(1, 50)
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.2, 0.9, 50)
    totals = []
    one = np.zeros(1, dtype=np.int64)
    none = np.empty(0, dtype=np.int64)
    for _ in range(3_000):
        there = rng.random(50) < chance
        there[7] = True
        rows = np.flatnonzero(there)
        target = np.searchsorted(rows, [7])
        made = Examples(None, none, none, one, target, np.ones(1, np.float32))  # type: ignore[arg-type]
        log_chance = torch.as_tensor(np.log(chance[rows]).astype(np.float32))
        loss = loss_of(scores[:, rows], made, 0.75, log_chance)
        totals.append(float(torch.exp(loss + scores[0, 7])))
    assert np.mean(totals) == pytest.approx(float(scores.exp().sum()), rel=0.02)


def sampled(train: GraphSnapshot, seed: int = 0, **changed: object) -> Trainer:
    """A trainer that draws a dozen negatives and reads four neighbours."""
    made = samples.trainer(train, seed=seed, **changed)  # type: ignore[arg-type]
    _, tables = samples.features(train)
    sampler = StepSampler(made.model, tables, made.data, 12, 4, made.device)
    return Trainer(**{**vars(made), "sampler": sampler})


def test_the_loss_falls(train: GraphSnapshot) -> None:
    losses = [record["loss"] for record in sampled(train, epochs=20).run()]
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])


def test_one_seed_one_model(train: GraphSnapshot) -> None:
    one, same, other = (sampled(train, seed) for seed in (3, 3, 4))
    for each in (one, same, other):
        each.run()
    assert_same_weights(weights(one), weights(same))
    assert not torch.equal(weights(one)["item_bias"], weights(other)["item_bias"])
    assert len(weights(one)["item_bias"]) == len(samples.features(train)[0].items)


def test_an_interrupted_training_resumes_to_the_same_weights(
    train: GraphSnapshot, tmp_path: Path
) -> None:
    whole = sampled(train)
    whole.run()

    def stop(record: dict[str, float]) -> None:
        if record["epoch"] == 3:
            raise KeyboardInterrupt

    state = Checkpoint(tmp_path / "run", "mine")
    with pytest.raises(KeyboardInterrupt):
        sampled(train).run(checkpoint=state, on_epoch=stop)
    resumed = sampled(train)
    resumed.run(checkpoint=state, resume=True)
    assert_same_weights(weights(whole), weights(resumed))


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=80),
    st.integers(1, 20),
    st.integers(20, 200),
    st.integers(0, 99),
)
@settings(deadline=None, max_examples=80)
def test_steps_hold_every_user_once_and_little_at_once(
    lengths: list[int], batch_size: int, max_events: int, seed: int
) -> None:
    counts = np.array(lengths)
    users = np.arange(len(counts))
    steps = step_users(users, counts, batch_size, max_events, np.random.default_rng(seed))
    assert sorted(np.concatenate(steps).tolist()) == users.tolist()
    for step in steps:
        assert len(step) <= batch_size + 1
        assert counts[step].sum() <= max_events + counts[step].max()
