"""Distillation: the scores of a fitted recommender as targets of another one's training."""

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
    """A fitted recommender whose scores a new model learns from.

    It has seen what it was fitted on: a teacher that was fitted on rows held out here leaks them.

    Attributes
    ----------
    config : RecommenderConfig
        Its settings, for reading further texts.
    model : HybridModel
        Its parameters.
    vocabulary : Vocabulary
        The items, entities and scenarios that the model knows.
    snapshot : GraphSnapshot
        The graph that ``texts`` were read from.
    texts : TextFeatures
        Vectors of the graph's texts.
    weights : ItemWeights or None
        Its item–item weights.
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
    """A function that returns the teacher's scores float32 ``[B, n_items]`` of histories over
    ``train``, with scenario codes of ``vocabulary``; None without a teacher.

    Histories in a scenario that the teacher does not know are scored without a scenario. Raises
    TextModelError.
    """
    if teacher is None:
        return None
    same = same_texts(teacher.snapshot, train)
    texts = teacher.texts if same else TextReader(teacher.config).read(train)
    bound = BoundModel(teacher.model, teacher.vocabulary, train, texts, device)
    engine = Engine.bind(bound, teacher.weights)
    codes = np.append(scenario_codes(vocabulary.scenarios, teacher.vocabulary), [-1])

    def scores(histories: Histories) -> Tensor:
        text = histories.text if len(texts.events) else np.full_like(histories.text, -1)
        translated = replace(histories, scenario=codes[histories.scenario], text=text)
        return engine.score(translated).clone()

    return scores
