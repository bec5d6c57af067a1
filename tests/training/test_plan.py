"""The plan: settings come first, the data decide the rest."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kgrec.config import ModelConfig, TrainingConfig
from kgrec.graph.snapshot import NO_TIME, Interactions
from kgrec.nn import TimeScales
from kgrec.training import METRIC, DataSummary, Plan, examples_to_try, follows_in_time, make_plan


def events(rows: list[tuple[int, int]]) -> Interactions:
    """Interactions from (user, timestamp)."""
    blank = np.full(len(rows), "", dtype=object)
    user = np.array([user for user, _ in rows], dtype=np.int64)
    time = np.array([time for _, time in rows], dtype=np.int64)
    rating = np.full(len(rows), np.nan, dtype=np.float32)
    return Interactions(user, np.arange(len(rows)), time, rating, blank, blank, blank)


TRAIN = [(user, time) for user in range(10) for time in (100, 200)]


def test_validation_after_training_follows_in_time() -> None:
    assert follows_in_time(events(TRAIN), events([(user, 300) for user in range(10)]))
    assert follows_in_time(events(TRAIN), events([(user, 200) for user in range(10)]))


def test_validation_amid_training_does_not() -> None:
    assert not follows_in_time(events(TRAIN), events([(user, 150) for user in range(10)]))
    half = [(user, 150 if user % 2 else 300) for user in range(10)]
    assert not follows_in_time(events(TRAIN), events(half))


def test_a_few_stragglers_are_forgiven() -> None:
    rows = [(user % 10, 300) for user in range(19)]
    assert follows_in_time(events(TRAIN), events([*rows, (0, 50)]))


def test_each_user_has_a_clock_of_their_own() -> None:
    late = events([(0, 1_000), (1, 10)])
    assert follows_in_time(late, events([(0, 1_001), (1, 11)]))


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        (TRAIN, []),
        ([], [(0, 5)]),
        ([(0, NO_TIME)], [(0, NO_TIME)]),
        (TRAIN, [(0, NO_TIME)]),
        (TRAIN, [(11, 300)]),  # a user never trained on
    ],
)
def test_without_times_there_is_no_order(
    train: list[tuple[int, int]], valid: list[tuple[int, int]]
) -> None:
    assert not follows_in_time(events(train), events(valid))


def test_settings_come_first() -> None:
    model = ModelConfig(
        embedding_size=8, temperature=0.5, dropout=0.0, time_scales=(3.0,), visit_scales=()
    )
    training = TrainingConfig(epochs=3, batch_size=7, learning_rate=0.5, history_dropout=0.0)
    plan = make_plan(model, training, DataSummary(temporal=True, n_users=10, n_events=500))
    result = (plan.embedding_size, plan.temperature, plan.dropout, plan.scales)
    assert result == (8, 0.5, 0.0, TimeScales((3.0,)))
    result = (plan.epochs, plan.batch_size, plan.learning_rate, plan.history_dropout)
    assert result == (3, 7, 0.5, 0.0)


@pytest.mark.parametrize("n_events", [20_000, 500_000])
@pytest.mark.parametrize("temporal", [True, False])
def test_what_is_left_open_is_filled_with_sense(temporal: bool, n_events: int) -> None:
    plan = make_plan(
        ModelConfig(),
        TrainingConfig(),
        DataSummary(temporal=temporal, n_users=5_000, n_events=n_events),
    )
    assert plan.temporal is temporal
    assert min(plan.embedding_size, plan.epochs, plan.batch_size) > 0
    assert plan.temperature > 0
    assert plan.learning_rate > 0
    assert 0 <= plan.dropout < 1
    assert 0 <= plan.history_dropout < 1
    assert math.inf in plan.scales.events
    assert 0 <= plan.user_weight <= 1
    if not temporal:
        assert plan.scales == TimeScales((math.inf,)), "what has no order must not decay"


def test_many_items_or_facts_are_sampled_unless_the_settings_say_otherwise() -> None:
    def sampled(sampling: str, n_items: int, n_facts: int) -> bool:
        training = TrainingConfig(sampling=sampling)  # type: ignore[arg-type]
        data = DataSummary(True, n_users=10, n_events=1_000, n_items=n_items, n_facts=n_facts)
        return make_plan(ModelConfig(), training, data).sampled

    assert not sampled("auto", 20_000, 2_000_000)
    assert sampled("auto", 20_001, 0)
    assert sampled("auto", 10, 2_000_001)
    assert sampled("sampled", 10, 0)
    assert not sampled("full", 10**6, 10**7)


def test_both_kinds_of_examples_are_tried_where_users_have_few_events_in_time() -> None:
    def tried(n_events: int, *, temporal: bool = True, **settings: object) -> tuple[str, ...]:
        training = TrainingConfig.model_validate(settings)
        return examples_to_try(
            training, DataSummary(temporal=temporal, n_users=100, n_events=n_events)
        )

    assert tried(900) == ("masks", "auto")
    assert tried(1500) == ("auto",), "enough events to learn their order"
    assert tried(900, temporal=False) == ("auto",)
    assert tried(900, epochs=3) == ("auto",), "settings come first"
    assert tried(900, examples="masks") == ("masks",)


def test_sparse_timed_data_overfits_soon_unless_the_settings_wait() -> None:
    def patience(n_events: int, **settings: object) -> int:
        data = DataSummary(temporal=True, n_users=10, n_events=n_events)
        return make_plan(ModelConfig(), TrainingConfig.model_validate(settings), data).patience

    assert patience(20) < patience(500)
    assert patience(20, patience=9) == patience(500, patience=9) == 9


@pytest.mark.parametrize(
    ("values", "rival", "expected"),
    [
        ([0.2, 0.28, 0.3, 0.3, 0.3, 0.3], 0.4, True),  # grows no more
        ([0.2, 0.28, 0.3, 0.3, 0.3, 0.3], 0.32, False),  # within the margin
        ([0.1, 0.14, 0.18, 0.22, 0.26, 0.3], 0.89, False),  # will reach it
        ([0.1, 0.14, 0.18, 0.22, 0.26, 0.3], 0.95, True),  # reaches .9 at best
        ([0.1, 0.14, 0.18, 0.22, 0.26], 0.95, False),  # too early to say
        ([0.2, 0.28, 0.3, 0.3, 0.3, 0.3], -math.inf, False),  # there is no other
    ],
)
def test_a_training_is_behind_where_it_will_not_reach_its_rival(
    values: list[float], rival: float, expected: bool
) -> None:
    plan = make_plan(ModelConfig(), TrainingConfig(epochs=105), DataSummary(True, 10, 500))
    plan = replace(plan, race_share=0.28, race_margin=0.1)
    log: list[dict[str, float]] = [{"epoch": epoch} for epoch in range(1, 5 * len(values) + 1)]
    for place, value in enumerate(values):
        log[5 * place + 4][METRIC] = value
    assert plan.is_behind(log, rival) == expected
    assert not replace(plan, race_share=1.0).is_behind(log, rival)


def test_timed_data_can_be_trained_on_hidden_events() -> None:
    def plan(temporal: bool, training: TrainingConfig) -> Plan:
        return make_plan(
            ModelConfig(), training, DataSummary(temporal=temporal, n_users=10, n_events=500)
        )

    masks = plan(True, TrainingConfig(examples="masks"))
    assert not masks.temporal
    assert masks.scales == plan(True, TrainingConfig()).scales
    assert masks.history_dropout == plan(False, TrainingConfig()).history_dropout
    assert masks.temperature == plan(True, TrainingConfig()).temperature


def test_a_thorough_plan_saves_no_time() -> None:
    data = DataSummary(temporal=True, n_users=100, n_events=500)
    usual = make_plan(ModelConfig(), TrainingConfig(), data)
    thorough = make_plan(ModelConfig(), TrainingConfig(effort="thorough"), data)
    assert (thorough.race_share, thorough.refit_share) == (1.0, 0.0)
    assert thorough.patience > usual.patience
    assert replace(thorough, patience=3, race_share=0.3, refit_share=0.2) == usual


def test_sampled_steps_have_small_vectors() -> None:
    data = DataSummary(temporal=False, n_users=10_000, n_events=90_000, n_items=30_000)
    assert make_plan(ModelConfig(), TrainingConfig(), data).embedding_size == 128
    given = make_plan(ModelConfig(embedding_size=256), TrainingConfig(), data)
    assert given.embedding_size == 256
    assert given.sampled
