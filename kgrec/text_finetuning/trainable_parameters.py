"""Which parameters fine-tuning trains (an adapter's or the encoder's own), and from which epoch."""

from __future__ import annotations

import math
import re
from typing import Any

import torch
from torch import nn

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import TextModelError
from kgrec.text.encoding.adapters import import_peft, prefix_encoder
from kgrec.text.encoding.notices import peft_warnings_hidden

_KEYS_VALUES = re.compile(r"(^|\.)(key|value|k|v|k_lin|v_lin|k_proj|v_proj)$")
_TASK = "FEATURE_EXTRACTION"
_PREFIX_SCALE = 0.02  # peft's initial values have scale 1, which hides what the encoder has learned
_ADALORA_INITIAL_RANK = 1.5  # times the average rank that a matrix keeps


def uses_peft(settings: TextTuning) -> bool:
    """Whether these settings put an adapter of the peft library on the encoder."""
    return settings.method != "full" and settings.freeze != "all"


def select_trainable(network: Any, settings: TextTuning, steps: int) -> Any:
    """The network with exactly the parameters that ``settings`` train requiring gradients.

    ``steps`` is the number of training steps of all objectives together. ``network`` itself is
    changed; the result is the network or a peft model around it. Raises TextModelError for a method
    that this kind of encoder does not support, MissingExtraError where peft is not installed.
    """
    network.requires_grad_(False)
    if settings.freeze == "all":
        return network
    if settings.method == "full":
        _unfreeze(network, settings)
        return network
    peft = import_peft()
    with peft_warnings_hidden():
        try:
            config = _adapter_config(peft, network, settings, steps)
            adapted = peft.get_peft_model(network, config)
        except ValueError as error:
            raise TextModelError(
                f"{settings.method} can't be put on a {network.config.model_type} encoder "
                f"({error}); choose another method, such as lora or full."
            ) from error
    if settings.method != "prefix":
        return adapted
    with torch.no_grad():
        adapted.prompt_encoder["default"].embedding.weight.mul_(_PREFIX_SCALE)
    return prefix_encoder(adapted)


def encoder_layers(network: Any) -> tuple[str, list[nn.Module]]:
    """The full name of the list of layers, and the layers, first to last. Raises TextModelError."""
    wanted = getattr(network.config, "num_hidden_layers", None)
    for name, module in network.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == wanted:
            return name, list(module)
    raise TextModelError(
        f"a {network.config.model_type} model has no list of layers that kgrec knows; "
        "use a model such as BERT, RoBERTa, MPNet or DistilBERT."
    )


def embedding_module(network: Any) -> nn.Module:
    """The module with the token embeddings and what is added to them (positions, norm)."""
    owner = network.get_submodule(encoder_layers(network)[0].rpartition(".")[0])
    tokens: nn.Module = network.get_input_embeddings()
    module: nn.Module
    for module in network.children():
        if module is not owner and any(part is tokens for part in module.modules()):
            return module
    return tokens


class GradualUnfreezing:
    """Unfreezes, epoch by epoch, the parameters that ``select_trainable`` chose, from the last
    layer down to the embeddings (ULMFiT, Howard and Ruder 2018).

    With any other ``freeze`` all are trained from the first epoch. All are trained in the last
    epoch, whatever the number of epochs.
    """

    def __init__(self, network: Any, settings: TextTuning) -> None:
        self._epochs = settings.epochs
        self._groups: list[list[nn.Parameter]] = []
        if settings.freeze == "gradual":
            base = network.get_base_model() if hasattr(network, "get_base_model") else network
            modules = [*reversed(encoder_layers(base)[1]), embedding_module(base)]
            found = [[p for p in part.parameters() if p.requires_grad] for part in modules]
            self._groups = [group for group in found if group]

    def start_epoch(self, epoch: int) -> int:
        """Unfreeze the groups of ``epoch`` (from 0); returns how many groups are trained."""
        share = min(1.0, (epoch + 1) / self._epochs)
        trained = math.ceil(share * len(self._groups))
        for row, group in enumerate(self._groups):
            for parameter in group:
                parameter.requires_grad_(row < trained)
        return trained


def _unfreeze(network: Any, settings: TextTuning) -> None:
    _, layers = encoder_layers(network)
    for layer in layers[settings.frozen_layers :]:
        layer.requires_grad_(True)
    if settings.freeze in ("none", "gradual") and not settings.frozen_layers:
        embedding_module(network).requires_grad_(True)


def _linear_names(network: Any, first: int) -> list[list[str]]:
    """Full names of the linear modules of each layer from ``first`` on."""
    prefix, layers = encoder_layers(network)
    if first >= len(layers):
        raise TextModelError(
            f"frozen_layers is {first}, the encoder has {len(layers)} layers; freeze fewer."
        )
    return [
        [
            f"{prefix}.{row}.{name}"
            for name, module in layers[row].named_modules()
            if isinstance(module, nn.Linear)
        ]
        for row in range(first, len(layers))
    ]


def _adapter_config(peft: Any, network: Any, settings: TextTuning, steps: int) -> Any:
    if settings.method == "prefix":
        return peft.PrefixTuningConfig(task_type=_TASK, num_virtual_tokens=settings.prefix_tokens)
    by_layer = _linear_names(network, settings.frozen_layers)
    names = [name for layer in by_layer for name in layer]
    if settings.method == "ia3":
        last = [layer[-1] for layer in by_layer]  # the feed-forward map back to the layer's width
        attention = [name for name in names if _KEYS_VALUES.search(name)]
        return peft.IA3Config(
            task_type=_TASK, target_modules=[*attention, *last], feedforward_modules=last
        )
    shared = {"task_type": _TASK, "target_modules": names, "lora_dropout": settings.dropout}
    if settings.method == "lora":
        alpha = settings.scale * settings.rank
        return peft.LoraConfig(r=settings.rank, lora_alpha=alpha, **shared)
    initial = max(settings.rank + 1, round(_ADALORA_INITIAL_RANK * settings.rank))
    return peft.AdaLoraConfig(
        target_r=settings.rank,
        init_r=initial,
        lora_alpha=settings.scale * initial,
        total_step=max(3, steps),
        tinit=max(1, steps // 10),
        tfinal=max(1, steps // 2),
        deltaT=max(1, steps // 100),
        **shared,
    )
