"""TuningReport: parameters, memory and seconds of a fine-tuning, and a record per epoch."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kgrec.config.text_finetuning import Method, Objective

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class TuningReport:
    """Cost and course of a fine-tuning.

    Attributes
    ----------
    method, objectives
        As in the settings.
    parameters
        Parameters of the encoder (without its pooler) and its adapter.
    trained
        Those of them that were trained.
    head
        Parameters of a prediction head, which is not kept.
    gradient_bytes, optimizer_bytes
        Peak memory of gradients and of the optimizer's state.
    peak_bytes
        Peak resident memory of the process, or of the accelerator; 0 where the system does not
        report it.
    seconds, steps
        Duration, and number of optimizer steps.
    history
        One record per epoch: objective, epoch, steps, loss, valid_loss, valid_loss_before,
        perplexity (mlm), ndcg@10 (recommend, whose valid_loss is 1 − NDCG@10).
    """

    method: Method
    objectives: tuple[Objective, ...]
    parameters: int
    trained: int
    head: int
    gradient_bytes: int
    optimizer_bytes: int
    peak_bytes: int
    seconds: float
    steps: int
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def trained_share(self) -> float:
        """Share of the encoder's parameters that were trained, 0 to 1."""
        return self.trained / self.parameters


class CostMeter:
    """Measures one fine-tuning and keeps the largest values."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start = time.perf_counter()
        self.trained = self.head = self.gradient_bytes = self.optimizer_bytes = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):
                _RESET.write_text("5")  # resets the peak that the kernel reports

    def after_step(self, encoder: Any, head: nn.Module | None, state: Iterable[Tensor]) -> None:
        """Call before the gradients are cleared; ``state`` are the tensors of the optimizer."""
        own = [p for p in encoder.parameters() if p.grad is not None]
        heads = [] if head is None else [p for p in head.parameters() if p.grad is not None]
        gradients = _bytes(p.grad for p in [*own, *heads] if p.grad is not None)
        self.trained = max(self.trained, sum(p.numel() for p in own))
        self.head = max(self.head, sum(p.numel() for p in heads))
        self.gradient_bytes = max(self.gradient_bytes, gradients)
        self.optimizer_bytes = max(self.optimizer_bytes, _bytes(state))

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def peak_bytes(self) -> int:
        """Peak memory so far, as in TuningReport."""
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device))
        if not _STATUS.is_file():
            return 0
        found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        return int(found[1]) * 1024 if found else 0


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors in nested dictionaries and lists."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in tensors_in(part)]
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in tensors_in(part)]
    return []
