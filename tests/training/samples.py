"""Sequences of ten users, and a trainer of a tiny model over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from kgrec.config import ModelConfig, TrainingConfig
from kgrec.features.build import build_tables, build_vocabulary
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.graph import GraphSnapshot
from kgrec.nn import HybridModel, ModelInputs, ModelShape
from kgrec.training import DataSummary, Plan, Sequences, Trainer, make_plan

EPOCHS = 6
Weights = dict[str, torch.Tensor]


def sequences(snapshot: GraphSnapshot) -> Sequences:
    """The snapshot's events, every second of scenario 0, without texts."""
    n = len(snapshot.interactions)
    return Sequences.build(snapshot, np.full(n, -1), np.where(np.arange(n) % 2 == 0, 0, -1))


@cache
def features(snapshot: GraphSnapshot) -> tuple[Vocabulary, FeatureTables]:
    """Made once for a snapshot: no training changes them."""
    vocabulary = build_vocabulary(snapshot)
    return vocabulary, build_tables(snapshot, vocabulary, {}, np.empty((0, 0), np.float32))


def plan(**changed: object) -> Plan:
    made = make_plan(
        ModelConfig(embedding_size=8, dropout=0.2),
        TrainingConfig(epochs=EPOCHS, batch_size=16, learning_rate=0.01),
        DataSummary(temporal=True, n_users=60, n_events=1_200),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def trainer(
    snapshot: GraphSnapshot,
    *,
    seed: int = 0,
    validate: Callable[[], dict[str, float]] | None = None,
    config: TrainingConfig | None = None,
    **changed: object,
) -> Trainer:
    """A fresh model, always with the same first weights for one seed."""
    chosen = plan(**changed)
    vocabulary, tables = features(snapshot)
    shape = ModelShape(
        embedding_size=chosen.embedding_size,
        parts=("id", "knowledge", "attributes"),
        text_size=0,
        kg_layers=1,
        scales=chosen.scales,
        temperature=chosen.temperature,
        dropout=chosen.dropout,
        id_dropout=0.1,
        head="adapter",
        user_attributes=True,
        friends=True,
        event_texts=False,
        horizons=chosen.temporal,
        shrinkage=chosen.shrinkage,
    )
    torch.manual_seed(seed)
    return Trainer(
        model=HybridModel(vocabulary, shape),
        inputs=ModelInputs.build(tables, shape, "cpu"),
        data=sequences(snapshot),
        plan=chosen,
        config=config or TrainingConfig(valid_every=2),
        seed=seed,
        device=torch.device("cpu"),
        validate=validate,
    )


def weights(trained: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trained.model.state_dict().items()}


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Bit by bit."""
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


NAMES = ("app", "web")


def joint(trained: Trainer, **training: object) -> Trainer:
    """The same trainer with a scenario for each event: two thirds of the users keep to "app", the
    others use both; and further settings."""
    data = trained.data
    user = np.repeat(np.arange(len(data.indptr) - 1), data.lengths())
    scenario = np.where(user % 3 < 2, 0, np.arange(len(user)) % 2)
    config = trained.config.model_validate({**trained.config.model_dump(), **training})
    return replace(trained, data=replace(data, scenario=scenario), config=config, scenarios=NAMES)
