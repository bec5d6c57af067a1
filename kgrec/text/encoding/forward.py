"""ForwardPass: chunks of token ids to unit vectors, in the fastest precision that is exact
enough."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_schema.errors import RequestError, TextModelError
from kgrec.text.encoding.pooling import Pooling
from kgrec.text.encoding.precision import (
    MIN_COSINE,
    MIN_COSINE_INT8,
    SAME_COSINE,
    Precision,
    has_native_bf16,
    is_faster,
    lowest_cosine,
)
from kgrec.text.encoding.runtimes import States, has_openvino, openvino_states, torch_states

MANY = 256  # chunks at once that justify the seconds of compiling and timing OpenVINO
_TIMED = 16  # chunks of medium length in the timed batch


def padded(chunks: Sequence[Sequence[int]], padding: int) -> tuple[np.ndarray, np.ndarray]:
    """``ids``, filled up with ``padding``, and ``attention`` (1: a token), int64 ``[B,
    longest]``."""
    width = max(map(len, chunks))
    ids = np.full((len(chunks), width), padding, dtype=np.int64)
    attention = np.zeros((len(chunks), width), dtype=np.int64)
    for row, chunk in enumerate(chunks):
        ids[row, : len(chunk)] = chunk
        attention[row, : len(chunk)] = 1
    return ids, attention


class ForwardPass:
    """A network on its device with its pooling and precision; call it with chunks.

    ``padding`` is the token id that fills a batch; ``sample`` are chunks of varied texts on which
    bf16 and int8 are checked. The attribute ``precision`` is "fp32", "bf16" or "int8",
    ``runtime`` "torch" or "openvino". Raises TextModelError where OpenVINO is requested and can't
    run the network, and where int8 changes a vector of the sample past a cosine of .999;
    RequestError for OpenVINO on an accelerator.
    """

    def __init__(
        self,
        network: Any,
        pooling: Pooling,
        *,
        device: torch.device,
        padding: int,
        precision: Precision,
        sample: list[list[int]],
    ) -> None:
        self.device = device
        self.pooling = pooling
        self.precision: str = "fp32"
        self.runtime = "torch"
        self._padding = padding
        self._network = network.to(device)
        self._states: States = torch_states(self._network)
        self._undecided = False
        self._choose(precision, sample)

    @property
    def may_pad(self) -> bool:
        """Whether a batch may hold chunks of different lengths.

        In fp32 alone: padding changes the last digit of fp32, rounding enlarges that to a step of
        bf16 or int8, and a text's vector would depend on its batch.
        """
        return self.precision == "fp32"

    @property
    def network(self) -> Any:
        """The network in fp32, whatever the precision in use."""
        half = self.precision == "bf16"
        return copy.deepcopy(self._network).float() if half else self._network

    @torch.inference_mode()
    def __call__(self, chunks: list[list[int]], states: States | None = None) -> np.ndarray:
        """float64 ``[B, dim]``: each chunk's unit vector, by ``states`` or the chosen runtime."""
        ids, attention = self._tensors(chunks)
        found = (states or self._states)(ids, attention)
        return self.pooling(found, attention).double().cpu().numpy()

    def _tensors(self, chunks: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and attention, int64 ``[B, L]``."""
        ids, mask = padded(chunks, self._padding)
        return torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device)

    def choose_runtime(self, chunks: list[list[int]]) -> None:
        """With precision "auto": use OpenVINO's fp32 if it is faster on some of these chunks.

        Measured once, at the first call with MANY chunks or more, on those of medium length.
        PyTorch stays where OpenVINO can't run the network.
        """
        if not self._undecided or len(chunks) < MANY:
            return
        self._undecided = False
        order = np.argsort([len(chunk) for chunk in chunks], kind="stable")
        first = (len(chunks) - _TIMED) // 2
        try:
            states = openvino_states(self._network)
        except TextModelError:
            return
        if self._is_faster(states, [chunks[row] for row in order[first : first + _TIMED]]):
            self._use("openvino", states)

    def _choose(self, precision: Precision, sample: list[list[int]]) -> None:
        on_processor = self.device.type == "cpu"
        if precision in ("openvino", "int8"):
            if not on_processor:
                raise RequestError(
                    f"precision {precision} runs on the processor only; use device 'cpu'."
                )
            by = self._tensors(sample) if precision == "int8" else None
            self._use("openvino", openvino_states(self._network, by))
        elif precision == "bf16" or (precision == "auto" and has_native_bf16(self.device)):
            self._use_bf16_if_close(sample, must=precision == "bf16")
        if precision == "int8":
            self._check_int8(sample)
        fp32 = precision == "auto" and self.precision == "fp32"
        self._undecided = fp32 and on_processor and has_openvino()

    def _use(self, runtime: str, states: States) -> None:
        self.runtime, self._states = runtime, states

    def _use_bf16_if_close(self, sample: list[list[int]], must: bool) -> None:
        """Native bf16 is always faster; timing it would let a busy machine choose the vectors."""
        network = copy.deepcopy(self._network).to(torch.bfloat16)
        states = torch_states(network)
        if must or lowest_cosine(self(sample), self(sample, states)) >= MIN_COSINE:
            self.precision, self._network = "bf16", network
            self._use("torch", states)

    def _check_int8(self, sample: list[list[int]]) -> None:
        exact = self(sample, torch_states(self._network))
        lowest = lowest_cosine(exact, self(sample))
        if lowest < MIN_COSINE_INT8:
            raise TextModelError(
                f"int8 changes this model's vectors to a cosine of {lowest:.4f} to fp32, below "
                f"{MIN_COSINE_INT8}; use precision auto, fp32 or openvino."
            )
        self.precision = "int8"

    def _is_faster(
        self, states: States, chunks: list[list[int]], least: float = SAME_COSINE
    ) -> bool:
        return is_faster(lambda: self(chunks), lambda: self(chunks, states), least)
