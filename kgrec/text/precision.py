"""Whether a faster way to run the same network is worth it here: checked, then timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

Precision = Literal["auto", "fp32", "openvino", "bf16", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
MIN_COSINE = 0.9999  # what is chosen unasked turns no sampled vector further than this from fp32
SAME_COSINE = 1 - 1e-9  # of fp32 by two runtimes: one cache for both
MIN_COSINE_INT8 = 0.999  # int8 is asked for by name, and refused beyond this


def has_native_bf16(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulated, it is tens of times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu" or not cpuinfo.is_file():
        return False
    flags = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    return bool(flags & {"amx_bf16", "avx512_bf16"})


def lowest_cosine(exact: np.ndarray, other: np.ndarray) -> float:
    """The lowest cosine between equal rows of two tables of unit rows ``[n, dim]``."""
    return float((exact * other).sum(axis=1).min())


def is_faster(
    exact: Callable[[], np.ndarray],
    other: Callable[[], np.ndarray],
    least: float = MIN_COSINE,
    repeats: int = 3,
) -> bool:
    """Whether ``other`` is faster than ``exact`` (fp32) and turns no vector past cosine ``least``.

    Both encode the same small batch into unit rows ``[n, dim]``; they take turns, and the best of
    ``repeats`` counts, so that another process's work does not decide.
    """
    if lowest_cosine(exact(), other()) < least:
        return False
    times = [(_seconds(exact), _seconds(other)) for _ in range(repeats)]
    return min(fast for _, fast in times) < min(slow for slow, _ in times)


def texts_per_second(
    encode: Callable[[Sequence[str]], object], texts: Sequence[str], seconds: float = 1.0
) -> float:
    """How many of ``texts`` are encoded a second: whole rounds for at least ``seconds``, after one
    that warms up."""
    encode(texts)
    start, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds:
        encode(texts)
        done += len(texts)
    return done / spent


def _seconds(encode: Callable[[], np.ndarray]) -> float:
    start = time.perf_counter()
    encode()
    return time.perf_counter() - start
