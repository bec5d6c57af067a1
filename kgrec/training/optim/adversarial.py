"""Adversarial training on text vectors (Miyato, Dai and Goodfellow, ICLR 2017)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from kgrec.features.blocks import text_rows
from kgrec.features.names import REVIEWS
from kgrec.nn import ModelInputs


def attacked_backward(
    model: nn.Module, inputs: ModelInputs, loss_of: Callable[[ModelInputs], Tensor], reach: float
) -> Tensor:
    """Gradients of the mean of two losses: that of ``inputs``, and that of the same with every
    item's text vectors moved by ``reach`` (their length is one) to where the first loss rises
    fastest. Where reviews are weighted, each review is moved. Items without a text stay without
    one. Returns the mean of the losses."""
    texts = {name: text.detach().clone().requires_grad_() for name, text in _read(inputs).items()}
    plain = loss_of(_with(inputs, texts))
    plain.backward()  # type: ignore[no-untyped-call]
    worst = loss_of(_with(inputs, {name: _moved(text, reach) for name, text in texts.items()}))
    worst.backward()  # type: ignore[no-untyped-call]
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad /= 2
    return (plain.detach() + worst.detach()) / 2


def _read(inputs: ModelInputs) -> dict[str, Tensor]:
    """The vectors that items' texts are read from, by part."""
    reviews = inputs.items.reviews
    own = {} if reviews is None else {REVIEWS: reviews.vectors}
    return {**text_rows(inputs.items), **own}


def _with(inputs: ModelInputs, texts: dict[str, Tensor]) -> ModelInputs:
    items = inputs.items
    if items.reviews is None:
        return replace(inputs, items=items.with_rows(texts))
    others = {name: rows for name, rows in texts.items() if name != REVIEWS}
    reviews = replace(items.reviews, vectors=texts[REVIEWS])
    return replace(inputs, items=replace(items.with_rows(others), reviews=reviews))


def _moved(text: Tensor, reach: float) -> Tensor:
    slope = text.grad
    if slope is None:  # a part that the loss does not read
        return text.detach()
    length = slope.norm(dim=1, keepdim=True)
    there = (text.detach() != 0).any(dim=1, keepdim=True)
    step = torch.where((length > 0) & there, slope / length.clamp_min(1e-30), 0.0)
    return text.detach() + reach * step
