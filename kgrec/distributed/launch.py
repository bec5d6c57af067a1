"""Joining the process group that torchrun describes in a process' environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist

from kgrec.errors import TrainingError

TIMEOUT: Final = 600.0  # seconds in which a rank must answer
_NEEDED: Final = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@contextmanager
def process_group(timeout: float = TIMEOUT, backend: str | None = None) -> Iterator[int]:
    """Inside, the process is in the group that its environment describes; yields its rank.

    ``timeout`` is in seconds; ``backend`` is that of ``backend_name``, unless given. Raises
    TrainingError where the environment describes none, or a rank is missing.
    """
    missing = [name for name in _NEEDED if name not in os.environ]
    if missing:
        raise TrainingError(
            f"{', '.join(missing)} are not set; start with torchrun, such as: torchrun "
            "--nproc-per-node 2 -m kgrec.distributed --store graph.kgl --out FOLDER"
        )
    chosen = backend or backend_name(torch.cuda.is_available())
    try:
        dist.init_process_group(chosen, timeout=timedelta(seconds=timeout))
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the ranks can't find each other at {os.environ['MASTER_ADDR']}:"
            f"{os.environ['MASTER_PORT']} ({str(error).splitlines()[0]:.200}); check that all "
            "ranks run, and that this address can be reached from every machine."
        ) from error
    yield dist.get_rank()
    dist.destroy_process_group()  # not after an error: other ranks may be gone


def backend_name(accelerator: bool) -> str:
    """What carries messages: gloo for tensors of processors, NCCL for those of accelerators."""
    return "cpu:gloo,cuda:nccl" if accelerator else "gloo"
