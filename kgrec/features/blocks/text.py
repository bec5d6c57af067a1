"""The items' own texts (titles, descriptions), as vectors of the language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kgrec.features.blocks.base import DenseBlock, Similarity, Wording
from kgrec.features.names import TEXT
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import GraphSnapshot


class Text(DenseBlock):
    """The vector of an item's document, projected. Rows: unit float32 ``[n, size]``."""

    name = TEXT
    switch = "use_text"
    similarity = Similarity(usual=0.1, tried=(0.0, 0.03, 0.1, 0.3, 1.0))
    is_text = True
    table = "text"
    wording = Wording(
        kind="text",
        labels={"en": "similar text", "de": "ähnlicher Text"},
        sentences={
            "en": {"text": "{chose}; the text of “{item}” is like its text."},
            "de": {"text": "{chose}; der Text von „{item}“ ist ähnlich."},
        },
    )

    def read(
        self, snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: Mapping[str, np.ndarray]
    ) -> Mapping[str, Any]:
        return {name: rows for name, rows in texts.items() if name == self.name}
