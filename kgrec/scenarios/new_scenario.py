"""Add one scenario to a snapshot and to a fitted engine.

Scores in the other scenarios stay bit-identical.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from torch import Tensor

from graph_schema.conversion.attributes import as_stored
from kgrec.arguments import check_text
from kgrec.errors import RequestError
from kgrec.features.scenario_features import HASHED, STATISTICS, scenario_features
from kgrec.features.texts import DESCRIPTION, scenarios_of
from kgrec.graph.attributes import attribute_column, stored_type
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
    """The snapshot with a node for scenario ``name`` that has this description and attributes."""
    table = with_named(snapshot.scenarios, np.array([name], dtype=object))
    values_by_column = dict(attributes)
    if description is not None:
        values_by_column[DESCRIPTION] = description
    frame = table.attributes.copy()
    row = int(table.rows([name])[0])
    for column, value in values_by_column.items():
        if column not in frame.columns:
            frame[column] = pd.Series([None] * len(frame), dtype=object)
        values = [None if pd.isna(one) else one for one in frame[column]]
        values[row] = _column_value(frame[column], value)
        frame[column] = attribute_column(values)
    order = canonical_order(table.ids)
    table = NodeTable(table.label, table.ids[order], frame.iloc[order].reset_index(drop=True))
    return replace(snapshot, scenarios=table)


def _column_value(column: pd.Series[Any], value: Any) -> Any:
    """``value`` in the type of the column.

    Raises RequestError for text in a column of numbers, for a number that is not finite, and for
    anything but a single value.
    """
    if not pd.api.types.is_scalar(value):
        raise RequestError(f"attribute {column.name!r} is {value!r}; pass one text or number.")
    if pd.isna(value):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        raise RequestError(f"attribute {column.name!r} is {value!r}; pass a finite number.")
    kind = stored_type(column)
    if kind is None or kind == pa.string():
        return str(value)
    single = plain if isinstance(plain, bool | int | float) else str(plain)
    values, bad = as_stored(pa.array([single]), kind)
    if len(bad):
        word = "boolean" if kind == pa.bool_() else "number"
        raise RequestError(
            f"attribute {column.name!r} is {value!r}, but other scenarios have {word}s; pass a "
            f"{word}."
        )
    return values[0].as_py()


def engine_with_scenario(engine: Engine, name: str, start: Start | None = None) -> Engine:
    """The engine with scenario ``name``, a node of its snapshot, added to its model.

    Without a description and attributes the scenario uses the shared parameters; with them it
    starts halfway between those and the weighted mean of the related scenarios' parameters, unless
    ``start`` has initial parameters from meta-training.
    """
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
    """Initial parameters of the model's last scenario, without those of meta-training."""
    others = prior_rows(model, related.codes, related.weights)
    lean = model.shape.lean if related.has_description else 0.0
    return between(neutral_rows(model, model.head.n_scenarios - 1), others, lean)


class RelatedScenarios(NamedTuple):
    """The other scenarios, as far as they are like one scenario.

    ``codes`` int64 ``[m]``; ``weights`` float64 ``[m]``, which sum to one; ``has_description``:
    whether the scenario has a description or attributes; ``features`` float32 ``[f]`` of the
    scenario, None where the head reads none.
    """

    codes: np.ndarray
    weights: np.ndarray
    has_description: bool
    features: np.ndarray | None


def related_scenarios(engine: Engine, name: str) -> RelatedScenarios:
    """Similarity of the other scenarios to ``name``, as weights.

    A softmax over the cosines of their features (descriptions and attributes); uniform where the
    scenario has neither.
    """
    others = np.flatnonzero(engine.vocabulary.scenarios != name)
    table = scenarios_of(engine.snapshot)
    row = int(table.rows([name])[0])
    vectors = engine.texts.scenarios
    described = scenario_features(table, engine.snapshot.interactions, vectors)
    width = described.shape[1] - STATISTICS - HASHED
    statistics = slice(width, width + STATISTICS)
    rows = table.rows(engine.vocabulary.scenarios[others])
    others, rows = others[rows >= 0], rows[rows >= 0]  # the rest are no longer in the graph
    features = None
    if rows.size and described.shape[1] == engine.model.shape.scenario_features:
        features = described[row].copy()
        # A few examples are no estimate of how many events the scenario will have.
        features[statistics] = described[rows, statistics].mean(axis=0)
    if not _has_description(table, row) or not len(others):
        return RelatedScenarios(
            others, np.full(len(others), 1 / max(len(others), 1)), False, features
        )
    kept = np.delete(described, np.arange(statistics.start, statistics.stop), axis=1)
    kept = kept.astype(np.float64)
    length = np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-12)
    similarity = _INVERSE_TEMPERATURE * (kept / length)[rows] @ (kept / length)[row]
    weights = np.exp(similarity - similarity.max())
    return RelatedScenarios(others, weights / weights.sum(), True, features)


def _has_description(table: NodeTable, row: int) -> bool:
    return any(
        not pd.isna(value) and str(value).strip() != ""
        for value in table.attributes.iloc[row].tolist()
    )


def _model_with_scenario(model: HybridModel) -> HybridModel:
    """The model with one scenario more.

    A model without a scenario head gets adapters that leave every score as it was.
    """
    late = model.shape.late_scenarios + 1
    if model.head.adapts:
        other = model.grown()
        other.shape = replace(model.shape, late_scenarios=late)
        return other
    other = with_adapter(model, 1)
    other.shape = replace(other.shape, late_scenarios=late)
    return other


def with_adapter(model: HybridModel, more: int = 0) -> HybridModel:
    """The model with an adapter head for its scenarios and ``more`` new ones.

    The adapters leave every score as it was.
    """
    other = copy.deepcopy(model)
    size = model.shape.embedding_size
    head = AdapterHead(HeadShape(model.head.n_scenarios + more, size))
    other.head = head.to(model.item_bias.device)
    other.shape = replace(model.shape, head="adapter", fusion=False)
    return other


def check_name(scenario: object) -> str:
    """The scenario name. Raises RequestError for a value that can't be one."""
    if not isinstance(scenario, str) or not scenario.strip():
        raise RequestError(f"scenario {scenario!r} is not a name; pass a text that isn't blank.")
    if scenario in RESERVED:
        raise RequestError(
            f"scenario {scenario!r} is reserved for recognised scenarios; choose another name."
        )
    return check_text(scenario, "scenario")
