"""An engine that knows one scenario more: nothing of the others changes by a bit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kgrec.errors import RequestError
from kgrec.features.scenario_features import HASHED, STATISTICS, scenario_features
from kgrec.features.texts import DESCRIPTION, scenarios_of
from kgrec.graph.snapshot import GraphSnapshot, NodeTable, canonical_order, with_named
from kgrec.nn import HybridModel
from kgrec.nn.heads import AdapterHead, HeadShape
from kgrec.nn.heads.base import neutral_rows
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import RESERVED
from kgrec.training.scenarios.finetuning import put_rows
from kgrec.training.scenarios.initial_rows import between, prior_rows
from kgrec.training.scenarios.maml import Start

_INVERSE_TEMPERATURE = 10.0  # of the softmax over similarities of scenarios


def with_scenario(
    snapshot: GraphSnapshot, name: str, description: str | None, attributes: Mapping[str, Any]
) -> GraphSnapshot:
    """The snapshot with a node for scenario ``name``, which says what is given of it."""
    table = with_named(snapshot.scenarios, np.array([name], dtype=object))
    told = dict(attributes) if description is None else {**attributes, DESCRIPTION: description}
    frame = table.attributes.copy()
    row = int(table.rows([name])[0])
    for column, value in told.items():
        if column not in frame.columns:
            frame[column] = pd.Series([None] * len(frame), dtype=object)
        values = frame[column].tolist()
        values[row] = _column_value(frame[column], value)
        numbers = pd.api.types.is_numeric_dtype(frame[column])
        frame[column] = pd.Series(values, dtype=float if numbers else object)
    order = canonical_order(table.ids)
    table = NodeTable(table.label, table.ids[order], frame.iloc[order].reset_index(drop=True))
    return replace(snapshot, scenarios=table)


def _column_value(column: pd.Series[Any], value: Any) -> Any:
    """``value`` as the column holds its values. Raises RequestError for what is no number in a
    column of numbers, or no single value."""
    if not pd.api.types.is_scalar(value):
        raise RequestError(f"attribute {column.name!r} is {value!r}; give one text or number.")
    if not pd.api.types.is_numeric_dtype(column):
        return value if pd.isna(value) else str(value)
    try:
        return float(value)
    except ValueError as error:
        raise RequestError(
            f"attribute {column.name!r} is {value!r}, but holds numbers in other scenarios."
        ) from error


def engine_with_scenario(engine: Engine, name: str, start: Start | None = None) -> Engine:
    """One that also knows scenario ``name``, a node of its snapshot. It answers there as requests
    without a scenario are answered or, where the node says something, halfway to the prototype of
    the others, those counting more that say the same of themselves."""
    known = len(engine.vocabulary.scenarios)
    model = _model_with_scenario(engine.model)
    related = related_scenarios(engine, name)
    if related.features is not None:
        model.head.describe(known, torch.from_numpy(related.features))
    if known and engine.model.adapts:
        put_rows(model, known, _start(model, related) if start is None else start.rows)
    names = np.append(engine.vocabulary.scenarios, [name]).astype(object)
    vocabulary = replace(engine.vocabulary, scenarios=names)
    return engine.with_scenarios(model=model, vocabulary=vocabulary)


def _start(model: HybridModel, related: RelatedScenarios) -> dict[str, Tensor]:
    """The rows of the model's last scenario, where meta-training has not found any."""
    others = prior_rows(model, related.codes, related.weights)
    lean = model.shape.lean if related.has_description else 0.0
    return between(neutral_rows(model, model.head.n_scenarios - 1), others, lean)


class RelatedScenarios(NamedTuple):
    """The other scenarios' ``codes`` int64 ``[m]``, the share of each in a start float64 ``[m]``,
    whether anything is told of the scenario, and its ``features`` float32 ``[f]`` where the head
    reads them."""

    codes: np.ndarray
    weights: np.ndarray
    has_description: bool
    features: np.ndarray | None


def related_scenarios(engine: Engine, name: str) -> RelatedScenarios:
    """What the other scenarios are to ``name``: equal weights where nothing is told of it."""
    others = np.flatnonzero(engine.vocabulary.scenarios != name)
    table = scenarios_of(engine.snapshot)
    row = int(table.rows([name])[0])
    vectors = engine.texts.scenarios
    told = scenario_features(table, engine.snapshot.interactions, vectors)
    width = told.shape[1] - STATISTICS - HASHED
    counted = slice(width, width + STATISTICS)
    rows = table.rows(engine.vocabulary.scenarios[others])
    others, rows = others[rows >= 0], rows[rows >= 0]  # others have gone from the graph
    features = None
    if rows.size and told.shape[1] == engine.model.shape.scenario_features:
        features = told[row].copy()
        # A handful of examples says nothing of how busy it will be.
        features[counted] = told[rows, counted].mean(axis=0)
    if not _has_description(table, row) or not len(others):
        return RelatedScenarios(
            others, np.full(len(others), 1 / max(len(others), 1)), False, features
        )
    said = np.delete(told, np.arange(counted.start, counted.stop), axis=1).astype(np.float64)
    length = np.maximum(np.linalg.norm(said, axis=1, keepdims=True), 1e-12)
    alike = _INVERSE_TEMPERATURE * (said / length)[rows] @ (said / length)[row]
    weights = np.exp(alike - alike.max())
    return RelatedScenarios(others, weights / weights.sum(), True, features)


def _has_description(table: NodeTable, row: int) -> bool:
    return any(
        not pd.isna(value) and str(value).strip() != ""
        for value in table.attributes.iloc[row].tolist()
    )


def _model_with_scenario(model: HybridModel) -> HybridModel:
    """The model with one scenario more; one without a head gets an adapter that leaves every
    answer as it was."""
    late = model.shape.late_scenarios + 1
    if model.head.adapts:
        other = model.grown()
        other.shape = replace(model.shape, late_scenarios=late)
        return other
    other = with_adapter(model, 1)
    other.shape = replace(other.shape, late_scenarios=late)
    return other


def with_adapter(model: HybridModel, more: int = 0) -> HybridModel:
    """A model without a head as one with adapters for its scenarios and ``more``, all of which
    change nothing yet."""
    other = copy.deepcopy(model)
    size = model.shape.embedding_size
    head = AdapterHead(HeadShape(model.head.n_scenarios + more, size))
    other.head = head.to(model.item_bias.device)
    other.shape = replace(model.shape, head="adapter", fusion=False)
    return other


def check_name(scenario: object) -> str:
    """Raises RequestError for what can't name a scenario."""
    if not isinstance(scenario, str) or not scenario.strip():
        raise RequestError(f"scenario {scenario!r} is no name; give a text that isn't blank.")
    if scenario in RESERVED:
        raise RequestError(f"scenario {scenario!r} asks for the one recognised; name it otherwise.")
    return scenario
