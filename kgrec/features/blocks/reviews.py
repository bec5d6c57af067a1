"""What people write about items: their reviews, pooled by the mean or by attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from kgrec.features.blocks.base import DenseBlock, LayerSizes, Wording
from kgrec.features.inputs import ItemInputs
from kgrec.features.names import REVIEWS
from kgrec.features.tables import Vocabulary
from kgrec.features.text_pooling import ReviewPooling
from kgrec.graph.snapshot import GraphSnapshot


class Reviews(DenseBlock):
    """The pooled vector of an item's reviews, projected. Rows: unit float32 ``[n, size]``.

    The rating model does not read them: it has the sentiment of each review instead.
    """

    name = REVIEWS
    switch = "use_text"
    is_text = True
    in_ratings = False
    table = "text"
    wording = Wording(
        kind="other",
        labels={"en": "similar reviews", "de": "ähnlich besprochen"},
        sentences={
            "en": {
                "other:reviews": "{chose}; what people write about “{item}” is like what they "
                "write about it.",
            },
            "de": {"other:reviews": "{chose}; über „{item}“ wird Ähnliches geschrieben."},
        },
    )

    def read(
        self, snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: Mapping[str, np.ndarray]
    ) -> Mapping[str, Any]:
        return {name: rows for name, rows in texts.items() if name == self.name}

    def modules(self, part: str, sizes: LayerSizes) -> dict[str, nn.Module]:
        return {"attention": ReviewPooling(sizes.text_size)} if sizes.attention else {}

    def vectors(self, layer: nn.Module, part: str, inputs: ItemInputs) -> Tensor:
        if inputs.reviews is None:
            return super().vectors(layer, part, inputs)
        attention: Any = layer.attention
        pooled: Tensor = attention(inputs.reviews)
        return pooled
