"""A graph that has every part of the model, and lacks each of them somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from graph_schema import Catalog
from kgrec.features.build import build_tables, build_vocabulary
from kgrec.features.tables import FeatureTables, Vocabulary
from kgrec.graph import GraphSnapshot
from kgrec.nn import (
    Histories,
    HistoryBatch,
    HybridModel,
    ModelInputs,
    ModelShape,
    TimeScales,
    both_ages,
)
from tests.recommender import catalogs

TEXT_SIZE = 6
PARTS = ("id", "knowledge", "text", "reviews", "attributes")


@dataclass(frozen=True, eq=False)
class Sample:
    """A snapshot, its vocabulary and tables, and how the model reads them."""

    snapshot: GraphSnapshot
    vocabulary: Vocabulary
    tables: FeatureTables

    def shape(self, **changed: object) -> ModelShape:
        settings: dict[str, object] = {
            "embedding_size": 8,
            "parts": PARTS,
            "text_size": TEXT_SIZE,
            "kg_layers": 2,
            "scales": TimeScales((2.0, np.inf), (1.0,)),
            "temperature": 0.2,
            "dropout": 0.0,
            "id_dropout": 0.0,
            "head": "adapter",
            "user_attributes": True,
            "friends": True,
            "event_texts": True,
            "horizons": True,
            "shrinkage": 2.0,
            "fusion": changed.get("head") != "none",
            "scenario_features": 3,
        }
        return ModelShape(**{**settings, **changed})  # type: ignore[arg-type]

    def model(self, seed: int = 0, **changed: object) -> HybridModel:
        """A model whose every parameter has moved, as after training."""
        torch.manual_seed(seed)
        result = torch.randn(len(self.vocabulary.scenarios), 3)
        model = HybridModel(self.vocabulary, self.shape(**changed), result)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return model.eval()

    def inputs(self, model: HybridModel) -> ModelInputs:
        return ModelInputs.build(self.tables, model.shape, "cpu")

    def histories(self) -> Histories:
        """Six users: stored and not, with and without history, scenario and texts."""
        items = [[3, 1, 7], [], [2, 2, 0, 9], [4], [], [40, 41]]  # new since training
        indptr = np.concatenate([[0], np.cumsum([len(row) for row in items])]).astype(np.int64)
        flat = np.array([item for row in items for item in row], dtype=np.int64)
        text = np.full(len(flat), -1, dtype=np.int64)
        text[[0, 4]] = [1, 0]
        return Histories(
            indptr=indptr,
            item=flat,
            age=both_ages(indptr, np.arange(len(flat)) // 2)[0],
            visit=both_ages(indptr, np.arange(len(flat)) // 2)[1],
            text=text,
            user=np.array([0, 1, -1, 3, -1, 5], dtype=np.int64),
            scenario=np.array([0, 1, -1, 1, 0, -1], dtype=np.int64),
            later=np.array([False, True, True, False, False, False]),
        )

    def batch(self, model: HybridModel) -> HistoryBatch:
        return HistoryBatch.build(self.histories(), len(self.snapshot.items), model.shape.scales)


def make_sample(folder: Path) -> Sample:
    """The vocabulary is of the catalog; the snapshot has two items more, one without any fact."""
    trained = catalogs.snapshot(folder, catalogs.catalog())
    frames = catalogs.frames()
    fresh = pd.DataFrame({"item_id": ["i40", "i41"], "title": ["Untold", "Unknown"]})
    frames["items"] = pd.concat([frames["items"], fresh], ignore_index=True)
    fact = pd.DataFrame([["i40", "item", "made_by", "e1", "entity"]])
    frames["facts"] = pd.concat(
        [frames["facts"], fact.set_axis(frames["facts"].columns, axis=1)], ignore_index=True
    )
    (folder / "later").mkdir()
    snapshot = catalogs.snapshot(folder / "later", Catalog.from_frames(**frames))
    vocabulary = build_vocabulary(trained)
    rng = np.random.default_rng(0)
    texts = {part: _unit(rng, len(snapshot.items)) for part in ("text", "reviews")}
    for part in texts.values():
        part[5:9] = 0  # no text
    tables = build_tables(snapshot, vocabulary, texts, _unit(rng, 4))
    return Sample(snapshot, vocabulary, tables)


def _unit(rng: np.random.Generator, rows: int) -> np.ndarray:
    vectors = rng.normal(size=(rows, TEXT_SIZE)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
