"""ml-1m by age group: the rows, what models read of them, and how their answers are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from benchmarks.controls import ControlData
from benchmarks.controls.base import ControlRows
from graph_schema import Catalog
from kgrec import ScenarioConfig, ScenarioRule
from kgrec.evaluation import auc
from kgrec.features.build import build_inputs, build_tables, build_vocabulary
from kgrec.features.names import ATTRIBUTES, IDS, KNOWLEDGE
from kgrec.features.tables import FeatureTables
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.nn.model import ModelInputs
from kgrec.ratings.fit import RatingData
from kgrec.ratings.like_blend import log_losses
from kgrec.scenarios import with_scenarios
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.sparse import SparseMatrix

DRAWN_WITH: Final = 2026
LIKE: Final = 4.0
AGES: Final = ScenarioRule(
    by="user.age",
    groups={
        "under 25": ["under 18", "18-24"],
        "25-34": ["25-34"],
        "35 and over": ["35-44", "45-49", "50-55", "56+"],
    },
)
PROTOCOL: Final = (
    "rows in file order, numpy.random.default_rng(2026).permutation, 8:1:1; like: rating of 4 or "
    "more; fit on train, epoch and settings chosen on valid, AUC and logloss on test; scenario: "
    "age group of the user. A row is predicted from its user's training ratings alone, with those "
    "near in time on both sides; time_blind: without times, so that nothing is near; past_only: "
    "only from ratings before its own time; history_now: from valid ratings too"
)
Metrics = dict[str, Any]


@dataclass(frozen=True, eq=False)
class AgeGroups:
    """The rows and features that every model reads."""

    data: RatingData
    tables: FeatureTables
    test: Interactions

    @staticmethod
    def build(snapshot: GraphSnapshot) -> AgeGroups:
        """From a snapshot whose interactions say train, valid or test."""
        snapshot = with_scenarios(snapshot, ScenarioConfig(rule=AGES))
        train = snapshot.restricted(("train",))
        vocabulary = build_vocabulary(train)
        none = np.empty((0, 0), dtype=np.float32)
        tables = build_tables(train, vocabulary, {}, none)
        user_tokens = SparseMatrix.build(tables.user_tokens)
        items = build_inputs(tables, 1, "cpu")
        split = snapshot.interactions.split
        data = RatingData(
            vocabulary=vocabulary,
            inputs=ModelInputs(items, user_tokens, None, torch.as_tensor(none)),
            parts=(IDS, KNOWLEDGE, ATTRIBUTES),
            text_size=0,
            kg_layers=1,
            train=train.interactions,
            valid=snapshot.interactions.select(np.asarray(split == "valid")),
        )
        test = snapshot.interactions.select(np.asarray(split == "test"))
        return AgeGroups(data, tables, test)

    @property
    def names(self) -> list[str]:
        return [str(name) for name in self.data.vocabulary.scenarios]

    def codes(self, rows: Interactions) -> Ints:
        return scenario_codes(rows.scenario, self.data.vocabulary)

    @property
    def like(self) -> np.ndarray:
        return np.asarray(self.test.rating >= LIKE)

    def metrics(self, logits: np.ndarray) -> Metrics:
        """AUC and logloss on test, of all and by scenario."""
        codes = self.codes(self.test)
        groups = {name: codes == code for code, name in enumerate(self.names)}
        whole = metrics_of(self.like, logits)
        by = {name: metrics_of(self.like[rows], logits[rows]) for name, rows in groups.items()}
        return {**whole, "by_scenario": by}

    def controls(self) -> ControlData:
        train, valid, test = (
            ControlRows.build(part, self.codes(part), LIKE)
            for part in (self.data.train, self.data.valid, self.test)
        )
        user_tokens, item_tokens, knowledge = ControlData.features(self.tables)
        return ControlData(train, valid, test, user_tokens, item_tokens, knowledge, len(self.names))


def draw(catalog: Catalog, n_rows: int | None = None) -> Catalog:
    """The catalog with its interactions, in file order, drawn into train, valid and test 8:1:1;
    with ``n_rows`` only the first of them."""
    rows = catalog.interactions[:n_rows]
    order = np.random.default_rng(DRAWN_WITH).permutation(len(rows))
    split = np.empty(len(rows), dtype=object)
    for name, part in zip(
        ("train", "valid", "test"),
        np.split(order, [int(0.8 * len(rows)), int(0.9 * len(rows))]),
        strict=True,
    ):
        split[part] = name
    return Catalog.from_frames(**{**catalog.tables, "interactions": rows.assign(split=split)})


def metrics_of(like: np.ndarray, logits: np.ndarray) -> Metrics:
    result = {"auc": auc(like, logits), "logloss": float(log_losses(like, logits).mean())}
    return {name: round(value, 5) for name, value in result.items()}
