"""Distillation: a fitted recommender as the teacher of another one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kgrec.config import RecommenderConfig
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import TextFeatures, TextReader, same_texts
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.nn import Histories, HybridModel, ItemWeights
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.training.objective import Teacher


@dataclass(frozen=True, eq=False)
class TeacherModel:
    """A fitted recommender: its model, and the ``snapshot`` that ``texts`` were read from.

    It knows what it was fitted on: a teacher that saw rows held out here would leak them.
    """

    config: RecommenderConfig
    model: HybridModel
    vocabulary: Vocabulary
    snapshot: GraphSnapshot
    texts: TextFeatures
    weights: ItemWeights | None


def teacher_scores(
    teacher: TeacherModel | None,
    train: GraphSnapshot,
    vocabulary: Vocabulary,
    device: torch.device,
) -> Teacher | None:
    """The teacher's scores float32 ``[B, n_items]`` for histories over ``train`` whose scenarios
    are those of ``vocabulary``; None without a teacher. A scenario that the teacher does not know
    is asked as none. Raises TextModelError."""
    if teacher is None:
        return None
    same = same_texts(teacher.snapshot, train)
    texts = teacher.texts if same else TextReader(teacher.config).read(train)
    bound = BoundModel(teacher.model, teacher.vocabulary, train, texts, device)
    engine = Engine.bind(bound, teacher.weights)
    codes = np.append(scenario_codes(vocabulary.scenarios, teacher.vocabulary), [-1])

    def scores(histories: Histories) -> Tensor:
        silent = np.full_like(histories.text, -1)
        asked = replace(
            histories,
            scenario=codes[histories.scenario],
            text=histories.text if len(texts.events) else silent,
        )
        return engine.score(asked).clone()

    return scores
