"""Pooling: one vector per chunk from the last layer, as the model's folder configures it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from graph_schema.disk.files import read_json
from graph_schema.errors import TextModelError
from kgrec.text.encoding.models import sha256

# Names in sentence-transformers -> mode; a division by a length changes nothing in unit rows.
_MODES = {"mean": "mean", "mean_tokens": "mean", "mean_sqrt_len_tokens": "mean"}
_MODES |= {"cls": "cls", "cls_token": "cls"}
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Identity": lambda states: states,
    "Tanh": torch.tanh,
    "ReLU": torch.relu,
}
_IGNORED = ("Transformer", "Normalize", "Dropout")  # all vectors are normalised anyway


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
    """The mean over a chunk's tokens or the state of its first token, followed by ``layers``."""

    mode: str = "mean"
    layers: tuple[Dense, ...] = ()

    @property
    def name(self) -> str:
        """Identifies the pooling in a fingerprint."""
        return "+".join([self.mode, *(f"{d.activation}:{d.checksum}" for d in self.layers)])

    def dim(self, hidden: int) -> int:
        """The size of the vectors; ``hidden`` is that of the network's states."""
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
    """The pooling in ``modules.json`` of a sentence-transformers folder; the mean without that
    file.

    Raises TextModelError for modules and poolings that kgrec does not support.
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
                f"{folder}/modules.json names a {kind} layer, which kgrec does not support; use a "
                "model with mean or first-token pooling."
            )
    return pooling


def _mode(config: Path) -> str:
    settings = _read_json(config)
    prefix = "pooling_mode_"
    modes = [
        key.removeprefix(prefix) for key in settings if key.startswith(prefix) and settings[key]
    ]
    if "pooling_mode" in settings:
        modes = [settings["pooling_mode"]]
    if len(modes) != 1 or modes[0] not in _MODES:
        raise TextModelError(
            f"{config} names the pooling {' and '.join(map(str, modes)) or '(none)'}; kgrec "
            "supports the mean and the first token (cls)."
        )
    return _MODES[modes[0]]


def _dense(folder: Path) -> Dense:
    settings = _read_json(folder / "config.json")
    activation = str(settings.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise TextModelError(
            f"{folder}/config.json names the activation {activation}; kgrec supports "
            f"{', '.join(_ACTIVATIONS)}."
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
        return read_json(file)
    except (OSError, ValueError) as error:
        raise TextModelError(
            f"{file} is missing or damaged ({error}); fetch the model again."
        ) from error
