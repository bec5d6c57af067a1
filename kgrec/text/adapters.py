"""What of an encoder is trained: adapters from the peft library, or its own weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import TextModelError

_KEYS_VALUES = re.compile(r"(^|\.)(key|value|k|v|k_lin|v_lin|k_proj|v_proj)$")
_TASK = "FEATURE_EXTRACTION"
_PREFIX_START = 0.02  # peft's own start, 1, drowns what the encoder has learned
_ADALORA_START = 1.5  # ranks to share out, per rank that each matrix keeps on average


class PrefixedEncoder(nn.Module):
    """An encoder with a prefix: words keep the places they would have without one."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        return self.network(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=places.expand(len(input_ids), -1),
        )

    @property
    def config(self) -> Any:
        return self.network.get_base_model().config

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def get_input_embeddings(self) -> Any:
        return self.network.get_base_model().get_input_embeddings()


def prepared(network: Any, settings: TextTuning, steps: int) -> Any:
    """``network`` with exactly what ``settings`` train set to take gradients; ``steps`` are all
    there will be. The network itself is changed. Raises TextModelError for a method that this kind
    of encoder has no place for."""
    network.requires_grad_(False)
    if settings.freeze == "all":
        return network
    if settings.method == "full":
        _open_weights(network, settings)
        return network
    with quiet():
        from peft import get_peft_model

        try:
            adapted = get_peft_model(network, _peft_config(network, settings, steps))
        except ValueError as error:
            raise TextModelError(
                f"{settings.method} can't be put on a {network.config.model_type} encoder "
                f"({error}); choose another method, such as lora or full."
            ) from error
    if settings.method != "prefix":
        return adapted
    with torch.no_grad():
        adapted.prompt_encoder["default"].embedding.weight.mul_(_PREFIX_START)
    return prefixed(adapted)


def prefixed(adapted: Any) -> PrefixedEncoder:
    """Raises TextModelError where the encoder does not read a prefix: some take it and say nothing.

    The proof is the output: another prefix must give another vector.
    """
    wrapped = PrefixedEncoder(adapted)
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


def merged(adapted: Any) -> Any:
    """The encoder with its adapter worked into the weights, as fast as without one; a prefix stays
    beside them."""
    if isinstance(adapted, PrefixedEncoder) or not hasattr(adapted, "merge_and_unload"):
        return adapted
    return adapted.merge_and_unload()


def layers_of(network: Any) -> tuple[str, list[nn.Module]]:
    """The name of the list of layers, and the layers, first to last."""
    wanted = getattr(network.config, "num_hidden_layers", None)
    for name, module in network.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == wanted:
            return name, list(module)
    raise TextModelError(
        f"a {network.config.model_type} model has no list of layers that kgrec knows; "
        "use a model such as BERT, RoBERTa, MPNet or DistilBERT."
    )


def _open_weights(network: Any, settings: TextTuning) -> None:
    _, layers = layers_of(network)
    for layer in layers[settings.frozen_layers :]:
        layer.requires_grad_(True)
    if settings.freeze in ("none", "gradual") and not settings.frozen_layers:
        embeddings_of(network).requires_grad_(True)


def embeddings_of(network: Any) -> nn.Module:
    """The module that holds the words' vectors and what is added to them."""
    owner = network.get_submodule(layers_of(network)[0].rpartition(".")[0])
    words: nn.Module = network.get_input_embeddings()
    module: nn.Module
    for module in network.children():
        inside = module is not owner and any(part is words for part in module.modules())
        if inside:
            return module
    return words


def _linears(network: Any, first: int) -> list[list[str]]:
    """Full names of the linear maps of each layer from ``first`` on."""
    prefix, layers = layers_of(network)
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


def _peft_config(network: Any, settings: TextTuning, steps: int) -> Any:
    import peft

    if settings.method == "prefix":
        return peft.PrefixTuningConfig(task_type=_TASK, num_virtual_tokens=settings.prefix_tokens)
    linears = _linears(network, settings.frozen_layers)
    every = [name for layer in linears for name in layer]
    if settings.method == "ia3":
        last = [layer[-1] for layer in linears]  # the feed-forward map back to the layer's width
        attention = [name for name in every if _KEYS_VALUES.search(name)]
        return peft.IA3Config(
            task_type=_TASK, target_modules=[*attention, *last], feedforward_modules=last
        )
    shared = {
        "task_type": _TASK,
        "target_modules": every,
        "lora_dropout": settings.dropout,
    }
    if settings.method == "lora":
        alpha = settings.scale * settings.rank
        return peft.LoraConfig(r=settings.rank, lora_alpha=alpha, **shared)
    start = max(settings.rank + 1, round(_ADALORA_START * settings.rank))
    return peft.AdaLoraConfig(
        target_r=settings.rank,
        init_r=start,
        lora_alpha=settings.scale * start,
        total_step=max(3, steps),
        tinit=max(1, steps // 10),
        tfinal=max(1, steps // 2),
        deltaT=max(1, steps // 100),
        **shared,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """peft's imports warn of what no user of kgrec can change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
