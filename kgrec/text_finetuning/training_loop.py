"""TrainingLoop: steps, learning rate, early stopping and checks of one objective."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import TextModelError, TrainingError
from kgrec.progress import Progress
from kgrec.text.encoding.precision import has_native_bf16
from kgrec.text_finetuning.report import CostMeter, tensors_in
from kgrec.text_finetuning.trainable_parameters import GradualUnfreezing


class Objective(Protocol):
    """Protocol of an objective: its batches, which depend on the seed and the epoch alone, and its
    loss.

    ``head`` is trained with the encoder and not kept. ``loss`` gives the mean loss of a batch and
    its number of examples; ``metrics`` the usual metrics of a validation loss.
    """

    name: str
    n_batches: int

    @property
    def head(self) -> nn.Module | None: ...

    def batches(self, epoch: int) -> Iterator[Any]: ...

    def valid(self) -> Sequence[Any]: ...

    def loss(self, network: Any, batch: Any) -> tuple[Tensor, int]: ...

    def metrics(self, valid: float, /) -> dict[str, float]: ...


class TrainingLoop:
    """Trains ``network`` on one objective and restores the weights of the best epoch.

    Where no epoch lowers the validation loss, these are the weights before training.
    """

    def __init__(
        self,
        network: Any,
        objective: Objective,
        settings: TextTuning,
        meter: CostMeter,
        progress: Progress | None = None,
        steps_before: int = 0,
    ) -> None:
        """``steps_before`` is the number of training steps of earlier objectives."""
        device = next(network.parameters()).device
        self._network, self._objective, self._settings = network, objective, settings
        self._device, self._meter, self._progress = device, meter, progress
        self._half = settings.mixed_precision == "auto" and has_native_bf16(device)
        modules = [network, *([objective.head] if objective.head is not None else [])]
        self._modules = nn.ModuleList(modules).to(device)
        self._trained = {n: p for n, p in self._modules.named_parameters() if p.requires_grad}
        self._optimizer = torch.optim.AdamW(
            self._trained.values(), lr=settings.peak, weight_decay=settings.reg
        )
        self._per_epoch = steps_per_epoch(objective, settings)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, self._rate)
        self._unfreezing = GradualUnfreezing(network, settings)
        self._ranks = getattr(network, "update_and_allocate", None)
        self._first = self.steps = steps_before

    def run(self) -> list[dict[str, Any]]:
        """Train; returns a record per epoch. Raises TrainingError for a loss that is not a
        number."""
        records, waited, kept = [], 0, self._copied()
        before = self._validate()
        best = math.inf if before is None else before
        for epoch in range(self._settings.epochs):
            self._unfreezing.start_epoch(epoch)
            record = {"objective": self._objective.name, "epoch": epoch + 1, **self._epoch(epoch)}
            valid = self._validate()
            records.append({**record, **self._validation_record(before, valid)})
            if valid is None or valid < best:
                best = math.inf if valid is None else valid
                waited, kept = 0, self._copied()
                continue
            waited += 1
            if waited >= self._settings.patience:
                break
        self._restore(kept)
        self._network.eval()
        return records

    def _validation_record(
        self, before: float | None, valid: float | None
    ) -> dict[str, float | None]:
        if valid is None or before is None:
            return {"valid_loss": None}
        losses = {"valid_loss": valid, "valid_loss_before": before}
        return {**losses, **self._objective.metrics(valid)}

    def _epoch(self, epoch: int) -> dict[str, Any]:
        self._modules.train()
        total, rows = 0.0, 0
        batches = islice(
            self._objective.batches(epoch), self._per_epoch * self._settings.accumulation
        )
        steps = 0
        while part := list(islice(batches, self._settings.accumulation)):
            loss, size = self._step(part)
            total, rows, steps = total + loss * size, rows + size, steps + 1
            self._report_loss(total / rows)
        return {"steps": steps, "loss": total / max(rows, 1)}

    def _step(self, part: list[Any]) -> tuple[float, int]:
        """One step of the optimizer on some batches: their mean loss, and the number of
        examples."""
        total, rows = 0.0, 0
        for batch in part:
            loss, size = self._loss(batch)
            (loss / len(part)).backward()  # type: ignore[no-untyped-call]
            total, rows = total + float(loss.detach()) * size, rows + size
        if not math.isfinite(total):
            raise TrainingError(
                f"fine-tuning on {self._objective.name}: the loss is {total / rows:g} at step "
                f"{self.steps + 1}; lower learning_rate, or set mixed_precision to 'off'."
            )
        if self.steps == self._first:
            self._check_gradients()
        torch.nn.utils.clip_grad_norm_(self._trained.values(), 1.0)
        self._optimizer.step()
        self.steps += 1
        if self._ranks is not None:
            self._ranks(self.steps)
        self._meter.after_step(self._network, self._objective.head, self._state())
        self._optimizer.zero_grad(set_to_none=True)
        self._schedule.step()
        return total / rows, rows

    def _loss(self, batch: Any) -> tuple[Tensor, int]:
        kind = self._device.type
        half = torch.autocast(kind, torch.bfloat16) if self._half else contextlib.nullcontext()
        with half:
            loss, size = self._objective.loss(self._network, batch)
        if self._ranks is not None and self._network.training:
            loss = loss + _orthogonality_penalty(self._network)
        return loss, size

    def _check_gradients(self) -> None:
        """Raise TextModelError where the encoder ignores a trained parameter."""
        unused = [n for n, p in self._trained.items() if p.requires_grad and p.grad is None]
        if unused:
            raise TextModelError(
                f"{len(unused)} parameters of method {self._settings.method!r} get no gradient in "
                f"this encoder (the first: {unused[0]}); choose another method."
            )

    @torch.no_grad()
    def _validate(self) -> float | None:
        """The mean loss of the validation batches; None without any."""
        self._modules.eval()
        total, rows = 0.0, 0
        for batch in self._objective.valid():
            loss, size = self._loss(batch)
            total, rows = total + float(loss) * size, rows + size
        return total / rows if rows else None

    def _rate(self, step: int) -> float:
        """The learning rate as a share of its peak: linear warm-up, then linear decay."""
        steps = max(1, self._per_epoch * self._settings.epochs)
        rising = max(1, round(self._settings.warmup * steps))
        if step < rising:
            return (step + 1) / rising
        return max(0.0, (steps - step) / max(1, steps - rising))

    def _state(self) -> list[Tensor]:
        """The tensors that the optimizer and adalora's rank allocation keep between steps."""
        kept = tensors_in(dict(self._optimizer.state))
        ranking = getattr(self._network, "rankallocator", None)
        if ranking is not None:
            kept += tensors_in([ranking.ipt, ranking.exp_avg_ipt, ranking.exp_avg_unc])
        return kept

    def _copied(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self._trained.items()}

    @torch.no_grad()
    def _restore(self, kept: dict[str, Tensor]) -> None:
        for name, parameter in self._trained.items():
            parameter.copy_(kept[name])

    def _report_loss(self, loss: float) -> None:
        if self._progress is not None:
            total = self._per_epoch * self._settings.epochs
            self._progress(
                f"fine-tuning ({self._objective.name}): loss {loss:.3f}",
                self.steps - self._first,
                total,
            )


def steps_per_epoch(objective: Objective, settings: TextTuning) -> int:
    """The number of optimizer steps of an epoch."""
    steps = math.ceil(objective.n_batches / settings.accumulation)
    return steps if settings.steps is None else min(steps, settings.steps)


def _orthogonality_penalty(network: Any) -> Tensor:
    """AdaLoRA's regulariser (Zhang et al. 2023, equation 4).

    peft adds it only to models that compute their own loss.
    """
    parts = []
    for name, p in network.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            product = p @ p.T if "lora_A" in name else p.T @ p
            unit = torch.eye(len(product), device=p.device)
            parts.append(torch.linalg.matrix_norm(product - unit))
    weight: float = network.peft_config["default"].orth_reg_weight
    return weight * torch.stack(parts).mean()
