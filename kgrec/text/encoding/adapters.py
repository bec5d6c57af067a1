"""Adapters of the peft library on an encoder: import, prefixes, merging into the weights."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from kgrec.errors import TextModelError
from kgrec.extras import require
from kgrec.text.encoding.notices import peft_warnings_hidden


class PrefixEncoder(nn.Module):
    """An encoder with a trained prefix whose tokens keep the positions they have without one."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        return self.network(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=positions.expand(len(input_ids), -1),
        )

    @property
    def config(self) -> Any:
        return self.network.get_base_model().config

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def get_input_embeddings(self) -> Any:
        return self.network.get_base_model().get_input_embeddings()


def prefix_encoder(adapted: Any) -> PrefixEncoder:
    """Wrap a peft model with a prefix, after a check that the encoder reads the prefix.

    Some encoders accept a prefix and ignore it. The check: another prefix must give another output.
    Raises TextModelError where it does not.
    """
    wrapped = PrefixEncoder(adapted)
    kind = wrapped.config.model_type
    table = adapted.prompt_encoder["default"].embedding.weight
    training = wrapped.training
    wrapped.eval()
    try:
        with torch.no_grad():
            before = _probe(wrapped)
            table.add_(1.0)
            after = _probe(wrapped)
            table.sub_(1.0)
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise TextModelError(
            f"a {kind} encoder takes no prefix ({error}); use lora, adalora, ia3 or full."
        ) from error
    if torch.equal(before, after):
        raise TextModelError(f"a {kind} encoder ignores a prefix; use lora, adalora, ia3 or full.")
    wrapped.train(training)
    return wrapped


def _probe(network: Any) -> Tensor:
    ids = torch.ones(1, 4, dtype=torch.int64, device=next(network.parameters()).device)
    states: Tensor = network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return states


def merge_adapter(adapted: Any) -> Any:
    """Merge the adapter into the weights, so that encoding costs what it does without one.

    A prefix has no weights to merge into and stays as it is.
    """
    if isinstance(adapted, PrefixEncoder) or not hasattr(adapted, "merge_and_unload"):
        return adapted
    return adapted.merge_and_unload()


def import_peft() -> ModuleType:
    """Import the peft library. Raises MissingExtraError where it is not installed."""
    with peft_warnings_hidden():
        return require("peft", extra="finetuning")
