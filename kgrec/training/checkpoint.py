"""Checkpoints: weights, optimizer and progress in safetensors and JSON, replaced as a whole."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from graph_schema.disk.files import read_json
from kgrec.errors import ModelError, reason
from kgrec.files import FolderKind, check_writable, read_folder, readable_folder, replaced_folder

_TENSORS = ("model", "optimizer", "best", "average", "balancer")


def _listed(state: dict[str, Any]) -> list[str] | None:
    if "fingerprint" not in state:
        return None
    return list(state.get("files", [f"{name}.safetensors" for name in _TENSORS]))


CHECKPOINT = FolderKind("checkpoint", "state.json", _listed)


@dataclass
class TrainingState:
    """Progress of a training: epochs done, validations without a gain, the best weights so far, the
    average over ``steps`` and the state of the balancer; ``best_of`` is the best metric of each
    scenario that has its own.
    """

    epoch: int = 0
    waited: int = 0
    best_metric: float = -math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    steps: int = 0
    balancer: dict[str, Tensor] = field(default_factory=dict)
    best_of: dict[str, float] = field(default_factory=dict)
    records: list[dict[str, float]] = field(default_factory=list)


class TrainingStore(Protocol):
    """Where the state of a training is kept; see ``Checkpoint``."""

    def check(self) -> None: ...

    def save(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, done: TrainingState
    ) -> None: ...

    def load(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> TrainingState: ...


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds one state of a training; ``fingerprint`` identifies the data, settings
    and seed."""

    folder: Path
    fingerprint: str

    def check(self) -> None:
        """Raise ModelError, before training, where the folder holds anything else or the disk does
        not let it be written."""
        check_writable(self.folder, CHECKPOINT)

    def is_other(self) -> bool:
        """Whether the folder holds a state of other data, settings or seed."""
        try:
            place = readable_folder(self.folder, CHECKPOINT) / CHECKPOINT.manifest
            found = read_json(place)
        except (OSError, ValueError):
            return False
        return isinstance(found, dict) and found.get("fingerprint") != self.fingerprint

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, done: TrainingState) -> None:
        """Write the state beside the old one, then put it in its place. Raises ModelError."""
        try:
            with replaced_folder(self.folder, CHECKPOINT) as fresh:
                self._write(fresh, model, optimizer, done)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"{self.folder}: can't save the checkpoint ({reason(error)}); free some space or "
                "permit writing there, then resume."
            ) from error

    def _write(
        self, fresh: Path, model: nn.Module, optimizer: torch.optim.Optimizer, done: TrainingState
    ) -> None:
        save_file(_plain(model.state_dict()), fresh / "model.safetensors")
        save_file(_optimizer_tensors(optimizer), fresh / "optimizer.safetensors")
        save_file(_plain(done.best), fresh / "best.safetensors")
        save_file(_plain(done.average), fresh / "average.safetensors")
        save_file(_plain(done.balancer), fresh / "balancer.safetensors")
        state = {
            "files": [f"{name}.safetensors" for name in _TENSORS],
            "fingerprint": self.fingerprint,
            "epoch": done.epoch,
            "waited": done.waited,
            "best_metric": None if math.isinf(done.best_metric) else done.best_metric,
            "records": done.records,
            "steps": done.steps,
            "best_of": done.best_of,
        }
        (fresh / CHECKPOINT.manifest).write_text(json.dumps(state), encoding="utf-8")

    def load(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> TrainingState:
        """Bring model and optimizer to the saved state; a fresh start where nothing is saved.

        Raises ModelError for a state of other data, settings or seed, or one that can't be read.
        """
        if not readable_folder(self.folder, CHECKPOINT).exists():
            return TrainingState()
        state, tensors = read_folder(self.folder, CHECKPOINT, _read)
        if state["fingerprint"] != self.fingerprint:
            raise ModelError(
                f"{self.folder}: made from other data, settings or seed; delete it or choose "
                "another."
            )
        model.load_state_dict(tensors["model"])
        _restore(optimizer, tensors["optimizer"])
        best = state["best_metric"]
        return TrainingState(
            epoch=state["epoch"],
            waited=state["waited"],
            best_metric=-math.inf if best is None else best,
            best=tensors["best"],
            average=tensors["average"],
            steps=state["steps"],
            balancer=tensors["balancer"],
            best_of=state["best_of"],
            records=state["records"],
        )


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """The state and the tensors by file. Raises ModelError."""
    try:
        state = read_json(folder / CHECKPOINT.manifest)
        tensors = {name: load_file(folder / f"{name}.safetensors") for name in _TENSORS}
    except Exception as error:
        raise ModelError(
            f"{folder}: not a readable checkpoint ({error}); move it away, or name another folder."
        ) from error
    return state, tensors


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    tensors = {
        f"{row}.{name}": value for row, part in state.items() for name, value in part.items()
    }
    return _plain(tensors)


def _restore(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state = optimizer.state_dict()
    parts: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        row, name = key.split(".", 1)
        parts.setdefault(int(row), {})[name] = value
    state["state"] = parts
    optimizer.load_state_dict(state)
