"""A saved recommender as the teacher of another: its scores over another snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kgrec.features.tables import Vocabulary
from kgrec.features.texts import TextReader, same_texts
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.nn import Histories
from kgrec.persistence import model_folder as saving
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.training.objective import Teacher


def load_teacher(
    folder: Path, train: GraphSnapshot, vocabulary: Vocabulary, device: torch.device
) -> Teacher:
    """What the recommender saved in ``folder`` says of histories over ``train`` whose scenarios are
    ``vocabulary``'s: scores float32 ``[B, n_items]``.

    It knows what it was fitted on: a teacher that saw rows held out here would tell of them. A
    scenario that it does not know is asked as none. Raises ModelError, TextModelError.
    """
    saved = saving.load(folder, device)
    same = same_texts(saved.snapshot, train)
    texts = saved.texts if same else TextReader(saved.config).read(train)
    engine = Engine(
        saved.model, saved.vocabulary, train, texts, device, saved.mapping, saved.weights
    )
    codes = np.append(scenario_codes(vocabulary.scenarios, saved.vocabulary), [-1])

    def scores(histories: Histories) -> Tensor:
        silent = np.full_like(histories.text, -1)
        asked = replace(
            histories,
            scenario=codes[histories.scenario],
            text=histories.text if len(texts.events) else silent,
        )
        return engine.score(asked).clone()

    return scores
