"""Precision of an encoder: checks and timings that decide whether a faster one is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

Precision = Literal["auto", "fp32", "openvino", "bf16", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
MIN_COSINE = 0.9999  # to fp32, of every sampled vector in a precision that "auto" chooses
SAME_COSINE = 1 - 1e-9  # of fp32 in two runtimes, which share a cache
MIN_COSINE_INT8 = 0.999  # of int8, which is refused below this


def has_native_bf16(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulation is tens of times slower."""
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
    """Whether ``other`` is faster than ``exact`` (fp32) and keeps every cosine at ``least`` or
    above.

    Both encode the same small batch to unit rows ``[n, dim]``. They run in turns and the fastest of
    ``repeats`` counts, so that other processes do not decide.
    """
    if lowest_cosine(exact(), other()) < least:
        return False
    times = [(_seconds(exact), _seconds(other)) for _ in range(repeats)]
    return min(fast for _, fast in times) < min(slow for slow, _ in times)


def texts_per_second(
    encode: Callable[[Sequence[str]], object], texts: Sequence[str], seconds: float = 1.0
) -> float:
    """Texts encoded per second: complete rounds over ``texts`` for at least ``seconds``, after one
    round of warm-up."""
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
