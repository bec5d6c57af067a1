"""Ranks for tests: processes forked from the test's own, in one gloo group on this machine."""

from __future__ import annotations

import multiprocessing
import socket
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch.distributed as dist

# The first optimizer lets PyTorch import much: once here, not in every process.
torch.optim.AdamW([torch.zeros(1)])

Work = Callable[[int], Any]  # called with its rank in each process


def run_ranks(ranks: int, work: Work, timeout: float = 60.0) -> list[Any]:
    """What ``work`` returns on each rank; an exception is raised again as AssertionError."""
    found = outcomes(ranks, work, timeout)
    for rank, (_, error) in enumerate(found):
        assert error is None, f"rank {rank}: {error}"
    return [value for value, _ in found]


def outcomes(ranks: int, work: Work, timeout: float = 60.0) -> list[tuple[Any, str | None]]:
    """By rank, what ``work`` returns and None, or None and the traceback of what it raises."""
    context = multiprocessing.get_context("fork")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pipes, processes = [], []
    for rank in range(ranks):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(rank, ranks, port, work, theirs, timeout))
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    found = [_received(pipe) for pipe in pipes]
    for process in processes:
        process.join()
    return found


def forked(work: Callable[[], Any]) -> tuple[Any, str | None]:
    """``outcomes`` of one process that joins its group, if any, itself."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, work))
    process.start()
    theirs.close()
    found = _received(ours)
    process.join()
    return found


def _received(pipe: Connection) -> tuple[Any, str | None]:
    try:
        value, error = pipe.recv()
    except EOFError:
        return None, "the process has ended"
    return value, error


def _run(rank: int, ranks: int, port: int, work: Work, pipe: Connection, timeout: float) -> None:
    store = f"tcp://127.0.0.1:{port}"
    waiting = timedelta(seconds=timeout)

    def joined() -> Any:
        dist.init_process_group(
            "gloo", init_method=store, rank=rank, world_size=ranks, timeout=waiting
        )
        value = work(rank)
        dist.destroy_process_group()
        return value

    _send(pipe, joined)


def _send(pipe: Connection, work: Callable[[], Any]) -> None:
    try:
        pipe.send((work(), None))
    except BaseException:
        pipe.send((None, traceback.format_exc()))
