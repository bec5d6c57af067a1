"""From a network's last layer to one vector per chunk, as the model's folder asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from graph_schema.errors import TextModelError
from kgrec.text.models import sha256

# What sentence-transformers calls it -> what it is; lengths don't count once rows are unit.
_MODES = {"mean": "mean", "mean_tokens": "mean", "mean_sqrt_len_tokens": "mean"}
_MODES |= {"cls": "cls", "cls_token": "cls"}
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Identity": lambda states: states,
    "Tanh": torch.tanh,
    "ReLU": torch.relu,
}
_IGNORED = ("Transformer", "Normalize", "Dropout")  # vectors are made unit in any case


@dataclass(frozen=True, eq=False)
class Dense:
    """A linear layer after the pooling: ``weight`` float32 ``[out, in]``, ``bias`` ``[out]``."""

    weight: Tensor
    bias: Tensor | None
    activation: str
    checksum: str

    def __call__(self, vectors: Tensor) -> Tensor:
        weight = self.weight.to(vectors.device)
        bias = None if self.bias is None else self.bias.to(vectors.device)
        return _ACTIVATIONS[self.activation](torch.nn.functional.linear(vectors, weight, bias))


@dataclass(frozen=True, eq=False)
class Pooling:
    """Mean over a chunk's tokens or its first token's state, then ``layers``."""

    mode: str = "mean"
    layers: tuple[Dense, ...] = ()

    @property
    def name(self) -> str:
        """Tells poolings apart in a fingerprint."""
        return "+".join([self.mode, *(f"{d.activation}:{d.checksum}" for d in self.layers)])

    def dim(self, hidden: int) -> int:
        """The width of the vectors, from that of the network's states."""
        return int(self.layers[-1].weight.shape[0]) if self.layers else hidden

    def __call__(self, states: Tensor, attention: Tensor) -> Tensor:
        """float32 ``[B, dim]``, unit rows, of ``states`` ``[B, L, d]`` and ``attention`` int
        ``[B, L]`` (1 where there is a token)."""
        vectors = self._pooled(states.float(), attention.unsqueeze(-1).float())
        for layer in self.layers:
            vectors = layer(vectors)
        return torch.nn.functional.normalize(vectors, dim=1)

    def _pooled(self, states: Tensor, weights: Tensor) -> Tensor:
        if self.mode == "cls":
            return states[:, 0]
        return (states * weights).sum(1) / weights.sum(1)


MEAN = Pooling()


def read_pooling(folder: Path) -> Pooling:
    """What ``modules.json`` of a sentence-transformers folder asks for; the mean without one.

    Raises TextModelError for modules or poolings that kgrec has not.
    """
    if not (folder / "modules.json").is_file():
        return MEAN
    pooling = MEAN
    for module in _read_json(folder / "modules.json"):
        kind, place = str(module["type"]).rpartition(".")[2], folder / str(module["path"])
        if kind == "Pooling":
            pooling = Pooling(_mode(place / "config.json"), pooling.layers)
        elif kind == "Dense":
            pooling = Pooling(pooling.mode, (*pooling.layers, _dense(place)))
        elif kind not in _IGNORED:
            raise TextModelError(
                f"{folder}/modules.json asks for a {kind} layer, which kgrec has not; use a model "
                "of mean or first-token pooling."
            )
    return pooling


def _mode(config: Path) -> str:
    told = _read_json(config)
    prefix = "pooling_mode_"
    asked = [key.removeprefix(prefix) for key in told if key.startswith(prefix) and told[key]]
    if "pooling_mode" in told:
        asked = [told["pooling_mode"]]
    if len(asked) != 1 or asked[0] not in _MODES:
        raise TextModelError(
            f"{config} asks for pooling by {' and '.join(map(str, asked)) or 'nothing'}; kgrec "
            "knows the mean and the first token (cls)."
        )
    return _MODES[asked[0]]


def _dense(folder: Path) -> Dense:
    told = _read_json(folder / "config.json")
    activation = str(told.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise TextModelError(
            f"{folder}/config.json asks for {activation}; kgrec knows {', '.join(_ACTIVATIONS)}."
        )
    weights = folder / "model.safetensors"
    try:
        tensors = load_file(weights)
        weight = tensors["linear.weight"].float()
    except (OSError, SafetensorError, KeyError) as error:
        raise TextModelError(
            f"{weights} is missing or damaged ({error}); fetch the model again."
        ) from error
    bias = tensors.get("linear.bias")
    checksum = sha256(weights)[:16]
    return Dense(weight, None if bias is None else bias.float(), activation, checksum)


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TextModelError(
            f"{file} is missing or damaged ({error}); fetch the model again."
        ) from error
