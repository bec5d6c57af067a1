"""Checkpoints of all ranks: torch.distributed.checkpoint in safetensors, for any number of ranks.

A folder holds ``state.json`` and one folder of tensors, named after its epoch. The tensors are
written first and ``state.json`` is then replaced, so that a run that is killed leaves the state
before. Tables are written in the order of their places (see ``Owners``), of which each rank owns a
range, so another number of ranks reads other ranges of the same files.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard

from graph_schema.disk.files import flush_folder, put_text, read_json
from kgrec.distributed.group import agreed
from kgrec.distributed.shards import Shards
from kgrec.errors import ModelError, reason
from kgrec.training.checkpoint import TrainingState

_STATE: Final = "state.json"
_FORMAT: Final = "kgrec-shared-checkpoint"
_FOLDER: Final = "epoch-"
_PER_ROW: Final = ("exp_avg", "exp_avg_sq", "updated")  # what the optimizer keeps by row


@dataclass(frozen=True, eq=False)
class SharedCheckpoint:
    """The state of a training by several ranks, in a folder that all of them see.

    ``fingerprint`` identifies the data, settings, seed and number of micro-steps.
    """

    folder: Path
    fingerprint: str
    shards: Shards

    def check(self) -> None:
        """Raise ModelError, before training, where the folder holds anything else."""
        if not self.folder.exists():
            return
        for path in self.folder.iterdir():
            if path.name != _STATE and not path.name.startswith(_FOLDER):
                raise ModelError(
                    f"{self.folder} holds {path.name}, which is no checkpoint of kgrec; name "
                    "another folder, or move it away."
                )

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, done: TrainingState) -> None:
        """Write the state beside the old one, then put it in its place. Raises ModelError."""
        fresh = self.folder / f"{_FOLDER}{done.epoch:05d}"
        group = self.shards.group
        with self._refusal_named():
            if group.is_first:
                shutil.rmtree(fresh, ignore_errors=True)
                fresh.mkdir(mode=0o700, parents=True)
        group.wait()
        with _without_hints():
            tensors = self._tensors(model, optimizer, done.best)
            writer = _storage("HuggingFaceStorageWriter", path=str(fresh), save_distributed=True)
            try:
                group.together(lambda: save(tensors, storage_writer=writer))
            except (OSError, CheckpointException) as error:
                raise self._refused(error) from error
        group.wait()
        with self._refusal_named():
            if group.is_first:
                flush_folder(fresh)
                put_text(self.folder / _STATE, json.dumps(self._progress(done, fresh)))
                for old in self.folder.glob(f"{_FOLDER}*"):
                    if old != fresh:
                        shutil.rmtree(old)
        group.wait()

    def load(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> TrainingState:
        """Bring model and optimizer to the saved state; a fresh start where nothing is saved.

        Raises ModelError for a state of other data, settings or seed, or one that can't be read.
        """
        state = self._read_state()
        found = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).digest()
        agreed(self.shards.group, found, "checkpoint")
        if state is None:
            return TrainingState()
        best = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
        self._make_room(model, optimizer)
        tensors = self._tensors(model, optimizer, best if state["best"] else {})
        try:
            reader = _storage("HuggingFaceStorageReader", path=str(self.folder / state["folder"]))
            with _without_hints():
                load(tensors, storage_reader=reader)
        except (Exception, CheckpointException) as error:
            raise self._unreadable(error) from error
        metric = state["best_metric"]
        return TrainingState(
            epoch=state["epoch"],
            waited=state["waited"],
            best_metric=-math.inf if metric is None else metric,
            best=best if state["best"] else {},
            best_of=state["best_of"],
            records=state["records"],
        )

    def _progress(self, done: TrainingState, folder: Path) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "folder": folder.name,
            "files": sorted(path.name for path in folder.iterdir()),
            "epoch": done.epoch,
            "waited": done.waited,
            "best": bool(done.best),
            "best_metric": None if math.isinf(done.best_metric) else done.best_metric,
            "best_of": done.best_of,
            "records": done.records,
        }

    def _read_state(self) -> dict[str, Any] | None:
        """The content of ``state.json``; None where there is none. Raises ModelError."""
        try:
            state = read_json(self.folder / _STATE)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if not isinstance(state, dict) or state.get("format") != _FORMAT:
            raise self._unreadable(ValueError(f"{_STATE} is of another format"))
        if state["fingerprint"] != self.fingerprint:
            raise ModelError(
                f"{self.folder}: made from other data, settings, seed or number of micro-steps; "
                "delete it or choose another."
            )
        for name in state["files"]:
            if not (self.folder / state["folder"] / name).exists():
                raise self._unreadable(ValueError(f"{state['folder']}/{name} is missing"))
        return state

    def _tensors(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, best: dict[str, Tensor]
    ) -> dict[str, Any]:
        """Every tensor of the state by name; tables as parts of the whole."""
        mesh = init_device_mesh(self.shards.group.device.type, (self.shards.group.ranks,))
        found: dict[str, Any] = {}
        for name, value in model.state_dict().items():
            found[f"model.{name}"] = self._shared(name, value, mesh)
        for name, value in best.items():
            found[f"best.{name}"] = self._shared(name, value, mesh)
        for name, parameter in model.named_parameters():
            for key, value in optimizer.state[parameter].items():
                by_row = key in _PER_ROW and name in self.shards.owners
                shared = self._shared(name, value, mesh) if by_row else value
                found[f"optimizer.{name}.{key}"] = shared
        return found

    def _shared(self, name: str, value: Tensor, mesh: Any) -> Tensor:
        """A part of a table as a part of the whole; every other tensor as it is."""
        owners, value = self.shards.owners.get(name), value.detach()
        if owners is None or not owners.rows:
            return value
        shape = torch.Size((owners.rows, *value.shape[1:]))
        stride = torch.empty(shape, device="meta").stride()
        return DTensor.from_local(
            value.contiguous(), mesh, [Shard(0)], run_check=False, shape=shape, stride=stride
        )

    def _make_room(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Give the optimizer the state that it has after its first step, to be filled."""
        for name, parameter in model.named_parameters():
            state = optimizer.state[parameter]
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
            if name in self.shards.owners:
                state["updated"] = parameter.detach().new_zeros(len(parameter))

    def _unreadable(self, error: BaseException) -> ModelError:
        return ModelError(
            f"{self.folder}: not a readable checkpoint ({error}); move it away, or name another "
            "folder."
        )

    def _refused(self, error: BaseException) -> ModelError:
        return ModelError(
            f"{self.folder}: can't save the checkpoint ({reason(error)}); free some space or "
            "permit writing there, then resume."
        )

    @contextmanager
    def _refusal_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refused(error) from error


def _storage(name: str, **settings: Any) -> Any:
    """A storage of torch.distributed.checkpoint for safetensors. Raises ModelError."""
    try:
        return getattr(dcp, name)(**settings)
    except (AttributeError, TypeError) as error:
        raise ModelError(
            f"torch {torch.__version__} can't write checkpoints of several ranks as safetensors; "
            "install torch 2.9 or newer."
        ) from error


@contextmanager
def _without_hints() -> Iterator[None]:
    """Without PyTorch's warnings to its own developers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"torch\..*")
        yield
