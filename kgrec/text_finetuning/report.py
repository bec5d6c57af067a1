"""What tuning cost: memory of gradients and optimizer, peak of the process, seconds, parameters."""

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
    """``parameters`` counts the encoder (without its pooler) and its adapter, ``trained`` those of
    them that were trained, ``head`` those of a prediction head (which is not kept); bytes are
    peaks.

    ``peak_bytes`` is the process' resident memory, or the accelerator's; 0 where nobody tells.
    ``history`` has a record per epoch: objective, epoch, steps, loss, valid_loss, perplexity (mlm),
    ndcg@10 (recommend, whose valid_loss is what it lacks to 1).
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
        """Of the encoder's parameters, those that were trained."""
        return self.trained / self.parameters


class CostMeter:
    """Follows one tuning, and keeps the largest it saw."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start = time.perf_counter()
        self.trained = self.head = self.gradient_bytes = self.optimizer_bytes = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):
                _RESET.write_text("5")  # the kernel forgets the peak so far

    def after_step(self, encoder: Any, head: nn.Module | None, state: Iterable[Tensor]) -> None:
        """Before the gradients are dropped; ``state`` is all that the optimizer holds on to."""
        own = [p for p in encoder.parameters() if p.grad is not None]
        heads = [] if head is None else [p for p in head.parameters() if p.grad is not None]
        gradients = _bytes(p.grad for p in [*own, *heads] if p.grad is not None)
        self.trained = max(self.trained, sum(p.numel() for p in own))
        self.head = max(self.head, sum(p.numel() for p in heads))
        self.gradient_bytes = max(self.gradient_bytes, gradients)
        self.optimizer_bytes = max(self.optimizer_bytes, _bytes(state))

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    def peak_bytes(self) -> int:
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device))
        if not _STATUS.is_file():
            return 0
        found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        return int(found[1]) * 1024 if found else 0


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors inside dictionaries and lists."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in tensors_in(part)]
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in tensors_in(part)]
    return []
