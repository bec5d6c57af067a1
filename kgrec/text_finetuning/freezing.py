"""Gradual unfreezing: the last layer trains first, one more part after another (ULMFiT)."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from kgrec.config.text_finetuning import TextTuning
from kgrec.text.adapters import embeddings_of, layers_of


class Unfreezing:
    """Opens, epoch by epoch, what ``methods.prepared`` left trainable, from the last layer down to
    the embeddings (Howard and Ruder 2018). With any other policy everything is open at once.

    All is open by the last epoch, whatever their number.
    """

    def __init__(self, network: Any, settings: TextTuning) -> None:
        self._epochs = settings.epochs
        self._parts: list[list[nn.Parameter]] = []
        if settings.freeze == "gradual":
            bare = network.get_base_model() if hasattr(network, "get_base_model") else network
            modules = [*reversed(layers_of(bare)[1]), embeddings_of(bare)]
            found = [[p for p in part.parameters() if p.requires_grad] for part in modules]
            self._parts = [part for part in found if part]

    def begin(self, epoch: int) -> int:
        """Open what belongs to ``epoch`` (from 0); the number of parts that are open."""
        share = min(1.0, (epoch + 1) / self._epochs)
        opened = math.ceil(share * len(self._parts))
        for row, part in enumerate(self._parts):
            for parameter in part:
                parameter.requires_grad_(row < opened)
        return opened
