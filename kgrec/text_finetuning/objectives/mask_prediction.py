"""Words that a model trained by mlm puts in the place of a mask."""

from __future__ import annotations

from typing import Any

import torch

from kgrec.text_finetuning.augmentation import Predict
from kgrec.text_finetuning.objectives.mlm import MaskedWordObjective
from kgrec.text_finetuning.tokens import Tokens


def predictor(network: Any, objective: MaskedWordObjective, tokens: Tokens) -> Predict:
    """Foretells each mask's likeliest token that is a whole word; "" where none of the first few
    is, and for masks that fall behind the end of what is read."""

    @torch.no_grad()
    def predict(texts: list[str]) -> list[list[str]]:
        was_training = network.training
        network.eval()
        ids, attention = tokens.padded(tokens.first(texts))
        states = tokens.states(network, ids, attention)
        masks = ids == tokens.tokenizer.mask_token_id
        hidden = tokens.on_device(masks)
        logits = objective.head(states[hidden], network.get_input_embeddings().weight)
        words = [_word(tokens.tokenizer, row) for row in logits.topk(5).indices.tolist()]
        network.train(was_training)
        ends = masks.sum(axis=1).cumsum().tolist()
        return [words[end - n : end] for end, n in zip(ends, masks.sum(axis=1), strict=True)]

    return predict


def _word(tokenizer: Any, candidates: list[int]) -> str:
    for token in candidates:
        text = tokenizer.decode([token]).strip()
        if text.isalpha() and token not in tokenizer.all_special_ids:
            return str(text)
    return ""
